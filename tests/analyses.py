"""Analyses made by hand: with everything, with nothing, with hostile words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap.engines import roles
from vemoclap.records import (
    OK,
    Affect,
    Analysis,
    Box,
    CaptionReading,
    Clip,
    Coverage,
    Cue,
    Curves,
    Evidence,
    Expression,
    Face,
    FaceReading,
    Feature,
    Features,
    ImageReading,
    Language,
    MediaInfo,
    Outcome,
    Overview,
    Readings,
    Scores,
    ScreenPart,
    ScreenReading,
    Sentiment,
    SoundReading,
    Span,
    SpeechReading,
    StageTime,
    Tag,
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
        image=ImageReading(OK, np.zeros((4, 512), np.float32)),
        sound=SoundReading(
            OK,
            np.zeros((3, 768), np.float32),
            (0.0, 1.5, 3.0),
            (Tag(words, 0.9), Tag("Rain", 0.2)),
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
        caption=CaptionReading(OK, 2, words),
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
        image=ImageReading(status, None),
        sound=SoundReading(status, None, None, None),
        speech=SpeechReading(status, None, status, None, status, None),
        screen=ScreenReading(status, None, None, None, status, None),
        caption=CaptionReading(status, None, None),
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


def trained_analysis(words: str = "Hello there") -> Analysis:
    """Return an analysis by the paper's engines, whose classifier says why it answered so."""
    whole = full_analysis(words=words)
    still = (0.0,) * 6
    evidence = Evidence(
        moved={
            "asr_sentiment": (-0.05, 0.0, 0.0, 0.25, -0.2, 0.0),
            "beats": (0.0, 0.0, 0.1, -0.1, 0.0, 0.0),
            "clip": (0.0, 0.02, 0.0, 0.06, 0.0, -0.08),
            "face_emotion": (0.01, 0.0, -0.01, 0.0004, 0.0, -0.0004),
            "ocr_sentiment": still,
        },
        frame_weights=(0.1, 0.2, 0.6, 0.1),
        window_weights=(0.7, 0.2, 0.1),
        sentence="What is said spoke most for joy, adding 25 percentage points.",
    )
    scores = Scores(
        (0.1, 0.1, 0.1, 0.5, 0.1, 0.1),
        "cross-attention",
        trained=True,
        note="It was right on 65 of 100 videos.",
        evidence=evidence,
        warnings=("The classifier was trained on what paddleocr gives for ocr.",),
    )
    rows = {"asr_sentiment": 1, "beats": 3, "clip": 4, "face_emotion": 2}
    features = {
        name: Feature(name, f"{name}/space", np.zeros((count, 768), np.float32), OK)
        for name, count in rows.items()
    }
    features["ocr_sentiment"] = Feature("ocr_sentiment", None, None, absent("There is no text."))
    return replace(
        whole,
        scores=scores,
        features=Features(features, {}),
        preset="paper",
        engines=roles.describe(roles.PAPER),
        warnings=scores.warnings,
    )


def weighed(frames: tuple[float, ...] | None, windows: tuple[float, ...] | None) -> Analysis:
    """Return the trained analysis with other weights."""
    whole = trained_analysis()
    evidence = replace(evidence_of(whole), frame_weights=frames, window_weights=windows)
    assert whole.scores
    return replace(whole, scores=replace(whole.scores, evidence=evidence))


def evidence_of(analysis: Analysis) -> Evidence:
    """Return why the classifier answered so."""
    assert analysis.scores
    assert analysis.scores.evidence
    return analysis.scores.evidence


def hostile_payloads() -> list[str]:
    """Return texts that would act in a page, a terminal or a spreadsheet that let them."""
    return [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<iframe src=javascript:alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        '"><script>alert(1)</script>',
        "'><img src=x onerror=alert(1)>",
        "</title><script>alert(1)</script>",
        "</style><script>alert(1)</script>",
        "</textarea><script>alert(1)</script>",
        "--><script>alert(1)</script>",
        "]]><script>alert(1)</script>",
        "<body onload=alert(1)>",
        "<input autofocus onfocus=alert(1)>",
        "<details open ontoggle=alert(1)>",
        "<video><source onerror=alert(1)>",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<style>@import 'http://evil.example/x.css'</style>",
        "<link rel=stylesheet href=http://evil.example/x.css>",
        "<meta http-equiv=refresh content='0;url=http://evil.example'>",
        "<base href=http://evil.example/>",
        "<object data=http://evil.example>",
        "<embed src=http://evil.example>",
        "{{ 7*7 }}",
        "{% include '/etc/passwd' %}",
        "${7*7}",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<ScRiPt>alert(1)</sCrIpT>",
        "<script\x00>alert(1)</script>",
        "java\tscript:alert(1)",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "abc\u202egpj.exe",
        "zero\u200bwidth",
        "[bold red]rich[/bold red]",
        '=HYPERLINK("http://evil.example")',
        "@SUM(1+1)",
        "line\nbreak\rreturn",
    ]


def every_analysis() -> dict[str, Analysis]:
    """Return analyses of every kind: with everything, with nothing, broken and trained."""
    return {
        "full": full_analysis(),
        "absent": empty_analysis(),
        "failed": empty_analysis(broken=True),
        "trained": trained_analysis(),
    }


def named(analysis: Analysis, path: Path) -> Analysis:
    """Return the analysis of a file of another name."""
    return described(analysis, path=path)


def described(analysis: Analysis, **changes: Any) -> Analysis:
    """Return the analysis of a file that holds something else."""
    info = replace(analysis.clip.info, **changes)
    return replace(analysis, clip=replace(analysis.clip, info=info))
