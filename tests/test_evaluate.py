"""Judging a classifier: metrics, calibration, the files, and the whole way from a released file."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests import planted
from tests.lessons import DIMS, QUICK, one_thread
from tests.miniatures import Hub
from tests.planted import Plan, make
from vemoclap.analyser import Analyser
from vemoclap.classifier import model as classifier_model
from vemoclap.cli import main
from vemoclap.errors import DataError, UsageError, WeightsError
from vemoclap.records import EMOTIONS
from vemoclap.training import (
    calibration,
    evaluate,
    evaluation_report,
    metrics,
    model_card,
    train,
)
from vemoclap.training import feature_store as stores
from vemoclap.training.records import Split, checked_store

__all__ = ["one_thread"]
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
CARD = Path(__file__).resolve().parents[1] / "checkpoints" / "released" / "card.md"


# -- numbers ----------------------------------------------------------------------------------


def test_metrics_of_a_case_worked_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    answers = np.array([0, 0, 1, 1, 0, 0])
    found = metrics.measure(labels, answers, ("a", "b", "c", "d"))
    assert found.confusion == ((2, 1, 0, 0), (1, 1, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))
    assert found.accuracy == pytest.approx(3 / 6)
    assert [one.precision for one in found.classes] == pytest.approx([2 / 4, 1 / 2, 0, 0])
    assert [one.recall for one in found.classes] == pytest.approx([2 / 3, 1 / 2, 0, 0])
    assert [one.support for one in found.classes] == [3, 2, 1, 0]
    f1 = [2 * 0.5 * (2 / 3) / (0.5 + 2 / 3), 0.5, 0, 0]
    assert found.macro_f1 == pytest.approx(sum(f1) / 4)


def test_a_spread_over_runs():
    found = metrics.spread([0.5, 0.6, 0.7])
    assert (found.mean, found.sd, found.runs) == (pytest.approx(0.6), pytest.approx(0.1), 3)
    assert found.percent() == "60.0 ± 10.0"
    assert metrics.spread([0.652]).percent() == "65.2"


def test_the_calibration_error_of_a_case_worked_by_hand():
    # Two answers, sure by 0.9 and 0.7; of the first kind 6 of 8 are right, of the second 1 of 2.
    chances = np.array([[0.9, 0.1]] * 8 + [[0.7, 0.3]] * 2)
    labels = np.array([0] * 6 + [1] * 2 + [0, 1])
    found = calibration.reliability(np.log(chances), labels)
    assert found.ece == pytest.approx(0.8 * (0.9 - 6 / 8) + 0.2 * (0.7 - 1 / 2))
    filled = [one for one in found.bins if one.count]
    assert [(one.count, one.accuracy) for one in filled] == [(2, 0.5), (8, 0.75)]
    assert sum(one.count for one in found.bins) == len(labels)


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_fitted_temperature_is_the_true_one(true: float):
    rng = np.random.default_rng(3)
    honest = rng.normal(size=(4000, 6)) * 1.5
    chances = calibration.probabilities(honest)
    labels = np.array([rng.choice(6, p=row) for row in chances])
    scores = honest * true
    found = calibration.temperature(scores, labels)
    assert found == pytest.approx(true, rel=0.1)
    before, after = (calibration.reliability(scores / heat, labels) for heat in (1.0, found))
    assert after.nll <= before.nll
    assert after.ece < 0.03


# -- a checkpoint -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and beside it a checkpoint of two seeds."""
    folder = tmp_path_factory.mktemp("evaluate")
    store = make(Plan(train=180, test=90, dims=DIMS, single={"clip": 0.6, "beats": 0.6}))
    stores.append(folder / "store", store)
    torch.set_num_threads(1)
    plan = train.Plan(replace(QUICK, epochs=8), seeds=(0, 1))
    train.train(store, folder / "ours", plan)
    return folder


def test_the_files_of_an_evaluation(folder, tmp_path, capsys):
    command = ["evaluate", str(folder / "ours"), str(folder / "store"), "--out", str(tmp_path)]
    assert main.main(command) == 0
    said = capsys.readouterr().out
    content = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    assert (tmp_path / "evaluation.md").read_text("utf-8") in said
    assert content["labels"] == list(EMOTIONS)
    assert content["accuracy"]["runs"] == 2
    accuracies = [run["metrics"]["accuracy"] for run in content["runs"]]
    assert content["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert content["accuracy"]["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert min(accuracies) > 0.5  # chance is a sixth
    table = np.sum([run["metrics"]["confusion"] for run in content["runs"]], axis=0)
    assert table.sum() == 2 * 90
    np.testing.assert_allclose(content["confusion"], table / table.sum(1, keepdims=True))
    for method, accuracy in evaluation_report.ACCURACIES.items():
        assert f"| {method} | {accuracy:.2f} |" in said
    for name in ("confusion.png", "reliability.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 400
    assert main.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == content


def test_the_stored_temperature_is_in_every_answer(folder):
    store = stores.read(folder / "store")
    evaluation = evaluate.evaluate(folder / "ours", store)
    for run, member in zip(evaluation.runs, evaluate.members(folder / "ours"), strict=True):
        model = classifier_model.read(member)
        heat = model.config.temperature
        assert heat == run.temperature != 1
        assert run.after.nll < run.before.nll
        values = {name: torch.rand(1, s.length, s.dim) for name, s in model.config.features.items()}
        present = {name: torch.ones(value.shape[:2]) > 0 for name, value in values.items()}
        warm = model(values, present)
        model.config = replace(model.config, temperature=1.0)
        torch.testing.assert_close(warm * heat, model(values, present))


def test_calibrating_anew_repairs_a_wrong_temperature(folder, tmp_path):
    shutil.copytree(folder / "ours", tmp_path / "copy")
    copy, store = tmp_path / "copy", stores.read(folder / "store")
    right = [classifier_model.read(member).config.temperature for member in evaluate.members(copy)]
    for member in (*evaluate.members(copy), copy):
        model = classifier_model.read(member)
        model.config = replace(model.config, temperature=7.0)
        classifier_model.save(model, member)
    assert {run.temperature for run in evaluate.evaluate(copy, store).runs} == {7.0}
    assert main.main(["evaluate", str(copy), str(folder / "store"), "--calibrate"]) == 0
    found = [run.temperature for run in evaluate.evaluate(copy, store).runs]
    assert found == pytest.approx(right, rel=1e-3)
    assert classifier_model.read(copy).config.temperature in found


def test_the_split_of_training_is_kept(folder, tmp_path):
    store = stores.read(folder / "store")
    everything_tests = store.with_splits({video.id: Split.TEST for video in store.videos})
    evaluation = evaluate.evaluate(folder / "ours", everything_tests)
    assert evaluation.runs[0].metrics.count == 90  # and not those that it learnt from
    others = make(Plan(seed=5, train=30, test=30, dims=DIMS))
    renamed = checked_store(
        others.schema, [replace(video, id=f"other/{video.id}") for video in others.videos]
    )
    assert evaluate.evaluate(folder / "ours", renamed).runs[0].metrics.count == 30
    some = store.without(video.id for video in store.of(Split.TEST)[:3])
    with pytest.raises(DataError, match="2 other videos"):
        evaluate.evaluate(folder / "ours", some)


def test_what_does_not_fit_is_refused(folder, tmp_path):
    store = stores.read(folder / "store")
    schema = store.schema
    columns = {**schema.columns, "clip": replace(schema.columns["clip"], space="clip/other")}
    with pytest.raises(DataError, match="clip/other"):
        evaluate.evaluate(folder / "ours", replace(store, schema=replace(schema, columns=columns)))
    backwards = replace(schema, labels=EMOTIONS[::-1])
    with pytest.raises(DataError, match="surprise, sadness"):
        evaluate.evaluate(folder / "ours", replace(store, schema=backwards))
    with pytest.raises(DataError, match="no trained classifier"):
        evaluate.evaluate(tmp_path, store)
    engines = {**schema.engines, "ocr": "another"}
    warned = evaluate.evaluate(
        folder / "ours", replace(store, schema=replace(schema, engines=engines))
    )
    assert "another for ocr" in " ".join(warned.warnings) or "ocr" in warned.warnings[0]
    assert "ocr" in evaluation_report.markdown(warned)


# -- the released classifier ------------------------------------------------------------------


def test_the_released_classifier_has_a_card():
    text = CARD.read_text("utf-8")
    assert text == model_card.released()
    for row in evaluation_report.CONFUSION:
        assert sum(row) == pytest.approx(1, abs=0.02)
    mean_recall = np.mean([row[place] for place, row in enumerate(evaluation_report.CONFUSION)])
    assert mean_recall == pytest.approx(0.6528, abs=0.01)  # classes of about the same size


def test_the_released_classifier_is_evaluated_by_name(hub: Hub, monkeypatch, tmp_path, capsys):
    _ = hub / "cross-attention"
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub.home))
    monkeypatch.chdir(tmp_path)
    stores.append(tmp_path / "store", make(Plan(train=12, test=12)))
    assert main.main(["evaluate", "released", str(tmp_path / "store")]) == 0
    assert "12 videos" in capsys.readouterr().out
    assert (tmp_path / "results" / "released" / "confusion.png").exists()
    assert main.main(["evaluate", "released", str(tmp_path / "store"), "--calibrate"]) == 2
    assert "stays as it was published" in capsys.readouterr().err


# -- from a released file to an analysis ------------------------------------------------------


def test_a_released_file_goes_all_the_way(hub: Hub, monkeypatch, tmp_path, capsys):
    """Import, train, evaluate, analyze: real commands; the features have the published shapes."""
    for artefact in ("clip", "beats", "audioset-ontology"):
        _ = hub / artefact
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub.home))
    file, folder, out = tmp_path / "features.pkl", tmp_path / "store", tmp_path / "ours"
    planted.main(["--pickle", str(file), "--videos", "60", "--single", "clip=0.6"])
    ids = [video.id for video in make(Plan(train=30, test=30)).videos]
    for name, part in (("train", ids[::2]), ("test", ids[1::2])):
        (tmp_path / f"{name}.txt").write_text("\n".join(part))
    lists = ["--train", str(tmp_path / "train.txt"), "--test", str(tmp_path / "test.txt")]
    assert main.main(["features", "import", str(file), "--out", str(folder), *lists]) == 0
    quick = ["--epochs", "2", "--d-model", "16", "--lr", "0.001"]
    assert main.main(["train", str(folder), "--out", str(out), *quick]) == 0
    assert main.main(["evaluate", str(out), str(folder)]) == 0
    capsys.readouterr()
    left_out = ("faces", "ocr", "vad", "transcribe", "language", "segment", "spell", "sentiment")
    changes = ["image=clip", "sound=beats", *(f"{role}=none" for role in left_out)]
    pairs = [word for change in changes for word in ("--role", change)]
    video = str(SAMPLES / "silent.webm")
    analyze = ["analyze", video, "--preset", "embedded", "--checkpoint", str(out), "--json"]
    assert main.main([*analyze, "--n", "4", *pairs]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["emotion"]["status"]["state"] == "ok"
    assert "Trained here on 27 videos" in json.dumps(found["emotion"])
    engine = next(one for one in found["engines"] if one["role"] == "emotion")
    assert engine["engine"] == "cross-attention"
    assert str(out) in json.dumps(engine)


def test_a_checkpoint_and_an_engine_for_emotion_exclude_each_other(folder, tmp_path):
    with pytest.raises(UsageError, match="not both"):
        Analyser(
            "embedded",
            overrides={"emotion": "valence-arousal"},
            checkpoint=folder / "ours",
        )
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        Analyser("embedded", checkpoint=tmp_path)
