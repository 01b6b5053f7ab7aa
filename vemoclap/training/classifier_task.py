"""One training of one classifier of features: see ``training.loop`` for the loop itself."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemoclap.classifier.model import Classifier
from vemoclap.engines import precision
from vemoclap.training import loop, packed
from vemoclap.training.batches import Batch, Examples
from vemoclap.training.loop import SAVE_EVERY_S, Diary, Pace, best_of
from vemoclap.training.recipe import Recipe

__all__ = ["SAVE_EVERY_S", "Epoch", "Watch", "best_of", "fit", "predict"]

JUDGED_AT_ONCE = 256  # videos


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
    def merit(self) -> tuple[float, float]:
        """What is to grow: validation accuracy, and among equals the smaller loss."""
        return self.val_accuracy, -self.val_loss


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how a training goes."""

    step: Callable[[int, int, int, int], None] = lambda seed, epoch, step, steps: None
    epoch: Callable[[Epoch], None] = lambda epoch: None


@dataclass(frozen=True, slots=True)
class _Task:
    """Videos to learn from and to be judged on."""

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
        torch.manual_seed(int(rng.integers(2**63)))  # of dropout that torch draws
        half = half_of(self.recipe, batch.labels.device.type)
        scores = _scores(self.model, batch, packed.dropout(self.recipe.dropout, rng), half)
        loss = nn.functional.cross_entropy(scores.float(), batch.labels)
        return loss, (scores.argmax(1) == batch.labels).sum()

    def judge(self, epoch: int, train_loss: float, train_share: float) -> Epoch:
        scores = torch.from_numpy(predict(self.model, self.val))
        labels = self.val.labels.cpu()
        return Epoch(
            seed=self.seed,
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=train_share,
            val_loss=float(nn.functional.cross_entropy(scores, labels)),
            val_accuracy=float((scores.argmax(1) == labels).double().mean()),
        )


def fit(
    model: nn.Module,
    train: Examples,
    val: Examples,
    recipe: Recipe,
    seed: int,
    *,
    state: Path | None = None,
    identity: str = "",
    save_every_s: float = SAVE_EVERY_S,
    watch: Watch | None = None,
) -> tuple[Epoch, ...]:
    """Return the epochs of a training, whose best weights ``model`` then has.

    Args:
        model: called with values and present, returns scores; on the device of the examples, and
            with the weights that training starts from.
        train: what it learns from.
        val: what decides when to stop, and which epoch was the best.
        recipe: the hyper-parameters.
        seed: of every random choice.
        state: the file that holds the training while it runs, and from which it goes on.
        identity: what must be the same to go on: a text that stands for data and options.
        save_every_s: how often the state is written.
        watch: who is told.

    Raises:
        DataError: the state is damaged or belongs to another training.
    """
    told = watch or Watch()
    return loop.fit(
        model,
        torch.optim.Adam(model.parameters(), lr=recipe.rate, fused=True),
        _Task(model, train, val, recipe, seed),
        Pace(recipe.epochs, recipe.batch, recipe.clip, recipe.patience),
        seed,
        diary=Diary(state, identity, save_every_s),
        told_step=lambda epoch, step, steps: told.step(seed, epoch, step, steps),
        told_epoch=told.epoch,
    )


@torch.inference_mode()
def predict(model: nn.Module, examples: Examples) -> NDArray[np.float64]:
    """Return the scores (N, classes) of all videos, at their equidistant rows."""
    model.eval()
    found = [
        _scores(model, examples.equidistant(slice(start, start + JUDGED_AT_ONCE))).double().cpu()
        for start in range(0, len(examples), JUDGED_AT_ONCE)
    ]
    answers: NDArray[np.float64] = torch.cat(found).numpy()
    return answers


def half_of(recipe: Recipe, device: str) -> torch.dtype | None:
    """Return the 16-bit type in which a training multiplies matrices here, None: in 32 bits."""
    if recipe.precision == "full":
        return None
    return precision.of_cpu() if device == "cpu" else precision.of_gpu(device)


def arithmetic_of(recipe: Recipe, device: str) -> str:
    """Return the name of the type in which a training multiplies matrices here."""
    return str(half_of(recipe, device) or torch.float32).removeprefix("torch.")


def _scores(
    model: nn.Module,
    batch: Batch,
    drop: packed.Drop | None = None,
    half: torch.dtype | None = None,
) -> Tensor:
    kind = batch.labels.device.type
    if kind == "cpu" and isinstance(model, Classifier) and model.config.mask:
        return packed.scores(model, batch.values, batch.present, drop, half)
    with loop.mixed(kind, half):
        scores: Tensor = model(batch.values, batch.present)
    return scores
