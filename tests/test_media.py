"""Frames are the right ones, whichever way they were reached; sound and words are on time."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.videos import X264, clock, lavfi, make
from vemoclap.media import clip as media_clip
from vemoclap.media import frames as media_frames
from vemoclap.media import sampling, subtitles
from vemoclap.records import Clip

FRAMES = ("-g", "50", "-keyint_min", "50", "-sc_threshold", "0")
LOST_SEEKS = ("AVI", "Ogg")  # their seeks go astray, so that all is decoded
KINDS = {
    "B-frames": ("a.mp4", ("-c:v", "libx264", "-bf", "3", *FRAMES)),
    "open GOP": ("a.mkv", ("-c:v", "libx264", "-bf", "3", *FRAMES, "-x264opts", "open-gop=1")),
    "MPEG-TS": ("a.ts", ("-c:v", "libx264", *FRAMES, "-output_ts_offset", "7")),
    "offset": ("a.mkv", (*X264, *FRAMES, "-output_ts_offset", "5")),
    "VP9": ("a.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", *FRAMES)),
    "FLV": ("a.flv", (*X264, *FRAMES)),
    "MPEG-PS": ("a.mpg", ("-q:v", "2", *FRAMES)),
    "late clock": ("a.mkv", (*X264, *FRAMES, "-output_ts_offset", "20000")),
    "Ogg": ("a.ogv", ("-q:v", "9", "-g", "50")),
    "AVI": ("a.avi", ("-c:v", "mpeg4", "-bf", "2", "-q:v", "2", "-g", "50")),
}


def by_seeking(path: Path, monkeypatch: pytest.MonkeyPatch) -> Clip:
    monkeypatch.setattr(media_frames, "WHOLE_PIXELS", 0)
    monkeypatch.setattr(sampling, "seek_cost", lambda *_: 0)
    monkeypatch.setattr(sampling, "RUN_COUNT", 3)
    return media_clip.open_clip(path, frame_count=16)


@pytest.mark.parametrize("kind", KINDS)
def test_seeking_finds_the_frames_that_a_full_pass_finds(kind, tmp_path, monkeypatch):
    name, codec = KINDS[kind]
    path = make(tmp_path / name, *lavfi(clock(20)), *codec)
    whole = media_clip.open_clip(path, frame_count=16)
    sought = by_seeking(path, monkeypatch)
    assert whole.info.duration_s == pytest.approx(20, abs=0.1)
    np.testing.assert_allclose(sought.times_s, whole.times_s)
    np.testing.assert_array_equal(sought.frames, whole.frames)
    assert sought.outcome == whole.outcome == "ok", sought.warnings
    assert (sought.coverage.expected_frames < 200) == (kind not in LOST_SEEKS)
    assert len(set(sought.overview.run.tolist())) == 3
    shared = np.isin(sought.overview.times_s.round(3), whole.overview.times_s.round(3))
    assert shared.mean() > 0.5


@pytest.mark.parametrize("frame_count", [1, 4, 16])
def test_each_frame_is_the_one_shown_at_its_time(frame_count: int, tmp_path: Path):
    path = make(tmp_path / "a.mp4", *lavfi(clock(20)), *X264, "-crf", "1")
    clip = media_clip.open_clip(path, frame_count=frame_count)
    expected = sampling.sample_times(20.0, frame_count)
    np.testing.assert_allclose(clip.times_s, expected, atol=1e-6)
    level = clip.frames[:, 180, 240].mean(axis=1)
    number = np.round(clip.times_s * 25)
    np.testing.assert_allclose(level, (4 * number) % 256, atol=8)


def test_thumbnails_are_a_step_apart_and_show_their_time(tmp_path: Path):
    path = make(tmp_path / "a.mp4", *lavfi(clock(4)), *X264, "-crf", "1")
    overview = media_clip.open_clip(path, frame_count=4).overview
    np.testing.assert_allclose(np.diff(overview.times_s), 0.2, atol=0.041)
    level = overview.thumbnails[:, 18, 32].mean(axis=1)
    np.testing.assert_allclose(level, (4 * np.round(overview.times_s * 25)) % 256, atol=8)


def test_sound_is_the_mean_of_the_channels_at_its_own_time(tmp_path: Path):
    """One channel sounds from 1 s on: the mean has half of its strength, from 1 s on."""
    tone = "aevalsrc='if(gte(t,1),0.5*sin(880*PI*t),0)|0':d=3:s=44100"
    path = make(tmp_path / "a.mkv", *lavfi(clock(3)), *lavfi(tone), *X264, "-c:a", "pcm_s16le")
    audio = media_clip.open_clip(path, frame_count=2).audio
    assert audio is not None
    assert abs(audio[: int(0.98 * 16000)]).max() < 0.01
    assert abs(audio[int(1.1 * 16000) :]).max() == pytest.approx(0.25, abs=0.01)


def test_full_scale_channels_do_not_clip(tmp_path: Path):
    tone = "aevalsrc='0.99*sin(880*PI*t)|0.99*sin(880*PI*t)|0.99*sin(880*PI*t)':d=1:s=48000:c=2.1"
    path = make(tmp_path / "a.mkv", *lavfi(clock(1)), *lavfi(tone), *X264, "-c:a", "flac")
    audio = media_clip.open_clip(path, frame_count=2).audio
    assert audio is not None
    middle = audio[4000:12000]
    assert (abs(middle) > 0.985).mean() < 0.15  # a clipped sine stays at its top


@given(st.floats(0.04, 20_000), st.integers(1, 64))
def test_sample_times_are_inside_rising_and_as_many_as_asked(duration: float, count: int):
    times = sampling.sample_times(duration, count)
    assert len(times) == count
    assert times[0] == 0
    assert times[-1] < duration
    assert (np.diff(times) > 0).all()
    if math.ceil(duration) >= count:
        assert (times == np.round(times)).all()


def test_indices_are_those_of_the_papers_code():
    golden = json.loads((Path(__file__).parent / "golden" / "schedules.json").read_text())
    for sizes, indices in golden["equidistant_indices"].items():
        total, count = map(int, sizes.split("->"))
        assert sampling.sample_times(float(total), count).tolist() == indices


def test_sample_times_follow_the_papers_schedule():
    assert sampling.sample_times(20.0, 16).tolist() == [
        0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16, 18, 19,
    ]  # fmt: skip
    assert sampling.sample_times(8.0, 16).tolist() == [k / 2 for k in range(16)]


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=20),
    st.lists(st.floats(0, 100), min_size=1, max_size=50, unique=True),
)
def test_the_frame_shown_is_the_last_that_has_begun(moments: list[float], frames: list[float]):
    shown = sampling.shown_at(np.array(sorted(moments)), np.array(sorted(frames)))
    for moment in moments:
        begun = [frame for frame in frames if frame <= moment + 1e-9]
        assert (max(begun) if begun else min(frames)) in shown
    assert len(set(shown.tolist())) == len(shown)


def test_seek_cost_counts_from_the_key_frame():
    frames = np.arange(100) / 10
    keys = np.array([0.0, 5.0])
    assert sampling.seek_cost(np.array([0.0, 4.9, 5.0, 5.1]), frames, keys) == 1 + 50 + 1 + 2
    assert sampling.seek_cost(np.array([5.0]), frames, keys, 1.0) == 51


def test_subtitles_lose_their_markup():
    text = (
        "WEBVTT\n\n1\n00:01.000 --> 00:02.500 line:0\n<b>Bold</b> &amp; <c.x>plain</c>\n"
        "second line\n\n01:00:00.000 --> 01:00:01.000\ntoo late\n\n"
        "00:03.000 --> 00:04.000\n{\\an8}Up\u0007\n\n00:05.000 --> 00:05.500\n<i></i>\n"
    )
    cues = subtitles.parse(text, 0.5, 60.0)
    assert [(c.start_s, c.end_s, c.text) for c in cues] == [
        (0.5, 2.0, "Bold & plain second line"),
        (2.5, 3.5, "Up"),
    ]
