"""Boxes land where they should, labels stay inside, charts have gaps."""

from dataclasses import replace

import numpy as np
import pytest

from tests.analyses import empty_analysis, full_analysis
from vemoclap import draw
from vemoclap.draw import Line, chart
from vemoclap.records import OK, Box, Face, FaceReading, Span


def test_boxes_are_drawn_at_the_scale_of_the_picture():
    picture = np.asarray(draw.annotated_frame(full_analysis()))
    assert picture.shape == (720, 1280, 3)
    face, text = (255, 176, 0), (53, 200, 255)
    assert tuple(picture[350, 600]) == face  # left edge of 300..400, 100..250, twice as large
    assert tuple(picture[500, 700]) == face  # bottom edge
    assert tuple(picture[630, 200]) == text
    assert tuple(picture[350, 500]) == (90, 90, 90)  # outside is untouched


def test_another_frame_has_its_own_boxes():
    picture = np.asarray(draw.annotated_frame(full_analysis(), 1))
    assert tuple(picture[100, 20]) == (255, 176, 0)
    assert tuple(picture[350, 600]) == (90, 90, 90)


@pytest.mark.parametrize(
    "box", [Box(-20, -20, 30, 30), Box(600, 330, 700, 400), Box(0, 0, 640, 360)]
)
def test_labels_stay_inside(box: Box):
    whole = full_analysis()
    face = Face(2, box, 1.0, None)
    readings = replace(whole.readings, faces=FaceReading(OK, (face,), OK))
    picture = np.asarray(draw.annotated_frame(replace(whole, readings=readings)))
    label = (picture == (255, 176, 0)).all(axis=2)
    assert label.sum() > 1000  # the filled label, not only lines


def test_the_best_frame_has_a_face_and_text():
    whole = full_analysis()
    assert draw.best_frame(whole.readings, 4) == 2
    nothing = empty_analysis()
    assert draw.best_frame(nothing.readings, 5) == 2
    face_only = replace(whole.readings, screen=nothing.readings.screen)
    assert draw.best_frame(face_only, 4) == 1


def test_a_gap_in_a_curve_is_a_gap_in_the_chart():
    times = np.arange(6.0)
    values = np.array([0, 1, np.nan, 1, 0, 1], np.float32)
    svg = chart("T", times, [Line("v", values, "c")], duration_s=6, low=0, high=1)
    assert svg.count("<polyline") == 2
    assert "nan" not in svg.lower().replace("unknown", "")


def test_a_chart_shades_marks_and_describes():
    svg = chart(
        "A < B",
        np.arange(2.0),
        [Line("v", np.array([0.25, 0.75], np.float32), "c")],
        duration_s=2,
        low=0,
        high=1,
        spans=[Span(0.0, 1.0)],
        marks_s=[1.0],
    )
    assert 'class="span" x="40.0"' in svg
    assert svg.count('class="mark"') == 1
    assert 'aria-label="A &lt; B: v from 0.25 to 0.75, mean 0.50"' in svg


@pytest.mark.parametrize("duration", [0.04, 1, 7, 59, 600, 5000, 40000])
def test_ticks_are_few_and_inside(duration: float):
    times = draw.ticks(duration)
    assert 1 <= len(times) <= 8
    assert times[0] == 0
    assert times[-1] <= duration


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [(0, "0:00"), (0.4, "0.4 s"), (5, "0:05"), (65.9, "1:05"), (3723, "1:02:03")],
)
def test_times_read_like_a_players(time_s: float, shown: str):
    assert draw.clock(time_s) == shown
