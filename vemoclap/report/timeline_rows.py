"""The page's parts that show spans and faces, ready to be laid out."""

import base64
from dataclasses import dataclass

from markupsafe import Markup

from vemoclap.report.charts import bar, columns, key, waveform
from vemoclap.report.timeline_findings import (
    NONE_PRESENT,
    Shown,
    colours,
    emotions,
    peaks,
    present,
    shown_by,
)
from vemoclap.report.wording import clock, exact, percent, why
from vemoclap.timeline.records import FaceTrack, Kind, Moment, Timeline

GROUP = 60  # spans that are unfolded together
PICTURES = 60  # spans, up to which each has its picture; more would make the page heavy
TRACKS = 24  # faces with a picture, those seen most often
SEEN = 8  # faces named in a span, those of the lowest numbers
LETTERS = 400  # of the words of a span; the rest is in the other files
CHANGES = 12  # of a face's expression, and stretches in which it was seen


@dataclass(frozen=True)
class Bar:
    """An emotion and its probability, as a bar."""

    label: str
    number: str
    bar: Markup
    present: bool


@dataclass(frozen=True)
class Seen:
    """A face in a span."""

    track: int
    pictured: bool  # whether the page holds its picture
    expression: str


@dataclass(frozen=True)
class Row:
    """One span."""

    start_s: float
    end_s: float
    ends: str
    kind: str
    said: tuple[str, ...]  # the emotions that are present
    columns: Markup | None
    why: str  # there are no probabilities
    picture: str | None  # data URI
    faces: tuple[Seen, ...]
    more: int  # faces that are not named
    wave: Markup | None
    words: str
    notes: str  # sentiment, screen text, sounds
    reason: str  # why the classifier answered so, of those that can say


@dataclass(frozen=True)
class Group:
    """Spans that are unfolded together."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Card:
    """The strongest span of an emotion."""

    label: str
    number: str
    present: bool
    swatch: Markup
    start_s: float
    ends: str
    picture: str | None
    words: str


@dataclass(frozen=True)
class Person:
    """A face that was followed through the video."""

    number: int
    picture: str
    count: int
    spans: tuple[tuple[float, str], ...]  # start, and end in words
    more: int
    expressions: str
    shown: tuple[Shown, ...]


def bars(
    timeline: Timeline, labels: tuple[str, ...], probabilities: tuple[float, ...]
) -> tuple[Bar, ...]:
    """Return bars of probabilities, in the order of labels, with the timeline's thresholds."""
    thresholds = timeline.thresholds if labels == timeline.labels else None
    return tuple(
        Bar(
            label=one.label,
            number=percent(one.probability),
            bar=bar(one.probability, colour, threshold=thresholds[place] if thresholds else None),
            present=one.present,
        )
        for place, (one, colour) in enumerate(
            zip(emotions(labels, probabilities, thresholds), colours(labels), strict=True)
        )
    )


def groups(timeline: Timeline) -> tuple[Group, ...]:
    """Return all spans in groups that are unfolded one by one."""
    pictured = {track.track for track in most_seen(timeline)}
    rows = [_row(one, timeline, pictured) for one in timeline.moments]
    found = []
    for first in range(0, len(rows), GROUP):
        part = tuple(rows[first : first + GROUP])
        name = f"{clock(part[0].start_s)} to {clock(part[-1].end_s)}, {len(part)} spans"
        found.append(Group(name, part))
    return tuple(found)


def _row(moment: Moment, timeline: Timeline, pictured: set[int]) -> Row:
    chart = None
    if moment.probabilities is not None:
        chart = columns(timeline.labels, moment.probabilities, timeline.thresholds)
    faces = _seen(moment, pictured)
    few = len(timeline.moments) <= PICTURES
    return Row(
        start_s=moment.span.start_s,
        end_s=moment.span.end_s,
        ends=exact(moment.span.end_s),
        kind="" if moment.kind is Kind.WINDOW else moment.kind.value,
        said=tuple(one.said for one in present(moment, timeline)) or (NONE_PRESENT,),
        columns=chart,
        why="" if chart else why(moment.status),
        picture=data_uri(moment.picture) if few and moment.picture else None,
        faces=faces[:SEEN],
        more=max(0, len(faces) - SEEN),
        wave=waveform(moment.envelope) if moment.envelope else None,
        words=shortened(moment.words or ""),
        notes=_notes(moment),
        reason=reason(moment) or "",
    )


def _seen(moment: Moment, pictured: set[int]) -> tuple[Seen, ...]:
    """Return each face of a span once, with the expression that it was surest of."""
    found: dict[int, Seen] = {}
    faces = moment.faces or ()
    for face in sorted(faces, key=lambda f: f.expression.probability if f.expression else 0.0):
        expression = face.expression
        shown = f"{expression.label} {percent(expression.probability)}" if expression else ""
        found[face.track] = Seen(face.track, face.track in pictured, shown)
    return tuple(found[track] for track in sorted(found))


def reason(moment: Moment) -> str | None:
    """Return in one sentence why the classifier answered so, None of those that cannot say."""
    evidence = moment.scores.evidence if moment.scores else None
    return evidence.sentence if evidence else None


def _notes(moment: Moment) -> str:
    parts = []
    if moment.sentiment:
        parts.append(f"words {moment.sentiment.label} ({moment.sentiment.valence:+.2f})")
    if moment.screen_text:
        parts.append(f"on the screen: {shortened(moment.screen_text, 120)}")
    if moment.tags:
        parts.append("sounds: " + ", ".join(tag.name for tag in moment.tags[:3]))
    return "; ".join(parts)


def cards(timeline: Timeline) -> tuple[Card, ...]:
    """Return the strongest span of each emotion."""
    return tuple(
        Card(
            label=peak.emotion.label,
            number=percent(peak.emotion.probability),
            present=peak.emotion.present,
            swatch=key(peak.colour),
            start_s=peak.moment.span.start_s,
            ends=exact(peak.moment.span.end_s),
            picture=data_uri(peak.moment.picture) if peak.moment.picture else None,
            words=shortened(peak.moment.words or "", 140),
        )
        for peak in peaks(timeline)
    )


def most_seen(timeline: Timeline) -> tuple[FaceTrack, ...]:
    """Return the faces that the page shows, in the order of their numbers."""
    found = sorted(timeline.tracks or (), key=lambda track: -track.count)[:TRACKS]
    return tuple(sorted(found, key=lambda track: track.track))


def people(timeline: Timeline) -> tuple[Person, ...]:
    """Return who was seen when, and what they showed."""
    return tuple(
        Person(
            number=track.track + 1,
            picture=data_uri(track.picture),
            count=track.count,
            spans=tuple((span.start_s, exact(span.end_s)) for span in track.spans[:CHANGES]),
            more=max(0, len(track.spans) - CHANGES),
            expressions=", ".join(
                f"{label} {percent(share)}" for label, share in (track.expressions or ())[:4]
            ),
            shown=shown_by(timeline, track.track)[:CHANGES],
        )
        for track in most_seen(timeline)
    )


def shortened(text: str, most: int = LETTERS) -> str:
    """Return a text of at most so many letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def data_uri(jpeg: bytes) -> str:
    """Return a picture as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
