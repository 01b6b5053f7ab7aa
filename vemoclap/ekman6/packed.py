"""The classifier on a CPU, without the work that padding causes.

Where padding is masked, padded rows change nothing: here they are left out of every linear layer
instead, a quarter of the work for videos of usual lengths. The answers and gradients are those
of ``Classifier.forward``. Dropout draws its noise from numpy, which takes an eighth of torch's
time on a CPU, where it was a seventh of the whole.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from vemoclap.classifier import Classifier

Drop = Callable[[Tensor], Tensor]
STEPS = 2**16  # dropout rates are rounded to a multiple of 1 / STEPS; 0.5 is exact


def dropout(rate: float, rng: np.random.Generator) -> Drop:
    """Return a dropout layer for training whose noise comes from ``rng``."""
    least = round(rate * STEPS)
    kept = 0.0 if least == STEPS else STEPS / (STEPS - least)

    def drop(rows: Tensor) -> Tensor:
        size = rows.numel()
        noise = rng.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
        scale = torch.from_numpy(np.multiply(noise >= least, np.float32(kept)))
        return rows * scale.view(rows.shape)

    return drop if rate > 0 else _keep


def _keep(rows: Tensor) -> Tensor:
    return rows


def scores(
    model: Classifier,
    values: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    drop: Drop | None = None,
) -> Tensor:
    """Return the scores (B, 6) of a classifier that masks padding, before the softmax.

    Args:
        model: a classifier whose config masks.
        values: feature -> (B, length, dim), normalised and padded.
        present: feature -> (B, length), False where padded.
        drop: the dropout; none unless given.
    """
    config, drop = model.config, drop or _keep
    places = {name: mask.flatten().nonzero()[:, 0] for name, mask in present.items()}  # (R,)
    rows = {  # feature -> (R, d)
        name: drop(encoder(values[name].flatten(0, 1)[places[name]]))
        for name, encoder in model.encoders.items()
    }
    shapes = {name: mask.shape for name, mask in present.items()}  # feature -> (B, length)
    parts = {name: _spread(rows[name], places[name], shapes[name])[:, 0] for name in config.vectors}
    queries, keys, answers = (
        {name: drop(proj(rows[name])) for name, proj in projections.items()}
        for projections in (model.query_proj, model.key_proj, model.value_proj)
    )
    for pair, (asks, gives) in config.pairs.items():
        layer = _attention(model, pair)
        weights, biases = layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3)
        heads = (len(present[asks]), -1, config.heads, config.d_model // config.heads)
        query, key, answer = (  # (B, heads, length, d / heads)
            _spread(linear(found[name], weight, bias), places[name], shapes[name])
            .view(heads)
            .transpose(1, 2)
            for found, name, weight, bias in zip(
                (queries, keys, answers), (asks, gives, gives), weights, biases, strict=True
            )
        )
        anything = present[gives].any(1, keepdim=True)  # (B, 1)
        hidden = (~present[gives] & anything)[:, None, None]  # (B, 1, 1, length of gives)
        likeness = (query / math.sqrt(query.shape[-1])) @ key.transpose(2, 3)
        attention = drop(likeness.masked_fill(hidden, -math.inf).softmax(3))
        awake = present[asks] & anything  # (B, length of asks)
        rows_awake = awake.flatten().nonzero()[:, 0]
        seen = (attention @ answer).transpose(1, 2).flatten(2).flatten(0, 1)[rows_awake]
        seen = drop(model.attn_norms[pair](layer.out_proj(seen)))  # (R awake, d)
        total = _spread(seen, rows_awake, shapes[asks]).sum(1)  # (B, d)
        parts[pair] = total / awake.sum(1, keepdim=True).clamp(min=1)
    fused = torch.cat([parts[name] for name in sorted(parts)], dim=1)  # (B, 8 d)
    found: Tensor = model.cls_mlp(fused.relu()) / config.temperature
    return found


def _attention(model: Classifier, pair: str) -> nn.MultiheadAttention:
    layer = model.attention_layers[pair]
    assert isinstance(layer, nn.MultiheadAttention)  # for the type checker: it is no Tensor
    return layer


def _spread(rows: Tensor, places: Tensor, shape: torch.Size) -> Tensor:
    """Return rows (R, d) at their places in zeros (B, length, d)."""
    empty = rows.new_zeros(shape.numel(), rows.shape[1])
    return empty.index_copy(0, places, rows).view(*shape, -1)
