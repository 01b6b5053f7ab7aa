"""The estimate goes the way its sources say, and admits what it does not know."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemoclap.errors import EngineError
from vemoclap.readings import affect as readings_affect
from vemoclap.records import (
    EMOTIONS,
    OK,
    Affect,
    Curves,
    Feature,
    Features,
    ScreenReading,
    Sentiment,
    SpeechReading,
    State,
    absent,
)

NOTHING = absent("nothing")
COUNT = 30


def curves_of(**levels):
    """Return level curves 30 s long; what is not named is as in a usual video."""
    usual = {
        "motion": 0.04,
        "cut_rate": 0.2,
        "brightness": 0.45,
        "saturation": 0.35,
        "sound_energy": 0.1,
    }
    flat = {name: np.full(COUNT, level, np.float32) for name, level in {**usual, **levels}.items()}
    return Curves(times_s=np.arange(COUNT) + 0.5, step_s=1.0, cuts_s=(), **flat)


def tone(valence):
    return None if valence is None else Sentiment("any", 0.5, valence, None)


def estimate(speech=None, screen=None, **levels):
    return readings_affect.estimate(
        curves_of(**levels),
        SpeechReading(NOTHING, None, NOTHING, None, NOTHING, tone(speech)),
        ScreenReading(NOTHING, None, None, None, NOTHING, tone(screen)),
    )


def valence(**evidence):
    return float(estimate(**evidence).valence.mean())


def arousal(**evidence):
    return float(estimate(**evidence).arousal.mean())


def score(affect):
    return readings_affect.load("cpu")(Features({"affect": readings_affect.feature(affect)}, {}))


# -- valence and arousal ----------------------------------------------------------------------


def test_a_usual_video_is_near_the_middle():
    assert abs(valence()) < 0.05
    assert abs(arousal()) < 0.05


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("motion", [0.003, 0.01, 0.04, 0.1]),
        ("cut_rate", [0.06, 0.2, 0.5, 1.0]),
        ("sound_energy", [0.003, 0.03, 0.1, 0.4]),
        ("saturation", [0.0, 0.3, 0.6]),
    ],
)
def test_more_of_it_is_more_exciting(name, levels):
    values = [arousal(**{name: level}) for level in levels]
    assert all(np.diff(values) > 0.01)


def test_brighter_and_more_colourful_is_more_pleasant():
    assert all(np.diff([valence(brightness=level) for level in (0.1, 0.4, 0.7)]) > 0.05)
    assert all(np.diff([valence(saturation=level) for level in (0.1, 0.4, 0.7)]) > 0.02)


def test_darker_is_more_exciting():
    assert arousal(brightness=0.2) > arousal(brightness=0.7)


def test_kind_words_are_more_pleasant_wherever_they_stand():
    for place in ("speech", "screen"):
        assert all(np.diff([valence(**{place: v}) for v in (-0.9, 0.0, 0.9)]) > 0.2)
    assert valence(speech=0.9, screen=-0.9) == pytest.approx(valence(speech=0.0), abs=1e-6)


def test_words_weigh_more_than_colour():
    assert valence(speech=0.9, brightness=0.0, saturation=0.0) > 0.3
    assert valence(speech=-0.9, brightness=1.0, saturation=1.0) < -0.3


def test_colour_alone_stays_cautious():
    assert valence(brightness=1.0, saturation=1.0) <= readings_affect.COLOUR_REACH
    assert valence(brightness=0.0, saturation=0.0) >= -readings_affect.COLOUR_REACH


def test_black_silent_and_still_is_calm_and_all_but_neutral():
    affect = estimate(motion=0, cut_rate=0, brightness=0, saturation=0, sound_energy=0)
    assert affect.arousal.max() < -0.3
    assert -0.45 < affect.valence.min() <= affect.valence.max() <= 0
    assert np.isfinite(score(affect).probabilities).all()
    assert max(score(affect).probabilities) < 0.65


def test_a_moment_of_noise_is_felt_about_that_moment_and_smoothly():
    sound = np.full(COUNT, 0.01, np.float32)
    sound[15] = 0.5
    curves = replace(curves_of(), sound_energy=sound)
    nothing = SpeechReading(NOTHING, None, NOTHING, None, NOTHING, None)
    screen = ScreenReading(NOTHING, None, None, None, NOTHING, None)
    affect = readings_affect.estimate(curves, nothing, screen)
    assert int(np.argmax(affect.arousal)) == 15
    assert affect.arousal[14] > affect.arousal[2] + 0.01


@pytest.mark.parametrize("name", ["motion", "cut_rate", "brightness", "saturation", "sound_energy"])
def test_what_is_unknown_is_left_out(name):
    affect = estimate(**{name: np.nan})
    assert np.isfinite(affect.arousal).all()
    known = {"sound_energy": "sound energy", "cut_rate": "cuts", "motion": "motion"}
    assert known.get(name, "brightness and saturation") not in affect.basis


def test_the_basis_names_the_evidence():
    assert estimate(speech=0.1, screen=0.2).basis == (
        "motion",
        "cuts",
        "sound energy",
        "brightness and saturation",
        "sentiment of the speech",
        "sentiment of the text on the screen",
    )


def test_nothing_known_is_nan_and_no_feature():
    everything = ("motion", "cut_rate", "brightness", "saturation", "sound_energy")
    affect = estimate(**dict.fromkeys(everything, np.nan))
    assert np.isnan(affect.valence).all()
    assert np.isnan(affect.arousal).all()
    assert affect.basis == ()
    feature = readings_affect.feature(affect)
    assert feature.values is None
    assert feature.status.state is State.ABSENT
    worded = estimate(speech=0.5, **dict.fromkeys(everything, np.nan))
    np.testing.assert_allclose(worded.valence, 0.5)
    assert np.isfinite(score(worded).probabilities).all()


# -- feature and probabilities ----------------------------------------------------------------


def test_the_feature_holds_both_curves():
    affect = estimate()
    feature = readings_affect.feature(affect)
    assert (feature.name, feature.space) == ("affect", "affect/valence-arousal/v1")
    np.testing.assert_array_equal(feature.values, np.stack([affect.valence, affect.arousal], 1))
    assert feature.values.dtype == np.float32
    assert feature.status.ok


def at(valence, arousal):
    return Affect(np.zeros(1), np.float32([valence]), np.float32([arousal]), ("test",))


UNIT = st.one_of(st.floats(-1, 1), st.just(float("nan")))


@given(st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=20))
def test_probabilities_are_probabilities(points):
    columns = np.float32(points).T
    affect = Affect(np.arange(len(points)), columns[0], columns[1], ())
    if np.isnan(columns).all():
        with pytest.raises(EngineError):
            score(affect)
        return
    scores = score(affect)
    assert len(scores.probabilities) == len(EMOTIONS)
    assert sum(scores.probabilities) == pytest.approx(1)
    assert all(0 <= p <= 1 for p in scores.probabilities)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_each_emotion_is_likeliest_at_its_published_place(emotion):
    pleasure, _, excitement, _ = readings_affect.PLACES[emotion]
    sure = readings_affect.probabilities(
        np.float32([pleasure]), np.float32([excitement]), spread=0.0
    )
    assert EMOTIONS[int(sure[0].argmax())] == emotion


@pytest.mark.parametrize("emotion", ["anger", "joy", "sadness", "surprise"])
def test_these_stay_likeliest_with_the_estimates_own_uncertainty(emotion):
    pleasure, _, excitement, _ = readings_affect.PLACES[emotion]
    assert score(at(pleasure, excitement)).ranked[0][0] == emotion


@pytest.mark.parametrize("emotion", ["anger", "disgust", "fear"])
def test_these_three_cannot_be_told_apart(emotion):
    """The note that goes with the scores says so."""
    pleasure, _, excitement, _ = readings_affect.PLACES[emotion]
    ranked = score(at(pleasure, excitement)).ranked
    assert {name for name, _ in ranked[:3]} == {"anger", "disgust", "fear"}
    assert ranked[0][1] - ranked[2][1] < 0.1


def test_an_unknown_axis_says_nothing():
    both = score(at(0.7, float("nan"))).probabilities
    assert both[EMOTIONS.index("joy")] == max(both)
    only = score(at(float("nan"), -0.5)).ranked
    assert only[0][0] == "sadness"


def test_a_weak_estimate_is_nearly_even():
    assert max(score(at(0.0, 0.0)).probabilities) < 0.3


def test_time_steps_weigh_alike_and_unknown_ones_not_at_all():
    nan = float("nan")
    twice = Affect(np.arange(3), np.float32([0.7, nan, -0.6]), np.float32([0.5, nan, -0.3]), ())
    one, other = score(at(0.7, 0.5)).probabilities, score(at(-0.6, -0.3)).probabilities
    np.testing.assert_allclose(score(twice).probabilities, np.add(one, other) / 2, rtol=1e-5)


def test_the_scores_say_that_they_are_an_estimate():
    scores = score(estimate())
    assert not scores.trained
    assert "untrained" in scores.note.lower()
    assert scores.method == "valence-arousal estimate"


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "no affect feature"),
        (
            {"affect": Feature("affect", readings_affect.SPACE, None, absent("No light."))},
            "No light",
        ),
        ({"affect": Feature("affect", "affect/v0", np.zeros((1, 2), np.float32), OK)}, "affect/v0"),
        (
            {"affect": Feature("affect", readings_affect.SPACE, np.full((2, 2), np.nan), OK)},
            "unknown",
        ),
    ],
)
def test_without_affect_there_is_no_answer(features, message):
    with pytest.raises(EngineError, match=message):
        readings_affect.load("cpu")(Features(features, {}))
