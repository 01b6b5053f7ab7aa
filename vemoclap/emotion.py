"""The emotion role, filled by a trained classifier: features -> scores with their evidence."""

from vemoclap import classifier, evidence, weights
from vemoclap.classifier import Classifier
from vemoclap.errors import EngineError
from vemoclap.records import Evidence, Features, Scores

METHOD = "cross-attention"


class TrainedEmotion:
    """The role's callable; it can also say why."""

    def __init__(self, model: Classifier) -> None:
        self.model = model

    def __call__(self, features: Features) -> Scores:
        """Return the probability of each emotion."""
        return self.explain(features)[0]

    def explain(self, features: Features) -> tuple[Scores, Evidence]:
        """Return the probability of each emotion and the evidence for them.

        Raises:
            EngineError: every feature is absent, or one is not what the classifier knows.
        """
        wanted = self.model.config.features
        found = [features.by_name[name].values for name in wanted if name in features.by_name]
        if all(values is None for values in found):
            raise EngineError("Nothing was found in the video that the classifier could judge by.")
        probabilities, why = evidence.explain(self.model, features)
        return Scores(probabilities, METHOD, trained=True, note=self.model.config.note), why

    def warnings(self, features: Features) -> tuple[str, ...]:
        """Return a sentence for each engine upstream that is not that of training."""
        return classifier.differences(self.model.config, features.engines)


def load(device: str) -> TrainedEmotion:
    """Return the paper's classifier on ``device``; it is small enough for full precision."""
    return TrainedEmotion(classifier.read(weights.folder(METHOD), device))
