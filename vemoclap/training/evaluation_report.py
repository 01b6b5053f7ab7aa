"""An evaluation as files: JSON for programs, Markdown and pictures for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vemoclap.records import EMOTIONS
from vemoclap.training import plots
from vemoclap.training.evaluate import Evaluation

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
    folder.mkdir(parents=True, exist_ok=True)
    names = ("evaluation.json", "evaluation.md", "confusion.png", "reliability.png")
    paths = [folder / name for name in names]
    paths[0].write_text(json.dumps(as_json(evaluation), indent=2) + "\n", "utf-8")
    paths[1].write_text(markdown(evaluation), "utf-8")
    plots.confusion(paths[2], evaluation.labels, evaluation.confusion)
    first = evaluation.runs[0]
    plots.reliability(paths[3], first.before, first.after)
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
    """Return the tables of an evaluation."""
    runs = evaluation.runs
    count = runs[0].metrics.count
    parts = [
        f"# {evaluation.checkpoint} on the split {evaluation.split}",
        f"{count} videos. Features: {evaluation.note or 'of a collection without a note'}",
        *evaluation.warnings,
        table(
            ("run", "accuracy %", "macro F1 %", "temperature", "ECE before", "ECE after"),
            [
                (
                    run.name,
                    f"{100 * run.metrics.accuracy:.2f}",
                    f"{100 * run.metrics.macro_f1:.2f}",
                    f"{run.temperature:.3f}",
                    f"{run.before.ece:.3f}",
                    f"{run.after.ece:.3f}",
                )
                for run in runs
            ],
        ),
        by_class(evaluation),
        "Confusion, shares of each true emotion (a row each):",
        table(
            ("true", *evaluation.labels),
            [
                (name, *(f"{share:.2f}" for share in row))
                for name, row in zip(evaluation.labels, evaluation.confusion, strict=True)
            ],
        ),
    ]
    if evaluation.labels == EMOTIONS:
        parts += [
            "Beside what others report for the official test split of Ekman-6 (numbers as the "
            "paper gives them; another collection or split is no like for like):",
            beside(evaluation),
        ]
    return "\n\n".join(parts) + "\n"


def by_class(evaluation: Evaluation) -> str:
    """Return precision and recall of each emotion, means over the runs."""
    runs = evaluation.runs
    rows = []
    for place, name in enumerate(evaluation.labels):
        mine = [run.metrics.classes[place] for run in runs]
        rows.append(
            (
                name,
                f"{sum(one.precision for one in mine) / len(runs):.3f}",
                f"{sum(one.recall for one in mine) / len(runs):.3f}",
                f"{sum(one.f1 for one in mine) / len(runs):.3f}",
                str(mine[0].support),
            )
        )
    return table(("emotion", "precision", "recall", "F1", "videos"), rows)


def beside(evaluation: Evaluation) -> str:
    """Return the paper's table of methods with this one in its place."""
    own = evaluation.over_runs("accuracy")
    rows = [(value, name, f"{value:.2f}") for name, value in ACCURACIES.items()]
    rows.append((100 * own.mean, f"**{evaluation.checkpoint} (here)**", own.percent()))
    return table(("method", "accuracy %"), [row[1:] for row in sorted(rows)])


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table whose first column is text and whose others are numbers."""
    lines = [heads, ("---", *("---:" for _ in heads[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
