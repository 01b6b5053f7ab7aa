"""The commands ``vemoclap train``, ``evaluate`` and ``experiment``."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vemoclap.cli import console, options
from vemoclap.errors import UsageError

if TYPE_CHECKING:
    from vemoclap.training.classifier_task import Epoch, Recipe
    from vemoclap.training.loop import Callbacks, Graded

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
E = TypeVar("E", bound="Graded")


def add_to(commands: "Commands") -> None:
    """Add the three commands to the parser of ``vemoclap``."""
    _add_train(commands)
    _add_evaluate(commands)
    trial = commands.add_parser(
        "experiment",
        help="what each feature, more frames, another fusion or cleaner data change",
        description="Train and compare: a table and a picture, with mean and spread over seeds.",
    )
    parts = trial.add_subparsers(dest="part", required=True, metavar="QUESTION")
    for name, help_text in (
        ("ablation", "features left out one by one, and each alone"),
        ("frames", "1 to 32 rows per sequence"),
        ("fusion", "cross-attention against other ways to make one answer"),
        ("cleaning", "with and without the videos of a blacklist"),
    ):
        part = parts.add_parser(name, help=help_text)
        part.add_argument("folder", type=Path, metavar="DIR", help="a store of features")
        part.add_argument("--out", type=Path, required=True, metavar="DIR")
        _add_training(part, seeds=5)
        part.set_defaults(run=_experiment)
    _add_memory(parts)


def _add_train(commands: "Commands") -> None:
    train = commands.add_parser(
        "train",
        help="train a classifier on features",
        description="Train a classifier on a store of features, by default as the paper did.",
    )
    train.add_argument("folder", type=Path, metavar="DIR", help="a store of features")
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the checkpoint: checkpoints/NAME"
    )
    train.add_argument(
        "--resume", action="store_true", help="go on with a training that was cut off"
    )
    train.add_argument("--tensorboard", type=Path, metavar="DIR", help="write its logs here too")
    train.add_argument("--first-seed", type=int, default=0, metavar="S", help="0 unless given")
    _add_training(train, seeds=1)
    train.set_defaults(run=_train)


def _add_evaluate(commands: "Commands") -> None:
    judge = commands.add_parser(
        "evaluate",
        help="how well a trained classifier does on features",
        description="Judge a trained classifier: tables, confusion, calibration.",
    )
    judge.add_argument(
        "checkpoint", metavar="CHECKPOINT", help="its folder, or `released` for the paper's"
    )
    judge.add_argument("folder", type=Path, metavar="DIR", help="a store of features")
    judge.add_argument("--split", default="test", choices=("train", "val", "test"))
    judge.add_argument(
        "--calibrate",
        action="store_true",
        help="first fit the temperature anew on the validation videos, and store it",
    )
    judge.add_argument(
        "--out", type=Path, metavar="DIR", help="where the files go (CHECKPOINT/evaluation)"
    )
    judge.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options.add_device(judge)
    judge.set_defaults(run=_evaluate)


def _add_memory(parts: "Commands") -> None:
    part = parts.add_parser("memory", help="memory and time of analyses, on generated videos")
    part.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="DIR",
        help="where videos are made, and deleted, up to 2 GB (the system's temporary folder)",
    )
    part.add_argument("--out", type=Path, required=True, metavar="DIR")
    part.add_argument(
        "--preset", default="auto", choices=("auto", "paper", "fast", "embedded"), help="(auto)"
    )
    part.add_argument("--lengths", type=options.count, nargs="+", metavar="S", help="seconds")
    part.add_argument(
        "--heights", type=options.count, nargs="+", metavar="PIXELS", help="of 16:9 frames"
    )
    part.add_argument("--repeats", type=options.count, default=3, metavar="N", help="(3)")
    options.add_device(part)
    part.set_defaults(run=_memory)


def _add_training(parser: argparse.ArgumentParser, seeds: int) -> None:
    """Add the options of a training; what is not given is as in the paper."""
    parser.add_argument("--protocol", default="paper", choices=("paper", "app"))
    parser.add_argument(
        "--blacklist", type=Path, metavar="FILE", help="leave these videos out (app: always some)"
    )
    parser.add_argument(
        "--seeds", type=options.count, default=seeds, metavar="N", help=f"({seeds})"
    )
    parser.add_argument("--epochs", type=options.count, metavar="N", help="at most (100)")
    parser.add_argument("--batch", type=options.count, metavar="N", help="videos (32)")
    parser.add_argument("--lr", type=options.positive, metavar="X", dest="rate", help="(1e-5)")
    parser.add_argument("--dropout", type=options.share, metavar="X", help="(0.5)")
    parser.add_argument(
        "--patience",
        type=options.count,
        metavar="N",
        help="epochs without a better validation (10)",
    )
    parser.add_argument("--n", type=options.count, metavar="N", dest="frames", help="frames (16)")
    parser.add_argument(
        "--d-model", type=options.count, metavar="N", help="width of the network (512)"
    )
    parser.add_argument(
        "--no-mask",
        action="store_false",
        default=None,
        dest="mask",
        help="let padding count as zeros, as in the released classifier",
    )
    parser.add_argument(
        "--precision",
        choices=("mixed", "full"),
        help="mixed: 16-bit products where the device is faster at them; full: always 32 (mixed)",
    )
    options.add_device(parser)


def _recipe(parsed: argparse.Namespace) -> "Recipe":
    from dataclasses import fields

    from vemoclap.training.classifier_task import HEADS, Recipe

    given = {
        one.name: value
        for one in fields(Recipe)
        if (value := getattr(parsed, one.name, None)) is not None
    }
    recipe = Recipe(**given)
    if recipe.d_model % recipe.heads:
        raise UsageError(f"--d-model takes a multiple of {HEADS}, the number of attention heads.")
    return recipe


# -- train ------------------------------------------------------------------------------------


def _train(parsed: argparse.Namespace) -> int:
    options.share_the_processor()
    from vemoclap.training import evaluation_report
    from vemoclap.training import feature_store as stores
    from vemoclap.training import train as training_train

    first = parsed.first_seed
    plan = training_train.Plan(
        recipe=_recipe(parsed),
        protocol=parsed.protocol,
        seeds=tuple(range(first, first + parsed.seeds)),
        blacklist=parsed.blacklist,
        device=options.device(parsed.device),
    )
    store = stores.read(parsed.folder)
    with (
        options.writing(parsed.out),
        _board(parsed.tensorboard) as board,
        shown(plan.recipe.epochs * parsed.seeds, _sentence, board) as callbacks,
    ):
        evaluation = training_train.train(
            store, parsed.out, plan, resume=parsed.resume, callbacks=callbacks
        )
        evaluation_report.write(evaluation, parsed.out / evaluation_report.FOLDER)
    console.markdown(evaluation_report.markdown(evaluation))
    console.say(f"Written to {parsed.out}.")
    return ALL_FINE


@contextmanager
def _board(folder: Path | None) -> "Iterator[Callable[[Epoch], None]]":
    """Give what writes an epoch for TensorBoard, nothing where no folder is named."""
    if folder is None:
        yield lambda epoch: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "TensorBoard is not installed; run `pip install tensorboard`, or leave out "
            "--tensorboard: history.csv has the same numbers."
        ) from error
    writers: dict[int, Any] = {}

    def write(epoch: "Epoch") -> None:
        if epoch.seed not in writers:
            writers[epoch.seed] = SummaryWriter(str(folder / f"seed-{epoch.seed}"))
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            part, _, what = name.partition("_")
            writers[epoch.seed].add_scalar(f"{what}/{part}", getattr(epoch, name), epoch.epoch)

    try:
        yield write
    finally:
        for writer in writers.values():
            writer.close()


@contextmanager
def shown(
    total: int,
    sentence: "Callable[[E], str]",
    also: "Callable[[E], None]" = lambda epoch: None,
) -> "Iterator[Callbacks[E]]":
    """Give what makes a training seen: a bar, or a line per epoch where none can be.

    Args:
        total: epochs, at most.
        sentence: says how an epoch went.
        also: is called with each epoch, too.
    """
    from vemoclap.training.loop import Callbacks

    if not console.watched():

        def line(epoch: "E") -> None:
            also(epoch)
            console.complain(sentence(epoch))

        yield Callbacks(on_epoch=line)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with console.bars(*columns) as bars:
        whole = bars.add_task("epochs, at most", total=total)
        part = bars.add_task("steps of this epoch", total=None)

        def step(epoch: int, done: int, steps: int) -> None:
            bars.update(part, completed=done, total=steps)

        def epoch(one: "E") -> None:
            also(one)
            bars.update(whole, advance=1)
            console.complain(sentence(one))

        yield Callbacks(step, epoch)


def _sentence(epoch: "Epoch") -> str:
    return (
        f"seed {epoch.seed}, epoch {epoch.epoch}: "
        f"training loss {epoch.train_loss:.4f}, accuracy {100 * epoch.train_accuracy:.1f} %; "
        f"validation loss {epoch.val_loss:.4f}, accuracy {100 * epoch.val_accuracy:.1f} %"
    )


# -- evaluate ---------------------------------------------------------------------------------


def _evaluate(parsed: argparse.Namespace) -> int:
    from vemoclap.training import evaluate, evaluation_report
    from vemoclap.training import feature_store as stores
    from vemoclap.training.records import Split

    store = stores.read(parsed.folder)
    folder = evaluate.place(parsed.checkpoint)
    device = options.device(parsed.device)
    if parsed.calibrate:
        if parsed.checkpoint == evaluate.RELEASED:
            raise UsageError(
                f"The released classifier stays as it was published; copy {folder} and calibrate "
                "the copy."
            )
        evaluate.calibrate(folder, store, device)
    evaluation = evaluate.evaluate(folder, store, Split(parsed.split), device)
    out = parsed.out
    if out is None and parsed.checkpoint == evaluate.RELEASED:
        out = Path("results") / evaluate.RELEASED
    out = out or folder / evaluation_report.FOLDER
    with options.writing(out):
        written = evaluation_report.write(evaluation, out)
    if parsed.json:
        console.answer(json.dumps(evaluation_report.as_json(evaluation), indent=2))
        return ALL_FINE
    console.markdown(evaluation_report.markdown(evaluation))
    console.say(f"Written to {out}: {', '.join(path.name for path in written)}")
    return ALL_FINE


# -- experiment -------------------------------------------------------------------------------


def _experiment(parsed: argparse.Namespace) -> int:
    options.share_the_processor()
    from vemoclap.training import experiments
    from vemoclap.training import feature_store as stores

    store = stores.read(parsed.folder)
    recipe = _recipe(parsed)
    ask = experiments.QUESTIONS[parsed.part]
    conditions = ask(store, recipe, parsed.protocol, parsed.blacklist)
    total = recipe.epochs * parsed.seeds * len(conditions)
    with options.writing(parsed.out), shown(total, _sentence) as callbacks:

        def begin(condition: str) -> "Callbacks[Epoch]":
            console.complain(condition)
            return callbacks

        results = experiments.run(
            conditions,
            range(parsed.seeds),
            parsed.out,
            device=options.device(parsed.device),
            callbacks=begin,
        )
        written = experiments.write(parsed.part, results, store.schema.note, parsed.out)
    console.markdown(written[0].read_text("utf-8"))
    console.say(f"Written to {parsed.out}: {', '.join(path.name for path in written)}")
    return ALL_FINE


def _memory(parsed: argparse.Namespace) -> int:
    import tempfile

    from vemoclap.batch import footprint
    from vemoclap.engines import roles

    preset = roles.choose(parsed.preset).name
    device = options.device(parsed.device)

    def progress(case: str, done: int, total: int) -> None:
        console.complain(f"{done + 1} of {total}: {case}")

    with (
        options.writing(parsed.out),
        tempfile.TemporaryDirectory(dir=parsed.folder) as scratch,
    ):
        parsed.out.mkdir(parents=True, exist_ok=True)
        cases = footprint.measure(
            Path(scratch),
            preset=preset,
            device=device,
            lengths_s=parsed.lengths or footprint.LENGTHS_S,
            heights=parsed.heights or footprint.HEIGHTS,
            repeats=parsed.repeats,
            progress=progress,
        )
        about = f"Preset {preset} on the {'GPU' if device == 'cuda' else 'CPU'}."
        written = footprint.write(cases, about, parsed.out)
    console.markdown(written[0].read_text("utf-8"))
    console.say(f"Written to {parsed.out}: {', '.join(path.name for path in written)}")
    return ALL_FINE
