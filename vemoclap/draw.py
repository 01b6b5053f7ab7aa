"""Analysis -> pictures: the annotated frame, and line charts as SVG."""

import html
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vemoclap.records import Analysis, Floats, Readings, Span, TextLine, Times

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

# Okabe and Ito's colours, told apart by all kinds of colour vision, here with sufficient contrast
# on white and on near-black.
EMOTION_COLOURS = {
    "anger": "#d55e00",
    "disgust": "#00916e",
    "fear": "#8a63b8",
    "joy": "#c99700",
    "sadness": "#2f7fc1",
    "surprise": "#cc5fa0",
}
FACE_COLOUR = "#ffb000"
TEXT_COLOUR = "#35c8ff"
FRAME_HEIGHT = 720  # pixels of the annotated frame, twice that of the frames
MAX_SCALE = 2.0

CHART_WIDTH, CHART_HEIGHT = 640, 132  # units of the SVG, which scales to its place
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 40, 8, 10, 22


def best_frame(readings: Readings, frame_count: int) -> int:
    """Return the index of the frame that shows the most.

    Preferably one with both faces and text, else the one with the most boxes, else the middle
    one (paper, section III: the sample frame).
    """
    faces, lines = [0] * frame_count, [0] * frame_count
    for face in readings.faces.faces or ():
        faces[face.frame] += 1
    for index, found in enumerate(readings.screen.lines or ()):
        lines[index] = len(found)

    def worth(index: int) -> tuple[bool, int]:
        return (bool(faces[index] and lines[index]), faces[index] + lines[index])

    best = max(range(frame_count), key=worth)
    return best if worth(best)[1] else frame_count // 2


def annotated_frame(analysis: Analysis, index: int | None = None) -> "Image.Image":
    """Return a sampled frame, enlarged, with boxes around faces and lines of text.

    Faces carry their expression, or the detector's confidence where no engine reads expressions;
    lines carry their number in the order of reading.
    """
    from PIL import Image, ImageDraw

    index = analysis.sample_frame if index is None else index
    frame = analysis.clip.frames[index]
    scale = min(MAX_SCALE, FRAME_HEIGHT / frame.shape[0])
    size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
    picture = Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(_lines(analysis, index), start=1):
        corners = [(x * scale, y * scale) for x, y in line.corners]
        _outline(pen, [*corners, corners[0]], TEXT_COLOUR)
        _label(pen, picture.size, corners[0], f"T{number}", TEXT_COLOUR)
    for face in analysis.readings.faces.faces or ():
        if face.frame != index:
            continue
        left, top, right, bottom = (
            edge * scale for edge in (face.box.left, face.box.top, face.box.right, face.box.bottom)
        )
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        _outline(pen, corners, FACE_COLOUR)
        name = face.expression.label if face.expression else "face"
        sure = face.expression.probability if face.expression else face.confidence
        _label(pen, picture.size, (left, top), f"{name} {sure:.2f}", FACE_COLOUR)
    return picture


def _lines(analysis: Analysis, index: int) -> Sequence[TextLine]:
    lines = analysis.readings.screen.lines
    return lines[index] if lines is not None and index < len(lines) else ()


def _outline(
    pen: "ImageDraw.ImageDraw", points: Sequence[tuple[float, float]], colour: str
) -> None:
    pen.line(points, fill="#000000", width=5, joint="curve")  # a halo, for any background
    pen.line(points, fill=colour, width=3, joint="curve")


def _label(
    pen: "ImageDraw.ImageDraw",
    size: tuple[int, int],
    corner: tuple[float, float],
    text: str,
    colour: str,
) -> None:
    """Write a label above a corner, moved so that it stays in the picture."""
    from PIL import ImageFont

    # Pillow's own font has only basic Latin; labels come from models and may hold anything.
    words = text.encode("ascii", "replace").decode()
    font = ImageFont.load_default(18)
    _, _, width, height = pen.textbbox((0, 0), words, font=font)
    width, height = width + 10, height + 8
    left = min(max(0.0, corner[0]), max(0.0, size[0] - width))
    top = corner[1] - height if corner[1] >= height else corner[1]
    top = min(max(0.0, top), max(0.0, size[1] - height))
    pen.rectangle((left, top, left + width, top + height), fill=colour)
    pen.text((left + 5, top + 3), words, font=font, fill="#000000")


def encoded(picture: "Image.Image", kind: str) -> bytes:
    """Return a picture as the bytes of a "PNG" or "JPEG" file."""
    data = io.BytesIO()
    picture.save(data, kind, quality=82, optimize=True)
    return data.getvalue()


# -- charts -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    name: str
    values: Floats  # NaN leaves a gap
    css_class: str  # gives it its colour


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
    inner_width = CHART_WIDTH - MARGIN_LEFT - MARGIN_RIGHT
    inner_height = CHART_HEIGHT - MARGIN_TOP - MARGIN_BOTTOM
    bottom = MARGIN_TOP + inner_height

    def x(time_s: float) -> float:
        return round(MARGIN_LEFT + inner_width * min(1.0, max(0.0, time_s / duration_s)), 1)

    def y(value: float) -> float:
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return round(bottom - inner_height * share, 1)

    described = "; ".join(f"{line.name} {_described(line.values)}" for line in lines)
    parts = [
        f'<svg viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" '
        f'aria-label="{html.escape(f"{title}: {described}")}">'
    ]
    for span in spans:
        width = max(1.0, x(span.end_s) - x(span.start_s))
        parts.append(
            f'<rect class="span" x="{x(span.start_s)}" y="{MARGIN_TOP}" '
            f'width="{width:.1f}" height="{inner_height}"/>'
        )
    for value in (low, (low + high) / 2, high):
        parts.append(
            f'<line class="grid" x1="{MARGIN_LEFT}" x2="{CHART_WIDTH - MARGIN_RIGHT}" '
            f'y1="{y(value)}" y2="{y(value)}"/>'
            f'<text class="tick" x="{MARGIN_LEFT - 6}" y="{y(value) + 4}" '
            f'text-anchor="end">{value:.2g}</text>'
        )
    for tick in ticks(duration_s):
        anchor = "middle" if tick else "start"
        parts.append(
            f'<text class="tick" x="{x(tick)}" y="{CHART_HEIGHT - 5}" '
            f'text-anchor="{anchor}">{clock(tick)}</text>'
        )
    for mark in marks_s:
        parts.append(
            f'<line class="mark" x1="{x(mark)}" x2="{x(mark)}" y1="{MARGIN_TOP}" y2="{bottom}"/>'
        )
    for line in lines:
        for piece in _pieces(times_s, line.values):
            points = " ".join(f"{x(t)},{y(v)}" for t, v in piece)
            if len(piece) == 1:
                (t, v) = piece[0]
                parts.append(
                    f'<circle class="dot {line.css_class}" cx="{x(t)}" cy="{y(v)}" r="2"/>'
                )
            else:
                parts.append(f'<polyline class="{line.css_class}" points="{points}"/>')
    return "".join([*parts, "</svg>"])


def _described(values: Floats) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return "unknown"
    return f"from {known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f}"


def _pieces(times_s: Times, values: Floats) -> list[list[tuple[float, float]]]:
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


def clock(time_s: float) -> str:
    """Return a time as a player shows it: 1:05, 1:02:03; 0.4 s below one second."""
    if 0 < time_s < 1:
        return f"{time_s:.1f} s"
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
