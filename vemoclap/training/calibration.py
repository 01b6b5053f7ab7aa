"""Whether probabilities come true, and the temperature that makes them.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BINS = 10  # of confidence, equally wide
COLDEST, HOTTEST = 0.05, 20.0  # beyond these a fit has gone astray

Scores = NDArray[np.float64]  # (N, classes), before the softmax
Labels = NDArray[np.int64]  # (N,)


@dataclass(frozen=True, slots=True)
class Bin:
    """The videos whose winning probability lies in one range."""

    low: float
    high: float
    count: int
    confidence: float  # mean winning probability; 0 where the bin is empty
    accuracy: float  # share that was right; 0 where the bin is empty


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities come true."""

    ece: float  # expected calibration error: mean distance of confidence and accuracy
    nll: float  # mean negative log-likelihood, in nats
    bins: tuple[Bin, ...]


def probabilities(scores: Scores, temperature: float = 1.0) -> Scores:
    """Return the softmax of scores divided by a temperature."""
    from scipy.special import softmax

    found: Scores = softmax(scores / temperature, axis=1)
    return found


def temperature(scores: Scores, labels: Labels) -> float:
    """Return the temperature under which the labels are likeliest."""
    from scipy.optimize import minimize_scalar

    fit = minimize_scalar(
        lambda log_t: _nll(scores / np.exp(log_t), labels),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(fit.x))


def reliability(scores: Scores, labels: Labels) -> Reliability:
    """Return how well the softmax of scores comes true."""
    chances = probabilities(scores)
    confidence = chances.max(axis=1)
    right = chances.argmax(axis=1) == labels
    edges = np.linspace(0.0, 1.0, BINS + 1)
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    bins = []
    for place, (low, high) in enumerate(pairwise(edges)):
        here = places == place
        count = int(here.sum())
        mean = float(confidence[here].mean()) if count else 0.0
        share = float(right[here].mean()) if count else 0.0
        bins.append(Bin(float(low), float(high), count, mean, share))
    ece = sum(one.count * abs(one.confidence - one.accuracy) for one in bins) / len(labels)
    return Reliability(float(ece), _nll(scores, labels), tuple(bins))


def _nll(scores: Scores, labels: Labels) -> float:
    from scipy.special import log_softmax

    return float(-log_softmax(scores, axis=1)[np.arange(len(labels)), labels].mean())
