"""The card of a checkpoint: what it was made of, how good it is, and what it is not for."""

from collections import Counter
from pathlib import Path

from vemoclap.mer import model
from vemoclap.mer.evaluate import Evaluation
from vemoclap.mer.model import Config
from vemoclap.mer.prepare import Prepared
from vemoclap.training import markdown
from vemoclap.training.model_card import FILE, split_counts
from vemoclap.weights import catalog, checkpoint


def write(folder: Path, prepared: Prepared, evaluation: Evaluation) -> None:
    """Write the card of the checkpoint in ``folder``, whose model is written.

    Args:
        folder: where the checkpoint is.
        prepared: the utterances of its training, in their splits.
        evaluation: how well it does.
    """
    tensors, metadata = checkpoint.read(folder / model.FILE, "cpu")
    text = markdown.render(
        "mer/card.md.j2",
        name=folder.name,
        config=Config.of(metadata["config"]),
        training=metadata["training"],
        parameters=sum(tensor.numel() for tensor in tensors.values()),
        prepared=prepared,
        split=split_counts(Counter(one.piece.split for one in prepared.kept)),
        evaluation=evaluation,
        backbones=catalog.of_engine(catalog.MER),
    )
    (folder / FILE).write_text(text, "utf-8")
