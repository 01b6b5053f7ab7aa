"""The command ``vemoclap``: parse, call, print, and an exit code that tells how it went."""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vemoclap import __version__, cli_app, cli_batch, cli_features, cli_models, cli_train
from vemoclap.errors import (
    DataError,
    MediaError,
    SourceError,
    UsageError,
    VemoclapError,
    WeightsError,
)

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser
    from vemoclap.media import Limits
    from vemoclap.records import Analysis, Progress

ALL_FINE = 0
SOME_FAILED = 1  # also an internal error
BAD_INPUT = 2  # also bad usage
INTERRUPTED = 130  # what a shell reports for Ctrl-C

_REFUSALS = (DataError, MediaError, SourceError, UsageError, WeightsError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: all fine. 1: some of several videos failed, or an internal error. 2: bad input or usage.
    """
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        return code
    except VemoclapError as error:
        return _report(error)
    except KeyboardInterrupt:
        _complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; keep Python from complaining again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vemoclap", description="Reads the emotion of videos and shows the evidence."
    )
    parser.add_argument("--version", action="version", version=f"vemoclap {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    analyze = commands.add_parser(
        "analyze",
        help="analyse videos, each on its own",
        description="Analyse videos, each on its own. Works offline, but for links.",
        epilog="Videos from YouTube stay in $VEMOCLAP_HOME/youtube and are not fetched twice. "
        "Exit code: 0 all fine, 1 some failed, 2 bad input or usage.",
    )
    analyze.add_argument(
        "paths",
        nargs="+",
        metavar="VIDEO",
        help="a file, a sample (sample:launch) or a link to YouTube",
    )
    analyze.add_argument(
        "--preset",
        default="auto",
        choices=("auto", "paper", "fast", "embedded"),
        help="which models; auto (default) takes the best that is complete here",
    )
    analyze.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ROLE=ENGINE",
        help="use another engine for a role; ROLE=none leaves it out; repeatable",
    )
    analyze.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="judge with this trained classifier"
    )
    analyze.add_argument(
        "--n", type=int, default=16, metavar="N", help="frames to look at (default 16)"
    )
    analyze.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where results go (default results/NAME; with several videos DIR/NAME)",
    )
    analyze.add_argument(
        "--json",
        action="store_true",
        help="print the JSON and nothing else, one line per video if there are several; "
        "files are written only if --out is given",
    )
    analyze.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    analyze.add_argument(
        "--max-hours", type=_positive, default=4.0, metavar="H", help="refuse longer videos (4)"
    )
    analyze.add_argument(
        "--max-gib", type=_positive, default=2.0, metavar="G", help="refuse larger files (2)"
    )
    analyze.add_argument(
        "--embed-video",
        type=_positive,
        metavar="MB",
        help="put a video of up to so many MB into report.html, which else links to the file; "
        "some browsers refuse more than 20",
    )
    analyze.add_argument("--quiet", action="store_true", help="print errors only")
    analyze.set_defaults(run=_analyze)
    cli_batch.add_to(commands)
    cli_models.add_to(commands)
    cli_features.add_to(commands)
    cli_train.add_to(commands)
    cli_app.add_to(commands)
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("it must be more than 0")
    return value


def _analyze(parsed: argparse.Namespace) -> int:
    from vemoclap.analyser import Analyser
    from vemoclap.media import Limits

    limits = Limits(max_duration_s=parsed.max_hours * 3600, max_bytes=int(parsed.max_gib * 2**30))
    analyser = Analyser(
        parsed.preset,
        overrides=_overrides(parsed.role),
        device=parsed.device,
        limits=limits,
        checkpoint=parsed.checkpoint,
    )
    talkative = not (parsed.quiet or parsed.json)
    if talkative:
        _print(f"preset: {analyser.preset.name}")
    codes = [_one(path, analyser, limits, parsed, talkative) for path in parsed.paths]
    if len(set(codes)) == 1:
        return codes[0]
    return SOME_FAILED


def _overrides(pairs: Sequence[str]) -> dict[str, str]:
    chosen = {}
    for pair in pairs:
        role, equals, engine = pair.partition("=")
        if not (role and equals and engine):
            raise UsageError(f"--role takes ROLE=ENGINE, such as ocr=none, not {pair!r}.")
        chosen[role] = engine
    return chosen


def _one(
    name: str, analyser: "Analyser", limits: "Limits", parsed: argparse.Namespace, talkative: bool
) -> int:
    """Analyse one video and return its exit code; nothing that goes wrong here stops the rest."""
    try:
        with _shown(talkative) as progress:
            path = _file(name, limits, progress)
            analysis = analyser.analyze(path, frame_count=parsed.n, progress=progress)
        _deliver(analysis, path, parsed, talkative)
    except VemoclapError as error:
        return _report(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        if _debugging():
            raise
        _complain(
            f"{name}: vemoclap itself failed ({type(error).__name__}: {error}); "
            "please report it with the traceback that VEMOCLAP_DEBUG=1 shows."
        )
        return SOME_FAILED
    return ALL_FINE


def _file(name: str, limits: "Limits", progress: "Progress | None") -> Path:
    """Return the file that an argument names, after its download if it is a link."""
    from vemoclap import sources, weights

    if sources.kind_of(name) is sources.Kind.PATH:
        return Path(name)  # the analyser says what is wrong with it
    folder = weights.home() / "youtube"
    return sources.find(name, folder, limits=limits, progress=progress).path


@contextmanager
def _shown(talkative: bool) -> "Iterator[Progress | None]":
    """Give what shows progress as a bar, if somebody is there to see one."""
    if not (talkative and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        yield show


def _deliver(analysis: "Analysis", path: Path, parsed: argparse.Namespace, talkative: bool) -> None:
    """Print and write what the user asked for."""
    from vemoclap import report

    if parsed.json:
        several = len(parsed.paths) > 1
        _print(report.to_json(analysis, indent=None if several else 2))
        if parsed.out is None:
            return
    folder = _folder(path, parsed)
    written = report.write(analysis, folder, embed_bytes=int((parsed.embed_video or 0) * 1e6))
    if talkative:
        from rich.console import Console

        console = Console()
        console.print(report.summary(analysis))
        console.print(
            f"Written to {folder}: {', '.join(file.name for file in written)}", markup=False
        )


def _folder(path: Path, parsed: argparse.Namespace) -> Path:
    """Return the folder for a video's results; never one that holds another video's."""
    if parsed.out is not None and len(parsed.paths) == 1:
        out: Path = parsed.out
        return out
    base: Path = parsed.out if parsed.out is not None else Path("results")
    name = "".join(c if c.isprintable() else "_" for c in path.stem).strip(". ") or "video"
    name = name.encode()[:200].decode(errors="ignore")  # room for a suffix within 255 bytes
    number = 1
    while True:
        folder = base / (name if number == 1 else f"{name}-{number}")
        if _free_for(path, folder):
            return folder
        number += 1


def _free_for(path: Path, folder: Path) -> bool:
    try:
        previous: dict[str, Any] = json.loads((folder / "analysis.json").read_text("utf-8"))
        owner = str(previous["media"]["path"])
    except FileNotFoundError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not ours to overwrite
    return owner == str(path.resolve())


def _report(error: VemoclapError) -> int:
    if _debugging():
        traceback.print_exc()
    _complain(str(error))
    return BAD_INPUT if isinstance(error, _REFUSALS) else SOME_FAILED


def _debugging() -> bool:
    return os.environ.get("VEMOCLAP_DEBUG") == "1"


def _print(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> None:
    printable = "".join(c if c.isprintable() or c == " " else repr(c)[1:-1] for c in text)
    print(printable, file=sys.stderr, flush=True)
