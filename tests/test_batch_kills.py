"""A batch that is killed at any moment goes on where it stopped, and ends as if it had not been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.batch_workers import LOG, PACE
from vemoclap.batch import manifest, results
from vemoclap.batch.inputs import folder_name

KILLS = 50
WORKERS = 2
VIDEOS = 400
PACE_S = 0.05
RUN = """
import functools, sys
from pathlib import Path
from tests.batch_workers import Quick, orders
from vemoclap.batch import inputs, pool, run
if __name__ == "__main__":
    out = Path(sys.argv[2])
    engine = functools.partial(pool.work, workers={workers}, make=Quick)
    run.run(inputs.find([Path(sys.argv[1])]), orders(out), engine)
"""


def start(folder: Path, out: Path, log: Path | None = None) -> "subprocess.Popen[bytes]":
    script = folder / "run_batch.py"
    script.write_text(RUN.format(workers=WORKERS))
    root = str(Path(__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": root, PACE: str(PACE_S)}
    if log is not None:
        environment[LOG] = str(log)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder / "in"), str(out)],
        env=environment,
        start_new_session=True,  # a group of its own, to be killed as a whole
    )


def finished(out: Path) -> dict[str, bytes]:
    """Return every finished result's bytes; a folder that is there must be whole."""
    found = {}
    for folder in sorted((out / "results").glob("*")):
        entry = results.finished(folder)
        assert entry is not None, folder
        texts = [json.loads((folder / f"{n}.json").read_text()) for n in range(3)]
        assert texts == [{"sha256": entry.content.sha256, "name": entry.name}] * 3
        found[folder.name] = (folder / "record.json").read_bytes()
    return found


def test_killed_at_fifty_moments(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number in range(VIDEOS):
        (tmp_path / "in" / f"{number:03}.mp4").write_text(f"{number}" * 40)
    clean = tmp_path / "clean"
    assert start(tmp_path, clean).wait(300) == 0
    out, log = tmp_path / "out", tmp_path / "log"
    log.mkdir()
    dice = random.Random(7)
    before: dict[str, bytes] = {}
    for _ in range(KILLS):
        earlier = set(log.iterdir())
        process = start(tmp_path, out, log)
        _wait_for_work(process, log, dice)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _wait_for_end(process.pid)
        now = finished(out)
        assert before.items() <= now.items()  # nothing finished was lost, nothing made again
        begun = _begun(set(log.iterdir()) - earlier)
        assert not begun & before.keys()  # what was finished is not begun again
        assert len(begun - now.keys()) <= WORKERS  # lost is at most the one that each had in hand
        before = now
    assert len(before) < VIDEOS  # there was something left to kill, to the last
    earlier = set(log.iterdir())
    assert start(tmp_path, out, log).wait(300) == 0
    begun = _begun(set(log.iterdir()) - earlier)
    assert begun == finished(out).keys() - before.keys()  # each that was left, and no other
    assert set(finished(out)) == set(finished(clean))
    assert finished(out) == finished(clean)
    assert set(manifest.read(out)) == set(manifest.read(clean))
    assert _counts(out) == _counts(clean) == {
        "ok": VIDEOS, "partial": 0, "refused": 0, "failed": 0, "left out": 0,
    }  # fmt: skip
    assert not (out / ".work").exists()


def _wait_for_work(process, log: Path, dice: random.Random) -> None:
    """Wait for a moment anywhere from its start to its seventh video or so."""
    before = len(list(log.iterdir()))
    wanted = before + dice.choice((0, 0, 1, 3, 7))
    while len(list(log.iterdir())) < wanted:
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(dice.uniform(0, 0.3 if wanted == before else PACE_S))


def _wait_for_end(group: int) -> None:
    """Wait until no process of a group is left."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            pass
        time.sleep(0.01)
    raise AssertionError("processes of a killed batch are still there")


def _begun(logged: set[Path]) -> set[str]:
    """Return the results' names of the videos that were begun."""
    return {folder_name(path.name.rpartition(".")[0]) for path in logged}


def _counts(out: Path) -> dict[str, int]:
    counts: dict[str, int] = json.loads((out / "summary.json").read_text())["counts"]
    return counts
