"""What the commands that train and judge models share: options, devices, errors, tables."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vemoclap.cli_video import positive
from vemoclap.errors import DataError, UsageError

LOOK_S = 0.3
BUSY_PERCENT = 25.0  # of all processors; on two of them, half of one at other work

__all__ = [
    "add_device",
    "count",
    "device",
    "positive",
    "share",
    "share_the_processor",
    "writing",
]


def share_the_processor() -> None:
    """Make threads that wait for others soon sleep, not spin; only before torch is imported.

    They spin for milliseconds otherwise, and where other programs run beside a training it takes
    several times as long. Where none do, spinning ten times longer gains a seventh. (GNU's
    OpenMP, which torch uses on Linux; others ignore it.)
    """
    import psutil

    busy = psutil.cpu_percent(interval=LOOK_S) > BUSY_PERCENT
    os.environ.setdefault("GOMP_SPINCOUNT", "1000" if busy else "10000")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where models run."""
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))


def count(text: str) -> int:
    """Return a number that is 1 or more, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return value


def share(text: str) -> float:
    """Return a number that is at least 0 and less than 1, for argparse."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("it must be at least 0 and less than 1")
    return value


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses within into a plain error."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or folder} cannot be used ({error.strerror or error}); free some "
            "space or choose another folder."
        ) from error


def device(asked: str) -> str:
    """Return "cpu" or "cuda" for what was asked; raise ``UsageError`` where there is no GPU."""
    import torch

    if asked == "cuda" and not torch.cuda.is_available():
        raise UsageError("There is no CUDA GPU that torch can use here; use --device cpu.")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"
