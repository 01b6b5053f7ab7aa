"""Linear layers whose weights are in 16 bits, amid numbers in 32.

On a processor that has products of such numbers they take half the time or less, and half the
memory. What lies between them, where rounding does more harm, stays in single precision.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def narrow(network: "nn.Module", kind: "torch.dtype") -> None:
    """Let every linear layer of ``network``, whose weights are of ``kind``, take wider numbers."""
    from torch import nn

    for module in network.modules():
        if isinstance(module, nn.Linear):
            module.forward = _Narrow(module, kind)  # type: ignore[assignment, method-assign]


class _Narrow:
    """The forward pass of a linear layer, which answers in the type that it is given."""

    def __init__(self, layer: "nn.Linear", kind: "torch.dtype") -> None:
        self._layer = layer
        self._kind = kind

    def __call__(self, x: "Tensor") -> "Tensor":
        from torch.nn.functional import linear

        return linear(x.to(self._kind), self._layer.weight, self._layer.bias).to(x.dtype)
