"""Videos of a store -> the batches that a classifier is trained and judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vemoclap.classifier import inputs
from vemoclap.classifier.inputs import Indices
from vemoclap.classifier.model import Config
from vemoclap.errors import DataError
from vemoclap.records import Floats
from vemoclap.training.records import Video


@dataclass(frozen=True, slots=True)
class Batch:
    """What a classifier is fed, and what it should answer."""

    values: Mapping[str, Tensor]  # feature -> (B, length, dim)
    present: Mapping[str, Tensor]  # feature -> (B, length), False where padded
    labels: Tensor  # (B,)


class Examples:
    """Labelled videos, ready to be taken in any order."""

    def __init__(self, videos: Sequence[Video], config: Config, device: str = "cpu") -> None:
        """Take ``videos``, whose batches go to ``device``.

        Raises:
            DataError: a video has no label.
        """
        unlabelled = [video.id for video in videos if video.label is None]
        if unlabelled:
            raise DataError(
                f"{unlabelled[0]} has no label, so that nothing can be learnt from it; leave it "
                "out or import the features with their labels."
            )
        self.config = config
        self.device = device
        self.labels = torch.tensor([video.label for video in videos], dtype=torch.long).to(device)
        self._items = {name: [video.features[name] for video in videos] for name in config.features}

    def __len__(self) -> int:
        return len(self.labels)

    def equidistant(self, which: Sequence[int] | slice) -> Batch:
        """Return some videos, each with its equidistant rows, as in validation and testing."""
        return self._batch(np.arange(len(self))[which], None)

    def random(self, which: Indices, rng: np.random.Generator) -> Batch:
        """Return some videos, each with random rows in order of time, as in training."""
        return self._batch(which, rng)

    def _batch(self, which: Indices, rng: np.random.Generator | None) -> Batch:
        values, present = {}, {}
        for name, spec in self.config.features.items():
            items = [self._items[name][index] for index in which]
            chosen = _drawn(items, spec.length, rng) if rng else None
            found = inputs.tensors(items, spec, chosen)
            values[name], present[name] = (tensor.to(self.device) for tensor in found)
        return Batch(values, present, self.labels[torch.from_numpy(which).to(self.device)])


def _drawn(
    items: Sequence[Floats | None], length: int, rng: np.random.Generator
) -> Sequence[Indices]:
    """Return rows of each item drawn without replacement, sorted; all where there are few."""
    counts = np.array([0 if rows is None else len(rows) for rows in items])[:, None]  # (B, 1)
    widest = max(int(counts.max(initial=0)), length)
    keys = rng.random((len(items), widest))
    keys[np.arange(widest) >= counts] = 2.0  # beyond the end: drawn last
    drawn = np.sort(np.argsort(keys, axis=1)[:, :length], axis=1)  # (B, length)
    return [row[row < count] for row, count in zip(drawn, counts, strict=True)]
