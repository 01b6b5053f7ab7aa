"""The same batch on Ray: the same results, whatever Ray loses on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from vemoclap.batch import manifest
from vemoclap.classifier.model import RELEASED
from vemoclap.training import feature_store

pytest.importorskip("ray")
HOST = "127.0.0.2"  # of this machine alone, though Ray does not know it: it avoids 127.0.0.1
WAIT_S = 300  # for Ray to start something, on a machine that does much else

ROOT = Path(__file__).resolve().parents[1]
# In a process of its own, as a command is: Ray leaves threads and settings behind.
RUN = """
import functools, sys
from pathlib import Path
from tests import batch_workers
from vemoclap.batch import inputs, ray_backend, run
from vemoclap.batch.pool import Bounds
if __name__ == "__main__":
    places, out, make, workers, address = sys.argv[1:6]
    engine = functools.partial(
        ray_backend.work,
        workers=int(workers),
        bounds=Bounds(seconds=20),
        make=getattr(batch_workers, make),
        address=address or None,
    )
    given = batch_workers.orders(Path(out), runner="ray")
    summary = run.run(inputs.find([Path(places)]), given, engine)
    assert not summary.counts["failed"] or make == "Bad"
"""


@pytest.fixture(scope="module", autouse=True)
def rays_logs() -> Iterator[None]:
    """Remove what Ray keeps of every run among temporary files."""
    yield
    shutil.rmtree(Path(tempfile.gettempdir()) / "ray", ignore_errors=True)


def started(folder: Path, out: Path, make: str, *, workers: int = 1, address: str = "", **more):
    script = folder / "run_batch.py"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, str(script), str(folder / "in"), str(out), make, str(workers)]
    return subprocess.Popen([*command, address], env=environment)


def files(folder: Path, *names: str) -> None:
    (folder / "in").mkdir(exist_ok=True)
    for name in names:
        (folder / "in" / f"{name}.mp4").write_text(name * 9)


def endings(out: Path) -> dict[str, str]:
    return {name[:-4]: entry.ending.value for name, entry in manifest.read(out).items()}


def test_a_crash_and_an_actor_killed_in_the_middle_are_survived(tmp_path):
    files(tmp_path, *(f"{n:02}" for n in range(12)), "crash", "refuse")
    out = tmp_path / "out"
    process = started(tmp_path, out, "Bad", workers=2, VEMOCLAP_TEST_PACE_S="0.5")
    try:
        actors = _actors_at_work(process, out)
        os.kill(actors[0].pid, signal.SIGKILL)
        assert process.wait(WAIT_S) == 0
    finally:
        _kill_all(process)
    found = endings(out)
    assert found.pop("crash") == "failed"
    assert found.pop("refuse") == "refused"
    assert found == {f"{n:02}": "ok" for n in range(12)}
    said = json.loads((out / "summary.json").read_text())
    assert said["inputs"] == sum(said["counts"].values()) == 14
    assert all(entry.runner == "ray" for entry in manifest.read(out).values())


def _actors_at_work(process, out: Path, results: str = "results") -> list[psutil.Process]:
    """Return the actors of a batch, once one video is done."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the batch ended before an actor was at work"
        kin = psutil.Process(process.pid).children(recursive=True)
        actors = [one for one in kin if _title(one).startswith("ray::MapWorker")]
        if actors and list((out / results).glob("*/record.json")):
            return actors
        time.sleep(0.2)
    raise AssertionError("Ray did not start its actors")


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _kill_all(process) -> None:
    if process.poll() is None:
        for one in psutil.Process(process.pid).children(recursive=True):
            one.kill()
        process.kill()
        process.wait()


def test_nothing_listens_to_other_machines_and_nothing_is_reported(tmp_path):
    files(tmp_path, *(f"{n}" for n in range(6)))
    process = started(tmp_path, tmp_path / "out", "Bad", VEMOCLAP_TEST_PACE_S="0.4")
    try:
        _actors_at_work(process, tmp_path / "out")
        kin = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        sockets = [c for one in kin for c in _connections(one)]
        listening = [c.laddr for c in sockets if c.status == psutil.CONN_LISTEN]
        assert listening
        assert {address.ip for address in listening} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
        remote = {c.raddr.ip for c in sockets if c.raddr}
        assert remote <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
        pages = [_title(one) for one in kin if "dashboard/dashboard.py" in _title(one)]
        assert all("--disable-frontend" in title for title in pages)  # it serves Ray's own parts
        assert process.wait(WAIT_S) == 0
    finally:
        _kill_all(process)


def _connections(process: psutil.Process):
    try:
        return process.net_connections("tcp")
    except psutil.Error:
        return []


def test_two_nodes_share_the_work(tmp_path):
    """A head and a second node, each processes of this machine with one processor."""
    files(tmp_path, *(f"{n:02}" for n in range(12)))
    out = tmp_path / "out"
    environment = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "ab" * 32,
    }
    ray = str(Path(sys.executable).with_name("ray"))
    common = ["--num-cpus", "1", "--object-store-memory", "80000000", "--block"]
    common += ["--node-ip-address", HOST, "--temp-dir"]
    port = _free_port()
    head = ["--head", f"--port={port}", "--include-dashboard=false"]
    nodes = []
    try:
        _join(nodes, [ray, "start", *head, *common, f"/tmp/rh{port}"], port, environment)
        # The head has the usual port of this service, without which a node ends.
        join = [f"--address={HOST}:{port}", f"--dashboard-agent-listen-port={_free_port()}"]
        _join(nodes, [ray, "start", *join, *common[:-1]], port, environment)
        process = started(
            tmp_path, out, "Bad", workers=3, address=f"{HOST}:{port}",
            VEMOCLAP_TEST_PACE_S="0.3", **environment,
        )  # fmt: skip
        assert process.wait(2 * WAIT_S) == 0
    finally:
        for node in nodes:
            _kill_all(node)
        shutil.rmtree(f"/tmp/rh{port}", ignore_errors=True)
    assert endings(out) == {f"{n:02}": "ok" for n in range(12)}


def _node(command, environment):
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _join(nodes: list, command: list[str], port: int, environment) -> None:
    """Start a node; on a busy machine Ray may miss the 30 seconds that it gives itself."""
    for _ in range(3):
        node = _node(command, environment)
        nodes.append(node)
        while node.poll() is None:
            if _alive(port, environment) > len([one for one in nodes[:-1] if one.poll() is None]):
                return
    raise AssertionError("Ray did not start")


def _alive(port: int, environment) -> int:
    """Return how many nodes a cluster has."""
    code = f"import ray; ray.init('{HOST}:{port}', log_to_driver=False, logging_level=50)\n"
    code += "print(sum(node['Alive'] for node in ray.nodes()))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            check=False,
            timeout=WAIT_S / 2,
        )
    except subprocess.TimeoutExpired:
        return 0
    return int(done.stdout or 0)


def test_with_the_papers_engines_and_a_killed_actor_results_are_those_of_a_local_batch(
    hub_home: Path, tmp_path: Path
):
    """The real worker with the models of the miniature hub, in features."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("launch.mp4", "storm.mp4", "abschied.mp4", "silent.webm"):
        (folder / name).symlink_to(ROOT / "samples" / name)
    environment = {**os.environ, "VEMOCLAP_HOME": str(hub_home)}

    def begun(engine: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "vemoclap", "batch", str(folder), "--engine", engine]
        command += ["--out", str(tmp_path / engine), "--what", "features", "--preset", "paper"]
        command += ["--n", "4", "--device", "cpu"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes)

    process = begun("local")
    said, complaints = process.communicate(timeout=2 * WAIT_S)
    assert process.returncode == 0, complaints
    process = begun("ray")
    try:
        os.kill(_actors_at_work(process, tmp_path / "ray", "waiting")[0].pid, signal.SIGKILL)
        said, complaints = process.communicate(timeout=2 * WAIT_S)
    finally:
        _kill_all(process)
    assert process.returncode == 0, complaints
    assert "4 read in this run" in said
    one, other = (feature_store.read(tmp_path / name / "features") for name in ("local", "ray"))
    assert one.schema == other.schema
    assert set(one.schema.columns) >= set(RELEASED.features)
    assert [video.id for video in one.videos] == [video.id for video in other.videos]
    absent = 0
    for mine, theirs in zip(one.videos, other.videos, strict=True):
        for name, rows in mine.features.items():
            if rows is None:
                absent += 1
                assert theirs.features[name] is None, (mine.id, name)
            else:
                np.testing.assert_allclose(rows, theirs.features[name], rtol=1e-4, atol=1e-5)
    assert absent < 2 * len(RELEASED.features)  # of 4 times as many
