"""Batches shrink on out-of-memory and keep every answer in order."""

from collections.abc import Sequence

import pytest
import torch

from vemoclap.engines.batching import in_batches


def test_asks_at_most_the_batch_size_and_keeps_the_order():
    sizes = []

    def double(batch: Sequence[int]) -> list[int]:
        sizes.append(len(batch))
        return [2 * item for item in batch]

    assert in_batches(double, range(7), 3) == [0, 2, 4, 6, 8, 10, 12]
    assert sizes == [3, 3, 1]


def test_halves_on_out_of_memory_and_stays_small():
    sizes = []

    def limited(batch: Sequence[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return list(batch)

    assert in_batches(limited, range(6), 8) == [0, 1, 2, 3, 4, 5]
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1]


def test_gives_up_when_one_item_is_too_much():
    def hopeless(batch: Sequence[int]) -> list[int]:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        in_batches(hopeless, [1, 2, 3], 2)


def test_nothing_to_ask():
    assert in_batches(list, [], 4) == []
