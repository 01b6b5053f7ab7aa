"""The commands ``vemoclap mer train`` and ``vemoclap mer evaluate``."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.cli import console, options
from vemoclap.cli.train import shown
from vemoclap.errors import DataError

if TYPE_CHECKING:
    from vemoclap.mer.inputs import Shape
    from vemoclap.mer.model import Recipe
    from vemoclap.mer.prepare import Prepared
    from vemoclap.mer.train import Epoch
    from vemoclap.records import Progress

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
FOLDER = "evaluation"  # of a checkpoint, where its numbers go
TROUBLES = "left-out.txt"
TROUBLES_SHOWN = 5


def add_to(commands: "Commands") -> None:
    """Add the command and its two parts to the parser of ``vemoclap``."""
    mer = commands.add_parser(
        "mer",
        help="the end-to-end model of utterances: train and evaluate it",
        description="The end-to-end model of utterances (Lee and Kim): faces, sound and words of "
        "one utterance to six emotions, each on its own. `vemoclap timeline --model mer` uses it; "
        "docs/mer.md says more.",
    )
    parts = mer.add_subparsers(dest="part", required=True, metavar="COMMAND")
    _add_train(parts)
    _add_evaluate(parts)


def _add_train(parts: "Commands") -> None:
    train = parts.add_parser(
        "train",
        help="train it on labelled utterances",
        description="Train it on the published backbones, which `vemoclap models download mer` "
        "brings here. Clips that cannot be read are reported and left out.",
    )
    _add_data(train)
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the checkpoint: checkpoints/NAME"
    )
    train.add_argument(
        "--resume", action="store_true", help="go on with a training that was cut off"
    )
    count, positive = options.count, options.positive
    train.add_argument("--seed", type=int, default=0, metavar="S", help="(0)")
    train.add_argument("--epochs", type=count, metavar="N", help="at most (20)")
    train.add_argument("--batch", type=count, metavar="N", help="utterances (16)")
    train.add_argument(
        "--lr", type=positive, metavar="X", dest="rate", help="of the new layers (1e-4)"
    )
    train.add_argument(
        "--backbones", type=positive, metavar="X", help="share of it for the backbones (0.1)"
    )
    train.add_argument(
        "--patience", type=count, metavar="N", help="epochs without a better validation (4)"
    )
    options.add_device(train)
    train.set_defaults(run=_train)


def _add_evaluate(parts: "Commands") -> None:
    judge = parts.add_parser(
        "evaluate",
        help="how well a trained model does",
        description="Judge a trained model by the metrics of the field, beside the majority's "
        "answer and a judge of the words alone.",
    )
    judge.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="its folder")
    _add_data(judge)
    judge.add_argument("--split", default="test", choices=("train", "val", "test"))
    judge.add_argument(
        "--out", type=Path, metavar="DIR", help="where the files go (CHECKPOINT/evaluation)"
    )
    judge.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options.add_device(judge)
    judge.set_defaults(run=_evaluate)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="a folder of CMU-MOSEI raw clips with labels.csv, or a CSV of clips, spans and labels",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="where faces and sound are kept once they were read ($VEMOCLAP_HOME/mer)",
    )
    parser.add_argument(
        "--preset",
        default="auto",
        choices=("auto", "paper", "fast", "embedded"),
        help="whose engines hear the words of clips that the table has none of (auto)",
    )


# -- train ------------------------------------------------------------------------------------


def _train(parsed: argparse.Namespace) -> int:
    options.share_the_processor()
    from vemoclap.mer import evaluate, train
    from vemoclap.mer.inputs import Shape
    from vemoclap.training import evaluation_report

    plan = train.Plan(
        recipe=_recipe(parsed),
        shape=Shape(),
        seed=parsed.seed,
        device=options.device(parsed.device),
    )
    prepared = _prepared(parsed, plan.shape, plan.device)
    with options.writing(parsed.out), shown(plan.recipe.epochs, _sentence) as callbacks:
        evaluation = train.train(
            prepared, parsed.out, plan, resume=parsed.resume, callbacks=callbacks
        )
        evaluation_report.write_tables(
            evaluate.as_json(evaluation), evaluate.markdown(evaluation), parsed.out / FOLDER
        )
        _list(prepared, parsed.out)
    console.markdown(evaluate.markdown(evaluation))
    console.say(f"Written to {parsed.out}.")
    return ALL_FINE


def _recipe(parsed: argparse.Namespace) -> "Recipe":
    from dataclasses import fields

    from vemoclap.mer.model import Recipe

    names = {one.name for one in fields(Recipe)}
    given = {name: value for name, value in vars(parsed).items() if value is not None}
    return Recipe(**{name: given[name] for name in names & set(given)})


def _sentence(epoch: "Epoch") -> str:
    return (
        f"epoch {epoch.epoch}: training loss {epoch.train_loss:.4f}, accuracy "
        f"{100 * epoch.train_accuracy:.1f} %; validation loss {epoch.val_loss:.4f}, accuracy "
        f"{100 * epoch.val_accuracy:.1f} %, macro F1 {100 * epoch.val_macro_f1:.1f} %"
    )


# -- evaluate ---------------------------------------------------------------------------------


def _evaluate(parsed: argparse.Namespace) -> int:
    from vemoclap.mer import evaluate, model
    from vemoclap.training import evaluation_report
    from vemoclap.training.records import Split

    device = options.device(parsed.device)
    shape = model.read(parsed.checkpoint).config.shape
    prepared = _prepared(parsed, shape, device)
    evaluation = evaluate.evaluate(parsed.checkpoint, prepared, Split(parsed.split), device)
    out = parsed.out or parsed.checkpoint / FOLDER
    numbers = evaluate.as_json(evaluation)
    with options.writing(out):
        evaluation_report.write_tables(numbers, evaluate.markdown(evaluation), out)
        _list(prepared, out)
    if parsed.json:
        console.answer(json.dumps(numbers, indent=2))
        return ALL_FINE
    console.markdown(evaluate.markdown(evaluation))
    console.say(f"Written to {out}: evaluation.json, evaluation.md")
    return ALL_FINE


# -- the data ---------------------------------------------------------------------------------


def _prepared(parsed: argparse.Namespace, shape: "Shape", device: str) -> "Prepared":
    """Return the utterances, each read once; say which are left out."""
    from vemoclap.engines import roles
    from vemoclap.mer import data, prepare

    if not parsed.data.exists():
        raise DataError(f"{parsed.data} does not exist; name a folder or a CSV (see docs/mer.md).")
    prepared = prepare.fill(
        data.read(parsed.data),
        parsed.cache or prepare.folder(),
        shape,
        roles.choose(parsed.preset),
        device=device,
        progress=_lines(),
    )
    for trouble in prepared.troubles[:TROUBLES_SHOWN]:
        console.complain(trouble)
    if len(prepared.troubles) > TROUBLES_SHOWN:
        console.complain(
            f"{len(prepared.troubles) - TROUBLES_SHOWN} more are left out; {TROUBLES} will name "
            "all of them."
        )
    return prepared


def _list(prepared: "Prepared", folder: Path) -> None:
    """Write what is left out, where there is something."""
    if prepared.troubles:
        (folder / TROUBLES).write_text("\n".join((*prepared.troubles, "")), "utf-8")


def _lines() -> "Progress":
    """Return what prints how far the reading is, at most a hundred times."""
    shown = -1

    def show(stage: str, done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if percent != shown:
            shown = percent
            console.complain(f"{stage}: {done} of {total}")

    return show
