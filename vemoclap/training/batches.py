"""Videos of a store -> the batches that a classifier is trained and judged on.

What ``tensors.assemble`` does for one video is done here for all at once: every feature is scaled
and laid end to end in one tensor, and a batch is one gather from it. Row 0 is the zeros that
padding is made of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vemoclap.classifier.model import Config
from vemoclap.errors import DataError
from vemoclap.media.sampling import equidistant
from vemoclap.training.records import Video

Indices = NDArray[np.int64]
ZEROS = 0  # the row that pads


@dataclass(frozen=True, slots=True)
class Batch:
    """What a classifier is fed, and what it should answer."""

    values: Mapping[str, Tensor]  # feature -> (B, length, dim)
    present: Mapping[str, Tensor]  # feature -> (B, length), False where padded
    labels: Tensor  # (B,)


@dataclass(frozen=True, slots=True)
class _Rows:
    """One feature of all videos."""

    values: Tensor  # (1 + rows of all videos, dim), scaled; row 0 is zeros
    starts: Indices  # (N,) the first row of each video
    counts: Indices  # (N,) rows of each video, 0 where absent
    still: Indices = field(repr=False)  # (N, length) its equidistant rows, ZEROS where padded


class Examples:
    """Labelled videos, ready to be taken in any order."""

    def __init__(self, videos: Sequence[Video], config: Config, device: str = "cpu") -> None:
        """Lay the features of ``videos`` end to end on ``device``.

        Raises:
            DataError: a video has no label.
        """
        unlabelled = [video.id for video in videos if video.label is None]
        if unlabelled:
            raise DataError(
                f"{unlabelled[0]} has no label, so that nothing can be learnt from it; leave it "
                "out or import the features with their labels."
            )
        self.ids = tuple(video.id for video in videos)
        self.config = config
        self.device = device
        self.labels = torch.tensor([video.label for video in videos], dtype=torch.long).to(device)
        self._rows = {name: _lay(name, videos, config, device) for name in config.features}

    def __len__(self) -> int:
        return len(self.ids)

    def equidistant(self, which: Sequence[int] | slice) -> Batch:
        """Return some videos, each with its equidistant rows, as in validation and testing."""
        chosen = np.arange(len(self))[which]
        return self._batch(chosen, {name: rows.still[chosen] for name, rows in self._rows.items()})

    def random(self, which: Indices, rng: np.random.Generator) -> Batch:
        """Return some videos, each with random rows in order of time, as in training."""
        taken = {
            name: _random(rows, which, self.config.features[name].length, rng)
            for name, rows in self._rows.items()
        }
        return self._batch(which, taken)

    def _batch(self, which: Indices, taken: Mapping[str, Indices]) -> Batch:
        values, present = {}, {}
        for name, places in taken.items():
            rows = self._rows[name].values
            index = torch.from_numpy(np.ascontiguousarray(places)).to(self.device)  # (B, length)
            values[name] = rows.index_select(0, index.flatten()).view(*index.shape, rows.shape[1])
            present[name] = index != ZEROS
        return Batch(values, present, self.labels[torch.from_numpy(which).to(self.device)])


def _lay(name: str, videos: Sequence[Video], config: Config, device: str) -> _Rows:
    spec = config.features[name]
    found = [video.features[name] for video in videos]
    counts = np.array([0 if rows is None else len(rows) for rows in found], dtype=np.int64)
    starts = 1 + np.cumsum(counts) - counts
    values = np.zeros((1 + int(counts.sum()), spec.dim), np.float32)
    for start, rows in zip(starts, found, strict=True):
        if rows is not None:
            # Exactly as in `tensors.assemble`, so that both give the same numbers.
            values[start : start + len(rows)] = (rows - spec.minimum) / (
                spec.maximum - spec.minimum
            )
    still = np.full((len(videos), spec.length), ZEROS, np.int64)
    for place, start, count in zip(still, starts, counts, strict=True):
        kept = equidistant(int(count), spec.length)
        place[: len(kept)] = start + np.array(kept, dtype=np.int64)
    return _Rows(torch.from_numpy(values).to(device), starts, counts, still)


def _random(rows: _Rows, which: Indices, length: int, rng: np.random.Generator) -> Indices:
    """Return (B, length) rows drawn without replacement, sorted; all where there are few."""
    counts = rows.counts[which, None]  # (B, 1)
    widest = max(int(counts.max(initial=0)), length)
    keys = rng.random((len(which), widest))
    keys[np.arange(widest) >= counts] = 2.0  # beyond the end: drawn last
    drawn = np.sort(np.argsort(keys, axis=1)[:, :length], axis=1)  # (B, length)
    return np.where(drawn < counts, rows.starts[which, None] + drawn, ZEROS)
