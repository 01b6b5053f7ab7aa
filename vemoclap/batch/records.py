"""The nouns of a batch: what is to be done with which file, and how it ended."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vemoclap.engines.roles import Preset
from vemoclap.timeline.spans import Options


class What(StrEnum):
    """What is made of each video."""

    ANALYSIS = "analysis"
    FEATURES = "features"
    TIMELINE = "timeline"


class Ending(StrEnum):
    """How a video ended."""

    OK = "ok"
    PARTIAL = "partial"  # damaged, or an engine broke; what could be had is there
    REFUSED = "refused"  # not a video that can be analysed, by its own fault
    FAILED = "failed"  # it crashed, hung, took too much memory, or vemoclap itself failed


@dataclass(frozen=True, slots=True)
class Item:
    """A file that the batch is to read."""

    name: str  # unique in the batch: the path within the folder that was named
    path: Path
    label: str | None = None  # for features: the emotion, of a collection that has them
    split: str | None = None  # for features: "train", "val" or "test"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was found and is not read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that was found under the paths that were named."""

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker has to know besides the files: the same for a whole batch."""

    what: What
    preset: Preset
    checkpoint: Path | None
    frame_count: int  # of a video, or of each span of a timeline
    timeline: Options | None  # how a timeline is cut; None: none is asked for
    device: str  # "auto", "cpu" or "cuda"
    max_duration_s: float
    max_bytes: int
    out: Path  # absolute; on a cluster, the same folder on every machine
    scratch: Path  # absolute, as deep as where results go; on the same disk
    stamp: str  # of everything above that changes a result
    engines: tuple[tuple[str, str], ...]  # (role, engine) of the roles that are filled
    runner: str  # "local" or "ray"


@dataclass(frozen=True, slots=True)
class Job:
    """One file for a worker."""

    item: Item
    key: str  # of the orders and of the item's label and split
    alone: bool = False  # nothing else may be in the worker's hands meanwhile


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held when it was read."""

    size_bytes: int
    mtime_ns: int
    sha256: str | None  # None: not a file that may be read whole


@dataclass(frozen=True, slots=True)
class Entry:
    """How one video ended: a line of the manifest."""

    name: str
    path: str
    content: Content | None  # None: nothing could be learned of the file
    key: str
    limits: tuple[float, int]  # longest in seconds and largest in bytes that was accepted
    ending: Ending
    cause: str  # one plain sentence, "" when all is well
    seconds: float  # of work on this video
    duration_s: float | None  # of the video
    emotions: tuple[float, ...] | None  # probabilities in the order of EMOTIONS
    engines: tuple[tuple[str, str], ...]  # (role, engine)
    stages: tuple[tuple[str, float], ...]  # (stage, seconds)
    runner: str
    ended: str  # time, as ISO 8601 in UTC
