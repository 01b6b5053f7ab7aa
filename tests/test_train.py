"""Training: what a classifier is fed, that it learns, and that it does so the same way twice."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.lessons import DIMS, QUICK, Lesson, collection, one_thread, shuffled
from tests.planted import Plan, make
from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.inputs import assemble
from vemoclap.classifier.model import Classifier, Dropout
from vemoclap.cli import main
from vemoclap.engines import precision as engines_precision
from vemoclap.errors import DataError, UsageError
from vemoclap.records import EMOTIONS
from vemoclap.training import classifier_task, loop
from vemoclap.training import feature_store as stores
from vemoclap.training import train as training_train
from vemoclap.training.batches import Examples
from vemoclap.training.classifier_task import Recipe, config_of
from vemoclap.training.loop import Callbacks, ResumeOptions
from vemoclap.training.records import Split
from vemoclap.weights import checkpoint

__all__ = ["one_thread"]
GENERATOR = 20  # seed of what tests draw themselves


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[key]) for key, value in one.state_dict().items())


# -- what it is fed ---------------------------------------------------------------------------


def test_still_batches_are_what_an_analysis_feeds():
    store = collection(train=40, test=20)
    lesson = Lesson(store)
    batch = lesson.train.equidistant(slice(None))
    for place, video in enumerate(store.of(Split.TRAIN)):
        values, present = assemble([store.features_of(video)], lesson.config)
        for name in lesson.config.features:
            assert torch.equal(batch.values[name][place], values[name][0]), (video.id, name)
            assert torch.equal(batch.present[name][place], present[name][0]), (video.id, name)
        assert batch.labels[place] == video.label
    absent = [v for v in store.of(Split.TRAIN) if v.features["face_emotion"] is None]
    assert absent, "the collection should have videos that lack a feature"


def test_training_draws_rows_at_random_in_order_of_time():
    store = collection("clip", train=20, test=20, seconds=(4, 40))
    lesson = Lesson(store)
    rng = np.random.default_rng(GENERATOR)
    spec = lesson.config.features["clip"]
    drawn: dict[int, set[int]] = {}
    for _ in range(60):
        batch = lesson.train.random(np.arange(len(lesson.train)), rng)
        for place, video in enumerate(store.of(Split.TRAIN)):
            rows = (video.features["clip"] - spec.minimum) / (spec.maximum - spec.minimum)
            found = batch.values["clip"][place][batch.present["clip"][place]].numpy()
            indices = [int(np.flatnonzero((rows == row).all(1))[0]) for row in found]
            assert len(indices) == min(len(rows), spec.length)
            assert indices == sorted(set(indices))
            drawn.setdefault(place, set()).update(indices)
            assert not batch.values["clip"][place][~batch.present["clip"][place]].any()
    for place, video in enumerate(store.of(Split.TRAIN)):
        assert drawn[place] == set(range(len(video.features["clip"])))


def test_the_range_is_that_of_training_and_what_never_varies_is_left_out():
    store = collection("clip", "beats", "asr_sentiment", train=30, test=10)
    silent = [
        replace(video, features={**video.features, "asr_sentiment": None})
        if video.split is Split.TRAIN
        else video
        for video in store.videos
    ]
    train = [video for video in silent if video.split is Split.TRAIN]
    config = config_of(store.schema, train, QUICK, "")
    assert list(config.features) == ["beats", "clip"]
    rows = np.concatenate([video.features["clip"] for video in train])
    assert config.features["clip"].minimum == rows.min()
    assert config.features["clip"].maximum == rows.max()
    assert config.mask
    nothing = [replace(video, features=dict.fromkeys(store.schema.columns)) for video in train]
    with pytest.raises(DataError, match="varies"):
        config_of(store.schema, nothing, QUICK, "")


def test_a_video_without_a_label_is_refused():
    store = collection("clip", train=20, test=10)
    lesson = Lesson(store)
    with pytest.raises(DataError, match="no label"):
        Examples([replace(store.videos[0], label=None)], lesson.config)


def test_the_paper_s_numbers_are_the_defaults():
    recipe = Recipe()
    assert (recipe.batch, recipe.rate, recipe.dropout, recipe.clip) == (32, 1e-5, 0.5, 1.0)
    assert (recipe.d_model, recipe.heads, recipe.frames) == (512, 4, 16)
    store = make(Plan(train=12, test=0))
    config = config_of(store.schema, store.videos, recipe, "")
    assert {name: (spec.length, spec.dim) for name, spec in config.features.items()} == {
        name: (spec.length, spec.dim) for name, spec in classifier_model.RELEASED.features.items()
    }


# -- without padding --------------------------------------------------------------------------


def with_padding(model: Classifier, values, present) -> torch.Tensor:
    """Return what a classifier without dropout answers, computed on all rows and by torch's MHA."""
    names = model.config.sequences
    rows = {name: layer(values[name]) for name, layer in model.encoders.items()}
    parts = {name: rows[name][:, 0] * present[name] for name in model.config.vectors}
    queries, keys, answers = (
        {name: layers[name](rows[name]) for name in names}
        for layers in (model.query_proj, model.key_proj, model.value_proj)
    )
    for pair, (query, context) in model.config.pairs.items():
        there = present[context].any(1, keepdim=True)
        found, _ = torch.nn.functional.multi_head_attention_forward(
            *(part.transpose(0, 1) for part in (queries[query], keys[context], answers[context])),
            embed_dim_to_check=model.config.d_model,
            num_heads=model.config.heads,
            in_proj_weight=(layer := model.attention_layers[pair]).in_proj_weight,
            in_proj_bias=layer.in_proj_bias,
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=layer.out_proj.weight,
            out_proj_bias=layer.out_proj.bias,
            key_padding_mask=~present[context] & there,
        )
        kept = (present[query] & there)[..., None]
        found = model.attn_norms[pair](found.transpose(0, 1)) * kept
        parts[pair] = found.sum(1) / kept.sum(1).clamp(min=1)
    return model.cls_mlp(torch.cat([parts[name] for name in sorted(parts)], 1).relu())


def test_scores_and_gradients_are_those_of_the_network_with_padding():
    lesson = Lesson(collection(train=60, test=20))
    batch = lesson.train.equidistant(slice(None))
    lacking = {name: ~mask.any(1) for name, mask in batch.present.items()}
    assert all(lacking[name].any() for name in ("beats", "face_emotion", "asr_sentiment"))
    gradients, scores = [], []
    for answer in (with_padding, Classifier.__call__):
        model = lesson.model().eval()
        found = answer(model, batch.values, batch.present)
        torch.nn.functional.cross_entropy(found, batch.labels).backward()
        scores.append(found.detach())
        gradients.append({name: value.grad for name, value in model.named_parameters()})
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-5, atol=1e-6)
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-4, atol=1e-7, msg=name)


def test_sixteen_bits_change_scores_and_gradients_little():
    lesson = Lesson(collection(train=60, test=20))
    batch = lesson.train.equidistant(slice(None))
    scores, gradients = [], []
    for dtype in (torch.float32, torch.bfloat16):
        model = lesson.model().eval()
        with loop.autocast("cpu", dtype):
            found = model(batch.values, batch.present)
        torch.nn.functional.cross_entropy(found.float(), batch.labels).backward()
        scores.append(found.detach())
        gradients.append(torch.cat([value.grad.flatten() for value in model.parameters()]))
    assert scores[1].dtype is torch.bfloat16
    torch.testing.assert_close(scores[0], scores[1].float(), rtol=0, atol=0.02)
    assert not torch.equal(scores[0], scores[1].float())
    assert gradients[1].dtype is torch.float32
    assert float(torch.cosine_similarity(*gradients, dim=0)) > 0.99


@pytest.mark.parametrize("precision", ["mixed", "full"])
@pytest.mark.parametrize("native", [torch.bfloat16, None])
@pytest.mark.parametrize("mask", [True, False])
def test_matrices_are_multiplied_in_sixteen_bits_where_that_is_faster_and_not_forbidden(
    monkeypatch, precision, native, mask
):
    monkeypatch.setattr(engines_precision, "of_cpu", lambda: native)
    seen = set()
    linear = torch.nn.functional.linear

    def watched(rows, weight, bias=None):
        answer = linear(rows, weight, bias)
        seen.add(answer.dtype)
        return answer

    monkeypatch.setattr(torch.nn.functional, "linear", watched)
    monkeypatch.setattr(classifier_model, "linear", watched)
    recipe = replace(QUICK, epochs=1, precision=precision, mask=mask)
    lesson = Lesson(collection(train=30, test=6), recipe)
    model = lesson.model()
    monkeypatch.setattr(classifier_task, "predict", lambda model, val: np.zeros((len(val), 6)))
    classifier_task.fit(model, lesson.train, lesson.val, recipe, 0)
    half = native is not None and precision == "mixed"
    assert seen == {torch.bfloat16 if half else torch.float32}
    assert classifier_task.dtype_name(recipe, "cpu") == ("bfloat16" if half else "float32")
    assert all(value.dtype is torch.float32 for value in model.parameters())


def test_dropout():
    rows = torch.ones(1000, 11)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(Dropout(0.25)(rows))
    first, again, other = found
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float((first == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(first.mean()) == pytest.approx(1, abs=0.02)
    for idle in (Dropout(0.0), Dropout(0.25).eval()):
        assert torch.equal(idle(rows), rows)
    assert not Dropout(1.0)(rows).any()


# -- learning ---------------------------------------------------------------------------------


def test_a_planted_modality_is_learnt_and_shuffled_labels_are_not():
    store = collection("clip", "beats", "asr_sentiment", single={"clip": 0.5})
    longer = replace(QUICK, epochs=20)
    learnt = Lesson(store, longer)
    model, epochs = learnt.fit()
    assert learnt.accuracy(model) > 0.85
    assert epochs[-1].train_loss < epochs[0].train_loss / 2
    by_chance = Lesson(shuffled(store), longer)
    model, _ = by_chance.fit()
    # Five standard deviations of guessing one of six 120 times.
    assert abs(by_chance.accuracy(model) - 1 / 6) < 5 * (1 / 6 * 5 / 6 / 120) ** 0.5


def test_a_planted_modality_is_learnt_in_sixteen_bits(monkeypatch):
    monkeypatch.setattr(engines_precision, "of_cpu", lambda: torch.bfloat16)
    store = collection("clip", "beats", "asr_sentiment", single={"clip": 0.5})
    lesson = Lesson(store, replace(QUICK, epochs=20, precision="mixed"))
    model, _ = lesson.fit()
    assert lesson.accuracy(model) > 0.8


def test_it_stops_early_and_keeps_the_best_weights():
    store = collection("clip", "beats", single={"clip": 0.5}, train=120, test=60)
    lesson = Lesson(shuffled(store), replace(QUICK, epochs=60, patience=4, rate=1e-2))
    model, epochs = lesson.fit()
    best = loop.best_of(epochs)
    assert len(epochs) < 60
    assert epochs[-1].epoch == best.epoch + 4
    answers = classifier_task.predict(model, lesson.val).argmax(1)
    assert float((answers == lesson.val.labels.numpy()).mean()) == best.val_accuracy
    assert best.val_accuracy == max(one.val_accuracy for one in epochs)


def test_a_seed_decides_everything():
    lesson = Lesson(collection("clip", "beats", train=60, test=12), replace(QUICK, epochs=2))
    (one, first), (two, second), (three, third) = (lesson.fit(seed) for seed in (0, 0, 1))
    assert same(one, two)
    assert first == second
    assert not same(one, three)
    assert [epoch.train_loss for epoch in first] != [epoch.train_loss for epoch in third]


def test_training_leaves_the_generators_of_others_alone():
    lesson = Lesson(collection("clip", train=40, test=12), replace(QUICK, epochs=1))
    model = lesson.model()
    torch.manual_seed(GENERATOR)
    expected = torch.rand(3)
    torch.manual_seed(GENERATOR)
    classifier_task.fit(model, lesson.train, lesson.val, lesson.recipe, 0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("mask", [True, False])
def test_with_and_without_a_mask(mask: bool):
    recipe = replace(QUICK, epochs=2, mask=mask)
    lesson = Lesson(collection(train=60, test=12), recipe)
    model, epochs = lesson.fit()
    assert isinstance(model, Classifier)
    assert model.config.mask is mask
    assert np.isfinite([epoch.train_loss for epoch in epochs]).all()


@pytest.mark.gpu
def test_on_a_gpu_it_learns_and_repeats():
    store = collection("clip", "beats", "asr_sentiment", single={"clip": 0.5})
    recipe = replace(QUICK, epochs=20)
    config = config_of(store.schema, store.of(Split.TRAIN), recipe, "")
    train, val = (Examples(store.of(split), config, "cuda") for split in (Split.TRAIN, Split.VAL))
    models = []
    for _ in range(2):
        torch.manual_seed(0)
        models.append(Classifier(config).to("cuda"))
        classifier_task.fit(models[-1], train, val, recipe, 0)
    assert same(*models)
    test = Examples(store.of(Split.TEST), config, "cuda")
    answers = classifier_task.predict(models[0], test).argmax(1)
    assert float((answers == test.labels.cpu().numpy()).mean()) > 0.8


# -- cut off and gone on ----------------------------------------------------------------------


class PowerCutError(Exception):
    """What ends a training in these tests."""


@pytest.mark.parametrize("cut", [1, 4, 5, 7, 11])
def test_a_training_cut_at_any_step_goes_on_as_if_nothing_had_been(cut: int, tmp_path: Path):
    lesson = Lesson(  # 4 steps an epoch
        collection("clip", "beats", train=120, test=12), replace(QUICK, epochs=3)
    )
    whole, expected = lesson.fit()
    done = 0

    def step(epoch: int, number: int, steps: int) -> None:
        nonlocal done
        assert steps == 4
        if done == cut:
            raise PowerCutError
        done += 1

    state = tmp_path / "state.pt"
    with pytest.raises(PowerCutError):
        lesson.fit(resume=ResumeOptions(state, "x", every_s=0), callbacks=Callbacks(on_step=step))
    assert state.exists()
    count = 0

    def counted(*_: int) -> None:
        nonlocal count
        count += 1

    options = ResumeOptions(state, "x")
    model, epochs = lesson.fit(resume=options, callbacks=Callbacks(on_step=counted))
    assert same(whole, model)
    assert epochs == expected
    assert count == 12 - cut  # nothing was done twice
    with pytest.raises(DataError, match="other options"):
        lesson.fit(resume=ResumeOptions(state, "y"))
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(DataError, match="damaged"):
        lesson.fit(resume=options)


CHILD = """
import sys
from pathlib import Path
import torch
from tests import lessons
from vemoclap.training import feature_store, train
from vemoclap.training.loop import Callbacks
torch.set_num_threads(1)
def step(*where):
    print(*where, flush=True)
    sys.stdin.readline()  # until it may go on

callbacks = Callbacks(on_step=step)
plan = train.Plan(lessons.replace(lessons.QUICK, epochs=3), seeds=(0, 1))
store = feature_store.read(Path(sys.argv[1]))
train.train(store, Path(sys.argv[2]), plan, save_every_s=0, callbacks=callbacks)
"""


def content(path: Path) -> object:
    if path.suffix == ".safetensors":  # whose metadata are in any order
        tensors, metadata = checkpoint.read(path, "cpu")
        return {key: value.numpy().tobytes() for key, value in tensors.items()}, metadata
    return path.read_text("utf-8").partition("\n")[2]  # the first line of a card is its name


def test_a_killed_training_gives_the_same_files(tmp_path: Path):
    folder = tmp_path / "store"
    stores.append(folder, make(Plan(train=60, test=12, dims=DIMS)))
    store = stores.read(folder)
    plan = training_train.Plan(replace(QUICK, epochs=3), seeds=(0, 1))
    training_train.train(store, tmp_path / "whole", plan)
    steps = 2 * 3 * 2  # of 54 videos, of epochs, of seeds
    # Not after the first, whose state may not be written yet: then there is nothing to resume.
    after = int(np.random.default_rng().integers(2, steps))
    cut = tmp_path / "cut"
    command = [sys.executable, "-c", CHILD, str(folder), str(cut)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, cwd=Path(__file__).parents[1]) as child:
        child.stdin.write(b"\n" * after)  # so it is killed in the next step at the latest
        child.stdin.flush()
        for _ in range(after):
            assert child.stdout.readline(), f"it ended before step {after}"
        child.kill()
    with pytest.raises(UsageError, match="--resume"):
        training_train.train(store, cut, plan)
    other = replace(plan, recipe=replace(plan.recipe, rate=1e-4))
    with pytest.raises(DataError, match="other options"):
        training_train.train(store, cut, other, resume=True)
    half_written = cut / "seeds" / "0" / f"{training_train.STATE}.1.part"
    half_written.parent.mkdir(parents=True, exist_ok=True)
    half_written.write_bytes(b"killed while it was written")
    training_train.train(store, cut, plan, resume=True)
    whole = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.*")}
    assert whole == {path.relative_to(cut) for path in cut.rglob("*.*")}, f"killed at {after}"
    for name in sorted(whole):
        mine, theirs = (content(place / name) for place in (tmp_path / "whole", cut))
        assert mine == theirs, f"{name}, killed at step {after}"


def test_only_what_a_training_half_wrote_is_removed(tmp_path: Path):
    own = ["state.pt.7.part", "model.safetensors.12.part", "seeds/3/state.pt.7.part"]
    others = ["film.mp4.part", "state.pt.part", "films/state.pt.7.part"]
    for name in (*own, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="--resume"):
        loop.claim(tmp_path, resume=False)
    assert all((tmp_path / name).exists() for name in own)
    loop.claim(tmp_path, resume=True)
    assert not any((tmp_path / name).exists() for name in own)
    assert all((tmp_path / name).exists() for name in others)


# -- the checkpoint ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "store"
    stores.append(folder, make(Plan(train=90, test=30, dims=DIMS, single={"clip": 0.5})))
    return folder


ARGUMENTS = ("--epochs", "2", "--lr", "0.003", "--dropout", "0.1", "--d-model", "16")


def test_a_checkpoint_has_all_that_is_needed_to_use_and_judge_it(folder, tmp_path, capsys):
    pytest.importorskip("tensorboard")
    out, board = tmp_path / "ours", tmp_path / "board"
    arguments = ["train", str(folder), "--out", str(out), "--seeds", "2", *ARGUMENTS]
    assert main.main([*arguments, "--tensorboard", str(board)]) == 0
    said = capsys.readouterr()
    assert "seed 1, epoch 2: training loss" in said.err
    assert "VEMOCLAP | 65.28" in said.out
    tensors, metadata = checkpoint.read(out / "model.safetensors", "cpu")
    config = classifier_model.Config.of(metadata["config"])
    store = stores.read(folder)
    assert config.labels == EMOTIONS
    assert config.engines == store.schema.engines
    assert {name: spec.space for name, spec in config.features.items()} == {
        name: column.space for name, column in store.schema.columns.items()
    }
    assert config.mask
    assert config.temperature != 1
    assert "of 100 of their test videos" in config.note
    assert metadata["training"]["protocol"] == "paper"
    assert metadata["training"]["recipe"]["rate"] == 0.003
    with (out / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["epoch"]) for row in rows] == [
        (seed, epoch) for seed in "01" for epoch in "12"
    ]
    best = max(rows, key=lambda row: (float(row["val_accuracy"]), -float(row["val_loss"])))
    assert metadata["training"]["seed"] == int(best["seed"])
    chosen, _ = checkpoint.read(out / "seeds" / best["seed"] / "model.safetensors", "cpu")
    assert all(torch.equal(tensors[key], chosen[key]) for key in tensors)
    with (out / "split.csv").open(encoding="utf-8") as file:
        counts = [row["split"] for row in csv.DictReader(file)]
    assert (counts.count("train"), counts.count("val"), counts.count("test")) == (81, 9, 30)
    card = (out / "card.md").read_text("utf-8")
    for word in (*EMOTIONS, "81 train, 9 val, 30 test", "Limits", "Licence", "Seeds: 2", "Planted"):
        assert word in card
    assert not list(out.rglob("state.pt"))
    assert len(list(board.rglob("events.*"))) == 2
    assert main.main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    before = (out / "model.safetensors").read_bytes()
    assert main.main([*arguments, "--resume"]) == 0
    assert (out / "model.safetensors").read_bytes() == before


def test_the_app_protocol_has_no_test_videos(folder, tmp_path, capsys):
    out = tmp_path / "app"
    arguments = [str(folder), "--out", str(out), "--protocol", "app", "--no-mask", *ARGUMENTS]
    assert main.main(["train", *arguments]) == 0
    assert "on the split val" in capsys.readouterr().out
    model = classifier_model.read(out)
    assert not model.config.mask
    assert "validation videos" in model.config.note


def test_a_folder_that_cannot_be_written_is_explained(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "ours"
    assert main.main(["train", str(folder), "--out", str(out), *ARGUMENTS]) != 0
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "word"),
    [(["--d-model", "10"], "multiple of 4"), (["--blacklist", "gone.txt"], "gone.txt")],
)
def test_wrong_options_are_explained(folder, tmp_path, capsys, more, word):
    assert main.main(["train", str(folder), "--out", str(tmp_path / "x"), *more]) != 0
    assert word in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
