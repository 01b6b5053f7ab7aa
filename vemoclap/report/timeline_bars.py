"""The numbers of one span as SVG: columns with their thresholds, bars, and the sound's waveform.

Colours are attributes and ink is the surrounding text's, so that they look right on any page.
"""

import html
import itertools
from collections.abc import Sequence

from vemoclap.report.timeline_findings import colours, emotions
from vemoclap.report.wording import clean, percent

COLUMN, GAP = 16, 5  # units of the small chart
SMALL_HEIGHT = 44
WIDE, HIGH = 62, 112  # units of the named chart: a column with its gap, and the highest column
TOP, FOOT = 20, 22  # room for the numbers above and the names below
NUMBER = 18  # the height of a number with its margins
FAINT = 0.38  # of what does not reach its threshold
PEAKS = 64  # of a waveform on a page with many


def told(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> str:
    """Return the probabilities in words, for those who cannot see them."""
    parts = []
    for place, one in enumerate(emotions(labels, probabilities, thresholds)):
        least = f", threshold {percent(thresholds[place])}" if thresholds is not None else ""
        above = ", above" if thresholds is not None and one.present else ""
        parts.append(f"{one.said}{least}{above}")
    return "; ".join(parts)


def columns(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> str:
    """Return a small chart without names: a column per label, dotted lines for thresholds."""
    width = len(labels) * (COLUMN + GAP)
    parts = [_opening("columns", width, SMALL_HEIGHT, told(labels, probabilities, thresholds))]
    for place, (one, colour) in enumerate(
        zip(emotions(labels, probabilities, thresholds), colours(labels), strict=True)
    ):
        left = place * (COLUMN + GAP) + GAP / 2
        parts.append(
            f'<rect x="{left:g}" width="{COLUMN}" height="{SMALL_HEIGHT}" fill="currentColor" '
            'opacity=".08"/>'
        )
        height = _height(one.probability, SMALL_HEIGHT)
        shade = "" if one.present or thresholds is None else f' opacity="{FAINT}"'
        parts.append(
            f'<rect x="{left:g}" y="{SMALL_HEIGHT - height:.1f}" width="{COLUMN}" '
            f'height="{height:.1f}" fill="{colour}"{shade}/>'
        )
        if thresholds is not None:
            y = SMALL_HEIGHT - _height(thresholds[place], SMALL_HEIGHT)
            parts.append(_dotted(left - GAP / 2, left + COLUMN + GAP / 2, y))
    return "".join([*parts, "</svg>"])


def named_columns(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> str:
    """Return a chart with names and numbers: a column per label, dotted lines for thresholds.

    Columns that reach their threshold are in full colour, with an outline and bold numbers; the
    others are faint.
    """
    width, height = len(labels) * WIDE, TOP + HIGH + FOOT
    parts = [_opening("named", width, height, told(labels, probabilities, thresholds))]
    floor = TOP + HIGH
    for place, (one, colour) in enumerate(
        zip(emotions(labels, probabilities, thresholds), colours(labels), strict=True)
    ):
        left, middle = place * WIDE + 12, place * WIDE + WIDE / 2
        size = _height(one.probability, HIGH)
        shade = "" if one.present or thresholds is None else f' opacity="{FAINT}"'
        edge = ' stroke="currentColor" stroke-width="1.5"' if one.present else ""
        bold = ' font-weight="700"' if one.present else ""
        parts.append(
            f'<rect x="{left}" y="{floor - size:.1f}" width="{WIDE - 24}" height="{size:.1f}" '
            f'fill="{colour}"{shade}{edge}/>'
        )
        if thresholds is not None:
            y = floor - _height(thresholds[place], HIGH)
            parts.append(_dotted(place * WIDE + 4, (place + 1) * WIDE - 4, y, 2))
        above = floor - size
        if thresholds is not None:
            line = floor - _height(thresholds[place], HIGH)
            above = min(above, line) if above - line < NUMBER else above  # nothing crosses it
        parts.append(
            f'<text x="{middle:g}" y="{above - 5:.1f}" text-anchor="middle" font-size="12" '
            f'fill="currentColor"{bold}>{percent(one.probability)}</text>'
            f'<text x="{middle:g}" y="{floor + 16}" text-anchor="middle" font-size="12.5" '
            f'fill="currentColor"{bold}>{html.escape(clean(one.label)[:12])}</text>'
        )
    parts.append(
        f'<line x1="0" x2="{width}" y1="{floor}" y2="{floor}" stroke="currentColor" opacity=".5"/>'
    )
    return "".join([*parts, "</svg>"])


def bar(share: float, fill: str, threshold: float | None) -> str:
    """Return a bar with a dotted line at its threshold; its number stands beside it."""
    shade = f' opacity="{FAINT}"' if threshold is not None and share < threshold else ""
    line = ""
    if threshold is not None:
        x = 1000 * min(1.0, max(0.0, threshold))
        line = (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="14" stroke="currentColor" '
            'stroke-width="2" stroke-dasharray="2 2" vector-effect="non-scaling-stroke"/>'
        )
    return (
        '<svg viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="1000" height="14" fill="currentColor" opacity=".1"/>'
        f'<rect width="{1000 * min(1.0, max(0.0, share)):.1f}" height="14" fill="{fill}"{shade}/>'
        f"{line}</svg>"
    )


def waveform(envelope: Sequence[float], most: int = PEAKS) -> str:
    """Return the waveform of a span, drawn from at most so many peaks."""
    count = min(most, len(envelope))
    edges = [place * len(envelope) // count for place in range(count + 1)]
    peaks = [max(envelope[a:b]) for a, b in itertools.pairwise(edges)]
    shape = " ".join(
        f"M{x} {20 - 19 * y:.0f}V{20 + max(1.0, 19 * y):.0f}" for x, y in enumerate(peaks)
    )
    return (
        f'<svg class="wave" viewBox="-.5 0 {count} 40" preserveAspectRatio="none" role="img" '
        f'aria-label="Waveform, loudest {percent(max(peaks))} of full scale">'
        f'<path d="{shape}" fill="none" stroke="currentColor" stroke-width=".7"/></svg>'
    )


def key(colour: str) -> str:
    """Return the small square that stands for a colour in a legend."""
    return (
        '<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">'
        f'<rect width="10" height="10" rx="2" fill="{colour}"/></svg>'
    )


def _opening(css_class: str, width: int, height: int, described: str) -> str:
    return (
        f'<svg class="{css_class}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(described)}">'
    )


def _height(share: float, full: int) -> float:
    return full * min(1.0, max(0.0, share))


def _dotted(left: float, right: float, y: float, width: float = 1.5) -> str:
    return (
        f'<line class="threshold" x1="{left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke="currentColor" stroke-width="{width:g}" stroke-dasharray="2 2"/>'
    )
