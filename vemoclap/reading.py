"""Clip -> Readings: one engine after the other, and what it takes to time and to guard them.

An engine that breaks costs its own kind of evidence, never the analysis: the reading is marked
failed with the reason, and the rest goes on. Set VEMOCLAP_DEBUG=1 to see the traceback instead.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from vemoclap import baseline, curves, draw, faces, pictures, screentext, sound, speech
from vemoclap.engines.quiet import debugging
from vemoclap.errors import EngineError
from vemoclap.records import (
    CaptionReading,
    Clip,
    FaceReading,
    ImageReading,
    Progress,
    Readings,
    ScreenReading,
    SoundReading,
    SpeechReading,
    StageTime,
    Status,
    failed,
)
from vemoclap.roles import Ocr

T = TypeVar("T")


class Engines(Protocol):
    """What can answer for the roles of a preset."""

    @property
    def on_gpu(self) -> bool:
        """Whether the models run on a GPU, so that the CPU has time."""
        ...

    def role(self, role: str) -> Callable[..., Any] | None:
        """Return the callable of a role, None where it stays empty."""
        ...


def read_evidence(clip: Clip, engines: Engines, stages: "Stages", frame_count: int) -> Readings:
    """Return all that the engines read from a clip; what breaks costs its own reading only."""
    role = engines.role
    with _ahead(role("ocr"), clip, at_once=engines.on_gpu) as ocr:
        with stages.of("faces"):
            face_reading = guarded(
                lambda: faces.read(clip, role("faces"), role("expression")),
                lambda status: FaceReading(status, None, status),
            )
        with stages.of("pictures"):
            image_reading = guarded(
                lambda: pictures.read(clip, role("image")),
                lambda status: ImageReading(status, None),
            )
        with stages.of("sound"):
            sound_reading = guarded(
                lambda: sound.read(clip, role("sound"), frame_count),
                lambda status: SoundReading(status, None, None, None),
            )
        with stages.of("speech"):
            speech_reading = guarded(
                lambda: speech.read(
                    clip,
                    vad=role("vad"),
                    transcribe=role("transcribe"),
                    language=role("language"),
                    translate=role("translate"),
                    sentiment=role("sentiment"),
                ),
                lambda status: SpeechReading(status, None, status, None, status, None),
            )
        with stages.of("screen text"):
            screen_reading = guarded(
                lambda: screentext.read(
                    clip,
                    ocr=ocr,
                    language=role("language"),
                    translate=role("translate"),
                    segment=role("segment"),
                    spell=role("spell"),
                    sentiment=role("sentiment"),
                ),
                lambda status: ScreenReading(status, None, None, None, status, None),
            )
    with stages.of("caption"):
        frame = draw.best_frame(face_reading, screen_reading, len(clip.frames))
        caption_reading = guarded(
            lambda: pictures.describe(image_reading, frame, role("caption")),
            lambda status: CaptionReading(status, None, None),
        )
    with stages.of("curves"):
        measured = curves.measure(clip)
        affect = baseline.estimate(measured, speech_reading, screen_reading)
    return Readings(
        faces=face_reading,
        image=image_reading,
        sound=sound_reading,
        speech=speech_reading,
        screen=screen_reading,
        caption=caption_reading,
        curves=measured,
        affect=affect,
    )


@contextmanager
def _ahead(ocr: Ocr | None, clip: Clip, *, at_once: bool) -> Iterator[Ocr | None]:
    """Yield ``ocr``, for this clip's frames; where ``at_once``, it is at work on them already.

    OCR runs on the CPU, which idles while other models have the GPU.
    """
    if ocr is None or not at_once:
        yield ocr
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ocr") as pool:
        lines = pool.submit(ocr, clip.frames)
        yield lambda _: lines.result()


class Stages:
    """The wall time of each stage, reported as it starts."""

    def __init__(
        self, progress: Progress | None = None, before: tuple[StageTime, ...] = ()
    ) -> None:
        self.times = list(before)
        self._progress = progress

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Time what is done within."""
        if self._progress:
            self._progress(stage, 0, 1)
        start = time.perf_counter()
        yield
        self.times.append(StageTime(stage, time.perf_counter() - start))
        if self._progress:
            self._progress(stage, 1, 1)


def guarded(read: Callable[[], T], give_up: Callable[[Status], T]) -> T:
    """Return what ``read`` does, or what ``give_up`` makes of the reason why an engine broke."""
    try:
        return read()
    except EngineError as error:
        raise_in_debug(error)
        return give_up(failed(str(error)))


def raise_in_debug(error: EngineError) -> None:
    """Raise the error, if a developer asked to see tracebacks."""
    if debugging():
        raise error
