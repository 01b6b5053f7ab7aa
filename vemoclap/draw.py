"""Frames -> pictures: the annotated frame, thumbnails and faces."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vemoclap.records import (
    Analysis,
    Box,
    FaceReading,
    Picture,
    ScreenReading,
    TextLine,
)

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
THUMBNAIL = (176, 132)  # pixels, the most that a small picture of a frame may measure
FACE_SIDE = 112  # pixels of the small picture of a face
FACE_MARGIN = 0.25  # of the box, on each side: a face is known by what surrounds it


def best_frame(faces_found: FaceReading, screen: ScreenReading, frame_count: int) -> int:
    """Return the index of the frame that shows the most.

    Preferably one with both faces and text, else the one with the most boxes, else the middle
    one (paper, section III: the sample frame).
    """
    faces, lines = [0] * frame_count, [0] * frame_count
    for face in faces_found.faces or ():
        faces[face.frame] += 1
    for index, found in enumerate(screen.lines or ()):
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


def thumbnail(frame: Picture) -> "Image.Image":
    """Return a small picture of a frame."""
    from PIL import Image

    picture = Image.fromarray(frame)
    picture.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    return picture


def face_picture(frame: Picture, box: Box) -> "Image.Image":
    """Return a small square picture of a face and what surrounds it, as far as the frame goes."""
    from PIL import Image

    height, width = frame.shape[:2]
    half = max(box.right - box.left, box.bottom - box.top, 2.0) * (0.5 + FACE_MARGIN)
    half = min(half, width / 2, height / 2)
    # A box at the edge is moved inwards, so that the cut-out stays square.
    x = min(max((box.left + box.right) / 2, half), width - half)
    y = min(max((box.top + box.bottom) / 2, half), height - half)
    return Image.fromarray(frame).resize(
        (FACE_SIDE, FACE_SIDE), Image.Resampling.LANCZOS, (x - half, y - half, x + half, y + half)
    )


def encoded(picture: "Image.Image", kind: str) -> bytes:
    """Return a picture as the bytes of a "PNG" or "JPEG" file."""
    data = io.BytesIO()
    # An optimised PNG is 7 % smaller than this one and takes ten times as long.
    how = {"quality": 82, "optimize": True} if kind == "JPEG" else {"compress_level": 4}
    picture.save(data, kind, **how)
    return data.getvalue()


def data_uri(picture: "Image.Image") -> str:
    """Return a picture as an address that holds it, for a page that stands alone."""
    return "data:image/jpeg;base64," + base64.b64encode(encoded(picture, "JPEG")).decode()
