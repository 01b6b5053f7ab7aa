"""The feature store: one row per video, in a folder of Parquet files that only ever grows.

``FOLDER/data/*.parquet`` are the shards. Each says in its metadata what it holds (see
``shards.py``), so that one more can be added at any time, by any process, without touching the
others. A shard appears under its name only once it is whole. ``FOLDER/statistics.json`` is for
people and other programs; nothing here depends on it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS, OK, Feature, Features, Floats, absent

DATA = "data"  # the folder of the shards, which readers of Parquet take as a whole


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
    """A collection of videos in memory, sorted by id and checked by ``store``."""

    schema: Schema
    videos: tuple[Video, ...]

    def of(self, split: Split) -> tuple[Video, ...]:
        """Return the videos of one split, sorted by id."""
        return tuple(video for video in self.videos if video.split is split)

    def label_of(self, video: Video) -> str | None:
        """Return the name of a video's label, None where unknown."""
        return None if video.label is None else self.schema.labels[video.label]

    def features_of(self, video: Video) -> Features:
        """Return a video's features as an analysis has them, for ``tensors.assemble``."""
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


def store(schema: Schema, videos: Iterable[Video]) -> Store:
    """Return a store in memory of videos that fit its schema, sorted by id.

    Raises:
        DataError: an id is there twice, or a label or feature does not fit; it is named.
    """
    found = tuple(sorted(videos, key=lambda video: video.id))
    twice = [name for name, count in Counter(video.id for video in found).items() if count > 1]
    if twice:
        raise DataError(f"{_few(twice)}: there twice; each video needs an id of its own.")
    for video in found:
        if fault := _fault(schema, video):
            raise DataError(f"{video.id or 'A video'}: {fault}.")
    return Store(schema, found)


# -- on the disk ------------------------------------------------------------------------------


def append(folder: Path, more: Store) -> Path:
    """Write the videos of ``more`` as one new shard of the store in ``folder``; return its path.

    The folder is made where there is none.

    Raises:
        DataError: there is nothing to add, a video is there already, the store holds other
            features, labels or engines, or the folder cannot be written to.
    """
    from vemoclap.training import shards

    if not more.videos:  # some readers of Parquet refuse a file without rows
        raise DataError(f"There is no video to be written to {folder}.")
    paths = shards.paths(folder / DATA)
    here: set[str] = set()
    for path in paths:
        _same(more.schema, shards.schema(path), f"The new features and {path}")
        here |= set(shards.ids(path))
    if again := sorted(here & {video.id for video in more.videos}):
        raise DataError(f"{folder} has {_few(again)} already; leave out what is there.")
    return shards.write(folder / DATA, store(more.schema, more.videos))


def read(folder: Path) -> Store:
    """Return the store in ``folder``, every shard of it checked.

    Raises:
        DataError: there is none, a shard is damaged or does not fit the others, a video is
            there twice, or its label or features are not what the schema says; the shard is named.
    """
    from vemoclap.training import shards

    paths = shards.paths(folder / DATA)
    if not paths:
        raise DataError(
            f"{folder} holds no feature store, which would have Parquet files in {folder / DATA}; "
            "make one with `vemoclap features import`."
        )
    schema = shards.schema(paths[0])
    videos: dict[str, Video] = {}
    home: dict[str, Path] = {}
    for path in paths:
        _same(schema, shards.schema(path), f"{paths[0]} and {path}")
        for video in shards.read(path):
            if video.id in videos:
                raise DataError(
                    f"{video.id} is in {home[video.id]} and in {path}; delete one of the two files."
                )
            if fault := _fault(schema, video):
                raise DataError(f"{path}: {video.id or 'a video without a name'}: {fault}.")
            videos[video.id], home[video.id] = video, path
    return Store(schema, tuple(videos[name] for name in sorted(videos)))


def ids(folder: Path) -> frozenset[str]:
    """Return the ids of the videos in a store on the disk, none where there is no store.

    It reads nothing else, so that a batch can ask what is still to do.

    Raises:
        DataError: a shard is damaged.
    """
    from vemoclap.training import shards

    return frozenset(name for path in shards.paths(folder / DATA) for name in shards.ids(path))


# -- checks -----------------------------------------------------------------------------------


def _fault(schema: Schema, video: Video) -> str:
    """Return what is wrong with a video, "" if nothing is."""
    if not video.id:
        return "it has no id"
    if video.label is not None and not 0 <= video.label < len(schema.labels):
        return f"its label {video.label} is not one of the {len(schema.labels)} of this store"
    if set(video.features) != set(schema.columns):
        return (
            f"it has the features {_few(sorted(video.features)) or 'of nothing'}, and the store "
            f"holds {_few(sorted(schema.columns))}"
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


def _same(one: Schema, other: Schema, who: str) -> None:
    """Raise unless two schemas mean the same, whatever their notes say."""
    for what, mine, theirs in (
        ("labels", one.labels, other.labels),
        ("features", dict(one.columns), dict(other.columns)),
        ("engines", dict(one.engines), dict(other.engines)),
    ):
        if mine != theirs:
            raise DataError(
                f"{who} differ in their {what} ({_difference(mine, theirs)}), so they cannot be "
                "one store; write into a folder of its own."
            )


def _difference(one: object, other: object) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        name = min(key for key in {*one, *other} if one.get(key) != other.get(key))
        return f"{name}: {one.get(name, 'none')} and {other.get(name, 'none')}"
    return f"{one} and {other}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
