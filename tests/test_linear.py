"""A linear layer whose weights were put in order gives the numbers that it gave before."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from vemoclap.engines import linear

INPUTS, OUTPUTS = 48, 80

# What networks hand to their layers, which is not always one block of memory.
SHAPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda x: x[:0],
    "none of a batch": lambda x: x[:0].reshape(0, 3, INPUTS),
    "one": lambda x: x[0],
    "one row": lambda x: x[:1],
    "four rows": lambda x: x[:4],
    "many rows": lambda x: x,
    "batch": lambda x: x.reshape(2, 4, 25, INPUTS),
    "turned": lambda x: x.reshape(INPUTS, -1).T,
    "batch last": lambda x: x.reshape(10, 20, INPUTS).transpose(0, 1),
    "every other row": lambda x: x[::2],
    "every other number": lambda x: torch.cat([x, x], dim=1)[:, ::2],
    "first of each": lambda x: x.reshape(10, 20, INPUTS)[:, 0],
    "one for all": lambda x: x[:1].expand(5, INPUTS),
}


def rows() -> torch.Tensor:
    return torch.randn(200, INPUTS, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_the_numbers_stay_the_same(shape: str, bias: bool):
    layer = nn.Linear(INPUTS, OUTPUTS, bias=bias)
    x = SHAPES[shape](rows())
    with torch.inference_mode():
        expected = layer(x)
        linear.prepare(layer)
        torch.testing.assert_close(layer(x), expected)


def test_a_bias_that_is_part_of_something_else_is_read_right():
    layer = nn.Linear(INPUTS, OUTPUTS)
    layer.bias = nn.Parameter(torch.randn(OUTPUTS, 3)[:, 1], False)
    assert not layer.bias.is_contiguous()
    with torch.inference_mode():
        expected = layer(rows())
        linear.prepare(layer)
        torch.testing.assert_close(layer(rows()), expected)


def test_a_layer_whose_weights_are_turned():
    network = nn.Sequential(Conv1D(OUTPUTS, INPUTS))
    nn.init.normal_(network[0].bias)
    with torch.inference_mode():
        expected = network(rows())
        linear.prepare(network, (Conv1D,))
        assert isinstance(network[0].forward, linear._Product)
        torch.testing.assert_close(network(rows()), expected)


def test_weights_in_16_bits_take_and_give_numbers_in_32():
    exact = nn.Linear(INPUTS, OUTPUTS)
    layer = nn.Linear(INPUTS, OUTPUTS)
    layer.load_state_dict(exact.state_dict())
    layer.to(torch.bfloat16)
    linear.prepare(layer)
    with torch.inference_mode():
        found, expected = layer(rows()), exact(rows())
    assert found.dtype is torch.float32
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)


def test_every_linear_layer_is_reached_and_no_other():
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)))
    linear.prepare(network)
    reached = [isinstance(module.forward, linear._Product) for module in network.modules()]
    assert reached == [False, True, False, False, True]


def test_a_second_time_changes_nothing():
    layer = nn.Linear(INPUTS, OUTPUTS)
    linear.prepare(layer)
    expected = layer(rows())
    linear.prepare(layer)
    assert torch.equal(layer(rows()), expected)


def test_a_part_that_looks_at_weights_itself_is_refused():
    with pytest.raises(TypeError, match="attention"):
        linear.prepare(nn.Sequential(nn.MultiheadAttention(8, 2)))


def test_weights_are_held_once_but_those_that_two_parts_share():
    words = nn.Embedding(10, 4)
    network = nn.ModuleList([words, nn.Linear(4, 4), nn.Linear(4, 10, bias=False)])
    network[2].weight = words.weight
    linear.prepare(network)
    assert words.weight.shape == (10, 4)
    if linear._can_order(torch.float32):
        assert not network[1].weight.numel()
        assert not network[2].weight.numel()


def test_where_torch_lacks_the_products_the_layers_stay_the_librarys_own(monkeypatch):
    monkeypatch.setattr(linear, "_can_order", lambda kind: False)
    layer = nn.Linear(INPUTS, OUTPUTS)
    expected = layer(rows())
    linear.prepare(layer)
    assert layer.weight.shape == (OUTPUTS, INPUTS)
    assert torch.equal(layer(rows()), expected)
    narrow = nn.Linear(INPUTS, OUTPUTS).to(torch.bfloat16)
    linear.prepare(narrow)
    assert narrow(rows()).dtype is torch.float32


def test_products_that_are_wrong_are_not_used(monkeypatch):
    """The products are not public, and a later torch may change what they mean."""
    order = torch.ops.mkldnn._reorder_linear_weight

    class Changed:
        def _reorder_linear_weight(self, weight: torch.Tensor) -> torch.Tensor:
            return order(weight + 1)

        _linear_pointwise = torch.ops.mkldnn._linear_pointwise

    class Gone:
        pass

    for there, expected in ((torch.ops.mkldnn, True), (Changed(), False), (Gone(), False)):
        linear._can_order.cache_clear()
        monkeypatch.setattr(torch.ops, "mkldnn", there)
        assert linear._can_order(torch.float32) is (
            expected and torch.backends.mkldnn.is_available()
        )
    linear._can_order.cache_clear()
