"""Each rule by which features become a network's input, and that one function holds them all."""

import numpy as np
import pytest
import torch

from vemoclap.classifier import inputs
from vemoclap.classifier.explain import explain
from vemoclap.classifier.inputs import assemble
from vemoclap.classifier.model import Classifier, Config, FeatureSpec
from vemoclap.errors import EngineError
from vemoclap.mer import inputs as mer_inputs
from vemoclap.mer.inputs import Shape, Utterance
from vemoclap.records import EMOTIONS, OK, Feature, Features, absent
from vemoclap.training import mmsa
from vemoclap.training.batches import Examples
from vemoclap.training.records import Column, Schema, Split, Store, Video

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


# -- one function for all ---------------------------------------------------------------------

NAMES = ("asr_sentiment", "beats", "clip", "ocr_sentiment")
ROWS = {0: None, 1: 1, 2: 3, 3: 16, 4: 40}  # video -> how many rows of its sequences, None: absent
UNSCALED = Config(  # so that numbers can be compared with what is not scaled
    features={
        name: FeatureSpec(name, 1 if "sentiment" in name else 16, 3, 0.0, 1.0) for name in NAMES
    },
    engines={},
    note="",
    d_model=8,
    heads=2,
)


def store() -> Store:
    rng = np.random.default_rng(0)
    videos = [
        Video(
            f"joy/{number}.mp4",
            {
                name: None if count is None else rng.random((count, 3), dtype=np.float32)
                for name, spec in UNSCALED.features.items()
                for count in (rows and min(rows, 1 if spec.length == 1 else rows),)
            },
            label=EMOTIONS.index("joy"),
            split=split,
        )
        for split in Split
        for number, rows in ROWS.items()
    ]
    columns = {name: Column(name, 3) for name in NAMES}
    return Store(Schema(columns, {}), tuple(videos))


def of_analyses(videos: Store) -> dict[str, np.ndarray]:
    """Return what an analysis feeds its classifier, looked at within ``explain``."""
    found: list[dict[str, torch.Tensor]] = []
    model = Classifier(UNSCALED).eval()
    attend = model.attend
    model.attend = lambda values, present: found.append(values) or attend(values, present)
    for video in videos.of(Split.TRAIN):
        explain(model, videos.features_of(video))
    return {name: np.stack([values[name][0].numpy() for values in found]) for name in NAMES}


def of_training(videos: Store) -> dict[str, np.ndarray]:
    batch = Examples(videos.of(Split.TRAIN), UNSCALED).equidistant(slice(None))
    return {name: values.numpy() for name, values in batch.values.items()}


def of_exports(videos: Store) -> dict[str, np.ndarray]:
    part = mmsa.layout(videos)["train"]
    text = {name: part["text"][:, [row]] for row, name in enumerate(mmsa.TEXT)}
    return {**text, "beats": part["audio"], "clip": part["vision"]}


def of_utterances(videos: Store) -> dict[str, np.ndarray]:
    """Return the sound of utterances that is as long as the first column of ``beats``, no more."""
    shape = Shape(frames=2, seconds=16 / 16_000, tokens=4)
    spoken = [
        Utterance(
            faces=np.full((1, 160, 160, 3), 9, np.uint8),
            places=np.array([1]),
            sound=np.zeros(0) if rows is None else rows[:16, 0],
            words="",
        )
        for video in videos.of(Split.TRAIN)
        for rows in (video.features["beats"],)
    ]
    batch = mer_inputs.collate(spoken, shape, lambda texts: [np.array([5, 6]) for _ in texts])
    assert batch.faces[:, 0].sum() == 0
    assert batch.face_there.tolist() == [[False, True]] * len(ROWS)
    assert batch.tokens.tolist() == [[5, 6, 0, 0]] * len(ROWS)
    assert batch.samples.tolist() == [0, 1, 3, 16, 16]
    return {"sound": batch.sound.numpy()}


def test_analyses_training_and_exports_are_fed_the_same():
    videos = store()
    analysed, learnt, exported = (of(videos) for of in (of_analyses, of_training, of_exports))
    for name in NAMES:
        assert np.array_equal(analysed[name], learnt[name]), name
        assert np.array_equal(analysed[name], exported[name]), name
        assert analysed[name].any(), name
        assert not analysed[name][0].any(), name  # absent
    sound = of_utterances(videos)["sound"]
    few = [number for number, rows in ROWS.items() if rows != 40]  # of too much the end is cut
    assert np.array_equal(sound[few], learnt["beats"][few, :, 0])


def test_no_other_place_makes_zeros_of_what_is_absent(monkeypatch):
    videos, real = store(), inputs.fixed_length

    def marked(*items, **options):
        values, present = real(*items, **options)
        values[~present] = 77
        return values, present

    monkeypatch.setattr(inputs, "fixed_length", marked)
    for of in (of_analyses, of_training, of_exports):
        for name, values in of(videos).items():
            assert (values[0] == 77).all(), (of.__name__, name)
            if values.shape[1] > 1:
                assert (values[2, 3:] == 77).all(), (of.__name__, name)
                assert not (values[2, :3] == 77).any(), (of.__name__, name)
    drawn = Examples(videos.of(Split.TRAIN), UNSCALED).random(
        np.arange(len(ROWS)), np.random.default_rng(0)
    )
    assert all((values[0] == 77).all() for values in drawn.values.values())
    shape = Shape(frames=2, seconds=16 / 16_000, tokens=4)
    silent = Utterance(np.empty((0, 160, 160, 3), np.uint8), np.empty(0, int), np.empty(0), "")
    batch = mer_inputs.collate([silent], shape, lambda texts: [np.empty(0, np.int64)])
    for part in (batch.faces, batch.sound, batch.tokens):
        assert (part == 77).all()
