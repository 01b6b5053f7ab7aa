"""Training of the end-to-end model: what it learns, that it resumes, what the command writes."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.miniatures import Hub
from tests.planted_mer import QUICK, SHAPE, prepare
from vemoclap.errors import DataError, UsageError, WeightsError
from vemoclap.mer import evaluate, model, train
from vemoclap.mer.evaluate import Evaluation
from vemoclap.mer.model import LABELS
from vemoclap.mer.prepare import Prepared
from vemoclap.training.loop import Callbacks
from vemoclap.weights import cache, checkpoint


@pytest.fixture(scope="module", autouse=True)
def home(hub: Hub) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # quickest for matrices this small, and the same sums everywhere
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEMOCLAP_HOME", str(hub.home))
        patch.setattr(cache, "folder", lambda artefact: hub / artefact)
        yield
    torch.set_num_threads(threads)


# -- what is learnt ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mer")


@pytest.fixture(scope="module")
def learnt(folder: Path) -> Evaluation:
    prepared = prepare(folder / "utterances", (192, 100, 100))
    return train.train(prepared, folder / "ours", train.Plan(QUICK, SHAPE))


def test_it_learns_labels_from_faces_sound_and_words(learnt: Evaluation):
    f1 = {row.label: row.f1 for row in learnt.own.labels}
    assert f1["happy"] > 0.9  # in faces
    assert f1["sad"] > 0.9  # in sound
    assert min(f1["anger"], f1["disgust"]) > 0.55  # in words; who always says yes gets half
    # Of these, whoever knows all gets a weighted accuracy of 0.87.
    told = {row.label: row.weighted_accuracy for row in learnt.own.labels}
    assert told["surprise"] > 0.7  # in faces
    assert told["fear"] > 0.7  # in sound


def test_its_thresholds_beat_one_half_and_it_beats_the_baselines(learnt: Evaluation):
    macro = {one.name: one.metrics.macro_f1 for one in learnt.answers}
    assert macro["this model"] > macro["with thresholds of 0.5"] + 0.03
    assert macro["this model"] > macro["words alone"] > macro["the majority"]


def test_the_words_alone_tell_only_what_lies_in_words(learnt: Evaluation):
    words = next(one.metrics for one in learnt.answers if one.name == "words alone")
    right = {row.label: row.weighted_accuracy for row in words.labels}
    assert min(right["anger"], right["disgust"]) > 0.95
    assert max(right[one] for one in ("happy", "surprise", "sad", "fear")) < 0.65


def test_a_checkpoint_has_all_that_is_needed_to_use_and_judge_it(learnt: Evaluation, folder: Path):
    out = folder / "ours"
    assert {path.name for path in out.iterdir()} == {"model.safetensors", "card.md", "history.csv"}
    _, metadata = checkpoint.read(out / model.FILE, "cpu")
    assert metadata["kind"] == "mer"
    assert metadata["config"]["thresholds"] == list(learnt.thresholds)
    assert metadata["training"]["recipe"]["backbones"] == 0.1
    with (out / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, QUICK.epochs + 1))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert metadata["training"]["best_epoch"] == int(best["epoch"])
    card = (out / "card.md").read_text("utf-8")
    assert "192 train, 100 val, 100 test" in card
    overview = evaluate.markdown(learnt).split("\n\n")[2]
    assert "this model" in overview
    assert overview in card
    assert "albert/albert-base-v2 (Apache-2.0)" in card


def test_the_best_epoch_is_kept_and_judged(learnt: Evaluation, folder: Path):
    prepared = prepare(folder / "utterances", (192, 100, 100))
    again = evaluate.evaluate(folder / "ours", prepared, learnt.split)
    assert again == learnt
    assert json.loads(json.dumps(evaluate.as_json(again)))["split"] == "test"


def test_with_dealt_out_labels_it_is_no_better_than_chance(folder: Path):
    prepared = prepare(folder / "dealt", (96, 48, 100), shuffled=True)
    few = replace(QUICK, epochs=2)
    dealt = train.train(prepared, folder / "chance", train.Plan(few, SHAPE))
    assert dealt.own.weighted_accuracy == pytest.approx(0.5, abs=0.07)


# -- going on ---------------------------------------------------------------------------------

SIZES = (16, 8, 8)
SHORT = replace(QUICK, epochs=3, batch=4)
CHILD = """
import sys, torch
from pathlib import Path
from tests.planted_mer import SHAPE, prepare
from tests.test_mer_train import SHORT, SIZES
from vemoclap.mer import train
from vemoclap.training.loop import Callbacks
from vemoclap.weights import cache
torch.set_num_threads(1)
home, data, out = map(Path, sys.argv[1:])
cache.folder = lambda artefact: home / artefact
def step(*where):
    print(*where, flush=True)
    sys.stdin.readline()  # until it may go on

callbacks = Callbacks(on_step=step)
plan = train.Plan(SHORT, SHAPE)
train.train(prepare(data, SIZES), out, plan, save_every_s=0, callbacks=callbacks)
"""


def small(tmp_path: Path) -> Prepared:
    return prepare(tmp_path / "data", SIZES)


def content(folder: Path) -> dict[str, object]:
    tensors, metadata = checkpoint.read(folder / model.FILE, "cpu")
    return {
        "tensors": {key: tensor.numpy().tobytes() for key, tensor in tensors.items()},
        "metadata": metadata,
        "history": (folder / "history.csv").read_text("utf-8"),
        "card": (folder / "card.md").read_text("utf-8").partition("\n")[2],  # without its name
    }


def test_a_killed_training_gives_the_same_files(hub: Hub, tmp_path: Path):
    prepared, plan = small(tmp_path), train.Plan(SHORT, SHAPE)
    train.train(prepared, tmp_path / "whole", plan)
    # Of all steps; not after the first, whose state may not be written yet.
    after = int(np.random.default_rng().integers(2, 3 * 4))
    cut = tmp_path / "cut"
    places = [str(path) for path in (hub.home / "weights", tmp_path / "data", cut)]
    command = [sys.executable, "-c", CHILD, *places]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, cwd=Path(__file__).parents[1]) as child:
        child.stdin.write(b"\n" * after)  # so it is killed in the next step at the latest
        child.stdin.flush()
        for _ in range(after):
            assert child.stdout.readline(), f"it ended before step {after}"
        child.kill()
    assert not (cut / model.FILE).exists()
    with pytest.raises(UsageError, match="--resume"):
        train.train(prepared, cut, plan)
    with pytest.raises(DataError, match="other options"):
        train.train(prepared, cut, replace(plan, seed=1), resume=True)
    train.train(prepared, cut, plan, resume=True)
    assert content(cut) == content(tmp_path / "whole"), f"killed at step {after}"
    assert {path.name for path in cut.iterdir()} == {"model.safetensors", "card.md", "history.csv"}
    before = content(cut)
    train.train(prepared, cut, plan, resume=True)  # what is done is left as it is
    assert content(cut) == before


def test_backbones_learn_at_a_tenth_of_the_rate(home: None):
    network = model.published("cpu", SHAPE, QUICK)
    groups = train.optimiser(network, replace(QUICK, rate=0.02)).param_groups
    assert [group["lr"] for group in groups] == [pytest.approx(0.002), 0.02]
    counts = [len(group["params"]) for group in groups]
    assert counts[0] == len(list(network.backbones.parameters()))
    assert sum(counts) == len(list(network.parameters()))


def test_another_seed_gives_another_model(tmp_path: Path):
    prepared, recipe = small(tmp_path), replace(SHORT, epochs=1)
    for seed in (0, 1):
        train.train(prepared, tmp_path / str(seed), train.Plan(recipe, SHAPE, seed=seed))
    one, other = (content(tmp_path / name)["tensors"] for name in "01")
    assert one != other


def test_training_stops_when_validation_gets_no_better(tmp_path: Path):
    told: list[train.Epoch] = []
    recipe = replace(SHORT, epochs=30, rate=0.2, patience=1)  # a rate at which little is learnt
    train.train(
        small(tmp_path),
        tmp_path / "out",
        train.Plan(recipe, SHAPE),
        callbacks=Callbacks(on_epoch=told.append),
    )
    assert len(told) < 30
    best = max(told, key=lambda epoch: epoch.selection_score).epoch
    assert told[-1].epoch == best + 1


def test_a_training_that_diverged_is_no_checkpoint(tmp_path: Path):
    plan = train.Plan(replace(SHORT, rate=100.0, clip=1e9), SHAPE)
    with pytest.raises(DataError, match=r"diverged: loss is NaN or infinite.*smaller --lr"):
        train.train(small(tmp_path), tmp_path / "out", plan)
    assert not (tmp_path / "out" / model.FILE).exists()


# -- what is refused --------------------------------------------------------------------------


def test_a_collection_without_validation_or_with_other_labels_is_refused(tmp_path: Path):
    prepared = small(tmp_path)
    kept = tuple(one for one in prepared.kept if one.piece.split != "val")
    with pytest.raises(DataError, match="in the split val"):
        train.train(replace(prepared, kept=kept), tmp_path / "out", train.Plan(SHORT, SHAPE))
    network = model.published("cpu", SHAPE, QUICK)
    model.save(network, tmp_path / "ours")
    with pytest.raises(DataError, match="train one on these data"):
        evaluate.evaluate(
            tmp_path / "ours", replace(prepared, labels=LABELS[::-1]), prepared.kept[0].piece.split
        )


def test_without_the_backbones_it_says_what_to_download(tmp_path: Path, monkeypatch):
    monkeypatch.undo()
    prepared = small(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEMOCLAP_HOME", str(tmp_path / "empty"))
        patch.setattr(cache, "folder", FOLDER)
        with pytest.raises(WeightsError, match="vemoclap models download inception-resnet"):
            train.train(prepared, tmp_path / "out", train.Plan(SHORT, SHAPE))


FOLDER = cache.folder  # before any fixture replaces it
