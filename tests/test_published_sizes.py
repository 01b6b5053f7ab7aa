"""The paper's models at their published sizes, without memory for their weights."""

from pathlib import Path

import torch

from tests.golden.pattern import golden
from vemoclap.classifier import RELEASED, Classifier
from vemoclap.engines.beats import Beats, Config


def parameters(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def shapes(model: torch.nn.Module) -> dict[str, list[int]]:
    return {key: list(tensor.shape) for key, tensor in model.state_dict().items()}


def test_the_classifier_is_the_released_one():
    with torch.device("meta"):
        model = Classifier(RELEASED)
    assert parameters(model) == 10_535_942
    assert shapes(model) == golden("classifier")["state_dict"]


def test_beats_is_the_published_one():
    published = golden("beats_published_shapes")
    with torch.device("meta"):
        model = Beats(Config.of(published["cfg"], Path("beats.pt")))
    assert parameters(model) == 90_717_055  # the table of positions, which layers share, once
    assert shapes(model) == published["state_dict"]
