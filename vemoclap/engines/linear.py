"""Linear layers on a CPU, with weights in the order in which its products read them.

torch's product puts the weight in that order anew each time, or, for a few rows, reads it at a
third of the speed of the memory. Where texts are written together, every step multiplies a few
rows by every weight, so that four texts should cost little more than one; they do so only with
weights that were put in order once. The numbers are the same up to rounding.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def prepare(network: "nn.Module", turned: tuple[type, ...] = ()) -> None:
    """Put the weights of all linear layers of ``network`` in order; only for inference on a CPU.

    A layer then also takes numbers of another type than its weights, and answers in theirs: with
    weights in 16 bits what lies between the layers, where rounding does more harm, can stay in 32.
    The weights as they were are given up, but for those that another part of the network uses.

    Args:
        network: what is prepared.
        turned: other layers that are linear, whose weights are (inputs, outputs).

    Raises:
        TypeError: the network has a part that looks at weights itself.
    """
    import torch
    from torch import nn

    if any(isinstance(part, nn.MultiheadAttention) for part in network.modules()):
        raise TypeError("torch's attention takes the weights of its layers, not their products.")
    kinds = (nn.Linear, *turned)
    layers: list[Any] = [
        part
        for part in network.modules()
        if isinstance(part, kinds) and not isinstance(part.forward, _Product)
    ]
    for layer in layers:
        weight = layer.weight.detach()
        if isinstance(layer, turned):
            weight = weight.T
        layer.forward = product = _Product(weight.contiguous(), layer.bias)
        if product.ordered:  # of the same type, which libraries look at
            layer.weight = nn.Parameter(torch.empty(0, dtype=weight.dtype), False)


class _Product:
    """The forward pass of a linear layer."""

    def __init__(self, weight: "Tensor", bias: "Tensor | None") -> None:
        import torch

        self._kind, self._outputs = weight.dtype, len(weight)
        self.ordered = _can_order(weight.dtype)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self.ordered else weight
        self._bias = None if bias is None else bias.contiguous()  # its steps are not looked at

    def __call__(self, x: "Tensor") -> "Tensor":
        import torch
        from torch.nn.functional import linear

        rows = x.to(self._kind)
        if not self.ordered:
            found = linear(rows, self._weight, self._bias)
        elif not rows.numel():
            found = rows.new_empty(*rows.shape[:-1], self._outputs)
        else:
            found = torch.ops.mkldnn._linear_pointwise(
                rows, self._weight, self._bias, "none", [], ""
            )
        return found.to(x.dtype)


@cache
def _can_order(kind: "torch.dtype") -> bool:
    """Return whether torch has these products, which its compiler uses and which are not public."""
    import torch
    from torch.nn.functional import linear

    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    weight = torch.arange(32.0).reshape(8, 4).to(kind)
    rows, bias = weight[:3] - 5, weight[:, 0].contiguous()
    try:
        ordered = torch.ops.mkldnn._reorder_linear_weight(weight)
        found = torch.ops.mkldnn._linear_pointwise(rows, ordered, bias, "none", [], "")
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return torch.allclose(found.float(), linear(rows, weight, bias).float(), rtol=0.02)
