"""The card of a checkpoint: what it was made of, how good it is, and what it is not for."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from vemoclap.classifier import model
from vemoclap.classifier.model import Config
from vemoclap.engines.registry import ENGINES
from vemoclap.training import evaluation_report, markdown
from vemoclap.training.evaluate import Evaluation
from vemoclap.training.records import Split, Store
from vemoclap.weights import catalog, checkpoint

FILE = "card.md"


def write(folder: Path, divided: Store, protocol: str, evaluation: Evaluation) -> None:
    """Write the card of the checkpoint in ``folder``, whose classifiers are written.

    Args:
        folder: where the checkpoint is.
        divided: the videos of its training, in their splits.
        protocol: that divided them.
        evaluation: how well it does.
    """
    tensors, metadata = checkpoint.read(folder / model.FILE, "cpu")
    config = Config.of(metadata["config"])
    counts = Counter((video.label, video.split) for video in divided.videos)
    by_label = [
        (name, split_counts({part: counts[label, part] for part in Split}))
        for label, name in enumerate(divided.schema.labels)
    ]
    text = markdown.render(
        "training/card.md.j2",
        name=folder.name,
        config=config,
        training={**metadata["training"], "protocol": protocol},
        parameters=sum(tensor.numel() for tensor in tensors.values()),
        note=divided.schema.note,
        split=split_counts(Counter(video.split for video in divided.videos)),
        by_label=by_label,
        evaluation=evaluation,
        ece=sum(run.after.ece for run in evaluation.runs) / len(evaluation.runs),
        bound=_bound(config),
    )
    (folder / FILE).write_text(text, "utf-8")


def released() -> str:
    """Return the card of the paper's own checkpoint, from what the paper says."""
    return markdown.render(
        "training/released_card.md.j2",
        name="released",
        config=model.RELEASED,
        accuracy=evaluation_report.ACCURACIES[evaluation_report.PAPER],
        confusion=evaluation_report.CONFUSION,
        bound=_bound(model.RELEASED),
    )


def split_counts(counts: Mapping[Split | None, int]) -> str:
    """Return how many examples are in each split, as in "81 train, 9 val"."""
    return ", ".join(f"{counts[part]} {part}" for part in Split if counts[part])


def _bound(config: Config) -> list[str]:
    """Return the engines upstream whose models are not for commercial use."""
    return sorted(
        {
            f"{row.engine} ({row.licence})"
            for role, engine in config.engines.items()
            if engine in ENGINES.get(role, {})
            for row in catalog.of_engine(engine)
            if not row.commercial
        }
    )
