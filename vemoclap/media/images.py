"""Frames -> small pictures of them and of faces, and the bytes of image files."""

import base64
import io
from typing import TYPE_CHECKING

from vemoclap.records import Box, Picture

if TYPE_CHECKING:
    from PIL import Image

THUMBNAIL = (176, 132)  # pixels, the most that a small picture of a frame may measure
FACE_SIDE = 112  # pixels of the small picture of a face
FACE_MARGIN = 0.25  # of the box, on each side: a face is known by what surrounds it


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
