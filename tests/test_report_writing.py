"""Reports are written whole or not at all."""

import json
import os
from pathlib import Path

import pytest

from tests.analyses import full_analysis
from vemoclap import report
from vemoclap.errors import VemoclapError


def test_writes_its_files_and_replaces_old_ones(tmp_path: Path):
    (tmp_path / "analysis.json").write_text("old")
    written = report.write(full_analysis(), tmp_path)
    assert sorted(p.name for p in written) == sorted(p.name for p in tmp_path.iterdir())
    assert json.loads((tmp_path / "analysis.json").read_text())["preset"] == "embedded"
    assert (tmp_path / "frame.png").read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "analysis.json").write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VemoclapError, match=r"No space left.*--out"):
        report.write(full_analysis(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["analysis.json"]
    assert (tmp_path / "analysis.json").read_text() == "old"
