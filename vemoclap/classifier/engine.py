"""The emotion role, filled by a trained classifier: features -> scores with their evidence."""

from dataclasses import dataclass
from pathlib import Path

from vemoclap.classifier import explain
from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.model import Classifier
from vemoclap.engines.roles import Emotion
from vemoclap.errors import EngineError
from vemoclap.records import EMOTIONS, EngineUse, Features, Scores
from vemoclap.weights import cache

METHOD = "cross-attention"


@dataclass(frozen=True, slots=True)
class Trained:
    """A checkpoint in the role of emotion."""

    emotion: Emotion
    use: EngineUse


def load(device: str) -> Emotion:
    """Return the paper's classifier on ``device``; it is small enough for full precision."""
    return judge(classifier_model.read(cache.folder(METHOD), device))


def trained(folder: Path, device: str) -> Trained:
    """Return the classifier of a checkpoint and how reports are to name it.

    Raises:
        WeightsError: it is missing or damaged.
        EngineError: it tells other emotions apart.
    """
    from vemoclap import files

    emotion = judge(classifier_model.read(folder, device))
    digest = files.digest(folder / classifier_model.FILE).sha256
    detail = f"a classifier trained with vemoclap; {folder.name}/card.md describes it"
    place = f"{folder / classifier_model.FILE} with SHA-256 {digest}"
    return Trained(emotion, EngineUse("emotion", METHOD, detail, (place,)))


def judge(model: Classifier) -> Emotion:
    """Return the role's callable, which answers with ``model`` and says why.

    It raises ``EngineError`` where every feature is absent, or one is not what the classifier was
    trained on.
    """
    config = model.config
    if config.labels != EMOTIONS:
        raise EngineError(
            f"The classifier tells {', '.join(config.labels)} apart and not {', '.join(EMOTIONS)}."
        )

    def answer(features: Features) -> Scores:
        known = [features.by_name[name] for name in config.features if name in features.by_name]
        if all(feature.values is None for feature in known):
            raise EngineError("Nothing was found in the video that the classifier could judge by.")
        probabilities, why = explain.explain(model, features)
        return Scores(
            probabilities=probabilities,
            method=METHOD,
            trained=True,
            note=config.note,
            evidence=why,
            warnings=classifier_model.differences(config, features.engines),
        )

    return answer
