"""One training of one classifier of features; see ``training.loop`` for the loop itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vemoclap.classifier.model import RELEASED, Config, FeatureSpec
from vemoclap.engines import precision
from vemoclap.errors import DataError
from vemoclap.records import Floats
from vemoclap.training import loop
from vemoclap.training.batches import Examples
from vemoclap.training.loop import Callbacks, ResumeOptions, Schedule
from vemoclap.training.records import Schema, Video

HEADS = 4
FRAMES = 16  # n of the paper: rows that the classifier sees of a sequence
EVALUATION_BATCH = 256  # videos


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


def autocast_dtype(recipe: Recipe, device: str) -> torch.dtype:
    """Return the type in which a training multiplies matrices here."""
    kind = precision.of_cpu() if device == "cpu" else precision.of_gpu(device)
    return kind if kind and recipe.precision == "mixed" else torch.float32


def dtype_name(recipe: Recipe, device: str) -> str:
    """Return the name of that type, which a checkpoint's metadata keep."""
    return str(autocast_dtype(recipe, device)).removeprefix("torch.")


@dataclass(frozen=True, slots=True)
class Epoch:
    """How one epoch went."""

    seed: int
    epoch: int  # from 1
    train_loss: float  # mean over the epoch's videos, with dropout
    train_accuracy: float
    val_loss: float
    val_accuracy: float

    @property
    def selection_score(self) -> tuple[float, float]:
        """What is to grow: validation accuracy, and among equals the smaller loss."""
        return self.val_accuracy, -self.val_loss


@dataclass(frozen=True, slots=True)
class _Task:
    """Videos to learn from and to validate with."""

    model: nn.Module
    train: Examples
    val: Examples
    recipe: Recipe
    seed: int
    kind: type[Epoch] = Epoch

    def __len__(self) -> int:
        return len(self.train)

    def loss(self, which: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        batch = self.train.random(which, rng)
        torch.manual_seed(int(rng.integers(2**63)))  # of dropout
        device = batch.labels.device.type
        with loop.autocast(device, autocast_dtype(self.recipe, device)):
            scores = self.model(batch.values, batch.present)
        loss = cross_entropy(scores.float(), batch.labels)
        return loss, (scores.argmax(1) == batch.labels).sum()

    def validate(self, epoch: int, train_loss: float, train_accuracy: float) -> Epoch:
        scores = torch.from_numpy(predict(self.model, self.val))
        labels = self.val.labels.cpu()
        return Epoch(
            seed=self.seed,
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val_loss=float(cross_entropy(scores, labels)),
            val_accuracy=float((scores.argmax(1) == labels).double().mean()),
        )


def fit(
    model: nn.Module,
    train: Examples,
    val: Examples,
    recipe: Recipe,
    seed: int,
    *,
    resume: ResumeOptions | None = None,
    callbacks: Callbacks[Epoch] | None = None,
) -> tuple[Epoch, ...]:
    """Return the epochs of a training, whose best weights ``model`` then has.

    Args:
        model: called with values and present, returns scores; on the device of the examples, and
            with the weights that training starts from.
        train: what it learns from.
        val: what decides when to stop, and which epoch was the best.
        recipe: the hyper-parameters.
        seed: of every random choice.
        resume: where the training is kept while it runs.
        callbacks: who is told how it goes.

    Raises:
        DataError: what is kept is damaged or belongs to another training.
    """
    return loop.fit(
        model,
        torch.optim.Adam(model.parameters(), lr=recipe.rate, fused=True),
        _Task(model, train, val, recipe, seed),
        Schedule(recipe.epochs, recipe.batch, recipe.clip, recipe.patience),
        seed,
        resume=resume,
        callbacks=callbacks,
    )


@torch.inference_mode()
def predict(model: nn.Module, examples: Examples) -> NDArray[np.float64]:
    """Return the scores (N, classes) of all videos, at their equidistant rows."""
    model.eval()
    found = []
    for start in range(0, len(examples), EVALUATION_BATCH):
        batch = examples.equidistant(slice(start, start + EVALUATION_BATCH))
        found.append(model(batch.values, batch.present).double().cpu())
    answers: NDArray[np.float64] = torch.cat(found).numpy()
    return answers
