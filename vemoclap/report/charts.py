"""Charts as SVG, coloured by the page's style, told in words by their labels."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vemoclap.records import Floats, Span, Times
from vemoclap.report.wording import clock

CHART_WIDTH, CHART_HEIGHT = 640, 132  # units of the SVG, which scales to its place
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 56, 8, 14, 24


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    name: str
    values: Floats  # NaN leaves a gap
    css_class: str  # gives it its colour


@dataclass(frozen=True)
class _Axes:
    """Where times and values lie in a chart."""

    duration_s: float
    low: float
    high: float
    percent: bool = False

    @property
    def bottom(self) -> int:
        return CHART_HEIGHT - MARGIN_BOTTOM

    def x(self, time_s: float) -> float:
        share = min(1.0, max(0.0, time_s / self.duration_s))
        return round(MARGIN_LEFT + (CHART_WIDTH - MARGIN_LEFT - MARGIN_RIGHT) * share, 1)

    def y(self, value: float) -> float:
        share = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return round(self.bottom - (self.bottom - MARGIN_TOP) * share, 1)

    def opening(self, description: str) -> str:
        return (
            f'<svg viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" '
            f'aria-label="{html.escape(description)}">'
        )

    def drawn(self) -> str:
        """Return the lines of the value axis and the numbers of both."""
        parts = []
        for value in (self.low, (self.low + self.high) / 2, self.high):
            shown = f"{100 * value:.0f} %" if self.percent else f"{value:.2g}"
            parts.append(
                f'<line class="grid" x1="{MARGIN_LEFT}" x2="{CHART_WIDTH - MARGIN_RIGHT}" '
                f'y1="{self.y(value)}" y2="{self.y(value)}"/>'
                f'<text class="tick" x="{MARGIN_LEFT - 6}" y="{self.y(value) + 4}" '
                f'text-anchor="end">{shown}</text>'
            )
        for tick in ticks(self.duration_s):
            anchor = "middle" if tick else "start"
            parts.append(
                f'<text class="tick" x="{self.x(tick)}" y="{CHART_HEIGHT - 5}" '
                f'text-anchor="{anchor}">{clock(tick)}</text>'
            )
        return "".join(parts)


def chart(
    title: str,
    times_s: Times,
    lines: Sequence[Line],
    *,
    duration_s: float,
    low: float,
    high: float,
    spans: Sequence[Span] = (),
    marks_s: Sequence[float] = (),
) -> str:
    """Return an SVG chart of curves over time.

    Args:
        title: read out to those who cannot see it.
        times_s: of the values.
        lines: what to draw.
        duration_s: length of the time axis.
        low: bottom of the value axis.
        high: top of the value axis.
        spans: shaded stretches of time.
        marks_s: moments marked by a vertical line.
    """
    axes = _Axes(duration_s, low, high)
    described = "; ".join(f"{line.name} {_described(line.values)}" for line in lines)
    parts = [axes.opening(f"{title}: {described}")]
    for span in spans:
        width = max(1.0, axes.x(span.end_s) - axes.x(span.start_s))
        parts.append(
            f'<rect class="span" x="{axes.x(span.start_s)}" y="{MARGIN_TOP}" '
            f'width="{width:.1f}" height="{axes.bottom - MARGIN_TOP}"/>'
        )
    parts.append(axes.drawn())
    for mark in marks_s:
        x = axes.x(mark)
        parts.append(f'<line class="mark" x1="{x}" x2="{x}" y1="{MARGIN_TOP}" y2="{axes.bottom}"/>')
    for line in lines:
        for piece in pieces(times_s, line.values):
            points = " ".join(f"{axes.x(t)},{axes.y(v)}" for t, v in piece)
            if len(piece) == 1:
                (t, v) = piece[0]
                parts.append(
                    f'<circle class="dot {line.css_class}" cx="{axes.x(t)}" cy="{axes.y(v)}" '
                    'r="2"/>'
                )
            else:
                parts.append(f'<polyline class="{line.css_class}" points="{points}"/>')
    return "".join([*parts, "</svg>"])


def window_chart(
    title: str,
    starts_s: Sequence[float],
    weights: Sequence[float],
    *,
    most: int | None,
    window_s: float,
    duration_s: float,
) -> str:
    """Return an SVG chart of the weight of each window of time.

    Windows overlap, so each has a bar half as wide as itself around its middle.

    Args:
        title: read out to those who cannot see it.
        starts_s: of the windows.
        weights: of the windows, from 0 to 1.
        most: the window to point at, with its number; None where all weigh about the same.
        window_s: length of every window.
        duration_s: length of the time axis.
    """
    top = max(*weights, 0.01)
    axes = _Axes(duration_s, 0.0, 1.25 * top, percent=True)  # room for the number
    if most is None:
        told = f"all {len(weights)} windows about equally, at most {100 * top:.0f} %"
    else:
        from_s, to_s = clock(starts_s[most]), clock(starts_s[most] + window_s)
        told = (
            f"most is window {most + 1} of {len(weights)}, from {from_s} to {to_s}, with "
            f"{100 * top:.0f} %"
        )
    parts = [axes.opening(f"{title}: {told}"), axes.drawn()]
    for index, (start_s, weight) in enumerate(zip(starts_s, weights, strict=True)):
        left, y = axes.x(start_s + window_s / 4), axes.y(weight)
        width = max(3.0, axes.x(start_s + 3 * window_s / 4) - left - 1)
        parts.append(
            f'<rect class="weight{" most" if index == most else ""}" x="{left}" y="{y}" '
            f'width="{width:.1f}" height="{axes.bottom - y:.1f}"/>'
        )
        if index == most:
            middle = min(max(left + width / 2, MARGIN_LEFT + 16), CHART_WIDTH - 24)
            parts.append(
                f'<text class="tick" x="{middle:.1f}" y="{y - 4:.1f}" '
                f'text-anchor="middle">{100 * weight:.0f} %</text>'
            )
    return "".join([*parts, "</svg>"])


def bar(share: float, fill: str = "", css_class: str = "") -> str:
    """Return an SVG bar of a share from 0 to 1, for the eye only: its number stands beside it."""
    colour = f' fill="{html.escape(fill)}"' if fill else f' class="{html.escape(css_class)}"'
    return (
        '<svg viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="1000" height="14"/>'
        f'<rect width="{1000 * min(1.0, max(0.0, share)):.1f}" height="14"{colour}/></svg>'
    )


def signed_bar(value: float, most: float) -> str:
    """Return an SVG bar from the middle, rightwards for more than 0 and leftwards for less.

    For the eye only: its number stands beside it. ``most`` is the largest amount of any bar.
    """
    length = 498 * min(1.0, abs(value) / most) if most > 0 else 0.0
    left, sign = (500.0, "plus") if value > 0 else (500 - length, "minus")
    return (
        '<svg viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="1000" height="14"/>'
        f'<rect class="{sign}" x="{left:.1f}" width="{length:.1f}" height="14"/>'
        '<rect class="zero" x="496" width="8" height="14"/></svg>'
    )


def _described(values: Floats) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return "unknown"
    return f"from {known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f}"


def pieces(times_s: Times, values: Floats) -> list[list[tuple[float, float]]]:
    """Return the stretches of a curve between its gaps."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for time_s, value in zip(times_s.tolist(), values.tolist(), strict=True):
        if math.isfinite(value):
            pieces[-1].append((time_s, value))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def ticks(duration_s: float) -> list[float]:
    """Return about six round times from 0 to less than the end."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
    step = next((s for s in steps if duration_s / s <= 7), float(steps[-1]))
    return [k * step for k in range(math.ceil(duration_s / step * 0.97))]
