"""What libraries say of themselves reaches nobody, and developers whole."""

import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests import loud
from vemoclap.cli import console
from vemoclap.engines import quiet
from vemoclap.engines.roles import EMBEDDED, ROLES

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "launch.mp4"
LEFT_OUT = [  # all but its subtitles and their sentiment, so that it is quick
    role for role in ROLES if getattr(EMBEDDED, role) and role not in ("transcribe", "sentiment")
]
OPTIONS = ["--preset", "embedded", "--device", "cpu", *(f"--role={one}=none" for one in LEFT_OUT)]


@pytest.fixture(params=["", "1"], ids=["user", "developer"])
def planted(request, tmp_path, monkeypatch):
    """Plant the loud library; return whether somebody wants to hear it."""
    for name, value in loud.plant(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VEMOCLAP_DEBUG", request.param)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with which a kernel leaves out a part of its work
    return bool(request.param)


def check(said: str, planted: bool, folder: Path) -> None:
    assert loud.asked(folder) >= {"import", "call"}
    found = loud.heard(said)
    if planted:
        assert found >= loud.ALL, sorted(loud.ALL - found)
    else:
        assert not found


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vemoclap", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_command(planted, tmp_path):
    done = command("analyze", SAMPLE, "--out", tmp_path / "out", *OPTIONS)
    check(done.stdout + done.stderr, planted, tmp_path)
    assert done.stdout.startswith("preset: embedded\n") or planted
    if not planted:
        assert done.stderr == ""
        assert done.stdout.endswith("frames.csv, report.html, analysis.json\n")


def test_a_command_whose_answer_is_json(planted, tmp_path):
    done = command("analyze", SAMPLE, "--json", *OPTIONS)
    check(done.stdout + done.stderr, planted, tmp_path)
    if not planted:
        assert json.loads(done.stdout)["schema"] == "vemoclap/analysis"
        assert done.stderr == ""


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_the_workers_of_a_batch(engine, planted, tmp_path):
    if engine == "ray":
        pytest.importorskip("ray")
    done = command("batch", SAMPLE, "--out", tmp_path / "out", "--engine", engine, *OPTIONS)
    assert "1/1 ok launch.mp4" in done.stdout
    said = done.stdout + done.stderr
    if engine == "ray" and planted:
        assert loud.heard(said)  # what Ray sends in time of what its actors say
    else:
        check(said, planted, tmp_path)
    if not planted:
        assert done.stderr == ""
        table = ["ok   1", "all  1", "1 ok, 0 partial, 0 refused, 0 failed, 0 left out."]
        assert done.stdout.splitlines()[3:6] == table


def test_a_worker_whose_master_is_not_silent(planted, tmp_path):
    script = tmp_path / "batch.py"
    script.write_text(
        "from pathlib import Path\n"
        "import functools, sys\n"
        "from tests import batch_workers\n"
        "from vemoclap.batch import inputs, pool, run\n"
        "if __name__ == '__main__':\n"
        "    kept = {**batch_workers.NO_MODELS}\n"
        "    del kept['transcribe'], kept['sentiment']\n"
        "    given = batch_workers.orders(Path(sys.argv[2]), overrides=kept)\n"
        "    run.run(inputs.find([Path(sys.argv[1])]), given, pool.work)\n"
    )
    done = subprocess.run(
        [sys.executable, script, SAMPLE, tmp_path / "out"],
        capture_output=True,
        text=True,
        check=True,
    )
    check(done.stdout + done.stderr, planted, tmp_path)


# -- kernels ----------------------------------------------------------------------------------

SMALL = f"""
from dataclasses import replace
from vemoclap.engines import roles
roles.PRESETS["embedded"] = replace(roles.EMBEDDED, **dict.fromkeys({LEFT_OUT!r}))
"""
# What visitors of a page do by clicking.
CLICKS = """
import time
from vemoclap.app import _session, _steps
for number, choice in ((2, ["embedded"]), (3, []), (4, []), (5, [])):
    _steps()[number].run(*choice)
    while _session().work.busy:
        time.sleep(0.05)
assert _session().up_to_date
"""
AFTER = "import sys, time; sys.stdout.flush(); sys.stderr.flush(); time.sleep(1)"


def outputs(cells, folder, capfd) -> str:
    """Run cells in a kernel; return what is seen below them, and what its process wrote."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}}, kernel_name="python3"
    ).execute()
    said = [
        one.text for cell in notebook.cells for one in cell.outputs if one.output_type == "stream"
    ]
    return "".join((*said, *capfd.readouterr()))


def without_exit(said: str) -> str:
    """Leave out what the library says when the kernel ends, when nobody reads it any more."""
    return said.replace("<exit ", "<")


def test_the_kernel_of_a_notebook(planted, tmp_path, capfd):
    steps = [f"from vemoclap import app\napp.step({number})" for number in range(3, 6)]
    built = "from vemoclap import app\napp.step(1)\napp.step(2, preset='embedded')"
    own = "import sys, os\nprint('own words')\nprint('own complaint', file=sys.stderr)"
    said = outputs([SMALL, built, *steps, own, AFTER], tmp_path, capfd)
    check(without_exit(said), planted, tmp_path)
    assert "own words" in said
    assert "own complaint" in said


def test_the_kernel_of_the_page(planted, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("VEMOCLAP_PAGE", "1")
    shown = [f"from vemoclap import app\napp.step({number})" for number in range(1, 6)]
    said = outputs([*shown, SMALL, CLICKS, AFTER], tmp_path, capfd)
    check(said, planted, tmp_path)


# -- the mechanism ----------------------------------------------------------------------------


def noise() -> None:
    print("said")
    print("complained", file=sys.stderr)
    os.write(1, b"written")
    os.write(2, b"written")
    logging.getLogger("some.library").error("logged")


def test_afterwards_all_is_as_it_was(capfd):
    log = logging.getLogger("some.library")
    handler = logging.StreamHandler(sys.stderr)  # bound to what was there before
    log.addHandler(handler)
    before = (sys.stdout, sys.stderr, warnings.filters[:], os.fstat(1), os.fstat(2))
    try:
        with quiet.silence(), quiet.silence():
            noise()
        assert capfd.readouterr() == ("", "")
        assert before == (sys.stdout, sys.stderr, warnings.filters[:], os.fstat(1), os.fstat(2))
        noise()
        out, err = capfd.readouterr()
        assert ("said" in out, "written" in out) == (True, True)
        assert ("complained" in err, "written" in err, "logged" in err) == (True, True, True)
    finally:
        log.removeHandler(handler)


def test_silences_of_several_threads_end_with_the_last(capfd):
    begun, go = threading.Event(), threading.Event()

    def other() -> None:
        with quiet.silence():
            begun.set()
            go.wait(10)

    thread = threading.Thread(target=other)
    with quiet.silence():
        thread.start()
        assert begun.wait(10)
    noise()
    go.set()
    thread.join()
    assert capfd.readouterr() == ("", "")
    noise()
    assert "said" in capfd.readouterr().out


def test_what_we_say_is_seen_wherever_it_led_before(capsys):
    with quiet.silence():
        noise()
        console.say("an answer\x1b[31m\nof two lines")
        console.complain("a\ncomplaint")
    assert capsys.readouterr() == ("an answer\\x1b[31m\nof two lines\n", "a\\ncomplaint\n")


def test_an_error_of_ours_still_shows_its_traceback(tmp_path):
    code = (
        "from vemoclap.engines import quiet\n"
        "with quiet.silence(for_good=True):\n"
        "    print('unseen')\n"
        "    raise RuntimeError('a bug')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("RuntimeError: a bug\n")


@pytest.mark.parametrize(("closed", "lines"), [("", 1), ("2>&-", 1), (">&-", 0)])
def test_closed_streams_are_no_trouble(closed, lines):
    code = (
        "import sys; from vemoclap.engines import quiet; from vemoclap.cli import console\n"
        "with quiet.silence(for_good=True): console.say('here'); console.complain('there')"
    )
    done = subprocess.run(
        ["bash", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    assert done.stdout == "here\n" * lines


def test_a_reader_that_goes_away_is_no_trouble():
    done = subprocess.run(
        ["bash", "-c", '"$0" -m vemoclap models list | :; echo "${PIPESTATUS[0]}"', sys.executable],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in ("0", "1")  # 0 where the reader was slow to go
    assert done.stderr == ""
