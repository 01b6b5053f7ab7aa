"""Frames -> the faces in them and, where an engine can tell, their expressions."""

from vemoclap.engines.roles import Expressions, Faces
from vemoclap.errors import EngineError
from vemoclap.records import (
    OK,
    Box,
    Clip,
    Expression,
    Face,
    FaceReading,
    Picture,
    Status,
    absent,
    failed,
    skipped,
)


def read(clip: Clip, detect: Faces | None, express: Expressions | None) -> FaceReading:
    """Return the faces of the clip's frames, frame by frame, the largest of each first.

    Args:
        clip: the video.
        detect: finds faces; None skips everything.
        express: tells their expressions, all crops in one call; None skips only that.
    """
    if detect is None:
        nothing = skipped("The preset has no engine that finds faces.")
        return FaceReading(nothing, None, nothing)
    try:
        detections = detect(clip.frames)
    except EngineError as error:
        broken = failed(str(error))
        return FaceReading(broken, None, broken)
    found = [(index, face) for index, some in enumerate(detections) for face in some]
    if not found:
        nothing = absent(f"No face was found in {_frames(len(clip.frames))}.")
        return FaceReading(nothing, None, nothing)
    crops = [crop(clip.frames[index], face.box) for index, face in found]
    expressions, status = _expressions(crops, express)
    faces = tuple(
        Face(index, face.box, face.confidence, expression)
        for (index, face), expression in zip(found, expressions, strict=True)
    )
    return FaceReading(OK, faces, status)


def crop(frame: Picture, box: Box) -> Picture:
    """Return the part of ``frame`` (H, W, 3) inside ``box``, never empty.

    The box is cut to whole pixels without a margin, as the expression model was trained on.
    """
    height, width = frame.shape[:2]
    left = min(max(int(box.left), 0), width - 1)
    top = min(max(int(box.top), 0), height - 1)
    return frame[top : max(int(box.bottom), top + 1), left : max(int(box.right), left + 1)]


def _expressions(
    crops: list[Picture], express: Expressions | None
) -> tuple[list[Expression] | list[None], Status]:
    unknown: list[None] = [None] * len(crops)
    if express is None:
        return unknown, skipped("The preset has no expression engine.")
    try:
        return express(crops), OK
    except EngineError as error:
        return unknown, failed(str(error))


def _frames(count: int) -> str:
    return "the one frame" if count == 1 else f"any of the {count} frames"
