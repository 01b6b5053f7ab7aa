"""How good answers of several labels are: the three metrics of the field, and thresholds.

Papers on CMU-MOSEI report either the weighted accuracy of each emotion (the mean of the shares of
present and of absent ones that were told rightly), or the weighted F1 of each emotion (the mean of
the F1 of presence and of absence, weighted by how often each is), or micro and macro F1 over all
labels. The first two look good where an emotion is rare, the last does not; here are all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]  # (N, labels), whether each is present
Probabilities = NDArray[np.float64]  # (N, labels)

UNDECIDED = 0.5  # the threshold where no example tells


@dataclass(frozen=True, slots=True)
class ByLabel:
    """The numbers of one label."""

    label: str
    weighted_accuracy: float  # mean of the shares of present and of absent ones told rightly
    weighted_f1: float  # of presence and absence, weighted by how often each is
    f1: float  # of presence
    accuracy: float
    support: int  # utterances that have it


@dataclass(frozen=True, slots=True)
class Metrics:
    """The numbers of one model on one set of utterances."""

    count: int  # utterances
    weighted_accuracy: float  # mean over the labels
    weighted_f1: float  # mean over the labels
    micro_f1: float  # over all labels of all utterances
    macro_f1: float  # mean of the labels' F1
    accuracy: float  # share of all yes-or-no answers that are right
    labels: tuple[ByLabel, ...]


def measure(truth: Labels, answers: Labels, names: Sequence[str]) -> Metrics:
    """Return the numbers of ``answers`` to utterances of which ``truth`` is known."""
    rows = []
    for place, name in enumerate(names):
        real, said = truth[:, place], answers[:, place]
        presence, absence = _f1(real, said), _f1(~real, ~said)
        share = float(real.mean())
        told = [float((said[real == what] == what).mean()) for what in set(real.tolist())]
        rows.append(
            ByLabel(
                label=name,
                weighted_accuracy=sum(told) / len(told),
                weighted_f1=share * presence + (1 - share) * absence,
                f1=presence,
                accuracy=float((real == said).mean()),
                support=int(real.sum()),
            )
        )
    return Metrics(
        count=len(truth),
        weighted_accuracy=float(np.mean([row.weighted_accuracy for row in rows])),
        weighted_f1=float(np.mean([row.weighted_f1 for row in rows])),
        micro_f1=_f1(truth.ravel(), answers.ravel()),
        macro_f1=float(np.mean([row.f1 for row in rows])),
        accuracy=float((truth == answers).mean()),
        labels=tuple(rows),
    )


def thresholds(truth: Labels, probabilities: Probabilities) -> tuple[float, ...]:
    """Return for each label the threshold that gives the largest F1.

    Each lies in the middle between two probabilities that occur. Of equally good ones the one
    nearest to 0.5 is taken, as is 0.5 itself where a label is nowhere present.
    """
    return tuple(
        _threshold(truth[:, place], probabilities[:, place]) for place in range(truth.shape[1])
    )


def _threshold(real: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    if not real.any():
        return UNDECIDED
    order = np.argsort(probabilities)
    values = probabilities[order]
    # With the k lowest called absent, for every k: what is called present, and what of it rightly.
    said = len(real) - np.arange(len(real))
    right = real[order][::-1].cumsum()[::-1]
    f1 = 2 * right / (said + real.sum())
    below = np.concatenate(([0.0], values[:-1]))
    apart = below < values  # equal probabilities get equal answers
    apart[0] = True
    middles = (below + values) / 2
    best = apart & (f1 >= f1[apart].max() - 1e-12)
    choices = middles[best]
    return float(choices[np.abs(choices - UNDECIDED).argmin()])


def _f1(real: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    """Return the F1 of presence, 0 where it neither is nor is said to be."""
    total = int(real.sum() + said.sum())
    return 2 * int((real & said).sum()) / total if total else 0.0
