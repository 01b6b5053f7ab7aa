"""The timeline has every event at its place, for the eye and as a list."""

from dataclasses import replace

import numpy as np
import pytest

from tests.analyses import described, empty_analysis, full_analysis
from tests.pages import Page, shown
from vemoclap import report
from vemoclap.records import Language, Span
from vemoclap.report.lanes import EVENTS_SHOWN, SLIM, THIN, Lane, analysis_lanes


def lane(name: str) -> Lane:
    (found,) = [lane for lane in analysis_lanes(full_analysis()).lanes if lane.name == name]
    return found


def test_what_lasts_is_as_long_as_it_lasts():
    assert [(m.left, m.width) for m in lane("Speech").marks] == [(12.5, 25.0), (50.0, 6.25)]
    assert lane("Speech").told.startswith("Speech: 1.2 s of speech: 0.5-1.5 s")


def test_cuts_are_moments():
    assert [(m.left, m.width) for m in lane("Cuts").marks] == [(25.0, THIN), (75.0, THIN)]
    assert lane("Cuts").told == "2 cuts, at 0:01, 0:03"


def test_frames_show_what_was_found_in_them_and_where_nothing_was():
    faces = lane("Faces")
    assert [(m.left, m.width, m.height) for m in faces.marks] == [
        (25.0, SLIM, 100.0),
        (50.0, SLIM, 100.0),
    ]
    assert [m.left for m in faces.faint] == [0.0, 75.0]
    assert [m.left for m in lane("Screen text").marks] == [50.0]
    assert lane("Screen text").told == "Screen text in 1 of 4 frames"


def test_curves_fill_their_lane():
    arousal, valence = lane("Arousal, valence").traces
    points = [tuple(map(float, point.split(","))) for point in arousal.points.split()]
    assert len(points) == 20
    assert points[0] == pytest.approx((25, 55.0), abs=0.1)  # 0.1 s of 4 s; -0.1 of -1 to 1
    assert (arousal.css_class, valence.css_class) == ("arousal", "valence")


def test_the_list_has_everything_in_order_and_in_its_language():
    whole = full_analysis(words="Hallo")
    parts = whole.readings.screen.parts
    assert parts
    german = replace(parts[0], language=Language("de", 0.9))
    screen = replace(whole.readings.screen, parts=(german,))
    found = analysis_lanes(replace(whole, readings=replace(whole.readings, screen=screen)))
    assert [(e.time_s, e.kind, e.said, e.lang) for e in found.events] == [
        (0.5, "Speech", "somebody speaks until 0:01", None),
        (1.0, "Cut", "another shot begins", None),
        (1.0, "Faces", "1 face", None),
        (2.0, "Speech", "somebody speaks until 0:02", None),
        (2.0, "Screen text", "Hallo", "de"),
        (2.0, "Faces", "1 face: Hallo", None),
        (3.0, "Cut", "another shot begins", None),
    ]
    page = Page(report.to_html(replace(whole, readings=replace(whole.readings, screen=screen))))
    assert page.all("td", lang="de", dir="auto")


def test_of_very_many_events_the_first_are_listed():
    whole = full_analysis()
    cuts = tuple(np.linspace(0.0, 3.9, EVENTS_SHOWN).tolist())
    curves = replace(whole.readings.curves, cuts_s=cuts)
    many = replace(whole, readings=replace(whole.readings, curves=curves))
    found = analysis_lanes(many)
    assert (len(found.events), found.more) == (EVENTS_SHOWN, 5)
    assert f"What happens when; the first {EVENTS_SHOWN} of {EVENTS_SHOWN + 5}" in shown(many)


def test_nothing_leaves_the_timeline():
    whole = described(full_analysis(), duration_s=0.04)
    speech = replace(whole.readings.speech, spans=(Span(-1.0, 9.0),))
    found = analysis_lanes(replace(whole, readings=replace(whole.readings, speech=speech)))
    for lane in found.lanes:
        for mark in (*lane.marks, *lane.faint):
            assert 0 <= mark.left <= 100
            assert 0 < mark.width <= 100
            assert 0 < mark.height <= 100
        for trace in lane.traces:
            assert all(0 <= float(p.split(",")[0]) <= 1000 for p in trace.points.split())


def test_an_empty_timeline_says_why():
    found = analysis_lanes(empty_analysis())
    assert [lane.name for lane in found.lanes] == ["Speech", "Screen text", "Faces", "Cuts"]
    assert not any(lane.marks or lane.traces for lane in found.lanes)
    assert [lane.told for lane in found.lanes][:2] == [
        "Speech: absent: There was none",
        "Screen text: absent: There was none",
    ]
    assert found.lanes[3].told == "No cuts"
    assert "The same as a list" not in shown(empty_analysis())


def test_the_timeline_can_be_steered_without_a_mouse():
    page = Page(report.to_html(full_analysis()))
    (slider,) = page.all("input")
    assert (slider["type"], slider["min"], slider["max"]) == ("range", "0", "4.000")
    assert page.all("label", **{"for": slider["id"]})
    assert page.all("p", id="said", role="status")
    for (picture,) in ([svg] for svg in page.all("svg", role="img")):
        assert picture["aria-label"]
