"""Clip -> Analysis: owns the loaded engines and leads one video through them.

An engine that breaks costs its own kind of evidence, never the analysis: the reading is marked
failed with the reason, and the rest goes on. Set VEMOCLAP_DEBUG=1 to see the traceback instead.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from vemoclap import baseline, curves, draw, faces, features, media, roles, screentext, speech
from vemoclap.errors import EngineError, UsageError, VemoclapError
from vemoclap.records import (
    OK,
    Analysis,
    Clip,
    FaceReading,
    Features,
    Progress,
    Readings,
    Scores,
    ScreenReading,
    SpeechReading,
    StageTime,
    Status,
    failed,
    skipped,
)

DEFAULT_FRAMES = 16  # n of the paper
MAX_FRAMES = 512  # keeps the frames of one video under 400 MB at 640 x 360
STAGES = ("video", "models", "faces", "speech", "screen text", "curves", "emotion")

T = TypeVar("T")


def analyze(
    path: str | os.PathLike[str],
    *,
    preset: str | roles.Preset = roles.AUTO,
    overrides: Mapping[str, str] | None = None,
    frame_count: int = DEFAULT_FRAMES,
    device: str = "auto",
    limits: media.Limits | None = None,
    progress: Progress | None = None,
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

    Raises:
        MediaError: the file is not a video that can be analysed.
        UsageError: an argument names what does not exist.
        WeightsError: the preset's models are not all here.
    """
    analyser = Analyser(preset, overrides=overrides, device=device, limits=limits)
    return analyser.analyze(path, frame_count=frame_count, progress=progress)


class Analyser:
    """Analyses videos one after the other with models that stay loaded."""

    def __init__(
        self,
        preset: str | roles.Preset = roles.AUTO,
        *,
        overrides: Mapping[str, str] | None = None,
        device: str = "auto",
        limits: media.Limits | None = None,
    ) -> None:
        if isinstance(preset, str):
            self.preset = roles.choose(preset, overrides)
        elif overrides:
            raise UsageError("Give engines in the preset or in the overrides, not in both.")
        else:
            self.preset = preset
        if device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"There is no device {device!r}; choose auto, cpu or cuda.")
        self._asked_device = device
        self._device: str | None = None
        self._limits = limits or media.Limits()
        self._engines: dict[str, Any] = {}
        self._broken: dict[str, EngineError] = {}

    @property
    def device(self) -> str:
        """The device that models run on: "cpu" or "cuda"; asking for it imports torch."""
        if self._device is None:
            self._device = _resolve_device(self._asked_device)
        return self._device

    def analyze(
        self,
        path: str | os.PathLike[str],
        *,
        frame_count: int = DEFAULT_FRAMES,
        progress: Progress | None = None,
    ) -> Analysis:
        """Return the analysis of the video at ``path``; see the function ``analyze``."""
        if not 1 <= frame_count <= MAX_FRAMES:
            raise UsageError(f"The number of frames is {frame_count}; choose 1 to {MAX_FRAMES}.")
        stages = _Stages(progress)
        with stages.of("video"):
            clip = media.open_clip(
                Path(path), frame_count=frame_count, limits=self._limits, progress=progress
            )
        with stages.of("models"):
            self._load_all(progress)
        readings = self._read(clip, stages)
        scores: Scores | None = None
        with stages.of("emotion"):
            found = features.extract(readings, self._names())
            scores, scores_status = self._score(found)
        return Analysis(
            clip=clip,
            readings=readings,
            features=found,
            scores=scores,
            scores_status=scores_status,
            preset=self.preset.name,
            device=self.device,
            requested_frames=frame_count,
            engines=roles.describe(self.preset),
            stages=tuple(stages.times),
            warnings=clip.warnings + tuple(str(error) for error in self._broken.values()),
            sample_frame=draw.best_frame(readings, len(clip.frames)),
        )

    def _load_all(self, progress: Progress | None) -> None:
        """Load every engine of the preset that is not loaded yet; remember which broke."""
        wanted = [role for role in roles.ROLES if roles.engine_of(self.preset, role)]
        for done, role in enumerate(wanted):
            if progress:
                progress("models", done, len(wanted))
            if role in self._engines or role in self._broken:
                continue
            engine = roles.engine_of(self.preset, role)
            assert engine is not None  # filtered above
            try:
                self._engines[role] = roles.load(role, engine, self.device)
            except EngineError as error:
                _raise_in_debug(error)
                self._broken[role] = error

    def _names(self) -> dict[str, str]:
        return {
            role: engine for role in self._engines if (engine := roles.engine_of(self.preset, role))
        }

    def _role(self, role: str) -> Any:
        """Return the callable of a role, None where the preset leaves it empty.

        The callable of an engine that could not be loaded raises its error when it is used.
        """
        if role in self._broken:
            return _refusing(self._broken[role])
        engine = self._engines.get(role)
        return None if engine is None else _explained(role, engine)

    def _read(self, clip: Clip, stages: "_Stages") -> Readings:
        role = self._role
        with stages.of("faces"):
            face_reading = _guarded(
                lambda: faces.read(clip, role("faces"), role("expression")),
                lambda status: FaceReading(status, None, status),
            )
        with stages.of("speech"):
            speech_reading = _guarded(
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
            screen_reading = _guarded(
                lambda: screentext.read(
                    clip,
                    ocr=role("ocr"),
                    language=role("language"),
                    translate=role("translate"),
                    segment=role("segment"),
                    spell=role("spell"),
                    sentiment=role("sentiment"),
                ),
                lambda status: ScreenReading(status, None, None, None, status, None),
            )
        with stages.of("curves"):
            measured = curves.measure(clip)
            affect = baseline.estimate(measured, speech_reading, screen_reading)
        return Readings(face_reading, speech_reading, screen_reading, measured, affect)

    def _score(self, found: Features) -> tuple[Scores | None, Status]:
        emotion = self._role("emotion")
        if emotion is None:
            return None, skipped(f"The preset {self.preset.name!r} has no emotion engine.")
        try:
            scores: Scores = emotion(found)
        except EngineError as error:
            _raise_in_debug(error)
            return None, failed(str(error))
        return scores, OK


class _Stages:
    """The wall time of each stage, reported as it starts."""

    def __init__(self, progress: Progress | None) -> None:
        self.times: list[StageTime] = []
        self._progress = progress

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        if self._progress:
            self._progress(stage, 0, 1)
        start = time.perf_counter()
        yield
        self.times.append(StageTime(stage, time.perf_counter() - start))
        if self._progress:
            self._progress(stage, 1, 1)


def _guarded(read: Callable[[], T], give_up: Callable[[Status], T]) -> T:
    try:
        return read()
    except EngineError as error:
        _raise_in_debug(error)
        return give_up(failed(str(error)))


def _explained(role: str, engine: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``engine`` with whatever it raises turned into an ``EngineError``."""

    def call(*args: Any) -> Any:
        try:
            return engine(*args)
        except VemoclapError:
            raise
        except Exception as error:
            if _debugging():
                raise
            raise EngineError(
                f"The {role} engine broke on this video ({type(error).__name__}: {error})."
            ) from error

    return call


def _refusing(error: EngineError) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        raise error

    return call


def _raise_in_debug(error: EngineError) -> None:
    if _debugging():
        raise error


def _debugging() -> bool:
    return os.environ.get("VEMOCLAP_DEBUG") == "1"


def _resolve_device(asked: str) -> str:
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise UsageError("There is no CUDA GPU that torch can use here; use --device cpu.")
    return "cpu"
