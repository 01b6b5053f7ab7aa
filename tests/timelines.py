"""Timelines made by hand: by utterance and by window, with thresholds, with nothing, hostile."""

import io
import itertools
import math
from dataclasses import replace
from pathlib import Path

from PIL import Image

from tests.analyses import full_analysis
from vemoclap.records import (
    EMOTIONS,
    OK,
    Box,
    Cue,
    EngineUse,
    Evidence,
    Expression,
    Scores,
    Sentiment,
    Span,
    StageTime,
    Status,
    Tag,
    absent,
    skipped,
)
from vemoclap.timeline.records import FaceTrack, Kind, Moment, Timeline, TrackedFace

MER_LABELS = ("happy", "sad", "anger", "surprise", "disgust", "fear")
MER_THRESHOLDS = (0.5, 0.3, 0.35, 0.2, 0.3, 0.15)
ENVELOPE = tuple(round(abs(math.sin(step / 7)), 3) for step in range(200))


def jpeg(colour: tuple[int, int, int], width: int = 320, height: int = 180) -> bytes:
    """Return a picture of one colour."""
    data = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(data, "JPEG")
    return data.getvalue()


def exclusive(index: int) -> tuple[float, ...]:
    """Return probabilities that sum to 1 and move on from span to span."""
    raw = [1 + math.sin(index / 3 + place) for place in range(6)]
    return tuple(value / sum(raw) for value in raw)


def separate(index: int) -> tuple[float, ...]:
    """Return probabilities that each stand on their own."""
    return tuple(0.5 + 0.45 * math.sin(index / 2 + 2 * place) for place in range(6))


def moment(
    index: int, start_s: float, end_s: float, kind: Kind = Kind.WINDOW, words: str | None = "Hello"
) -> Moment:
    """Return a span in which everything was found; silence has no words."""
    probabilities = exclusive(index)
    silent = kind is Kind.SILENCE
    middle = (start_s + end_s) / 2
    expression = Expression(words or "happy", 0.8, _vector())
    return Moment(
        index=index,
        span=Span(start_s, end_s),
        kind=kind,
        status=OK,
        probabilities=probabilities,
        scores=Scores(probabilities, "an estimate", False, "Take it as a hint."),
        times_s=(start_s, middle),
        faces=(
            TrackedFace(0, start_s, Box(300, 100, 400, 250), 0.97, expression),
            TrackedFace(1, middle, Box(20, 40, 90, 130), 0.92, None),
        ),
        words=None if silent else words,
        words_status=absent("Nobody speaks here.") if silent else OK,
        sentiment=None if silent else Sentiment("positive", 0.5, 0.5, None),
        screen_text=words,
        tags=(Tag(words or "Rain", 0.9),),
        envelope=ENVELOPE,
        picture=jpeg((40 * index % 256, 90, 140)),
    )


def _vector():
    import numpy as np

    return np.zeros(768, np.float32)


def by_window(
    count: int = 5,
    length_s: float = 4.0,
    step_s: float = 2.0,
    words: str = "Hello",
    path: Path = Path("/videos/clip.mp4"),
) -> Timeline:
    """Return a timeline of windows, in which all foreign text is ``words``."""
    moments = tuple(
        moment(index, index * step_s, index * step_s + length_s, words=words)
        for index in range(count)
    )
    return _timeline(moments, "window", words, path, length_s, step_s)


def by_utterance(words: str = "Hello", path: Path = Path("/videos/clip.mp4")) -> Timeline:
    """Return a timeline of utterances and the silence between them."""
    edges = (0.0, 1.2, 3.4, 4.0, 7.5, 9.0)
    moments = tuple(
        moment(index, start, end, Kind.SPEECH if index % 2 else Kind.SILENCE, words)
        for index, (start, end) in enumerate(itertools.pairwise(edges))
    )
    return _timeline(moments, "utterance", words, path, None, None)


def _timeline(moments, by, words, path, length_s, step_s) -> Timeline:
    end_s = moments[-1].span.end_s
    spans = tuple(m.span for m in moments if m.kind is not Kind.SILENCE)
    whole = full_analysis(path)
    total = sum(m.span.length_s for m in moments)
    mean = tuple(
        sum(m.probabilities[place] * m.span.length_s for m in moments) / total for place in range(6)
    )
    return Timeline(
        info=replace(whole.clip.info, duration_s=end_s),
        by=by,
        length_s=length_s,
        step_s=step_s,
        model="valence-arousal",
        preset="embedded",
        device="cpu",
        labels=EMOTIONS,
        exclusive=True,
        thresholds=None,
        trained=False,
        note="Take it as a hint.",
        moments=moments,
        mean=mean,
        whole=Scores((0.1, 0.1, 0.1, 0.5, 0.1, 0.1), "an estimate", False, "Take it as a hint."),
        speech=tuple(Span(s.start_s + 0.1, s.end_s - 0.1) for s in spans[::2]),
        cues=tuple(Cue(s.start_s + 0.1, min(s.start_s + 1, s.end_s), words) for s in spans),
        cuts_s=(1.5, 4.25),
        tracks=(
            FaceTrack(
                0, (Span(0.0, 3.0), Span(4.0, 5.0)), 12, jpeg((200, 160, 120), 90, 120), (
                    (words, 0.75), ("neutral", 0.25),
                ),
            ),
            FaceTrack(1, (Span(2.0, 3.5),), 3, jpeg((90, 160, 200), 90, 120), None),
        ),
        engines=(
            *whole.engines[:3],
            EngineUse("emotion", "valence-arousal", "an estimate", ()),
        ),
        stages=(StageTime("video", 1.25), StageTime("spans", 0.5)),
        warnings=(words,),
    )  # fmt: skip


def mer(words: str = "Hello") -> Timeline:
    """Return a timeline by a model with thresholds, whose scores stand each on their own."""
    whole = by_utterance(words)
    moments = tuple(
        replace(one, probabilities=separate(one.index), scores=None) for one in whole.moments
    )
    return replace(
        whole,
        model="mer",
        labels=MER_LABELS,
        exclusive=False,
        thresholds=MER_THRESHOLDS,
        trained=True,
        note="It was trained on what somebody labelled.",
        moments=moments,
        mean=tuple(sum(m.probabilities[i] for m in moments) / len(moments) for i in range(6)),
        whole=None,
    )


def reasoned(words: str = "Hello") -> Timeline:
    """Return a timeline by a trained classifier, which says why it answered so in each span."""
    whole = by_window(words=words)
    evidence = Evidence({}, None, None, f"{words} spoke most for joy.")
    moments = tuple(
        replace(one, scores=replace(one.scores, evidence=evidence)) for one in whole.moments
    )
    return replace(whole, moments=moments, trained=True, model="cross-attention", preset="paper")


def nothing(status: Status | None = None) -> Timeline:
    """Return a timeline in which nothing could be had but the spans."""
    whole = by_window()
    status = status or skipped("Nothing looked for it.")
    moments = tuple(
        replace(
            one,
            status=status,
            probabilities=None,
            scores=None,
            faces=None,
            words=None,
            words_status=status,
            sentiment=None,
            screen_text=None,
            tags=None,
            envelope=None,
            picture=None,
        )
        for one in whole.moments
    )
    return replace(
        whole,
        moments=moments,
        mean=None,
        whole=None,
        speech=None,
        cues=None,
        cuts_s=(),
        tracks=None,
        warnings=(),
    )


def every_timeline() -> dict[str, Timeline]:
    """Return timelines of every kind."""
    return {
        "utterance": by_utterance(),
        "window": by_window(),
        "mer": mer(),
        "reasoned": reasoned(),
        "nothing": nothing(),
        "short": by_window(count=1),
    }
