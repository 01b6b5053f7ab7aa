"""Weights lie where engines look for them, and what is missing is named."""

import ast
import os
from pathlib import Path

import pytest

from vemoclap.classifier import model
from vemoclap.engines import beats, clipcap
from vemoclap.errors import WeightsError
from vemoclap.weights import cache
from vemoclap.weights.catalog import ARTEFACTS

PACKAGE = Path(cache.__file__).parents[1]


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ARTEFACTS)
def test_an_artefact_is_whole_when_its_files_are_there(name: str):
    row = ARTEFACTS[name]
    files = [row.converted] if row.converted else [names[-1] for names in row.files]
    assert len(cache.missing(name)) == len(files)
    for count, file in enumerate(files):
        with pytest.raises(WeightsError, match=f"'{name}' are not complete"):
            cache.folder(name)
        path = cache.place(name) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert len(cache.missing(name)) == len(files) - count - 1
    assert cache.folder(name) == cache.place(name)


def test_the_converted_files_are_those_that_the_engines_read():
    assert ARTEFACTS["beats"].converted == beats.CONVERTED
    assert ARTEFACTS["clipcap"].converted == clipcap.CONVERTED
    assert ARTEFACTS["cross-attention"].converted == model.FILE


def test_every_name_that_an_engine_asks_for_is_in_the_table():
    asked = set()
    for path in (PACKAGE / "engines").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("cache.folder"):
                if isinstance(node.args[0], ast.Constant):
                    asked.add(node.args[0].value)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARTEFACT":
                asked.add(ast.literal_eval(node.value))
    assert {"clip", "beats", "gpt2"} <= asked <= set(ARTEFACTS)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(WeightsError, match=r"'clop'.*clip"):
        cache.folder("clop")


def test_offline_means_offline_whatever_was_set(empty_home, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("ULTRALYTICS_SAFE_LOAD", "false")
    folders = ("HF_HOME", "TORCHINDUCTOR_CACHE_DIR", "YOLO_CONFIG_DIR")
    for name in (*folders, "TRANSFORMERS_OFFLINE", "YOLO_OFFLINE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("YOLO_AUTOINSTALL", "true")
    cache.use_offline()
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
    assert os.environ["ULTRALYTICS_SAFE_LOAD"] == os.environ["YOLO_OFFLINE"] == "true"
    assert os.environ["YOLO_AUTOINSTALL"] == "false"
    assert Path(os.environ["YOLO_CONFIG_DIR"]).is_dir()
    assert all(Path(os.environ[name]).is_relative_to(empty_home) for name in folders)
