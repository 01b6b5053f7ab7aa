"""Features of a batch on their way into the feature store.

A worker leaves the features of each video as a shard of one video in a folder of its own, under
``OUT/waiting``. From there they are gathered into shards of many in ``OUT/features``, the store
that ``vemoclap train`` reads. A crash at any moment loses nothing: what is in both places is the
same, and is dropped from the waiting.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vemoclap import files
from vemoclap.batch.records import Item
from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS, Features
from vemoclap.training import feature_store, shards, statistics
from vemoclap.training.records import Column, Schema, Split, Store, Video, checked_store

GATHERED = 256  # videos of a shard: some 40 MB of the paper's features
STORE = "features"
DAMAGED = "damaged"
NOTE = "Extracted by vemoclap batch."
# Numbers per row of each feature: what is absent in a video has no shape to tell them.
DIMS = {
    "asr_sentiment": 768,
    "beats": 768,
    "clip": 512,
    "face_emotion": 768,
    "ocr_sentiment": 768,
    "affect": 2,
}


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other shares of the batch from changing the store meanwhile."""
    with files.exclusive_lock(out / f".{STORE}.busy"):
        yield


def write_one(folder: Path, item: Item, features: Features) -> None:
    """Write the features of one video as a shard into an empty folder.

    Raises:
        DataError: it cannot be written.
    """
    columns = {
        name: Column(feature.space, DIMS[name])
        for name, feature in features.by_name.items()
        if feature.space is not None
    }
    schema = Schema(columns, dict(features.engines), note=NOTE)
    video = Video(
        id=item.name,
        features={name: features.by_name[name].values for name in columns},
        label=None if item.label is None else EMOTIONS.index(item.label),
        split=None if item.split is None else Split(item.split),
    )
    shards.write(folder, checked_store(schema, [video]))


def gather(out: Path, folders: Iterable[Path]) -> int:
    """Move the features that wait in ``folders`` into the store; return how many were moved.

    Raises:
        DataError: the store cannot be written to, or holds other features.
    """
    home = out / STORE
    there = feature_store.ids(home)
    found: list[tuple[Path, list[Video], Schema]] = []
    for folder in folders:
        for path in shards.paths(folder):
            videos = shards.read(path)
            if there.isdisjoint(video.id for video in videos):
                found.append((folder, videos, shards.schema(path)))
            else:  # a crash kept it from being removed
                shutil.rmtree(folder, ignore_errors=True)
    for start in range(0, len(found), GATHERED):
        some = found[start : start + GATHERED]
        feature_store.append(
            home, Store(some[0][2], tuple(video for _, each, _ in some for video in each))
        )
        for folder, _, _ in some:
            shutil.rmtree(folder, ignore_errors=True)
    return len(found)


def mend(out: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the ids in the store, after damage is put aside, and a sentence for each damage.

    A shard that does not pass its checksums goes to ``OUT/damaged``; its videos are in no shard
    then, and are read again.

    Raises:
        DataError: a damaged shard cannot be moved.
    """
    folder = out / STORE / feature_store.DATA
    told, ids = [], {}
    for path in shards.paths(folder):
        try:
            shards.schema(path)
            ids[path] = frozenset(video.id for video in shards.read(path))
        except DataError as error:
            try:
                (out / DAMAGED).mkdir(exist_ok=True)
                path.rename(out / DAMAGED / path.name)
            except OSError as why:
                raise DataError(f"{path} is damaged and cannot be moved ({why}).") from error
            told.append(
                f"{path} is damaged and was put into {out / DAMAGED}; its videos are read again."
            )
    for path, held in list(ids.items()):
        # ``forget`` was interrupted: the smaller shard is the one that was to stay.
        if any(other < held for other in ids.values()):
            path.unlink(missing_ok=True)
            del ids[path]
    return frozenset(name for held in ids.values() for name in held), tuple(told)


def forget(out: Path, names: frozenset[str]) -> None:
    """Take videos out of the store that are to be read again.

    Raises:
        DataError: the store cannot be written to.
    """
    folder = out / STORE / feature_store.DATA
    for path in shards.paths(folder):
        if names.isdisjoint(shards.ids(path)):
            continue
        kept = [video for video in shards.read(path) if video.id not in names]
        if kept:
            shards.write(folder, checked_store(shards.schema(path), kept))
        path.unlink()


def sum_up(out: Path) -> None:
    """Write the store's statistics, for people and other programs.

    Raises:
        DataError: they cannot be written.
    """
    if feature_store.ids(out / STORE):
        statistics.write(out / STORE, feature_store.read(out / STORE))
