"""Cutting a video into spans: no time lost, none counted twice, and the rules as they are told."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import clip_of
from vemoclap.readings.speech import SpeechOverTime
from vemoclap.records import OK, Cue, Span, SpeechReading, Transcript
from vemoclap.timeline import sections, spans
from vemoclap.timeline.records import Kind

DURATIONS = st.floats(0.04, 400.0)


@st.composite
def voices(draw: st.DrawFn) -> list[Span]:
    """Return what a detector may give: sorted and disjoint, at times beyond the video's end."""
    parts = draw(st.lists(st.tuples(st.floats(0.0, 6.0), st.floats(0.01, 30.0)), max_size=25))
    found, at = [], 0.0
    for pause, length in parts:
        found.append(Span(at + pause, at + pause + length))
        at = found[-1].end_s
    return found


@given(voices(), DURATIONS)
def test_utterances_and_silence_cover_every_instant_once(found, duration_s):
    segments = spans.utterances(found, duration_s)
    edges = [segment.span for segment in segments]
    assert edges[0].start_s == 0.0
    assert edges[-1].end_s == duration_s
    assert all(a.end_s == b.start_s for a, b in pairwise(edges))
    assert all(0 < span.length_s <= spans.MAX_S + 0.5 for span in edges)


@given(voices(), DURATIONS)
def test_every_voice_is_in_an_utterance(found, duration_s):
    segments = spans.utterances(found, duration_s)
    silences = [segment.span for segment in segments if segment.kind is Kind.SILENCE]
    for voice in found:
        for silence in silences:
            shared = min(voice.end_s, silence.end_s) - max(voice.start_s, silence.start_s)
            assert shared <= 1e-6


@given(voices(), DURATIONS)
def test_an_utterance_is_short_only_where_there_is_no_room(found, duration_s):
    for segment in spans.utterances(found, duration_s):
        if segment.kind is Kind.SPEECH and segment.span.length_s < spans.MIN_S - 1e-6:
            near = [v for v in found if v.start_s < segment.span.end_s + spans.JOIN_GAP_S]
            at_an_end = segment.span.start_s == 0.0 or segment.span.end_s == duration_s
            assert at_an_end or len(near) > 1


@given(DURATIONS, st.floats(1.0, 60.0), st.floats(0.1, 1.0))
def test_windows_cover_the_whole_video(duration_s, length_s, part):
    step_s = max(0.5, part * length_s)
    if step_s > length_s:
        step_s = length_s
    segments = spans.windows(duration_s, length_s, step_s)
    edges = [segment.span for segment in segments]
    assert edges[0].start_s == 0.0
    assert edges[-1].end_s == duration_s
    for a, b in pairwise(edges):
        assert b.start_s <= a.end_s
        assert b.start_s - a.start_s == pytest.approx(step_s)
    assert all(span.length_s == pytest.approx(length_s) for span in edges[:-1])
    assert edges[-1].length_s <= length_s + spans.REST_S


def test_windows_of_ten_seconds_every_five():
    segments = spans.windows(22.0, 10.0, 5.0)
    starts_and_ends = [(p.span.start_s, p.span.end_s) for p in segments]
    assert starts_and_ends == [(0, 10), (5, 15), (10, 20), (15, 22)]
    assert {segment.kind for segment in segments} == {Kind.WINDOW}


@pytest.mark.parametrize("duration_s", [0.04, 3.0, 9.9, 10.0, 10.3])
def test_a_video_no_longer_than_a_window_is_one_span(duration_s):
    (segment,) = spans.windows(duration_s, 10.0, 5.0)
    assert (segment.span.start_s, segment.span.end_s) == (0.0, duration_s)


def kinds_and_edges(found, duration_s):
    return [
        (p.kind.value, round(p.span.start_s, 3), round(p.span.end_s, 3))
        for p in spans.utterances([Span(*edges) for edges in found], duration_s)
    ]


def test_short_pauses_do_not_part_an_utterance():
    found = [(1.0, 2.0), (2.4, 4.0), (4.5, 6.0)]
    assert kinds_and_edges(found, 8.0) == [
        ("silence", 0.0, 1.0),
        ("speech", 1.0, 4.0),
        ("silence", 4.0, 4.5),
        ("speech", 4.5, 6.0),
        ("silence", 6.0, 8.0),
    ]


def test_a_long_utterance_is_split_at_its_longest_pause():
    found = [(0.0, 4.0), (4.2, 7.0), (7.4, 12.0)]
    assert kinds_and_edges(found, 12.0) == [("speech", 0.0, 7.2), ("speech", 7.2, 12.0)]


def test_a_long_utterance_without_a_pause_is_split_evenly():
    assert kinds_and_edges([(0.0, 24.0)], 24.0) == [
        ("speech", 0.0, 8.0),
        ("speech", 8.0, 16.0),
        ("speech", 16.0, 24.0),
    ]


def test_a_short_utterance_joins_the_nearer_neighbour_or_grows():
    assert kinds_and_edges([(1.0, 2.0), (2.8, 3.0), (3.6, 5.0)], 5.0) == [
        ("silence", 0.0, 1.0),
        ("speech", 1.0, 2.0),
        ("silence", 2.0, 2.8),
        ("speech", 2.8, 5.0),
    ]
    assert kinds_and_edges([(3.0, 3.2)], 6.0) == [
        ("silence", 0.0, 2.85),
        ("speech", 2.85, 3.35),
        ("silence", 3.35, 6.0),
    ]


def test_slivers_of_silence_at_the_ends_belong_to_the_speech_beside_them():
    assert kinds_and_edges([(0.1, 3.0)], 3.15) == [("speech", 0.0, 3.15)]


def test_silence_is_cut_evenly_where_nobody_speaks():
    assert kinds_and_edges([], 25.0) == [
        ("silence", 0.0, 8.333),
        ("silence", 8.333, 16.667),
        ("silence", 16.667, 25.0),
    ]


# -- the mean ---------------------------------------------------------------------------------


def test_spans_that_do_not_overlap_weigh_as_much_as_they_last():
    rows = [(1.0, 0.0), (0.0, 1.0)]
    assert spans.mean([Span(0, 1), Span(1, 4)], rows) == pytest.approx((0.25, 0.75))


def test_overlapping_time_is_not_counted_twice():
    some = [Span(0, 10), Span(5, 15), Span(10, 20)]
    assert spans.shares(some) == pytest.approx([7.5 / 20, 5 / 20, 7.5 / 20])


def test_spans_without_an_answer_are_left_out():
    rows = [(1.0, 0.0), None, (0.0, 1.0)]
    assert spans.mean([Span(0, 2), Span(2, 90), Span(90, 92)], rows) == pytest.approx((0.5, 0.5))
    assert spans.mean([Span(0, 1)], [None]) is None


@given(DURATIONS, st.floats(1.0, 30.0), st.floats(0.2, 1.0))
def test_the_shares_of_windows_sum_to_one(duration_s, length_s, part):
    segments = spans.windows(duration_s, length_s, part * length_s)
    shares = spans.shares([segment.span for segment in segments])
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()


# -- frames and words -------------------------------------------------------------------------


def test_a_window_has_the_frames_of_a_video_of_its_length():
    times = sections.frame_times(Span(5.0, 15.0), 4)
    np.testing.assert_allclose(times, [5, 8, 11, 14])
    np.testing.assert_allclose(sections.frame_times(Span(2.0, 3.0), 8), [2.0, 2.5])
    assert len(sections.frame_times(Span(0.0, 0.1), 8)) == 1


def transcript(*cues):
    cues = tuple(Cue(*cue) for cue in cues)
    return Transcript(cues, " ".join(cue.text for cue in cues), "en", True, "made by hand")


def spoken(transcript, voices):
    said = SpeechReading(OK, tuple(voices), OK, transcript, OK, None)
    return SpeechOverTime(said, clip_of())


def test_words_of_a_long_cue_go_to_the_utterances_in_which_they_were_said():
    words = spoken(transcript((0.0, 10.0, "one two three four")), [Span(0, 2), Span(8, 10)])
    assert words.words(Span(0, 2)).text == "one two"
    assert words.words(Span(2, 8)) is None
    after = words.words(Span(8, 10))
    assert after.text == "three four"
    assert (after.cues[0].start_s, after.cues[0].end_s) == (0.0, 2.0)


def test_words_without_a_voice_are_spread_over_their_cue():
    words = spoken(transcript((0.0, 4.0, "a b c d")), [])
    assert words.words(Span(1, 3)).text == "b c"


@given(voices(), st.floats(5.0, 200.0))
def test_every_word_is_said_in_exactly_one_utterance(found, duration_s):
    cues = [(v.start_s, v.end_s, f"word{i} and more") for i, v in enumerate(found)]
    cues = [cue for cue in cues if cue[1] <= duration_s]
    words = spoken(transcript(*cues), found)
    said = [words.words(segment.span) for segment in spans.utterances(found, duration_s)]
    heard = " ".join(some.text for some in said if some is not None).split()
    assert sorted(heard) == sorted(" ".join(cue[2] for cue in cues).split())
