"""Batches that shrink when memory runs out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_batches(
    call: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item], batch_size: int
) -> list[Answer]:
    """Return ``call``'s answers for all ``items``, asked at most ``batch_size`` at a time.

    When the GPU runs out of memory the batch is halved and tried again, and later batches stay
    at the smaller size.

    Raises:
        torch.OutOfMemoryError: one item alone is too much.
    """
    import torch

    answers: list[Answer] = []
    while len(answers) < len(items):
        batch = items[len(answers) : len(answers) + batch_size]
        done: Sequence[Answer] | None = None
        try:
            done = call(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
        # Outside the except block, whose traceback would keep the failed batch's tensors alive.
        if done is None:
            torch.cuda.empty_cache()
            batch_size = len(batch) // 2
        else:
            answers.extend(done)
    return answers
