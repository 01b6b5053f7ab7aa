"""Batches as large as memory allows, and smaller ones when it runs out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vemoclap.engines.memory import free_bytes

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Of the free memory, how much a batch may take: pieces of it are too small to use, and another
# engine may run meanwhile.
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Appetite:
    """What a call to an engine's network takes, besides the weights."""

    # Bytes that each item of a batch adds at the peak, in single precision. In half precision, on
    # a GPU, it is about half; the libraries' workspaces there take some of the rest.
    bytes_per_item: int
    most: int  # items of a batch above which a call is no faster


def batch_size(appetite: Appetite, device: str) -> int:
    """Return how many items go into one call now: at least one, at most ``appetite.most``."""
    room = SHARE * free_bytes(device)
    return max(1, min(appetite.most, int(room / appetite.bytes_per_item)))


def in_batches(
    call: Callable[[Sequence[Item]], Sequence[Answer]],
    items: Sequence[Item],
    appetite: Appetite,
    device: str,
) -> list[Answer]:
    """Return ``call``'s answers for all ``items``, asked batch by batch, as memory allows.

    When the GPU runs out of memory the batch is halved and tried again, and later batches stay
    at the smaller size.

    Raises:
        torch.OutOfMemoryError: one item alone is too much.
    """
    import torch

    size = batch_size(appetite, device) if items else 1
    answers: list[Answer] = []
    while len(answers) < len(items):
        batch = items[len(answers) : len(answers) + size]
        done: Sequence[Answer] | None = None
        try:
            done = call(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
        # Outside the except block, whose traceback would keep the failed batch's tensors alive.
        if done is None:
            torch.cuda.empty_cache()
            size = len(batch) // 2
        else:
            answers.extend(done)
    return answers
