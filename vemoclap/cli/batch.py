"""The command ``vemoclap batch``: thousands of videos, on one machine or several."""

import argparse
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.cli import console
from vemoclap.cli import options as cli_options
from vemoclap.errors import UsageError

if TYPE_CHECKING:
    from vemoclap.batch.records import Orders
    from vemoclap.batch.run import Engine, Told
    from vemoclap.batch.summary import Summary
    from vemoclap.timeline.spans import Options

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
SOME_FAILED = 1


def add_to(commands: "Commands") -> None:
    """Add the command to the parser of ``vemoclap``."""
    batch = commands.add_parser(
        "batch",
        help="read thousands of videos, on one machine or several",
        description="Read many videos. What is done is skipped when the command is run again, "
        "so a batch that was cut off goes on where it stopped.",
        epilog="Exit code: 0 all fine, 1 some failed or were refused, or the batch could not go "
        "on, 2 bad input or usage.",
    )
    batch.add_argument(
        "places",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="videos, folders of them, or a CSV with a column path (and label, split)",
    )
    batch.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results go")
    batch.add_argument(
        "--what",
        default="analysis",
        choices=("analysis", "features", "timeline"),
        help="a report of each video (default), a feature store for `vemoclap train`, or a report "
        "of each video over time",
    )
    batch.add_argument(
        "--engine",
        default="local",
        choices=("local", "ray"),
        help="this machine (default), or Ray on one or several (needs vemoclap[ray])",
    )
    batch.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the head of a Ray cluster; without it Ray runs on this machine only",
    )
    batch.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="each with its own models (1)"
    )
    batch.add_argument(
        "--retry-failed", action="store_true", help="try again what failed or was refused"
    )
    batch.add_argument(
        "--limit-s",
        type=cli_options.positive,
        default=600.0,
        metavar="S",
        help="time for one video (600)",
    )
    batch.add_argument(
        "--limit-gib",
        type=cli_options.positive,
        metavar="G",
        help="memory of one worker (default: an equal part of what is free)",
    )
    batch.add_argument(
        "--part", type=_part, metavar="K/N", help="only the K-th of N shares, for job arrays"
    )
    cli_options.add_engines(batch)
    batch.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="judge with this trained classifier"
    )
    batch.add_argument(
        "--n",
        type=_frames,
        metavar="N",
        help="frames to look at (16; of each span of a timeline 8)",
    )
    cli_options.add_spans(batch)
    cli_options.add_limits(batch)
    batch.add_argument("--quiet", action="store_true", help="print the table at the end only")
    batch.set_defaults(run=_batch)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return value


def _frames(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 512:
        raise argparse.ArgumentTypeError("it must be from 1 to 512")
    return value


def _part(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError("it must be like 3/8, the third of eight")
    return int(number), int(count)


def _batch(parsed: argparse.Namespace) -> int:
    from vemoclap.batch import fingerprint, inputs, run
    from vemoclap.batch.records import What

    engine, timeline = _engine(parsed), _timeline(parsed)
    usual = 16 if timeline is None else timeline.frame_count
    orders = fingerprint.orders(
        parsed.out,
        what=What(parsed.what),
        preset=parsed.preset,
        overrides=cli_options.overrides(parsed.role),
        checkpoint=parsed.checkpoint,
        frame_count=parsed.n or usual,
        timeline=timeline,
        device=parsed.device,
        limits=cli_options.limits(parsed),
        runner=parsed.engine,
        share=parsed.part,
    )
    found = inputs.find(parsed.places)
    if parsed.part:
        found = inputs.part(found, *parsed.part)
    if not parsed.quiet:
        console.say(f"preset: {orders.preset.name}")
    with _shown(parsed.quiet) as tell:
        summary = run.run(
            found,
            orders,
            engine,
            retry_failed=parsed.retry_failed,
            share=parsed.part,
            tell=tell,
            warn=console.complain,
        )
    _conclude(summary, orders)
    return ALL_FINE if summary.all_fine else SOME_FAILED


def _timeline(parsed: argparse.Namespace) -> "Options | None":
    if parsed.what != "timeline":
        return None
    from vemoclap.timeline import spans as options

    step_s = parsed.length / 2 if parsed.step is None else parsed.step
    return options.Options(parsed.by, parsed.length, step_s, parsed.n or options.FRAMES)


def _engine(parsed: argparse.Namespace) -> "Engine":
    from vemoclap.batch import pool
    from vemoclap.batch.pool import Bounds

    most = None if parsed.limit_gib is None else int(parsed.limit_gib * 2**30)
    bounds = Bounds(parsed.limit_s, most)
    if parsed.engine == "ray":
        from vemoclap.batch import ray_backend

        return functools.partial(
            ray_backend.work, workers=parsed.workers, bounds=bounds, address=parsed.address
        )
    if parsed.address:
        raise UsageError("--address is the head of a Ray cluster; give --engine ray too.")
    return functools.partial(pool.work, workers=parsed.workers, bounds=bounds)


# -- progress ---------------------------------------------------------------------------------


@contextmanager
def _shown(quiet: bool) -> "Iterator[Callable[[Told], None]]":
    """Give what shows how far it is: a bar where somebody looks on, else a line per video."""
    if quiet:
        yield lambda told: None
    elif not console.watched():
        yield _line
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with console.bars(*columns, transient=True) as bar:
            task = bar.add_task("starting", total=None)

            def show(told: "Told") -> None:
                words = _pace(told) or "loading models"
                bar.update(task, description=words, completed=told.done, total=told.total)

            yield show


def _line(told: "Told") -> None:
    if told.entry is None:
        console.say(f"{told.total} videos to read, {told.skipped} done before.")
        return
    entry = told.entry
    cause = f": {entry.cause}" if entry.cause else ""
    pace = f" ({_pace(told)})" if told.left_s is not None else ""
    line = f"{told.done}/{told.total} {entry.ending} {entry.name}{cause}{pace}"
    console.say(console.one_line(line))


def _pace(told: "Told") -> str:
    if told.per_minute is None or told.left_s is None:
        return ""
    return f"{told.per_minute:.1f} a minute, {_duration(told.left_s)} left"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


# -- the end ----------------------------------------------------------------------------------


def _conclude(summary: "Summary", orders: "Orders") -> None:
    lines = [(line.ending, str(line.count), line.cause) for line in summary.lines]
    lines.append(("all", str(summary.total), ""))
    first = max(len(line[0]) for line in lines)
    second = max(len(line[1]) for line in lines)
    for ending, count, cause in lines:
        line = f"{ending.ljust(first)}  {count.rjust(second)}  {cause}"
        console.say(console.one_line(line).rstrip())
    console.say(summary.counted)
    skipped = len(summary.entries) - len(summary.fresh)
    console.say(f"{len(summary.fresh)} read in this run, {skipped} done before.")
    console.say(f"Written to {orders.out}: summary.json, index.html.")
