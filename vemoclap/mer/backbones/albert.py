"""What words mean: ALBERT (Lan et al. 2020), `albert/albert-base-v2`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vemoclap.engines import pretrained
from vemoclap.errors import WeightsError
from vemoclap.weights import cache

if TYPE_CHECKING:
    from torch import nn

NAME = "albert"

Tokens = Callable[[Sequence[str]], list[NDArray[np.int64]]]  # texts -> numbers of their tokens


def build(config: Mapping[str, Any]) -> "nn.Module":
    """Return the network with random weights: tokens (B, length) -> ``last_hidden_state``.

    That is (B, length, dim), 768 numbers in the published one.

    Args:
        config: as ``load`` gave it.
    """
    from transformers import AlbertConfig, AlbertModel

    return AlbertModel(AlbertConfig.from_dict(dict(config)), add_pooling_layer=False)


def load(device: str) -> "tuple[nn.Module, dict[str, Any], str]":
    """Return the published network on ``device``, in full precision and ready to be trained.

    Beside it come its config and its tokenizer, as the text that ``tokens`` takes.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    # It was published with the layer that guessed words in training.
    network = pretrained.network("AlbertModel", NAME, "cpu", spare=("predictions.",), to_train=True)
    network.pooler = network.pooler_activation = None  # one vector for all words: not used here
    path = cache.folder(NAME) / "tokenizer.json"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{path} cannot be read ({error}); delete it and run `vemoclap models download {NAME}`."
        ) from error
    tokens(text, 2)
    said: dict[str, Any] = network.config.to_diff_dict()
    return network.requires_grad_(True).to(device), said, text


def tokens(text: str, length: int) -> Tokens:
    """Return what makes tokens of words; too many are cut at the end.

    A text without words has none, not even those that begin and end a text.

    Args:
        text: the content of a ``tokenizer.json``.
        length: of the longest text, in tokens.

    Raises:
        WeightsError: it is no tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        made = Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more precise
        raise WeightsError(
            f"ALBERT's tokenizer is damaged ({error}); run `vemoclap models download {NAME}`."
        ) from error
    made.no_padding()
    made.enable_truncation(length)

    def of(texts: Sequence[str]) -> list[NDArray[np.int64]]:
        found = made.encode_batch([one.strip() for one in texts])
        return [
            np.array(one.ids if text.strip() else [], np.int64)
            for text, one in zip(texts, found, strict=True)
        ]

    return of
