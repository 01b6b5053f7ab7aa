"""The range and spread of each feature of a collection: what normalising it takes."""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vemoclap import files
from vemoclap.training.blacklist import Blacklist, judge
from vemoclap.training.records import Split, Store, Video

FILE = "statistics.json"  # beside the folder of the shards


@dataclass(frozen=True, slots=True)
class Statistics:
    """One feature, over all numbers of all rows of the videos that have it."""

    minimum: float
    maximum: float
    mean: float
    std: float  # of the population
    videos: int  # that have it
    rows: int


def of(videos: Iterable[Video]) -> dict[str, Statistics]:
    """Return the statistics of each feature that any of the videos has, by name."""
    collected = tuple(videos)
    names = sorted({name for video in collected for name in video.features})
    found = {}
    for name in names:
        values = [rows for video in collected if (rows := video.features[name]) is not None]
        if not values:
            continue
        count = sum(rows.size for rows in values)
        mean = sum(float(rows.sum(dtype=np.float64)) for rows in values) / count
        squares = sum(float(np.square(rows - mean, dtype=np.float64).sum()) for rows in values)
        found[name] = Statistics(
            minimum=float(min(rows.min() for rows in values)),
            maximum=float(max(rows.max() for rows in values)),
            mean=mean,
            std=math.sqrt(squares / count),
            videos=len(values),
            rows=sum(len(rows) for rows in values),
        )
    return found


def basis(store: Store) -> tuple[str, tuple[Video, ...]]:
    """Return the videos that normalising may look at and their name: "train", else "all"."""
    train = store.of(Split.TRAIN)
    return ("train", train) if train else ("all", store.videos)


def write(folder: Path, store: Store) -> Path:
    """Write the statistics of a store as JSON into its folder; return the file's path.

    It is for people and other programs: vemoclap computes them anew from what is there.

    Raises:
        DataError: the file cannot be written.
    """
    name, videos = basis(store)
    content = {
        "over": name,
        "videos": len(videos),
        "features": {feature: asdict(one) for feature, one in of(videos).items()},
    }
    path = folder / FILE
    with files.explain_os_errors(path, "cannot be written", "choose another folder"):
        files.write_atomically(path, json.dumps(content, indent=2) + "\n")
    return path


def differences(
    said: Mapping[str, Mapping[str, float]], found: Mapping[str, Statistics], tolerance: float
) -> tuple[str, ...]:
    """Return a sentence for each number that a file says otherwise than it is.

    Args:
        said: feature -> any of "min", "max", "mean" and "std".
        found: what the values give.
        tolerance: what is accepted, as a part of the feature's range.
    """
    names = {"min": "minimum", "max": "maximum", "mean": "mean", "std": "std"}
    sentences = []
    for feature in sorted({*said, *found}):
        if feature not in found:
            sentences.append(f"{feature}: the file has statistics but no values of it.")
        elif feature not in said:
            sentences.append(f"{feature}: the file has values but no statistics of it.")
        else:
            one = found[feature]
            accepted = tolerance * max(one.maximum - one.minimum, 1e-12)
            for key, field in names.items():
                if key not in said[feature]:
                    continue
                claimed, real = said[feature][key], getattr(one, field)
                if not abs(claimed - real) <= accepted:  # also when it is NaN
                    sentences.append(
                        f"{feature}: the file says {key} {claimed:.6g}, the values give {real:.6g}."
                    )
    return tuple(sentences)


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
    numbers = of(store.videos)
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
