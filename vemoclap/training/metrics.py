"""How good answers are: accuracy, precision, recall and confusion."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from vemoclap.training.calibration import Labels


@dataclass(frozen=True, slots=True)
class ByClass:
    """The numbers of one emotion."""

    label: str
    precision: float  # 0 where it was never answered
    recall: float  # 0 where no video has it
    f1: float
    support: int  # videos that have it


@dataclass(frozen=True, slots=True)
class Metrics:
    """The numbers of one classifier on one set of videos."""

    count: int  # videos
    accuracy: float
    macro_f1: float
    classes: tuple[ByClass, ...]  # in the order of the labels
    confusion: tuple[tuple[int, ...], ...]  # a row per true label, a column per answer


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean of several runs and how far they lie apart."""

    mean: float
    sd: float  # of a sample; 0 where there is one run
    runs: int

    def percent(self) -> str:
        """Return it for people: "65.3 ± 0.4", or "65.3" for one run."""
        sd = f" ± {100 * self.sd:.1f}" if self.runs > 1 else ""
        return f"{100 * self.mean:.1f}{sd}"


def measure(labels: Labels, answers: Labels, names: Sequence[str]) -> Metrics:
    """Return the numbers of ``answers`` (N,) to videos with these ``labels`` (N,)."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    places = list(range(len(names)))
    table = confusion_matrix(labels, answers, labels=places)
    numbers = precision_recall_fscore_support(labels, answers, labels=places, zero_division=0)
    classes = tuple(
        ByClass(name, float(precision), float(recall), float(f1), int(support))
        for name, precision, recall, f1, support in zip(names, *numbers, strict=True)
    )
    return Metrics(
        count=len(labels),
        accuracy=float(np.mean(labels == answers)),
        macro_f1=mean(one.f1 for one in classes),
        classes=classes,
        confusion=tuple(tuple(int(count) for count in row) for row in table),
    )


def spread(values: Sequence[float]) -> Spread:
    """Return the mean and standard deviation of a number over runs."""
    return Spread(mean(values), stdev(values) if len(values) > 1 else 0.0, len(values))
