"""The pages' lanes: what happens when in a video, for the eye, in words, and as a list."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vemoclap.records import Analysis, Floats, Span, Times
from vemoclap.report import wording
from vemoclap.report.charts import key, pieces, ticks
from vemoclap.report.timeline_findings import Run, colours, peaks, runs
from vemoclap.report.wording import clock, length, percent
from vemoclap.timeline.records import Kind, Timeline

EVENTS_SHOWN = 300  # in the list; the rest is in the JSON
THIN, SLIM = 0.3, 0.9  # percent of the width: the least of a stretch, and of a sampled frame
THINNER = 0.15  # the least of a stretch on a timeline's page, which has more of them
WIDE, HIGH = 1000, 100  # units of the curves, which are stretched to their lane
SKIP_TICK = 0.95  # of the length: a number further right would be cut off
STEPS = 600  # of a timeline's curve; more would be finer than a screen
FACES = 8  # lanes of faces, those seen most often


@dataclass(frozen=True)
class Mark:
    """A stretch or a moment on a lane, in percent of its width and height."""

    left: float
    width: float
    height: float = 100


@dataclass(frozen=True)
class Trace:
    """A curve on a lane, in units of WIDE and HIGH."""

    css_class: str
    points: str


@dataclass(frozen=True)
class Area:
    """The filled shape of one emotion, in the same units."""

    colour: str
    path: str
    faint: bool = False


@dataclass(frozen=True)
class Lane:
    """One kind of evidence over the whole length of the video."""

    name: str
    css_class: str
    told: str  # in words, for those who cannot see it
    marks: tuple[Mark, ...] = ()
    faint: tuple[Mark, ...] = ()  # where somebody looked and found nothing
    traces: tuple[Trace, ...] = ()
    areas: tuple[Area, ...] = ()
    threshold: float | None = None  # percent of the height, from the top
    swatch: Markup | str = ""  # the key of its colour


@dataclass(frozen=True)
class Event:
    """Something that happens at a time."""

    time_s: float
    kind: str
    said: str
    lang: str | None = None  # of ``said`` where it is foreign text


@dataclass(frozen=True)
class Strip:
    """All lanes of a page, and the list beside them."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]  # percent of the width, and the time there
    events: tuple[Event, ...] = ()  # in the order of time
    more: int = 0  # events that are not listed
    unshown: int = 0  # faces that have no lane


def _percent(time_s: float, length_s: float) -> float:
    return round(100 * min(1.0, max(0.0, time_s / length_s)), 3)


def _ticks(length_s: float) -> tuple[tuple[float, str], ...]:
    shown = (tick for tick in ticks(length_s) if tick <= SKIP_TICK * length_s)
    return tuple((_percent(tick, length_s), clock(tick)) for tick in shown)


def _marks(spans: Iterable[Span], length_s: float, thin: float) -> tuple[Mark, ...]:
    edges = ((_percent(s.start_s, length_s), _percent(s.end_s, length_s)) for s in spans)
    return tuple(Mark(left, round(max(thin, right - left), 3)) for left, right in edges)


def _moments(times_s: Iterable[float], length_s: float, thin: float) -> tuple[Mark, ...]:
    return _marks((Span(time_s, time_s) for time_s in times_s), length_s, thin)


# -- of an analysis ---------------------------------------------------------------------------


def analysis_lanes(analysis: Analysis) -> Strip:
    """Return the lanes and the events of a video that was analysed as one."""
    events = sorted(_events(analysis), key=lambda event: event.time_s)
    return Strip(
        lanes=(_speech(analysis), _screen(analysis), _faces(analysis), _cuts(analysis))
        + ((_affect(analysis),) if analysis.readings.affect.basis else ()),
        ticks=_ticks(analysis.clip.info.duration_s),
        events=tuple(events[:EVENTS_SHOWN]),
        more=max(0, len(events) - EVENTS_SHOWN),
    )


def _speech(analysis: Analysis) -> Lane:
    spans = analysis.readings.speech.spans or ()
    marks = _marks(spans, analysis.clip.info.duration_s, THIN)
    return Lane("Speech", "speech", f"Speech: {wording.speech(analysis)}", marks)


def _screen(analysis: Analysis) -> Lane:
    lines = analysis.readings.screen.lines
    if not lines:
        told = wording.why(analysis.readings.screen.status)
        return Lane("Screen text", "text", f"Screen text: {told}")
    counts = [len(found) for found in lines]
    told = f"Screen text in {sum(map(bool, counts))} of {len(counts)} frames"
    return _sampled("Screen text", "text", told, analysis, counts)


def _faces(analysis: Analysis) -> Lane:
    faces = analysis.readings.faces.faces
    told = f"Faces: {wording.faces(analysis)}"
    if faces is None:
        return Lane("Faces", "face", told)
    counts = [0] * len(analysis.clip.times_s)
    for face in faces:
        counts[face.frame] += 1
    return _sampled("Faces", "face", told, analysis, counts)


def _sampled(
    name: str, css_class: str, told: str, analysis: Analysis, counts: Sequence[int]
) -> Lane:
    """Return a lane with a bar at each sampled frame, as high as what was found there."""
    length_s, most = analysis.clip.info.duration_s, max(*counts, 1)
    placed = [
        (min(100 - SLIM, _percent(time_s, length_s)), count)
        for time_s, count in zip(analysis.clip.times_s.tolist(), counts, strict=True)
    ]
    return Lane(
        name,
        css_class,
        told,
        marks=tuple(
            Mark(left, SLIM, round(30 + 70 * count / most, 1)) for left, count in placed if count
        ),
        faint=tuple(Mark(left, SLIM, 12) for left, count in placed if not count),
    )


def _cuts(analysis: Analysis) -> Lane:
    cuts, length_s = analysis.readings.curves.cuts_s, analysis.clip.info.duration_s
    shown = ", ".join(clock(cut) for cut in cuts[: wording.WINDOWS_SHOWN])
    more = f" and {len(cuts) - wording.WINDOWS_SHOWN} more" if len(cuts) > 32 else ""
    told = f"{len(cuts)} cuts, at {shown}{more}" if cuts else "No cuts"
    return Lane("Cuts", "cut", told, _moments(cuts, length_s, THIN))


def _affect(analysis: Analysis) -> Lane:
    affect, length_s = analysis.readings.affect, analysis.clip.info.duration_s
    traces = [
        Trace(name, points)
        for name, values in (("arousal", affect.arousal), ("valence", affect.valence))
        for points in _points(affect.times_s, values, length_s)
    ]
    told = "Arousal and valence, from -1 to 1; their numbers are under Over time"
    return Lane("Arousal, valence", "affect", told, traces=tuple(traces))


def _points(times_s: Times, values: Floats, length_s: float) -> list[str]:
    return [
        " ".join(
            f"{WIDE * min(1.0, time_s / length_s):.1f},{HIGH * (1 - value) / 2:.1f}"
            for time_s, value in piece
        )
        for piece in pieces(times_s, values)
    ]


def _events(analysis: Analysis) -> list[Event]:
    readings, times_s = analysis.readings, analysis.clip.times_s.tolist()
    found = [
        Event(span.start_s, "Speech", f"somebody speaks until {clock(span.end_s)}")
        for span in readings.speech.spans or ()
    ]
    found += [Event(cut, "Cut", "another shot begins") for cut in readings.curves.cuts_s]
    found += [
        Event(
            times_s[part.first_frame],
            "Screen text",
            part.original,
            wording.lang(part.language.code if part.language else None),
        )
        for part in readings.screen.parts or ()
    ]
    for index, time_s in enumerate(times_s):
        here = [face for face in readings.faces.faces or () if face.frame == index]
        if here:
            labels = ", ".join(face.expression.label for face in here if face.expression)
            count = f"{len(here)} {'face' if len(here) == 1 else 'faces'}"
            found.append(Event(time_s, "Faces", f"{count}: {labels}" if labels else count))
    return found


# -- of a timeline ----------------------------------------------------------------------------


def timeline_lanes(timeline: Timeline) -> Strip:
    """Return the curves of a timeline, and below them shots, speech and faces on one scale.

    The curves are stacked, or one above the other where they do not add up.
    """
    length_s, cuts = timeline.info.duration_s, timeline.cuts_s
    emotion = [_stacked(timeline)] if timeline.exclusive else _separate(timeline)
    count = f"{len(cuts)} {'cut' if len(cuts) == 1 else 'cuts'} between shots"
    shots = _moments(cuts, length_s, THINNER)
    tracks = sorted(timeline.tracks or (), key=lambda track: -track.count)[:FACES]
    faces = [
        Lane(
            name := f"Face {track.track + 1}",
            "face",
            f"{name}, seen in {track.count} frames",
            _marks(track.spans, length_s, THINNER),
        )
        for track in sorted(tracks, key=lambda one: one.track)
    ]
    return Strip(
        lanes=(
            *emotion,
            Lane("Shots", "cut", count if cuts else "One shot", shots),
            _spoken(timeline),
            *faces,
        ),
        ticks=_ticks(length_s),
        unshown=len(timeline.tracks or ()) - len(tracks),
    )


def _spoken(timeline: Timeline) -> Lane:
    spans = timeline.speech
    if spans is None and timeline.by == "utterance":
        spans = tuple(one.span for one in timeline.moments if one.kind is Kind.SPEECH)
    if spans is None:
        return Lane("Speech", "speech", "Speech: nothing looked for it")
    total = length(sum(span.length_s for span in spans))
    told = f"Speech: {total} in {len(spans)} stretches" if spans else "Speech: none"
    return Lane("Speech", "speech", told, _marks(spans, timeline.info.duration_s, THINNER))


def _stacked(timeline: Timeline) -> Lane:
    found = _scaled(timeline)
    areas = [
        Area(
            colour,
            "".join(
                _shape(
                    run.edges,
                    [sum(p[place + 1 :]) for p in run.probabilities],
                    [sum(p[place:]) for p in run.probabilities],
                )
                for run in found
            ),
        )
        for place, colour in enumerate(colours(timeline.labels))
    ]
    told = "; ".join(
        f"{peak.emotion.label} at most {percent(peak.emotion.probability)}, at "
        f"{clock(peak.moment.span.start_s)}"
        for peak in peaks(timeline)
    )
    return Lane("Emotion", "stack", f"Emotion over time: {told or 'unknown'}", areas=tuple(areas))


def _separate(timeline: Timeline) -> list[Lane]:
    found, lanes = _scaled(timeline), []
    for place, (label, colour) in enumerate(
        zip(timeline.labels, colours(timeline.labels), strict=True)
    ):
        least = None if timeline.thresholds is None else timeline.thresholds[place]
        shapes: dict[bool, list[str]] = {False: [], True: []}
        known = [p[place] for run in found for p in run.probabilities]
        for run in found:
            for edges, p in zip(itertools.pairwise(run.edges), run.probabilities, strict=True):
                shapes[p[place] >= (least or 0.0)].append(_shape(edges, [0.0], [p[place]]))
        told = f"from {percent(min(known))} to {percent(max(known))}" if known else "unknown"
        if least is not None:
            told += f", threshold {percent(least)}"
        lanes.append(
            Lane(
                name=label,
                css_class="single",
                told=f"{label} over time: {told}",
                areas=(
                    Area(colour, "".join(shapes[False]), faint=True),
                    Area(colour, "".join(shapes[True])),
                ),
                threshold=None if least is None else round(100 - 100 * least, 1),
                swatch=key(colour),
            )
        )
    return lanes


def _scaled(timeline: Timeline) -> list[Run]:
    """Return the stretches of the curve, their edges in units of WIDE."""
    duration_s = timeline.info.duration_s
    return [
        Run(
            tuple(round(WIDE * min(1.0, edge / duration_s), 1) for edge in run.edges),
            run.probabilities,
        )
        for run in runs(timeline, STEPS)
    ]


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
