"""The page's "Why this emotion": what the classifier's evidence shows, ready to be laid out."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vemoclap.media import images
from vemoclap.records import EMOTIONS, Analysis, Evidence, Scores
from vemoclap.report import charts, wording
from vemoclap.report.wording import WINDOW_S, percent

STANDS_OUT = 1.1  # times the even share, from which on the heaviest is worth pointing at
SHOTS = 32  # pictures of frames, the most-weighed; more would make the page heavy


@dataclass(frozen=True)
class Column:
    """A kind of evidence."""

    name: str
    there: bool  # False: the video has none, so it moved nothing


@dataclass(frozen=True)
class Cell:
    """How one kind of evidence moved the probability of one emotion."""

    points: str
    bar: Markup


@dataclass(frozen=True)
class Row:
    """An emotion, and how each kind of evidence moved its probability."""

    emotion: str
    probability: str
    cells: tuple[Cell | None, ...]  # None where the video has no such evidence


@dataclass(frozen=True)
class Shot:
    """A sampled frame and how much the classifier looked at it."""

    name: str
    time_s: float
    share: str
    picture: str  # data URI
    bar: Markup
    most: bool


@dataclass(frozen=True)
class Window:
    """A stretch of the sound and how much the classifier looked at it."""

    start_s: float
    end_s: float
    share: str
    most: bool


@dataclass(frozen=True)
class Reasoning:
    """All of the section."""

    sentence: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    shots: tuple[Shot, ...]  # in the order of time; empty where the frames were not looked at
    shots_note: str
    windows: tuple[Window, ...]
    window_chart: Markup | None
    windows_note: str


def reasoning(analysis: Analysis) -> Reasoning | None:
    """Return why the classifier answered as it did; None of estimates that cannot say why."""
    scores = analysis.scores
    if scores is None or scores.evidence is None:
        return None
    evidence, readings = scores.evidence, analysis.readings
    names = _ordered(evidence)
    there = {name: _is_there(analysis, name) for name in names}
    shots, windows = evidence.frame_weights, evidence.window_weights
    starts_s = readings.sound.starts_s
    chart = None
    if windows is not None and starts_s is not None:
        chart = charts.window_chart(
            "Share of the classifier's attention over the sound",
            starts_s,
            windows,
            most=_standout(windows),
            window_s=WINDOW_S,
            duration_s=analysis.clip.info.duration_s,
        )
    return Reasoning(
        sentence=evidence.sentence,
        columns=tuple(Column(wording.EVIDENCE.get(name, name), there[name]) for name in names),
        rows=_rows(scores, evidence, names, there),
        shots=() if shots is None else _shots(analysis, shots),
        shots_note=_even(shots, "frame", SHOTS) if shots else wording.why(readings.image.status),
        windows=() if windows is None or starts_s is None else _windows(starts_s, windows),
        window_chart=chart,
        windows_note=_even(windows, "window") if windows else wording.why(readings.sound.status),
    )


def _ordered(evidence: Evidence) -> list[str]:
    """Return the features, those with a name of their own first and in its order."""
    known = [name for name in wording.EVIDENCE if name in evidence.moved]
    return known + [name for name in evidence.moved if name not in wording.EVIDENCE]


def _is_there(analysis: Analysis, name: str) -> bool:
    feature = analysis.features.by_name.get(name)
    return feature is not None and feature.values is not None


def _rows(
    scores: Scores, evidence: Evidence, names: Sequence[str], there: dict[str, bool]
) -> tuple[Row, ...]:
    most = max(abs(change) for name in names for change in evidence.moved[name])

    def cell(name: str, index: int) -> Cell | None:
        if not there[name]:
            return None
        change = evidence.moved[name][index]
        return Cell(wording.points(change), charts.signed_bar(change, most))

    return tuple(
        Row(
            emotion=emotion,
            probability=percent(probability),
            cells=tuple(cell(name, EMOTIONS.index(emotion)) for name in names),
        )
        for emotion, probability in scores.ranked
    )


def _standout(weights: Sequence[float]) -> int | None:
    """Return the index of the heaviest, None where all weigh about the same."""
    heaviest = max(range(len(weights)), key=lambda index: weights[index])
    return heaviest if weights[heaviest] * len(weights) >= STANDS_OUT else None


def _shots(analysis: Analysis, weights: Sequence[float]) -> tuple[Shot, ...]:
    clip = analysis.clip
    order = sorted(range(len(weights)), key=lambda index: -weights[index])
    heaviest, most = weights[order[0]], _standout(weights)
    return tuple(
        Shot(
            name=f"Frame {index + 1}",
            time_s=float(clip.times_s[index]),
            share=percent(weights[index]),
            picture=images.data_uri(images.thumbnail(clip.frames[index])),
            bar=charts.bar(weights[index] / heaviest, css_class="weight"),
            most=index == most,
        )
        for index in sorted(order[:SHOTS])
    )


def _windows(starts_s: Sequence[float], weights: Sequence[float]) -> tuple[Window, ...]:
    most = _standout(weights)
    return tuple(
        Window(start, start + WINDOW_S, percent(weight), index == most)
        for index, (start, weight) in enumerate(zip(starts_s, weights, strict=True))
    )


def _even(weights: Sequence[float], kind: str, shown: int | None = None) -> str:
    """Return what a share is to be compared with."""
    count = len(weights)
    if _standout(weights) is None:
        note = f"It looked at all {count} about equally."
    else:
        note = f"An even share would be {100 / count:.1f} %."
    if shown is not None and count > shown:
        note += f" Of {count} {kind}s the {shown} that were looked at most are shown."
    return note
