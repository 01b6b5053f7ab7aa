"""What a feature store holds: how much of each emotion, how long, what is missing, what is odd."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vemoclap.training import statistics
from vemoclap.training.blacklist import Blacklist, judge
from vemoclap.training.feature_store import Split, Store, Video
from vemoclap.training.statistics import Statistics

NONE = "none"  # the column of what has no label or split


@dataclass(frozen=True, slots=True)
class Lengths:
    """Rows per video, of the videos that have the feature."""

    shortest: int
    median: float
    longest: int


@dataclass(frozen=True, slots=True)
class FeatureSummary:
    """One feature over a whole collection."""

    space: str
    dim: int
    missing: int  # videos without it
    lengths: Lengths | None  # None: no video has it
    statistics: Statistics | None


@dataclass(frozen=True, slots=True)
class Description:
    """A collection in numbers."""

    videos: int
    counts: Mapping[str, Mapping[str, int]]  # label -> split -> videos
    features: Mapping[str, FeatureSummary]
    duplicates: tuple[tuple[str, ...], ...]  # ids of videos whose features are all equal
    empty: tuple[str, ...]  # ids of videos without any feature

    def plain(self) -> dict[str, Any]:
        """Return the same as plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A collection before and after a blacklist."""

    before: Description
    after: Description
    troubles: tuple[str, ...]  # of the blacklist


def describe(store: Store) -> Description:
    """Return a store in numbers."""
    return Description(
        videos=len(store.videos),
        counts=_counts(store),
        features=_features(store),
        duplicates=_duplicates(store.videos),
        empty=tuple(
            video.id
            for video in store.videos
            if all(values is None for values in video.features.values())
        ),
    )


def compare(store: Store, blacklist: Blacklist) -> Comparison:
    """Return a store in numbers before and after a blacklist."""
    judgement = judge(blacklist, {video.id: store.label_of(video) for video in store.videos})
    after = describe(store.without(judgement.ids))
    return Comparison(describe(store), after, judgement.troubles)


def _counts(store: Store) -> dict[str, dict[str, int]]:
    found = Counter(
        (store.label_of(video) or NONE, video.split.value if video.split else NONE)
        for video in store.videos
    )
    labels = [*store.schema.labels, *([NONE] if any(key[0] == NONE for key in found) else ())]
    columns = [*(split.value for split in Split), NONE]
    return {label: {column: found[label, column] for column in columns} for label in labels}


def _features(store: Store) -> dict[str, FeatureSummary]:
    numbers = statistics.of(store.videos)
    summaries = {}
    for name, column in store.schema.columns.items():
        rows = [len(v) for video in store.videos if (v := video.features[name]) is not None]
        summaries[name] = FeatureSummary(
            space=column.space,
            dim=column.dim,
            missing=len(store.videos) - len(rows),
            lengths=Lengths(min(rows), float(np.median(rows)), max(rows)) if rows else None,
            statistics=numbers.get(name),
        )
    return summaries


def _duplicates(videos: Sequence[Video]) -> tuple[tuple[str, ...], ...]:
    groups: dict[bytes, list[str]] = defaultdict(list)
    for video in videos:
        content = hashlib.sha256()
        for name, values in sorted(video.features.items()):
            if values is not None:
                content.update(f"{name} {values.shape} ".encode())
                content.update(np.ascontiguousarray(values).data)
        if any(values is not None for values in video.features.values()):
            groups[content.digest()].append(video.id)
    return tuple(tuple(ids) for ids in groups.values() if len(ids) > 1)
