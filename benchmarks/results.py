"""Writes docs/results.md and its pictures: python -m benchmarks.results

Every table in it comes of the commands that it shows, on a planted collection (tests/planted.py)
that is made first. It takes about half an hour on two cores, and goes on where it was cut if it is
given the same --scratch folder again.
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.planted import MISSING, Plan, make
from vemoclap.cli import main as cli_main
from vemoclap.cli import options
from vemoclap.training import feature_store as stores

DOCS = Path(__file__).resolve().parents[1] / "docs"
DIM = 24  # numbers per row; the published features have 512 and 768
PLAN = Plan(
    train=400,
    test=300,
    single={"clip": 0.7, "ocr_sentiment": 1.4},
    agreement=("beats", "clip"),
    strength=3.0,
    problems=0.15,
    seconds=(24, 60),
    dims=dict.fromkeys(MISSING, DIM),
)
TRAINING = "--seeds 3 --epochs 40 --patience 40 --lr 0.003 --dropout 0.1 --d-model 64"
MEMORY = "--preset embedded --lengths 10 60 300 --heights 360 1080"
QUESTIONS = {
    "ablation": "The label of four of six videos can be told by halves from `clip` or "
    "`ocr_sentiment` (which pair of emotions), and wholly only with `beats` and `clip` together "
    "(which of the two). So leaving out `beats` or `clip` must cost most, `face_emotion` and "
    "`asr_sentiment` must cost nothing and be worth chance alone.",
    "fusion": "The agreement of two sequences leaves no trace in their averages, so what averages "
    "first can name the pair of emotions and must guess within it.",
    "frames": "With one row there is no order of events to compare.",
    "cleaning": "15 % of the videos have names of the blacklist and features that say nothing of "
    "their label.",
}
HEAD = """\
# Results

**All numbers on this page but the paper's own come from planted data: random numbers in which we
hid labels, no videos and no emotions.** They show that training, evaluation and experiments find
what is there and nothing else. They say nothing about Ekman-6. The features that the paper's
authors released could not be downloaded where this was written; below are the commands for whoever
has them.

Everything here was made by one command, which takes about half an hour on two cores:

    .venv/bin/python -m benchmarks.results

## The paper's table

With the released features (Zenodo records 13624583 and 17159328) and the official lists of
Ekman-6, one video name per line:

    vemoclap features import features.pkl --out data/ekman6 --train train.txt --test test.txt
    vemoclap evaluate released data/ekman6
    vemoclap train data/ekman6 --out checkpoints/ekman6 --seeds 5
    vemoclap evaluate checkpoints/ekman6 data/ekman6

The second judges the authors' own classifier (`vemoclap models download cross-attention` brings
it), the third trains as the paper describes, the fourth prints the paper's table of methods with
the mean and standard deviation of the five seeds in its place. The paper reports 65.28 %. The web
application's model is trained by `vemoclap train data/ekman6 --out checkpoints/app --protocol
app`. The paper's gain by cleaning (2.6 points) and its open questions:

    vemoclap experiment cleaning data/ekman6 --blacklist blacklist.txt --out results/cleaning
    vemoclap experiment ablation data/ekman6 --out results/ablation
    vemoclap experiment fusion data/ekman6 --out results/fusion
    vemoclap experiment frames data/ekman6 --out results/frames

The paper does not say how many epochs without progress it waits, which videos validate, or its
seeds; here it is ten epochs, a tenth of each emotion drawn with seed 0, and seeds 0 to 4. Padding
is masked, as the paper's is not; `--no-mask` trains as the paper did. Matrices are multiplied in
16 bits where the device has products of them, and the card of a checkpoint says in which;
`--precision full` never does.

## The planted collection

{train} videos to train on and {test} to test on, six emotions, features of {dim} numbers a row.
Which pair an emotion belongs to (anger and disgust, fear and joy, sadness and surprise) is written
into `clip` and `ocr_sentiment`; which of the pair it is, only into whether the events in `beats`
and in `clip` come in the same order. `face_emotion` and `asr_sentiment` are noise. Features are
missing at assumed rates (speech 35 %, screen text 40 %, faces 20 %, sound 2 %). The label of 15 %
of the videos, those with names of the blacklist, is noise. So about 87 % can be had at best, about
45 % without the agreement, and chance is 16.7 %.
"""


CALIBRATION = (
    "The temperature is fitted on the validation videos, a tenth of those to train on. These are "
    "few, and some of their labels are noise: where the calibration error (ECE) after it is larger "
    "than before, it did harm."
)


def main() -> None:
    options.share_the_processor()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--scratch", type=Path, help="a folder to work in, and to go on from")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)  # networks this small are quickest so
    with contextlib.ExitStack() as stack:
        scratch = args.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (DOCS / "results.md").write_text(_page(scratch), "utf-8")


def _page(scratch: Path) -> str:
    pictures = DOCS / "figures"
    pictures.mkdir(exist_ok=True)
    data, trained = scratch / "planted", scratch / "planted-checkpoint"
    if not stores.ids(data):
        stores.append(data, make(PLAN))
    parts = [HEAD.format(train=PLAN.train, test=PLAN.test, dim=DIM)]
    _run(f"train {data} --out {trained} --resume {TRAINING}")
    printed = _run(f"evaluate {trained} {data}")
    table, _, _ = printed.partition("\n\nBeside what others report")
    for name in ("confusion.png", "reliability.png"):
        shutil.copyfile(trained / "evaluation" / name, pictures / name)
    parts += [
        "## Training and evaluation",
        _shown("train", "planted --out checkpoints/planted", TRAINING),
        _shown("evaluate", "checkpoints/planted planted"),
        table.partition("\n\n")[2],
        CALIBRATION,
        "![Confusion](figures/confusion.png) ![Reliability](figures/reliability.png)",
    ]
    for question, expected in QUESTIONS.items():
        out = scratch / question
        _run(f"experiment {question} {data} --out {out} {TRAINING}")
        parts += [
            f"## {question.capitalize()}",
            _shown("experiment", f"{question} planted --out results/{question}", TRAINING),
            expected,
            _written(question, out, pictures),
        ]
    load = os.getloadavg()[0]
    _run(f"experiment memory --out {scratch / 'memory'} {MEMORY}")
    parts += [
        "## Memory and time of an analysis",
        "This one is measured on generated videos, with the program as it is installed. Seconds "
        f"are those of this machine at its load of {load:.1f} on {os.cpu_count()} cores:",
        _shown("experiment", "memory --out results/memory", MEMORY),
        _written("memory", scratch / "memory", pictures),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _run(command: str) -> str:
    """Return what a command of vemoclap prints."""
    print(f"vemoclap {command}", file=sys.stderr, flush=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = cli_main.main(command.split())
    if code:
        raise SystemExit(code)
    return printed.getvalue()


def _shown(command: str, *arguments: str) -> str:
    return f"    vemoclap {command} " + " \\\n        ".join(arguments)


def _written(question: str, out: Path, pictures: Path) -> str:
    """Return the table that an experiment wrote, its picture copied beside the page."""
    shutil.copyfile(out / f"{question}.png", pictures / f"{question}.png")
    text = (out / f"{question}.md").read_text("utf-8")
    return text.replace(f"({question}.png)", f"(figures/{question}.png)")


if __name__ == "__main__":
    main()
