"""The paper's rules for text on the screen, one test each."""

import pytest

from tests.clips import Roles, clip_of, plain
from vemoclap.errors import EngineError
from vemoclap.readings import screen_text
from vemoclap.readings.engine_calls import Stages
from vemoclap.readings.read import read_frames
from vemoclap.records import Language, Sentiment, State, TextLine

GLAD = Sentiment("positive", 0.7, 0.7, None)
CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 5.0), (0.0, 5.0))


def line(text, confidence=0.9):
    return TextLine(text, confidence, CORNERS)


def broken(*_):
    raise EngineError("The engine is broken.")


def never(*_):
    raise AssertionError("must not be called")


def read(*frames, **changes):
    """Read a clip whose frames show the given lines."""
    engines = {
        "ocr": lambda pictures: [tuple(lines) for lines in frames],
        "language": lambda texts: [Language("en", 0.99)] * len(texts),
        "translate": None,
        "segment": lambda text: text,
        "spell": list,
        "sentiment": lambda _: GLAD,
    }
    clip = clip_of(plain(0, max(1, len(frames))))
    roles = Roles(engines | changes)
    with read_frames(clip, roles, Stages()) as reader:
        return screen_text.read(reader.results(), roles)


def originals(reading):
    return [part.original for part in reading.parts]


def test_lines_of_a_frame_are_joined_and_lower_cased():
    reading = read([line("INSIDE"), line("Edition")])
    assert originals(reading) == ["inside edition"]
    assert reading.lines[0][0].text == "INSIDE"  # as read


def test_only_lines_above_the_threshold_count():
    reading = read([line("yes", 0.751), line("no", 0.75)], [line("never", 0.5)])
    assert originals(reading) == ["yes"]
    assert [len(lines) for lines in reading.lines] == [1, 0]


def test_equal_frames_count_once_in_the_order_of_their_first():
    reading = read([], [line("B")], [line("a")], [line("b")], [line(" ")])
    assert originals(reading) == ["b", "a"]
    assert [part.first_frame for part in reading.parts] == [1, 2]
    assert reading.text == "b. a"


def test_english_is_segmented_then_spelt():
    reading = read(
        [line("x")], segment=lambda t: t + " cut", spell=lambda ts: [t + "!" for t in ts]
    )
    assert reading.parts[0].english == "x cut!"


@pytest.mark.parametrize("probability", [0.9, 0.3])
def test_an_uncertain_language_is_unknown_and_read_as_english(probability):
    reading = read(
        [line("guten tag")],
        language=lambda _: [Language("de", probability)],
        translate=never,
        segment=str.upper,
    )
    assert reading.parts[0].language is None
    assert reading.text == "GUTEN TAG"


def test_another_language_is_translated_and_not_corrected():
    def translate(texts, codes):
        assert (list(texts), list(codes)) == (["guten tag"], ["de"])
        return [" good day "]

    reading = read(
        [line("guten tag")],
        [line("hi")],
        language=lambda ts: [Language("de" if "guten" in t else "en", 0.91) for t in ts],
        translate=translate,
        segment=str.upper,
        spell=lambda texts: [f"{text}!" for text in texts],
    )
    assert [part.english for part in reading.parts] == ["good day", "HI!"]
    assert reading.text == "good day. HI!"


def test_without_a_translator_another_language_is_kept_and_flagged():
    reading = read(
        [line("guten tag")],
        language=lambda _: [Language("de", 0.99)],
        segment=never,
        sentiment=never,
    )
    (part,) = reading.parts
    assert (part.original, part.english, part.language.code) == ("guten tag", None, "de")
    assert reading.status.ok
    assert reading.text is None
    assert reading.sentiment_status.state is State.ABSENT
    assert "de" in reading.sentiment_status.reason


def test_equal_results_are_said_once_and_judged_together():
    def judge(text):
        assert text == "inside edition. hello"
        return GLAD

    reading = read(
        [line("insideedition")],
        [line("inside edition")],
        [line("hello")],
        segment=lambda text: text.replace("insideed", "inside ed"),
        sentiment=judge,
    )
    assert len(reading.parts) == 3
    assert reading.sentiment == GLAD


def test_empty_results_are_left_out():
    reading = read([line("a")], [line("b")], spell=lambda texts: ["", "b"])
    assert reading.text == "b"
    nothing = read([line("a")], spell=lambda texts: [""], sentiment=never)
    assert nothing.text is None
    assert nothing.sentiment_status.state is State.ABSENT


def test_no_text():
    reading = read([], [line("?", 0.2)], language=never, sentiment=never)
    assert reading.status.state is reading.sentiment_status.state is State.ABSENT
    assert reading.lines is reading.parts is reading.text is None


def test_roles_that_are_left_empty():
    assert read([line("a")], ocr=None).status.state is State.SKIPPED
    bare = read([line("A")], language=None, segment=None, spell=None, sentiment=None)
    assert bare.text == "a"
    assert bare.parts[0].language is None
    assert bare.sentiment_status.state is State.SKIPPED


@pytest.mark.parametrize("role", ["language", "segment", "spell", "sentiment"])
def test_a_broken_engine_leaves_what_was_read(role):
    reading = read([line("A")], **{role: broken})
    assert reading.status.ok
    assert originals(reading) == ["a"]
    assert (reading.text is None) == (role != "sentiment")
    assert reading.sentiment_status.state is State.FAILED


def test_a_broken_reader_fails_the_whole():
    reading = read([line("A")], ocr=broken)
    assert reading.status.state is reading.sentiment_status.state is State.FAILED
    assert reading.status.reason == "The engine is broken."
