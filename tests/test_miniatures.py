"""The miniature models: small, always the same; and what engines do with their process."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.hub.mer import PUBLISHED_FACES
from tests.miniatures import BUILDERS, Hub, run_alone
from vemoclap.weights import cache
from vemoclap.weights.catalog import ARTEFACTS


def content(path: Path) -> object:
    """Return what a file holds: of tensors, where the file's bytes may differ, the numbers.

    safetensors keep metadata in no order, and torch's format of 2018 names tensors by where they
    lay in memory.
    """
    if path.name == PUBLISHED_FACES:
        tensors = torch.load(path, weights_only=True)
    elif path.suffix == ".safetensors":
        tensors = load_file(path)
    else:
        return path.read_bytes()
    return {key: tensor.numpy().tobytes() for key, tensor in tensors.items()}


def test_every_artefact_has_a_miniature():
    assert set(BUILDERS) == set(ARTEFACTS)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_miniature_is_complete_and_small(name: str, hub: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub.home))
    folder = hub / name
    assert cache.missing(name) == ()
    assert cache.folder(name) == folder
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert size < (90e6 if name == "cross-attention" else 45e6)


@pytest.mark.parametrize("name", sorted(set(BUILDERS) - {"cross-attention"}))
def test_a_miniature_is_always_the_same(name: str, hub: Hub, tmp_path: Path):
    BUILDERS[name](tmp_path)
    for path in (hub / name).iterdir():
        assert content(path) == content(tmp_path / path.name), path


def test_engines_for_pictures_are_silent_offline_and_write_nowhere_but_home(
    hub: Hub, tmp_path: Path
):
    script = """
        import os
        import numpy as np
        from vemoclap.engines import clip, clipcap, vit_expression, yolo_face
        frames = np.zeros((2, 90, 160, 3), np.uint8)
        frames.setflags(write=False)  # of which torch warns
        assert yolo_face.load("cpu")(frames)[0]
        vit_expression.load("cpu")([frames[0]])
        clipcap.load("cpu")(clip.load("cpu")(frames)[0])
        assert "OMP_NUM_THREADS" not in os.environ
    """
    artefacts = ["yolo-face", "vit-expression", "clip", "clipcap", "gpt2"]
    run_alone(script, hub, artefacts, tmp_path)


def test_engines_for_texts_are_silent_offline_and_write_nowhere_but_home(hub: Hub, tmp_path: Path):
    script = """
        from vemoclap.engines import nllb, roberta, t5_spell, xlm_r
        xlm_r.load("cpu")(["bonjour", "good morning to everybody"])
        nllb.load("cpu")(["bonjour", "guten Morgen"], ["fr", "de"])
        t5_spell.load("cpu")(["a goverment", "house"])
        roberta.load("cpu")("good " * 900)
    """
    run_alone(script, hub, ["xlm-r", "nllb", "t5-spell", "roberta"], tmp_path)


def test_engines_for_sound_are_silent_offline_and_write_nowhere_but_home(hub: Hub, tmp_path: Path):
    script = """
        from tests.clips import clip_of, voice
        from vemoclap.engines import beats, faster_whisper, whisper
        from vemoclap.records import Span
        sound = voice(3)
        sound.flags.writeable = False  # as decoded sound is, of which torch warns
        for module in (whisper, faster_whisper):
            assert module.load("cpu")(clip_of(audio=sound), (Span(0, 3),)).text
        assert beats.load("cpu")(sound[None]).tags
    """
    artefacts = ["whisper-large-v3", "faster-whisper-large-v3", "beats", "audioset-ontology"]
    run_alone(script, hub, artefacts, tmp_path)
