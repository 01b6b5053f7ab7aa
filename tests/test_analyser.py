"""One video through all stages: what breaks costs its own evidence, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from tests.videos import plain
from vemoclap import Analyser, analyze
from vemoclap.engines import roles
from vemoclap.engines.registry import EngineEntry
from vemoclap.engines.roles import EMBEDDED
from vemoclap.errors import EngineError, MediaError, UsageError
from vemoclap.records import Analysis, State


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory):
    return plain(tmp_path_factory.mktemp("video") / "plain.mp4")


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> roles.Preset:
    """A preset of plain functions, quick and sure."""
    monkeypatch.setattr(roles, "load", lambda role, engine, device: ENGINES[role])
    return EMBEDDED


ENGINES = {
    "faces": lambda frames: [() for _ in frames],
    "vad": lambda audio: (),
    "transcribe": lambda clip, spans: None,
    "ocr": lambda frames: [() for _ in frames],
    "language": lambda texts: [],
    "segment": str,
    "spell": list,
    "sentiment": lambda text: None,
    "emotion": roles.load("emotion", "valence-arousal", "cpu"),
}


def test_the_stages_come_in_order_and_are_reported(light, video):
    told = []
    analysis = Analyser(light).analyze(video, progress=lambda *step: told.append(step))
    assert [stage.stage for stage in analysis.stages] == [
        "video", "models", "faces", "pictures", "sound",
        "speech", "screen text", "caption", "curves", "emotion",
    ]  # fmt: skip
    assert all(stage.seconds >= 0 for stage in analysis.stages)
    order = list(dict.fromkeys(stage for stage, _, _ in told))
    assert order == [stage.stage for stage in analysis.stages]
    assert all(0 <= done <= total for _, done, total in told)


def test_an_analysis_holds_all_that_a_report_needs(light, video):
    analysis = Analyser(light).analyze(video, frame_count=5)
    assert isinstance(analysis, Analysis)
    assert len(analysis.clip.frames) == 5
    assert analysis.preset == "embedded"
    assert analysis.scores is not None
    assert sum(analysis.scores.probabilities) == pytest.approx(1)
    assert {use.role for use in analysis.engines} == set(roles.ROLES)
    assert analysis.readings.faces.status.state is State.ABSENT


@pytest.mark.parametrize("role", ["faces", "vad", "transcribe", "ocr", "emotion"])
def test_an_engine_that_breaks_costs_only_its_own_evidence(role, light, video, monkeypatch):
    def broken(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(
        roles, "load", lambda r, engine, device: broken if r == role else ENGINES[r]
    )
    analysis = Analyser(light).analyze(video)
    statuses = {
        "faces": analysis.readings.faces.status,
        "vad": analysis.readings.speech.status,
        "transcribe": analysis.readings.speech.transcript_status,
        "ocr": analysis.readings.screen.status,
        "emotion": analysis.scores_status,
    }
    assert statuses[role].state is State.FAILED
    assert "boom" in statuses[role].reason
    assert (analysis.scores is None) == (role == "emotion")
    independent = set(statuses) - {role, "transcribe" if role == "vad" else role}
    assert not any(statuses[r].state is State.FAILED for r in independent)


def test_an_engine_that_does_not_load_is_a_warning_and_a_failed_reading(light, video, monkeypatch):
    def load(role, engine, device):
        if role == "ocr":
            raise EngineError("The OCR library is broken; run setup.sh again.")
        return ENGINES[role]

    monkeypatch.setattr(roles, "load", load)
    analysis = Analyser(light).analyze(video)
    assert "The OCR library is broken; run setup.sh again." in analysis.warnings
    assert analysis.readings.screen.status.state is State.FAILED


def test_debugging_shows_the_error_itself(light, video, monkeypatch):
    def broken(*_):
        raise RuntimeError("boom")

    monkeypatch.setenv("VEMOCLAP_DEBUG", "1")
    monkeypatch.setattr(
        roles, "load", lambda r, engine, device: broken if r == "faces" else ENGINES[r]
    )
    with pytest.raises(RuntimeError, match="boom"):
        Analyser(light).analyze(video)


def test_models_stay_loaded_between_videos(video, monkeypatch):
    loaded = []

    def load(role, engine, device):
        loaded.append(role)
        return ENGINES[role]

    monkeypatch.setattr(roles, "load", load)
    analyser = Analyser(EMBEDDED)
    first, second = analyser.analyze(video), analyser.analyze(video)
    assert sorted(loaded) == sorted(ENGINES)
    assert first.scores == second.scores
    np.testing.assert_array_equal(first.clip.frames, second.clip.frames)


def test_a_role_left_out_is_skipped_and_not_loaded(light, video, monkeypatch):
    monkeypatch.setattr(
        roles, "load", lambda r, engine, device: ENGINES[r] if r != "ocr" else 1 / 0
    )
    analysis = Analyser(replace(light, ocr=None)).analyze(video)
    assert analysis.readings.screen.status.state is State.SKIPPED


def test_a_file_is_refused_before_any_model_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(roles, "load", lambda *_: pytest.fail("loaded a model"))
    with pytest.raises(MediaError):
        Analyser(EMBEDDED).analyze(tmp_path / "nothing.mp4")


@pytest.mark.parametrize("count", [0, -1, 513])
def test_an_impossible_number_of_frames_is_refused(count, video):
    with pytest.raises(UsageError, match="1 to 512"):
        Analyser(EMBEDDED).analyze(video, frame_count=count)


def test_the_function_takes_names_and_overrides(light, video):
    analysis = analyze(video, preset="embedded", overrides={"ocr": "none"}, device="cpu")
    assert analysis.readings.screen.status.state is State.SKIPPED
    assert analysis.device == "cpu"


def test_what_does_not_exist_is_refused_by_name():
    with pytest.raises(UsageError, match="'tpu'"):
        Analyser(EMBEDDED, device="tpu")
    with pytest.raises(UsageError, match="not in both"):
        Analyser(EMBEDDED, overrides={"ocr": "none"})


def test_a_missing_gpu_is_said_plainly(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device cpu"):
        _ = Analyser(EMBEDDED, device="cuda").device
    assert Analyser(EMBEDDED).device == "cpu"


def test_every_engine_of_the_table_can_be_found():
    for role, engines in roles.ENGINES.items():
        for name, entry in engines.items():
            assert isinstance(entry, EngineEntry), (role, name)
            module, _, function = entry.loader.partition(":")
            assert module.startswith("vemoclap.")
            assert function.startswith("load")
