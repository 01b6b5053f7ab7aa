"""A batch skips what is done, redoes what changed, and adds up."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests import timelines
from tests.batch_workers import Quick, orders
from vemoclap.batch import inputs, manifest, outputs, results, run
from vemoclap.batch.records import Ending, What
from vemoclap.batch.worker import Worker
from vemoclap.errors import DataError, UsageError, VemoclapError
from vemoclap.media.clip import Limits
from vemoclap.timeline.spans import Options


class Counted:
    """An engine in this process, which notes what it was given."""

    def __init__(self, make=Quick, failing=()):
        self.make, self.failing, self.names = make, failing, []

    def __call__(self, given, jobs):
        worker = self.make(given)
        for job in jobs:
            self.names.append(job.item.name)
            opened = worker.open(job, worker.content(job))
            entry = opened if hasattr(opened, "ending") else worker.finish(opened)
            if job.item.path.name in self.failing:
                entry = replace(entry, ending=Ending.FAILED, cause="It failed.")
            yield entry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b/a.mp4", "c-refuse.mp4", "notes.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def batch(folder: Path, engine=None, **options):
    engine = engine or Counted()
    changes = options.pop("changes", {})
    found = inputs.find([folder / "in"])
    summary = run.run(found, orders(folder / "out", **changes), engine, **options)
    return summary, engine


def test_every_input_is_in_one_line(folder):
    summary, _engine = batch(folder)
    assert [(line.ending, line.cause, line.count) for line in summary.lines] == [
        ("ok", "", 2), ("refused", "is refused", 1), ("left out", "no video by its name", 1),
    ]  # fmt: skip
    assert sum(line.count for line in summary.lines) == summary.total == 4
    assert not summary.counts["failed"]
    said = json.loads((folder / "out/summary.json").read_text())
    assert said["inputs"] == sum(said["counts"].values()) == 4
    assert {video["name"]: video["ending"] for video in said["videos"]} == {
        "a.mp4": "ok", "b/a.mp4": "ok", "c-refuse.mp4": "refused",
    }  # fmt: skip


def test_what_is_done_is_skipped(folder):
    batch(folder)
    (folder / "in/d.mp4").write_text("new")
    summary, engine = batch(folder)
    assert engine.names == ["d.mp4"]
    assert summary.fresh == {"d.mp4"}
    assert len(summary.entries) == 4


def test_a_changed_file_is_done_again_and_a_touched_one_is_not(folder):
    batch(folder)
    os.utime(folder / "in/a.mp4", (1, 1))
    (folder / "in/b/a.mp4").write_text("other")
    _, engine = batch(folder)
    assert engine.names == ["b/a.mp4"]
    result = folder / "out/results/b__a.mp4"
    assert results.finished(result).content.size_bytes == 5
    assert batch(folder)[1].names == []


def test_a_changed_option_is_done_again(folder):
    batch(folder)
    _, engine = batch(folder, changes={"frame_count": 5})
    assert len(engine.names) == 3
    assert batch(folder, changes={"frame_count": 5, "device": "auto"})[1].names == []


def test_a_result_that_is_gone_is_made_again(folder):
    batch(folder)
    shutil.rmtree(folder / "out/results/a.mp4")
    assert batch(folder)[1].names == ["a.mp4"]


def test_what_failed_waits_until_it_is_asked_for(folder):
    summary, _ = batch(folder, Counted(failing=("a.mp4",)))
    assert summary.counts["failed"]
    summary, engine = batch(folder)
    assert (summary.counts["failed"], engine.names) == (2, [])
    summary, engine = batch(folder, retry_failed=True)
    assert set(engine.names) == {"a.mp4", "b/a.mp4", "c-refuse.mp4"}
    assert not summary.counts["failed"]


def test_what_was_refused_for_a_limit_is_tried_under_another(folder):
    batch(folder)
    assert batch(folder, changes={"limits": Limits(max_bytes=2**20)})[1].names == ["c-refuse.mp4"]


def test_a_result_that_was_finished_but_not_noted_is_not_made_again(folder):
    batch(folder)
    before = (folder / "out/results/a.mp4/0.json").stat().st_mtime_ns
    manifest.path_of(folder / "out").unlink()
    _summary, engine = batch(folder)
    assert len(engine.names) == 3  # asked for, and recognised by the worker
    assert (folder / "out/results/a.mp4/0.json").stat().st_mtime_ns == before
    assert len(manifest.read(folder / "out")) == 3


def test_shares_fill_one_folder_and_a_last_run_sums_up(folder):
    found = inputs.find([folder / "in"])
    for number in (2, 1):
        share = (number, 2)
        given = orders(folder / "out", share=share)
        run.run(inputs.part(found, *share), given, Counted(), share=share)
    assert not (folder / "out/summary.json").exists()
    assert (folder / "out/summary-1-of-2.json").exists()
    summary, engine = batch(folder)
    assert engine.names == []
    assert summary.total == 4


def test_progress_tells_rate_and_time_left(folder):
    told = []
    batch(folder, tell=told.append)
    assert [(one.done, one.total, one.skipped) for one in told] == [
        (0, 3, 0), (1, 3, 0), (2, 3, 0), (3, 3, 0),
    ]  # fmt: skip
    assert told[0].per_minute is None
    assert told[-1].left_s == 0
    assert all(one.per_minute > 0 and one.left_s >= 0 for one in told[1:])


def test_two_batches_do_not_share_a_folder(folder):
    (folder / "out").mkdir()
    with manifest.held(folder / "out", None), pytest.raises(UsageError, match="at work"):
        batch(folder)


# -- a disk that is full ----------------------------------------------------------------------


class Disk:
    """Counts what is written from this process, and is full at one of the writes."""

    CALLS = ("write_bytes", "write_text", "mkdir", "rename", "replace")

    def __init__(self, monkeypatch, below: Path) -> None:
        self.count, self.full_at, self.below = 0, None, str(below)
        for name in self.CALLS:
            self._watch(monkeypatch, Path, name)
        self._watch(monkeypatch, os, "fsync")
        self._watch(monkeypatch, os, "fdopen")
        opened = Path.open

        def watched(path, mode="r", *rest, **more):
            if not set(mode) & set("wa+") or not str(path).startswith(self.below):
                return opened(path, mode, *rest, **more)
            self._write(path)
            return Half(opened(path, mode, *rest, **more), self)

        monkeypatch.setattr(Path, "open", watched)

    def _watch(self, monkeypatch, owner, name) -> None:
        real = getattr(owner, name)

        def watched(subject, *rest, **more):
            self._write(subject)
            return real(subject, *rest, **more)

        monkeypatch.setattr(owner, name, watched)

    def _write(self, subject=None) -> None:
        if isinstance(subject, Path) and not str(subject).startswith(self.below):
            return
        self.count += 1
        if self.count == self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Half:
    """A file whose disk may be full after half of a write."""

    def __init__(self, file, disk) -> None:
        self._file, self._disk = file, disk

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        try:
            self._disk._write()
        except OSError:
            self._file.write(data[: len(data) // 2])
            raise
        return self._file.write(data)


def whole(folder: Path) -> dict[str, bytes]:
    """Return all that a batch left, but times: no partial file may be among it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".busy"
    }


def test_a_full_disk_at_any_write_is_reported_and_leaves_nothing_half(folder, monkeypatch):
    batch(folder)
    right = whole(folder / "out/results")
    shutil.rmtree(folder / "out")
    with monkeypatch.context() as patch:
        disk = Disk(patch, folder)
        batch(folder)
    writes = disk.count
    assert writes > 20
    for number in range(1, writes + 1):
        shutil.rmtree(folder / "out")
        with monkeypatch.context() as patch:
            disk = Disk(patch, folder)
            disk.full_at = number
            with pytest.raises(VemoclapError, match=r"No space left") as caught:
                batch(folder)
        assert isinstance(caught.value, DataError)
        assert "again" in str(caught.value)
        for path, data in whole(folder / "out/results").items():
            assert data == right[path], (number, path)
        for result in (folder / "out/results").glob("*"):
            assert results.finished(result) is not None, (number, result)
        summary, _ = batch(folder)
        assert not summary.counts["failed"]
        assert whole(folder / "out/results") == right, number
        assert not [path for path in whole(folder / "out") if path.endswith(".part")]
        assert not (folder / "out/.work").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "in.mp4").touch()
    (tmp_path / "out").touch()
    with pytest.raises(DataError, match="cannot be written"):
        run.run(inputs.find([tmp_path / "in.mp4"]), orders(tmp_path / "out"), Counted())


# -- features ---------------------------------------------------------------------------------


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    from tests.batch_videos import bases, variant

    (base, *_) = bases(tmp_path / "bases")
    for number, name in enumerate(("joy/a", "fear/b", "fear/a")):
        variant(base, tmp_path / "in" / f"{name}.mp4", number)
    return tmp_path


def real() -> Counted:
    return Counted(Worker)


FEATURES = {"what": What.FEATURES}


def test_features_go_into_one_store(collection):
    from vemoclap.training import feature_store

    summary, _ = batch(collection, real(), changes=FEATURES)
    assert [entry.ending.value for entry in summary.entries] == ["ok"] * 3
    found = feature_store.read(collection / "out/features")
    assert {video.id: found.label_of(video) for video in found.videos} == {
        "fear/a.mp4": "fear", "fear/b.mp4": "fear", "joy/a.mp4": "joy",
    }  # fmt: skip
    assert found.videos[0].features["affect"].shape[1] == 2
    assert len(list((collection / "out/features/data").iterdir())) == 1
    assert not list((collection / "out/waiting").iterdir())
    assert (collection / "out/features/statistics.json").exists()
    assert batch(collection, real(), changes=FEATURES)[1].names == []


def test_a_changed_video_has_its_features_replaced(collection):
    from vemoclap.training import feature_store

    batch(collection, real(), changes=FEATURES)
    (collection / "in/fear/a.mp4").unlink()
    shutil.copy(collection / "bases/mandelbrot.mp4", collection / "in/fear/a.mp4")
    before = {v.id: v for v in feature_store.read(collection / "out/features").videos}
    assert batch(collection, real(), changes=FEATURES)[1].names == ["fear/a.mp4"]
    after = {v.id: v for v in feature_store.read(collection / "out/features").videos}
    assert set(after) == set(before)
    changed = [
        name
        for name, video in after.items()
        if (video.features["affect"] != before[name].features["affect"]).any()
    ]
    assert changed == ["fear/a.mp4"]


@pytest.mark.parametrize("damage", ["torn", "a bit"])
def test_a_damaged_shard_is_found_and_made_again(damage, collection):
    from vemoclap.training import feature_store

    batch(collection, real(), changes=FEATURES)
    (shard,) = (collection / "out/features/data").iterdir()
    data = bytearray(shard.read_bytes())
    if damage == "torn":
        data = data[: len(data) // 2]
    else:
        data[len(data) // 3] ^= 4
    shard.write_bytes(data)
    warnings = []
    _, engine = batch(collection, real(), changes=FEATURES, warn=warnings.append)
    assert len(engine.names) == 3
    assert "is damaged" in warnings[0]
    assert len(feature_store.read(collection / "out/features").videos) == 3
    assert len(list((collection / "out/damaged").iterdir())) == 1


def test_features_of_other_options_replace_the_old_ones(collection):
    from vemoclap.training import feature_store

    batch(collection, real(), changes=FEATURES)
    changes = {**FEATURES, "frame_count": 2}
    assert len(batch(collection, real(), changes=changes)[1].names) == 3
    assert len(feature_store.read(collection / "out/features").videos) == 3


def test_an_interrupted_change_of_the_store_is_mended(collection):
    from vemoclap.batch import features_store
    from vemoclap.training import feature_store, shards

    batch(collection, real(), changes=FEATURES)
    home = collection / "out/features/data"
    (shard,) = home.iterdir()
    copy = shard.read_bytes()
    features_store.forget(collection / "out", frozenset(["joy/a.mp4"]))
    shard.write_bytes(copy)  # as if it had been killed before the old shard went
    ids, _ = features_store.mend(collection / "out")
    assert ids == {"fear/a.mp4", "fear/b.mp4"}
    assert len(shards.paths(home)) == 1
    assert batch(collection, real(), changes=FEATURES)[1].names == ["joy/a.mp4"]
    assert len(feature_store.read(collection / "out/features").videos) == 3


@pytest.mark.parametrize("said", ["The picture is damaged.", "Half of it is gone.", ""])
def test_a_timeline_is_partial_by_what_was_lost_in_whatever_words(folder, monkeypatch, said):
    whole = replace(timelines.by_utterance(), warnings=("The picture is damaged, in a warning.",))

    class Ran:
        def __init__(self, *_, **__):
            pass

        def result(self):
            return replace(whole, losses=(said,) if said else ())

    monkeypatch.setattr("vemoclap.timeline.run.Run", Ran)
    (item, *_) = inputs.find([folder / "in"]).items
    given = orders(folder / "out", what=What.TIMELINE, timeline=Options())
    made = outputs.of_timeline(given, item, None, folder / "begun")
    assert (made.ending, made.cause) == (Ending.PARTIAL if said else Ending.OK, said)
