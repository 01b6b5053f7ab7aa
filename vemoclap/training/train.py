"""Training of a checkpoint: every seed, and all that lies in its folder in the end.

A checkpoint is a folder with ``model.safetensors``, ``card.md``, ``history.csv`` and ``split.csv``.
If there are several seeds, each has a folder in ``seeds``, and the checkpoint's own classifier is
the one that did best in validation.
"""

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from vemoclap import files
from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.model import Classifier, Config
from vemoclap.errors import DataError
from vemoclap.training import classifier_task, evaluate, loop, model_card, splits
from vemoclap.training.batches import Examples
from vemoclap.training.classifier_task import Epoch, Watch
from vemoclap.training.evaluate import Evaluation
from vemoclap.training.recipe import Recipe, config_of
from vemoclap.training.records import Split, Store

STATE = "state.pt"  # a training that is not done
HISTORY = "history.csv"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained."""

    recipe: Recipe
    protocol: str = splits.PAPER
    seeds: tuple[int, ...] = (0,)
    blacklist: Path | None = None  # videos to leave out
    device: str = "cpu"


def train(
    store: Store,
    folder: Path,
    plan: Plan,
    *,
    resume: bool = False,
    save_every_s: float = classifier_task.SAVE_EVERY_S,
    watch: Watch | None = None,
) -> Evaluation:
    """Train a classifier per seed and write the checkpoint; return how well it does.

    It is judged on the split that tests, or where there is none on that which validates.

    Args:
        store: the features.
        folder: of the checkpoint.
        plan: what is to be trained.
        resume: go on with a training that was cut; seeds that are done are left as they are.
        save_every_s: how often the state of a training is written.
        watch: who is told how it goes.

    Raises:
        UsageError: the folder has something in it already, and nothing is to be resumed.
        DataError: the features do not have what the protocol needs, or the folder holds another
            training.
    """
    loop.claim(folder, resume=resume)
    divided = splits.divide(store, plan.protocol, plan.blacklist)
    config = config_of(divided.schema, divided.of(Split.TRAIN), plan.recipe, store.schema.note)
    identity = _identity(divided, plan, config)
    tested = Split.TEST if divided.of(Split.TEST) else Split.VAL
    parts = {
        split: Examples(divided.of(split), config, plan.device)
        for split in (Split.TRAIN, Split.VAL, tested)
    }
    homes = _homes(folder, plan.seeds)
    folder.mkdir(parents=True, exist_ok=True)
    splits.write(folder, divided)
    histories = {}
    for seed, home in homes.items():
        if (home / classifier_model.FILE).exists():
            loop.demand_same(home / classifier_model.FILE, identity)
            histories[seed] = read_history(home / HISTORY)
            continue
        torch.manual_seed(seed)
        model = Classifier(config).to(plan.device)
        epochs = classifier_task.fit(
            model,
            parts[Split.TRAIN],
            parts[Split.VAL],
            plan.recipe,
            seed,
            state=home / STATE,
            identity=identity,
            save_every_s=save_every_s,
            watch=watch,
        )
        histories[seed] = epochs
        evaluate.warmed(model, parts[Split.VAL])
        run = evaluate.judge(model, parts[tested], str(seed))
        model.config = replace(model.config, note=_note(divided, plan, tested, run))
        home.mkdir(parents=True, exist_ok=True)
        loop.write_history(home / HISTORY, epochs)
        classifier_model.save(model, home, _training(plan, seed, identity, epochs))
        (home / STATE).unlink(missing_ok=True)
    if len(homes) > 1:
        best = max(homes, key=lambda seed: classifier_task.best_of(histories[seed]).merit)
        shutil.copyfile(homes[best] / classifier_model.FILE, folder / classifier_model.FILE)
        loop.write_history(folder / HISTORY, [one for seed in homes for one in histories[seed]])
    evaluation = evaluate.evaluate(folder, store, tested, plan.device)
    (folder / model_card.FILE).write_text(
        model_card.text(folder, divided, plan.protocol, evaluation), "utf-8"
    )
    return evaluation


def _homes(folder: Path, seeds: Sequence[int]) -> dict[int, Path]:
    """Return the folder of each seed."""
    if len(seeds) == 1:
        return {seeds[0]: folder}
    return {seed: folder / evaluate.SEEDS / str(seed) for seed in seeds}


def _identity(divided: Store, plan: Plan, config: Config) -> str:
    """Return what is the same for two trainings only if they may share their steps."""
    videos = [
        (
            video.id,
            video.label,
            video.split,
            [0 if rows is None else len(rows) for _, rows in sorted(video.features.items())],
        )
        for video in divided.videos
    ]
    said = {
        "recipe": asdict(plan.recipe),
        "config": asdict(config),
        "videos": videos,
        "device": plan.device,
        "arithmetic": classifier_task.arithmetic_of(plan.recipe, plan.device),
        "torch": torch.__version__,
    }
    return files.fingerprint(said)


def _training(plan: Plan, seed: int, identity: str, epochs: Sequence[Epoch]) -> Mapping[str, Any]:
    return {
        "protocol": plan.protocol,
        "seed": seed,
        "recipe": asdict(plan.recipe),
        "epochs": len(epochs),
        "best_epoch": classifier_task.best_of(epochs).epoch,
        "arithmetic": classifier_task.arithmetic_of(plan.recipe, plan.device),
        "torch": torch.__version__,
        "identity": identity,
    }


def _note(divided: Store, plan: Plan, tested: Split, run: evaluate.Run) -> str:
    """Return how far to trust a classifier, as every report of it will say."""
    kind = "test" if tested is Split.TEST else "validation"
    source = f" ({divided.schema.note.rstrip('.')})" if divided.schema.note else ""
    return (
        f"Trained here on {len(divided.of(Split.TRAIN))} videos{source}, protocol "
        f"{plan.protocol}; it names the right one of {len(divided.schema.labels)} emotions for "
        f"{100 * run.metrics.accuracy:.0f} of 100 of their {kind} videos."
    )


# -- history ----------------------------------------------------------------------------------


def read_history(path: Path) -> tuple[Epoch, ...]:
    """Return the epochs that ``training.write_history`` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_epoch(row) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}); train the classifier again.") from error


def _epoch(row: Mapping[str, str]) -> Epoch:
    losses = {
        name: float(row[name])
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    }
    return Epoch(seed=int(row["seed"]), epoch=int(row["epoch"]), **losses)
