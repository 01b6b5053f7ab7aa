"""The two documents that vemoclap writes as JSON, as types: what is in them, in which unit.

Their JSON Schemas lie beside this file. After a change of a type make them anew with
``python -c "from vemoclap.report import documents; documents.write_schemas()"``.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vemoclap.records import Outcome, State
from vemoclap.timeline.records import Kind

FOLDER = Path(__file__).parent

Seconds = Annotated[float, Meta(description="Seconds from the first frame.")]
Duration = Annotated[float, Meta(description="Seconds.")]
Share = Annotated[float, Meta(ge=0, le=1)]
Change = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0)]
Index = Annotated[int, Meta(ge=0, description="Counted from 0.")]
Version = Annotated[str, Meta(pattern=r"^1\.[0-9]+$")]
Device = Literal["cpu", "cuda"]
Curve = list[float | None]  # null: could not be had
Named = Annotated[dict[str, Share | None], Meta(min_length=1, description="Label -> number.")]
Corner = Annotated[list[float], Meta(min_length=2, max_length=2)]
Weights = Annotated[
    list[Share], Meta(description="The share of the classifier's attention; they sum to 1.")
]


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """What all parts of a document share: every field is there, and no other."""


# -- what both documents hold -----------------------------------------------------------------


class Status(Document):
    """How the search for one kind of evidence ended and, unless all is well, why."""

    state: State
    reason: str


class Span(Document):
    """A stretch of time."""

    start_s: Seconds
    end_s: Seconds


class Cue(Document):
    """Words and when they were said."""

    start_s: Seconds
    end_s: Seconds
    text: str


class Box(Document):
    """A rectangle in pixels, origin top left."""

    left: float
    top: float
    right: float
    bottom: float


class Sentiment(Document):
    """The polarity of a text; valence goes from -1, most negative, to 1."""

    label: Literal["negative", "neutral", "positive"]
    score: Share
    valence: Change


class Tag(Document):
    """A kind of sound. Each probability stands on its own: they need not sum to 1."""

    name: str
    probability: Share


class Probabilities(Document):
    """The probability of each emotion; they sum to 1."""

    anger: Share
    disgust: Share
    fear: Share
    joy: Share
    sadness: Share
    surprise: Share


class Media(Document):
    """The file, as measured from its packets; sizes are pixels of the upright picture."""

    path: str
    size_bytes: Count
    container: str
    duration_s: Duration
    start_s: Annotated[float, Meta(description="The first frame's time in the file's own clock.")]
    width: Count
    height: Count
    rotation_deg: Annotated[
        Literal[0, 90, 180, 270], Meta(description="The clockwise turn that made it upright.")
    ]
    rate_fps: Annotated[float, Meta(description="Frames per second, the mean.")]
    video_codec: str
    pixel_format: str
    hdr: bool
    interlaced: bool
    still: Annotated[bool, Meta(description="Whether the file is one picture.")]
    audio_codec: str | None
    audio_rate_hz: int | None
    audio_channels: int | None
    subtitle_codec: str | None


class Engine(Document):
    """Which engine filled a role; null where the preset leaves it empty."""

    role: str
    engine: str | None
    detail: str
    weights: Annotated[
        list[str], Meta(description='What was downloaded for it, each "place at revision".')
    ]


class Stage(Document):
    """How long a stage took."""

    stage: str
    seconds: float


# -- analysis.json ----------------------------------------------------------------------------


class MediaWithSound(Media):
    """The file, as measured from its packets; sizes are pixels of the upright picture."""

    sound: Status


class Coverage(Document):
    """How much of what was asked of the decoder came back."""

    decoded_frames: Count
    expected_frames: Count
    covered_s: Duration
    error_count: Count


class Frames(Document):
    """The frames that were looked at; their size is in pixels."""

    requested: Count
    times_s: Annotated[list[Seconds], Meta(min_length=1)]
    height: Count
    width: Count
    sample: Annotated[int, Meta(ge=0, description="The frame that shows the most, from 0.")]


class Changes(Document):
    """Each probability with a feature minus the same without it."""

    anger: Change
    disgust: Change
    fear: Change
    joy: Change
    sadness: Change
    surprise: Change


class Evidence(Document):
    """Why the classifier answered as it did; it says nothing about people."""

    moved: Annotated[dict[str, Changes], Meta(description="Feature -> what it changed.")]
    frame_weights: Annotated[
        Weights | None, Meta(description="Of frames.times_s. Null without picture embeddings.")
    ]
    window_weights: Annotated[
        Weights | None, Meta(description="Of sound.starts_s. Null without sound.")
    ]
    sentence: Annotated[str, Meta(description="The same in plain words.")]


class Emotion(Document):
    """The answer, the method that gave it and how far to trust it."""

    status: Status
    probabilities: Probabilities | None
    method: str | None
    trained: Annotated[bool | None, Meta(description="False: an untrained estimate.")]
    note: str | None
    evidence: Annotated[Evidence | None, Meta(description="Null of an untrained estimate.")]


class Face(Document):
    """A face in a sampled frame."""

    frame: Index
    time_s: Seconds
    box: Box
    confidence: Share
    expression: str | None
    expression_probability: Share | None


class Faces(Document):
    """The faces of the sampled frames."""

    status: Status
    expression_status: Status
    found: list[Face] | None


class Transcript(Document):
    """What was said, its language as ISO 639-1."""

    text: str
    language: str | None
    english: Annotated[bool, Meta(description="Whether the text is English.")]
    source: str
    cues: list[Cue]


class Speech(Document):
    """When somebody speaks, what is said, and its sentiment."""

    status: Status
    spans: list[Span] | None
    transcript_status: Status
    transcript: Transcript | None
    sentiment_status: Status
    sentiment: Sentiment | None


class ScreenLine(Document):
    """A line of text in a sampled frame, as read; corners are clockwise from top left."""

    frame: Index
    time_s: Seconds
    text: str
    confidence: Share
    corners: Annotated[
        list[Corner], Meta(min_length=4, max_length=4, description="x and y, pixels.")
    ]


class ScreenPart(Document):
    """One distinct text that stood on the screen, and what was made of it."""

    original: str
    language: str | None
    language_probability: Share | None
    english: Annotated[str | None, Meta(description="Corrected or translated.")]
    first_frame: Index


class ScreenText(Document):
    """The text on the screen and its sentiment."""

    status: Status
    lines: list[ScreenLine] | None
    parts: list[ScreenPart] | None
    text: Annotated[str | None, Meta(description="The distinct English texts.")]
    sentiment_status: Status
    sentiment: Sentiment | None


class Image(Document):
    """The embedding of every frame; the numbers themselves are not kept."""

    status: Status


class Sound(Document):
    """What is heard besides words."""

    status: Status
    tags: Annotated[
        list[Tag] | None, Meta(description="Likeliest over all windows, likeliest first.")
    ]
    starts_s: Annotated[
        list[Seconds] | None, Meta(description="When each window that was heard starts.")
    ]
    window_s: Annotated[float, Meta(description="The length of every window, seconds.")]


class Caption(Document):
    """A machine-written sentence about one frame."""

    status: Status
    frame: Index | None
    text: str | None


class Curves(Document):
    """Change over time, means over steps around times_s, from 0 to 1, null where not known.

    But cut_rate is cuts per second; arousal and valence, estimated from affect_basis, go from -1
    to 1.
    """

    times_s: list[Seconds]
    step_s: Duration
    motion: Curve
    cut_rate: Curve
    brightness: Curve
    saturation: Curve
    sound_energy: Curve
    arousal: Curve
    valence: Curve
    affect_basis: list[str]
    cuts_s: list[Seconds]


class Feature(Document):
    """What the classifier was fed: rows and columns of numbers of a feature space."""

    name: str
    space: str | None
    shape: list[Count] | None
    status: Status


class AnalysisDocument(Document):
    """What vemoclap writes to analysis.json.

    Times are seconds from the first frame; boxes and corners are pixels of the sampled frames; a
    status says how the search for each kind of evidence ended.
    """

    schema: Literal["vemoclap/analysis"]
    schema_version: Version
    vemoclap_version: str
    preset: str
    device: Device
    media: MediaWithSound
    outcome: Outcome
    coverage: Coverage
    warnings: list[str]
    frames: Frames
    emotion: Emotion
    faces: Faces
    speech: Speech
    screen_text: ScreenText
    image: Image
    sound: Sound
    caption: Caption
    curves: Curves
    features: list[Feature]
    engines: list[Engine]
    stages: list[Stage]


# -- timeline.json ----------------------------------------------------------------------------


class Model(Document):
    """Who judged the spans, and of which labels."""

    name: str
    labels: Annotated[list[str], Meta(min_length=1)]
    exclusive: Annotated[bool, Meta(description="Whether probabilities sum to 1.")]
    thresholds: Annotated[Named | None, Meta(description="From which a label is present.")]
    trained: bool
    note: str


class Whole(Document):
    """The usual answer for the whole video."""

    probabilities: Probabilities
    method: str
    trained: bool
    note: str


class TrackedFace(Document):
    """A face in one frame; those of one track belong to the same person, as far as can be told."""

    track: Index
    time_s: Seconds
    box: Box
    confidence: Share
    expression: str | None
    expression_probability: Share | None


class Moment(Document):
    """What is known of one span."""

    index: Index
    start_s: Seconds
    end_s: Seconds
    kind: Kind
    status: Status
    probabilities: Named | None
    reason: Annotated[
        str | None, Meta(description="Why the classifier answered so, of those that can say.")
    ]
    times_s: Annotated[list[Seconds], Meta(description="Of the frames that were looked at.")]
    faces: list[TrackedFace] | None
    words: str | None
    words_status: Status
    sentiment: Sentiment | None
    screen_text: str | None
    tags: list[Tag] | None
    envelope: Annotated[
        Annotated[list[Share], Meta(max_length=200)] | None,
        Meta(description="Peaks of the sound in stretches of equal length."),
    ]


class ShownExpression(Document):
    """An expression and the share of a face's frames that show it."""

    label: str
    share: Share


class FaceTrack(Document):
    """A face that was followed through the video, and in how many frames it was seen."""

    track: Index
    spans: list[Span]
    count: Count
    expressions: list[ShownExpression] | None


class TimelineDocument(Document):
    """What vemoclap writes to timeline.json.

    Times are seconds from the first frame; boxes are pixels of frames whose shorter side is 360;
    probabilities are named by label. Spans are in the order of time; windows may overlap. Faces of
    one number belong to the same person, as far as can be told.
    """

    schema: Literal["vemoclap/timeline"]
    schema_version: Version
    vemoclap_version: str
    preset: str
    device: Device
    media: Media
    by: Literal["utterance", "window"]
    length_s: Annotated[float | None, Meta(description="Of a window, seconds.")]
    step_s: Annotated[float | None, Meta(description="From window to window, seconds.")]
    model: Model
    mean: Annotated[Named | None, Meta(description="Over spans, weighted by their length.")]
    whole: Whole | None
    spans: list[Moment]
    speech: list[Span] | None
    cues: list[Cue] | None
    cuts_s: list[Seconds]
    face_tracks: list[FaceTrack] | None
    warnings: list[str]
    engines: list[Engine]
    stages: list[Stage]


SCHEMAS: dict[str, type[Document]] = {
    "analysis.schema.json": AnalysisDocument,
    "timeline.schema.json": TimelineDocument,
}


def schema(kind: type[Document]) -> dict[str, Any]:
    """Return the JSON Schema of a document, https://json-schema.org/draft/2020-12."""
    made = msgspec.json.schema(kind)
    named = made["$defs"]
    for one in named.values():
        one["description"] = " ".join(one["description"].split())
    version = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**version, **named.pop(kind.__name__), "$defs": named}


def write_schemas(folder: Path = FOLDER) -> None:
    """Write the schema of each document into a folder."""
    for name, kind in SCHEMAS.items():
        (folder / name).write_text(json.dumps(schema(kind), indent=1) + "\n", "utf-8")
