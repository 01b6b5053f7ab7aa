"""Models in Hugging Face's layout are read whole or not at all, and never run code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.miniatures import TRAPS
from vemoclap.engines import (
    clip,
    nllb,
    precision,
    pretrained,
    roberta,
    t5_spell,
    vit_expression,
    xlm_r,
)
from vemoclap.errors import WeightsError

pytestmark = pytest.mark.usefixtures("miniatures")

LOADERS = {
    "clip": clip.load,
    "vit-expression": vit_expression.load,
    "xlm-r": xlm_r.load,
    "nllb": nllb.load,
    "t5-spell": t5_spell.load,
    "roberta": roberta.load,
}
KEYS = {
    "clip": "visual_projection.weight",
    "vit-expression": "vit.layernorm.weight",
    "xlm-r": "classifier.out_proj.weight",
    "nllb": "model.encoder.layers.0.fc1.weight",
    "t5-spell": "decoder.final_layer_norm.weight",
    "roberta": "roberta.encoder.layer.0.output.dense.bias",
}
TEXT_READERS = ["xlm-r", "nllb", "t5-spell", "roberta"]

every = pytest.mark.parametrize("name", LOADERS)


def change(folder: Path, alter: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change a model's weights in place."""
    safe, pickled = folder / "model.safetensors", folder / "pytorch_model.bin"
    tensors = load_file(safe) if safe.exists() else torch.load(pickled, weights_only=True)
    alter(tensors)
    if safe.exists():
        save_file(tensors, safe, {"format": "pt"})
    else:
        torch.save(tensors, pickled)


@every
def test_a_missing_weight_is_named(name: str, copied: Callable[[str], Path]):
    change(copied(name), lambda tensors: tensors.pop(KEYS[name]))
    with pytest.raises(WeightsError, match=KEYS[name]):
        LOADERS[name]("cpu")


@every
def test_a_strange_weight_is_named(name: str, copied: Callable[[str], Path]):
    change(copied(name), lambda tensors: tensors.update({"strange.weight": torch.ones(1)}))
    with pytest.raises(WeightsError, match=r"strange\.weight"):
        LOADERS[name]("cpu")


@every
def test_a_misshapen_weight_is_refused(name: str, copied: Callable[[str], Path]):
    change(copied(name), lambda tensors: tensors.update({KEYS[name]: torch.ones(3)}))
    with pytest.raises(WeightsError, match="damaged"):
        LOADERS[name]("cpu")


@every
@pytest.mark.parametrize("content", [b"<html>not found</html>", b""])
def test_damaged_weights_are_refused(name: str, content: bytes, copied: Callable[[str], Path]):
    folder = copied(name)
    for path in (*folder.glob("*.safetensors"), *folder.glob("*.bin")):
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        LOADERS[name]("cpu")


@every
@pytest.mark.parametrize("trap", TRAPS)
def test_weights_that_ask_for_code_to_be_run_are_refused(
    name: str, trap: str, copied: Callable[[str], Path]
):
    folder = copied(name)
    (folder / "model.safetensors").unlink(missing_ok=True)
    TRAPS[trap](folder / "pytorch_model.bin", folder / "trapped")
    with pytest.raises(WeightsError) as refused:
        LOADERS[name]("cpu")
    assert "weights_only" not in str(refused.value)  # torch's advice how to have it run
    assert not (folder / "trapped").exists()


@pytest.mark.parametrize("name", TEXT_READERS)
def test_a_damaged_tokenizer_is_refused(name: str, copied: Callable[[str], Path]):
    folder = copied(name)
    (folder / ("vocab.json" if name == "roberta" else "tokenizer.json")).write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="tokenizer"):
        LOADERS[name]("cpu")


@pytest.mark.parametrize("name", ["xlm-r", "roberta"])
def test_a_classifier_of_other_things_is_refused(name: str, copied: Callable[[str], Path]):
    folder = copied(name)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {key: f"LABEL_{key}" for key in config["id2label"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="label_0"):
        LOADERS[name]("cpu")


@pytest.mark.parametrize(
    ("kind", "artefact"),
    [
        ("ViTForImageClassification", "vit-expression"),  # safetensors
        ("M2M100ForConditionalGeneration", "nllb"),  # a pickle
    ],
)
def test_weights_are_read_straight_to_their_device(
    kind: str, artefact: str, monkeypatch: pytest.MonkeyPatch
):
    def never(*args: object) -> None:
        raise AssertionError("a whole model was moved")

    monkeypatch.setattr(torch.nn.Module, "to", never)
    # A device without memory stands for a GPU: nothing but the reader could have put them there.
    model = pretrained.network(kind, artefact, "meta")
    assert {tensor.device.type for tensor in model.parameters()} == {"meta"}
    monkeypatch.undo()


@every
@pytest.mark.parametrize("native", [torch.bfloat16, None])
def test_on_a_cpu_only_what_writes_texts_is_in_half_precision(name: str, native, monkeypatch):
    read, made = pretrained.network, []

    def network(*given, **named):
        made.append(read(*given, **named))
        return made[-1]

    monkeypatch.setattr(precision, "of_cpu", lambda: native)
    monkeypatch.setattr(pretrained, "network", network)
    LOADERS[name]("cpu")
    (model,) = made
    half = native and name in ("nllb", "t5-spell")
    assert {value.dtype for value in model.parameters()} == {native if half else torch.float32}


@pytest.mark.gpu
def test_on_a_gpu_everything_is_there_in_half_precision():
    model = pretrained.network("ViTForImageClassification", "vit-expression", "cuda")
    tensors = [*model.parameters(), *model.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cuda"}
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float16}
