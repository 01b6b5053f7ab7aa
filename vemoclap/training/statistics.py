"""The range and spread of each feature of a collection: what normalising it takes."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vemoclap.errors import DataError
from vemoclap.training.feature_store import Split, Store, Video

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
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror or error}); choose another folder."
        ) from error
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
