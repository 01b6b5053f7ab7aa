"""Prepared utterances -> the batches that the model is trained and judged on."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from vemoclap.errors import DataError
from vemoclap.mer import inputs, model, prepare
from vemoclap.mer.backbones import albert
from vemoclap.mer.inputs import Batch
from vemoclap.mer.metrics import Labels, Probabilities
from vemoclap.mer.model import Config, Mer
from vemoclap.mer.prepare import Prepared
from vemoclap.training.records import Split

EVALUATION_BATCH = 32  # utterances


class Examples:
    """The utterances of one split, read from the disk batch by batch."""

    def __init__(self, prepared: Prepared, split: Split, config: Config, device: str) -> None:
        """Take those of ``split``, in their order.

        Raises:
            DataError: there is none, or they have other labels than the model.
        """
        if prepared.labels != config.labels:
            raise DataError(
                f"The model tells {', '.join(config.labels)} apart, and {prepared.note} is "
                f"labelled {', '.join(prepared.labels)}; train one on these data."
            )
        self.kept = tuple(one for one in prepared.kept if one.piece.split is split)
        if not self.kept:
            raise DataError(
                f"No clip of {prepared.note} is in the split {split}; name splits in a column "
                "`split` of the table."
            )
        self.truth: Labels = np.array([one.piece.present for one in self.kept], np.bool_)
        self._shape = config.shape
        self._tokens = albert.tokens(config.tokenizer, config.shape.tokens)
        self._device = device

    def __len__(self) -> int:
        return len(self.kept)

    def batch(self, which: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Return some utterances as what the model is fed."""
        found = [prepare.load(self.kept[index].path) for index in which]
        return inputs.collate(found, self._shape, self._tokens, self._device)

    def labels(self, which: NDArray[np.int64]) -> torch.Tensor:
        """Return which labels (B, labels) some utterances have, as 0 and 1."""
        return torch.from_numpy(self.truth[which].astype(np.float32)).to(self._device)


def predict(network: Mer, examples: Examples) -> Probabilities:
    """Return the probability (N, labels) of each label, each on its own, of all utterances."""
    network.eval()
    parts = [
        model.probabilities(
            network, examples.batch(range(start, min(start + EVALUATION_BATCH, len(examples))))
        )
        for start in range(0, len(examples), EVALUATION_BATCH)
    ]
    return np.concatenate(parts)
