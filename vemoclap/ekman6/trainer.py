"""One training of one network: epochs, early stopping, and going on after it was killed.

Every random choice of a step is drawn from a generator that the seed, the epoch and the step
make, so that a step needs to know nothing of those before it but the weights and the optimiser's
state. These are written every half minute; what a kill undoes is done again, with the same result.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemoclap.classifier import Classifier
from vemoclap.ekman6 import packed
from vemoclap.ekman6.batches import Batch, Examples
from vemoclap.ekman6.recipe import Recipe
from vemoclap.errors import DataError
from vemoclap.storage import settle

SAVE_EVERY_S = 30.0  # at most this much work is lost when a training is killed
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
class _Learner:
    """What changes with every step."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: "torch.amp.GradScaler"  # does something only for 16-bit floats, which overflow

    def state(self) -> dict[str, Any]:
        """Return all of it in plain values and tensors."""
        return {name: getattr(self, name).state_dict() for name in self.__slots__}

    def take(self, state: dict[str, Any]) -> None:
        """Become what ``state`` said."""
        for name in self.__slots__:
            getattr(self, name).load_state_dict(state[name])


@dataclass
class _Progress:
    """Where a training is, apart from its weights."""

    epoch: int = 0  # epochs done
    step: int = 0  # steps done of the next one
    loss: float = 0.0  # sum over the videos of these steps
    right: int = 0  # videos of these steps answered rightly
    epochs: list[Epoch] = field(default_factory=list)


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
    watch = watch or Watch()
    device = train.device
    learner = _Learner(
        model,
        torch.optim.Adam(model.parameters(), lr=recipe.rate, fused=True),
        torch.amp.GradScaler(device, enabled=_half(device) is torch.float16),
    )
    now, best = _Progress(), _copy(model)
    if state is not None and state.exists():
        now, best = _restore(state, identity, learner)
    steps = -(-len(train) // recipe.batch)
    saved_s = time.monotonic()
    with _reproducible(device):
        while now.epoch < recipe.epochs and not _over(now.epochs, recipe.patience):
            order = np.random.default_rng([seed, now.epoch]).permutation(len(train))
            while now.step < steps:
                which = order[now.step * recipe.batch : (now.step + 1) * recipe.batch]
                rng = np.random.Generator(np.random.SFC64([seed, now.epoch, now.step, 1]))
                batch = train.random(which, rng)
                loss, right = _step(learner, batch, recipe, rng)
                now.loss += loss * len(which)
                now.right += right
                now.step += 1
                watch.step(seed, now.epoch + 1, now.step, steps)
                if state is not None and time.monotonic() - saved_s >= save_every_s:
                    _save(state, identity, learner, now, best)
                    saved_s = time.monotonic()
            done = _judge(model, val, seed, now, len(train))
            if all(done.merit > earlier.merit for earlier in now.epochs):
                best = _copy(model)
            now = _Progress(now.epoch + 1, epochs=[*now.epochs, done])
            watch.epoch(done)
    model.load_state_dict(best)
    model.eval()
    return tuple(now.epochs)


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


# -- one step, one epoch ----------------------------------------------------------------------


def _step(
    learner: _Learner, batch: Batch, recipe: Recipe, rng: np.random.Generator
) -> tuple[float, int]:
    """Return the loss of a batch and how many of it were right, after learning from it."""
    model, optimiser, scaler = learner.model, learner.optimiser, learner.scaler
    model.train()
    torch.manual_seed(int(rng.integers(2**63)))  # of dropout that torch draws
    optimiser.zero_grad()
    kind = batch.labels.device.type
    half = _half(kind)
    with torch.autocast(kind, half, enabled=half is not None):
        scores = _scores(model, batch, packed.dropout(recipe.dropout, rng))
    loss = nn.functional.cross_entropy(scores.float(), batch.labels)
    torch.autograd.backward(scaler.scale(loss))
    scaler.unscale_(optimiser)
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    scaler.step(optimiser)
    scaler.update()
    right = (scores.argmax(1) == batch.labels).sum()
    loss_and_right = torch.stack([loss.detach().double(), right.double()]).tolist()
    return loss_and_right[0], int(loss_and_right[1])


def _scores(model: nn.Module, batch: Batch, drop: packed.Drop | None = None) -> Tensor:
    on_cpu = batch.labels.device.type == "cpu"
    if on_cpu and isinstance(model, Classifier) and model.config.mask:
        return packed.scores(model, batch.values, batch.present, drop)
    scores: Tensor = model(batch.values, batch.present)
    return scores


def _judge(model: nn.Module, val: Examples, seed: int, now: _Progress, count: int) -> Epoch:
    scores = torch.from_numpy(predict(model, val))
    labels = val.labels.cpu()
    return Epoch(
        seed=seed,
        epoch=now.epoch + 1,
        train_loss=now.loss / count,
        train_accuracy=now.right / count,
        val_loss=float(nn.functional.cross_entropy(scores, labels)),
        val_accuracy=float((scores.argmax(1) == labels).double().mean()),
    )


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch whose weights are kept: the first of the best."""
    return max(epochs, key=lambda epoch: epoch.merit)  # `max` keeps the first of equals


def _over(epochs: Sequence[Epoch], patience: int) -> bool:
    return bool(epochs) and epochs[-1].epoch - best_of(epochs).epoch >= patience


# -- the device -------------------------------------------------------------------------------


def _half(device: str) -> torch.dtype | None:
    """Return the type of mixed precision, None on a CPU, which does not gain by it."""
    if not device.startswith("cuda"):
        return None
    real = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if real else torch.float16


@contextmanager
def _reproducible(device: str) -> Iterator[None]:
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
    path: Path, identity: str, learner: _Learner, now: _Progress, best: dict[str, Tensor]
) -> None:
    content = {
        "identity": identity,
        "learner": learner.state(),
        "progress": asdict(now),
        "best": best,
    }
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, part)
        settle(part, path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror or error}); free some space and run the "
            "command again with --resume."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _restore(path: Path, identity: str, learner: _Learner) -> tuple[_Progress, dict[str, Tensor]]:
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
    epochs = [Epoch(**epoch) for epoch in progress["epochs"]]
    return _Progress(**{**progress, "epochs": epochs}), content["best"]
