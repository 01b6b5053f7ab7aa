"""What a video does to its worker is charged to that video, and the batch goes on."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests import batch_workers
from tests.batch_workers import Bad, Dead, Quick, Weightless, orders
from vemoclap.batch import fingerprint, pool
from vemoclap.batch.inputs import find
from vemoclap.batch.pool import Bounds, Crew
from vemoclap.batch.ray_backend import Pump
from vemoclap.batch.records import Ending, Job
from vemoclap.errors import EngineError


def jobs(folder: Path, *names: str) -> tuple[list[Job], object]:
    (folder / "in").mkdir(exist_ok=True)
    for name in names:
        (folder / "in" / f"{name}.mp4").write_text(name)
    given = orders(folder / "out")
    items = find([folder / "in"]).items
    return [Job(item, fingerprint.key(given, item)) for item in items], given


def endings(folder: Path, *names: str, **options: object) -> dict[str, tuple[str, str]]:
    work, given = jobs(folder, *names)
    found = {
        Path(entry.name).stem: (entry.ending.value, entry.cause)
        for entry in pool.work(given, work, make=Bad, **options)
    }
    assert len(found) == len(names)
    return found


def test_a_crash_is_charged_to_its_video_alone(tmp_path):
    found = endings(tmp_path, "a", "b-crash", "c", "d", "e", workers=2)
    ending, cause = found.pop("b-crash")
    assert ending == "failed"
    assert cause == (
        "b-crash.mp4 ended the process that read it, twice (signal 11); it may be made to do so, "
        "or take more memory than there is."
    )
    assert set(found.values()) == {("ok", "")}


def test_a_worker_that_was_killed_from_outside_is_no_fault_of_the_video(tmp_path):
    found = endings(tmp_path, "a", "b-once", "c")
    assert set(found.values()) == {("ok", "")}


def test_a_video_that_hangs_is_given_up(tmp_path):
    found = endings(tmp_path, "a", "b-hang", "c", "d", bounds=Bounds(seconds=3))
    ending, cause = found.pop("b-hang")
    assert ending == "failed"
    assert cause.startswith("b-hang.mp4 took longer than 3 s and was given up;")
    assert set(found.values()) == {("ok", "")}


def test_a_video_that_takes_all_memory_is_given_up(tmp_path):
    found = endings(tmp_path, "a", "b-hungry", "c", bounds=Bounds(bytes_of_memory=400 * 2**20))
    ending, cause = found.pop("b-hungry")
    assert ending == "failed"
    assert cause.startswith("b-hungry.mp4 took more than 0.4 GiB of memory")
    assert set(found.values()) == {("ok", "")}


def test_what_a_failed_video_held_is_in_its_entry(tmp_path):
    work, given = jobs(tmp_path, "crash")
    (entry,) = pool.work(given, work, make=Bad)
    assert entry.ending is Ending.FAILED
    assert entry.content is not None
    assert entry.content.size_bytes == 5
    assert entry.key == work[0].key


def test_a_batch_without_models_stops_and_says_so(tmp_path):
    work, given = jobs(tmp_path, "a", "b")
    with pytest.raises(EngineError, match="The weights are missing"):
        list(pool.work(given, work, make=Weightless))


def test_workers_that_die_while_loading_stop_the_batch(tmp_path):
    work, given = jobs(tmp_path, "a", "b")
    with pytest.raises(EngineError, match=r"ended while it loaded its models \(signal 9\)"):
        list(pool.work(given, work, make=Dead))


def test_no_worker_outlives_its_batch(tmp_path):
    work, given = jobs(tmp_path, *"abcdef")
    entries = pool.work(given, work, make=Quick, workers=2)
    next(entries)
    mine = [
        p for p in psutil.Process().children(recursive=True) if "spawn_main" in str(p.cmdline())
    ]
    assert len(mine) == 2
    entries.close()
    assert not [one for one in mine if one.is_running()]


def test_a_worker_whose_master_is_killed_ends(tmp_path):
    """The master is a process of its own here, killed without a chance to say anything."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/hang.mp4").touch()
    from multiprocessing import get_context

    master = get_context("spawn").Process(target=_master, args=(tmp_path,))
    master.start()
    log = tmp_path / "begun"
    while not log.exists():
        assert master.is_alive()
        time.sleep(0.05)
    workers = psutil.Process(master.pid).children(recursive=True)
    os.kill(master.pid, signal.SIGKILL)
    master.join()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    assert gone


def _master(folder: Path) -> None:
    given = orders(folder / "out")
    items = find([folder / "in"]).items
    list(pool.work(given, [Job(item, "k") for item in items], make=_Marking))


class _Marking(Bad):
    def finish(self, ready):
        (ready.job.item.path.parent.parent / "begun").touch()
        return super().finish(ready)


def test_a_worker_decodes_the_next_video_meanwhile(tmp_path, monkeypatch):
    work, given = jobs(tmp_path, *"abcd")
    events = tmp_path / "events"
    monkeypatch.setenv("VEMOCLAP_TEST_EVENTS", str(events))
    assert len(list(pool.work(given, work, make=_Telling))) == 4
    order = events.read_text().split()
    for now, after in ("ab", "bc", "cd"):
        assert order.index(f"open-{after}") < order.index(f"finished-{now}")


class _Telling(Quick):
    def _say(self, word, job):
        with Path(os.environ["VEMOCLAP_TEST_EVENTS"]).open("a") as file:
            file.write(f"{word}-{job.item.path.stem}\n")

    def open(self, job, content):
        self._say("open", job)
        return super().open(job, content)

    def finish(self, ready):
        # Long enough for the next one to have come over the pipe.
        deadline = time.monotonic() + 60
        following = chr(ord(ready.job.item.path.stem) + 1)
        while following <= "d" and time.monotonic() < deadline:
            if f"open-{following}" in Path(os.environ["VEMOCLAP_TEST_EVENTS"]).read_text():
                break
            time.sleep(0.02)
        entry = super().finish(ready)
        self._say("finished", ready.job)
        return entry


def test_a_pump_answers_several_askers_and_tells_all_of_the_end(tmp_path):
    work, given = jobs(tmp_path, *"abc", "raise")
    pump = Pump(Crew(given, 1, make=Bad))
    try:
        answers = [pump.entry(job) for job in work]
        endings = [answer.result(60).ending for answer in answers]
        assert endings == [Ending.OK, Ending.OK, Ending.OK, Ending.FAILED]
        assert "RuntimeError: boom" in answers[3].result().cause
    finally:
        pump.close()
    pump = Pump(Crew(given, 1, make=Weightless))
    try:
        for answer in [pump.entry(job) for job in work]:
            with pytest.raises(EngineError, match="The weights are missing"):
                answer.result(60)
    finally:
        pump.close()


def test_the_fake_workers_are_quick_to_import():
    assert batch_workers.NO_MODELS["ocr"] == "none"
