"""A sampled frame with boxes around its faces and lines of text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vemoclap.records import Analysis, TextLine

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

FACE_COLOUR = "#ffb000"
TEXT_COLOUR = "#35c8ff"
FRAME_HEIGHT = 720  # pixels of the annotated frame, twice that of the frames
MAX_SCALE = 2.0


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
