"""A checkpoint and a collection -> how well the one knows the other, beside simpler answers."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap.mer import baselines, metrics, model, prepare
from vemoclap.mer.examples import Examples, predict
from vemoclap.mer.metrics import Metrics
from vemoclap.mer.prepare import Prepared
from vemoclap.training.markdown import render
from vemoclap.training.records import Split

OWN = "this model"


@dataclass(frozen=True, slots=True)
class Answer:
    """The numbers of one way to answer."""

    name: str
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A checkpoint, judged on one split of a collection."""

    checkpoint: str
    note: str  # of the collection
    split: Split
    thresholds: tuple[float, ...]
    answers: tuple[Answer, ...]  # the model's first
    troubles: tuple[str, ...]  # clips that were left out

    @property
    def own(self) -> Metrics:
        """The numbers of the model itself, with its thresholds."""
        return self.answers[0].metrics


def evaluate(folder: Path, prepared: Prepared, split: Split, device: str = "cpu") -> Evaluation:
    """Return how the model in ``folder`` does on a split of a collection.

    The baselines learn from the collection's own splits for training and validation, and are left
    out where those are empty.

    Raises:
        DataError: the split is empty, or it has other labels.
        WeightsError: the checkpoint is damaged or of another kind.
    """
    network = model.read(folder, device)
    config = network.config
    examples = Examples(prepared, split, config, device)
    found = predict(network, examples)
    sides = {"with thresholds of 0.5": found >= metrics.UNDECIDED}
    splits = {one.piece.split for one in prepared.kept}
    if {Split.TRAIN, Split.VAL} <= splits:
        train, val = (Examples(prepared, part, config, device) for part in (Split.TRAIN, Split.VAL))
        sides["the majority"] = baselines.majority(train.truth, len(examples))
        sides["words alone"] = baselines.text_only(
            (_words(train), train.truth), (_words(val), val.truth), _words(examples)
        )
    answers = {OWN: found >= np.array(config.thresholds), **sides}
    return Evaluation(
        checkpoint=folder.name,
        note=prepared.note,
        split=split,
        thresholds=config.thresholds,
        answers=tuple(
            Answer(name, metrics.measure(examples.truth, said, config.labels))
            for name, said in answers.items()
        ),
        troubles=prepared.troubles,
    )


def _words(examples: Examples) -> list[str]:
    return [prepare.load(one.path).words for one in examples.kept]


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all numbers in plain values; shares, not percents."""
    return {**asdict(evaluation), "split": str(evaluation.split)}


def markdown(evaluation: Evaluation) -> str:
    """Return the tables of an evaluation."""
    return render("mer/evaluation.md.j2", evaluation=evaluation)
