"""Which protocol divides a collection, and the record of what it did.

The record, ``split.csv``, lies in the checkpoint, so that whoever judges it later takes the very
videos that it was not trained on.
"""

import csv
from pathlib import Path

from vemoclap import storage
from vemoclap.ekman6 import blacklist, splits
from vemoclap.ekman6.store import Split, Store
from vemoclap.errors import DataError, UsageError

PAPER, APP = "paper", "app"
PROTOCOLS = (PAPER, APP)
FILE = "split.csv"
BLACKLIST = storage.bundled("ekman_blacklist.txt")


def divide(store: Store, protocol: str, listed: Path | None = None) -> Store:
    """Return the labelled videos of a store in the splits of a protocol.

    Args:
        store: the collection, with the official splits for the protocol ``paper``.
        protocol: "paper" or "app", see ``splits``.
        listed: a blacklist to leave out; for ``app`` the project's own unless another is given.

    Raises:
        DataError: the collection does not have what the protocol needs.
        UsageError: there is no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"There is no protocol {protocol!r}; choose {' or '.join(PROTOCOLS)}.")
    if protocol == APP:
        listed = listed or BLACKLIST
        return splits.app(store, blacklist.read(listed, store.schema.labels))
    return splits.paper(clean(store, listed) if listed else store)


def clean(store: Store, listed: Path) -> Store:
    """Return the store without the videos that a blacklist names.

    Raises:
        DataError: the list cannot be read.
    """
    labels = {video.id: store.label_of(video) for video in store.videos}
    found = blacklist.judge(blacklist.read(listed, store.schema.labels), labels)
    return store.without(found.ids)


def write(folder: Path, divided: Store) -> None:
    """Write which split each video is in."""
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("id", "split"))
        table.writerows((video.id, video.split) for video in divided.videos)


def recorded(folder: Path, store: Store) -> Store:
    """Return the store in the splits that a checkpoint was made with.

    A collection that shares no video with the record, or a checkpoint without a record, keeps
    the splits that the store gives.

    Raises:
        DataError: the record is damaged, or the store lacks videos of it.
    """
    path = folder / FILE
    if not path.exists():
        return store
    try:
        with path.open(encoding="utf-8", newline="") as file:
            splits_by_id: dict[str, Split | None] = {
                row["id"]: Split(row["split"]) for row in csv.DictReader(file)
            }
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is damaged ({error}); train the classifier again.") from error
    here = {video.id for video in store.videos}
    if not here & set(splits_by_id):
        return store
    lost = sorted(set(splits_by_id) - here)
    if lost:
        raise DataError(
            f"The checkpoint in {folder} was made with {lost[0]} and {len(lost) - 1} other videos "
            "that are not in these features; give the features that it was trained on."
        )
    return store.without(here - set(splits_by_id)).with_splits(splits_by_id)
