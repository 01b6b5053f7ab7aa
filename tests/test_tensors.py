"""Each rule by which features become the classifier's input."""

import numpy as np
import pytest
import torch

from vemoclap.classifier.inputs import assemble
from vemoclap.classifier.model import Config, FeatureSpec
from vemoclap.errors import EngineError
from vemoclap.records import OK, Feature, Features, absent

CONFIG = Config(
    features={
        "clip": FeatureSpec("clip/test", 4, 2, minimum=-2.0, maximum=8.0),
        "asr_sentiment": FeatureSpec("words/test", 1, 3, minimum=0.0, maximum=4.0),
    },
    engines={},
    note="",
)
WORDS = np.array([[1.0, 2.0, 4.0]], np.float32)


def features(clip: object, *, space: str = "clip/test") -> Features:
    values = None if clip is None else np.array(clip, np.float32)
    status = OK if clip is not None else absent("nothing there")
    return Features(
        by_name={
            "clip": Feature("clip", space, values, status),
            "asr_sentiment": Feature("asr_sentiment", "words/test", WORDS, OK),
        },
        engines={},
    )


def numbers(*rows: float) -> list[list[float]]:
    return [[value, value] for value in rows]


def test_values_are_scaled_by_the_training_s_minimum_and_maximum():
    values, present = assemble([features(numbers(-2, 8, 3, 13))], CONFIG)
    # 13 lies beyond the training's maximum and is not clipped.
    torch.testing.assert_close(values["clip"], torch.tensor([numbers(0, 1, 0.5, 1.5)]))
    torch.testing.assert_close(values["asr_sentiment"], torch.tensor([[[0.25, 0.5, 1.0]]]))
    assert present["clip"].tolist() == [[True] * 4]
    assert present["asr_sentiment"].tolist() == [[True]]
    assert values["clip"].dtype == torch.float32


def test_too_few_rows_are_followed_by_zeros_after_scaling():
    values, present = assemble([features(numbers(8, 8))], CONFIG)
    # A zero padded before scaling would be 0.2.
    assert values["clip"].tolist() == [numbers(1, 1, 0, 0)]
    assert present["clip"].tolist() == [[True, True, False, False]]


def test_what_is_absent_is_zeros_and_not_scaled_zeros():
    values, present = assemble([features(None)], CONFIG)
    assert values["clip"].tolist() == [numbers(0, 0, 0, 0)]
    assert present["clip"].tolist() == [[False] * 4]


def test_of_too_many_rows_equidistant_ones_are_kept():
    values, _ = assemble([features(numbers(*range(9)))], CONFIG)
    kept = (values["clip"][0, :, 0] * 10 - 2).round().tolist()
    assert kept == [0, 3, 5, 8]  # round(linspace(0, 8, 4))


def test_another_feature_space_is_an_error():
    with pytest.raises(EngineError, match=r"clip of clip/test, and this is clip/other"):
        assemble([features(numbers(1), space="clip/other")], CONFIG)


def test_another_width_is_an_error():
    with pytest.raises(EngineError, match="2 numbers a row"):
        assemble([features([[1.0, 2.0, 3.0]])], CONFIG)


def test_a_feature_that_nobody_extracted_is_an_error():
    found = features(numbers(1))
    with pytest.raises(EngineError, match="asr_sentiment"):
        assemble([Features({"clip": found.by_name["clip"]}, {})], CONFIG)


def test_the_features_are_left_as_they_are():
    found = features(numbers(1, 2))
    assemble([found], CONFIG)
    assert found.by_name["clip"].values.tolist() == numbers(1, 2)
