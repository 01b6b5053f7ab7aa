"""Spans -> the mean of the whole, in which no instant counts more than another."""

from collections.abc import Sequence

import numpy as np

from vemoclap.records import Floats, Span


def shares(spans: Sequence[Span]) -> Floats:
    """Return the share of all covered time that each span stands for, (k,), which sum to 1.

    An instant that several spans cover is divided evenly between them, so that overlapping
    windows do not count it twice; spans that do not overlap weigh as much as they last.
    """
    weights = np.zeros(len(spans))
    edges = np.unique([edge for span in spans for edge in (span.start_s, span.end_s)])
    starts = np.searchsorted(edges, [span.start_s for span in spans])
    ends = np.searchsorted(edges, [span.end_s for span in spans])
    cover = np.zeros(len(edges))  # how many spans lie over what follows each edge
    for start, end in zip(starts, ends, strict=True):
        cover[start:end] += 1
    lengths = np.diff(edges, append=edges[-1:]) / np.maximum(cover, 1)
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        weights[index] = lengths[start:end].sum()
    total = weights.sum()
    return (weights / total if total > 0 else weights).astype(np.float32)


def mean(
    spans: Sequence[Span], probabilities: Sequence[tuple[float, ...] | None]
) -> tuple[float, ...] | None:
    """Return the mean of the spans whose probabilities are known, by time; None if none is."""
    known = [(span, row) for span, row in zip(spans, probabilities, strict=True) if row is not None]
    if not known:
        return None
    weights = shares([span for span, _ in known]).astype(np.float64)
    rows = np.array([row for _, row in known], np.float64)
    if not weights.any():
        weights[:] = 1.0
    return tuple(float(value) for value in weights @ rows / weights.sum())
