"""Faces are cut out as they were found, and what is missing is said."""

import numpy as np
import pytest

from tests.clips import Roles, clip_of
from vemoclap.errors import EngineError
from vemoclap.readings import faces
from vemoclap.readings.engine_calls import Stages
from vemoclap.readings.read import read_frames
from vemoclap.records import Box, Detection, Expression, State

VECTOR = np.zeros(768, np.float32)


@pytest.fixture
def clip():
    return clip_of(np.random.default_rng(0).integers(0, 256, (3, 90, 160, 3), np.uint8))


def detect(frames):
    large, small = Box(10.9, 5.9, 60.7, 70.7), Box(100.0, 20.0, 110.0, 30.0)
    assert frames.shape == (3, 90, 160, 3)
    return [(), (Detection(large, 0.99), Detection(small, 0.91)), (Detection(small, 0.95),)]


def read(clip, find, express):
    with read_frames(clip, Roles(faces=find, expression=express), Stages()) as frames:
        return faces.read(frames.results())


def broken(*_):
    raise EngineError("The engine is broken.")


def test_every_face_is_kept_with_its_frame_and_expression(clip):
    seen = []

    def express(crops):
        seen.extend(crops)
        return [Expression(f"mood {len(crop)}", 0.8, VECTOR) for crop in crops]

    reading = read(clip, detect, express)
    assert reading.status.ok
    assert reading.expression_status.ok
    assert [face.frame for face in reading.faces] == [1, 1, 2]
    assert [face.confidence for face in reading.faces] == [0.99, 0.91, 0.95]
    assert [face.expression.label for face in reading.faces] == ["mood 65", "mood 10", "mood 10"]
    np.testing.assert_array_equal(seen[0], clip.frames[1, 5:70, 10:60])  # no margin, no rounding up
    np.testing.assert_array_equal(seen[2], clip.frames[2, 20:30, 100:110])


def test_no_engine_is_not_the_same_as_no_face(clip):
    nobody = read(clip, lambda frames: [()] * len(frames), broken)
    assert (nobody.status.state, nobody.faces) == (State.ABSENT, None)
    assert "any of the 3 frames" in nobody.status.reason
    assert nobody.expression_status.state is State.ABSENT
    unlooked = read(clip, None, broken)
    assert (unlooked.status.state, unlooked.faces) == (State.SKIPPED, None)


def test_without_expressions_the_faces_stay(clip):
    reading = read(clip, detect, None)
    assert len(reading.faces) == 3
    assert reading.faces[0].expression is None
    assert reading.expression_status.state is State.SKIPPED
    assert "no expression engine" in reading.expression_status.reason


def test_a_broken_engine_costs_only_its_own_part(clip):
    faceless = read(clip, broken, None)
    assert (faceless.status.state, faceless.faces) == (State.FAILED, None)
    assert faceless.status.reason == "The engine is broken."
    plain = read(clip, detect, broken)
    assert plain.status.ok
    assert len(plain.faces) == 3
    assert plain.expression_status.state is State.FAILED


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        (Box(3.2, 4.9, 3.8, 4.99), (1, 1, 3)),
        (Box(-2.0, -0.5, 5.0, 6.0), (6, 5, 3)),
        (Box(158.0, 88.0, 170.0, 99.0), (2, 2, 3)),
        (Box(160.0, 90.0, 160.0, 90.0), (1, 1, 3)),
    ],
)
def test_a_crop_is_never_empty(clip, box, shape):
    assert faces.crop(clip.frames[0], box).shape == shape
