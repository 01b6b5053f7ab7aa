"""The quick product of a few rows is the same product."""

import pytest
import torch
from torch import nn

from vemoclap.engines import few_rows


@pytest.mark.parametrize("rows", [0, 1, 2, few_rows.MOST, few_rows.MOST + 1])
@pytest.mark.parametrize("bias", [True, False])
def test_the_numbers_stay_the_same(rows: int, bias: bool):
    torch.manual_seed(0)
    layer = nn.Linear(48, 80, bias=bias)
    x = torch.randn(rows, 48)
    expected = layer(x)
    few_rows.hasten(layer)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(x.view(rows, 1, 48)), expected.view(rows, 1, 80))


def test_every_linear_layer_is_reached_and_no_other():
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)))
    few_rows.hasten(network)
    quick = [isinstance(module.forward, few_rows._Quick) for module in network.modules()]
    assert quick == [False, True, False, False, True]


def test_weights_that_change_later_count():
    layer = nn.Linear(4, 4, bias=False)
    few_rows.hasten(layer)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4))
    x = torch.randn(3, 4)
    torch.testing.assert_close(layer(x), x)
