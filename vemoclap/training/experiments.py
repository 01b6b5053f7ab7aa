"""Conditions, each trained with several seeds -> a table and a picture of how they differ.

Every finished training is written down at once, so that an experiment that was cut goes on where
it stopped.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from vemoclap import files
from vemoclap.classifier.model import Classifier, Config
from vemoclap.errors import DataError, UsageError
from vemoclap.training import classifier_task, loop, metrics, plots, splits
from vemoclap.training.batches import Examples
from vemoclap.training.classifier_task import Epoch, Recipe, config_of
from vemoclap.training.fusions import FUSIONS
from vemoclap.training.loop import Callbacks
from vemoclap.training.markdown import render
from vemoclap.training.metrics import Spread
from vemoclap.training.records import Split, Store

FRAMES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is trained: with every seed, and judged on its own test videos."""

    name: str
    divided: Store  # in splits
    recipe: Recipe
    build: Callable[[Config], nn.Module] = Classifier
    amount: float | None = None  # its place on an axis, where the conditions have one


def ablation(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training with all features, without each of them, and with each of them alone."""
    divided = splits.divide(store, how, listed)
    names = sorted(store.schema.columns)
    if len(names) < 2:
        raise UsageError("There is one feature only, so that none can be left out.")
    parts = {"all": names}
    parts |= {f"without {name}": [one for one in names if one != name] for name in names}
    parts |= {f"only {name}": [name] for name in names}
    return [Condition(name, only(divided, kept), recipe) for name, kept in parts.items()]


def frames(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training with more and more rows of every sequence."""
    divided = splits.divide(store, how, listed)
    return [
        Condition(f"n = {count}", divided, replace(recipe, frames=count), amount=count)
        for count in FRAMES
    ]


def fusion(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training of cross-attention and of other ways to make one answer of all features."""
    divided = splits.divide(store, how, listed)
    return [Condition(name, divided, recipe, build) for name, build in FUSIONS.items()]


def cleaning(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training and testing with and without the videos of a blacklist.

    The middle condition tells what is gained by cleaner tests alone.

    Raises:
        UsageError: the protocol is one that always cleans.
    """
    if how == splits.APP:
        raise UsageError("The protocol app always leaves out a blacklist; compare with paper.")
    original = splits.divide(store, how)
    cleaned = splits.divide(store, how, listed or splits.BLACKLIST)
    kept = {video.id for video in cleaned.of(Split.TEST)}
    half = original.without(v.id for v in original.of(Split.TEST) if v.id not in kept)
    return [
        Condition("original", original, recipe),
        Condition("trained on original, tested on cleaned", half, recipe),
        Condition("cleaned", cleaned, recipe),
    ]


QUESTIONS: Mapping[str, Callable[[Store, Recipe, str, Path | None], list[Condition]]] = {
    "ablation": ablation,
    "frames": frames,
    "fusion": fusion,
    "cleaning": cleaning,
}
MEANINGS = {
    "ablation": "What each feature adds: left out, and alone.",
    "frames": "What more rows per sequence add. With n = 1 there is nothing to attend to, and the "
    "features are put side by side.",
    "fusion": "Cross-attention and other ways to make one answer of all features.",
    "cleaning": "What it gains to leave out the videos of the blacklist.",
}


def only(store: Store, names: Iterable[str]) -> Store:
    """Return the store with some of its features."""
    kept = set(names)
    schema = store.schema
    columns = {name: column for name, column in schema.columns.items() if name in kept}
    videos = tuple(
        replace(video, features={name: video.features[name] for name in columns})
        for video in store.videos
    )
    return Store(replace(schema, columns=columns), videos)


RUNS = "runs.csv"


@dataclass(frozen=True, slots=True)
class Run:
    """One training."""

    condition: str
    seed: int
    accuracy: float
    macro_f1: float
    epochs: int
    parameters: int
    train: int  # videos
    test: int
    identity: str  # of data and options, so that no run is taken for another


@dataclass(frozen=True, slots=True)
class Result:
    """One condition, over its seeds."""

    condition: Condition
    runs: tuple[Run, ...]

    @property
    def accuracy(self) -> Spread:
        """Of the test videos."""
        return metrics.spread([run.accuracy for run in self.runs])

    @property
    def macro_f1(self) -> Spread:
        """Of the test videos."""
        return metrics.spread([run.macro_f1 for run in self.runs])


def run(
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    out: Path,
    *,
    device: str = "cpu",
    callbacks: Callable[[str], Callbacks[Epoch]] = lambda condition: Callbacks(),
) -> list[Result]:
    """Return the results of all conditions, training what is not written down in ``out`` yet.

    Raises:
        DataError: a condition has no videos to train on, to validate with or to test on.
    """
    out.mkdir(parents=True, exist_ok=True)
    known = {(one.condition, one.seed, one.identity): one for one in read_runs(out / RUNS)}
    results = []
    for condition in conditions:
        for split in (Split.TRAIN, Split.VAL):
            if not condition.divided.of(split):
                raise DataError(f"{condition.name}: no video is left in the split {split}.")
        identity = _identity(condition, device)
        missing = [s for s in seeds if (condition.name, s, identity) not in known]
        for one in _train(condition, missing, device, identity, callbacks(condition.name)):
            known[one.condition, one.seed, one.identity] = one
            loop.write_rows(out / RUNS, list(known.values()))
        chosen = tuple(known[condition.name, seed, identity] for seed in seeds)
        results.append(Result(condition, chosen))
    loop.write_rows(out / RUNS, [one for result in results for one in result.runs])
    return results


def _train(
    condition: Condition,
    seeds: Sequence[int],
    device: str,
    identity: str,
    callbacks: Callbacks[Epoch],
) -> Iterator[Run]:
    """Yield a run per seed as it ends."""
    if not seeds:
        return
    divided, recipe = condition.divided, condition.recipe
    tested = Split.TEST if divided.of(Split.TEST) else Split.VAL
    config = config_of(divided.schema, divided.of(Split.TRAIN), recipe, "")
    train, val, test = (
        Examples(divided.of(split), config, device) for split in (Split.TRAIN, Split.VAL, tested)
    )
    labels = test.labels.cpu().numpy()
    for seed in seeds:
        torch.manual_seed(seed)
        model = condition.build(config).to(device)
        epochs = classifier_task.fit(model, train, val, recipe, seed, callbacks=callbacks)
        answers = classifier_task.predict(model, test).argmax(axis=1)
        found = metrics.measure(labels, answers, config.labels)
        yield Run(
            condition=condition.name,
            seed=seed,
            accuracy=found.accuracy,
            macro_f1=found.macro_f1,
            epochs=len(epochs),
            parameters=sum(one.numel() for one in model.parameters()),
            train=len(train),
            test=len(test),
            identity=identity,
        )


def _identity(condition: Condition, device: str) -> str:
    divided = condition.divided
    said = {
        "recipe": asdict(condition.recipe),
        "build": getattr(condition.build, "__qualname__", ""),
        "columns": {name: asdict(column) for name, column in divided.schema.columns.items()},
        "videos": [
            (
                video.id,
                video.label,
                video.split,
                # A number of the values themselves, as two collections may share their names.
                [
                    None if rows is None else (len(rows), float(rows[0, 0]))
                    for _, rows in sorted(video.features.items())
                ],
            )
            for video in divided.videos
        ],
        "device": device,
        "arithmetic": classifier_task.dtype_name(condition.recipe, device),
        "torch": torch.__version__,
    }
    return files.fingerprint(said)[:16]


# -- what is written --------------------------------------------------------------------------


def read_runs(path: Path) -> list[Run]:
    """Return the trainings that are written down, none where there is no file.

    Raises:
        DataError: the file is damaged.
    """
    return list(loop.read_rows(path, Run, "delete it to begin anew")) if path.exists() else []


def write(question: str, results: Sequence[Result], note: str, out: Path) -> list[Path]:
    """Write the table, as Markdown and CSV, and the picture of an experiment.

    Args:
        question: "ablation", "frames", "fusion" or "cleaning".
        results: what ``run`` returned, the first being what the others are compared with.
        note: of the collection.
        out: the folder.
    """
    paths = [out / f"{question}.{suffix}" for suffix in ("md", "csv", "png")]
    paths[0].write_text(markdown(question, results, note), "utf-8")
    with paths[1].open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("condition", "accuracy", "accuracy_sd", "macro_f1", "macro_f1_sd", "seeds"))
        for result in results:
            accuracy, macro_f1 = result.accuracy, result.macro_f1
            numbers = (accuracy.mean, accuracy.sd, macro_f1.mean, macro_f1.sd)
            rows.writerow((result.condition.name, *numbers, accuracy.runs))
    amounts = [result.condition.amount for result in results]
    spreads = [result.accuracy for result in results]
    if all(amount is not None for amount in amounts):
        xs = [amount for amount in amounts if amount is not None]
        plots.curve(paths[2], xs, spreads, "n, rows of every sequence", "test accuracy, %")
    else:
        chance = 1 / len(results[0].condition.divided.schema.labels)
        named = [(result.condition.name, result.accuracy) for result in results]
        plots.bars(paths[2], named, "test accuracy, % (mean, SD over seeds)", chance)
    return paths


def markdown(question: str, results: Sequence[Result], note: str) -> str:
    """Return the table of an experiment, with what it was made of."""
    return render(
        "training/experiment.md.j2",
        question=question,
        meaning=MEANINGS[question],
        results=results,
        note=note,
    )
