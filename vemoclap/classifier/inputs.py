"""Features -> the tensors that the classifier is fed.

The one place where what is absent becomes zeros.
"""

from typing import TYPE_CHECKING

import numpy as np

from vemoclap.errors import EngineError
from vemoclap.media.sampling import equidistant
from vemoclap.records import Feature, Features, Floats

if TYPE_CHECKING:
    from torch import Tensor

    from vemoclap.classifier.model import Config, FeatureSpec


def assemble(features: Features, config: "Config") -> "tuple[dict[str, Tensor], dict[str, Tensor]]":
    """Return feature -> (1, length, dim) and feature -> (1, length), False where padded.

    Values are scaled by the minimum and maximum of training. Of too many rows equidistant ones
    are kept; too few are followed by zeros, which are not scaled, so that what is absent is all
    zeros.

    Raises:
        EngineError: a feature is lacking, or it is not what the classifier was trained on.
    """
    import torch

    values, present = {}, {}
    for name, spec in config.features.items():
        rows = _rows(features.by_name.get(name), name, spec)  # (T, dim), T <= length
        padded = np.zeros((spec.length, spec.dim), np.float32)
        padded[: len(rows)] = rows
        values[name] = torch.from_numpy(padded)[None]
        present[name] = (torch.arange(spec.length) < len(rows))[None]
    return values, present


def _rows(feature: Feature | None, name: str, spec: "FeatureSpec") -> Floats:
    """Return the scaled rows of a feature, none where it is absent."""
    if feature is None:
        raise EngineError(f"The classifier needs the feature {name}, which was not extracted.")
    if feature.values is None:
        return np.empty((0, spec.dim), np.float32)
    if feature.space != spec.space:
        raise EngineError(
            f"The classifier was trained on {name} of {spec.space}, and this is {feature.space}; "
            "choose the engine it was trained with."
        )
    if feature.values.ndim != 2 or feature.values.shape[1] != spec.dim:
        raise EngineError(
            f"The classifier was trained on {name} of {spec.dim} numbers a row, and this has the "
            f"shape {feature.values.shape}."
        )
    kept = feature.values[list(equidistant(len(feature.values), spec.length))]
    scaled: Floats = ((kept - spec.minimum) / (spec.maximum - spec.minimum)).astype(np.float32)
    return scaled
