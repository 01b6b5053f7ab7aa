"""What all commands on one video share: its options, its file, a bar of progress, its results."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vemoclap import console
from vemoclap.errors import UsageError

if TYPE_CHECKING:
    from vemoclap.media import Limits
    from vemoclap.records import Progress

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
    from vemoclap.media import Limits

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
    from vemoclap import sources, weights

    if sources.kind_of(name) is sources.Kind.PATH:
        return Path(name)  # the analyser says what is wrong with it
    folder = weights.home() / "youtube"
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
