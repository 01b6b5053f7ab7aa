"""Where a video is cut into spans: at pauses of speech, or by a window that slides over it.

No time is lost: the spans of one video together cover it from start to end. Utterances and the
silence between them touch without overlapping; windows overlap by as much as asked.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vemoclap.records import Span
from vemoclap.timeline.records import Kind

MERGE_GAP_S = 0.5  # a shorter pause is within an utterance; most pauses for breath are
MIN_S = 0.5  # a shorter utterance is joined to its neighbour
JOIN_GAP_S = 1.0  # ... if that is no further; else it is widened into the silence around it
MAX_S = 10.0  # a longer utterance is split; what Lee and Kim's model hears of one
EDGE_S = 0.2  # shorter silence at the start or the end belongs to the utterance beside it
REST_S = 0.5  # a shorter rest at the end of a video belongs to the last window


@dataclass(frozen=True, slots=True)
class Piece:
    """A span and what it was cut by."""

    span: Span
    kind: Kind


def utterances(
    voices: Sequence[Span], duration_s: float, *, longest_s: float = MAX_S
) -> tuple[Piece, ...]:
    """Return the utterances of a video and the silences between them, end to end.

    Pauses under ``MERGE_GAP_S`` do not part utterances. What then lasts longer than ``longest_s``
    is split at its longest pause, or into equal parts where it has none. Long silence is split
    into equal parts as well.

    Args:
        voices: when somebody speaks, in seconds from the start of the video.
        duration_s: the length of the video; voices beyond it are cut.
        longest_s: the most that a span may last.
    """
    voiced = _cut_to(voices, duration_s)
    groups = _joined(_grouped(voiced), longest_s)
    parts = [part for group in groups for part in _split(group, longest_s)]
    spoken = _grown(parts, duration_s)
    pieces: list[Piece] = []
    at = 0.0
    for span in spoken:
        pieces += _silences(at, span.start_s, longest_s)
        pieces.append(Piece(span, Kind.SPEECH))
        at = span.end_s
    return (*pieces, *_silences(at, duration_s, longest_s))


def windows(duration_s: float, length_s: float, step_s: float) -> tuple[Piece, ...]:
    """Return windows that start ``step_s`` apart, until one reaches the end of the video.

    The last one is cut at the end. A video shorter than a window is one span.
    """
    pieces = []
    for index in range(math.ceil(duration_s / step_s) + 1):
        start = index * step_s
        end = max(start + length_s, (index + 1) * step_s)  # never short of the next by a rounding
        last = end + REST_S > duration_s
        pieces.append(Piece(Span(start, duration_s if last else end), Kind.WINDOW))
        if last:
            break
    return tuple(pieces)


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


def _joined(groups: list[list[Span]], longest_s: float) -> list[list[Span]]:
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
            and _length(groups[index]) + gap + _length(groups[other]) <= longest_s
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


def _split(group: Sequence[Span], longest_s: float) -> list[Span]:
    """Return spans of at most ``longest_s`` that together are the whole of a group."""
    start, end = group[0].start_s, group[-1].end_s
    if end - start <= longest_s:
        return [Span(start, end)]
    pauses = [
        (b.start_s - a.end_s, (a.end_s + b.start_s) / 2, index)
        for index, (a, b) in enumerate(pairwise(group), start=1)
        if (a.end_s + b.start_s) / 2 - start >= MIN_S and end - (a.end_s + b.start_s) / 2 >= MIN_S
    ]
    if not pauses:
        return _equal(start, end, longest_s)
    _, middle, index = max(pauses)
    before = [*group[: index - 1], Span(group[index - 1].start_s, middle)]
    after = [Span(middle, group[index].end_s), *group[index + 1 :]]
    return _split(before, longest_s) + _split(after, longest_s)


def _equal(start: float, end: float, longest_s: float) -> list[Span]:
    count = max(1, math.ceil((end - start) / longest_s - 1e-9))
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


def _silences(start: float, end: float, longest_s: float) -> list[Piece]:
    if end <= start:
        return []
    return [Piece(span, Kind.SILENCE) for span in _equal(start, end, longest_s)]
