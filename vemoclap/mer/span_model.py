"""A checkpoint of the end-to-end model, as a classifier of the spans of a timeline."""

from collections.abc import Sequence
from pathlib import Path

from vemoclap import files
from vemoclap.mer import inputs, model
from vemoclap.mer.backbones import albert
from vemoclap.records import EngineUse
from vemoclap.timeline.records import SpanClassifier, SpanInputs

SPANS_AT_ONCE = 16  # five faces and ten seconds each: some 2 GB at the published size


def load(folder: Path, device: str) -> SpanClassifier:
    """Return the classifier that a checkpoint holds, its model on ``device``.

    Its probabilities are each on their own, and a label counts as present from its threshold on.

    Raises:
        WeightsError: the checkpoint is missing, damaged, or holds another model.
    """
    network = model.read(folder, device)
    config = network.config
    tokens = albert.tokens(config.tokenizer, config.shape.tokens)

    def classify(spans: Sequence[SpanInputs]) -> tuple[tuple[float, ...], ...]:
        found: list[tuple[float, ...]] = []
        for start in range(0, len(spans), SPANS_AT_ONCE):
            seen = [inputs.see(one, config.shape) for one in spans[start : start + SPANS_AT_ONCE]]
            batch = inputs.collate(seen, config.shape, tokens, device)
            found += map(tuple, model.probabilities(network, batch).tolist())
        return tuple(found)

    path = folder / model.FILE
    detail = f"an end-to-end model trained with vemoclap; {folder.name}/card.md describes it"
    place = f"{path} with SHA-256 {files.digest(path).sha256}"
    return SpanClassifier(
        name=model.KIND,
        labels=config.labels,
        exclusive=False,
        thresholds=config.thresholds,
        frame_count=config.shape.frames,
        note=config.note,
        use=EngineUse("emotion", model.KIND, detail, (place,)),
        classify=classify,
    )
