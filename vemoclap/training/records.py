"""The nouns of a collection of videos: what was extracted from each, its label and its split."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS, OK, Feature, Features, Floats, absent


class Split(StrEnum):
    """The part of an experiment that a video plays."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Column:
    """What one feature of a store holds."""

    space: str  # what the numbers are, as ``Feature.space`` and ``FeatureSpec.space``
    dim: int  # numbers per row


@dataclass(frozen=True, slots=True)
class Schema:
    """What all videos of a store have in common."""

    columns: Mapping[str, Column]  # by name of the feature
    engines: Mapping[str, str]  # role -> engine, of everything upstream of the features
    labels: tuple[str, ...] = EMOTIONS  # the label set, in the order of the outputs
    note: str = ""  # where the features come from, in plain words


@dataclass(frozen=True, slots=True)
class Video:
    """The features of one video, as extracted: neither normalised nor cut nor padded."""

    id: str  # unique in a store: "joy/birthday.mp4"
    features: Mapping[str, Floats | None]  # (T, dim), T >= 1, or None where absent; all columns
    label: int | None = None  # index into ``Schema.labels``; None: unknown
    split: Split | None = None

    @property
    def name(self) -> str:
        """The file name, without its folder."""
        return self.id.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Store:
    """A collection of videos in memory, sorted by id and checked by ``checked_store``."""

    schema: Schema
    videos: tuple[Video, ...]

    def of(self, split: Split) -> tuple[Video, ...]:
        """Return the videos of one split, sorted by id."""
        return tuple(video for video in self.videos if video.split is split)

    def label_of(self, video: Video) -> str | None:
        """Return the name of a video's label, None where unknown."""
        return None if video.label is None else self.schema.labels[video.label]

    def features_of(self, video: Video) -> Features:
        """Return a video's features as an analysis has them, for ``inputs.assemble``."""
        nothing = absent("The feature store has none for this video.")
        found = {
            name: Feature(name, column.space, values, OK if values is not None else nothing)
            for name, column in self.schema.columns.items()
            for values in (video.features[name],)
        }
        return Features(by_name=found, engines=self.schema.engines)

    def with_splits(self, splits: Mapping[str, Split | None]) -> "Store":
        """Return the same videos in other splits, by id; those not named are in none."""
        videos = (replace(video, split=splits.get(video.id)) for video in self.videos)
        return Store(self.schema, tuple(videos))

    def without(self, ids: Iterable[str]) -> "Store":
        """Return the store without some videos."""
        gone = set(ids)
        return Store(self.schema, tuple(video for video in self.videos if video.id not in gone))


def checked_store(schema: Schema, videos: Iterable[Video]) -> Store:
    """Return a store in memory of videos that fit its schema, sorted by id.

    Raises:
        DataError: an id is there twice, or a label or feature does not fit; it is named.
    """
    found = tuple(sorted(videos, key=lambda video: video.id))
    twice = [name for name, count in Counter(video.id for video in found).items() if count > 1]
    if twice:
        raise DataError(f"{few(twice)}: there twice; each video needs an id of its own.")
    for video in found:
        if fault := fault_of(schema, video):
            raise DataError(f"{video.id or 'A video'}: {fault}.")
    return Store(schema, found)


def fault_of(schema: Schema, video: Video) -> str:
    """Return what is wrong with a video, "" if nothing is."""
    if not video.id:
        return "it has no id"
    if video.label is not None and not 0 <= video.label < len(schema.labels):
        return f"its label {video.label} is not one of the {len(schema.labels)} of this store"
    if set(video.features) != set(schema.columns):
        return (
            f"it has the features {few(sorted(video.features)) or 'of nothing'}, and the store "
            f"holds {few(sorted(schema.columns))}"
        )
    faults = (
        f"{name} {fault}"
        for name, values in video.features.items()
        if values is not None and (fault := _misfit(values, schema.columns[name]))
    )
    return next(faults, "")


def _misfit(values: Floats, column: Column) -> str:
    """Return what is wrong with the values of a feature, "" if nothing is."""
    import numpy as np

    if values.ndim != 2 or values.shape[1] != column.dim or not len(values):
        return f"has the shape {values.shape}, and it should have {column.dim} numbers a row"
    if values.dtype != np.float32:
        return f"holds {values.dtype}, and it should hold float32"
    return "" if np.isfinite(values).all() else "holds numbers that are not finite"


def few(names: list[str]) -> str:
    """Return names for a message, the first few of many."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
