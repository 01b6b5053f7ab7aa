"""Training of a checkpoint: every seed, and all that lies in its folder in the end.

A checkpoint is a folder with ``model.safetensors``, ``card.md``, ``history.csv`` and ``split.csv``.
If there are several seeds, each has a folder in ``seeds``, and the checkpoint's own classifier is
the one that did best in validation.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from vemoclap import files
from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.model import Classifier, Config
from vemoclap.training import classifier_task, evaluate, loop, model_card, splits
from vemoclap.training.batches import Examples
from vemoclap.training.classifier_task import Epoch, Recipe
from vemoclap.training.evaluate import Evaluation
from vemoclap.training.loop import HISTORY, STATE, Callbacks, ResumeOptions
from vemoclap.training.records import Split, Store


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
    save_every_s: float = loop.SAVE_EVERY_S,
    callbacks: Callbacks[Epoch] | None = None,
) -> Evaluation:
    """Train a classifier per seed and write the checkpoint; return how well it does.

    It is evaluated on the split that tests, or where there is none on that which validates.

    Args:
        store: the features.
        folder: of the checkpoint; with ``resume``, seeds that are done are left as they are.
        plan: what is to be trained.
        resume: whether to resume a training that was cut off.
        save_every_s: how often the state of a training is written.
        callbacks: who is told how it goes.

    Raises:
        UsageError: the folder has something in it already, and nothing is to be resumed.
        DataError: the features lack what the protocol needs, or the folder holds another training.
    """
    loop.claim(folder, resume=resume)
    divided = splits.divide(store, plan.protocol, plan.blacklist)
    config = classifier_task.config_of(
        divided.schema, divided.of(Split.TRAIN), plan.recipe, store.schema.note
    )
    identity = _identity(divided, plan, config)
    tested = Split.TEST if divided.of(Split.TEST) else Split.VAL
    parts = {
        split: Examples(divided.of(split), config, plan.device)
        for split in (Split.TRAIN, Split.VAL, tested)
    }
    homes = {seed: folder / evaluate.SEEDS / str(seed) for seed in plan.seeds}
    if len(homes) == 1:
        homes = {plan.seeds[0]: folder}
    splits.write(folder, divided)
    for seed, home in homes.items():
        if (home / classifier_model.FILE).exists():
            loop.demand_same(home / classifier_model.FILE, identity)
            continue
        options = ResumeOptions(home / STATE, identity, save_every_s)
        _train_seed(home, parts, plan, seed, resume=options, callbacks=callbacks)
    _choose(folder, homes)
    evaluation = evaluate.evaluate(folder, store, tested, plan.device)
    model_card.write(folder, divided, plan.protocol, evaluation)
    return evaluation


def _train_seed(
    home: Path,
    parts: Mapping[Split, Examples],
    plan: Plan,
    seed: int,
    *,
    resume: ResumeOptions,
    callbacks: Callbacks[Epoch] | None,
) -> None:
    """Train, calibrate and write the classifier of one seed."""
    torch.manual_seed(seed)
    train, val = parts[Split.TRAIN], parts[Split.VAL]
    model = Classifier(train.config).to(plan.device)
    epochs = classifier_task.fit(
        model, train, val, plan.recipe, seed, resume=resume, callbacks=callbacks
    )
    evaluate.calibrated(model, val)
    model.config = replace(model.config, note=_note(model, parts, plan))
    loop.finish(
        home,
        epochs,
        partial(classifier_model.save, model),
        plan.recipe,
        protocol=plan.protocol,
        seed=seed,
        arithmetic=classifier_task.dtype_name(plan.recipe, plan.device),
        identity=resume.identity,
    )


def _choose(folder: Path, homes: Mapping[int, Path]) -> None:
    """Give a checkpoint the classifier of the seed that did best in validation, and all epochs."""
    if len(homes) == 1:
        return
    histories = {
        home: loop.read_rows(home / HISTORY, Epoch, "train the classifier again")
        for home in homes.values()
    }
    best = max(histories, key=lambda home: loop.best_of(histories[home]).selection_score)
    shutil.copyfile(best / classifier_model.FILE, folder / classifier_model.FILE)
    loop.write_rows(folder / HISTORY, [one for epochs in histories.values() for one in epochs])


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
        "arithmetic": classifier_task.dtype_name(plan.recipe, plan.device),
        "torch": torch.__version__,
    }
    return files.fingerprint(said)


def _note(model: Classifier, parts: Mapping[Split, Examples], plan: Plan) -> str:
    """Return how far to trust a classifier, as every report of it will say."""
    kind, tested = ("test", Split.TEST) if Split.TEST in parts else ("validation", Split.VAL)
    share = evaluate.run_of(model, parts[tested], "").metrics.accuracy
    source = model.config.note.rstrip(".")  # of the collection, until now
    return (
        f"Trained here on {len(parts[Split.TRAIN])} videos{f' ({source})' if source else ''}, "
        f"protocol {plan.protocol}; it names the right one of {len(model.config.labels)} emotions "
        f"for {100 * share:.0f} of 100 of their {kind} videos."
    )
