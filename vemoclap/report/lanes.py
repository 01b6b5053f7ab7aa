"""The page's timeline: what happens when, as lanes for the eye and as a list for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass

from vemoclap.records import Analysis, Floats, Times
from vemoclap.report import wording
from vemoclap.report.charts import pieces, ticks
from vemoclap.report.wording import clock

EVENTS_SHOWN = 300  # in the list; the rest is in the JSON
THIN, SLIM = 0.3, 0.9  # percent of the width: the least of a stretch, and of a sampled frame
WIDE, HIGH = 1000, 100  # units of the curves, which are stretched to their lane
SKIP_TICK = 0.95  # of the length: a number further right would be cut off


@dataclass(frozen=True)
class Mark:
    """A stretch or a moment on a lane, in percent of its width and height."""

    left: float
    width: float
    height: float


@dataclass(frozen=True)
class Trace:
    """A curve on a lane, in units of WIDE and HIGH."""

    css_class: str
    points: str


@dataclass(frozen=True)
class Lane:
    """One kind of evidence over the whole length of the video."""

    name: str
    css_class: str
    told: str  # in words, for those who cannot see it
    marks: tuple[Mark, ...] = ()
    faint: tuple[Mark, ...] = ()  # where somebody looked and found nothing
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something that happens at a time."""

    time_s: float
    kind: str
    said: str
    lang: str | None = None  # of ``said`` where it is foreign text


@dataclass(frozen=True)
class Timeline:
    """All of the timeline."""

    length_s: float
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]  # percent of the width, and the time there
    events: tuple[Event, ...]  # in the order of time
    more: int  # events that are not listed


def timeline(analysis: Analysis) -> Timeline:
    """Return the timeline of a video."""
    length_s = analysis.clip.info.duration_s
    events = sorted(_events(analysis), key=lambda event: event.time_s)
    return Timeline(
        length_s=length_s,
        lanes=(_speech(analysis), _screen(analysis), _faces(analysis), _cuts(analysis))
        + ((_affect(analysis),) if analysis.readings.affect.basis else ()),
        ticks=tuple(
            (_percent(tick, length_s), clock(tick))
            for tick in ticks(length_s)
            if tick <= SKIP_TICK * length_s
        ),
        events=tuple(events[:EVENTS_SHOWN]),
        more=max(0, len(events) - EVENTS_SHOWN),
    )


def _percent(time_s: float, length_s: float) -> float:
    return round(100 * min(1.0, max(0.0, time_s / length_s)), 3)


def _speech(analysis: Analysis) -> Lane:
    length_s, spans = analysis.clip.info.duration_s, analysis.readings.speech.spans or ()
    marks = tuple(
        Mark(
            left=_percent(span.start_s, length_s),
            width=max(THIN, _percent(span.length_s, length_s)),
            height=100,
        )
        for span in spans
    )
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
    marks = tuple(Mark(_percent(cut, length_s), THIN, 100) for cut in cuts)
    return Lane("Cuts", "cut", told, marks)


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
