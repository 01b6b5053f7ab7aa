"""What all commands on one video share: its options, its file, a bar of progress, its results."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vemoclap import files
from vemoclap.cli import console
from vemoclap.errors import UsageError

if TYPE_CHECKING:
    from vemoclap.media.clip import Limits
    from vemoclap.records import Progress
import os

DOCUMENTS = ("analysis.json", "timeline.json")  # tell whose the results in a folder are


def add_engines(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose models."""
    parser.add_argument(
        "--preset",
        default="auto",
        choices=("auto", "paper", "fast", "embedded"),
        help="which models; auto (default) takes the best that is complete here",
    )
    parser.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ROLE=ENGINE",
        help="use another engine for a role; ROLE=none leaves it out; repeatable",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where models run and what is refused."""
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--max-hours", type=positive, default=4.0, metavar="H", help="refuse longer videos (4)"
    )
    parser.add_argument(
        "--max-gib", type=positive, default=2.0, metavar="G", help="refuse larger files (2)"
    )


def add_spans(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a timeline is cut."""
    parser.add_argument(
        "--by",
        default="utterance",
        choices=("utterance", "window"),
        help="cut timelines at pauses of speech (default), or by a sliding window",
    )
    parser.add_argument(
        "--length",
        type=positive,
        default=10.0,
        metavar="S",
        help="seconds that a window lasts (10)",
    )
    parser.add_argument(
        "--step",
        type=positive,
        metavar="S",
        help="seconds from one window to the next (half its length)",
    )


def limits(parsed: argparse.Namespace) -> "Limits":
    """Return what the options of ``add_limits`` say."""
    from vemoclap.media.clip import Limits

    return Limits(max_duration_s=parsed.max_hours * 3600, max_bytes=int(parsed.max_gib * 2**30))


def positive(text: str) -> float:
    """Return a number that is more than 0, for argparse."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("it must be more than 0")
    return value


def overrides(pairs: Sequence[str]) -> dict[str, str]:
    """Return role -> engine from ROLE=ENGINE.

    Raises:
        UsageError: one is written otherwise.
    """
    chosen = {}
    for pair in pairs:
        role, equals, engine = pair.partition("=")
        if not (role and equals and engine):
            raise UsageError(f"--role takes ROLE=ENGINE, such as ocr=none, not {pair!r}.")
        chosen[role] = engine
    return chosen


def file(name: str, limits: "Limits", progress: "Progress | None") -> Path:
    """Return the file that an argument names, after its download if it is a link."""
    from vemoclap.media import sources
    from vemoclap.weights import cache

    if sources.kind_of(name) is sources.Kind.PATH:
        return Path(name)  # the analyser says what is wrong with it
    folder = cache.home() / "youtube"
    return sources.find(name, folder, limits=limits, progress=progress).path


@contextmanager
def shown(talkative: bool) -> "Iterator[Progress | None]":
    """Give what shows progress as a bar, if somebody is there to see one."""
    if not (talkative and console.watched()):
        yield None
        return
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with console.bars(*columns, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        yield show


def folder(path: Path, out: Path | None, *, several: bool = False) -> Path:
    """Return the folder for a video's results; never one that holds another video's.

    Args:
        path: the video.
        out: the folder that the user asked for.
        several: whether other videos share ``out``.
    """
    if out is not None and not several:
        return out
    base = out if out is not None else Path("results")
    name = "".join(c if c.isprintable() else "_" for c in path.stem).strip(". ") or "video"
    name = name.encode()[:200].decode(errors="ignore")  # room for a suffix within 255 bytes
    number = 1
    while True:
        place = base / (name if number == 1 else f"{name}-{number}")
        if all(_free_for(path, place / document) for document in DOCUMENTS):
            return place
        number += 1


def _free_for(path: Path, document: Path) -> bool:
    try:
        previous: dict[str, Any] = json.loads(document.read_text("utf-8"))
        owner = str(previous["media"]["path"])
    except FileNotFoundError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not ours to overwrite
    return owner == str(path.resolve())


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
    advice = "free some space or choose another folder"
    with files.explain_os_errors(folder, "cannot be used", advice, inside=True):
        yield


def device(asked: str) -> str:
    """Return "cpu" or "cuda" for what was asked; raise ``UsageError`` where there is no GPU."""
    import torch

    if asked == "cuda" and not torch.cuda.is_available():
        raise UsageError("There is no CUDA GPU that torch can use here; use --device cpu.")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"
