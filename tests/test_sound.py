"""Which windows of the sound are heard, and what becomes of silence and shortness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.pattern import golden
from vemoclap.media.sampling import equidistant
from vemoclap.readings import sound
from vemoclap.records import OK, SAMPLE_RATE, Heard, State, Status, Tag, absent

SCHEDULES = golden("schedules")


@pytest.mark.parametrize("seconds", SCHEDULES["audio_windows_s"])
def test_windows_start_where_the_paper_s_do(seconds: str):
    starts = sound.window_starts(round(float(seconds) * SAMPLE_RATE), 16)
    assert [start / SAMPLE_RATE for start in starts] == SCHEDULES["audio_windows_s"][seconds]


@pytest.mark.parametrize("case", SCHEDULES["equidistant_indices"])
def test_indices_are_the_paper_s(case: str):
    total, count = map(int, case.split("->"))
    assert list(equidistant(total, count)) == SCHEDULES["equidistant_indices"][case]


@given(st.integers(0, 5000), st.integers(1, 64))
def test_indices_are_distinct_and_span_all(total: int, count: int):
    indices = equidistant(total, count)
    assert len(indices) == min(total, count) == len(set(indices))
    assert sorted(indices) == list(indices)
    if total:
        assert indices[0] == 0
        assert total == 1 or count == 1 or indices[-1] == total - 1


def audio(samples: int | None) -> tuple[np.ndarray | None, Status]:
    """Return sound and its status; each sample is its own number of half seconds."""
    if samples is None:
        return None, absent("The video has no sound.")
    return (np.arange(samples) // 8000).astype(np.float32), OK


def ear(windows: np.ndarray) -> Heard:
    return Heard(vectors=windows[:, :3], tags=(Tag("Rain", 0.5),))


def test_each_window_holds_the_sound_at_its_start():
    seen = []
    reading = sound.read(*audio(40 * SAMPLE_RATE), lambda w: seen.append(w) or ear(w), 16)
    (windows,) = seen  # one call for all
    assert windows.shape == (16, 48_000)
    assert reading.status == OK
    assert [window[0] / 2 for window in windows] == list(reading.starts_s)
    assert [window[-1] / 2 for window in windows] == [s + 2.5 for s in reading.starts_s]
    assert reading.vectors.shape == (16, 3)
    assert reading.tags == (Tag("Rain", 0.5),)


@pytest.mark.parametrize(
    ("samples", "engine", "state", "words"),
    [
        (48_000, ear, State.ABSENT, "lasts 3.0 s"),
        (None, ear, State.ABSENT, "no sound"),
        (480_000, None, State.SKIPPED, "no engine"),
    ],
)
def test_what_was_not_heard_says_why(samples, engine, state, words):
    reading = sound.read(*audio(samples), engine, 16)
    assert reading.status.state is state
    assert words in reading.status.reason
    assert reading.vectors is reading.starts_s is reading.tags is None
