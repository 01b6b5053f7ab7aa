"""Readings become the five features of the paper, and what is absent stays absent."""

from dataclasses import replace

import numpy as np

from tests.analyses import empty_analysis, full_analysis
from vemoclap.classifier import features
from vemoclap.classifier.inputs import assemble
from vemoclap.classifier.model import RELEASED
from vemoclap.engines import roles
from vemoclap.records import (
    OK,
    Box,
    Expression,
    Face,
    FaceReading,
    ImageReading,
    Sentiment,
    SoundReading,
    Tag,
)

PAPERS = {role: roles.engine_of(roles.PAPER, role) for role in roles.ROLES}


def extracted(**changes: object) -> dict[str, np.ndarray | None]:
    """Return the features of a video in which everything was found, with some readings changed."""
    readings = replace(full_analysis().readings, **changes)
    return {name: f.values for name, f in features.extract(readings, PAPERS).by_name.items()}


def rows(count: int, width: int = 768) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 9, (count, width)).astype(np.float32)


def test_vectors_become_features_as_they_are():
    images, windows = rows(16, 512), rows(9)
    words, screen = (Sentiment("neutral", 0.5, 0.0, rows(1) + shift) for shift in (0, 1))
    whole = full_analysis().readings
    found = extracted(
        image=ImageReading(OK, images),
        sound=SoundReading(OK, windows, tuple(range(9)), (Tag("Rain", 0.5),)),
        speech=replace(whole.speech, sentiment=words),
        screen=replace(whole.screen, sentiment=screen),
    )
    assert np.array_equal(found["clip"], images)
    assert np.array_equal(found["beats"], windows)
    assert np.array_equal(found["asr_sentiment"], words.vector)
    assert np.array_equal(found["ocr_sentiment"], screen.vector)


def test_texts_that_are_not_there_give_no_feature():
    nothing = empty_analysis().readings
    found = extracted(speech=nothing.speech, screen=nothing.screen)
    assert found["asr_sentiment"] is found["ocr_sentiment"] is None
    # A lexicon judges without a vector, which is no feature either.
    assert extracted()["asr_sentiment"] is None


def face(frame: int, sides: tuple[float, float, float, float], vector: np.ndarray) -> Face:
    return Face(frame, Box(*sides), 0.9, Expression("happy", 0.8, vector))


def of_faces(*found: Face) -> np.ndarray | None:
    return extracted(faces=FaceReading(OK, tuple(found), OK))["face_emotion"]


def test_the_two_largest_faces_of_a_frame_are_averaged():
    small, large, middle, alone = rows(4)
    made = of_faces(
        face(1, (0, 0, 10, 10), small),
        face(1, (20, 0, 60, 40), large),
        face(1, (70, 0, 90, 20), middle),
        face(3, (0, 0, 5, 5), alone),
    )
    assert made.shape == (2, 768)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0], (large + middle) / 2, rtol=1e-6)
    np.testing.assert_array_equal(made[1], alone)


def test_a_face_is_as_large_as_its_crop():
    large, crop_100, crop_90 = rows(3)
    made = of_faces(
        face(0, (50, 50, 99, 99), large),
        face(0, (0.05, 0.0, 10.95, 9.99), crop_90),  # the box is the larger one: 108.9
        face(0, (20.0, 0.0, 30.0, 10.0), crop_100),
    )
    np.testing.assert_allclose(made[0], (large + crop_100) / 2, rtol=1e-6)


def test_frames_without_a_face_give_no_vector():
    first, second = rows(2)
    made = of_faces(face(2, (0, 0, 9, 9), first), face(14, (0, 0, 9, 9), second))
    np.testing.assert_array_equal(made, [first, second])
    nobody = empty_analysis().readings.faces
    assert extracted(faces=nobody)["face_emotion"] is None


def test_the_papers_engines_give_what_the_classifier_was_trained_on():
    whole = full_analysis().readings
    feeling = Sentiment("neutral", 0.5, 0.0, rows(1))
    readings = replace(
        whole,
        faces=FaceReading(OK, (face(0, (0, 0, 9, 9), rows(1)[0]),), OK),
        speech=replace(whole.speech, sentiment=feeling),
        screen=replace(whole.screen, sentiment=feeling),
    )
    found = features.extract(readings, PAPERS)
    for name, spec in RELEASED.features.items():
        assert found.by_name[name].space == spec.space
        assert found.by_name[name].values.shape[1] == spec.dim
    values, _ = assemble([found], RELEASED)  # which raises where the spaces differ
    assert {n: tuple(v.shape[1:]) for n, v in values.items()} == {
        n: (s.length, s.dim) for n, s in RELEASED.features.items()
    }
    others = {**PAPERS, "image": "another", "sentiment": "vader"}
    elsewhere = features.extract(readings, others).by_name
    assert elsewhere["clip"].space is elsewhere["asr_sentiment"].space is None
