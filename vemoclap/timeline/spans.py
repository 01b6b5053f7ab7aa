"""Where a video is cut into spans: at pauses of speech, or by a window that slides over it.

No time is lost: the spans of one video together cover it from start to end. Utterances and the
silence between them touch without overlapping; windows overlap by as much as asked. In the mean
of all spans, no instant counts more than another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vemoclap.errors import UsageError
from vemoclap.records import Floats, Span
from vemoclap.timeline.records import Kind

UTTERANCE, WINDOW = "utterance", "window"
LENGTH_S, STEP_S = 10.0, 5.0  # of a window, and from one to the next
FRAMES = 8  # of a span: of a window of ten seconds, one of nearly every second
MOST_FRAMES = 64
LENGTHS_S = (1.0, 600.0)  # of a window: a longer one would keep too many frames at once
LEAST_STEP_S = 0.5

MERGE_GAP_S = 0.5  # a shorter pause is within an utterance; most pauses for breath are
MIN_S = 0.5  # a shorter utterance is joined to its neighbour
JOIN_GAP_S = 1.0  # ... if that is no further; else it is widened into the silence around it
MAX_S = 10.0  # a longer utterance is split; what Lee and Kim's model hears of one
EDGE_S = 0.2  # shorter silence at the start or the end belongs to the utterance beside it
REST_S = 0.5  # a shorter rest at the end of a video belongs to the last window


@dataclass(frozen=True, slots=True)
class Options:
    """How a video is cut into spans, and how closely each is looked at.

    Raises:
        UsageError: an option is out of range.
    """

    by: str = UTTERANCE
    length_s: float = LENGTH_S  # of a window
    step_s: float = STEP_S  # from the start of a window to that of the next
    frame_count: int = FRAMES  # of a span

    def __post_init__(self) -> None:
        low, high = LENGTHS_S
        wrong = None
        if self.by not in (UTTERANCE, WINDOW):
            wrong = f"Spans are cut by {UTTERANCE} or by {WINDOW}, not by {self.by!r}."
        elif not low <= self.length_s <= high:
            wrong = f"A window lasts {self.length_s:g} s; choose {low:g} to {high:g} seconds."
        elif not LEAST_STEP_S <= self.step_s <= self.length_s:
            wrong = (
                f"The step is {self.step_s:g} s; choose {LEAST_STEP_S:g} s to the length of a "
                f"window, {self.length_s:g} s, as time would be lost between windows."
            )
        elif not 1 <= self.frame_count <= MOST_FRAMES:
            wrong = (
                f"The number of frames of a span is {self.frame_count}; choose 1 to {MOST_FRAMES}."
            )
        if wrong:
            raise UsageError(wrong)


@dataclass(frozen=True, slots=True)
class Segment:
    """A span and what it was cut by."""

    span: Span
    kind: Kind


def utterances(voices: Sequence[Span], duration_s: float) -> tuple[Segment, ...]:
    """Return the utterances of a video and the silences between them, end to end.

    Pauses under ``MERGE_GAP_S`` do not part utterances. What then lasts longer than ``MAX_S``
    is split at its longest pause, or into equal parts where it has none. Long silence is split
    into equal parts as well.

    Args:
        voices: when somebody speaks, in seconds from the start of the video.
        duration_s: the length of the video; voices beyond it are cut.
    """
    voiced = _cut_to(voices, duration_s)
    groups = _joined(_grouped(voiced))
    parts = [part for group in groups for part in _split(group)]
    spoken = _grown(parts, duration_s)
    segments: list[Segment] = []
    at = 0.0
    for span in spoken:
        segments += _silences(at, span.start_s)
        segments.append(Segment(span, Kind.SPEECH))
        at = span.end_s
    return (*segments, *_silences(at, duration_s))


def windows(duration_s: float, length_s: float, step_s: float) -> tuple[Segment, ...]:
    """Return windows that start ``step_s`` apart, until one reaches the end of the video.

    The last one is cut at the end. A video shorter than a window is one span.
    """
    segments = []
    for index in range(math.ceil(duration_s / step_s) + 1):
        start = index * step_s
        end = max(start + length_s, (index + 1) * step_s)  # never short of the next by a rounding
        last = end + REST_S > duration_s
        segments.append(Segment(Span(start, duration_s if last else end), Kind.WINDOW))
        if last:
            break
    return tuple(segments)


def _cut_to(voices: Sequence[Span], duration_s: float) -> list[Span]:
    """Return the voices within the video, sorted and disjoint."""
    found: list[Span] = []
    for voice in sorted(voices, key=lambda span: span.start_s):
        start, end = max(voice.start_s, 0.0), min(voice.end_s, duration_s)
        if found and start <= found[-1].end_s:
            found[-1] = Span(found[-1].start_s, max(end, found[-1].end_s))
        elif end > start:
            found.append(Span(start, end))
    return found


def _grouped(voices: Sequence[Span]) -> list[list[Span]]:
    """Return voices that follow one another closely together."""
    groups: list[list[Span]] = []
    for voice in voices:
        if groups and voice.start_s - groups[-1][-1].end_s < MERGE_GAP_S:
            groups[-1].append(voice)
        else:
            groups.append([voice])
    return groups


def _joined(groups: list[list[Span]]) -> list[list[Span]]:
    """Return the groups, those too short to stand alone joined to the nearer neighbour."""
    groups = [list(group) for group in groups]
    index = 0
    while index < len(groups):
        choices = [
            (gap, other)
            for other in (index - 1, index + 1)
            if _length(groups[index]) < MIN_S
            and 0 <= other < len(groups)
            and (gap := _gap(groups, index, other)) < JOIN_GAP_S
            and _length(groups[index]) + gap + _length(groups[other]) <= MAX_S
        ]
        if not choices:
            index += 1
            continue
        first = min(index, min(choices)[1])
        groups[first : first + 2] = [groups[first] + groups[first + 1]]
        index = first
    return groups


def _length(group: Sequence[Span]) -> float:
    return group[-1].end_s - group[0].start_s


def _gap(groups: Sequence[Sequence[Span]], a: int, b: int) -> float:
    first, second = sorted((a, b))
    return groups[second][0].start_s - groups[first][-1].end_s


def _split(group: Sequence[Span]) -> list[Span]:
    """Return spans of at most ``MAX_S`` that together are the whole of a group."""
    start, end = group[0].start_s, group[-1].end_s
    if end - start <= MAX_S:
        return [Span(start, end)]
    pauses = [
        (b.start_s - a.end_s, (a.end_s + b.start_s) / 2, index)
        for index, (a, b) in enumerate(pairwise(group), start=1)
        if (a.end_s + b.start_s) / 2 - start >= MIN_S and end - (a.end_s + b.start_s) / 2 >= MIN_S
    ]
    if not pauses:
        return _equal(start, end)
    _, middle, index = max(pauses)
    before = [*group[: index - 1], Span(group[index - 1].start_s, middle)]
    after = [Span(middle, group[index].end_s), *group[index + 1 :]]
    return _split(before) + _split(after)


def _equal(start: float, end: float) -> list[Span]:
    count = max(1, math.ceil((end - start) / MAX_S - 1e-9))
    edges = [start + (end - start) * k / count for k in range(count)]
    return [Span(a, b) for a, b in pairwise([*edges, end])]


def _grown(parts: Sequence[Span], duration_s: float) -> list[Span]:
    """Return the utterances, short ones widened, and slivers at the video's ends taken in."""
    grown: list[Span] = []
    for index, part in enumerate(parts):
        low = grown[-1].end_s if grown else 0.0
        high = parts[index + 1].start_s if index + 1 < len(parts) else duration_s
        lacking = max(0.0, MIN_S - part.length_s)
        start = max(low, part.start_s - lacking / 2)
        end = min(high, part.end_s + lacking / 2)
        start = 0.0 if not grown and start < EDGE_S else start
        end = duration_s if high == duration_s and duration_s - end < EDGE_S else end
        grown.append(Span(start, end))
    return grown


def _silences(start: float, end: float) -> list[Segment]:
    if end <= start:
        return []
    return [Segment(span, Kind.SILENCE) for span in _equal(start, end)]


# -- the mean of the whole --------------------------------------------------------------------


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
