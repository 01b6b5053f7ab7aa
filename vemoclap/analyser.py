"""Clip -> Analysis: owns the loaded engines and leads one video through them.

An engine that breaks costs its own kind of evidence, never the analysis: the reading is marked
failed with the reason, and the rest goes on. Set VEMOCLAP_DEBUG=1 to see the traceback instead.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vemoclap import (
    baseline,
    curves,
    draw,
    faces,
    features,
    media,
    pictures,
    roles,
    screentext,
    sound,
    speech,
)
from vemoclap.errors import EngineError, UsageError
from vemoclap.records import (
    OK,
    Analysis,
    CaptionReading,
    Clip,
    EngineUse,
    FaceReading,
    Features,
    ImageReading,
    Progress,
    Readings,
    Scores,
    ScreenReading,
    SoundReading,
    SpeechReading,
    StageTime,
    Status,
    failed,
    skipped,
)
from vemoclap.residents import Residents, debugging
from vemoclap.roles import Ocr

if TYPE_CHECKING:
    from vemoclap.emotion import Trained

DEFAULT_FRAMES = 16  # n of the paper
MAX_FRAMES = 512  # keeps the frames of one video under 400 MB at 640 x 360
STAGES = (
    "video",
    "models",
    "faces",
    "pictures",
    "sound",
    "speech",
    "screen text",
    "caption",
    "curves",
    "emotion",
)

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


def analyze(
    path: str | os.PathLike[str],
    *,
    preset: str | roles.Preset = roles.AUTO,
    overrides: Mapping[str, str] | None = None,
    frame_count: int = DEFAULT_FRAMES,
    device: str = "auto",
    limits: media.Limits | None = None,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Analysis:
    """Return the analysis of one video; see ``Analyser`` for several.

    Args:
        path: a video file.
        preset: "auto", "paper", "fast", "embedded", or a preset of your own.
        overrides: role -> engine, changes to the preset; the engine "none" empties a role.
        frame_count: how many frames to look at, equidistant in time.
        device: "auto", "cpu" or "cuda".
        limits: the longest and largest file to accept.
        progress: called with (stage, done, total).
        checkpoint: the folder of a trained classifier to use in place of the preset's.

    Raises:
        MediaError: the file is not a video that can be analysed.
        UsageError: an argument names what does not exist.
        WeightsError: the preset's models or the checkpoint are not all here.
    """
    analyser = Analyser(
        preset, overrides=overrides, device=device, limits=limits, checkpoint=checkpoint
    )
    return analyser.analyze(path, frame_count=frame_count, progress=progress)


@dataclass(frozen=True, slots=True)
class Opened:
    """A decoded video that no model has looked at yet."""

    clip: Clip
    requested_frames: int
    took: StageTime


class Analyser:
    """Analyses videos one after the other with models that stay loaded."""

    def __init__(
        self,
        preset: str | roles.Preset = roles.AUTO,
        *,
        overrides: Mapping[str, str] | None = None,
        device: str = "auto",
        limits: media.Limits | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        if checkpoint is not None:  # it fills the role of emotion, whatever the preset
            if "emotion" in (overrides or {}):
                raise UsageError("Give a checkpoint or an engine for emotion, not both.")
            if isinstance(preset, str):
                overrides = {**(overrides or {}), "emotion": "none"}
            else:
                preset = replace(preset, emotion=None)
        if isinstance(preset, str):
            self.preset = roles.choose(preset, overrides)
        elif overrides:
            raise UsageError("Give engines in the preset or in the overrides, not in both.")
        else:
            self.preset = roles.require(preset)
        if device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"There is no device {device!r}; choose auto, cpu or cuda.")
        self._asked_device = device
        self._device: str | None = None
        self._limits = limits or media.Limits()
        self._residents: Residents | None = None
        self._trained: Trained | None = None
        if checkpoint is not None:
            from vemoclap import emotion

            self._trained = emotion.trained(Path(checkpoint), self.device)

    @property
    def device(self) -> str:
        """The device that models run on: "cpu" or "cuda"; asking for it imports torch."""
        if self._device is None:
            self._device = _resolve_device(self._asked_device)
        return self._device

    @property
    def residents(self) -> Residents:
        """The engines, which load when they are asked; they stay between videos."""
        if self._residents is None:
            self._residents = Residents(self.preset, self.device)
        return self._residents

    @property
    def limits(self) -> media.Limits:
        """The longest and largest file that is accepted."""
        return self._limits

    def analyze(
        self,
        path: str | os.PathLike[str],
        *,
        frame_count: int = DEFAULT_FRAMES,
        progress: Progress | None = None,
    ) -> Analysis:
        """Return the analysis of the video at ``path``; see the function ``analyze``."""
        return self.read(self.open(path, frame_count=frame_count, progress=progress), progress)

    def open(
        self,
        path: str | os.PathLike[str],
        *,
        frame_count: int = DEFAULT_FRAMES,
        progress: Progress | None = None,
    ) -> Opened:
        """Return the decoded video at ``path``, for ``read``; no model is asked.

        One thread may open the next video while another reads this one.
        """
        if not 1 <= frame_count <= MAX_FRAMES:
            raise UsageError(f"The number of frames is {frame_count}; choose 1 to {MAX_FRAMES}.")
        stages = Stages(progress)
        with stages.of("video"):
            clip = media.open_clip(
                Path(path), frame_count=frame_count, limits=self._limits, progress=progress
            )
        return Opened(clip, frame_count, stages.times[0])

    def load(self, progress: Progress | None = None) -> None:
        """Load the models that there is room for; ``read`` does so itself where it was not done.

        Raises:
            WeightsError: the weights of one are missing or damaged.
        """
        self._engines_here().load(progress)

    def read(self, opened: Opened, progress: Progress | None = None) -> Analysis:
        """Return the analysis of a video that was opened."""
        clip, frame_count = opened.clip, opened.requested_frames
        stages = Stages(progress, (opened.took,))
        engines = self._engines_here()
        with stages.of("models"):
            engines.load(progress)
        readings = read_evidence(clip, engines, stages, frame_count)
        scores: Scores | None = None
        with stages.of("emotion"):
            found = features.extract(readings, engines.names)
            scores, scores_status = self.score(found)
        warnings = clip.warnings + tuple(str(error) for error in engines.broken.values())
        return Analysis(
            clip=clip,
            readings=readings,
            features=found,
            scores=scores,
            scores_status=scores_status,
            preset=self.preset.name,
            device=self.device,
            requested_frames=frame_count,
            engines=self.uses(),
            stages=tuple(stages.times),
            warnings=warnings if scores is None else warnings + scores.warnings,
            sample_frame=draw.best_frame(readings.faces, readings.screen, len(clip.frames)),
        )

    def _engines_here(self) -> Residents:
        if self._residents is None:
            self._residents = Residents(self.preset, self.device)
        return self._residents

    def score(self, found: Features) -> tuple[Scores | None, Status]:
        """Return what the emotion engine makes of the features of a video."""
        emotion = self._trained.emotion if self._trained else self.residents.role("emotion")
        if emotion is None:
            return None, skipped(f"The preset {self.preset.name!r} has no emotion engine.")
        try:
            scores: Scores = emotion(found)
        except EngineError as error:
            _raise_in_debug(error)
            return None, failed(str(error))
        return scores, OK

    def uses(self) -> tuple[EngineUse, ...]:
        """Return which engine fills each role."""
        described = roles.describe(self.preset)
        if self._trained is None:
            return described
        return tuple(self._trained.use if use.role == "emotion" else use for use in described)


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

    def __init__(self, progress: Progress | None, before: tuple[StageTime, ...] = ()) -> None:
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
        _raise_in_debug(error)
        return give_up(failed(str(error)))


def _raise_in_debug(error: EngineError) -> None:
    if debugging():
        raise error


def _resolve_device(asked: str) -> str:
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise UsageError("There is no CUDA GPU that torch can use here; use --device cpu.")
    return "cpu"
