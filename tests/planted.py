"""Planted features: a collection of the published shapes in which we know where the label lies.

No dataset is needed to show that training, evaluation and the experiments work: here a label is
written into features of random numbers, and what should be found is known.

Single modalities. ``Plan.single`` names features and how strongly each shows the label: the
label's own direction is added to every row.

Agreement in time. ``Plan.agreement`` names two sequences. Every row of either says in which half
of the video it lies (plus or minus a time code) and which of two events it holds (plus or minus an
event code). The event changes when the half does, so that each sequence has either its event +
in the first half and - in the second, or the other way round, by the toss of a coin. The label
says whether both sequences have the same order. Either order has the same mean row, so what
averages over time cannot see the label, and neither sequence alone tells it; a row of one that
looks for its like among the rows of the other can. (The classifier has no order of rows but
what the rows say, hence the time code.) The last bit of a label is planted so; if single
features are named too, they show only which pair (0 and 1, 2 and 3, ...) the label is of.

    python -m tests.planted DIR [--pickle FILE]

writes a store, or a file of the layout in which the paper's features were published.
"""

import argparse
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vemoclap.classifier.model import RELEASED
from vemoclap.records import EMOTIONS, Floats
from vemoclap.training import feature_store as stores
from vemoclap.training.records import Column, Schema, Split, Store, Video, checked_store

SEQUENCES = ("beats", "clip", "face_emotion")
MISSING = {  # share of videos without it; an assumption, as the published files were not at hand
    "asr_sentiment": 0.35,
    "beats": 0.02,
    "clip": 0.0,
    "face_emotion": 0.2,
    "ocr_sentiment": 0.4,
}
DEVIATIONS = 5.5  # what the extremes of twenty million normal numbers are
PROBLEMS = {  # names that the blacklist knows, for videos whose features say nothing of the label
    "anger": "annoying",
    "disgust": "flashing lights",
    "fear": "underwater",
    "joy": "ode to joy",
    "sadness": "pensive",
    "surprise": "astonishing",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planted."""

    seed: int = 0
    train: int = 819  # videos, as in Ekman-6
    test: int = 818
    labels: tuple[str, ...] = EMOTIONS
    single: Mapping[str, float] = field(default_factory=lambda: {"clip": 0.15, "beats": 0.15})
    agreement: tuple[str, str] | None = None  # two of SEQUENCES
    strength: float = 3.0  # of the codes of agreement, in standard deviations of the noise
    missing: Mapping[str, float] = field(default_factory=lambda: MISSING)
    problems: float = 0.0  # share of videos of a name in the blacklist and with no signal
    seconds: tuple[int, int] = (6, 60)  # shortest and longest video
    dims: Mapping[str, int] = field(  # smaller ones make tests quick
        default_factory=lambda: {name: spec.dim for name, spec in RELEASED.features.items()}
    )


def make(plan: Plan | None = None) -> Store:
    """Return the collection of a plan: the same for the same plan."""
    plan = plan or Plan()
    rng = np.random.default_rng(plan.seed)
    columns = {
        name: Column(spec.space, plan.dims[name]) for name, spec in RELEASED.features.items()
    }
    schema = Schema(columns, RELEASED.engines, plan.labels, "Planted: random numbers, no videos.")
    names = sorted(columns)
    codes = {  # feature -> one per label, then time, then event: all independent
        name: rng.choice((-1.0, 1.0), (len(plan.labels) + 2, plan.dims[name])) for name in names
    }
    videos = []
    for number in range(plan.train + plan.test):
        label = number // 2 % len(plan.labels)
        emotion = plan.labels[label]
        problem = rng.random() < plan.problems
        told = int(rng.integers(len(plan.labels))) if problem else label
        word = PROBLEMS.get(emotion, "astonishing") if problem else "video"
        split = Split.TEST if number % 2 and number < 2 * plan.test else Split.TRAIN
        if number >= 2 * plan.train:
            split = Split.TEST
        videos.append(
            Video(
                id=f"{emotion}/{word} {number:04d}.mp4",
                features=_features(plan, rng, told, codes),
                label=label,
                split=split,
            )
        )
    return checked_store(schema, videos)


def write_pickle(collection: Store, path: Path) -> None:
    """Write a collection in the layout of the published ``features.pkl``, splits left out."""
    labels = collection.schema.labels
    samples = {}
    stats = {}
    for video in collection.videos:
        features = {}
        for name, values in video.features.items():
            if values is None:
                features[name] = []  # how the published files say "absent"
            else:
                features[name] = values[0] if name not in SEQUENCES else values
        one_hot = np.eye(len(labels), dtype=np.float32)[video.label]
        samples[f"videos/{video.id}"] = {"features": features, "label": one_hot}
    for name in collection.schema.columns:
        present = [v.features[name] for v in collection.videos if v.features[name] is not None]
        if not present:
            continue
        rows = np.concatenate(present)
        stats[name] = {
            "mean": rows.mean(dtype=np.float64).astype(np.float32),
            "std": rows.std(dtype=np.float64).astype(np.float32),
            "min": rows.min(),
            "max": rows.max(),
        }
    content = {"samples": samples, "stats": stats, "idx_to_label": dict(enumerate(labels))}
    path.write_bytes(pickle.dumps(content, protocol=4))


def _features(
    plan: Plan, rng: np.random.Generator, label: int, codes: Mapping[str, Floats]
) -> dict[str, Floats | None]:
    seconds = int(rng.integers(plan.seconds[0], plan.seconds[1] + 1))
    lengths = {
        "beats": max(1, int((seconds - 3) / 1.5) + 1),  # 3 s windows, 1.5 s apart
        "clip": seconds,
        "face_emotion": max(1, round(seconds * rng.uniform(0.2, 1))),
    }
    count = len(plan.labels)
    shown = label - label % 2 if plan.agreement else label
    first = rng.choice((-1, 1))  # order of events in the first of the two sequences
    orders = {}
    if plan.agreement:
        one, other = plan.agreement
        orders = {one: first, other: first if label % 2 else -first}
    found: dict[str, Floats | None] = {}
    for name in sorted(plan.dims):
        length = lengths.get(name, 1)
        rows = rng.normal(size=(length, plan.dims[name]))  # (T, dim)
        rows += plan.single.get(name, 0.0) * codes[name][shown]
        if name in orders:
            half = np.where(np.arange(length) < length / 2, 1, -1)[:, None]  # (T, 1)
            rows += plan.strength * half * codes[name][count]
            rows += plan.strength * half * orders[name] * codes[name][count + 1]
        spec = RELEASED.features[name]
        extreme = DEVIATIONS + (2 * plan.strength if name in orders else 0)
        scale = (spec.maximum - spec.minimum) / (2 * extreme)
        rows = (spec.maximum + spec.minimum) / 2 + scale * rows
        absent = rng.random() < plan.missing.get(name, 0.0)
        found[name] = None if absent else rows.astype(np.float32)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Write a planted collection."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?", help="of the new store")
    parser.add_argument("--pickle", type=Path, metavar="FILE", help="write the Zenodo layout")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--videos", type=int, default=1637, metavar="N", help="half to train on")
    parser.add_argument("--single", default="clip=0.15,beats=0.15", metavar="FEATURE=STRENGTH,...")
    parser.add_argument("--agreement", default="", metavar="SEQUENCE,SEQUENCE")
    parser.add_argument("--problems", type=float, default=0.0, metavar="SHARE")
    asked = parser.parse_args(arguments)
    if asked.folder is None and asked.pickle is None:
        parser.error("name a folder for the store or a file for --pickle")
    pairs = [pair.split("=") for pair in asked.single.split(",") if pair]
    agreement = tuple(asked.agreement.split(",")) if asked.agreement else None
    if agreement and (len(agreement) != 2 or not set(agreement) <= set(SEQUENCES)):
        parser.error(f"--agreement takes two of {', '.join(SEQUENCES)}")
    unknown = {name for name, _ in pairs} - set(MISSING)
    if unknown:
        parser.error(f"there is no feature {', '.join(sorted(unknown))}")
    collection = make(
        Plan(
            seed=asked.seed,
            train=asked.videos - asked.videos // 2,
            test=asked.videos // 2,
            single={name: float(strength) for name, strength in pairs},
            agreement=agreement,
            problems=asked.problems,
        )
    )
    if asked.folder is not None:
        print(stores.append(asked.folder, collection))
    if asked.pickle is not None:
        write_pickle(collection, asked.pickle)
        print(asked.pickle)


if __name__ == "__main__":
    main()
