"""Frames -> an embedding of each, and a sentence about one of them."""

from vemoclap.engines.roles import Caption, Images
from vemoclap.errors import EngineError
from vemoclap.records import (
    OK,
    CaptionReading,
    Clip,
    FaceReading,
    ImageReading,
    ScreenReading,
    Status,
    absent,
    failed,
    skipped,
)


def read(clip: Clip, image: Images | None) -> ImageReading:
    """Return the embedding of every frame of the clip; ``image`` None skips it."""
    if image is None:
        return ImageReading(skipped("The preset has no engine that reads pictures."), None)
    try:
        return ImageReading(OK, image(clip.frames))
    except EngineError as error:
        return ImageReading(failed(str(error)), None)


def describe(reading: ImageReading, frame: int, caption: Caption | None) -> CaptionReading:
    """Return a sentence about a frame, written from its embedding.

    Args:
        reading: the embeddings of all frames.
        frame: index of the one to describe.
        caption: writes the sentence; None skips it.
    """
    if caption is None:
        return _nothing(skipped("The preset has no engine that writes captions."))
    if reading.vectors is None:
        return _nothing(reading.status)
    try:
        text = caption(reading.vectors[frame])
    except EngineError as error:
        return _nothing(failed(str(error)))
    if not text:
        return _nothing(absent("The caption engine found nothing to say about the frame."))
    return CaptionReading(OK, frame, text)


def _nothing(status: Status) -> CaptionReading:
    return CaptionReading(status, None, None)


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
