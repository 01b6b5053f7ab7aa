"""Which tests are quick, in which order files are taken, and how many workers take them.

This is the one place that decides what ``pytest -m quick`` runs: all files but those of ``SECONDS``
and tests marked slow, and a few of those, so that every room of the house is visited.
"""

import os

import psutil
import pytest

WORKER_BYTES = 3 * 2**30  # what a process needs that has loaded every library


def workers(files: int | None = None) -> int:
    """Return how many processes share some files of tests; 0 for none but pytest's own."""
    room = psutil.virtual_memory().available // WORKER_BYTES
    count = min(processors(), room, processors() if files is None else files)
    return count if count > 1 else 0


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_processors() -> None:
    """Have libraries of one of several workers, and what it starts, use its share of threads.

    With more threads than processors those of OpenMP wait for each other most of the time.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if count > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, processors() // count)))


def seconds(file: str) -> float:
    """Return about how long a file of tests takes."""
    return SECONDS.get(file, 0)


def is_quick(item: pytest.Item) -> bool:
    """Return whether a test is of the quick ones."""
    name = item.nodeid.rpartition("/")[2].partition("[")[0]
    return name in QUICK or not (item.path.stem in SECONDS or item.get_closest_marker("slow"))


SECONDS: dict[str, float] = {}
QUICK: set[str] = set()
