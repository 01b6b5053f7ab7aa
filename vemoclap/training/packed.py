"""The classifier on a CPU, without the work that padding causes.

Where padding is masked, padded rows change nothing: here they are left out of every linear layer
instead, a quarter of the work for videos of usual lengths. The answers and gradients are those
of ``Classifier.forward``. Dropout draws its noise from numpy, which takes an eighth of torch's
time on a CPU, where it was a seventh of the whole. In 16 bits the weights are rounded once per
call, and all that lies between two products stays in 16 bits, which autocast would widen.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear, pad

from vemoclap.classifier.model import Classifier

Drop = Callable[[Tensor], Tensor]
GRAIN = 32  # rows
EPSILON = 1e-5  # of torch's layer norms
_BITS = {torch.float32: torch.uint32, torch.bfloat16: torch.uint16}  # numpy has no bfloat16
STEPS = 2**16  # dropout rates are rounded to a multiple of 1 / STEPS; 0.5 is exact


def dropout(rate: float, rng: np.random.Generator) -> Drop:
    """Return a dropout layer for training whose noise comes from ``rng``."""
    least = round(rate * STEPS)
    kept = 0.0 if least == STEPS else STEPS / (STEPS - least)

    def drop(rows: Tensor) -> Tensor:
        size = rows.numel()
        noise = rng.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
        bits = torch.tensor(kept, dtype=rows.dtype).view(_BITS[rows.dtype]).numpy()
        scale = torch.from_numpy(np.multiply(noise >= least, bits)).view(rows.dtype)
        return rows * scale.view(rows.shape)

    return drop if rate > 0 else _keep


def _keep(rows: Tensor) -> Tensor:
    return rows


def scores(
    model: Classifier,
    values: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    drop: Drop | None = None,
    half: torch.dtype | None = None,
) -> Tensor:
    """Return the scores (B, 6) of a classifier that masks padding, before the softmax.

    Args:
        model: a classifier whose config masks.
        values: feature -> (B, length, dim), normalised and padded.
        present: feature -> (B, length), False where padded.
        drop: the dropout; none unless given.
        half: the type to compute in, that of the weights unless given.
    """
    config, drop = model.config, drop or _keep
    weights = {name: value.to(half or value.dtype) for name, value in model.named_parameters()}
    places = {name: _places(mask) for name, mask in present.items()}

    def project(rows: Tensor, layer: str) -> Tensor:
        return linear(rows, weights[f"{layer}.weight"], weights[f"{layer}.bias"])

    def encode(name: str) -> Tensor:
        rows = values[name].flatten(0, 1).index_select(0, places[name].taken)
        return drop(project(rows.to(weights[f"encoders.{name}.weight"].dtype), f"encoders.{name}"))

    rows = {name: encode(name) for name in config.features}  # feature -> (R, d)
    shapes = {name: mask.shape for name, mask in present.items()}  # feature -> (B, length)
    parts = {name: _spread(rows[name], places[name], shapes[name])[:, 0] for name in config.vectors}
    queries, keys, answers = (
        {name: drop(project(rows[name], f"{layers}.{name}")) for name in config.sequences}
        for layers in ("query_proj", "key_proj", "value_proj")
    )
    for pair, (asks, gives) in config.pairs.items():
        layer, norm = f"attention_layers.{pair}", f"attn_norms.{pair}"
        heads = (len(present[asks]), -1, config.heads, config.d_model // config.heads)
        query, key, answer = (  # (B, heads, length, d / heads)
            _spread(linear(found[name], weight, bias), places[name], shapes[name])
            .view(heads)
            .transpose(1, 2)
            for found, name, weight, bias in zip(
                (queries, keys, answers),
                (asks, gives, gives),
                weights[f"{layer}.in_proj_weight"].chunk(3),
                weights[f"{layer}.in_proj_bias"].chunk(3),
                strict=True,
            )
        )
        anything = present[gives].any(1, keepdim=True)  # (B, 1)
        hidden = (~present[gives] & anything)[:, None, None]  # (B, 1, 1, length of gives)
        likeness = (query @ key.transpose(2, 3)) / math.sqrt(query.shape[-1])
        attention = drop(likeness.masked_fill(hidden, -math.inf).softmax(3))
        awake = present[asks] & anything  # (B, length of asks)
        rows_awake = _places(awake).taken
        seen = (attention @ answer).transpose(1, 2).flatten(2).flatten(0, 1)
        seen = project(seen.index_select(0, rows_awake), f"{layer}.out_proj")
        scale, shift = weights[f"{norm}.weight"], weights[f"{norm}.bias"]
        seen = drop(layer_norm(seen, (config.d_model,), scale, shift, EPSILON))  # (R awake, d)
        parts[pair] = _sums(seen, awake) / awake.sum(1, keepdim=True).clamp(min=1)  # (B, d)
    fused = torch.cat([parts[name] for name in sorted(parts)], dim=1)  # (B, 8 d)
    return project(fused.relu(), "cls_mlp.0") / config.temperature


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows that are not padding lie in (B * T).

    There are a few more, up to a multiple of ``GRAIN``, since a product of matrices of a shape
    that was not seen before takes longer. They are copies of the first, and are never read.
    """

    taken: Tensor  # (R,) from where
    given: Tensor  # (R,) to where: what is too many, to behind the end


def _places(mask: Tensor) -> _Places:
    found = mask.flatten().nonzero()[:, 0]
    surplus = -len(found) % GRAIN
    return _Places(pad(found, (0, surplus)), pad(found, (0, surplus), value=mask.numel()))


def _sums(rows: Tensor, awake: Tensor) -> Tensor:
    """Return the sums (B, d) of each video's rows (R, d), which lie where ``awake`` (B, T) is."""
    counts = awake.sum(1)
    ends = counts.cumsum(0)[:, None]  # (B, 1)
    order = torch.arange(len(rows))
    own = (order < ends) & (order >= ends - counts[:, None])  # (B, R)
    return own.to(rows.dtype) @ rows


def _spread(rows: Tensor, places: _Places, shape: torch.Size) -> Tensor:
    """Return rows (R, d) at their places in zeros (B, length, d)."""
    empty = rows.new_zeros(shape.numel() + 1, rows.shape[1])
    return empty.index_copy(0, places.given, rows)[:-1].view(*shape, -1)
