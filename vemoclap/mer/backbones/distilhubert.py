"""What a voice sounds like: DistilHuBERT (Chang et al. 2022), `ntu-spml/distilhubert`."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vemoclap.engines import pretrained
from vemoclap.errors import WeightsError
from vemoclap.weights import cache

if TYPE_CHECKING:
    from torch import nn

NAME = "distilhubert"


def build(config: Mapping[str, Any]) -> "nn.Module":
    """Return the network with random weights: sound (B, samples) -> ``last_hidden_state``.

    That is (B, steps, dim) with a step every 20 ms: 768 numbers in the published one.

    Args:
        config: as ``load`` gave it.
    """
    from transformers import HubertConfig, HubertModel

    return HubertModel(_steady(HubertConfig.from_dict(dict(config))))


def load(device: str) -> "tuple[nn.Module, dict[str, Any], bool]":
    """Return the published network on ``device``, in full precision and ready to be trained.

    Beside it come its config, and whether it wants sound of mean 0 and spread 1.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    network = pretrained.network("HubertModel", NAME, "cpu", to_train=True)
    _steady(network.config)
    said: dict[str, Any] = network.config.to_diff_dict()
    return network.requires_grad_(True).to(device), said, _normalises()


def _normalises() -> bool:
    """Return what the published file says of the sound that the network was trained on."""
    path = cache.folder(NAME) / "preprocessor_config.json"
    try:
        return bool(json.loads(path.read_text("utf-8"))["do_normalize"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not say how sound is prepared ({error!r}); delete it and run "
            f"`vemoclap models download {NAME}`."
        ) from error


def _steady(config: Any) -> Any:
    """Switch off what draws random numbers by NumPy's own generator, which no seed of ours rules.

    It would hide parts of the sound in training, and leave out whole layers.
    """
    config.apply_spec_augment = False
    config.layerdrop = 0.0
    return config
