"""The card of a checkpoint: what it was made of, how good it is, and what it is not for."""

from collections import Counter
from pathlib import Path
from typing import Any

from vemoclap.classifier import model
from vemoclap.classifier.model import Config
from vemoclap.engines.registry import ENGINES
from vemoclap.records import EMOTIONS
from vemoclap.training import evaluation_report
from vemoclap.training.evaluate import Evaluation
from vemoclap.training.records import Split, Store
from vemoclap.weights import catalog, checkpoint

FILE = "card.md"
_LIMITS = """\
- It names the emotion that a video's uploader and a few annotators had in mind, not what anybody
  in it feels. It is no evidence about a person and must not be used to decide about one.
- It knows only the emotions below, and names one of them for every video.
- Videos unlike those of its collection (another language, culture or kind of film) may be judged
  worse; by how much was not measured."""
_CALIBRATED = """\
- Probabilities were calibrated on videos like those of training; on others they may be too sure."""
_UNCALIBRATED = """\
- Probabilities were not calibrated; they may be too sure or not sure enough."""


def text(folder: Path, divided: Store, protocol: str, evaluation: Evaluation) -> str:
    """Return the card of the checkpoint in ``folder``.

    Args:
        folder: where the checkpoint is, its classifiers written.
        divided: the videos of its training, in their splits.
        protocol: that divided them.
        evaluation: how well it does.
    """
    tensors, metadata = checkpoint.read(folder / model.FILE, "cpu")
    config = Config.of(metadata["config"])
    training = metadata["training"]
    counts = Counter(video.split for video in divided.videos)
    split = ", ".join(f"{counts[part]} {part}" for part in Split if counts[part])
    seeds = len(evaluation.runs)
    return "\n".join(
        (
            f"# {folder.name}",
            "",
            f"A classifier of {len(config.labels)} emotions ({', '.join(config.labels)}) from the "
            f"features of a video, trained with vemoclap. {config.note}",
            "",
            "## Data",
            "",
            f"- Collection: {divided.schema.note or 'not said'}",
            f"- Videos: {split} (protocol `{protocol}`; `split.csv` names them).",
            *_by_emotion(divided),
            "",
            "## Training",
            "",
            f"- Seeds: {seeds}. The classifier here is of seed {training['seed']}, the best in "
            f"validation (epoch {training['best_epoch']} of {training['epochs']}); `history.csv` "
            "has all epochs.",
            f"- {_sentence(training['recipe'])} Matrices were multiplied in "
            f"{training['arithmetic']}.",
            f"- Padding: {'masked' if config.mask else 'counts as zeros'}. "
            f"Parameters: {sum(tensor.numel() for tensor in tensors.values()):,}. "
            f"Temperature: {config.temperature:.3f}, fitted on validation.",
            "",
            *_features(config),
            "",
            *_scores(evaluation),
            "",
            "## Limits",
            "",
            _LIMITS,
            _CALIBRATED,
            "",
            *_licence(config),
            "",
        )
    )


def released() -> str:
    """Return the card of the paper's own checkpoint, from what the paper says."""
    config, accuracy = model.RELEASED, evaluation_report.ACCURACIES[evaluation_report.PAPER]
    rows = [
        f"| {name} | {' | '.join(f'{share:.2f}' for share in row)} |"
        for name, row in zip(EMOTIONS, evaluation_report.CONFUSION, strict=True)
    ]
    return "\n".join(
        (
            "# released",
            "",
            "The classifier of VEMOCLAP (Sulun, Viana and Davies 2024, arXiv 2410.21303), "
            "converted from the authors' `model.pt` to safetensors, its weights unchanged. "
            f"{config.note}",
            "",
            "## Data",
            "",
            "- Collection: Ekman-6, 819 videos to train on and 818 to test on (paper, section II).",
            "- Whether the released file is the model of the paper's table or that of its web",
            "  application, which was trained on 95 % of the cleaned videos, is not known here. If",
            "  the latter, it has seen videos of the official test split.",
            "",
            "## Training",
            "",
            "- By its authors: cross-entropy, Adam, learning rate 1e-05, batch 32, dropout 0.5,",
            "  gradient norm at most 1, stopped on validation accuracy. The seed is not known.",
            "- Padding: counts as zeros. Parameters: 10,535,942. Temperature: 1, none was fitted.",
            "",
            *_features(config),
            "",
            "## Scores",
            "",
            f"Reported by the paper: {accuracy} % of the test videos right. Its confusion matrix, "
            "a row per true emotion (recall on the diagonal):",
            "",
            f"| true | {' | '.join(EMOTIONS)} |",
            f"|---|{'---:|' * len(EMOTIONS)}",
            *rows,
            "",
            "Measure it yourself: `vemoclap evaluate released DIR`.",
            "",
            "## Limits",
            "",
            _LIMITS,
            _UNCALIBRATED,
            "",
            *_licence(config),
            "",
        )
    )


def _by_emotion(divided: Store) -> list[str]:
    counts = Counter((video.label, video.split) for video in divided.videos)
    return [
        f"- {name}: "
        + ", ".join(f"{counts[label, part]} {part}" for part in Split if counts[label, part])
        for label, name in enumerate(divided.schema.labels)
    ]


def _sentence(recipe: dict[str, Any]) -> str:
    return (
        f"Cross-entropy, Adam, learning rate {recipe['rate']:g}, batch {recipe['batch']}, dropout "
        f"{recipe['dropout']:g}, gradient norm at most {recipe['clip']:g}, at most "
        f"{recipe['epochs']} epochs, stopped after {recipe['patience']} without a better "
        "validation accuracy."
    )


def _features(config: Config) -> list[str]:
    rows = [
        f"| {name} | `{spec.space}` | {spec.length} x {spec.dim} | {spec.minimum:.6g} | "
        f"{spec.maximum:.6g} |"
        for name, spec in sorted(config.features.items())
    ]
    engines = ", ".join(f"{role} {engine}" for role, engine in sorted(config.engines.items()))
    return [
        "## Features",
        "",
        "| feature | space | shape | minimum | maximum |",
        "|---|---|---|---:|---:|",
        *rows,
        "",
        f"Engines upstream: {engines or 'not said'}.",
    ]


def _scores(evaluation: Evaluation) -> list[str]:
    first = evaluation.runs[0].metrics
    many = f", mean ± SD of {len(evaluation.runs)} seeds" if len(evaluation.runs) > 1 else ""
    rows = []
    for place, one in enumerate(first.classes):
        of_runs = [run.metrics.classes[place] for run in evaluation.runs]
        precision = sum(numbers.precision for numbers in of_runs) / len(of_runs)
        recall = sum(numbers.recall for numbers in of_runs) / len(of_runs)
        rows.append(f"| {one.label} | {precision:.2f} | {recall:.2f} | {one.support} |")
    ece = sum(run.after.ece for run in evaluation.runs) / len(evaluation.runs)
    return [
        "## Scores",
        "",
        f"On {first.count} videos of the split `{evaluation.split}`{many}: accuracy "
        f"{evaluation.over_runs('accuracy').percent()} %, macro F1 "
        f"{evaluation.over_runs('macro_f1').percent()} %, calibration error (ECE) {ece:.3f}.",
        "",
        "| emotion | precision | recall | videos |",
        "|---|---:|---:|---:|",
        *rows,
    ]


def _licence(config: Config) -> list[str]:
    """Return what is known of the rights in the weights and in what they were learnt from."""
    bound = sorted(
        {
            f"{row.engine} ({row.licence})"
            for role, engine in config.engines.items()
            if engine in ENGINES.get(role, {})
            for row in catalog.of_engine(engine)
            if not row.commercial
        }
    )
    lines = [
        "## Licence",
        "",
        "The program is AGPL-3.0-or-later. The weights may be used as far as the videos that they",
        "were learnt from allow; ask whoever published these.",
    ]
    if bound:
        lines.append(f"Features came through models not for commercial use: {', '.join(bound)}.")
    return lines
