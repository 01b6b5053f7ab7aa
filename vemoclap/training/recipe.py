"""How a classifier is trained: the paper's numbers, and the config that training data make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vemoclap.classifier.model import RELEASED, Config, FeatureSpec
from vemoclap.errors import DataError
from vemoclap.records import Floats
from vemoclap.training.records import Schema, Video

HEADS = 4
FRAMES = 16  # n of the paper: rows that the classifier sees of a sequence


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyper-parameters, by default those of the paper (arXiv 2410.21303, section II)."""

    epochs: int = 100  # at most; the paper names no number
    batch: int = 32
    rate: float = 1e-5  # learning rate of Adam
    dropout: float = 0.5
    clip: float = 1.0  # largest norm of the gradient
    # Epochs in a row without a better validation before training stops. The paper stops "when
    # validation accuracy starts to drop"; one of 82 videos more or less is no drop yet.
    patience: int = 10
    mask: bool = True  # padding is left out; the released classifier was trained with it
    frames: int = FRAMES
    d_model: int = 512
    heads: int = HEADS
    # mixed: matrices are multiplied in 16 bits where the device is faster at that; full: never.
    precision: Literal["mixed", "full"] = "mixed"


def config_of(schema: Schema, train: Sequence[Video], recipe: Recipe, note: str) -> Config:
    """Return the config of a classifier for these features, scaled by these training videos.

    A feature that no training video has, or that never varies, tells nothing and is left out.

    Raises:
        DataError: no feature is left.
    """
    features = {}
    for name, column in sorted(schema.columns.items()):
        found = [rows for video in train if (rows := video.features[name]) is not None]
        least = min((float(rows.min()) for rows in found), default=0.0)
        most = max((float(rows.max()) for rows in found), default=0.0)
        if most > least:
            length = 1 if _is_vector(name, found) else recipe.frames
            features[name] = FeatureSpec(column.space, length, column.dim, least, most)
    if not features:
        raise DataError(
            "No training video has any feature that varies; import or extract the features again."
        )
    return Config(
        features=features,
        engines=dict(schema.engines),
        note=note,
        labels=schema.labels,
        d_model=recipe.d_model,
        heads=recipe.heads,
        dropout=recipe.dropout,
        mask=recipe.mask,
    )


def _is_vector(name: str, found: Sequence[Floats]) -> bool:
    """Return whether a feature is one row per video: as in the paper, or as in the data."""
    published: Mapping[str, FeatureSpec] = RELEASED.features
    if name in published:
        return published[name].length == 1
    return max(len(rows) for rows in found) == 1
