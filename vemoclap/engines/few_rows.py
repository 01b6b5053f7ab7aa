"""Linear layers that are quick on a CPU for a few rows, as texts written together are.

Writing a text reads every weight once for each token, so a batch of four texts should cost little
more than one. torch's product of four rows by a weight takes about as long as four products of
one; written the other way round, weight by rows, it takes a third to two thirds of that.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST = 8  # rows; beyond, torch's own way is as quick


def hasten(network: "nn.Module") -> None:
    """Give every linear layer of ``network`` the quicker product; same numbers up to rounding."""
    from torch import nn

    for module in network.modules():
        if type(module) is nn.Linear:
            module.forward = _Quick(module)  # type: ignore[assignment, method-assign]


class _Quick:
    """The forward pass of a linear layer."""

    def __init__(self, layer: "nn.Linear") -> None:
        self._layer = layer

    def __call__(self, x: "Tensor") -> "Tensor":
        from torch.nn.functional import linear

        weight, bias = self._layer.weight, self._layer.bias  # (outputs, inputs), (outputs,)
        rows = x.reshape(-1, x.shape[-1])  # (r, inputs)
        if not 1 < len(rows) <= MOST:
            return linear(x, weight, bias)
        found = (weight @ rows.T).T  # (r, outputs)
        if bias is not None:
            found = found + bias
        return found.reshape(*x.shape[:-1], -1)
