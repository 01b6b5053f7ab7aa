"""The command line: what it prints where, what it writes, and its exit codes."""

import json
from pathlib import Path

import pytest

from tests.analyses import full_analysis
from vemoclap import analyser
from vemoclap.cli import main
from vemoclap.errors import EngineError, MediaError


@pytest.fixture
def analyses(monkeypatch):
    """Analyse by name: "bad" is refused, "broken" fails inside, all else gives a full analysis."""

    def analyze(self, path, *, frame_count, progress=None):
        if Path(path).stem == "bad":
            raise MediaError("bad.mp4 is not a video; choose another file.")
        if Path(path).stem == "broken":
            raise RuntimeError("a bug")
        if Path(path).stem == "engine":
            raise EngineError("the engine stopped")
        return full_analysis(path=Path(path).resolve())

    monkeypatch.setattr(analyser.Analyser, "analyze", analyze)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    return main.main(["analyze", *arguments])


@pytest.mark.usefixtures("analyses", "here")
@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (["a.mp4"], 0),
        (["a.mp4", "b.mp4"], 0),
        (["bad.mp4"], 2),
        (["bad.mp4", "bad.mp4"], 2),
        (["a.mp4", "bad.mp4", "b.mp4"], 1),
        (["broken.mp4"], 1),
        (["engine.mp4"], 1),
        (["bad.mp4", "broken.mp4"], 1),
    ],
)
def test_the_exit_code_tells_how_it_went(paths, code):
    assert run(*paths, "--preset", "embedded") == code


@pytest.mark.usefixtures("analyses")
def test_one_failure_does_not_stop_the_rest(here, capsys):
    run("bad.mp4", "broken.mp4", "good.mp4", "--preset", "embedded")
    assert (here / "results" / "good" / "analysis.json").exists()
    assert not (here / "results" / "bad").exists()
    errors = capsys.readouterr().err
    assert "bad.mp4 is not a video" in errors
    assert "VEMOCLAP_DEBUG=1" in errors
    assert "Traceback" not in errors


@pytest.mark.usefixtures("analyses")
def test_writes_the_files_and_a_summary(here, capsys):
    assert run("clip.mp4", "--preset", "embedded") == 0
    folder = here / "results" / "clip"
    files = {file.name for file in folder.iterdir()}
    assert files == {"analysis.json", "report.html", "frame.png", "frames.csv", "curves.csv"}
    printed = capsys.readouterr().out
    assert printed.startswith("preset: embedded\n")
    assert "joy" in printed


@pytest.mark.usefixtures("analyses", "here")
def test_json_prints_the_json_and_nothing_else(capsys):
    assert run("clip.mp4", "--json", "--preset", "embedded") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["schema"] == "vemoclap/analysis"
    assert printed.err == ""
    assert not Path("results").exists()


@pytest.mark.usefixtures("analyses", "here")
def test_json_of_several_videos_is_one_line_each(capsys):
    assert run("a.mp4", "bad.mp4", "b.mp4", "--json", "--preset", "embedded") == 1
    names = [json.loads(line)["media"]["path"] for line in capsys.readouterr().out.splitlines()]
    assert [Path(name).name for name in names] == ["a.mp4", "b.mp4"]


@pytest.mark.usefixtures("analyses")
def test_json_with_a_folder_also_writes_there(here):
    assert run("a.mp4", "--json", "--out", "there", "--preset", "embedded") == 0
    assert (here / "there" / "analysis.json").exists()


@pytest.mark.usefixtures("analyses", "here")
def test_quiet_prints_nothing(capsys):
    assert run("a.mp4", "--quiet", "--preset", "embedded") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


@pytest.mark.usefixtures("analyses")
def test_videos_of_the_same_name_do_not_overwrite_each_other(here):
    assert run("x/clip.mp4", "y/clip.mp4", "--preset", "embedded") == 0
    assert run("z/clip.mp4", "--preset", "embedded") == 0
    assert run("x/clip.mp4", "--preset", "embedded") == 0  # the same video again: its own folder
    folders = sorted(folder.name for folder in (here / "results").iterdir())
    assert folders == ["clip", "clip-2", "clip-3"]


@pytest.mark.usefixtures("analyses")
def test_awkward_names_become_folders_inside_results(here):
    assert run("..mp4", "a\nb.mp4", "é" * 125 + ".mp4", "--preset", "embedded") == 0
    assert {p.parent for p in (here / "results").glob("*/analysis.json")} == set(
        (here / "results").iterdir()
    )
    assert len(list((here / "results").iterdir())) == 3


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--role", "ocr=tesseract"], "rapidocr"),
        (["--role", "ocr"], "ROLE=ENGINE"),
        (["--n", "0"], "1 to"),
        (["--preset", "papr"], "choose from"),
        (["--max-hours", "-1"], "more than 0"),
    ],
)
def test_wrong_usage_is_answered_with_exit_code_2(arguments, answer, capsys):
    try:
        code = run("a.mp4", *arguments)
    except SystemExit as stop:  # argparse's own way
        code = stop.code
    assert code == 2
    assert answer in capsys.readouterr().err


def test_control_characters_in_an_error_do_not_reach_the_terminal(monkeypatch, capsys):
    def refuse(self, path, **_):
        raise MediaError(f"{path} is not a video.")

    monkeypatch.setattr(analyser.Analyser, "analyze", refuse)
    assert run("\x1b[31mred\n.mp4", "--preset", "embedded") == 2
    assert capsys.readouterr().err == "\\x1b[31mred\\n.mp4 is not a video.\n"


def test_interrupting_is_reported_plainly(monkeypatch, capsys):
    def interrupt(self, path, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(analyser.Analyser, "analyze", interrupt)
    assert run("a.mp4", "--preset", "embedded") == 130
    assert capsys.readouterr().err.strip() == "Interrupted."
