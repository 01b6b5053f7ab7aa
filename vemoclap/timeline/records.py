"""The nouns of a timeline: what is known of each span of a video, and of all of them together.

Times are seconds from the first video frame. Probabilities are in the order of
``Timeline.labels``, which are the six of Ekman or those of another model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vemoclap.records import (
    Box,
    Cue,
    Detection,
    EngineUse,
    Expression,
    Floats,
    MediaInfo,
    Pictures,
    Scores,
    Sentiment,
    Span,
    StageTime,
    Status,
    Tag,
    Times,
)


class Kind(StrEnum):
    """What a span is cut by."""

    SPEECH = "speech"  # an utterance
    SILENCE = "silence"  # what lies between utterances
    WINDOW = "window"  # one of equal length, at equal steps


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face in one frame, and whose it is."""

    track: int  # the same person's through the video, as far as can be told; from 0
    time_s: float
    box: Box  # pixels of a frame whose shorter side is 360
    confidence: float
    expression: Expression | None
    picture: bytes | None = None  # JPEG; of the largest of its track in a span only


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """A face that was followed through the video."""

    track: int
    spans: tuple[Span, ...]  # when it was seen
    count: int  # in how many frames
    picture: bytes  # JPEG of its largest crop, at most 160 pixels high
    expressions: tuple[tuple[str, float], ...] | None  # label, share of frames; most frequent first


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of one span."""

    index: int  # from 0, in order of time
    span: Span
    kind: Kind
    status: Status  # of the probabilities
    probabilities: tuple[float, ...] | None
    scores: Scores | None  # of the preset's emotion engine, with its evidence; None for others
    times_s: tuple[float, ...]  # of the frames that were looked at
    faces: tuple[TrackedFace, ...] | None  # None: nothing looked for faces
    words: str | None  # said in the span, in English if possible
    words_status: Status
    sentiment: Sentiment | None  # of the words
    screen_text: str | None
    tags: tuple[Tag, ...] | None  # sounds
    envelope: tuple[float, ...] | None  # peaks of the sound, 0..1, at most 200 of equal length
    picture: bytes | None  # JPEG of one frame, at most 180 pixels high


@dataclass(frozen=True, slots=True)
class Timeline:
    """The answer for a whole video."""

    info: MediaInfo
    by: str  # "utterance" or "window"
    length_s: float | None  # of a window
    step_s: float | None
    model: str  # who answers: the preset's emotion engine, or "mer"
    preset: str
    device: str
    labels: tuple[str, ...]  # what the probabilities are of
    exclusive: bool  # whether they sum to 1; else each is on its own, with a threshold
    thresholds: tuple[float, ...] | None  # of a label that counts as present
    trained: bool
    note: str  # how far to trust it
    moments: tuple[Moment, ...]
    mean: tuple[float, ...] | None  # over spans, weighted by their length
    whole: Scores | None  # the usual answer for the whole video, where it was asked for
    speech: tuple[Span, ...] | None  # when somebody speaks; None: could not be looked for
    cues: tuple[Cue, ...] | None  # words with their times
    cuts_s: tuple[float, ...]  # between shots
    tracks: tuple[FaceTrack, ...] | None
    engines: tuple[EngineUse, ...]
    stages: tuple[StageTime, ...]
    warnings: tuple[str, ...]
    losses: tuple[str, ...] = ()  # what of the file could not be read, also among the warnings


# -- another model than the preset's ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpanInputs:
    """What a model that looks at one span by itself may use."""

    span: Span
    frames: Pictures  # (k, H, W, 3)
    times_s: Times  # (k,)
    faces: tuple[tuple[Detection, ...], ...]  # per frame
    audio: Floats | None  # (samples,) of the span, at SAMPLE_RATE
    words: str  # "" where none were heard


@dataclass(frozen=True, slots=True)
class SpanClassifier:
    """A model that gives probabilities for spans, one row each."""

    name: str  # "mer"
    labels: tuple[str, ...]
    exclusive: bool
    thresholds: tuple[float, ...] | None
    frame_count: int  # how many frames of a span it looks at
    note: str
    use: EngineUse
    classify: Callable[[Sequence[SpanInputs]], Sequence[tuple[float, ...]]]
