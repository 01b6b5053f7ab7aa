"""The timeline of a video for programs: ``follow`` for its moments one by one, or all at once."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vemoclap.analyser import Analyser
from vemoclap.engines import roles
from vemoclap.media import clip
from vemoclap.records import Progress
from vemoclap.timeline.records import SpanClassifier, Timeline
from vemoclap.timeline.run import Run
from vemoclap.timeline.spans import FRAMES, LENGTH_S, STEP_S, UTTERANCE, Options

# What a classifier of spans does without.
UNUSED_ROLES = (
    "expression", "image", "caption", "sound", "ocr", "segment", "spell", "emotion",
)  # fmt: skip


def follow(
    path: str | os.PathLike[str],
    *,
    by: str = UTTERANCE,
    length_s: float = LENGTH_S,
    step_s: float = STEP_S,
    frame_count: int = FRAMES,
    preset: str | roles.Preset = roles.AUTO,
    overrides: Mapping[str, str] | None = None,
    device: str = "auto",
    limits: clip.Limits | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    judge: SpanClassifier | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    analyser: Analyser | None = None,
) -> Run:
    """Return the moments of a video, to be iterated over; its ``result()`` is the timeline.

    Args:
        path: a video file of any length.
        by: "utterance", cut at pauses of speech, or "window", which slides over the video.
        length_s: of a window.
        step_s: from the start of a window to that of the next.
        frame_count: how many frames of a span to look at; fewer of a short one.
        preset, overrides, device, limits, checkpoint: see ``analyze``.
        judge: a classifier of spans to ask in place of the preset's emotion engine.
        folder: where to keep what was found, so that a killed run goes on where it was; it is
            deleted by the run's ``forget()``.
        progress: called with (stage, done, total).
        analyser: loaded engines to use, in place of a preset; with a judge, ``analyser_for`` makes
            one that loads no more than it needs.

    Raises:
        UsageError: an argument names what does not exist, or is out of range.
        WeightsError: the preset's models are not all here.
    """
    options = Options(by, length_s, step_s, frame_count)
    if analyser is None:
        analyser = analyser_for(
            judge, preset, overrides=overrides, device=device, limits=limits, checkpoint=checkpoint
        )
    where = None if folder is None else Path(folder)
    return Run(Path(path), options, analyser, judge=judge, folder=where, progress=progress)


def timeline_of(path: str | os.PathLike[str], **options: Any) -> Timeline:
    """Return the timeline of a video; see ``follow`` for the options, and for its parts as they
    are ready.
    """
    return follow(path, **options).result()


def analyser_for(
    judge: SpanClassifier | None,
    preset: str | roles.Preset = roles.AUTO,
    *,
    overrides: Mapping[str, str] | None = None,
    **options: Any,
) -> Analyser:
    """Return an analyser with the engines that a timeline needs.

    A classifier of spans sees faces as MTCNN finds them and hears words as the preset does; what
    else the preset has is left out.
    """
    if judge is not None and isinstance(preset, str):
        unused = dict.fromkeys(UNUSED_ROLES, "none")
        overrides = {**unused, "faces": "mtcnn", **(overrides or {})}
    elif judge is not None:
        unused_roles: dict[str, Any] = dict.fromkeys(UNUSED_ROLES)
        preset = replace(preset, **unused_roles, faces="mtcnn")  # type: ignore[type-var]
    return Analyser(preset, overrides=overrides, **options)
