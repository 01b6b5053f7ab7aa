"""Subtitles that carry the emotion: WebVTT and SRT.

No two of them are shown at once: where windows overlap, one ends and the next begins in the middle
of what they share, and each then carries the words said in its own part.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vemoclap.records import Cue, Span
from vemoclap.report.timeline_findings import UNKNOWN, apart, said
from vemoclap.report.wording import clean, clock
from vemoclap.timeline.records import Moment, Timeline

# Neither format has a length limit, players do: what is longer covers the picture.
MOST_LETTERS = 400
# SRT has no way to write a sign that has a meaning, so look-alikes stand for them.
_SRT = str.maketrans({"<": "\u2039", ">": "\u203a", "{": "(", "}": ")"})
_VTT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class Line:
    """One subtitle."""

    start_ms: int
    end_ms: int
    rows: tuple[str, ...]  # none of them empty; the first begins with the emotion


def to_vtt(timeline: Timeline) -> str:
    """Return the subtitles as WebVTT (https://www.w3.org/TR/webvtt1/)."""
    parts = ["WEBVTT\n"]
    for number, line in enumerate(lines(timeline), start=1):
        rows = "\n".join(line.rows).translate(_VTT)
        times = f"{_clock(line.start_ms)} --> {_clock(line.end_ms)}"
        parts.append(f"{number}\n{times}\n{rows}\n")
    return "\n".join(parts)


def to_srt(timeline: Timeline) -> str:
    """Return the subtitles as SubRip text, whose signs for markup are replaced by look-alikes."""
    parts = []
    for number, line in enumerate(lines(timeline), start=1):
        rows = "\n".join(line.rows).translate(_SRT)
        times = f"{_clock(line.start_ms)} --> {_clock(line.end_ms)}".replace(".", ",")
        parts.append(f"{number}\n{times}\n{rows}\n")
    return "\n".join(parts)


def lines(timeline: Timeline) -> Iterator[Line]:
    """Yield the subtitles in the order of time; spans of which nothing is known have none."""
    moments = timeline.moments
    for moment, span in zip(moments, apart([m.span for m in moments]), strict=True):
        start_ms, end_ms = _ms(span.start_s), _ms(span.end_s)
        words, emotion = rows_of(_words(moment, span, timeline)), said(moment, timeline)
        if end_ms > start_ms and (words or emotion != UNKNOWN):
            first = f"[{emotion}] {words[0]}" if words else f"[{emotion}]"
            yield Line(start_ms, end_ms, (first, *words[1:]))


def rows_of(words: str) -> tuple[str, ...]:
    """Return the rows of a text, each fit to be shown; an empty one would end a subtitle."""
    shown = words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "\u2026"
    return tuple(row for row in map(clean, shown.splitlines()) if row)


def _words(moment: Moment, span: Span, timeline: Timeline) -> str:
    if span == moment.span or timeline.cues is None:
        return moment.words or ""
    return "\n".join(cue.text for cue in timeline.cues if span.start_s <= _middle(cue) < span.end_s)


def _middle(cue: Cue) -> float:
    return (cue.start_s + cue.end_s) / 2


def _ms(time_s: float) -> int:
    return max(0, round(1000 * time_s))


def _clock(time_ms: int) -> str:
    return clock(time_ms / 1000, 3, full=True)
