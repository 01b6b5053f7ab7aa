"""The feature store: one row per video, in a folder of Parquet files that only ever grows.

``FOLDER/data/*.parquet`` are the shards. Each says in its metadata what it holds (see
``shards.py``), so that one more can be added at any time, by any process, without touching the
others. A shard appears under its name only once it is whole. ``FOLDER/statistics.json`` is for
people and other programs; nothing here depends on it.
"""

from pathlib import Path

from vemoclap.errors import DataError
from vemoclap.training import shards
from vemoclap.training.records import Schema, Store, Video, checked_store, fault_of, few

DATA = "data"  # the folder of the shards, which readers of Parquet take as a whole


# -- on the disk ------------------------------------------------------------------------------


def append(folder: Path, more: Store) -> Path:
    """Write the videos of ``more`` as one new shard of the store in ``folder``; return its path.

    The folder is made where there is none.

    Raises:
        DataError: there is nothing to add, a video is there already, the store holds other
            features, labels or engines, or the folder cannot be written to.
    """

    if not more.videos:  # some readers of Parquet refuse a file without rows
        raise DataError(f"There is no video to be written to {folder}.")
    paths = shards.paths(folder / DATA)
    here: set[str] = set()
    for path in paths:
        _same(more.schema, shards.schema(path), f"The new features and {path}")
        here |= set(shards.ids(path))
    if again := sorted(here & {video.id for video in more.videos}):
        raise DataError(f"{folder} has {few(again)} already; leave out what is there.")
    return shards.write(folder / DATA, checked_store(more.schema, more.videos))


def read(folder: Path) -> Store:
    """Return the store in ``folder``, every shard of it checked.

    Raises:
        DataError: there is none, a shard is damaged or does not fit the others, a video is
            there twice, or its label or features are not what the schema says; the shard is named.
    """

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
            if fault := fault_of(schema, video):
                raise DataError(f"{path}: {video.id or 'a video without a name'}: {fault}.")
            videos[video.id], home[video.id] = video, path
    return Store(schema, tuple(videos[name] for name in sorted(videos)))


def ids(folder: Path) -> frozenset[str]:
    """Return the ids of the videos in a store on the disk, none where there is no store.

    It reads nothing else, so that a batch can ask what is still to do.

    Raises:
        DataError: a shard is damaged.
    """

    return frozenset(name for path in shards.paths(folder / DATA) for name in shards.ids(path))


# -- checks -----------------------------------------------------------------------------------


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
