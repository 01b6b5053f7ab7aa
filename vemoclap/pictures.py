"""Frames -> an embedding of each, and a sentence about one of them."""

from vemoclap.errors import EngineError
from vemoclap.records import (
    OK,
    CaptionReading,
    Clip,
    ImageReading,
    Status,
    absent,
    failed,
    skipped,
)
from vemoclap.roles import Caption, Images


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
