"""Frames -> what is found in each; the evidence of any span of a video -> its readings.

A whole video is read like a span of it. What was found in its frames can be kept on the disk and
recalled, and belongs to as many spans as overlap there.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from vemoclap.engines.pool import Residents
from vemoclap.media import images
from vemoclap.readings import affect as readings_affect
from vemoclap.readings import curves, faces, image, screen_text
from vemoclap.readings.engine_calls import Engines, Stages, attempt
from vemoclap.records import (
    Box,
    Clip,
    Floats,
    FrameFace,
    FrameResult,
    Overview,
    Picture,
    Readings,
    SoundReading,
    SpeechReading,
)

PICTURE = (320, 180)  # pixels, the most that the small picture of a frame may measure
FACE_HEIGHT = 160  # pixels, the most of the small picture of a face
COLOURS = 4  # levels of each channel in the histogram of a face
SCENE = 0.35  # of its box, on each side: hair and collar tell people apart better than skin


@contextmanager
def read_frames(
    clip: Clip, engines: Residents, stages: Stages, *, pictured: bool = False
) -> Iterator["FrameReader"]:
    """Look at a clip's frames; yield what has their faces and pictures, and waits for their text.

    OCR runs on the CPU, which idles while other models have the GPU: there, it is at work from the
    start, and other engines may be asked before its answer is.

    Args:
        clip: frames of a video, with their times.
        engines: the loaded ones.
        stages: which are told of "faces", "pictures" and "screen text".
        pictured: whether to keep small pictures of frames and faces, and the faces' colours.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ocr") as pool:
        ocr = engines.role("ocr") if engines.on_gpu and len(clip.frames) else None
        ahead = pool.submit(ocr, clip.frames).result if ocr else None
        yield FrameReader(clip, engines, stages, pictured, ahead)


class FrameReader:
    """What the engines find in some frames; an engine that breaks costs its own part."""

    def __init__(
        self,
        clip: Clip,
        engines: Residents,
        stages: Stages,
        pictured: bool,
        lines: Callable[[], Any] | None,
    ) -> None:
        self._clip, self._engines, self._stages = clip, engines, stages
        self._pictured, self._lines = pictured, lines
        self._broken: dict[str, str] = {}
        with stages.of("faces"):
            self._faces = self._found_faces()
        with stages.of("pictures"):
            self._vectors = self._ask("image", clip.frames)

    def results(self, indices: Sequence[int] | None = None) -> tuple[FrameResult, ...]:
        """Return all that was found, frame by frame, once OCR is done.

        Args:
            indices: the place of each frame among all of the video; as they come, unless given.
        """
        with self._stages.of("screen text"):
            lines = self._ask("ocr", self._clip.frames, ahead=self._lines)
        return tuple(
            FrameResult(
                index=k if indices is None else indices[k],
                time_s=float(self._clip.times_s[k]),
                faces=None if self._faces is None else tuple(self._faces[k]),
                vector=None if self._vectors is None else np.asarray(self._vectors[k]),
                lines=None if lines is None else tuple(lines[k]),
                picture=_small(frame) if self._pictured else None,
                broken=dict(self._broken),
            )
            for k, frame in enumerate(self._clip.frames)
        )

    def _found_faces(self) -> list[list[FrameFace]] | None:
        """Return the faces of each frame, None where nothing could look; all crops in one call."""
        frames = self._clip.frames
        detections = self._ask("faces", frames)
        if detections is None:
            return None
        places = [(k, face) for k, some in enumerate(detections) for face in some]
        crops = [faces.crop(frames[k], face.box) for k, face in places]
        expressions = self._ask("expression", crops) or [None] * len(crops)
        found: list[list[FrameFace]] = [[] for _ in frames]
        for (k, face), expression in zip(places, expressions, strict=True):
            kept = (
                (_colours(frames[k], face.box), _face(frames[k], face.box))
                if self._pictured
                else ()
            )
            found[k].append(FrameFace(face.box, face.confidence, expression, *kept))
        return found

    def _ask(self, role: str, seen: Any, *, ahead: Callable[[], Any] | None = None) -> Any:
        """Return what a role makes of what is seen, None where it is empty, broke or sees none."""
        engine = self._engines.role(role)
        if engine is None or not len(seen):
            return None
        answer, status = attempt(ahead) if ahead else attempt(engine, seen)
        if not status.ok:
            self._broken[role] = status.reason
        return answer


@dataclass(frozen=True, slots=True)
class SpanEvidence:
    """What is known of a span, or of a whole video, before it is put together."""

    duration_s: float
    frames: tuple[FrameResult, ...]
    speech: SpeechReading  # times from the start of the span, here and below
    sound: SoundReading
    audio: Floats | None  # (samples,), as in ``Clip``
    overview: Overview


def compose(
    evidence: SpanEvidence, engines: Engines, stages: Stages, *, caption: bool = True
) -> Readings:
    """Return the readings of a span; what broke costs its own reading only.

    Args:
        evidence: of the span.
        engines: asked about texts, and for a caption.
        stages: which are told of "screen text", "caption" and "curves".
        caption: whether a sentence about the sample frame is worth its time.
    """
    frames = evidence.frames
    found, pictures = faces.read(frames), image.read(frames)
    with stages.of("screen text"):
        screen = screen_text.read(frames, engines)
    with stages.of("caption"):
        shown = image.best_frame(found, screen, len(frames))
        write = engines.role("caption") if caption else None
        sentence = image.describe(pictures, shown, write)
    with stages.of("curves"):
        measured = curves.measure(evidence.overview, evidence.audio, evidence.duration_s)
        affect = readings_affect.estimate(measured, evidence.speech, screen)
    return Readings(
        faces=found,
        image=pictures,
        sound=evidence.sound,
        speech=evidence.speech,
        screen=screen,
        caption=sentence,
        curves=measured,
        affect=affect,
    )


# -- small pictures, and what faces are known again by ----------------------------------------


def _colours(frame: Picture, box: Box) -> Floats:
    """Return the colours of the upper and the lower half of a face and its surroundings."""
    margin_x, margin_y = SCENE * (box.right - box.left), SCENE * (box.bottom - box.top)
    wide = Box(box.left - margin_x, box.top - margin_y, box.right + margin_x, box.bottom + margin_y)
    pixels = faces.crop(frame, wide)
    step = 256 // COLOURS
    places = np.array([COLOURS * COLOURS, COLOURS, 1])
    counts = []
    for half in (pixels[: (len(pixels) + 1) // 2], pixels[len(pixels) // 2 :]):
        codes = (half.reshape(-1, 3) // step).astype(np.int64) @ places
        counts.append(np.bincount(codes, minlength=COLOURS**3) / max(1, len(codes)))
    result: Floats = (np.concatenate(counts) / 2).astype(np.float32)
    return result


def _small(frame: Picture) -> bytes:
    from PIL import Image

    picture = Image.fromarray(frame)
    picture.thumbnail(PICTURE, Image.Resampling.BILINEAR)
    return images.encoded(picture, "JPEG")


def _face(frame: Picture, box: Box) -> bytes:
    picture = images.face_picture(frame, box)
    picture.thumbnail((FACE_HEIGHT, FACE_HEIGHT))
    return images.encoded(picture, "JPEG")
