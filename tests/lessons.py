"""Small planted collections and trainings of them, which take seconds."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.planted import Plan, make
from vemoclap.classifier.model import RELEASED, Classifier, Config
from vemoclap.training import classifier_task, splits
from vemoclap.training.batches import Examples
from vemoclap.training.classifier_task import Recipe, config_of
from vemoclap.training.experiments import only
from vemoclap.training.records import Split, Store

DIM = 12
DIMS = dict.fromkeys(RELEASED.features, DIM)
# Much quicker than the paper's: a network of a thousandth of its size takes larger steps.
# In full precision, so that what is learnt does not depend on the processor.
QUICK = Recipe(
    epochs=12, rate=3e-3, dropout=0.1, d_model=16, heads=2, patience=12, precision="full"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are multiplied quickest by one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def collection(
    *names: str, train: int = 180, test: int = 120, seed: int = 0, **plan: object
) -> Store:
    """Return a divided collection with the named features, all unless named."""
    planned = Plan(seed=seed, train=train, test=test, dims=DIMS)
    divided = splits.paper(make(replace(planned, **plan)))
    return only(divided, names) if names else divided


def shuffled(store: Store, seed: int = 0) -> Store:
    """Return the store with its labels dealt anew within each split."""
    rng = np.random.default_rng(seed)
    videos = []
    for split in Split:
        part = store.of(split)
        order = rng.permutation(len(part))
        videos += [replace(one, label=part[k].label) for one, k in zip(part, order, strict=True)]
    return Store(store.schema, tuple(sorted(videos, key=lambda video: video.id)))


class Lesson:
    """What a training is given."""

    def __init__(self, store: Store, recipe: Recipe = QUICK) -> None:
        self.recipe = recipe
        self.config: Config = config_of(store.schema, store.of(Split.TRAIN), recipe, "A lesson.")
        self.train, self.val, self.test = (
            Examples(store.of(split), self.config) for split in (Split.TRAIN, Split.VAL, Split.TEST)
        )

    def model(self, seed: int = 0, build: type[torch.nn.Module] = Classifier) -> torch.nn.Module:
        torch.manual_seed(seed)
        return build(self.config)

    def fit(
        self, seed: int = 0, build: type[torch.nn.Module] = Classifier, **options: object
    ) -> tuple[torch.nn.Module, tuple[classifier_task.Epoch, ...]]:
        model = self.model(seed, build)
        epochs = classifier_task.fit(model, self.train, self.val, self.recipe, seed, **options)
        return model, epochs

    def accuracy(self, model: torch.nn.Module) -> float:
        answers = classifier_task.predict(model, self.test).argmax(1)
        return float((answers == self.test.labels.numpy()).mean())
