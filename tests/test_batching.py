"""Batches fit the free memory, shrink when it runs out, and keep every answer in order."""

from collections.abc import Callable, Sequence
from importlib import import_module

import pytest
import torch

from vemoclap.engines import batching
from vemoclap.engines.batching import Appetite, batch_size, in_batches

MB = 10**6
ENGINES = ("beats", "clip", "mtcnn", "nllb", "t5_spell", "vit_expression", "xlm_r", "yolo_face")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets how many bytes are free on every device."""

    def let(free: int) -> None:
        monkeypatch.setattr(batching, "free_bytes", lambda device: free)

    return let


@pytest.fixture
def roomy(memory: Callable[[int], None]) -> None:
    memory(10**12)


def three(call: Callable[[Sequence[int]], Sequence[int]], items: Sequence[int], most: int):
    return in_batches(call, items, Appetite(1, most), "cpu")


@pytest.mark.parametrize(
    ("free", "size"), [(0, 1), (19 * MB, 1), (40 * MB, 2), (99 * MB, 4), (160 * MB, 8), (10**12, 8)]
)
def test_a_batch_takes_half_of_what_is_free(free: int, size: int, memory: Callable):
    memory(free)
    assert batch_size(Appetite(10 * MB, most=8), "cpu") == size


def test_the_memory_that_counts_is_that_of_the_device(monkeypatch: pytest.MonkeyPatch):
    free = {"cpu": 100 * MB, "cuda:1": 40 * MB}
    monkeypatch.setattr(batching, "free_bytes", free.__getitem__)
    assert batch_size(Appetite(10 * MB, most=8), "cpu") == 5
    assert batch_size(Appetite(10 * MB, most=8), "cuda:1") == 2


def test_little_memory_gives_small_batches_and_the_same_answers(memory: Callable):
    sizes = []

    def double(batch: Sequence[int]) -> list[int]:
        sizes.append(len(batch))
        return [2 * item for item in batch]

    for free, wanted in ((60 * MB, [3, 3, 1]), (0, [1] * 7), (10**12, [7])):
        memory(free)
        sizes.clear()
        answers = in_batches(double, range(7), Appetite(10 * MB, most=64), "cpu")
        assert answers == [0, 2, 4, 6, 8, 10, 12]
        assert sizes == wanted


@pytest.mark.usefixtures("roomy")
def test_asks_at_most_the_upper_bound_and_keeps_the_order():
    sizes = []

    def double(batch: Sequence[int]) -> list[int]:
        sizes.append(len(batch))
        return [2 * item for item in batch]

    assert three(double, range(7), 3) == [0, 2, 4, 6, 8, 10, 12]
    assert sizes == [3, 3, 1]


@pytest.mark.usefixtures("roomy")
def test_halves_on_out_of_memory_and_stays_small():
    sizes = []

    def limited(batch: Sequence[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return list(batch)

    assert three(limited, range(6), 8) == [0, 1, 2, 3, 4, 5]
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1]


@pytest.mark.usefixtures("roomy")
def test_gives_up_when_one_item_is_too_much():
    def hopeless(batch: Sequence[int]) -> list[int]:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        three(hopeless, [1, 2, 3], 2)


def test_nothing_to_ask_asks_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batching, "free_bytes", None)
    assert three(list, [], 4) == []


@pytest.mark.parametrize("name", ENGINES)
def test_a_whole_video_fits_one_call_of_each_engine_in_8_gb(name: str, memory: Callable):
    memory(8 * 10**9)
    appetite = import_module(f"vemoclap.engines.{name}").APPETITE
    assert batch_size(appetite, "cpu") >= (4 if name == "mtcnn" else 14)
    memory(10**9)
    assert batch_size(appetite, "cpu") * appetite.bytes_per_item < 10**9
