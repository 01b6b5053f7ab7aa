"""Silence says nothing, words are read in English, and what is missing is said."""

import numpy as np
import pytest

from tests.clips import Roles, clip_of
from vemoclap.errors import EngineError
from vemoclap.readings import speech
from vemoclap.records import SAMPLE_RATE, Cue, Language, Sentiment, Span, State, Transcript

SPANS = (Span(0.5, 1.0), Span(1.5, 2.0))
GLAD = Sentiment("positive", 0.7, 0.7, None)
CUES = (Cue(0.5, 1.0, "Guten Tag."), Cue(1.5, 2.0, "Lebe wohl."))


def said(language="en", english=True, cues=CUES):
    return Transcript(cues, " ".join(cue.text for cue in cues), language, english, "a test")


def broken(*_):
    raise EngineError("The engine is broken.")


def never(*_):
    raise AssertionError("must not be called")


def read(clip, **changes):
    engines = {
        "vad": lambda _: SPANS,
        "transcribe": lambda *_: said(),
        "language": lambda texts: [Language("de", 0.95)] * len(texts),
        "translate": None,
        "sentiment": lambda _: GLAD,
    }
    return speech.read(clip, Roles(engines | changes))


@pytest.fixture
def clip():
    return clip_of(audio=np.zeros(2 * SAMPLE_RATE))


def test_speech_in_english_is_judged_as_it_is(clip):
    reading = read(clip, language=never, translate=never)
    assert reading.spans == SPANS
    assert reading.transcript == said()
    assert reading.sentiment == GLAD
    assert reading.status.ok
    assert reading.transcript_status.ok
    assert reading.sentiment_status.ok


def test_the_engines_get_the_sound_and_the_spans(clip):
    def vad(sound):
        assert sound is clip.audio
        return SPANS

    def transcribe(heard, spans):
        assert (heard, spans) == (clip, SPANS)
        return said()

    assert read(clip, vad=vad, transcribe=transcribe).transcript_status.ok


def test_words_end_with_the_video_at_the_latest(clip):
    late = (Cue(0.5, 1.0, "Guten Tag."), Cue(1.5, 29.9, "Lebe wohl."))
    reading = read(clip, transcribe=lambda *_: said(cues=late))
    assert reading.transcript.cues == (late[0], Cue(1.5, clip.info.duration_s, "Lebe wohl."))


def test_no_sound():
    reading = read(clip_of(no_audio="There is no sound."), vad=never, transcribe=never)
    statuses = (reading.status, reading.transcript_status, reading.sentiment_status)
    assert {(s.state, s.reason) for s in statuses} == {(State.ABSENT, "There is no sound.")}
    assert reading.spans is reading.transcript is reading.sentiment is None


def test_nobody_speaks(clip):
    given = []

    def listens(_, spans):
        given.append(spans)

    reading = read(clip, vad=lambda _: (), transcribe=listens)
    assert given == [()]
    assert (reading.spans, reading.status.state) == (None, State.ABSENT)
    assert reading.status.reason == reading.transcript_status.reason == "No voice was heard."


@pytest.mark.parametrize("audio", [None, np.zeros(SAMPLE_RATE)])
def test_subtitles_stand_without_a_voice(audio):
    clip = clip_of(audio=audio, subtitles=[(0.5, 1.0, "Good morning.")])
    reading = read(clip, vad=lambda _: ())
    assert reading.status.state is State.ABSENT
    assert reading.transcript == said()
    assert reading.sentiment == GLAD


def test_a_voice_without_words(clip):
    reading = read(clip, transcribe=lambda *_: None)
    assert reading.spans == SPANS
    assert reading.transcript_status.state is State.ABSENT
    assert "no subtitle track" in reading.transcript_status.reason


def test_another_language_is_kept_and_not_judged(clip):
    reading = read(clip, transcribe=lambda *_: said("fr", False), language=never, sentiment=never)
    assert reading.transcript.text == "Guten Tag. Lebe wohl."
    assert reading.sentiment_status.state is State.ABSENT
    assert "fr" in reading.sentiment_status.reason


def test_another_language_is_translated_where_an_engine_can(clip):
    def translate(texts, codes):
        assert list(codes) == ["de", "de"]
        return [{"Guten Tag.": "Good day.", "Lebe wohl.": "Farewell."}[text] for text in texts]

    def judge(text):
        assert text == "Good day. Farewell."
        return GLAD

    reading = read(
        clip,
        transcribe=lambda *_: said(None, False),
        translate=translate,
        sentiment=judge,
    )
    assert reading.transcript.cues == (Cue(0.5, 1.0, "Good day."), Cue(1.5, 2.0, "Farewell."))
    assert (reading.transcript.language, reading.transcript.english) == ("de", True)
    assert reading.transcript.source == "a test, translated"
    assert reading.sentiment == GLAD


@pytest.mark.parametrize(
    ("guess", "code", "english"),
    [
        (Language("de", 0.91), "de", False),
        (Language("de", 0.9), None, True),  # too uncertain: unknown is read as English
        (Language("en", 0.95), "en", True),
    ],
)
def test_text_of_unknown_language_is_identified(clip, guess, code, english):
    reading = read(clip, transcribe=lambda *_: said(None, False), language=lambda _: [guess])
    assert (reading.transcript.language, reading.transcript.english) == (code, english)
    assert reading.sentiment_status.ok is english


def test_roles_that_are_left_empty_are_skipped(clip):
    reading = read(clip, vad=None, transcribe=None, sentiment=None)
    for status in (reading.status, reading.transcript_status, reading.sentiment_status):
        assert status.state is State.SKIPPED
        assert "no engine" in status.reason


def test_without_a_voice_detector_the_whole_sound_may_be_speech(clip):
    given = []

    def transcribe(_, spans):
        given.extend(spans)
        return said()

    reading = read(clip, vad=None, transcribe=transcribe)
    assert given == [Span(0.0, 2.0)]
    assert reading.spans is None


@pytest.mark.parametrize("role", ["vad", "transcribe", "sentiment"])
def test_a_broken_engine_costs_its_own_part(clip, role):
    reading = read(clip, **{role: broken})
    states = {
        "vad": reading.status.state,
        "transcribe": reading.transcript_status.state,
        "sentiment": reading.sentiment_status.state,
    }
    assert states[role] is State.FAILED
    assert states["vad"] is State.OK or role == "vad"
    assert (reading.transcript is None) == (role == "transcribe")


def test_a_broken_translator_leaves_the_words(clip):
    reading = read(clip, transcribe=lambda *_: said("de", False), translate=broken)
    assert reading.transcript == said("de", False)
    assert reading.transcript_status.ok
    assert reading.sentiment_status.state is State.FAILED
    assert reading.sentiment is None
