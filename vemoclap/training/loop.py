"""The loop of a training: epochs, early stopping, and going on after it was killed.

Every random choice of a step is drawn from a generator that the seed, the epoch and the step
make, so that a step needs to know nothing of those before it but the weights and the optimiser's
state. These are written every half minute; what a kill undoes is done again, with the same result.
"""

import csv
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemoclap import files
from vemoclap.engines import precision
from vemoclap.errors import DataError, UsageError
from vemoclap.weights import checkpoint

_HALF_WRITTEN = re.compile(r"(state\.pt|model\.safetensors)\.\d+\.part")
SAVE_EVERY_S = 30.0  # at most this much work is lost when a training is killed


class Graded(Protocol):
    """How one epoch went: a dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def epoch(self) -> int:
        """Its number, from 1."""

    @property
    def merit(self) -> tuple[float, ...]:
        """What is to grow."""


E = TypeVar("E", bound=Graded)
E_co = TypeVar("E_co", bound=Graded, covariant=True)


class Task(Protocol[E_co]):
    """What is to be learnt, and how well it was."""

    @property
    def kind(self) -> type[E_co]:
        """The class of what ``judge`` returns."""

    def __len__(self) -> int:
        """How many examples there are to learn from."""

    def loss(self, which: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the mean loss of these examples, and how many of them were answered rightly.

        All that is random comes from ``rng``.
        """

    def judge(self, epoch: int, train_loss: float, train_share: float) -> E_co:
        """Return how the epoch went: its number, its mean loss and share of right answers."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and in which steps to train."""

    epochs: int  # at most
    batch: int  # examples of a step
    clip: float  # largest norm of the gradient
    patience: int  # epochs in a row without a better one before training stops


@dataclass(frozen=True, slots=True)
class Diary:
    """Where a training is written while it runs."""

    path: Path | None = None  # the file; None: nowhere
    identity: str = ""  # what must be the same to go on: a text that stands for data and options
    every_s: float = SAVE_EVERY_S


@dataclass(frozen=True, slots=True)
class _Learner:
    """What changes with every step."""

    NAMES: ClassVar = ("model", "optimiser", "scaler")
    model: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: "torch.amp.GradScaler"  # does something only for 16-bit floats, which overflow

    def state(self) -> dict[str, Any]:
        """Return all of it in plain values and tensors."""
        return {name: getattr(self, name).state_dict() for name in self.NAMES}

    def take(self, state: dict[str, Any]) -> None:
        """Become what ``state`` said."""
        for name in self.NAMES:
            getattr(self, name).load_state_dict(state[name])


@dataclass
class _Progress(Generic[E]):
    """Where a training is, apart from its weights."""

    epoch: int = 0  # epochs done
    step: int = 0  # steps done of the next one
    loss: float = 0.0  # sum over the examples of these steps
    right: float = 0  # examples of these steps answered rightly
    epochs: list[E] = field(default_factory=list)


def fit(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    task: Task[E],
    pace: Pace,
    seed: int,
    *,
    diary: Diary | None = None,
    told_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None,
    told_epoch: Callable[[E], None] = lambda epoch: None,
) -> tuple[E, ...]:
    """Return the epochs of a training, whose best weights ``model`` then has.

    Args:
        model: what learns, on its device and with the weights that training starts from.
        optimiser: of its parameters.
        task: what it learns.
        pace: how long.
        seed: of every random choice.
        diary: where the training is kept while it runs, and from which it goes on.
        told_step: is called with epoch, step and steps.
        told_epoch: is called with each epoch that is done.

    Raises:
        DataError: the diary is damaged or belongs to another training.
    """
    diary = diary or Diary()
    device = next(model.parameters()).device.type
    scaler = torch.amp.GradScaler(device, enabled=precision.of_gpu(device) is torch.float16)
    learner = _Learner(model, optimiser, scaler)
    now: _Progress[E] = _Progress()
    best = _copy(model)
    if diary.path is not None and diary.path.exists():
        now, best = _restore(diary.path, diary.identity, learner, task.kind)
    steps = -(-len(task) // pace.batch)
    saved_s = time.monotonic()
    with reproducible(device):
        while now.epoch < pace.epochs and not _over(now.epochs, pace.patience):
            order = np.random.default_rng([seed, now.epoch]).permutation(len(task))
            while now.step < steps:
                which = order[now.step * pace.batch : (now.step + 1) * pace.batch]
                rng = np.random.Generator(np.random.SFC64([seed, now.epoch, now.step, 1]))
                loss, right = _step(learner, task, which, pace, rng)
                now.loss += loss * len(which)
                now.right += right
                now.step += 1
                told_step(now.epoch + 1, now.step, steps)
                if diary.path is not None and time.monotonic() - saved_s >= diary.every_s:
                    _save(diary.path, diary.identity, learner, now, best)
                    saved_s = time.monotonic()
            done = task.judge(now.epoch + 1, now.loss / len(task), now.right / len(task))
            if all(done.merit > earlier.merit for earlier in now.epochs):
                best = _copy(model)
            now = _Progress(now.epoch + 1, epochs=[*now.epochs, done])
            told_epoch(done)
    model.load_state_dict(best)
    model.eval()
    return tuple(now.epochs)


def best_of(epochs: Sequence[E]) -> E:
    """Return the epoch whose weights are kept: the first of the best."""
    return max(epochs, key=lambda epoch: epoch.merit)  # `max` keeps the first of equals


def _step(
    learner: _Learner,
    task: Task[E],
    which: NDArray[np.int64],
    pace: Pace,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the loss of a batch and how many of it were right, after learning from it."""
    model, optimiser, scaler = learner.model, learner.optimiser, learner.scaler
    model.train()
    optimiser.zero_grad()
    loss, right = task.loss(which, rng)
    torch.autograd.backward(scaler.scale(loss))
    scaler.unscale_(optimiser)
    nn.utils.clip_grad_norm_(model.parameters(), pace.clip)
    scaler.step(optimiser)
    scaler.update()
    loss_and_right = torch.stack([loss.detach().double(), right.double()]).tolist()
    return loss_and_right[0], loss_and_right[1]


def _over(epochs: Sequence[E], patience: int) -> bool:
    return bool(epochs) and epochs[-1].epoch - best_of(epochs).epoch >= patience


# -- the folder -------------------------------------------------------------------------------


def claim(folder: Path, *, resume: bool) -> None:
    """Raise unless a training may write into ``folder``; remove what a killed one half wrote.

    Raises:
        UsageError: it has something in it already, and nothing is to be resumed.
    """
    if folder.exists() and any(folder.iterdir()) and not resume:
        raise UsageError(
            f"{folder} exists already; give --resume to go on with it, or another --out."
        )
    # Only our own files and places: the folder may be a wrong one that holds others' files.
    for leftover in (*folder.glob("*.part"), *folder.glob("seeds/*/*.part")):
        if _HALF_WRITTEN.fullmatch(leftover.name):
            leftover.unlink(missing_ok=True)


def demand_same(path: Path, identity: str) -> None:
    """Raise unless the finished model at ``path`` comes of the training of this ``identity``.

    Raises:
        DataError: it comes of another.
    """
    _, metadata = checkpoint.read(path, "cpu")
    if metadata.get("training", {}).get("identity") != identity:
        raise DataError(
            f"{path} comes of a training with other options, data or versions; give the same ones "
            "to go on, or another --out to begin anew."
        )


def write_history(path: Path, epochs: Sequence[E]) -> None:
    """Write a row per epoch as CSV."""
    names = [one.name for one in fields(epochs[0])]
    with files.whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, names, lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(epoch) for epoch in epochs)


# -- the device -------------------------------------------------------------------------------


@contextmanager
def mixed(device: str, half: torch.dtype | None) -> Iterator[None]:
    """Multiply matrices in ``half``, where that is not None; sums stay in 32 bits."""
    with torch.autocast(device.partition(":")[0], half, enabled=half is not None):
        yield


@contextmanager
def reproducible(device: str) -> Iterator[None]:
    """Make sums on a GPU come out the same each time, and leave torch's generators as they were."""
    if not device.startswith("cuda"):
        with torch.random.fork_rng(devices=[]):
            yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs for that
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        plain = torch.nn.attention.SDPBackend.MATH
        with torch.random.fork_rng(), torch.nn.attention.sdpa_kernel(plain):
            yield
    finally:
        torch.use_deterministic_algorithms(before)


# -- the state --------------------------------------------------------------------------------


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


def _save(
    path: Path, identity: str, learner: _Learner, now: _Progress[E], best: dict[str, Tensor]
) -> None:
    content = {
        "identity": identity,
        "learner": learner.state(),
        "progress": asdict(now),
        "best": best,
    }
    advice = "free some space and run the command again with --resume"
    with (
        files.explain_os_errors(path, "cannot be written", advice),
        files.whole_file(path) as part,
    ):
        torch.save(content, part)


def _restore(
    path: Path, identity: str, learner: _Learner, kind: type[E]
) -> tuple[_Progress[E], dict[str, Tensor]]:
    device = next(learner.model.parameters()).device
    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises a dozen types, all of which mean the same here
        raise DataError(
            f"{path} is damaged, so that its training cannot go on; delete it to begin anew."
        ) from error
    if content.get("identity") != identity:
        raise DataError(
            f"{path} belongs to a training with other options, data or versions; give the same "
            "ones to go on, or another --out to begin anew."
        )
    learner.take(content["learner"])
    progress = content["progress"]
    epochs = [kind(**epoch) for epoch in progress["epochs"]]
    return _Progress(**{**progress, "epochs": epochs}), content["best"]
