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
PADDING = "<pad>"

# Texts -> numbers of their tokens (B, length) and where they are (B, length), False where padded.
Tokens = Callable[[Sequence[str]], tuple[NDArray[np.int64], NDArray[np.bool_]]]


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
    """Return what makes tokens of words; too many are cut at the end, too few followed by padding.

    A text without words has none, not even those that begin and end a text.

    Args:
        text: the content of a ``tokenizer.json``.
        length: of every text, in tokens.

    Raises:
        WeightsError: it is no tokenizer, or not ALBERT's.
    """
    from tokenizers import Tokenizer

    try:
        made = Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more precise
        raise WeightsError(
            f"ALBERT's tokenizer is damaged ({error}); run `vemoclap models download {NAME}`."
        ) from error
    padding = made.token_to_id(PADDING)
    if padding is None:
        raise WeightsError(
            f"ALBERT's tokenizer has no token for padding; run `vemoclap models download {NAME}`."
        )
    made.enable_truncation(length)
    made.enable_padding(length=length, pad_id=padding, pad_token=PADDING)

    def of(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        found = made.encode_batch([one.strip() for one in texts])
        ids = np.array([one.ids for one in found], np.int64).reshape(-1, length)
        there = np.array([one.attention_mask for one in found], np.bool_).reshape(-1, length)
        there &= np.array([bool(one.strip()) for one in texts], np.bool_)[:, None]
        return ids, there

    return of
