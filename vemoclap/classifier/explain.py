"""Why a trained classifier answered as it did.

What a feature did is found by running the classifier without it; where the classifier looked is
read from its attention. Both describe this classifier, not the video's makers or viewers.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vemoclap.classifier.inputs import assemble
from vemoclap.classifier.model import Classifier
from vemoclap.media.sampling import equidistant
from vemoclap.records import Evidence, Features, skipped

IMAGES, SOUNDS = "clip", "beats"  # the features with a row per frame and per audio window
PHRASES = {  # feature -> the evidence that it stands for, as people call it
    "asr_sentiment": "what is said",
    "beats": "the sound",
    "clip": "the pictures",
    "face_emotion": "the faces",
    "ocr_sentiment": "the text on the screen",
}
LEAST_MOVE = 0.01  # a smaller change of probability is not worth a word
LEAST_FOCUS = 1.5  # a row is worth a word if it got this many times its even share


@torch.inference_mode()
def explain(model: Classifier, features: Features) -> tuple[tuple[float, ...], Evidence]:
    """Return the six probabilities and their evidence.

    All is one batch: the video as it is, and once more without each of its features.

    Raises:
        EngineError: the features are not those that the classifier was trained on.
    """
    device = next(model.parameters()).device
    names = sorted(model.config.features)
    runs = (features, *(_without(features, name) for name in names))
    values, present = (
        {name: tensor.to(device) for name, tensor in part.items()}
        for part in assemble(runs, model.config)
    )
    attended = model.attend(values, present)
    answers = attended.scores.float().softmax(1).cpu().numpy().astype(np.float64)  # (1 + F, 6)
    answers /= answers.sum(1, keepdims=True)
    contributions = {
        name: tuple(float(change) for change in answers[0] - answers[1 + index])
        for index, name in enumerate(names)
    }
    frames = _looked_at(model, attended.attention, features, IMAGES)
    windows = _looked_at(model, attended.attention, features, SOUNDS)
    probabilities = tuple(float(value) for value in answers[0])
    sentence = _sentence(model.config.labels, probabilities, contributions, frames, windows)
    return probabilities, Evidence(contributions, frames, windows, sentence)


def _without(features: Features, name: str) -> Features:
    """Return the features with one of them absent."""
    if name not in features.by_name:
        return features  # `assemble` explains that it is lacking
    lost = replace(features.by_name[name], values=None, status=skipped("left out to compare"))
    return replace(features, by_name={**features.by_name, name: lost})


def _looked_at(
    model: Classifier, attention: Mapping[str, Tensor], features: Features, name: str
) -> tuple[float, ...] | None:
    """Return the share of attention that each row of a sequence got, None if nothing looked at it.

    Mean over the pairs in which it is looked at; padding is left out, and a row that was not
    among the equidistant ones got none.
    """
    looks = [attention[pair][0] for pair, (_, at) in model.config.pairs.items() if at == name]
    found = features.by_name[name].values if name in features.by_name else None
    if found is None or not looks:
        return None
    kept = equidistant(len(found), model.config.features[name].length)
    seen = torch.stack(looks).float().mean(0).cpu().numpy()[: len(kept)].astype(np.float64)
    shares = np.zeros(len(found))
    # A pair whose query is absent looks nowhere where padding is masked.
    shares[list(kept)] = seen / seen.sum() if seen.sum() > 0 else 1 / len(kept)
    return tuple(float(share) for share in shares)


# -- in words ---------------------------------------------------------------------------------


def _sentence(
    labels: tuple[str, ...],
    probabilities: tuple[float, ...],
    contributions: Mapping[str, tuple[float, ...]],
    frames: tuple[float, ...] | None,
    windows: tuple[float, ...] | None,
) -> str:
    best = int(np.argmax(probabilities))
    emotion = labels[best]
    moves = {name: changes[best] for name, changes in contributions.items()}
    most, least = max(moves, key=moves.__getitem__), min(moves, key=moves.__getitem__)
    if moves[most] >= LEAST_MOVE:
        why = f"{_phrase(most)} spoke most for {emotion}, adding {_points(moves[most])}"
    else:
        why = f"no single kind of evidence spoke much for {emotion}"
    if moves[least] <= -LEAST_MOVE:
        why += f", while {_phrase(least)} spoke most against it, taking {_points(moves[least])}"
    spots = [
        f"{kind} {int(np.argmax(shares)) + 1} of {len(shares)}"
        for kind, shares in (("frame", frames), ("audio window", windows))
        if shares is not None and max(shares) * len(shares) >= LEAST_FOCUS
    ]
    if spots:
        why += f"; the classifier looked most at {' and '.join(spots)}"
    return f"{why[0].upper()}{why[1:]}."


def _phrase(name: str) -> str:
    return PHRASES.get(name, name)


def _points(change: float) -> str:
    count = round(abs(change) * 100)
    return f"{count} percentage point" + ("" if count == 1 else "s")
