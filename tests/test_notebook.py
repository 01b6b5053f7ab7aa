"""app.ipynb, run as Jupyter runs it: every cell, and what stands below it."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

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


def without_vemoclap(code, folder):
    """Run a cell in a Python that has no vemoclap, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
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


def test_without_the_code_the_address_of_the_repository_is_asked_for(notebook, tmp_path):
    source = notebook.cells[1].source
    said = without_vemoclap(source, tmp_path)
    assert said.startswith("The code is not beside this notebook; write the address")
    wrong = source.replace('repository = ""', 'repository = "--upload-pack=touch x"')
    assert without_vemoclap(wrong, tmp_path) == said
    gone = source.replace('repository = ""', 'repository = "https://localhost:9/none.git"')
    said = without_vemoclap(gone, tmp_path)
    assert said.startswith("The code could not be had from https://localhost:9/none.git (")
    assert said.count("\n") == 1


def test_a_failed_set_up_is_one_sentence(notebook, tmp_path):
    (tmp_path / "setup.sh").write_text("echo setup.sh: please install ffmpeg >&2; exit 1")
    said = without_vemoclap(notebook.cells[1].source, tmp_path)
    assert said.endswith(
        "The installation did not succeed (please install ffmpeg); run step 1 again.\n"
    )
