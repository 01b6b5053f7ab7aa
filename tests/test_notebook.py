"""app.ipynb, run as Jupyter runs it: every cell, and what stands below it."""

import contextlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from nbclient import NotebookClient

from tests.app_widgets import Elements

NOTEBOOK = Path(__file__).resolve().parents[1] / "app.ipynb"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


class Ran:
    """A notebook that was run, and the widgets that its cells showed."""

    def __init__(self, notebook):
        self.notebook = notebook
        widgets = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {"state": {}})
        self._models = {name: model["state"] for name, model in widgets["state"].items()}

    def outputs(self, cell):
        (found,) = [one for one in self.notebook.cells if one.id == cell]
        return found.outputs

    def markup(self, cell):
        """Return what the widgets below a cell show, with all markup."""
        views = [one.data[VIEW] for one in self.outputs(cell) if VIEW in one.get("data", {})]
        return "".join(self._shown(view["model_id"]) for view in views)

    def says(self, cell):
        """Return the words below a cell, those of texts that were printed too."""
        printed = " ".join(one.text for one in self.outputs(cell) if one.output_type == "stream")
        shown = re.sub(r"<style>.*?</style>|<[^>]*>", " ", self.markup(cell), flags=re.DOTALL)
        return " ".join(f"{printed} {html.unescape(shown)}".split())

    def _shown(self, name):
        model = self._models[name.removeprefix("IPY_MODEL_")]
        if self._models[model["layout"].removeprefix("IPY_MODEL_")].get("display") == "none":
            return ""
        value = model.get("value", "")
        shown = value if model["_model_name"] == "HTMLModel" else ""
        return shown + "".join(self._shown(child) for child in model.get("children", ()))


def run(notebook, folder, **fields):
    """Run a notebook in a folder with its form filled in, and return what came of it."""
    for cell in notebook.cells:
        for field, value in fields.items():
            cell.source = re.sub(
                rf'^{field} = ".*?"', f'{field} = "{value}"', cell.source, flags=re.M
            )
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}}, kernel_name="python3"
    ).execute()
    return Ran(notebook)


# -- the file ---------------------------------------------------------------------------------


def test_it_is_a_notebook_of_five_form_cells_without_outputs(notebook):
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) == 5
    for number, cell in enumerate(cells, start=1):
        title, about, *_ = cell.source.splitlines()
        assert re.fullmatch(rf'#@title {number}\. [A-Z][a-z ]+ \{{ display-mode: "form" \}}', title)
        assert re.search(r"#@markdown .*([Ss]econd|[Mm]inute|click)", about)
        assert cell.metadata.cellView == "form"
        assert cell.outputs == []
        assert cell.execution_count is None


def test_all_but_the_installation_lives_in_the_package(notebook):
    for cell in notebook.cells[2:]:
        assert len(cell.source.splitlines()) < 12
        assert "app.step(" in cell.source


# -- run --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    return run(nbformat.read(NOTEBOOK, as_version=4), folder, preset="embedded"), folder


def test_every_cell_does_its_step(whole):
    ran, _ = whole
    assert "is installed, with all it needs" in ran.says("step-1")
    assert "The models of the preset embedded are ready." in ran.says("step-2")
    assert "One of this project's own short clips." in ran.says("step-3")
    assert "Chosen: launch" in ran.says("step-4")
    assert "Done." in ran.says("step-5")
    for number in range(1, 6):
        assert not [one for one in ran.outputs(f"step-{number}") if one.output_type == "error"]


def test_the_results_have_substance(whole):
    ran, folder = whole
    (frame,) = Elements(ran.markup("step-5")).named("iframe")
    report = frame["srcdoc"]
    words = html.unescape(re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", report, flags=re.DOTALL))
    words = " ".join(words.split())
    for emotion in ("anger", "disgust", "fear", "joy", "sadness", "surprise"):
        assert emotion in words
    for said in (
        "untrained",  # the estimate says what it is
        "What a wonderful day!",  # spoken
        "bestdayever",  # on the screen
        "positive",  # sentiment
        "Arousal",
        "The embedded preset has no engine for this",
        "Intended use",
    ):
        assert said.lower() in words.lower()
    assert report.count("data:image/jpeg") > 16  # frames and faces
    stored = {path.name: path for path in (folder / "results" / "launch").iterdir()}
    assert {"launch.html", "launch.json", "launch.png", "launch.zip"} == set(stored)
    analysis = json.loads(stored["launch.json"].read_text())
    assert analysis["emotion"]["probabilities"]["joy"] > 0.3
    assert len(analysis["frames"]["times_s"]) == 16


def test_with_the_papers_engines(notebook, hub_home, tmp_path, monkeypatch):
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub_home))
    ran = run(notebook, tmp_path, preset="paper")
    assert "The models of the preset paper are ready." in ran.says("step-2")
    assert "Done." in ran.says("step-5")
    (frame,) = Elements(ran.markup("step-5")).named("iframe")
    for said in ("Why this emotion", "CLIP ViT-B/32", "cross-attention"):
        assert said in frame["srcdoc"]


def test_cells_in_the_wrong_order_say_which_step_is_missing(notebook, tmp_path):
    about, install, build, source, video, analyse = notebook.cells
    again = [
        nbformat.v4.new_code_cell(cell.source, id=f"{cell.id}-again")
        for cell in (analyse, video, source)
    ]
    notebook.cells = [about, install, analyse, video, source, build, *again]
    ran = run(notebook, tmp_path, preset="embedded")
    # All cells show the same steps, which have moved on since; so nothing was refused for good.
    assert "models of the preset embedded are ready" in ran.says("step-2")
    assert "Step 4 comes first: choose a video." in ran.says("step-5-again")
    assert "Step 3 comes first" not in ran.says("step-4-again")
    assert not [
        one for cell in notebook.cells[1:] for one in cell.outputs if one.output_type == "error"
    ]


def without_vemoclap(code, folder, **variables):
    """Run a cell in a Python that has no vemoclap, and return what it prints."""
    hidden = ("PYTHONPATH", "COLAB_JUPYTER_IP", "KMP_TARGET_PORT")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=folder,
        env={**kept, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_before_the_installation_every_cell_says_so(notebook, tmp_path):
    for cell in notebook.cells[2:]:
        said = without_vemoclap(cell.source, tmp_path)
        assert said == "Step 1 comes first: it installs vemoclap.\n"


# -- where the code comes from ----------------------------------------------------------------

MAIN, BRANCH = "main", "new/look"
PAGE = "https://github.com/someone/films/blob"
UNKNOWN = (
    "The code is not beside this notebook; write the address of its repository, which begins with "
    "https://, into the field of step 1 and run it again.\n"
)


def came_from(branch):
    return f"branch {branch}\nThe installation did not succeed (that is all); run step 1 again.\n"


def plant(folder, said):
    """Write a program of which there is just what step 1 needs, with a set-up that fails."""
    for file in ("__init__.py", "app/__init__.py", "app/place.py", "app/bootstrap.py"):
        target = folder / "vemoclap" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(NOTEBOOK.parent / "vemoclap" / file, target)
    (folder / "setup.sh").write_text(f"{said}\nexit 1\n")


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    """Return variables with which git finds a repository with two branches at an address."""
    folder = tmp_path_factory.mktemp("films")

    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@localhost")
        subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)

    git("init", "--initial-branch", MAIN)
    for branch in (MAIN, BRANCH):
        plant(folder, f"echo setup.sh: branch {branch}; echo that is all")
        git("add", ".")
        git("commit", "-m", branch)
        git("switch", "--create", BRANCH) if branch == MAIN else git("switch", MAIN)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/someone/films",
    }


@contextlib.contextmanager
def colab(content):
    """Answer with a list of sessions, as a runtime of Colab does; yield the variables it sets."""

    class Sessions(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/sessions" else 404)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Sessions) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"COLAB_JUPYTER_IP": "127.0.0.1", "KMP_TARGET_PORT": str(server.server_port)}
        server.shutdown()


def sessions(path):
    return json.dumps([{"id": "1", "name": "app.ipynb", "path": path, "type": "notebook"}])


def step_1(notebook, repository=""):
    return notebook.cells[1].source.replace(
        'repository = ""', f"repository = {json.dumps(repository)}"
    )


@pytest.mark.parametrize("branch", [MAIN, BRANCH])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_opened_from_github_it_finds_its_code(notebook, github, tmp_path, branch, times):
    page = f"{PAGE}/{branch}/app.ipynb"
    for _ in range(times):
        page = quote(page, safe="")
    with colab(sessions(f"fileId={page}")) as runtime:
        said = without_vemoclap(step_1(notebook), tmp_path, **github, **runtime)
    assert said == came_from(branch)
    assert (tmp_path / "vemoclap" / "setup.sh").is_file()
    assert without_vemoclap(step_1(notebook), tmp_path) == said  # now it is beside the notebook


@pytest.mark.parametrize(
    "content",
    [
        sessions("fileId=1vNq8XyZ"),  # on Drive
        sessions("/content/drive/MyDrive/app.ipynb"),
        sessions("fileId=https%3A%2F%2F"),
        "[]",
        '{"message": "Forbidden"}',
        "<html>",
    ],
)
def test_where_nothing_is_known_one_sentence_asks(notebook, tmp_path, content):
    with colab(content) as runtime:
        assert without_vemoclap(step_1(notebook), tmp_path, **runtime) == UNKNOWN
    assert without_vemoclap(step_1(notebook), tmp_path) == UNKNOWN  # nor elsewhere than on Colab
    assert without_vemoclap(step_1(notebook), tmp_path, **runtime) == UNKNOWN  # nobody answers
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "branch"),
    [
        ("https://github.com/someone/films", MAIN),
        ("  github.com/someone/films ", MAIN),
        (f"{PAGE}/{BRANCH}/app.ipynb", BRANCH),
        (f"https://colab.research.google.com/github/someone/films/blob/{BRANCH}/app.ipynb", BRANCH),
    ],
)
def test_the_field_wins(notebook, github, tmp_path, field, branch):
    with colab(sessions("fileId=https%3A%2F%2Fgithub.com%2Fa%2Fb%2Fblob%2Fmain%2Fapp.ipynb")) as at:
        said = without_vemoclap(step_1(notebook, field), tmp_path, **github, **at)
    assert said == came_from(branch)


def test_what_worked_last_is_remembered(notebook, github, tmp_path):
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
    at = {**github, "HOME": str(tmp_path)}
    field = f"{PAGE}/{BRANCH}/app.ipynb"
    assert without_vemoclap(step_1(notebook, field), tmp_path / "first", **at) == came_from(BRANCH)
    assert without_vemoclap(step_1(notebook), tmp_path / "second", **at) == came_from(BRANCH)
    wrong = without_vemoclap(step_1(notebook, "localhost:9/a"), tmp_path / "third", **at)
    assert wrong.startswith("The code could not be had from https://localhost:9/a (")
    assert without_vemoclap(step_1(notebook), tmp_path / "third", **at) == came_from(BRANCH)


@pytest.mark.parametrize("wrong", ["--upload-pack=touch x", "--upload-pack=touch ./x", "http:/"])
def test_a_wrong_address_is_one_sentence(notebook, tmp_path, wrong):
    said = without_vemoclap(step_1(notebook, wrong), tmp_path)
    assert said == UNKNOWN or said.startswith("The code could not be had from https://")
    assert said.count("\n") == 1
    assert not list(tmp_path.rglob("x"))


def test_a_failed_set_up_is_one_sentence(notebook, tmp_path):
    plant(tmp_path, "echo setup.sh: please install ffmpeg >&2")
    assert without_vemoclap(step_1(notebook), tmp_path) == (
        "please install ffmpeg\n"
        "The installation did not succeed (please install ffmpeg); run step 1 again.\n"
    )
