"""Training of the end-to-end model, and all that lies in its folder in the end.

A checkpoint is a folder with ``model.safetensors``, ``card.md`` and ``history.csv``.
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemoclap import files
from vemoclap.engines import precision
from vemoclap.errors import DataError
from vemoclap.mer import card, evaluate, metrics, model
from vemoclap.mer.evaluate import Evaluation
from vemoclap.mer.examples import Examples, predict
from vemoclap.mer.inputs import Shape
from vemoclap.mer.model import Mer, Recipe
from vemoclap.mer.prepare import Prepared
from vemoclap.training import loop
from vemoclap.training.loop import STATE, Callbacks, ResumeOptions, Schedule
from vemoclap.training.records import Split


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained."""

    recipe: Recipe
    shape: Shape
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Epoch:
    """How one epoch went."""

    epoch: int  # from 1
    train_loss: float  # mean over the epoch's utterances, with dropout
    train_accuracy: float  # share of all yes-or-no answers that were right, at 0.5
    val_loss: float
    val_accuracy: float  # at 0.5
    val_macro_f1: float  # with the thresholds that this epoch would get

    @property
    def selection_score(self) -> tuple[float, ...]:
        """What is to grow: the loss of validation, turned round.

        F1 with thresholds chosen on the same few utterances jumps too much to stop by.
        """
        return (-self.val_loss,)


@dataclass(frozen=True, slots=True)
class _Task:
    """Utterances to learn from and to validate with."""

    model: Mer
    train: Examples
    val: Examples
    kind: type[Epoch] = Epoch

    def __len__(self) -> int:
        return len(self.train)

    def loss(self, which: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        torch.manual_seed(int(rng.integers(2**63)))  # of dropout
        batch, labels = self.train.batch(which), self.train.labels(which)
        device = labels.device.type
        with loop.autocast(device, precision.of_gpu(device)):
            scores = self.model(batch)
        loss = nn.functional.binary_cross_entropy_with_logits(scores.float(), labels)
        right = ((scores > 0) == labels.bool()).double().mean(1).sum()
        return loss, right

    def validate(self, epoch: int, train_loss: float, train_accuracy: float) -> Epoch:
        found, truth = predict(self.model, self.val), self.val.truth
        best = metrics.thresholds(truth, found)
        return Epoch(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val_loss=_entropy(truth, found),
            val_accuracy=float(((found >= metrics.UNDECIDED) == truth).mean()),
            val_macro_f1=metrics.measure(truth, found >= np.array(best), "?" * len(best)).macro_f1,
        )


def train(
    prepared: Prepared,
    folder: Path,
    plan: Plan,
    *,
    resume: bool = False,
    save_every_s: float = loop.SAVE_EVERY_S,
    callbacks: Callbacks[Epoch] | None = None,
) -> Evaluation:
    """Train the model and write the checkpoint; return how well it does.

    It is evaluated on the split that tests, or where there is none on that which validates.

    Args:
        prepared: the utterances.
        folder: of the checkpoint.
        plan: what is to be trained.
        resume: whether to resume a training.
        save_every_s: how often the state of the training is written.
        callbacks: who is told how it goes.

    Raises:
        UsageError: the folder has something in it already, and nothing is to be resumed.
        DataError: a split is empty, the training diverges, or the folder holds another training.
        WeightsError: a backbone is missing or damaged.
    """
    loop.claim(folder, resume=resume)
    torch.manual_seed(plan.seed)
    network = model.published(plan.device, plan.shape, plan.recipe, prepared.labels)
    identity = _identity(prepared, plan, network)
    if (folder / model.FILE).exists():
        loop.demand_same(folder / model.FILE, identity)
    else:
        options = ResumeOptions(folder / STATE, identity, save_every_s)
        epochs = _fit(network, prepared, plan, options, callbacks)
        if not np.isfinite(loop.best_of(epochs).val_loss):
            raise DataError(
                f"The training of {folder} diverged: loss is NaN or infinite; delete the folder "
                "and train with a smaller --lr."
            )
        save = partial(model.save, network)
        loop.finish(folder, epochs, save, plan.recipe, seed=plan.seed, identity=identity)
    splits = {one.piece.split for one in prepared.kept}
    tested = Split.TEST if Split.TEST in splits else Split.VAL
    evaluation = evaluate.evaluate(folder, prepared, tested, plan.device)
    card.write(folder, prepared, evaluation)
    return evaluation


def _fit(
    network: Mer,
    prepared: Prepared,
    plan: Plan,
    resume: ResumeOptions,
    callbacks: Callbacks[Epoch] | None,
) -> tuple[Epoch, ...]:
    """Train the network and choose its thresholds; return its epochs."""
    recipe = plan.recipe
    learnt, val = (
        Examples(prepared, split, network.config, plan.device) for split in (Split.TRAIN, Split.VAL)
    )
    epochs = loop.fit(
        network,
        optimiser(network, recipe),
        _Task(network, learnt, val),
        Schedule(recipe.epochs, recipe.batch, recipe.clip, recipe.patience),
        plan.seed,
        resume=resume,
        callbacks=callbacks,
    )
    best = metrics.thresholds(val.truth, predict(network, val))
    network.config = replace(network.config, thresholds=best, note=_note(prepared))
    return epochs


def optimiser(network: Mer, recipe: Recipe) -> torch.optim.Optimizer:
    """Return what changes the weights: the backbones at their share of the learning rate."""
    others = [*network.over_time.parameters(), *network.head.parameters()]
    groups: list[dict[str, Any]] = [
        {"params": list(network.backbones.parameters()), "lr": recipe.rate * recipe.backbones},
        {"params": others, "lr": recipe.rate},
    ]
    return torch.optim.Adam(groups, fused=True)


def _entropy(truth: metrics.Labels, found: metrics.Probabilities) -> float:
    """Return the mean binary cross-entropy."""
    safe = np.clip(np.where(truth, found, 1 - found), 1e-12, 1)
    return float(-np.log(safe).mean())


def _identity(prepared: Prepared, plan: Plan, network: Mer) -> str:
    """Return what is the same for two trainings only if they may share their steps."""
    said = {
        "recipe": asdict(plan.recipe),
        "seed": plan.seed,
        "device": plan.device,
        "config": asdict(network.config),
        "begins": [float(one.detach().double().sum()) for one in network.backbones.parameters()],
        "pieces": [
            (one.piece.id, one.path.name, one.piece.split, one.piece.present)
            for one in prepared.kept
        ],
        "torch": torch.__version__,
    }
    return files.fingerprint(said)


def _note(prepared: Prepared) -> str:
    """Return how far to trust the model, as every timeline of it will say."""
    count = sum(one.piece.split is Split.TRAIN for one in prepared.kept)
    return (
        f"Trained here on {count} utterances of {prepared.note}; it says what annotators would see "
        "and hear in an utterance like those, not what anybody feels."
    )
