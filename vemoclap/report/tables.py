"""Tables for spreadsheets."""

import csv
import io
import math

from vemoclap.records import Analysis, Floats, Times

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


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _speech(analysis: Analysis, start_s: float) -> str:
    speech, step = analysis.readings.speech, analysis.readings.curves.step_s
    if speech.spans is None:
        return "0" if speech.status.state == "absent" else ""
    shared = (min(span.end_s, start_s + step) - max(span.start_s, start_s) for span in speech.spans)
    return _number(min(1.0, sum(max(0.0, length) for length in shared) / step))
