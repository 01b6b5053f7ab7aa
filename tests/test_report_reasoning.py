"""The page's answer to why this emotion."""

from dataclasses import replace

import numpy as np
import pytest

from tests.analyses import (
    empty_analysis,
    evidence_of,
    full_analysis,
    trained_analysis,
    weighed,
)
from tests.pages import row_of, shown
from vemoclap import report
from vemoclap.records import failed
from vemoclap.report import wording
from vemoclap.report.reasoning import SHOTS, reasoning


def test_the_page_says_how_each_kind_of_evidence_moved_each_emotion():
    analysis = trained_analysis()
    assert row_of(analysis, "Emotion") == [
        "Emotion", "Pictures", "Faces", "Words said", "Screen text (none)", "Sound",
    ]  # fmt: skip
    assert row_of(analysis, "joy") == ["joy 50 %", "+6.0", "0.0", "+25.0", "none", "\u221210.0"]
    assert row_of(analysis, "surprise")[1:3] == ["\u22128.0", "0.0"]
    assert row_of(analysis, "anger")[2] == "+1.0"


def test_the_page_says_why_and_of_whom():
    text = shown(trained_analysis())
    assert "Why this emotion What is said spoke most for joy" in text
    assert wording.ABOUT_EVIDENCE in text
    assert "it says nothing about the people" in text.lower()


def test_the_frame_that_was_looked_at_most_is_marked():
    text = shown(trained_analysis())
    assert "60 % most Frame 3 at 0:02" in text
    assert text.count(" most Frame ") == 1
    assert "An even share would be 25.0 %." in text


def test_the_window_that_was_looked_at_most_is_marked():
    html = report.to_html(trained_analysis())
    assert "most is window 1 of 3, from 0:00 to 0:03, with 70 %" in html
    assert row_of(trained_analysis(), "1", "Attention") == ["1", "0.0 s", "3.0 s", "70 % (most)"]
    assert row_of(trained_analysis(), "3", "Attention") == ["3", "3.0 s", "6.0 s", "10 %"]


def test_nothing_is_marked_where_all_weigh_the_same():
    text = shown(weighed((0.25,) * 4, (0.34, 0.33, 0.33)))
    assert "It looked at all 4 about equally." in text
    assert "It looked at all 3 about equally." in text
    assert " most Frame " not in text
    assert "(most)" not in text


def test_weights_that_are_missing_say_why():
    whole = weighed(None, None)
    status = failed("It broke on this video.")
    readings = replace(
        whole.readings,
        image=replace(whole.readings.image, status=status, vectors=None),
        sound=replace(whole.readings.sound, status=status, starts_s=None, tags=None),
    )
    text = shown(replace(whole, readings=readings))
    assert "Frames that the classifier looked at failed: It broke" in text
    assert "Audio windows that it looked at failed: It broke" in text
    assert "What the pictures show failed: It broke" in text


def test_of_very_many_frames_those_that_weigh_most_are_shown():
    whole, count = trained_analysis(), 3 * SHOTS
    weights = np.arange(1.0, count + 1)
    clip = replace(
        whole.clip,
        frames=np.zeros((count, 36, 64, 3), np.uint8),
        times_s=np.arange(count) * 1.0,
    )
    made = weighed(tuple(weights / weights.sum()), None)
    found = reasoning(replace(made, clip=clip))
    assert found
    assert [shot.name for shot in found.shots] == [
        f"Frame {number}" for number in range(count - SHOTS + 1, count + 1)
    ]
    assert f"the {SHOTS} that were looked at most are shown" in found.shots_note


def test_evidence_of_another_classifier_keeps_its_names():
    whole = trained_analysis()
    evidence = replace(evidence_of(whole), moved={"<b>gait</b>": (0.1,) * 6})
    assert whole.scores
    text = report.to_html(replace(whole, scores=replace(whole.scores, evidence=evidence)))
    assert "&lt;b&gt;gait&lt;/b&gt;" in text
    assert "<b>gait" not in text


def test_an_estimate_says_that_it_cannot_say_why():
    text = shown(full_analysis())
    assert "Why this emotion What" not in text
    assert f"Why this emotion {wording.NO_EVIDENCE}" in text
    assert "Why this emotion" not in shown(empty_analysis())


@pytest.mark.parametrize(
    ("change", "said"), [(0.25, "+25.0"), (-0.001, "\u22120.1"), (0.0004, "0.0"), (-0.0004, "0.0")]
)
def test_changes_are_signed_percentage_points(change: float, said: str):
    assert wording.points(change) == said
