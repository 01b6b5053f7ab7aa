"""The command: what it prints, what it exits with, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from tests.batch_videos import bases, hostile
from tests.batch_workers import NO_MODELS
from vemoclap.cli import main

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
ROLES = [f"--role={role}={engine}" for role, engine in NO_MODELS.items()]
USUAL = ["--preset", "embedded", "--device", "cpu", "--n", "3", *ROLES]


def batch(*arguments: object) -> int:
    return main.main(["batch", *map(str, arguments), *USUAL])


def test_a_folder_of_good_and_bad(tmp_path, capsys):
    bases(tmp_path / "in")
    hostile(tmp_path / "in" / "bad")
    (tmp_path / "in/notes.txt").touch()
    assert batch(tmp_path / "in", "--out", tmp_path / "out") == 1  # for what was refused
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "preset: embedded"
    assert told[1] == "13 videos to read, 0 done before."
    assert sum(line.split()[0].endswith("/13") for line in told if line) == 13
    assert "13/13" in told[14]
    assert "0 s left" in told[14]
    table = [line.split(maxsplit=2) for line in told[15:]]
    assert table[0] == ["ok", "4"]
    assert ["refused", "1", "is empty"] in table
    assert ["left", "out", "1  no video by its name"] in table
    counts = [int(row[2 if row[0] == "left" else 1].split()[0]) for row in table[:-4]]
    assert ["all", str(sum(counts))] in table
    assert told[-3] == "4 ok, 0 partial, 9 refused, 0 failed, 1 left out."
    assert told[-2] == "13 read in this run, 0 done before."
    page = (tmp_path / "out/index.html").read_text()
    assert f"<p>{told[-3]}</p>" in page
    counts = json.loads((tmp_path / "out/summary.json").read_text())["counts"]
    assert counts == {"ok": 4, "partial": 0, "refused": 9, "failed": 0, "left out": 1}
    for report in (tmp_path / "out/results").glob("*/report.html"):
        assert f'href="results/{report.parent.name}/report.html"' in page
        assert (report.parent / "analysis.json").exists()


def test_a_video_over_time(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    shutil.copy(SAMPLES / "silent.webm", tmp_path / "in")
    (tmp_path / "in/words.mp4").write_text("no video\n" * 9)
    options = ("--what", "timeline", "--by", "window", "--length", "4")
    assert batch(tmp_path / "in", "--out", tmp_path / "out", *options) == 1
    assert (tmp_path / "out/results/silent.webm/timeline.html").exists()
    page = (tmp_path / "out/index.html").read_text()
    assert 'href="results/silent.webm/timeline.html"' in page
    assert "data:image/jpeg" in page
    assert "refused  1" in capsys.readouterr().out
    assert not (tmp_path / "out/.begun").exists()
    assert batch(tmp_path / "in", "--out", tmp_path / "out", *options) == 1
    assert "0 videos to read, 2 done before." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "is not there"),
        ((".", "--address", "127.0.0.1:1"), "give --engine ray too"),
        ((".", "--checkpoint", "nowhere", "--role", "emotion=none"), "not both"),
        ((".", "--checkpoint", "nowhere"), "holds no checkpoint"),
        ((".", "--what", "timeline", "--length", "0.1"), "A window lasts"),
    ],
)
def test_bad_usage_is_refused_in_a_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert batch(*arguments, "--out", "out") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out/manifest.jsonl").exists()


@pytest.mark.parametrize("part", ["0/2", "3/2", "2", "a/b", "/", "1/0"])
def test_a_share_that_is_none_is_refused(part, tmp_path, capsys):
    with pytest.raises(SystemExit):
        batch(tmp_path, "--out", tmp_path / "out", "--part", part)
    assert "the third of eight" in capsys.readouterr().err
