"""The command ``vemoclap timeline``: the emotion of a video over time."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.cli import console
from vemoclap.cli import options as cli_options
from vemoclap.engines import quiet
from vemoclap.errors import UsageError, VemoclapError

if TYPE_CHECKING:
    from vemoclap.records import EngineUse
    from vemoclap.timeline.records import Moment, SpanClassifier, Timeline

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
FAILED = 1
WORDS_SHOWN = 60  # characters of what is said in a span


def add_to(commands: "Commands") -> None:
    """Add the command to the parser of ``vemoclap``."""
    timeline = commands.add_parser(
        "timeline",
        help="the emotion of a video over time",
        description="Judge a video span by span, by utterance or by a window that slides over it. "
        "A run that was killed goes on where it was when it is given again.",
        epilog="Exit code: 0 all fine, 1 it failed, 2 bad input or usage.",
    )
    timeline.add_argument(
        "path", metavar="VIDEO", help="a file, a sample (sample:launch) or a link to YouTube"
    )
    cli_options.add_spans(timeline)
    cli_options.add_engines(timeline)
    timeline.add_argument(
        "--n", type=int, metavar="N", help="frames to look at in each span (8; those of mer: 5)"
    )
    timeline.add_argument(
        "--model",
        default="preset",
        choices=("preset", "mer"),
        help="who judges: the preset's emotion engine (default), or a model of `vemoclap mer "
        "train`, which needs --checkpoint",
    )
    timeline.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="judge with this trained model"
    )
    timeline.add_argument(
        "--out", type=Path, metavar="DIR", help="where results go (default results/NAME)"
    )
    timeline.add_argument(
        "--json",
        action="store_true",
        help="print the JSON and nothing else; files are written only if --out is given",
    )
    cli_options.add_limits(timeline)
    timeline.add_argument(
        "--embed-video",
        type=cli_options.positive,
        metavar="MB",
        help="put a video of up to so many MB into timeline.html, which else links to the file",
    )
    timeline.add_argument("--quiet", action="store_true", help="print errors only")
    timeline.set_defaults(run=_timeline)


def _timeline(parsed: argparse.Namespace) -> int:
    try:
        return _follow(parsed)
    except (VemoclapError, BrokenPipeError):
        raise
    except Exception as error:
        if quiet.debugging():
            raise
        console.complain_of_bug(parsed.path, error)
        return FAILED


def _follow(parsed: argparse.Namespace) -> int:
    from vemoclap.timeline import spans as choices
    from vemoclap.timeline.api import analyser_for
    from vemoclap.timeline.run import Run

    limits = cli_options.limits(parsed)
    options = choices.Options(
        by=parsed.by,
        length_s=parsed.length,
        step_s=parsed.length / 2 if parsed.step is None else parsed.step,
        frame_count=choices.FRAMES if parsed.n is None else parsed.n,
    )
    judge = _judge(parsed)
    analyser = analyser_for(
        judge,
        parsed.preset,
        overrides=cli_options.overrides(parsed.role),
        device=parsed.device,
        limits=limits,
        checkpoint=None if judge else parsed.checkpoint,
    )
    talkative = not (parsed.quiet or parsed.json)
    with cli_options.shown(talkative) as progress:
        path = cli_options.file(parsed.path, limits, progress)
        folder = None
        if parsed.out is not None or not parsed.json:
            folder = cli_options.folder(path, parsed.out)
        going = Run(path, options, analyser, judge=judge, folder=folder, progress=progress)
        if talkative:
            console.say(f"preset: {analyser.preset.name}{', judged by mer' if judge else ''}")
        for moment in going:
            if talkative:
                console.say(_line(moment, going.labels))
        timeline = going.result()
    _deliver(timeline, folder, parsed, talkative)
    going.forget()
    return ALL_FINE


def _judge(parsed: argparse.Namespace) -> "SpanClassifier | None":
    if parsed.model == "preset":
        return None
    if parsed.checkpoint is None:
        raise UsageError("--model mer needs the folder of a trained model: --checkpoint DIR.")
    if parsed.n is not None:
        raise UsageError("--n is the preset's; a model of mer looks at as many as it was made for.")
    from vemoclap.analyser import resolve_device
    from vemoclap.mer import span_model as judge

    return judge.load(parsed.checkpoint, resolve_device(parsed.device))


def _line(moment: "Moment", labels: tuple[str, ...]) -> str:
    """Return a span on one line: when, what kind, the strongest emotion, the words."""
    from vemoclap.report import wording

    span = moment.span
    when = f"{_clock(span.start_s)}–{_clock(span.end_s)}"
    if moment.probabilities is None:
        answer = wording.why(moment.status)
    else:
        best = max(range(len(labels)), key=moment.probabilities.__getitem__)
        answer = f"{labels[best]:<9} {wording.percent(moment.probabilities[best]):>5}"
    words = wording.clean(moment.words or "")
    if len(words) > WORDS_SHOWN:
        words = f"{words[: WORDS_SHOWN - 1].rstrip()}…"
    return f"{when}  {moment.kind.value:<7}  {answer}" + (f"  “{words}”" if words else "")


def _clock(time_s: float) -> str:
    """Return a time with tenths of a second: 1:05.3."""
    minutes, tenths = divmod(round(time_s * 10), 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{tenths // 10:02}.{tenths % 10}"
    return f"{hours}:{text}" if hours else text


def _deliver(
    timeline: "Timeline", folder: Path | None, parsed: argparse.Namespace, talkative: bool
) -> None:
    """Print and write what the user asked for."""
    from vemoclap.report import timeline_files

    if parsed.json:
        console.answer(timeline_files.to_json(timeline))
    if folder is None:
        return
    written = timeline_files.write(
        timeline, folder, embed_bytes=int((parsed.embed_video or 0) * 1e6)
    )
    if talkative:
        console.say("\n".join(_ending(timeline)))
        console.say(f"Written to {folder}: {', '.join(file.name for file in written)}")


def _ending(timeline: "Timeline") -> list[str]:
    """Return the mean of all spans, beside the usual answer, and what is to be known of both."""
    from vemoclap.report import wording

    lines = [""]
    mean, whole = timeline.mean, timeline.whole
    if mean is None:
        lines.append("No span could be judged.")
    else:
        lines.append(_heading(timeline))
        for index in sorted(range(len(mean)), key=lambda k: -mean[k]):
            line = f"{timeline.labels[index]:>9} {wording.percent(mean[index]):>5}"
            if whole is not None:
                line += f"   {wording.percent(whole.probabilities[index]):>5}"
            lines.append(line)
        lines.append(wording.clean(timeline.note))
    lines.append(f"engines: {', '.join(map(_engine, filter(_filled, timeline.engines)))}")
    lines += [f"! {wording.clean(text)}" for text in timeline.warnings]
    return [*lines, wording.INTENDED_USE]


def _heading(timeline: "Timeline") -> str:
    count = len(timeline.moments)
    what = f"mean over {count} span{'' if count == 1 else 's'} by their length"
    if timeline.whole is not None:
        what += ", and the whole video at once"
    kind = "" if timeline.trained else " (untrained estimate)"
    return f"emotion, by {timeline.model}{kind}: {what}"


def _filled(use: "EngineUse") -> bool:
    return use.engine is not None


def _engine(use: "EngineUse") -> str:
    return f"{use.role}: {use.engine}"
