"""Boxes land where they should, labels stay inside, faces are cut out."""

from dataclasses import replace

import numpy as np
import pytest

from tests.analyses import empty_analysis, full_analysis
from vemoclap.media import images
from vemoclap.readings.image import best_frame
from vemoclap.records import OK, Box, Face, FaceReading
from vemoclap.report.annotate import annotated_frame


def test_boxes_are_drawn_at_the_scale_of_the_picture():
    picture = np.asarray(annotated_frame(full_analysis()))
    assert picture.shape == (720, 1280, 3)
    face, text = (255, 176, 0), (53, 200, 255)
    assert tuple(picture[350, 600]) == face  # left edge of 300..400, 100..250, twice as large
    assert tuple(picture[500, 700]) == face  # bottom edge
    assert tuple(picture[630, 200]) == text
    assert tuple(picture[350, 500]) == (90, 90, 90)  # outside is untouched


def test_another_frame_has_its_own_boxes():
    picture = np.asarray(annotated_frame(full_analysis(), 1))
    assert tuple(picture[100, 20]) == (255, 176, 0)
    assert tuple(picture[350, 600]) == (90, 90, 90)


@pytest.mark.parametrize(
    "box", [Box(-20, -20, 30, 30), Box(600, 330, 700, 400), Box(0, 0, 640, 360)]
)
def test_labels_stay_inside(box: Box):
    whole = full_analysis()
    face = Face(2, box, 1.0, None)
    readings = replace(whole.readings, faces=FaceReading(OK, (face,), OK))
    picture = np.asarray(annotated_frame(replace(whole, readings=readings)))
    label = (picture == (255, 176, 0)).all(axis=2)
    assert label.sum() > 1000  # the filled label, not only lines


def test_the_best_frame_has_a_face_and_text():
    whole, nothing = full_analysis().readings, empty_analysis().readings
    assert best_frame(whole.faces, whole.screen, 4) == 2
    assert best_frame(nothing.faces, nothing.screen, 5) == 2
    assert best_frame(whole.faces, nothing.screen, 4) == 1


@pytest.mark.parametrize(
    "box",
    [Box(300, 100, 400, 250), Box(-20, -20, 30, 30), Box(600, 330, 700, 400), Box(0, 0, 640, 360)],
)
def test_a_face_is_cut_out_square_and_from_the_frame_alone(box: Box):
    picture = np.asarray(images.face_picture(full_analysis().clip.frames[2], box))
    assert picture.shape == (images.FACE_SIDE, images.FACE_SIDE, 3)
    assert (picture == 90).all()  # nothing black from beyond the edges


def test_a_cut_out_shows_the_face_in_its_middle():
    frame = np.zeros((360, 640, 3), np.uint8)
    frame[150:200, 300:350] = 255
    picture = np.asarray(images.face_picture(frame, Box(300, 150, 350, 200)))
    middle, corner = picture[40:72, 40:72], picture[:12, :12]
    assert middle.min() > 240
    assert corner.max() < 15


def test_a_thumbnail_keeps_the_shape_of_the_frame():
    assert images.thumbnail(np.zeros((360, 640, 3), np.uint8)).size == (176, 99)
    assert images.thumbnail(np.zeros((640, 360, 3), np.uint8)).size == (74, 132)
