"""An evaluation as files: JSON for programs, Markdown and pictures for people."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vemoclap.records import EMOTIONS
from vemoclap.training import plots
from vemoclap.training.evaluate import Evaluation
from vemoclap.training.markdown import render

# Test accuracy in percent, as collected by the paper (arXiv 2410.21303, table 1).
ACCURACIES = {
    "ITE": 51.20,
    "CFN": 51.80,
    "MART": 53.17,
    "VAANet": 55.30,
    "CTEN": 58.20,
    "KeyFrame": 59.51,
    "LRCANet": 59.78,
    "FAEIL": 60.44,
    "TAM": 61.00,
    "VEMOCLAP": 65.28,
}
PAPER = "VEMOCLAP"
CLEANING_GAIN = 2.6  # percentage points, from leaving the blacklist out of training and testing

# The paper's confusion matrix: a row per true emotion, shares of that row.
CONFUSION = (
    (0.70, 0.04, 0.10, 0.04, 0.06, 0.07),
    (0.08, 0.55, 0.13, 0.12, 0.05, 0.07),
    (0.09, 0.03, 0.72, 0.04, 0.06, 0.07),
    (0.04, 0.03, 0.05, 0.69, 0.03, 0.16),
    (0.02, 0.06, 0.20, 0.04, 0.61, 0.08),
    (0.09, 0.06, 0.09, 0.09, 0.02, 0.64),
)

FOLDER = "evaluation"  # within a checkpoint, unless another is named


def write(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write an evaluation into ``folder``; return the files."""
    paths = write_tables(as_json(evaluation), markdown(evaluation), folder)
    paths += [folder / "confusion.png", folder / "reliability.png"]
    plots.confusion(paths[2], evaluation.labels, evaluation.confusion)
    first = evaluation.runs[0]
    plots.reliability(paths[3], first.before, first.after)
    return paths


def write_tables(numbers: Mapping[str, Any], tables: str, folder: Path) -> list[Path]:
    """Write what an evaluation found, for programs and for people; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "evaluation.json", folder / "evaluation.md"]
    paths[0].write_text(json.dumps(numbers, indent=2) + "\n", "utf-8")
    paths[1].write_text(tables, "utf-8")
    return paths


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all numbers in plain values; shares, not percents."""
    return {
        "checkpoint": evaluation.checkpoint,
        "split": str(evaluation.split),
        "collection": evaluation.note,
        "labels": list(evaluation.labels),
        "accuracy": asdict(evaluation.over_runs("accuracy")),
        "macro_f1": asdict(evaluation.over_runs("macro_f1")),
        "confusion": [list(row) for row in evaluation.confusion],
        "runs": [asdict(run) for run in evaluation.runs],
        "warnings": list(evaluation.warnings),
    }


def markdown(evaluation: Evaluation) -> str:
    """Return the tables of an evaluation, with the paper's table of methods for its labels."""
    own = evaluation.over_runs("accuracy")
    methods = [(value, name, f"{value:.2f}") for name, value in ACCURACIES.items()]
    methods.append((100 * own.mean, f"**{evaluation.checkpoint} (here)**", own.percent()))
    return render(
        "training/evaluation.md.j2",
        evaluation=evaluation,
        methods=sorted(methods) if evaluation.labels == EMOTIONS else None,
    )
