"""The analysis for a terminal."""

from typing import TYPE_CHECKING

import numpy as np

from vemoclap.records import Analysis, Floats, ScreenPart, Sentiment, Status
from vemoclap.report import wording

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

BAR_WIDTH = 30  # characters of a probability of 1
PARTS_SHOWN = 5  # texts; the rest is in the report
SPARK = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 48  # characters


def summary(analysis: Analysis) -> "Group":
    """Return what a person wants to know first, as something that rich can print.

    Made of plain ``Text``, never of markup, so nothing that a file says can style the terminal.
    """
    from rich.console import Group
    from rich.text import Text

    info = analysis.clip.info
    parts: list[Text | Table] = [
        Text(wording.name_of(analysis), style="bold"),
        Text(f"{wording.outcome(analysis)}; {wording.media_facts(info)}", style="dim"),
        Text(),
    ]
    parts += _emotion(analysis)
    rows = [
        ("speech", wording.speech(analysis)),
        ("words", _words(analysis)),
        ("on screen", _screen(analysis)),
        ("heard", wording.tags(analysis)),
        ("faces", wording.faces(analysis)),
        ("expressions", wording.expressions(analysis)),
        ("caption", _caption(analysis)),
        ("arousal", _spark(analysis.readings.affect.arousal)),
        ("valence", _spark(analysis.readings.affect.valence)),
    ]
    parts += [Text(), _pairs(rows), Text()]
    engines = ", ".join(
        f"{use.role}: {use.engine}" for use in analysis.engines if use.engine is not None
    )
    empty = ", ".join(use.role for use in analysis.engines if use.engine is None)
    rows = [
        ("preset", f"{analysis.preset}, on {analysis.device}"),
        ("engines", engines),
        ("left empty", empty or "no role"),
        ("took", wording.stages(analysis)),
    ]
    parts.append(_pairs(rows, style="dim"))
    parts += [Text(f"! {wording.clean(text)}", style="yellow") for text in analysis.warnings]
    parts += [Text(), Text(wording.INTENDED_USE, style="dim italic")]
    return Group(*parts)


def _emotion(analysis: Analysis) -> "list[Text | Table]":
    from rich.text import Text

    scores = analysis.scores
    if scores is None:
        return [Text(f"emotion  {wording.why(analysis.scores_status)}", style="yellow")]
    kind = "" if scores.trained else "  (untrained estimate)"
    lines: list[Text | Table] = [Text(f"emotion, by {scores.method}{kind}", style="bold")]
    for name, probability in scores.ranked:
        bar = "█" * max(1, round(BAR_WIDTH * probability))
        lines.append(Text(f"{name:>9} {wording.percent(probability):>5}  {bar}"))
    lines.append(Text(wording.clean(scores.note), style="dim"))
    if scores.evidence is not None:
        lines.append(Text())
        lines.append(_pairs([("why", wording.clean(scores.evidence.sentence))]))
        lines.append(Text(wording.ABOUT_EVIDENCE, style="dim"))
    return lines


def _words(analysis: Analysis) -> str:
    reading = analysis.readings.speech
    if reading.transcript is None:
        return wording.why(reading.transcript_status)
    code = reading.transcript.language
    language = f", {wording.language(code)}" if code else ""
    said = wording.clean(reading.transcript.text)
    feeling = _feeling(reading.sentiment, reading.sentiment_status)
    return f"“{said}” ({reading.transcript.source}{language}); {feeling}"


def _caption(analysis: Analysis) -> str:
    reading = analysis.readings.caption
    if reading.text is None or reading.frame is None:
        return wording.caption(analysis)
    time_s = float(analysis.clip.times_s[reading.frame])
    return f"{wording.caption(analysis)}, by a machine of the frame at {wording.clock(time_s)}"


def _screen(analysis: Analysis) -> str:
    reading = analysis.readings.screen
    if not reading.parts:
        return wording.why(reading.status)
    texts = "; ".join(
        f"“{wording.clean(part.original)}”" + _correction(part)
        for part in reading.parts[:PARTS_SHOWN]
    )
    if len(reading.parts) > PARTS_SHOWN:
        texts += f"; and {len(reading.parts) - PARTS_SHOWN} more, in the report"
    return f"{texts}; {_feeling(reading.sentiment, reading.sentiment_status)}"


def _correction(part: ScreenPart) -> str:
    if part.english is None or part.english.casefold() == part.original.casefold():
        return ""
    return f" → “{wording.clean(part.english)}”"


def _feeling(sentiment: Sentiment | None, status: Status) -> str:
    if sentiment is None:
        return f"sentiment {wording.why(status)}"
    return f"sentiment {sentiment.label}, {wording.polarity(sentiment)}"


def _spark(values: Floats) -> str:
    """Return a curve from -1 to 1 in block characters, gaps as spaces, and its mean."""
    if not np.isfinite(values).any():
        return "unknown"
    pieces = np.array_split(values, min(SPARK_WIDTH, len(values)))
    means = [float(np.nanmean(p)) if np.isfinite(p).any() else None for p in pieces]
    blocks = "".join(
        " " if mean is None else SPARK[min(7, max(0, int((mean + 1) / 2 * 8)))] for mean in means
    )
    return f"{blocks}  mean {float(np.nanmean(values)):+.2f} (of -1 to 1)"


def _pairs(rows: list[tuple[str, str]], style: str = "") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, Text(text, style=style))
    return table
