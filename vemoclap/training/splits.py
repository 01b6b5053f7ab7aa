"""Which videos train, which validate and which test: the protocols of the paper.

``paper``: the official halves of Ekman-6 (819 and 818 videos), with a tenth of the training half
for validation. ``app``: how the model of the web application was trained: the blacklist left out,
the names sorted within each emotion, the first 95 % to train and the last 5 % to validate.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vemoclap import files
from vemoclap.errors import DataError, UsageError
from vemoclap.training import blacklist, video_names
from vemoclap.training.blacklist import Blacklist, judge
from vemoclap.training.records import Split, Store, Video

VALIDATION_PERCENT = 10  # of the training half, in the paper
APP_TRAIN_PERCENT = 95


@dataclass(frozen=True, slots=True)
class Given:
    """What official lists say of the videos that are here."""

    splits: Mapping[str, Split]  # by id
    troubles: tuple[str, ...]  # lines that name no video, or several


def paper(store: Store, seed: int = 0) -> Store:
    """Return the store with a tenth of its training videos moved to validation.

    They are drawn with ``seed``, from each label as many as it has by its share. Validation
    videos that are given already stay, and no others are drawn. Videos without a label or a split
    are left out.

    Raises:
        DataError: no training or no testing videos are given, or there are too few to draw from.
    """
    videos = [video for video in store.videos if video.split and video.label is not None]
    splits: dict[str, Split | None] = {video.id: video.split for video in videos}
    for wanted in (Split.TRAIN, Split.TEST):
        if wanted not in splits.values():
            raise DataError(
                f"The features say of no labelled video that it is in the split {wanted}; import "
                "them with the official lists (`vemoclap features import --train FILE --test "
                "FILE`), or choose the protocol app."
            )
    if Split.VAL not in splits.values():
        train = [video for video in videos if video.split is Split.TRAIN]
        for drawn in _stratified(train, VALIDATION_PERCENT, seed):
            splits[drawn] = Split.VAL
    return _only(store, splits)


def app(store: Store, blacklist: Blacklist | None = None) -> Store:
    """Return the store as the web application's model was trained: no video tests.

    Raises:
        DataError: nothing is left to train on or to validate with.
    """
    labels = {video.id: store.label_of(video) for video in store.videos}
    gone = judge(blacklist, labels).ids if blacklist else frozenset()
    splits: dict[str, Split | None] = {}
    kept = (video for video in store.videos if video.id not in gone)
    for videos in _by_label(kept).values():
        ordered = sorted(videos, key=lambda video: (video.name, video.id))
        count = len(ordered) * APP_TRAIN_PERCENT // 100
        for place, video in enumerate(ordered):
            splits[video.id] = Split.TRAIN if place < count else Split.VAL
    if not {Split.TRAIN, Split.VAL} <= set(splits.values()):
        raise DataError(
            "No labelled videos are left to train on and to validate with; the protocol app needs "
            "two or more of a label."
        )
    return _only(store, splits)


def given(ids: frozenset[str], lists: Mapping[Split, Path]) -> Given:
    """Return what official lists, of a video's name or path per line, say of videos.

    A name that means several videos is reported and left out.

    Raises:
        DataError: a list cannot be read, or two lists claim the same video.
    """
    finder = video_names.Finder(ids)
    splits: dict[str, Split] = {}
    troubles = []
    for split, path in lists.items():
        for number, line in video_names.lines(path):
            found = finder.find(line)
            if len(found) != 1:
                what = f"may mean {' or '.join(found)}" if found else "is not among the videos"
                troubles.append(f"{path}, line {number}: {line} {what}.")
            elif splits.setdefault(found[0], split) is not split:
                raise DataError(
                    f"{path}, line {number}: {found[0]} is in the list of {splits[found[0]]} too; "
                    "take it out of one of them."
                )
    return Given(splits, tuple(troubles))


def _only(store: Store, splits: Mapping[str, Split | None]) -> Store:
    gone = (video.id for video in store.videos if splits.get(video.id) is None)
    return store.without(gone).with_splits(splits)


def _by_label(videos: Iterable[Video]) -> dict[int, list[Video]]:
    """Return the videos of each label, without those that have none."""
    groups = defaultdict(list)
    for video in videos:
        if video.label is not None:
            groups[video.label].append(video)
    return dict(groups)


def _stratified(videos: list[Video], percent: int, seed: int) -> list[str]:
    """Return the ids of a part of the videos, of each label its share.

    The whole is rounded, not each label's share: the labels with the largest remainders give one
    more, so that a tenth of 819 is 82 whatever the labels.
    """
    groups = _by_label(videos)
    total = round(len(videos) * percent / 100)
    shares = {label: len(group) * percent / 100 for label, group in groups.items()}
    counts = {label: int(share) for label, share in shares.items()}
    by_rest = sorted(shares, key=lambda label: (counts[label] - shares[label], label))
    for label in by_rest[: total - sum(counts.values())]:
        counts[label] += 1
    rng = np.random.default_rng(seed)
    drawn = []
    for label in sorted(groups):
        ids = sorted(video.id for video in groups[label])
        drawn += [ids[place] for place in rng.permutation(len(ids))[: counts[label]]]
    if not drawn:
        raise DataError(
            f"{len(videos)} training videos are too few to take {percent} % for validation; mark "
            "some as val in the index."
        )
    return drawn


PAPER, APP = "paper", "app"
PROTOCOLS = (PAPER, APP)
FILE = "split.csv"
BLACKLIST = files.bundled("ekman_blacklist.txt")


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
        return app(store, blacklist.read(listed, store.schema.labels))
    return paper(clean(store, listed) if listed else store)


def clean(store: Store, listed: Path) -> Store:
    """Return the store without the videos that a blacklist names.

    Raises:
        DataError: the list cannot be read.
    """
    labels = {video.id: store.label_of(video) for video in store.videos}
    found = blacklist.judge(blacklist.read(listed, store.schema.labels), labels)
    return store.without(found.ids)


def write(folder: Path, divided: Store) -> None:
    """Write which split each video is in, into a folder that is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
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
