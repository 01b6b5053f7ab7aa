"""A checkpoint and a collection -> how well the one knows the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.model import Classifier, Config
from vemoclap.errors import DataError
from vemoclap.training import calibration, classifier_task, metrics, splits
from vemoclap.training.batches import Examples
from vemoclap.training.calibration import Labels, Reliability, Scores
from vemoclap.training.metrics import ByClass, Metrics, Spread
from vemoclap.training.records import Schema, Split, Store, Video
from vemoclap.weights import cache, checkpoint

RELEASED = "released"  # the name of the paper's own checkpoint, where it was downloaded to
SEEDS = "seeds"  # the folder of a checkpoint's runs, if there are several


@dataclass(frozen=True, slots=True)
class Run:
    """One classifier, judged."""

    name: str  # of its folder: the seed, or the checkpoint's own
    metrics: Metrics
    temperature: float  # that its answers are given with
    before: Reliability  # as if the temperature were 1
    after: Reliability


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A checkpoint, judged on one split of a collection."""

    checkpoint: str
    split: Split
    note: str  # of the collection
    labels: tuple[str, ...]
    runs: tuple[Run, ...]
    warnings: tuple[str, ...]  # where the features are not quite those of training

    def over_runs(self, number: str) -> Spread:
        """Return the spread of "accuracy" or "macro_f1" over the runs."""
        return metrics.spread([getattr(run.metrics, number) for run in self.runs])

    @property
    def count(self) -> int:
        """How many videos were answered."""
        return self.runs[0].metrics.count

    @property
    def by_class(self) -> tuple[ByClass, ...]:
        """The numbers of each emotion, means over the runs."""
        return tuple(
            ByClass(
                label=same[0].label,
                precision=sum(one.precision for one in same) / len(same),
                recall=sum(one.recall for one in same) / len(same),
                f1=sum(one.f1 for one in same) / len(same),
                support=same[0].support,
            )
            for same in zip(*(run.metrics.classes for run in self.runs), strict=True)
        )

    @property
    def confusion(self) -> tuple[tuple[float, ...], ...]:
        """The share of each answer, a row per true label; over all runs."""
        total = np.sum([run.metrics.confusion for run in self.runs], axis=0, dtype=np.float64)
        shares = total / np.maximum(total.sum(axis=1, keepdims=True), 1)
        return tuple(tuple(float(share) for share in row) for row in shares)


def place(name: str) -> Path:
    """Return the folder of a checkpoint, which may be called "released"."""
    return cache.folder("cross-attention") if name == RELEASED else Path(name)


def members(folder: Path) -> tuple[Path, ...]:
    """Return the folders of the classifiers of a checkpoint: one per seed, or its own.

    Raises:
        DataError: there is none.
    """
    seeds = [path.parent for path in (folder / SEEDS).glob(f"*/{classifier_model.FILE}")]
    if seeds:
        return tuple(sorted(seeds, key=lambda path: (len(path.name), path.name)))
    if not (folder / classifier_model.FILE).exists():
        raise DataError(
            f"{folder} holds no trained classifier ({classifier_model.FILE}); train one with "
            f"`vemoclap train`, or name the folder of one, or {RELEASED!r} for the paper's."
        )
    return (folder,)


def evaluate(
    folder: Path, store: Store, split: Split = Split.TEST, device: str = "cpu"
) -> Evaluation:
    """Return how the classifiers in ``folder`` do on a split of ``store``.

    Raises:
        DataError: there is no classifier, it needs other features, or no video is in the split.
        WeightsError: a classifier is damaged.
    """
    divided = splits.recorded(folder, store)
    videos = labelled(divided.of(split))
    if not videos:
        raise DataError(
            f"No labelled video is in the split {split}; choose another with --split, or import "
            "the features with the official lists."
        )
    runs, warnings = [], set()
    for member in members(folder):
        model = classifier_model.read(member, device)
        fits(model.config, store.schema)
        warnings |= set(classifier_model.differences(model.config, store.schema.engines))
        runs.append(run_of(model, Examples(videos, model.config, device), member.name))
    return Evaluation(
        checkpoint=folder.name,
        split=split,
        note=store.schema.note,
        labels=store.schema.labels,
        runs=tuple(runs),
        warnings=tuple(sorted(warnings)),
    )


def calibrate(folder: Path, store: Store, device: str = "cpu") -> dict[str, float]:
    """Fit the temperature of each classifier in ``folder`` on the validation videos and store it.

    Return the temperatures by folder name.

    Raises:
        DataError: there is no classifier, it needs other features, or no video validates.
        WeightsError: a classifier is damaged.
    """
    videos = labelled(splits.recorded(folder, store).of(Split.VAL))
    if not videos:
        raise DataError("No labelled video is in the split val, on which a temperature is fitted.")
    found = {}
    for member in dict.fromkeys((*members(folder), folder)):
        model = classifier_model.read(member, device)
        fits(model.config, store.schema)
        _, metadata = checkpoint.read(member / classifier_model.FILE, "cpu")
        calibrated(model, Examples(videos, model.config, device))
        classifier_model.save(model, member, metadata.get("training"))
        found[member.name] = model.config.temperature
    return found


def calibrated(model: Classifier, val: Examples) -> Classifier:
    """Return the classifier itself, its temperature fitted on these videos."""
    scores, labels = raw(model, val)
    model.config = replace(model.config, temperature=calibration.temperature(scores, labels))
    return model


def run_of(model: Classifier, examples: Examples, name: str) -> Run:
    """Return how a classifier does on some videos."""
    scores, labels = raw(model, examples)
    heat = model.config.temperature
    return Run(
        name=name,
        metrics=metrics.measure(labels, scores.argmax(axis=1), model.config.labels),
        temperature=heat,
        before=calibration.reliability(scores, labels),
        after=calibration.reliability(scores / heat, labels),
    )


def raw(model: Classifier, examples: Examples) -> tuple[Scores, Labels]:
    """Return the scores of a classifier before its temperature, and the labels."""
    labels: Labels = examples.labels.cpu().numpy()
    return classifier_task.predict(model, examples) * model.config.temperature, labels


def labelled(videos: Sequence[Video]) -> tuple[Video, ...]:
    """Return the videos that have a label."""
    return tuple(video for video in videos if video.label is not None)


def fits(config: Config, schema: Schema) -> None:
    """Raise unless a collection has what a classifier was trained on.

    Raises:
        DataError: its labels or features are others.
    """
    if config.labels != schema.labels:
        raise DataError(
            f"The classifier tells {', '.join(config.labels)} apart, and the features are labelled "
            f"{', '.join(schema.labels)}; train one on these features."
        )
    for name, spec in config.features.items():
        column = schema.columns.get(name)
        if column is None or (column.space, column.dim) != (spec.space, spec.dim):
            here = "has none" if column is None else f"has {column.dim} numbers of {column.space}"
            raise DataError(
                f"The classifier was trained on {name} of {spec.dim} numbers of {spec.space}, and "
                f"the collection {here}; train one on these features."
            )
