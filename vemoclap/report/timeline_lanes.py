"""The page's curves: emotion over time, and below it shots, speech and faces, on one scale."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vemoclap.records import Span
from vemoclap.report import charts
from vemoclap.report.timeline_findings import Step, colours, peaks, steps
from vemoclap.report.wording import clock, length, percent
from vemoclap.timeline.records import FaceTrack, Kind, Timeline

if TYPE_CHECKING:
    from markupsafe import Markup

STEPS = 600  # of the curve; more would be finer than a screen
FACES = 8  # lanes of faces, those seen most often
WIDE, HIGH = 1000, 100  # units of the curves, which are stretched to their lane
THIN = 0.15  # percent of the width, the least of a mark
SKIP_TICK = 0.95  # of the length: a number further right would be cut off


@dataclass(frozen=True)
class Area:
    """The filled shape of one emotion."""

    colour: str
    path: str
    faint: bool


@dataclass(frozen=True)
class Lane:
    """One kind of evidence over the whole length of the video; places are percent of the width."""

    name: str
    css_class: str
    told: str  # in words, for those who cannot see it
    areas: tuple[Area, ...] = ()
    threshold: float | None = None  # percent of the height, from the top
    marks: tuple[tuple[float, float], ...] = ()  # left, width
    swatch: "Markup | None" = None


@dataclass(frozen=True)
class Chart:
    """All lanes."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]  # percent of the width, and the time there
    unshown: int  # faces that have no lane


def chart(timeline: Timeline) -> Chart:
    """Return the curves of a timeline: stacked, or one above the other where they do not add up."""
    duration_s = timeline.info.duration_s
    emotion = (_stacked(timeline),) if timeline.exclusive else _separate(timeline)
    tracks = sorted(timeline.tracks or (), key=lambda track: -track.count)[:FACES]
    faces = [_face(track, duration_s) for track in sorted(tracks, key=lambda one: one.track)]
    return Chart(
        lanes=(*emotion, _shots(timeline), _speech(timeline), *faces),
        ticks=tuple(
            (_percent(tick, duration_s), clock(tick))
            for tick in charts.ticks(duration_s)
            if tick <= SKIP_TICK * duration_s
        ),
        unshown=len(timeline.tracks or ()) - len(tracks),
    )


def _stacked(timeline: Timeline) -> Lane:
    found, duration_s = steps(timeline, STEPS), timeline.info.duration_s
    areas = []
    for place, colour in enumerate(colours(timeline.labels)):
        path = "".join(
            _shape(run, [sum(p[place + 1 :]) for p in values], [sum(p[place:]) for p in values])
            for run, values in _runs(found, duration_s)
        )
        areas.append(Area(colour, path, faint=False))
    told = "; ".join(
        f"{peak.emotion.label} at most {percent(peak.emotion.probability)}, at "
        f"{clock(peak.moment.span.start_s)}"
        for peak in peaks(timeline)
    )
    described = f"Emotion over time: {told or 'unknown'}"
    return Lane("Emotion", "stack", described, areas=tuple(areas))


def _separate(timeline: Timeline) -> tuple[Lane, ...]:
    from markupsafe import Markup

    from vemoclap.report.timeline_bars import key

    found, duration_s = steps(timeline, STEPS), timeline.info.duration_s
    thresholds = timeline.thresholds or (0.0,) * len(timeline.labels)
    lanes = []
    for place, (label, colour) in enumerate(
        zip(timeline.labels, colours(timeline.labels), strict=True)
    ):
        low: list[str] = []
        high: list[str] = []
        for run, values in _runs(found, duration_s):
            for (left, right), numbers in zip(itertools.pairwise(run), values, strict=True):
                shape = _shape((left, right), [0.0], [numbers[place]])
                (high if numbers[place] >= thresholds[place] else low).append(shape)
        known = [step.probabilities[place] for step in found if step.probabilities]
        told = f"{label} over time: " + (
            f"from {percent(min(known))} to {percent(max(known))}" if known else "unknown"
        )
        if timeline.thresholds is not None:
            told += f", threshold {percent(thresholds[place])}"
        lanes.append(
            Lane(
                name=label,
                css_class="single",
                told=told,
                areas=(Area(colour, "".join(low), faint=True), Area(colour, "".join(high), False)),
                threshold=None
                if timeline.thresholds is None
                else round(100 - 100 * thresholds[place], 1),
                swatch=Markup(key(colour)),  # noqa: S704  a colour only
            )
        )
    return tuple(lanes)


def _runs(
    found: Sequence[Step], duration_s: float
) -> list[tuple[tuple[float, ...], list[tuple[float, ...]]]]:
    """Return stretches without a gap: the edges of their steps and the probabilities of each."""
    runs: list[tuple[list[float], list[tuple[float, ...]]]] = []
    for step in found:
        if step.probabilities is None:
            continue
        left, right = (
            round(WIDE * min(1.0, time_s / duration_s), 1)
            for time_s in (step.span.start_s, step.span.end_s)
        )
        if not runs or runs[-1][0][-1] != left:
            runs.append(([left], []))
        runs[-1][0].append(right)
        runs[-1][1].append(step.probabilities)
    return [(tuple(edges), values) for edges, values in runs]


def _shape(edges: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
    """Return the area between two lines of steps as an SVG path."""

    def y(share: float) -> str:
        return f"{HIGH * (1 - min(1.0, max(0.0, share))):.1f}".removesuffix(".0")

    def x(place: float) -> str:
        return f"{place:g}"

    there = "".join(f"V{y(v)}H{x(r)}" for v, r in zip(high, edges[1:], strict=True))
    lefts = list(edges[:-1])[::-1]
    back = "".join(f"V{y(v)}H{x(e)}" for v, e in zip(low[::-1], lefts, strict=True))
    return f"M{x(edges[0])} {y(low[0])}{there}{back}Z"


def _shots(timeline: Timeline) -> Lane:
    cuts, duration_s = timeline.cuts_s, timeline.info.duration_s
    marks = tuple((_percent(cut, duration_s), THIN) for cut in cuts)
    count = f"{len(cuts)} {'cut' if len(cuts) == 1 else 'cuts'} between shots"
    return Lane("Shots", "cut", count if cuts else "One shot", marks=marks)


def _speech(timeline: Timeline) -> Lane:
    spans = timeline.speech
    if spans is None and timeline.by == "utterance":
        spans = tuple(one.span for one in timeline.moments if one.kind is Kind.SPEECH)
    if spans is None:
        return Lane("Speech", "speech", "Speech: nothing looked for it")
    total = length(sum(span.length_s for span in spans))
    told = f"Speech: {total} in {len(spans)} stretches" if spans else "Speech: none"
    return Lane("Speech", "speech", told, marks=_marks(spans, timeline.info.duration_s))


def _face(track: FaceTrack, duration_s: float) -> Lane:
    told = f"Face {track.track + 1}, seen in {track.count} frames"
    marks = _marks(track.spans, duration_s)
    return Lane(f"Face {track.track + 1}", "face", told, marks=marks)


def _marks(spans: Sequence[Span], duration_s: float) -> tuple[tuple[float, float], ...]:
    return tuple(
        (
            _percent(span.start_s, duration_s),
            round(
                max(THIN, _percent(span.end_s, duration_s) - _percent(span.start_s, duration_s)), 3
            ),
        )
        for span in spans
    )


def _percent(time_s: float, duration_s: float) -> float:
    return round(100 * min(1.0, max(0.0, time_s / duration_s)), 3)
