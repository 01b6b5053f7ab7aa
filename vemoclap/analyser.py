"""Clip -> Analysis: owns the loaded engines and leads one video through them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.classifier import features
from vemoclap.engines import roles
from vemoclap.engines.pool import Residents
from vemoclap.errors import UsageError
from vemoclap.media import clip as media_clip
from vemoclap.readings import sound, speech
from vemoclap.readings.engine_calls import Stages, attempt
from vemoclap.readings.image import best_frame
from vemoclap.readings.read import SpanEvidence, compose, read_frames
from vemoclap.records import (
    Analysis,
    Clip,
    EngineUse,
    Features,
    Progress,
    Scores,
    StageTime,
    Status,
    skipped,
)

if TYPE_CHECKING:
    from vemoclap.classifier.engine import Trained

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


def analyze(
    path: str | os.PathLike[str],
    *,
    preset: str | roles.Preset = roles.AUTO,
    overrides: Mapping[str, str] | None = None,
    frame_count: int = DEFAULT_FRAMES,
    device: str = "auto",
    limits: media_clip.Limits | None = None,
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
        limits: media_clip.Limits | None = None,
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
        self._limits = limits or media_clip.Limits()
        self._residents: Residents | None = None
        self._trained: Trained | None = None
        if checkpoint is not None:
            from vemoclap.classifier import engine as emotion

            self._trained = emotion.trained(Path(checkpoint), self.device)

    @property
    def device(self) -> str:
        """The device that models run on: "cpu" or "cuda"; asking for it imports torch."""
        if self._device is None:
            self._device = resolve_device(self._asked_device)
        return self._device

    @property
    def residents(self) -> Residents:
        """The engines, which load when they are asked; they stay between videos."""
        if self._residents is None:
            self._residents = Residents(self.preset, self.device)
        return self._residents

    @property
    def limits(self) -> media_clip.Limits:
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
            clip = media_clip.open_clip(
                Path(path), frame_count=frame_count, limits=self._limits, progress=progress
            )
        return Opened(clip, frame_count, stages.times[0])

    def load(self, progress: Progress | None = None) -> None:
        """Load the models that there is room for; ``read`` does so itself where it was not done.

        Raises:
            WeightsError: the weights of one are missing or damaged.
        """
        self.residents.load(progress)

    def read(self, opened: Opened, progress: Progress | None = None) -> Analysis:
        """Return the analysis of a video that was opened."""
        clip, frame_count = opened.clip, opened.requested_frames
        stages = Stages(progress, (opened.took,))
        engines = self.residents
        with stages.of("models"):
            engines.load(progress)
        with read_frames(clip, engines, stages) as frames:
            with stages.of("sound"):
                role = engines.role("sound")
                heard = sound.read(clip.audio, clip.audio_status, role, frame_count)
            with stages.of("speech"):
                said = speech.read(clip, engines)
            seen = frames.results()
        whole = SpanEvidence(clip.info.duration_s, seen, said, heard, clip.audio, clip.overview)
        readings = compose(whole, engines, stages)
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
            stages=stages.times,
            warnings=warnings if scores is None else warnings + scores.warnings,
            sample_frame=best_frame(readings.faces, readings.screen, len(clip.frames)),
        )

    def score(self, found: Features) -> tuple[Scores | None, Status]:
        """Return what the emotion engine makes of the features of a video."""
        emotion = self._trained.emotion if self._trained else self.residents.role("emotion")
        if emotion is None:
            return None, skipped(f"The preset {self.preset.name!r} has no emotion engine.")
        return attempt(emotion, found)

    def uses(self) -> tuple[EngineUse, ...]:
        """Return which engine fills each role."""
        described = roles.describe(self.preset, self.device)
        if self._trained is None:
            return described
        return tuple(self._trained.use if use.role == "emotion" else use for use in described)


def resolve_device(asked: str) -> str:
    """Return "cpu" or "cuda" for "auto", "cpu" or "cuda".

    Raises:
        UsageError: there is no GPU that torch can use.
    """
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise UsageError("There is no CUDA GPU that torch can use here; use --device cpu.")
    return "cpu"
