"""Evidence from classifiers whose hand-set weights make the right answer known."""

import math

import numpy as np
import pytest
import torch

from tests.hub.classifier import build_cross_attention
from vemoclap.classifier import engine, explain
from vemoclap.classifier.model import RELEASED, Classifier, Config, FeatureSpec
from vemoclap.errors import EngineError
from vemoclap.records import EMOTIONS, OK, Feature, Features, absent

WIDTH, ROWS = 4, 4
CONFIG = Config(
    features={
        name: FeatureSpec(name, 1 if "sentiment" in name else ROWS, WIDTH, 0.0, 1.0)
        for name in RELEASED.features
    },
    engines={"ocr": "paddleocr"},
    note="Made by hand.",
    d_model=8,
    heads=2,
)
FEAR = EMOTIONS.index("fear")
PARTS = sorted([*CONFIG.pairs, *CONFIG.vectors])  # the order in which they are concatenated


def empty() -> Classifier:
    """Return a classifier that answers 1/6 to everything."""
    model = Classifier(CONFIG).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.zero_()
    return model


def let(linear: torch.nn.Linear, row: int, column: int, weight: float = 1.0) -> None:
    linear.weight[row, column] = weight


def only_beats_drives_fear() -> Classifier:
    """Return one in which any sound makes a score of 3 for fear, by way of clip asking beats."""
    model = empty()
    let(model.encoders["beats"], 0, 0)
    let(model.value_proj["beats"], 0, 0)
    attention = model.attention_layers["clip_beats"]
    attention.in_proj_weight[2 * 8, 0] = 1  # values come after 8 rows of queries and 8 of keys
    let(attention.out_proj, 0, 0)
    # Layer norm of (x, 0, ..., 0) in 8 dimensions begins with the square root of 7.
    model.attn_norms["clip_beats"].weight[0] = 3 / math.sqrt(7)
    let(model.cls_mlp[0], FEAR, 8 * PARTS.index("clip_beats"))
    return model


def beats_looks_at_the_brightest_frame() -> Classifier:
    """Return one whose first head, when beats asks clip, sees only the frame of largest value."""
    model = empty()
    model.encoders["beats"].bias[0] = 1
    let(model.encoders["clip"], 0, 0)
    let(model.query_proj["beats"], 0, 0)
    let(model.key_proj["clip"], 0, 0)
    attention = model.attention_layers["beats_clip"]
    attention.in_proj_weight[0, 0] = 1
    attention.in_proj_weight[8, 0] = 1000
    return model


def features(**values: object) -> Features:
    found = {}
    for name in CONFIG.features:
        rows = values.get(name)
        array = None if rows is None else np.array(rows, np.float32)
        found[name] = Feature(name, name, array, OK if rows is not None else absent("none"))
    return Features(found, {"ocr": "rapidocr"})


def column(*first: float) -> list[list[float]]:
    return [[value, 0, 0, 0] for value in first]


# -- what moved the probabilities -------------------------------------------------------------


def test_the_feature_that_alone_drives_fear_moved_it_all():
    found = features(
        beats=column(1, 1, 1, 1), clip=column(1, 1), asr_sentiment=column(1), face_emotion=None
    )
    probabilities, why = explain.explain(only_beats_drives_fear(), found)
    fear = math.exp(3) / (math.exp(3) + 5)
    assert probabilities[FEAR] == pytest.approx(fear, abs=1e-3)  # layer norm's epsilon
    assert sum(probabilities) == pytest.approx(1)
    assert why.moved["beats"][FEAR] == pytest.approx(fear - 1 / 6, abs=1e-3)
    assert why.moved["beats"][0] == pytest.approx((1 - fear) / 5 - 1 / 6, abs=1e-3)
    for name in set(CONFIG.features) - {"beats"}:
        assert why.moved[name] == pytest.approx([0] * 6, abs=1e-6)
    assert why.sentence.startswith("The sound spoke most for fear, adding 63 percentage points")


def test_what_speaks_against_the_emotion_is_said():
    model = only_beats_drives_fear()
    let(model.encoders["asr_sentiment"], 0, 0)
    let(model.cls_mlp[0], FEAR, 8 * PARTS.index("asr_sentiment"), -1)
    _, why = explain.explain(model, features(beats=column(1), asr_sentiment=column(1)))
    with_words, without = (math.exp(s) / (math.exp(s) + 5) for s in (2, 3))
    assert why.moved["asr_sentiment"][FEAR] == pytest.approx(with_words - without, abs=1e-3)
    assert "while what is said spoke most against it, taking 20 percentage points" in why.sentence


def test_all_runs_are_one_batch(monkeypatch: pytest.MonkeyPatch):
    sizes = []
    attend = Classifier.attend
    monkeypatch.setattr(
        Classifier,
        "attend",
        lambda self, values, present: (
            sizes.append(len(values["clip"])) or attend(self, values, present)
        ),
    )
    explain.explain(empty(), features(clip=column(1)))
    assert sizes == [6]


def test_nothing_moved_is_said_too():
    _, why = explain.explain(empty(), features(clip=column(1, 1)))
    assert why.sentence == "No single kind of evidence spoke much for anger."


# -- where it looked --------------------------------------------------------------------------


def test_attention_is_the_mean_over_heads_and_pairs():
    found = features(clip=column(0, 0, 1, 0), beats=column(1, 1, 1, 1))
    _, why = explain.explain(beats_looks_at_the_brightest_frame(), found)
    beats_asks = (1 + 1 / 4) / 2  # one head sees only that frame, the other sees all alike
    face_asks = 1 / 4
    planted = (beats_asks + face_asks) / 2
    rest = (1 - planted) / 3
    assert why.frame_weights == pytest.approx((rest, rest, planted, rest), abs=1e-5)
    assert why.window_weights == pytest.approx((1 / 4,) * 4)
    assert why.sentence.endswith("; the classifier looked most at frame 3 of 4.")


def test_padding_is_left_out_of_the_weights():
    _, why = explain.explain(beats_looks_at_the_brightest_frame(), features(clip=column(0, 1)))
    # Both keep their shares among four: (1 + 1/4)/2 and 1/4 for one, (0 + 1/4)/2 and 1/4.
    planted, rest = (0.625 + 0.25) / 2, (0.125 + 0.25) / 2
    expected = (rest / (planted + rest), planted / (planted + rest))
    assert why.frame_weights == pytest.approx(expected, abs=1e-5)
    assert why.window_weights is None


def test_rows_that_were_not_kept_got_no_attention():
    found = features(clip=column(0, 0, 0, 9, 0, 1, 0, 0, 0))  # 0, 3, 5 and 8 are kept of nine
    _, why = explain.explain(beats_looks_at_the_brightest_frame(), found)
    weights = np.array(why.frame_weights)
    assert len(weights) == 9
    assert weights.argmax() == 3
    assert np.flatnonzero(weights).tolist() == [0, 3, 5, 8]
    assert weights.sum() == pytest.approx(1)


# -- the role ---------------------------------------------------------------------------------


def test_the_role_says_that_it_is_trained_and_how_well():
    scores = engine.judge(only_beats_drives_fear())(features(beats=column(1), clip=column(1)))
    assert scores.ranked[0][0] == "fear"
    assert scores.trained
    assert scores.method == "cross-attention"
    assert scores.note == "Made by hand."
    assert "rapidocr" in scores.warnings[0]


def test_a_video_with_no_feature_at_all_is_not_judged():
    with pytest.raises(EngineError, match="Nothing was found"):
        engine.judge(empty())(features())


def test_the_released_classifier_fills_the_role(tmp_path, monkeypatch: pytest.MonkeyPatch):
    build_cross_attention(tmp_path / "cross-attention")
    monkeypatch.setattr("vemoclap.weights.cache.folder", lambda name: tmp_path / name)
    judge = engine.load("cpu")
    rng = np.random.default_rng(0)
    by_name = {
        name: Feature(name, spec.space, rng.normal(size=(20, spec.dim)).astype(np.float32), OK)
        for name, spec in RELEASED.features.items()
    }
    scores = judge(Features(by_name, {}))
    why = scores.evidence
    assert len(scores.probabilities) == 6
    assert sum(scores.probabilities) == pytest.approx(1)
    assert "65 of 100" in scores.note
    assert set(why.moved) == set(RELEASED.features)
    assert len(why.frame_weights) == len(why.window_weights) == 20
