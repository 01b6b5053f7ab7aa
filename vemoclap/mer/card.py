"""The card of a checkpoint: what it was made of, how good it is, and what it is not for."""

from collections import Counter
from pathlib import Path

from vemoclap.mer import evaluate, model
from vemoclap.mer.evaluate import Evaluation
from vemoclap.mer.model import Config
from vemoclap.mer.prepare import Prepared
from vemoclap.training.records import Split
from vemoclap.weights import catalog, checkpoint

FILE = "card.md"
_LIMITS = """\
- It says what annotators would see and hear in an utterance, not what anybody feels. It is no
  evidence about a person and must not be used to decide about one.
- It knows only the labels below, each on its own: several may be present, or none.
- Utterances unlike those it was trained on (another language, culture or kind of film) may be
  judged worse; by how much was not measured.
- Thresholds were chosen on the validation utterances; where a label is rarer or more frequent than
  there, they are not the best ones."""


def text(folder: Path, prepared: Prepared, evaluation: Evaluation) -> str:
    """Return the card of the checkpoint in ``folder``, its model written.

    Args:
        folder: where the checkpoint is.
        prepared: the utterances of its training, in their splits.
        evaluation: how well it does.
    """
    tensors, metadata = checkpoint.read(folder / model.FILE, "cpu")
    config = Config.of(metadata["config"])
    training = metadata["training"]
    recipe = training["recipe"]
    counts = Counter(one.piece.split for one in prepared.kept)
    split = ", ".join(f"{counts[part]} {part}" for part in Split if counts[part])
    shape = config.shape
    thresholds = ", ".join(
        f"{label} {value:.3f}"
        for label, value in zip(config.labels, config.thresholds, strict=True)
    )
    return "\n".join(
        (
            f"# {folder.name}",
            "",
            f"An end-to-end model of utterances (Lee and Kim, KAIST), trained with vemoclap. It "
            f"takes {shape.frames} faces, {shape.seconds:g} s of sound and {shape.tokens} tokens, "
            f"and gives each of {len(config.labels)} labels a probability of its own.",
            "",
            "## Data",
            "",
            f"- Collection: {prepared.note}",
            f"- Utterances: {split}; left out: {len(prepared.troubles)}.",
            "",
            "## Training",
            "",
            f"- Seed {training['seed']}; the best epoch in validation is {training['best_epoch']} "
            f"of {training['epochs']}; `history.csv` has all.",
            f"- Binary cross-entropy, Adam with learning rate {recipe['rate']:g}, and "
            f"{recipe['backbones']:g} of it for the backbones; batches of {recipe['batch']}.",
            f"- Parameters: {sum(tensor.numel() for tensor in tensors.values()):,}.",
            f"- Thresholds, chosen on validation to maximise F1: {thresholds}.",
            "",
            f"## On the split {evaluation.split}",
            "",
            evaluate.overview(evaluation),
            "",
            "## Limits",
            "",
            _LIMITS,
            "",
            "## What it grew from",
            "",
            *(
                f"- {row.place} ({row.licence}): {row.citation}"
                for row in catalog.of_engine(catalog.MER)
            ),
            "",
        )
    )
