"""What was found in frames -> their faces and, where an engine can tell, the expressions."""

from collections.abc import Sequence
from dataclasses import replace

from vemoclap.records import (
    OK,
    Box,
    Face,
    FaceReading,
    FrameResult,
    Picture,
    Status,
    absent,
    failed,
    skipped,
)

NO_FRAME = absent("No frame of this part of the video could be decoded.")


def read(frames: Sequence[FrameResult]) -> FaceReading:
    """Return the faces of some frames, frame by frame, the largest of each first."""
    found = [frame.faces for frame in frames]
    status = ended("faces", frames, found, "The preset has no engine that finds faces.")
    if not status.ok:
        return FaceReading(status, None, status)
    faces = tuple(
        Face(k, face.box, face.confidence, face.expression)
        for k, frame in enumerate(frames)
        for face in frame.faces or ()
    )
    if not faces:
        count = len(frames)
        where = "the one frame" if count == 1 else f"any of the {count} frames"
        nothing = absent(f"No face was found in {where}.")
        return FaceReading(nothing, None, nothing)
    expressions = [face.expression for face in faces]
    told = ended("expression", frames, expressions, "The preset has no expression engine.")
    if not told.ok:  # of all, for a mean over some faces would be of another kind
        faces = tuple(replace(face, expression=None) for face in faces)
    return FaceReading(OK, faces, told)


def ended(
    role: str, frames: Sequence[FrameResult], found: Sequence[object | None], without: str
) -> Status:
    """Return how a role's look at some frames ended.

    Args:
        role: whose look.
        frames: all that it was shown.
        found: what it found, None where nothing looked.
        without: the sentence for a preset that leaves the role empty.
    """
    if not frames:
        return NO_FRAME
    reasons = [frame.broken[role] for frame in frames if role in frame.broken]
    if reasons:
        return failed(reasons[0])
    return skipped(without) if any(one is None for one in found) else OK


def crop(frame: Picture, box: Box) -> Picture:
    """Return the part of ``frame`` (H, W, 3) inside ``box``, never empty.

    The box is cut to whole pixels without a margin, as the expression model was trained on.
    """
    height, width = frame.shape[:2]
    left = min(max(int(box.left), 0), width - 1)
    top = min(max(int(box.top), 0), height - 1)
    return frame[top : max(int(box.bottom), top + 1), left : max(int(box.right), left + 1)]
