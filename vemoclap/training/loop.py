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
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemoclap import files
from vemoclap.engines import precision
from vemoclap.errors import DataError, UsageError
from vemoclap.weights import checkpoint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_HALF_WRITTEN = re.compile(r"(state\.pt|model\.safetensors)\.\d+\.part")
STATE = "state.pt"  # of a training that is not done
HISTORY = "history.csv"
SAVE_EVERY_S = 30.0  # at most this much work is lost when a training is killed


class Graded(Protocol):
    """How one epoch went: a dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def epoch(self) -> int:
        """Its number, from 1."""

    @property
    def selection_score(self) -> tuple[float, ...]:
        """What is to grow: the epoch that has most of it is kept."""


E = TypeVar("E", bound=Graded)
R = TypeVar("R", bound="DataclassInstance")
E_co = TypeVar("E_co", bound=Graded, covariant=True)


class Task(Protocol[E_co]):
    """What is to be learnt, and how well it was."""

    @property
    def kind(self) -> type[E_co]:
        """The class of what ``validate`` returns."""

    def __len__(self) -> int:
        """How many examples there are to learn from."""

    def loss(self, which: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the mean loss of these examples, and how many of them were answered rightly.

        All that is random comes from ``rng``.
        """

    def validate(self, epoch: int, train_loss: float, train_accuracy: float) -> E_co:
        """Return how the epoch went: its number, its mean loss and share of right answers."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and in which steps to train."""

    epochs: int  # at most
    batch: int  # examples of a step
    clip: float  # largest norm of the gradient
    patience: int  # epochs in a row without a better one before training stops


@dataclass(frozen=True, slots=True)
class ResumeOptions:
    """Where a training is written while it runs, so that it can be resumed."""

    path: Path | None = None  # the file; None: nowhere
    identity: str = ""  # what must be the same to resume: a text that stands for data and options
    every_s: float = SAVE_EVERY_S


@dataclass(frozen=True, slots=True)
class Callbacks(Generic[E]):
    """Who is told how a training goes."""

    on_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None
    on_epoch: Callable[[E], None] = lambda epoch: None


@dataclass
class _TrainState(Generic[E]):
    """What changes with every step."""

    LEARNER: ClassVar = ("model", "optimiser", "scaler")
    PROGRESS: ClassVar = ("step", "loss", "right")
    model: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: "torch.amp.GradScaler"  # does something only for 16-bit floats, which overflow
    best: dict[str, Tensor]  # the weights of the best epoch so far
    epochs: list[E] = field(default_factory=list)  # that are done
    step: int = 0  # steps done of the next one
    loss: float = 0.0  # sum over the examples of these steps
    right: float = 0.0  # examples of these steps answered rightly
    saved_s: float = field(default_factory=time.monotonic)  # when it was written last

    def save_in_time(self, options: ResumeOptions) -> None:
        """Write all of it if it was not written for a while."""
        if options.path is not None and time.monotonic() - self.saved_s >= options.every_s:
            self.save(options.path, options.identity)
            self.saved_s = time.monotonic()

    def save(self, path: Path, identity: str) -> None:
        """Write all of it; see ``restore``."""
        epochs = [asdict(one) for one in self.epochs]
        content = {
            "identity": identity,
            "learner": {name: getattr(self, name).state_dict() for name in self.LEARNER},
            "progress": {name: getattr(self, name) for name in self.PROGRESS} | {"epochs": epochs},
            "best": self.best,
        }
        advice = "free some space and run the command again with --resume"
        with (
            files.explain_os_errors(path, "cannot be written", advice),
            files.whole_file(path) as part,
        ):
            torch.save(content, part)

    def restore(self, path: Path, identity: str, kind: type[E]) -> None:
        """Become what was saved of the training of this identity, its epochs being of a kind."""
        device = next(self.model.parameters()).device
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
        for name in self.LEARNER:
            getattr(self, name).load_state_dict(content["learner"][name])
        for name in self.PROGRESS:
            setattr(self, name, content["progress"][name])
        self.epochs = [kind(**epoch) for epoch in content["progress"]["epochs"]]
        self.best = content["best"]


def fit(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    task: Task[E],
    schedule: Schedule,
    seed: int,
    *,
    resume: ResumeOptions | None = None,
    callbacks: Callbacks[E] | None = None,
) -> tuple[E, ...]:
    """Return the epochs of a training, whose best weights ``model`` then has.

    Args:
        model: what learns, on its device and with the weights that training starts from.
        optimiser: of its parameters.
        task: what it learns.
        schedule: how long.
        seed: of every random choice.
        resume: where the training is kept while it runs, and from which it is resumed.
        callbacks: who is told how it goes.

    Raises:
        DataError: what is kept is damaged or belongs to another training.
    """
    resume, told = resume or ResumeOptions(), callbacks or Callbacks()
    device = next(model.parameters()).device.type
    scaler = torch.amp.GradScaler(device, enabled=precision.of_gpu(device) is torch.float16)
    state: _TrainState[E] = _TrainState(model, optimiser, scaler, _copy(model))
    if resume.path is not None and resume.path.exists():
        state.restore(resume.path, resume.identity, task.kind)
    with reproducible(device):
        while not _over(state.epochs, schedule):
            epoch = len(state.epochs) + 1
            for steps in _steps(state, task, schedule, seed):
                told.on_step(epoch, state.step, steps)
                state.save_in_time(resume)
            done = task.validate(epoch, state.loss / len(task), state.right / len(task))
            if all(done.selection_score > one.selection_score for one in state.epochs):
                state.best = _copy(model)
            state.epochs.append(done)
            state.step, state.loss, state.right = 0, 0.0, 0.0
            told.on_epoch(done)
    model.load_state_dict(state.best)
    model.eval()
    return tuple(state.epochs)


def best_of(epochs: Sequence[E]) -> E:
    """Return the epoch whose weights are kept: the first of the best."""
    return max(epochs, key=lambda epoch: epoch.selection_score)  # `max` keeps the first of equals


def _steps(state: _TrainState[E], task: Task[E], schedule: Schedule, seed: int) -> Iterator[int]:
    """Take the steps of an epoch that are still to be taken; after each, yield how many it has."""
    epoch, batch = len(state.epochs), schedule.batch
    order = np.random.default_rng([seed, epoch]).permutation(len(task))
    steps = -(-len(task) // batch)
    while state.step < steps:
        which = order[state.step * batch : (state.step + 1) * batch]
        rng = np.random.Generator(np.random.SFC64([seed, epoch, state.step, 1]))
        loss, right = _step(state, task, which, schedule.clip, rng)
        state.loss += loss * len(which)
        state.right += right
        state.step += 1
        yield steps


def _step(
    state: _TrainState[E],
    task: Task[E],
    which: NDArray[np.int64],
    clip: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the loss of a batch and how many of it were right, after learning from it."""
    state.model.train()
    state.optimiser.zero_grad()
    loss, right = task.loss(which, rng)
    torch.autograd.backward(state.scaler.scale(loss))
    state.scaler.unscale_(state.optimiser)
    nn.utils.clip_grad_norm_(state.model.parameters(), clip)
    state.scaler.step(state.optimiser)
    state.scaler.update()
    loss_and_right = torch.stack([loss.detach().double(), right.double()]).tolist()
    return loss_and_right[0], loss_and_right[1]


def _over(epochs: Sequence[E], schedule: Schedule) -> bool:
    since = len(epochs) - best_of(epochs).epoch if epochs else 0
    return len(epochs) >= schedule.epochs or (bool(epochs) and since >= schedule.patience)


# -- the folder -------------------------------------------------------------------------------


def claim(folder: Path, *, resume: bool) -> None:
    """Raise unless a training may write into ``folder``; remove what a killed one half wrote.

    Raises:
        UsageError: it has something in it already, and nothing is to be resumed.
    """
    if folder.exists() and any(folder.iterdir()) and not resume:
        raise UsageError(
            f"{folder} exists already; give --resume to resume its training, or another --out."
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


def finish(
    folder: Path,
    epochs: Sequence[E],
    save: Callable[[Path, dict[str, Any]], object],
    recipe: Any,
    **said: Any,
) -> None:
    """Write what a training came to, and remove its state.

    Args:
        folder: of the checkpoint.
        epochs: of the training.
        save: writes the model into a folder, with how it was trained.
        recipe: the hyper-parameters, a dataclass.
        said: what else is to be said of the training.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / HISTORY, epochs)
    counts = {"epochs": len(epochs), "best_epoch": best_of(epochs).epoch}
    save(folder, {**said, **counts, "recipe": asdict(recipe), "torch": torch.__version__})
    (folder / STATE).unlink(missing_ok=True)


def write_rows(path: Path, rows: Sequence[Any]) -> None:
    """Write dataclasses of plain values, epochs or runs, as CSV."""
    names = [one.name for one in fields(rows[0])]
    with files.whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, names, lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(row) for row in rows)


def read_rows(path: Path, kind: type[R], advice: str) -> tuple[R, ...]:
    """Return what ``write_rows`` wrote of dataclasses of a kind.

    Raises:
        DataError: the file is missing or damaged; ``advice`` says what to do.
    """
    types: dict[str, Any] = {one.name: one.type for one in fields(kind)}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(
                kind(**{name: of(row[name]) for name, of in types.items()})
                for row in csv.DictReader(file)
            )
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is damaged ({error}); {advice}.") from error


# -- the device -------------------------------------------------------------------------------


def autocast(device: str, dtype: torch.dtype | None) -> torch.autocast:
    """Return the context in which matrices are multiplied in a 16-bit type, if it is one."""
    mixed = dtype not in (None, torch.float32)
    return torch.autocast(device.partition(":")[0], dtype, enabled=mixed)


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


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}
