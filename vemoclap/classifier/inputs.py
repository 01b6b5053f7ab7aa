"""What was found -> arrays of one length, as networks are fed.

The one place where what is absent or too short becomes zeros: for analyses, training, the model of
utterances and exports.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vemoclap.errors import EngineError
from vemoclap.media.sampling import equidistant
from vemoclap.records import Feature, Features, Floats

if TYPE_CHECKING:
    from torch import Tensor

    from vemoclap.classifier.model import Config, FeatureSpec

Indices = NDArray[np.int64]


def fixed_length(
    items: "Sequence[NDArray[Any] | None]",
    shape: tuple[int, ...],
    *,
    scale: tuple[float, float] | None = None,
    chosen: Sequence[Indices] | None = None,
    places: Sequence[Indices] | None = None,
    dtype: DTypeLike = np.float32,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return items at one length (N, length, ...), and which rows are real (N, length).

    Of too many rows equidistant ones are kept; too few are followed by zeros, which are not scaled,
    so that what is absent is all zeros.

    Args:
        items: the rows (T, ...) of each, None where absent.
        shape: (length, ...) of each result.
        scale: the minimum and maximum of training, which become 0 and 1.
        chosen: which rows of each to keep, instead of equidistant ones.
        places: where the rows of each stand in the result, unless they stand at its start.
        dtype: of the result.
    """
    values = np.zeros((len(items), *shape), dtype)
    present = np.zeros((len(items), shape[0]), np.bool_)
    for number, rows in enumerate(items):
        if rows is None:
            continue
        kept = rows
        if chosen is not None:
            kept = rows[chosen[number]]
        elif len(rows) > shape[0]:
            kept = rows[list(equidistant(len(rows), shape[0]))]
        if scale is not None:
            kept = (kept - scale[0]) / (scale[1] - scale[0])
        at = slice(len(kept)) if places is None else places[number]
        values[number, at], present[number, at] = kept, True
    return values, present


def tensors(
    items: Sequence[Floats | None],
    spec: "FeatureSpec",
    chosen: Sequence[Indices] | None = None,
) -> "tuple[Tensor, Tensor]":
    """Return one feature of N videos as the classifier sees it: (N, length, dim), (N, length)."""
    import torch

    scale = (spec.minimum, spec.maximum)
    found = fixed_length(items, (spec.length, spec.dim), scale=scale, chosen=chosen)
    return torch.from_numpy(found[0]), torch.from_numpy(found[1])


def assemble(
    videos: Sequence[Features], config: "Config"
) -> "tuple[dict[str, Tensor], dict[str, Tensor]]":
    """Return feature -> (N, length, dim) and feature -> (N, length), False where padded.

    Raises:
        EngineError: a feature is lacking, or it is not what the classifier was trained on.
    """
    values, present = {}, {}
    for name, spec in config.features.items():
        items = [_checked(video.by_name.get(name), name, spec) for video in videos]
        values[name], present[name] = tensors(items, spec)
    return values, present


def _checked(feature: Feature | None, name: str, spec: "FeatureSpec") -> Floats | None:
    """Return the rows of a feature, None where it is absent."""
    if feature is None:
        raise EngineError(f"The classifier needs the feature {name}, which was not extracted.")
    if feature.values is None:
        return None
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
    return feature.values
