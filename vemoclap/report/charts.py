"""Charts as SVG, coloured by the page's style, told in words by their labels.

The small charts of one span have their colours as attributes and the surrounding text's ink, so
that they look right on any page.
"""

import html
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from vemoclap.records import Floats, Span, Times
from vemoclap.report.timeline_findings import Emotion, colours, emotions
from vemoclap.report.wording import clean, clock, percent

CHART_WIDTH, CHART_HEIGHT = 640, 132  # units of the SVG, which scales to its place
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 56, 8, 14, 24

COLUMN, GAP, SMALL_HEIGHT = 16, 5, 44  # units of the small chart of a span
WIDE, HIGH = 62, 112  # units of the named chart: a column with its gap, and the highest column
TOP, FOOT = 20, 22  # room for the numbers above and the names below
NUMBER = 18  # the height of a number with its margins
FAINT = 0.38  # of what does not reach its threshold
PEAKS = 64  # of a waveform on a page with many


def element(tag: str, *inside: str, **attributes: object) -> Markup:
    """Return an SVG element; attributes of None are left out, all others are escaped.

    Args:
        tag: its name.
        inside: markup; text must be escaped.
        attributes: an underscore in a name stands for a hyphen, one at its end for nothing.
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    end = f">{''.join(inside)}</{tag}>" if inside else "/>"
    return Markup(f"<{tag}{named}{end}")  # noqa: S704  escaped above


def drawing(parts: Iterable[str], width: float, height: float, told: str, **more: object) -> Markup:
    """Return an SVG picture, which is told in words to those who cannot see it."""
    size = f"0 0 {width} {height}"
    return element("svg", *parts, **more, viewBox=size, role="img", aria_label=told)


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

    bottom = CHART_HEIGHT - MARGIN_BOTTOM

    def x(self, time_s: float) -> float:
        share = min(1.0, max(0.0, time_s / self.duration_s))
        return round(MARGIN_LEFT + (CHART_WIDTH - MARGIN_LEFT - MARGIN_RIGHT) * share, 1)

    def y(self, value: float) -> float:
        share = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return round(self.bottom - (self.bottom - MARGIN_TOP) * share, 1)

    def drawn(self) -> list[Markup]:
        """Return the lines of the value axis and the numbers of both."""
        parts = []
        for value in (self.low, (self.low + self.high) / 2, self.high):
            shown, y = percent(value) if self.percent else f"{value:.2g}", self.y(value)
            parts += [
                element(
                    "line", class_="grid", x1=MARGIN_LEFT, x2=CHART_WIDTH - MARGIN_RIGHT, y1=y, y2=y
                ),
                _tick(MARGIN_LEFT - 6, y + 4, shown, "end"),
            ]
        for tick in ticks(self.duration_s):
            anchor = "middle" if tick else "start"
            parts.append(_tick(self.x(tick), CHART_HEIGHT - 5, clock(tick), anchor))
        return parts


def _tick(x: float | str, y: float | str, shown: str, anchor: str) -> Markup:
    return element("text", shown, class_="tick", x=x, y=y, text_anchor=anchor)


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
) -> Markup:
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
    x = axes.x
    shades = [
        element(
            "rect",
            class_="span",
            x=x(span.start_s),
            y=MARGIN_TOP,
            width=f"{max(1.0, x(span.end_s) - x(span.start_s)):.1f}",
            height=axes.bottom - MARGIN_TOP,
        )
        for span in spans
    ]
    marks = [
        element("line", class_="mark", x1=x(mark), x2=x(mark), y1=MARGIN_TOP, y2=axes.bottom)
        for mark in marks_s
    ]
    curves = [part for line in lines for part in _curve(axes, times_s, line)]
    described = "; ".join(f"{line.name} {_described(line.values)}" for line in lines)
    parts = [*shades, *axes.drawn(), *marks, *curves]
    return drawing(parts, CHART_WIDTH, CHART_HEIGHT, f"{title}: {described}")


def _curve(axes: _Axes, times_s: Times, line: Line) -> Iterator[Markup]:
    for piece in pieces(times_s, line.values):
        points = [(axes.x(time_s), axes.y(value)) for time_s, value in piece]
        if len(points) == 1:
            ((x, y),) = points
            yield element("circle", class_=f"dot {line.css_class}", cx=x, cy=y, r=2)
        else:
            path = " ".join(f"{x},{y}" for x, y in points)
            yield element("polyline", class_=line.css_class, points=path)


def window_chart(
    title: str,
    starts_s: Sequence[float],
    weights: Sequence[float],
    *,
    most: int | None,
    window_s: float,
    duration_s: float,
) -> Markup:
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
        told = f"all {len(weights)} windows about equally, at most {percent(top)}"
    else:
        from_s, to_s = clock(starts_s[most]), clock(starts_s[most] + window_s)
        place = f"window {most + 1} of {len(weights)}, from {from_s} to {to_s}"
        told = f"most is {place}, with {percent(top)}"
    parts = axes.drawn()
    for index, (start_s, weight) in enumerate(zip(starts_s, weights, strict=True)):
        left, y = axes.x(start_s + window_s / 4), axes.y(weight)
        width = max(3.0, axes.x(start_s + 3 * window_s / 4) - left - 1)
        name, high = "weight most" if index == most else "weight", f"{axes.bottom - y:.1f}"
        parts.append(element("rect", class_=name, x=left, y=y, width=f"{width:.1f}", height=high))
        if index == most:
            middle = min(max(left + width / 2, MARGIN_LEFT + 16), CHART_WIDTH - 24)
            parts.append(_tick(f"{middle:.1f}", f"{y - 4:.1f}", percent(weight), "middle"))
    return drawing(parts, CHART_WIDTH, CHART_HEIGHT, f"{title}: {told}")


# -- bars, for the eye only: their numbers stand beside them ----------------------------------


def bar(
    share: float,
    fill: str | None = None,
    css_class: str | None = None,
    threshold: float | None = None,
) -> Markup:
    """Return a bar of a share from 0 to 1, faint where it does not reach its dotted threshold."""
    faint = FAINT if threshold is not None and share < threshold else None
    length = f"{1000 * _within(share):.1f}"
    parts = [element("rect", width=length, height=14, fill=fill, class_=css_class, opacity=faint)]
    if threshold is not None:
        x = f"{1000 * _within(threshold):.1f}"
        parts.append(_dotted(2, x1=x, x2=x, y1=0, y2=14, vector_effect="non-scaling-stroke"))
    return _bar(*parts)


def signed_bar(value: float, most: float) -> Markup:
    """Return a bar from the middle, rightwards for more than 0 and leftwards for less.

    ``most`` is the largest amount of any bar.
    """
    length = 498 * min(1.0, abs(value) / most) if most > 0 else 0.0
    left, sign = (500.0, "plus") if value > 0 else (500 - length, "minus")
    return _bar(
        element("rect", class_=sign, x=f"{left:.1f}", width=f"{length:.1f}", height=14),
        element("rect", class_="zero", x=496, width=8, height=14),
    )


def _bar(*parts: Markup) -> Markup:
    track = element("rect", class_="track", width=1000, height=14)
    size, hidden = "0 0 1000 14", "true"
    return element(
        "svg", track, *parts, viewBox=size, preserveAspectRatio="none", aria_hidden=hidden
    )


# -- the numbers of one span ------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """What a chart of columns shows of a label."""

    emotion: Emotion
    colour: str
    threshold: float | None  # 0..1

    @property
    def faint(self) -> float | None:
        return FAINT if self.threshold is not None and not self.emotion.present else None

    @property
    def told(self) -> str:
        if self.threshold is None:
            return self.emotion.said
        above = ", above" if self.emotion.present else ""
        return f"{self.emotion.said}, threshold {percent(self.threshold)}{above}"


def _columns(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> tuple[list[_Column], str]:
    """Return the columns, and all of them in words."""
    least = thresholds or (None,) * len(labels)
    found = zip(emotions(labels, probabilities, thresholds), colours(labels), least, strict=True)
    made = list(itertools.starmap(_Column, found))
    return made, "; ".join(one.told for one in made)


def columns(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> Markup:
    """Return a small chart without names: a column per label, dotted lines for thresholds."""
    parts = []
    found, told = _columns(labels, probabilities, thresholds)
    for place, one in enumerate(found):
        left = place * (COLUMN + GAP) + GAP / 2
        height = SMALL_HEIGHT * _within(one.emotion.probability)
        parts += [
            _rect(left, 0, COLUMN, SMALL_HEIGHT, "currentColor", opacity=0.08),
            _rect(left, SMALL_HEIGHT - height, COLUMN, height, one.colour, opacity=one.faint),
        ]
        if one.threshold is not None:
            y = SMALL_HEIGHT * (1 - _within(one.threshold))
            parts.append(_threshold(left - GAP / 2, left + COLUMN + GAP / 2, y, 1.5))
    return drawing(parts, len(labels) * (COLUMN + GAP), SMALL_HEIGHT, told, class_="columns")


def named_columns(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> Markup:
    """Return a chart with names and numbers: a column per label, dotted lines for thresholds.

    Columns that reach their threshold are in full colour, with an outline and bold numbers; the
    others are faint.
    """
    width, floor = len(labels) * WIDE, TOP + HIGH
    parts = []
    found, told = _columns(labels, probabilities, thresholds)
    for place, one in enumerate(found):
        left, present = place * WIDE, one.emotion.present
        size = HIGH * _within(one.emotion.probability)
        edge, thick = ("currentColor", 1.5) if present else (None, None)
        column = left + 12, floor - size, WIDE - 24, size, one.colour
        parts.append(_rect(*column, opacity=one.faint, stroke=edge, stroke_width=thick))
        above = floor - size
        if one.threshold is not None:
            line = floor - HIGH * _within(one.threshold)
            parts.append(_threshold(left + 4, left + WIDE - 4, line, 2))
            above = min(above, line) if above - line < NUMBER else above  # nothing crosses it
        ink = {"fill": "currentColor", "font_weight": 700 if present else None}
        for y, size_, text in (
            (f"{above - 5:.1f}", 12, percent(one.emotion.probability)),
            (floor + 16, 12.5, html.escape(clean(one.emotion.label)[:12])),
        ):
            middle = f"{left + WIDE / 2:g}"
            parts.append(
                element("text", text, x=middle, y=y, text_anchor="middle", font_size=size_, **ink)
            )
    parts.append(
        element("line", x1=0, x2=width, y1=floor, y2=floor, stroke="currentColor", opacity=0.5)
    )
    return drawing(parts, width, floor + FOOT, told, class_="named")


def waveform(envelope: Sequence[float], most: int = PEAKS) -> Markup:
    """Return the waveform of a span, drawn from at most so many peaks."""
    count = min(most, len(envelope))
    edges = [place * len(envelope) // count for place in range(count + 1)]
    peaks = [max(envelope[a:b]) for a, b in itertools.pairwise(edges)]
    shape = " ".join(
        f"M{x} {20 - 19 * y:.0f}V{20 + max(1.0, 19 * y):.0f}" for x, y in enumerate(peaks)
    )
    return element(
        "svg",
        element("path", d=shape, fill="none", stroke="currentColor", stroke_width=0.7),
        class_="wave",
        viewBox=f"-.5 0 {count} 40",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Waveform, loudest {percent(max(peaks))} of full scale",
    )


def key(colour: str) -> Markup:
    """Return the small square that stands for a colour in a legend."""
    square = element("rect", width=10, height=10, rx=2, fill=colour)
    return element("svg", square, class_="swatch", viewBox="0 0 10 10", aria_hidden="true")


def _rect(x: float, y: float, width: float, height: float, fill: str, **more: object) -> Markup:
    top, high = f"{y:.1f}", f"{height:.1f}"
    return element("rect", x=f"{x:g}", y=top, width=width, height=high, fill=fill, **more)


def _threshold(left: float, right: float, y: float, width: float) -> Markup:
    ends = {"x1": f"{left:g}", "x2": f"{right:g}", "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    return _dotted(width, class_="threshold", **ends)


def _dotted(width: float, **attributes: object) -> Markup:
    ink = {"stroke": "currentColor", "stroke_width": f"{width:g}", "stroke_dasharray": "2 2"}
    return element("line", **attributes, **ink)


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


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
