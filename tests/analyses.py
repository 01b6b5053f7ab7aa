"""Analyses made by hand: with everything, with nothing, with hostile words."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from vemoclap import roles
from vemoclap.records import (
    OK,
    Affect,
    Analysis,
    Box,
    Clip,
    Coverage,
    Cue,
    Curves,
    Expression,
    Face,
    FaceReading,
    Feature,
    Features,
    Language,
    MediaInfo,
    Outcome,
    Overview,
    Readings,
    Scores,
    ScreenPart,
    ScreenReading,
    Sentiment,
    Span,
    SpeechReading,
    StageTime,
    TextLine,
    Transcript,
    absent,
    failed,
    skipped,
)

STEPS = 20


def full_analysis(path: Path = Path("/videos/clip.mp4"), words: str = "Hello there") -> Analysis:
    """Return an analysis with every kind of evidence, in which all foreign text is ``words``."""
    frames = np.full((4, 360, 640, 3), 90, np.uint8)
    times = np.arange(4) * 1.0
    grid = np.arange(STEPS) * 0.2 + 0.1
    wave = np.sin(grid).astype(np.float32)
    positive = abs(wave)
    gap = positive.copy()
    gap[5:8] = np.nan
    clip = Clip(
        info=MediaInfo(
            path=path,
            size_bytes=1_234_567,
            container="mov,mp4",
            duration_s=4.0,
            start_s=0.0,
            width=1280,
            height=720,
            rotation_deg=0,
            rate_fps=25.0,
            video_codec="h264",
            pixel_format="yuv420p",
            hdr=False,
            interlaced=False,
            still=False,
            audio_codec="aac",
            audio_rate_hz=48000,
            audio_channels=2,
            subtitle_codec="mov_text",
        ),
        outcome=Outcome.OK,
        coverage=Coverage(100, 100, 4.0, 0),
        warnings=(),
        frames=frames,
        times_s=times,
        overview=Overview(
            np.zeros((STEPS, 36, 64, 3), np.uint8), grid, np.zeros(STEPS, np.int32), 0.2
        ),
        audio=np.zeros(64000, np.float32),
        audio_status=OK,
        subtitles=(Cue(0.5, 1.5, words),),
        subtitle_language="eng",
    )
    corners = ((100.0, 300.0), (200.0, 300.0), (200.0, 330.0), (100.0, 330.0))
    feeling = Sentiment("positive", 0.5, 0.5, None)
    readings = Readings(
        faces=FaceReading(
            OK,
            (
                Face(1, Box(10, 20, 60, 90), 0.99, None),
                Face(
                    2,
                    Box(300, 100, 400, 250),
                    0.95,
                    Expression(words, 0.8, np.zeros(768, np.float32)),
                ),
            ),
            OK,
        ),
        speech=SpeechReading(
            OK,
            (Span(0.5, 1.5), Span(2.0, 2.25)),
            OK,
            Transcript((Cue(0.5, 1.5, words),), words, "en", True, "the file's own subtitle track"),
            OK,
            feeling,
        ),
        screen=ScreenReading(
            OK,
            ((), (), (TextLine(words, 0.9, corners),), ()),
            (ScreenPart(words, Language("en", 0.95), words, 2),),
            words,
            OK,
            feeling,
        ),
        curves=Curves(grid, 0.2, gap, positive, positive, positive, gap, (1.0, 3.0)),
        affect=Affect(grid, wave, -wave, ("motion",)),
    )
    return Analysis(
        clip=clip,
        readings=readings,
        features=Features(
            {"affect": Feature("affect", "affect/v1", np.zeros((STEPS, 2), np.float32), OK)}, {}
        ),
        scores=Scores((0.1, 0.1, 0.1, 0.5, 0.1, 0.1), "an estimate", False, "Take it as a hint."),
        scores_status=OK,
        preset="embedded",
        device="cpu",
        requested_frames=16,
        engines=roles.describe(roles.EMBEDDED),
        stages=(StageTime("video", 1.25), StageTime("faces", 0.5)),
        warnings=(),
        sample_frame=2,
    )


def empty_analysis(*, broken: bool = False) -> Analysis:
    """Return an analysis in which nothing was found, or every engine broke."""
    whole = full_analysis()
    status = failed("It broke on this video.") if broken else absent("There was none.")
    unknown = np.full(STEPS, np.nan, np.float32)
    grid = whole.readings.curves.times_s
    readings = Readings(
        faces=FaceReading(status, None, skipped("No engine.")),
        speech=SpeechReading(status, None, status, None, status, None),
        screen=ScreenReading(status, None, None, None, status, None),
        curves=Curves(grid, 0.2, unknown, unknown, unknown, unknown, unknown, ()),
        affect=Affect(grid, unknown, unknown, ()),
    )
    info = replace(whole.clip.info, audio_codec=None, audio_rate_hz=None, audio_channels=None)
    clip = replace(whole.clip, info=info, outcome=Outcome.PARTIAL, audio=None, audio_status=status)
    return replace(
        whole,
        clip=clip,
        readings=readings,
        scores=None,
        scores_status=status,
        warnings=("Half of the picture is lost.",),
    )
