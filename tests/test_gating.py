"""Words only where a voice was heard."""

import pytest

from vemoclap.engines import gating
from vemoclap.records import Cue, Span


def only(*spans: tuple[float, float]) -> tuple[Span, ...]:
    return tuple(Span(*span) for span in spans)


def test_with_nothing_dropped_the_text_is_the_engines_own():
    cues = [Cue(0, 1, " caf"), Cue(1, 2, "é "), Cue(3, 3, "")]
    found = gating.transcript(cues, " café, whole ", only((0, 2)), "en", "x")
    assert found.text == "café, whole"  # a cue without words is no loss
    assert [cue.text for cue in found.cues] == ["caf", "é"]


def test_with_a_part_dropped_the_text_is_made_of_the_others():
    cues = [Cue(0, 1, " One."), Cue(1, 2, " Two."), Cue(2, 3, " Three.")]
    found = gating.transcript(cues, " One. Two. Three.", only((0.5, 0.9), (2.9, 9)), "en", "x")
    assert found.text == "One. Three."


@pytest.mark.parametrize("span", [(0, 1), (2, 3), (5, 9)])
def test_touching_is_not_meeting(span: tuple[float, float]):
    assert gating.transcript([Cue(1, 2, "a")], "a", only(span), "en", "x") is None


@pytest.mark.parametrize("span", [(0, 1.01), (1.2, 1.3), (1.99, 3), (0, 9)])
def test_any_overlap_keeps_words(span: tuple[float, float]):
    assert gating.transcript([Cue(1, 2, "a")], "a", only(span), "en", "x").text == "a"


def test_no_words_are_no_transcript():
    assert gating.transcript([], " ", only((0, 9)), "en", "x") is None
    assert gating.transcript([Cue(0, 1, " ")], " ", only((0, 9)), "en", "x") is None


@pytest.mark.parametrize(
    ("whispers", "iso"), [("de", "de"), ("jw", "jv"), ("yue", "zh"), ("haw", None)]
)
def test_languages_are_two_letters(whispers: str, iso: str | None):
    assert gating.transcript([Cue(0, 1, "a")], "a", only((0, 9)), whispers, "x").language == iso
