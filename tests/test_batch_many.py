"""Two hundred short videos, one in twenty hostile: the good ones finish as if alone."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from tests.batch_videos import bases, hanging_ffprobe, hostile, many, variant
from tests.batch_workers import orders
from vemoclap.batch import inputs, pool, run
from vemoclap.batch.pool import Bounds
from vemoclap.batch.records import What
from vemoclap.training import feature_store

GOOD, LIMIT_S = 190, 25.0


@pytest.mark.slow
def test_two_hundred_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    originals = bases(tmp_path / "bases")
    many(tmp_path / "in", originals, GOOD)
    expected = hostile(tmp_path / "in" / "bad")
    variant(originals[0], tmp_path / "in" / "bad" / "a-hang.mp4", 999)
    given = orders(tmp_path / "out", what=What.FEATURES)
    monkeypatch.setenv("PATH", hanging_ffprobe(tmp_path / "bin"))
    engine = functools.partial(pool.work, workers=2, bounds=Bounds(seconds=LIMIT_S))
    summary = run.run(inputs.find([tmp_path / "in"]), given, engine)

    assert summary.total == sum(line.count for line in summary.lines) == GOOD + 10
    endings = {entry.name: entry.ending.value for entry in summary.entries}
    assert endings.pop("bad/a-hang.mp4") == "failed"
    assert summary.counts["failed"]
    for name, ending in expected.items():
        assert endings.pop(f"bad/{name}") == ending, name
    assert set(endings.values()) == {"ok"}
    assert len(endings) == GOOD
    said = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert said["counts"] == {
        "ok": GOOD, "partial": 0, "refused": 9, "failed": 1, "left out": 0,
    }  # fmt: skip

    # A clean run of the originals: all others have their pictures and sound.
    clean = orders(tmp_path / "clean", what=What.FEATURES)
    run.run(inputs.find([tmp_path / "bases"]), clean, pool.work)
    right = {video.id: video for video in feature_store.read(tmp_path / "clean/features").videos}
    found = feature_store.read(tmp_path / "out/features").videos
    assert len(found) == GOOD
    for video in found:
        folder, _, number = video.id.partition("/")
        original = originals[(int(number[:3]) * 7 + int(folder[4:])) % len(originals)]
        affect = right[original.name].features["affect"]
        np.testing.assert_array_equal(video.features["affect"], affect)
