"""The page's strip of sampled frames: small pictures, what is marked on them and what it says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vemoclap.media import images
from vemoclap.records import Analysis, Face, Picture, TextLine
from vemoclap.report import wording

if TYPE_CHECKING:
    from PIL import Image

STILLS = 64  # more would make the page heavy
STILL_SIDE = 320  # pixels, the most that a picture may measure
LISTED = 8  # faces, and lines of text, named under a picture; all are in the JSON
LETTER = 1 / 16  # height of a mark's label, in widths of the picture


@dataclass(frozen=True)
class FaceMark:
    """A face on a picture."""

    label: str  # "F1"
    left: float
    top: float
    width: float
    height: float
    said: str  # expression, or that there is none


@dataclass(frozen=True)
class LineMark:
    """A line of text on a picture."""

    label: str  # "T1"
    points: str  # corners, "x,y x,y ..."
    left: float  # of the label
    top: float
    said: str


@dataclass(frozen=True)
class Still:
    """A sampled frame; places are in pixels of the frame."""

    number: int  # counted from 1
    time_s: float
    picture: str  # data URI
    width: int
    height: int
    letter: float
    faces: tuple[FaceMark, ...]
    lines: tuple[LineMark, ...]
    more: int  # faces and lines that are marked but not named


def stills(analysis: Analysis) -> tuple[Still, ...]:
    """Return the sampled frames, evenly chosen where there are more than STILLS."""
    count = len(analysis.clip.frames)
    chosen = np.unique(np.linspace(0, count - 1, min(count, STILLS)).round().astype(int))
    return tuple(_still(analysis, index) for index in chosen.tolist())


def _still(analysis: Analysis, index: int) -> Still:
    frame, readings = analysis.clip.frames[index], analysis.readings
    height, width = frame.shape[:2]
    faces = [face for face in readings.faces.faces or () if face.frame == index]
    lines = readings.screen.lines[index] if readings.screen.lines is not None else ()
    letter = round(max(width, height) * LETTER, 1)
    return Still(
        number=index + 1,
        time_s=float(analysis.clip.times_s[index]),
        picture=images.data_uri(_small(frame)),
        width=width,
        height=height,
        letter=letter,
        faces=tuple(_face(number, face) for number, face in enumerate(faces, 1)),
        lines=tuple(_line(number, line, letter) for number, line in enumerate(lines, 1)),
        more=max(0, len(faces) - LISTED) + max(0, len(lines) - LISTED),
    )


def _face(number: int, face: Face) -> FaceMark:
    said = "face"
    if face.expression:
        said = f"{face.expression.label} {wording.percent(face.expression.probability)}"
    return FaceMark(
        label=f"F{number}",
        left=round(face.box.left, 1),
        top=round(face.box.top, 1),
        width=round(max(0.0, face.box.right - face.box.left), 1),
        height=round(max(0.0, face.box.bottom - face.box.top), 1),
        said=said,
    )


def _line(number: int, line: TextLine, letter: float) -> LineMark:
    left, top = line.corners[0]
    return LineMark(
        label=f"T{number}",
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in line.corners),
        left=round(max(0.0, left), 1),
        top=round(max(letter, top - letter / 4), 1),
        said=line.text,
    )


def _small(frame: Picture) -> "Image.Image":
    from PIL import Image

    picture = Image.fromarray(frame)
    picture.thumbnail((STILL_SIDE, STILL_SIDE), Image.Resampling.LANCZOS)
    return picture
