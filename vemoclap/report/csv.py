"""Tables for spreadsheets."""

import csv
import io
import math
from collections.abc import Iterable

from vemoclap.records import Analysis, Floats, Times
from vemoclap.report.timeline_findings import label_of
from vemoclap.report.wording import clean
from vemoclap.timeline.records import Moment, Timeline

LEADING = ("span", "start_s", "end_s", "kind", "status", "emotion")
TRAILING = (
    "words",
    "sentiment",
    "sentiment_valence",
    "faces",
    "face_tracks",
    "expressions",
    "screen_text",
    "sounds",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe goes before one."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def curves_csv(analysis: Analysis) -> str:
    """Return the curves as CSV, one row per grid step; cells of unknown values are empty.

    Columns: time_s (middle of the step), motion, cut_rate (cuts per second), brightness,
    saturation, sound_energy, arousal, valence, and speech (share of the step, 0 to 1).
    """
    curves, affect = analysis.readings.curves, analysis.readings.affect
    columns: dict[str, Floats | Times] = {
        "time_s": curves.times_s,
        "motion": curves.motion,
        "cut_rate": curves.cut_rate,
        "brightness": curves.brightness,
        "saturation": curves.saturation,
        "sound_energy": curves.sound_energy,
        "arousal": affect.arousal,
        "valence": affect.valence,
    }
    rows = zip(*(map(_number, values.tolist()) for values in columns.values()), strict=True)
    starts_s = (curves.times_s - curves.step_s / 2).tolist()
    return _table(
        [*columns, "speech"],
        ([*row, _speech(analysis, s)] for row, s in zip(rows, starts_s, strict=True)),
    )


def frames_csv(analysis: Analysis) -> str:
    """Return what each sampled frame shows as CSV, one row per frame.

    Columns: frame (counted from 1), time_s, faces (how many), expression and
    expression_probability of the largest face, text (the lines on the screen, joined by " | ") and
    attention (the share of the classifier's attention, 0 to 1). Cells of unknown values are empty.
    """
    faces, lines = analysis.readings.faces.faces, analysis.readings.screen.lines
    evidence = analysis.scores.evidence if analysis.scores else None
    weights = evidence.frame_weights if evidence else None
    rows = []
    for index, time_s in enumerate(analysis.clip.times_s.tolist()):
        here = [face for face in faces or () if face.frame == index]
        largest = max(here, key=lambda face: face.box.area, default=None)
        expression = largest.expression if largest else None
        words = " | ".join(line.text for line in lines[index]) if lines is not None else ""
        rows.append(
            [
                str(index + 1),
                _number(time_s),
                "" if faces is None else str(len(here)),
                _cell(expression.label if expression else None),
                _number(expression.probability if expression else None),
                _cell(words),
                _number(None if weights is None else weights[index]),
            ]
        )
    head = ("frame", "time_s", "faces", "expression", "expression_probability", "text", "attention")
    return _table(head, rows)


def _speech(analysis: Analysis, start_s: float) -> str:
    speech, step = analysis.readings.speech, analysis.readings.curves.step_s
    if speech.spans is None:
        return "0" if speech.status.state == "absent" else ""
    shared = (min(span.end_s, start_s + step) - max(span.start_s, start_s) for span in speech.spans)
    return _number(min(1.0, sum(max(0.0, length) for length in shared) / step))


def spans_csv(timeline: Timeline) -> str:
    """Return the spans as CSV, one row each; cells of unknown values are empty.

    Columns: span (counted from 1), start_s, end_s, kind, status, emotion (those present), the
    probability of each label, words, sentiment, sentiment_valence (-1 to 1), faces (how many
    were found), face_tracks (whose), expressions, screen_text, and sounds. Text that a
    spreadsheet might take for a formula begins with an apostrophe.
    """
    head = [*LEADING, *map(_cell, timeline.labels), *TRAILING]
    return _table(head, (_row(moment, timeline) for moment in timeline.moments))


def _row(moment: Moment, timeline: Timeline) -> list[str]:
    probabilities = moment.probabilities or (None,) * len(timeline.labels)
    feeling, faces = moment.sentiment, moment.faces
    expressions = [face.expression.label for face in faces or () if face.expression]
    return [
        str(moment.index + 1),
        f"{moment.span.start_s:.3f}",
        f"{moment.span.end_s:.3f}",
        moment.kind.value,
        moment.status.state.value,
        _cell(label_of(moment, timeline)),
        *(_number(value) for value in probabilities),
        _cell(moment.words),
        _cell(feeling.label if feeling else None),
        _number(feeling.valence if feeling else None),
        "" if faces is None else str(len(faces)),
        " ".join(str(track + 1) for track in sorted({face.track for face in faces or ()})),
        _cell(" | ".join(expressions)),
        _cell(moment.screen_text),
        _cell(" | ".join(tag.name for tag in moment.tags or ())),
    ]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()


def _number(value: float | None) -> str:
    return f"{value:.6g}" if value is not None and math.isfinite(value) else ""


def _cell(text: str | None) -> str:
    return safe_cell(clean(text or ""))
