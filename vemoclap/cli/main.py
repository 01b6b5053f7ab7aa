"""The command ``vemoclap``: parse, call, print, and an exit code that tells how it went."""

import argparse
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.cli import app, batch, console, features, mer, models, options, timeline, train
from vemoclap.engines import quiet
from vemoclap.errors import (
    DataError,
    MediaError,
    SourceError,
    UsageError,
    VemoclapError,
    WeightsError,
)
from vemoclap.version import __version__

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser
    from vemoclap.media.clip import Limits
    from vemoclap.records import Analysis

ALL_FINE = 0
SOME_FAILED = 1  # also an internal error
BAD_INPUT = 2  # also bad usage
INTERRUPTED = 130  # what a shell reports for Ctrl-C

_REFUSALS = (DataError, MediaError, SourceError, UsageError, WeightsError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: all fine. 1: some of several videos failed, or an internal error. 2: bad input or usage.

    What libraries say of themselves is not seen, without ``arguments`` to the end of the process.
    """
    parsed = _parser().parse_args(arguments)
    with quiet.silence(for_good=arguments is None):
        try:
            code: int = parsed.run(parsed)
            return code
        except VemoclapError as error:
            return _report(error)
        except KeyboardInterrupt:
            console.complain("Interrupted.")
            return INTERRUPTED
        except BrokenPipeError:
            # The reader of our output went away; keep Python from complaining again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), quiet.stream("stdout").fileno())
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
    options.add_engines(analyze)
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
    options.add_limits(analyze)
    analyze.add_argument(
        "--embed-video",
        type=options.positive,
        metavar="MB",
        help="put a video of up to so many MB into report.html, which else links to the file; "
        "some browsers refuse more than 20",
    )
    analyze.add_argument("--quiet", action="store_true", help="print errors only")
    analyze.set_defaults(run=_analyze)
    batch.add_to(commands)
    models.add_to(commands)
    features.add_to(commands)
    train.add_to(commands)
    mer.add_to(commands)
    timeline.add_to(commands)
    app.add_to(commands)
    return parser


def _analyze(parsed: argparse.Namespace) -> int:
    from vemoclap.analyser import Analyser

    limits = options.limits(parsed)
    analyser = Analyser(
        parsed.preset,
        overrides=options.overrides(parsed.role),
        device=parsed.device,
        limits=limits,
        checkpoint=parsed.checkpoint,
    )
    talkative = not (parsed.quiet or parsed.json)
    if talkative:
        console.say(f"preset: {analyser.preset.name}")
    codes = [_one(path, analyser, limits, parsed, talkative) for path in parsed.paths]
    if len(set(codes)) == 1:
        return codes[0]
    return SOME_FAILED


def _one(
    name: str, analyser: "Analyser", limits: "Limits", parsed: argparse.Namespace, talkative: bool
) -> int:
    """Analyse one video and return its exit code; nothing that goes wrong here stops the rest."""
    try:
        with options.shown(talkative) as progress:
            path = options.file(name, limits, progress)
            analysis = analyser.analyze(path, frame_count=parsed.n, progress=progress)
        _deliver(analysis, path, parsed, talkative)
    except VemoclapError as error:
        return _report(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        if quiet.debugging():
            raise
        console.complain_of_bug(name, error)
        return SOME_FAILED
    return ALL_FINE


def _deliver(analysis: "Analysis", path: Path, parsed: argparse.Namespace, talkative: bool) -> None:
    """Print and write what the user asked for."""
    from vemoclap import report

    several = len(parsed.paths) > 1
    if parsed.json:
        console.answer(report.to_json(analysis, indent=None if several else 2))
        if parsed.out is None:
            return
    folder = options.folder(path, parsed.out, several=several)
    written = report.write(analysis, folder, embed_bytes=int((parsed.embed_video or 0) * 1e6))
    if talkative:
        console.draw(report.summary(analysis))
        console.say(f"Written to {folder}: {', '.join(file.name for file in written)}")


def _report(error: VemoclapError) -> int:
    if quiet.debugging():
        traceback.print_exc()
    console.complain(str(error))
    return BAD_INPUT if isinstance(error, _REFUSALS) else SOME_FAILED
