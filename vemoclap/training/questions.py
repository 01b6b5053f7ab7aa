"""The questions that the paper leaves open, as conditions to be trained and compared."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from vemoclap.classifier.model import Classifier, Config
from vemoclap.errors import UsageError
from vemoclap.training import protocol
from vemoclap.training.feature_store import Split, Store
from vemoclap.training.fusions import FUSIONS
from vemoclap.training.recipe import Recipe

FRAMES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is trained: with every seed, and judged on its own test videos."""

    name: str
    divided: Store  # in splits
    recipe: Recipe
    build: Callable[[Config], nn.Module] = Classifier
    amount: float | None = None  # its place on an axis, where the conditions have one


def ablation(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training with all features, without each of them, and with each of them alone."""
    divided = protocol.divide(store, how, listed)
    names = sorted(store.schema.columns)
    if len(names) < 2:
        raise UsageError("There is one feature only, so that none can be left out.")
    parts = {"all": names}
    parts |= {f"without {name}": [one for one in names if one != name] for name in names}
    parts |= {f"only {name}": [name] for name in names}
    return [Condition(name, only(divided, kept), recipe) for name, kept in parts.items()]


def frames(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training with more and more rows of every sequence."""
    divided = protocol.divide(store, how, listed)
    return [
        Condition(f"n = {count}", divided, replace(recipe, frames=count), amount=count)
        for count in FRAMES
    ]


def fusion(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training of cross-attention and of other ways to make one answer of all features."""
    divided = protocol.divide(store, how, listed)
    return [Condition(name, divided, recipe, build) for name, build in FUSIONS.items()]


def cleaning(store: Store, recipe: Recipe, how: str, listed: Path | None) -> list[Condition]:
    """Return training and testing with and without the videos of a blacklist.

    The middle condition tells what is gained by cleaner tests alone.

    Raises:
        UsageError: the protocol is one that always cleans.
    """
    if how == protocol.APP:
        raise UsageError("The protocol app always leaves out a blacklist; compare with paper.")
    original = protocol.divide(store, how)
    cleaned = protocol.divide(store, how, listed or protocol.BLACKLIST)
    kept = {video.id for video in cleaned.of(Split.TEST)}
    half = original.without(v.id for v in original.of(Split.TEST) if v.id not in kept)
    return [
        Condition("original", original, recipe),
        Condition("trained on original, tested on cleaned", half, recipe),
        Condition("cleaned", cleaned, recipe),
    ]


QUESTIONS: Mapping[str, Callable[[Store, Recipe, str, Path | None], list[Condition]]] = {
    "ablation": ablation,
    "frames": frames,
    "fusion": fusion,
    "cleaning": cleaning,
}
MEANINGS = {
    "ablation": "What each feature adds: left out, and alone.",
    "frames": "What more rows per sequence add. With n = 1 there is nothing to attend to, and the "
    "features are put side by side.",
    "fusion": "Cross-attention and other ways to make one answer of all features.",
    "cleaning": "What it gains to leave out the videos of the blacklist.",
}


def only(store: Store, names: Iterable[str]) -> Store:
    """Return the store with some of its features."""
    kept = set(names)
    schema = store.schema
    columns = {name: column for name, column in schema.columns.items() if name in kept}
    videos = tuple(
        replace(video, features={name: video.features[name] for name in columns})
        for video in store.videos
    )
    return Store(replace(schema, columns=columns), videos)
