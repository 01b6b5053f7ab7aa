"""What was found in frames -> an embedding of each, and a sentence about one of them."""

from collections.abc import Sequence

import numpy as np

from vemoclap.engines.roles import Caption
from vemoclap.readings.engine_calls import attempt
from vemoclap.readings.faces import ended
from vemoclap.records import (
    OK,
    CaptionReading,
    FaceReading,
    FrameResult,
    ImageReading,
    ScreenReading,
    absent,
    skipped,
)


def read(frames: Sequence[FrameResult]) -> ImageReading:
    """Return the embedding of every frame."""
    vectors = [frame.vector for frame in frames]
    status = ended("image", frames, vectors, "The preset has no engine that reads pictures.")
    known = [vector for vector in vectors if vector is not None]
    return ImageReading(status, np.stack(known) if status.ok else None)


def describe(reading: ImageReading, frame: int, caption: Caption | None) -> CaptionReading:
    """Return a sentence about a frame, written from its embedding.

    Args:
        reading: the embeddings of all frames.
        frame: index of the one to describe.
        caption: writes the sentence; None skips it.
    """
    if caption is None:
        status = skipped("The preset has no engine that writes captions.")
        return CaptionReading(status, None, None)
    if reading.vectors is None:
        return CaptionReading(reading.status, None, None)
    text, status = attempt(caption, reading.vectors[frame])
    if status.ok and not text:
        status = absent("The caption engine found nothing to say about the frame.")
    return CaptionReading(OK, frame, text) if text else CaptionReading(status, None, None)


def best_frame(faces_found: FaceReading, screen: ScreenReading, frame_count: int) -> int:
    """Return the index of the frame that shows the most, 0 if there is none.

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

    best = max(range(frame_count), key=worth, default=0)
    return best if frame_count and worth(best)[1] else frame_count // 2
