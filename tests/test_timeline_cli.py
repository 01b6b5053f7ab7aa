"""``vemoclap timeline``: what it prints as it goes, what it writes, and its exit codes."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import videos
from tests.test_analyser import ENGINES
from tests.test_timeline_run import fake_judge
from vemoclap.cli import main
from vemoclap.engines import roles, subtitles
from vemoclap.errors import WeightsError
from vemoclap.timeline import resume

LINE = re.compile(r"^\d\d:\d\d\.\d–\d\d:\d\d\.\d  (speech |silence|window )  [a-z]+ +\d+ %")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    return videos.make(
        path,
        *videos.lavfi("testsrc2=s=64x48:r=10:d=22"),
        *videos.lavfi("sine=d=22"),
        *videos.X264,
        *("-c:a", "aac"),
    )


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(roles, "load", lambda role, engine, device: ENGINES[role])
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> int:
    return main.main(["timeline", *map(str, arguments), "--preset", "embedded", "--device", "cpu"])


def test_a_line_for_each_span_and_the_mean_at_the_end(video, capsys):
    assert run(video, "--by", "window") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0] == "preset: embedded"
    assert all(LINE.match(line) for line in lines[1:5]), lines[1:5]
    assert lines[1].startswith("00:00.0–00:10.0  window")
    assert lines[4].startswith("00:15.0–00:22.0  window")
    assert "mean over 4 spans" in lines[6]
    assert "untrained estimate" in lines[6]
    assert sum(int(n) for n in re.findall(r"(\d+) %  ", printed.out)) in range(97, 104)
    assert lines[-1].startswith("Written to results/clip: ")
    assert (Path("results/clip") / "timeline.json").exists()
    assert not (Path("results/clip") / resume.NAME).exists()


def test_the_words_of_a_span_are_shortened(tmp_path, capsys, monkeypatch):
    words = " ".join(f"word{i}" for i in range(40))
    srt = tmp_path / "a.srt"
    srt.write_text(f"1\n00:00:00,000 --> 00:00:04,000\n{words}\x1b[31m\n", "utf-8")
    path = videos.make(
        tmp_path / "a.mkv", *videos.PICTURE, "-i", str(srt), *videos.X264, "-c:s", "subrip"
    )
    engines = ENGINES | {"transcribe": subtitles.load("cpu")}
    monkeypatch.setattr(roles, "load", lambda role, engine, device: engines[role])
    assert run(path, "--role", "sentiment=none", "--role", "language=none") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.endswith("…”")
    assert "word0 word1" in line
    assert len(line) < 120
    assert "\x1b" not in line


def test_json_prints_the_json_and_nothing_else(video, capsys):
    assert run(video, "--by", "window", "--json") == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["schema"] == "vemoclap/timeline"
    assert len(document["spans"]) == 4
    assert printed.err == ""
    assert not Path("results").exists()


def test_json_with_a_folder_also_writes_there(video, capsys):
    assert run(video, "--json", "--out", "there") == 0
    assert json.loads(capsys.readouterr().out)["by"] == "utterance"
    assert Path("there/timeline.json").exists()


def test_quiet_prints_nothing(video, capsys):
    assert run(video, "--quiet", "--out", "there") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_the_step_is_half_the_length_unless_told(video, capsys):
    run(video, "--by", "window", "--length", 8, "--json")
    assert json.loads(capsys.readouterr().out)["step_s"] == 4.0


def test_another_video_of_the_same_name_has_its_own_folder(video, tmp_path):
    other = tmp_path / "other" / "clip.mp4"
    other.parent.mkdir()
    other.write_bytes(video.read_bytes())
    assert run(video, "--quiet") == run(other, "--quiet") == run(video, "--quiet") == 0
    assert sorted(path.name for path in Path("results").iterdir()) == ["clip", "clip-2"]


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--by", "scene"], "choose from"),
        (["--length", "0"], "more than 0"),
        (["--length", "700"], "choose 1 to 600 seconds"),
        (["--length", "5", "--step", "6"], "time would be lost"),
        (["--n", "0"], "choose 1 to 64"),
        (["--role", "ocr"], "ROLE=ENGINE"),
        (["--model", "mer"], "--checkpoint DIR"),
        (["--model", "mer", "--checkpoint", "x", "--n", "4"], "--n is the preset's"),
        (["--max-hours", "0.001"], "the limit is"),
    ],
)
def test_wrong_usage_is_answered_with_exit_code_2(arguments, answer, video, capsys):
    try:
        code = run(video, *arguments)
    except SystemExit as stop:  # argparse's own way
        code = stop.code
    assert code == 2
    assert answer in capsys.readouterr().err


def test_what_is_no_video_is_refused(tmp_path, capsys):
    path = tmp_path / "a.mp4"
    path.write_text("no video")
    assert run(path) == 2
    assert "a.mp4" in capsys.readouterr().err
    assert not Path("results").exists()


def test_a_bug_is_one_plain_line(video, monkeypatch, capsys):
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr("vemoclap.timeline.run.open_reel", broken)
    assert run(video) == 1
    errors = capsys.readouterr().err
    assert "VEMOCLAP_DEBUG=1" in errors
    assert "Traceback" not in errors


@pytest.fixture
def mer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained model of mer at the folder ``trained``, and at no other."""

    def load(folder: Path, device: str) -> Any:
        assert device == "cpu"
        if folder.name != "trained":
            raise WeightsError(f"{folder} holds no model; train one with `vemoclap mer train`.")
        return replace(fake_judge([]), classify=lambda some: [(0.9, 0.1)] * len(some))

    module = SimpleNamespace(load=load)
    monkeypatch.setitem(sys.modules, "vemoclap.mer.span_model", module)
    monkeypatch.setattr("vemoclap.mer.span_model", module, raising=False)


@pytest.mark.usefixtures("mer")
def test_another_model_judges(video, capsys):
    assert run(video, "--model", "mer", "--checkpoint", "trained") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "preset: embedded, judged by mer"
    assert "  left " in lines[1]
    assert lines[5].startswith("emotion, by mer: mean over ")


@pytest.mark.usefixtures("mer")
def test_a_model_that_is_not_there_is_refused(video, capsys):
    assert run(video, "--model", "mer", "--checkpoint", "nowhere") == 2
    assert "holds no model" in capsys.readouterr().err
