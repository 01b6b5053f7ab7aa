"""Tables for spreadsheets."""

import csv
import io
import math

from vemoclap.records import Analysis, Floats, Times
from vemoclap.report.wording import clean

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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*map(safe_cell, columns), "speech"])
    for row, middle in enumerate(curves.times_s.tolist()):
        cells = [_number(float(values[row])) for values in columns.values()]
        writer.writerow([*cells, _speech(analysis, middle - curves.step_s / 2)])
    return text.getvalue()


def frames_csv(analysis: Analysis) -> str:
    """Return what each sampled frame shows as CSV, one row per frame.

    Columns: frame (counted from 1), time_s, faces (how many), expression and
    expression_probability of the largest face, text (the lines on the screen, joined by " | ") and
    attention (the share of the classifier's attention, 0 to 1). Cells of unknown values are empty.
    """
    faces, lines = analysis.readings.faces.faces, analysis.readings.screen.lines
    evidence = analysis.scores.evidence if analysis.scores else None
    weights = evidence.frame_weights if evidence else None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["frame", "time_s", "faces", "expression", "expression_probability", "text", "attention"]
    )
    for index, time_s in enumerate(analysis.clip.times_s.tolist()):
        here = [face for face in faces or () if face.frame == index]
        largest = max(here, key=lambda face: face.box.area, default=None)
        expression = largest.expression if largest else None
        words = " | ".join(line.text for line in lines[index]) if lines is not None else ""
        writer.writerow(
            [
                index + 1,
                _number(time_s),
                "" if faces is None else len(here),
                safe_cell(clean(expression.label)) if expression else "",
                _number(expression.probability) if expression else "",
                safe_cell(clean(words)),
                "" if weights is None else _number(weights[index]),
            ]
        )
    return text.getvalue()


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _speech(analysis: Analysis, start_s: float) -> str:
    speech, step = analysis.readings.speech, analysis.readings.curves.step_s
    if speech.spans is None:
        return "0" if speech.status.state == "absent" else ""
    shared = (min(span.end_s, start_s + step) - max(span.start_s, start_s) for span in speech.spans)
    return _number(min(1.0, sum(max(0.0, length) for length in shared) / step))
