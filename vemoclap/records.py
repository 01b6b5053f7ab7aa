"""The nouns of vemoclap: every value that crosses from one module to another.

A video flows one way: ``Clip`` -> ``Readings`` -> ``Features`` -> ``Scores`` -> ``Analysis``.
All records are frozen. Times are seconds from the first video frame; boxes are pixels of the
frames in ``Clip.frames``; pictures are RGB uint8; sound is 16 kHz mono float32 in [-1, 1].
What could not be had is ``None`` beside a ``Status`` that says why, never an empty stand-in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]  # (count, height, width, 3), RGB
Picture = NDArray[np.uint8]  # (height, width, 3), RGB
Floats = NDArray[np.float32]
Times = NDArray[np.float64]  # (count,), seconds from the first video frame

Progress = Callable[[str, int, int], None]  # (stage, done, total)

SAMPLE_RATE = 16_000  # Hz, what Whisper, BEATs and Silero were trained on
EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")  # Ekman's six, paper order


# -- how something ended ----------------------------------------------------------------------


class State(StrEnum):
    """How the search for one kind of evidence ended."""

    OK = "ok"
    ABSENT = "absent"  # looked for, and the video has none
    FAILED = "failed"  # the engine broke
    SKIPPED = "skipped"  # not looked for: the preset has no engine, or the user said no


@dataclass(frozen=True, slots=True)
class Status:
    """How it ended and, unless all is well, one plain sentence that says why."""

    state: State = State.OK
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the evidence was found."""
        return self.state is State.OK


OK = Status()


def absent(reason: str) -> Status:
    """Return the status of something that was looked for and is not there."""
    return Status(State.ABSENT, reason)


def failed(reason: str) -> Status:
    """Return the status of something whose engine broke."""
    return Status(State.FAILED, reason)


def skipped(reason: str) -> Status:
    """Return the status of something that nothing looked for."""
    return Status(State.SKIPPED, reason)


class Outcome(StrEnum):
    """Whether the whole video could be used; a refused one raises ``MediaError`` instead."""

    OK = "ok"
    PARTIAL = "partial"


# -- the video --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, start included and end excluded."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """The length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Cue:
    """Words and the stretch of time that they belong to (a subtitle or a spoken segment)."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What the file holds, as measured from its packets rather than claimed by its header."""

    path: Path
    size_bytes: int
    container: str  # ffmpeg's name of the format: "mov,mp4,m4a,3gp,3g2,mj2"
    duration_s: float  # span of the video stream, from its timestamps
    start_s: float  # timestamp of the first video frame in the file's own clock
    width: int  # pixels, upright: after rotation and non-square pixels
    height: int
    rotation_deg: int  # clockwise turn that made it upright: 0, 90, 180 or 270
    rate_fps: float  # mean frame rate
    video_codec: str
    pixel_format: str
    hdr: bool  # PQ or HLG transfer: colours are approximate
    interlaced: bool
    still: bool  # the file is one picture
    audio_codec: str | None
    audio_rate_hz: int | None
    audio_channels: int | None
    subtitle_codec: str | None  # of the text subtitle track that was read, if any


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was asked of the decoder came back."""

    decoded_frames: int
    expected_frames: int  # of the part that was decoded, not always of the whole file
    covered_s: float  # seconds of the video that decoded frames span
    error_count: int  # complaints of the decoder


@dataclass(frozen=True, slots=True)
class Overview:
    """Thumbnails of the video at a steady pace, for curves of motion, cuts and colour.

    A long video is sampled in separate runs; ``run`` numbers them, and only neighbours of the
    same run may be compared with each other.
    """

    thumbnails: Pictures  # (m, 36, 64, 3)
    times_s: Times  # (m,)
    run: NDArray[np.int32]  # (m,), 0-based, never falling
    step_s: float  # seconds between neighbours of one run


@dataclass(frozen=True, slots=True)
class Clip:
    """A video, decoded once: all that any engine may look at."""

    info: MediaInfo
    outcome: Outcome
    coverage: Coverage
    warnings: tuple[str, ...]  # plain sentences
    frames: Pictures  # (n, H, W, 3), upright, shorter side 360; n distinct frames
    times_s: Times  # (n,)
    overview: Overview
    audio: Floats | None  # (samples,) at SAMPLE_RATE; sample 0 is the time of the first frame
    audio_status: Status
    subtitles: tuple[Cue, ...] | None  # the file's own text subtitle track
    subtitle_language: str | None  # ISO 639-1 or -2 code that the track declares


# -- what engines say -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of a frame, origin top left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """The area in square pixels, 0 for an inverted box."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Detection:
    """A face that a detector found in one frame."""

    box: Box
    confidence: float  # 0..1


@dataclass(frozen=True, slots=True)
class Expression:
    """What a facial-expression model says of one face crop."""

    label: str
    probability: float  # of that label
    vector: Floats  # (768,)


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text that OCR read in one frame."""

    text: str  # as read, nothing corrected
    confidence: float  # 0..1
    corners: tuple[tuple[float, float], ...]  # 4 x (x, y) pixels, clockwise from top left


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, in English where the engine can translate."""

    cues: tuple[Cue, ...]
    text: str
    language: str | None  # language spoken (ISO 639-1), where known
    english: bool  # whether ``text`` is English
    source: str  # where the words come from, in plain words: "the file's subtitle track"


@dataclass(frozen=True, slots=True)
class Language:
    """The language of a text."""

    code: str  # ISO 639-1, or 639-3 where that has none
    probability: float  # 0..1


@dataclass(frozen=True, slots=True)
class Sentiment:
    """The polarity of an English text."""

    label: str  # "negative", "neutral" or "positive"
    score: float  # 0..1: the label's probability, or its strength where the engine has none
    valence: float  # -1 (most negative) to 1 (most positive)
    vector: Floats | None  # (1, 768), of engines that give a feature


@dataclass(frozen=True, slots=True)
class Tag:
    """A kind of sound from the AudioSet ontology."""

    name: str  # "Speech", "Rain on surface"
    probability: float  # 0..1, each on its own: they need not sum to 1


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sound model says of a video's audio windows."""

    vectors: Floats  # (m, 768), one per window
    tags: tuple[Tag, ...]  # the five most likely over all windows, most likely first


# -- what was found in one frame, kept while spans need it -------------------------------------


@dataclass(frozen=True, slots=True)
class FrameFace:
    """A face in one frame and, where faces are to be known again, what they are known by."""

    box: Box
    confidence: float
    expression: Expression | None  # None: not looked for, or failed
    colours: Floats | None = None  # (128,), sums to 1: of the face and what is around it
    picture: bytes | None = None  # JPEG


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What the engines found in one frame; None where one was not asked, or failed."""

    index: int  # of the frame among all of the video
    time_s: float
    faces: tuple[FrameFace, ...] | None
    vector: Floats | None  # (512,), of the image
    lines: tuple[TextLine, ...] | None  # every line that OCR read
    picture: bytes | None  # JPEG, where pictures are kept
    broken: Mapping[str, str]  # role -> why it failed


# -- readings: one per kind of evidence -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a sampled frame."""

    frame: int  # index into Clip.frames
    box: Box
    confidence: float
    expression: Expression | None


@dataclass(frozen=True, slots=True)
class FaceReading:
    """The faces of the sampled frames."""

    status: Status
    faces: tuple[Face, ...] | None
    expression_status: Status


@dataclass(frozen=True, slots=True)
class SpeechReading:
    """When somebody speaks, what is said, and its sentiment."""

    status: Status  # of the voice activity
    spans: tuple[Span, ...] | None
    transcript_status: Status
    transcript: Transcript | None
    sentiment_status: Status
    sentiment: Sentiment | None


@dataclass(frozen=True, slots=True)
class ScreenPart:
    """One distinct text that stood on the screen, and what was made of it."""

    original: str  # as read, lines joined by one space, lower-cased
    language: Language | None  # None: too uncertain to say
    english: str | None  # corrected or translated; None where no engine could
    first_frame: int  # index of the first frame that shows it


@dataclass(frozen=True, slots=True)
class ScreenReading:
    """The text on the screen and its sentiment."""

    status: Status
    lines: tuple[tuple[TextLine, ...], ...] | None  # per sampled frame, confident lines only
    parts: tuple[ScreenPart, ...] | None
    text: str | None  # the distinct English texts joined by ". "
    sentiment_status: Status
    sentiment: Sentiment | None


@dataclass(frozen=True, slots=True)
class ImageReading:
    """The image embedding of every sampled frame."""

    status: Status
    vectors: Floats | None  # (n, 512)


@dataclass(frozen=True, slots=True)
class CaptionReading:
    """A sentence about one frame."""

    status: Status
    frame: int | None  # index into Clip.frames
    text: str | None


@dataclass(frozen=True, slots=True)
class SoundReading:
    """What is heard besides words."""

    status: Status
    vectors: Floats | None  # (m, 768), one per window
    starts_s: tuple[float, ...] | None  # (m,), start of each window
    tags: tuple[Tag, ...] | None  # the five most likely, most likely first


@dataclass(frozen=True, slots=True)
class Curves:
    """How the video changes over time, on one grid; NaN where a value could not be had.

    All are means over a grid step, each from 0 to 1 except ``cut_rate`` (cuts per second).
    """

    times_s: Times  # (m,), middles of the steps
    step_s: float
    motion: Floats  # (m,), mean absolute luma change between thumbnails 0.2 s apart
    cut_rate: Floats  # (m,)
    brightness: Floats  # (m,), mean value of HSV
    saturation: Floats  # (m,), mean saturation of HSV
    sound_energy: Floats  # (m,), root mean square of the sound
    cuts_s: tuple[float, ...]  # times at which one shot gives way to another


@dataclass(frozen=True, slots=True)
class Affect:
    """Estimated valence and arousal over time, on the grid of ``Curves``.

    An estimate from low-level video features (see ``readings/affect.py``), not a trained model's.
    """

    times_s: Times  # (m,)
    valence: Floats  # (m,), -1..1
    arousal: Floats  # (m,), -1..1
    basis: tuple[str, ...]  # the kinds of evidence that went into it


@dataclass(frozen=True, slots=True)
class Readings:
    """All that was read from a clip."""

    faces: FaceReading
    image: ImageReading
    sound: SoundReading
    speech: SpeechReading
    screen: ScreenReading
    caption: CaptionReading
    curves: Curves
    affect: Affect


# -- features, scores and the whole -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a video, before normalising and padding."""

    name: str
    space: str | None  # what the numbers are: "clip/vit-b32/openai"; None: no engine makes any
    values: Floats | None  # (T, D)
    status: Status


@dataclass(frozen=True, slots=True)
class Features:
    """All features of a video and the engines that they came from."""

    by_name: Mapping[str, Feature]
    engines: Mapping[str, str]  # role -> engine, of everything upstream


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a trained classifier answered as it did."""

    moved: Mapping[str, tuple[float, ...]]  # feature -> each probability with minus without it
    frame_weights: tuple[float, ...] | None  # mean attention on each frame, sums to 1
    window_weights: tuple[float, ...] | None  # mean attention on each audio window, sums to 1
    sentence: str  # the same in plain words


@dataclass(frozen=True, slots=True)
class Scores:
    """The probability of each emotion."""

    probabilities: tuple[float, ...]  # in the order of EMOTIONS, sums to 1
    method: str  # the engine that gave them
    trained: bool  # False: an untrained estimate, to be shown as such
    note: str  # how far to trust it, in one or two plain sentences
    evidence: Evidence | None = None  # of engines that can say why
    warnings: tuple[str, ...] = ()  # where what it was fed differs from its training

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """The emotions and their probabilities, most likely first."""
        pairs = zip(EMOTIONS, self.probabilities, strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True)
class EngineUse:
    """Which engine filled a role."""

    role: str
    engine: str | None  # None: the preset leaves the role empty
    detail: str  # version, licence and type of numbers, or why the role is empty
    weights: tuple[str, ...]  # "place at revision" of what was downloaded for it


@dataclass(frozen=True, slots=True)
class StageTime:
    """The wall time of one stage."""

    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything about one video that a report can show."""

    clip: Clip
    readings: Readings
    features: Features
    scores: Scores | None
    scores_status: Status
    preset: str
    device: str
    requested_frames: int
    engines: tuple[EngineUse, ...]
    stages: tuple[StageTime, ...]
    warnings: tuple[str, ...]  # the clip's own and those of later stages
    sample_frame: int  # index of the frame that shows the most, for a picture
