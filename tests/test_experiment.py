"""Experiments find what was planted, write what they found, and go on where they were cut."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.lessons import DIMS, QUICK, Lesson, collection, one_thread
from tests.planted import Plan, make
from vemoclap.batch import footprint
from vemoclap.cli import main
from vemoclap.errors import DataError, EngineError, UsageError
from vemoclap.training import experiments
from vemoclap.training import feature_store as stores
from vemoclap.training.experiments import Condition, Result
from vemoclap.training.fusions import FUSIONS
from vemoclap.training.loop import Callbacks
from vemoclap.training.metrics import spread
from vemoclap.training.records import checked_store

__all__ = ["one_thread"]


def by_name(results: Sequence[Result]) -> dict[str, float]:
    return {result.condition.name: result.accuracy.mean for result in results}


# -- what was planted is found ----------------------------------------------------------------


@pytest.mark.parametrize("planted", ["clip", "asr_sentiment"])
def test_ablation_finds_the_planted_modality(planted: str, tmp_path: Path):
    names = ("beats", "clip", "asr_sentiment")
    store = collection(
        *names, single={planted: 1.2}, missing={}, labels=("a", "b", "c"), train=120, test=90
    )
    conditions = experiments.ablation(store, replace(QUICK, epochs=20, rate=1e-2), "paper", None)
    found = by_name(experiments.run(conditions, [0], tmp_path))
    assert list(found) == [
        "all",
        *(f"{word} {name}" for word in ("without", "only") for name in sorted(names)),
    ]
    chance, noise = 1 / 3, 5 * (1 / 3 * 2 / 3 / 90) ** 0.5
    for name in names:
        if name == planted:
            assert found[f"without {name}"] < chance + noise
            assert found[f"only {name}"] > 0.8
        else:
            assert found[f"without {name}"] > 0.8
            assert found[f"only {name}"] < chance + noise
    assert found["all"] > 0.8


def test_agreement_in_time_takes_attention():
    plan = {"single": {}, "agreement": ("beats", "clip"), "strength": 2.0, "labels": ("a", "b")}
    store = collection("beats", "clip", missing={}, seconds=(24, 40), train=400, test=200, **plan)
    lesson = Lesson(store, replace(QUICK, d_model=32, epochs=25, dropout=0.0, patience=25))
    crossing, _ = lesson.fit()
    assert lesson.accuracy(crossing) > 0.9
    noise = 4 * (0.25 / 200) ** 0.5
    for name in ("mean-pooled MLP", "element-wise sum"):
        blind, _ = lesson.fit(build=FUSIONS[name])
        assert abs(lesson.accuracy(blind) - 0.5) < noise, name


def test_cleaning_gains_where_blacklisted_videos_are_noise(tmp_path: Path):
    store = make(
        Plan(train=150, test=150, dims=DIMS, single={"clip": 1.0}, missing={}, problems=0.4)
    )
    kept = experiments.only(store, ["beats", "clip"])
    enough = replace(QUICK, epochs=40, patience=40)  # fewer videos make fewer steps an epoch
    results = experiments.run(experiments.cleaning(kept, enough, "paper", None), [0], tmp_path)
    found = by_name(results)
    assert found["cleaned"] > found["original"] + 0.2
    half = found["trained on original, tested on cleaned"]
    assert found["original"] + 0.2 < half <= found["cleaned"] + 0.02
    sizes = [(result.runs[0].train, result.runs[0].test) for result in results]
    assert sizes[0] == (135, 150)
    assert sizes[1] == (135, sizes[2][1])
    assert sizes[2][0] < 135


def test_more_frames_show_a_rare_sign(tmp_path: Path):
    """One row in eleven shows the label, and the first, which n = 1 takes, does not."""
    store = collection("clip", single={}, missing={}, labels=("a", "b"), seconds=(24, 24))
    rng = np.random.default_rng(4)
    direction = rng.normal(size=DIMS["clip"]) * 12
    videos = []
    for video in store.videos:
        rows = np.array(video.features["clip"])
        rows[5::11] += np.where(video.label, direction, -direction)
        videos.append(replace(video, features={"clip": rows}))
    signs = checked_store(store.schema, videos)
    conditions = experiments.frames(signs, replace(QUICK, epochs=8), "paper", None)
    assert [condition.amount for condition in conditions] == [1, 2, 4, 8, 16, 32]
    ends = experiments.run([conditions[0], conditions[-1]], [0], tmp_path)
    few, many = (result.accuracy.mean for result in ends)
    assert many > 0.9
    assert few < many - 0.2


@pytest.mark.parametrize("name", list(FUSIONS))
def test_no_fusion_hears_padding_or_what_is_absent(name: str):
    lesson = Lesson(collection(train=40, test=20))
    model = lesson.model(build=FUSIONS[name]).eval()
    batch = lesson.train.equidistant(slice(None))
    assert any((~mask.any(1)).any() for mask in batch.present.values())
    scores = model(batch.values, batch.present)
    assert scores.shape == (36, 6)
    assert scores.isfinite().all()
    noisy = {
        feature: torch.where(batch.present[feature][..., None], value, torch.rand_like(value))
        for feature, value in batch.values.items()
    }
    torch.testing.assert_close(model(noisy, batch.present), scores)
    scores.sum().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


# -- the files --------------------------------------------------------------------------------


@pytest.fixture
def conditions() -> list[Condition]:
    store = collection("clip", "beats", train=40, test=20)
    return experiments.fusion(store, replace(QUICK, epochs=1), "paper", None)[:3]


class PowerCutError(Exception):
    """What ends an experiment in these tests."""


def test_an_experiment_goes_on_where_it_was_cut(conditions, tmp_path):
    whole = experiments.run(conditions, [0, 1], tmp_path / "whole")
    trained: list[str] = []

    def cut_in_the_third(condition: str) -> Callbacks:
        def epoch(_: object) -> None:
            trained.append(condition)
            if len(trained) == 4:
                raise PowerCutError

        return Callbacks(on_epoch=epoch)

    with pytest.raises(PowerCutError):
        experiments.run(conditions, [0, 1], tmp_path / "cut", callbacks=cut_in_the_third)
    assert len(experiments.read_runs(tmp_path / "cut" / experiments.RUNS)) == 3
    trained.clear()
    again: list[str] = []

    def note(condition: str) -> Callbacks:
        return Callbacks(on_epoch=lambda _: again.append(condition))

    results = experiments.run(conditions, [0, 1], tmp_path / "cut", callbacks=note)
    names = [condition.name for condition in conditions]
    assert again == [names[1], names[2], names[2]]
    assert [result.runs for result in results] == [result.runs for result in whole]
    # Other options make other runs.
    other = [replace(one, recipe=replace(one.recipe, rate=1e-4)) for one in conditions]
    again.clear()
    experiments.run(other[:1], [0], tmp_path / "cut", callbacks=note)
    assert again == names[:1]
    (tmp_path / "cut" / experiments.RUNS).write_text("condition,seed\nx,y\n")
    with pytest.raises(DataError, match="damaged"):
        experiments.run(conditions, [0], tmp_path / "cut")


def test_tables_and_pictures(conditions, tmp_path):
    results = experiments.run(conditions, [0, 1, 2], tmp_path)
    paths = experiments.write("fusion", results, "Planted.", tmp_path)
    assert [path.name for path in paths] == ["fusion.md", "fusion.csv", "fusion.png"]
    text = paths[0].read_text("utf-8")
    assert "3 seeds" in text
    assert "Planted." in text
    with paths[1].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, result in zip(rows, results, strict=True):
        accuracies = [run.accuracy for run in result.runs]
        assert row["condition"] == result.condition.name
        assert float(row["accuracy"]) == pytest.approx(np.mean(accuracies))
        assert float(row["accuracy_sd"]) == pytest.approx(np.std(accuracies, ddof=1))
        assert f"| {result.condition.name} | {result.accuracy.percent()} |" in text
    with Image.open(paths[2]) as picture:
        assert picture.size[0] > 800


def test_the_command(tmp_path, capsys):
    stores.append(tmp_path / "store", make(Plan(train=30, test=18, dims=DIMS)))
    quick = ["--seeds", "1", "--epochs", "1", "--d-model", "8", "--out", str(tmp_path / "out")]
    assert main.main(["experiment", "frames", str(tmp_path / "store"), *quick]) == 0
    said = capsys.readouterr()
    assert "| n = 32 |" in said.out
    assert "n = 4" in said.err
    assert (tmp_path / "out" / "frames.png").exists()
    assert (tmp_path / "out" / "runs.csv").exists()


def test_one_feature_cannot_be_left_out():
    store = collection("clip", train=30, test=12)
    with pytest.raises(UsageError, match="one feature"):
        experiments.ablation(store, QUICK, "paper", None)


def test_the_app_protocol_cannot_be_cleaned_further():
    store = collection("clip", "beats", train=30, test=12)
    with pytest.raises(UsageError, match="always leaves out"):
        experiments.cleaning(store, QUICK, "app", None)


# -- memory -----------------------------------------------------------------------------------


def test_memory_and_time_are_measured_on_generated_videos(tmp_path, capsys):
    out = tmp_path / "out"
    sizes = ["--lengths", "2", "--heights", "90", "--repeats", "1", "--preset", "embedded"]
    command = ["experiment", "memory", str(tmp_path), "--out", str(out), *sizes]
    assert main.main([*command, "--device", "cpu"]) == 0
    assert "2 s, 90p" in capsys.readouterr().out
    with (out / "memory.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert 200 < float(row["peak_mib"]) < 20_000  # Python with torch alone takes the lower
    assert 0.1 < float(row["seconds"]) < 300
    assert {path.name for path in tmp_path.iterdir()} == {"out"}  # the videos are gone
    assert {path.name for path in out.iterdir()} == {"memory.md", "memory.csv", "memory.png"}


def test_an_analysis_that_fails_is_reported(tmp_path):
    (tmp_path / "no video.mp4").write_bytes(b"nothing")
    with pytest.raises(EngineError, match=r"no video\.mp4 could not be analysed"):
        footprint._analyse(tmp_path / "no video.mp4", "embedded", "cpu")


def test_memory_is_drawn_by_length_and_height(tmp_path):
    cases = [
        footprint.Case(length, height, spread([100.0 * height, 101.0 * height]), spread([1, 2]))
        for length in (10, 20)
        for height in (90, 180)
    ]
    paths = footprint.write(cases, "Made up.", tmp_path)
    assert "Made up. Mean ± SD of 2 runs" in paths[0].read_text("utf-8")
    assert "| 20 s, 180p | 18090 ± 127 | 1.5 ± 0.7 |" in paths[0].read_text("utf-8")
    with Image.open(paths[2]) as picture:
        assert picture.size[0] > picture.size[1]
