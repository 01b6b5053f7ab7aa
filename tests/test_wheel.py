"""A wheel, made from the source archive, in an installation that sees no checkout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lessons import collection
from tests.local_page import local_page
from vemoclap import files
from vemoclap.training import feature_store as stores

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = (
    *("vemoclap", "samples", "app.ipynb", "ekman_blacklist.txt", "README.md", "LICENSE"),
    *("pyproject.toml", "setup.py", "MANIFEST.in", "requirements.txt"),
)
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
OFFLINE = ("--no-index", "--no-deps")


def python(folder: Path, *words: str | Path) -> str:
    """Run Python in a folder; return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the wheel of a copy of this project was installed into."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, source / name)
    python(source, "-c", "from setuptools import build_meta; build_meta.build_sdist('..')")
    (archive,) = folder.glob("*.tar.gz")
    shutil.rmtree(source)
    python(folder, *PIP, "wheel", "--no-build-isolation", *OFFLINE, archive)
    (wheel,) = folder.glob("*.whl")
    python(folder, *PIP, "install", *OFFLINE, "--target", folder / "site", wheel)
    return folder / "site"


@pytest.fixture
def elsewhere(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in, from which the wheel's vemoclap is the one that is found."""
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    found = python(tmp_path, "-c", "import vemoclap; print(vemoclap.__file__)")
    assert Path(found.strip()) == site / "vemoclap" / "__init__.py"
    return tmp_path


def test_everything_that_is_no_code_is_in_it(site: Path):
    package, data = ROOT / "vemoclap", {".css", ".j2", ".js", ".json", ".typed"}
    wanted = {p.relative_to(package) for p in package.rglob("*") if p.suffix in data | {".py"}}
    wanted |= {Path("bundled", name) for name in ("app.ipynb", "ekman_blacklist.txt")}
    truth = json.loads((ROOT / "samples" / "truth.json").read_text("utf-8"))
    wanted |= {Path("bundled", "samples", name) for name in ("truth.json", *truth)}
    installed = site / "vemoclap"
    there = {p.relative_to(installed) for p in installed.rglob("*") if p.is_file()}
    assert {p for p in there if "__pycache__" not in p.parts} == wanted


def test_a_sample_is_analysed(elsewhere: Path):
    said = python(
        elsewhere, "-m", "vemoclap", "analyze", "sample:launch", "--n", "1", "--preset", "embedded"
    )
    assert "joy" in said
    assert (elsewhere / "results" / "launch" / "report.html").is_file()


def test_a_classifier_is_trained_by_the_apps_protocol(elsewhere: Path):
    stores.append(elsewhere / "features", collection(train=60, test=20))
    train = ("train", "features", "--out", "ours", "--protocol", "app", "--epochs", "1")
    said = python(elsewhere, "-m", "vemoclap", *train, "--d-model", "16")
    assert "on the split val" in said
    assert (elsewhere / "ours" / "card.md").is_file()


def test_the_page_shows_the_steps(elsewhere: Path):
    with local_page(elsewhere) as page:
        status, content = page.ask("/")
    assert status == 200
    assert content.count(b"application/vnd.jupyter.widget-view+json") >= 5, content.decode()


def test_a_checkout_uses_its_own_files():
    assert not (ROOT / "vemoclap" / "bundled").exists()
    for name in ("app.ipynb", "ekman_blacklist.txt", "samples/truth.json"):
        assert files.bundled(name) == ROOT / name
    assert os.fspath(files.bundled("none")).endswith("none")
