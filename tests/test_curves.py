"""Curves: the grid, what is measured, and cuts that are cuts."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clips import STEP_S, clip_of, overview_of, plain
from vemoclap.readings import curves
from vemoclap.records import SAMPLE_RATE


def scene(seed, width=64):
    """Return a still picture (36, width, 3) of soft blotches in the colours of one place."""
    random = np.random.default_rng(seed)
    base, spread = random.integers(40, 215, 3), random.integers(20, 40)
    blotches = base + random.normal(0, spread, (6, width // 8 + 1, 3))
    rows = np.linspace(0, 5, 36)
    columns = np.linspace(0, width // 8, width)
    soft = np.array([[np.interp(columns, range(width // 8 + 1), c) for c in r.T] for r in blotches])
    picture = np.array(
        [[np.interp(rows, range(6), soft[:, c, x]) for x in range(width)] for c in range(3)]
    )
    return np.clip(picture.transpose(2, 1, 0), 0, 255).astype(np.uint8)


def shot(seed, count):
    """Return a shot of a handheld camera with a little noise."""
    random = np.random.default_rng(seed)
    wide = scene(seed, 96)
    starts = np.clip(16 + np.cumsum(random.integers(-1, 2, count)), 0, 32)
    frames = np.stack([wide[:, start : start + 64] for start in starts]).astype(int)
    return np.clip(frames + random.normal(0, 3, frames.shape), 0, 255).astype(np.uint8)


def measure(clip):
    return curves.measure(clip.overview, clip.audio, clip.info.duration_s)


def cuts_of(thumbnails, **kwargs):
    return measure(clip_of(overview=overview_of(thumbnails, **kwargs))).cuts_s


# -- grid -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration_s", "step_s", "count"),
    [(60, 1.0, 60), (600, 1.0, 600), (3600, 6.0, 600), (10, 0.5, 20), (3, 0.2, 15), (0.04, 0.2, 1)],
)
def test_the_grid_fits_the_length(duration_s, step_s, count):
    assert curves.grid(duration_s) == (pytest.approx(step_s), count)


@given(st.floats(0, 1e5))
def test_the_grid_covers_any_video(duration_s):
    step_s, count = curves.grid(duration_s)
    assert 1 <= count <= curves.MAX_POINTS
    assert step_s >= curves.MIN_STEP_S
    assert abs(step_s * count - duration_s) <= step_s / 2 + 1e-9 or count == 1


def test_every_curve_lies_on_the_grid():
    measured = measure(clip_of(overview=overview_of(shot(0, 150)), audio=np.zeros(30 * 16)))
    np.testing.assert_allclose(measured.times_s, np.arange(30) + 0.5)
    for curve in (measured.motion, measured.cut_rate, measured.brightness, measured.saturation):
        assert curve.shape == (30,)
        assert curve.dtype == np.float32
        assert np.isfinite(curve).all()


def test_one_thumbnail_gives_one_step_without_motion():
    measured = measure(clip_of(overview=overview_of(plain(128))))
    assert measured.times_s.shape == (1,)
    assert np.isnan(measured.motion[0])
    assert measured.brightness[0] == pytest.approx(128 / 255)
    assert measured.cuts_s == ()


# -- colour, motion, sound --------------------------------------------------------------------


@given(st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=25)
def test_colours_are_those_of_hsv(rgb):
    pictures = np.full((5, 36, 64, 3), rgb, np.uint8)
    measured = measure(clip_of(overview=overview_of(pictures)))
    _, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in rgb))
    np.testing.assert_allclose(measured.brightness, value, atol=1e-5)
    np.testing.assert_allclose(measured.saturation, saturation, atol=1e-5)


def test_motion_is_the_mean_change_of_luma():
    pictures = plain(0, 50)
    pictures[1::2, :, :32] = 20  # half of the picture flickers by 20 levels
    measured = measure(clip_of(overview=overview_of(pictures)))
    np.testing.assert_allclose(measured.motion, 10 / 255, atol=1e-4)
    green = plain(0, 50)
    green[1::2, ..., 1] = 20
    measured = measure(clip_of(overview=overview_of(green)))
    np.testing.assert_allclose(measured.motion, 0.587 * 20 / 255, atol=1e-4)


def test_a_cut_is_no_motion():
    measured = measure(clip_of(overview=overview_of([*plain(20, 25), *plain(220, 25)])))
    assert measured.cuts_s == (pytest.approx(5.0),)
    np.testing.assert_allclose(measured.motion, 0, atol=1e-6)


def test_sound_energy_is_the_root_mean_square_of_each_step():
    time_s = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    sound = np.where(time_s < 5, 0.5, 0.1) * np.sin(2 * np.pi * 440 * time_s)
    measured = measure(clip_of(overview=overview_of(plain(0, 100)), audio=sound))
    np.testing.assert_allclose(measured.sound_energy[:5], 0.5 / np.sqrt(2), atol=1e-3)
    np.testing.assert_allclose(measured.sound_energy[5:10], 0.1 / np.sqrt(2), atol=1e-3)
    assert np.isnan(measured.sound_energy[10:]).all()  # the sound ends before the picture


def test_no_sound_is_not_silence():
    clip = clip_of(overview=overview_of(plain(0, 50)))
    assert np.isnan(measure(clip).sound_energy).all()


def test_between_runs_nothing_is_known():
    times = [*np.arange(25) * STEP_S, *(100 + np.arange(25) * STEP_S)]
    overview = overview_of(
        [*plain(50, 25), *plain(200, 25)], times_s=times, run=[0] * 25 + [1] * 25
    )
    measured = measure(clip_of(overview=overview, duration_s=105))
    assert np.isnan(measured.brightness[10:95]).all()
    assert np.isnan(measured.motion[10:95]).all()
    assert np.isnan(measured.cut_rate[50])
    np.testing.assert_allclose(measured.brightness[:5], 50 / 255, atol=1e-5)
    assert (
        measured.cuts_s == ()
    )  # the last picture of one run and the first of the next are no pair


# -- cuts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_cuts_are_found_where_they_are(seed):
    lengths = [12, 30, 7, 4, 21, 15]  # pictures; three could be a flash
    shots = [shot(100 * seed + index, length) for index, length in enumerate(lengths)]
    found = cuts_of(np.concatenate(shots))
    np.testing.assert_allclose(found, np.cumsum(lengths)[:-1] * STEP_S, atol=STEP_S + 1e-9)


def test_a_cut_through_one_blended_or_white_picture_is_one_cut():
    before, after = shot(1, 20), shot(2, 20)
    blend = (before[-1:].astype(int) + after[:1]) // 2
    for middle in (blend.astype(np.uint8), plain(255)):
        (time,) = cuts_of(np.concatenate([before, middle, after]))
        assert time == pytest.approx(20 * STEP_S, abs=STEP_S + 1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("speed", [1, 4, 8])
def test_a_pan_is_no_cut(seed, speed):
    wide = scene(seed, 64 + 8 * 40)
    pan = np.stack([wide[:, speed * k : speed * k + 64] for k in range(40)])
    assert cuts_of(pan) == ()


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("light", [90, 255])
def test_lightning_is_no_cut(length, light):
    storm = shot(3, 60).astype(int)
    storm[20 : 20 + length] += light
    storm[40 : 40 + length] += light
    assert cuts_of(np.clip(storm, 0, 255).astype(np.uint8)) == ()


@pytest.mark.parametrize("length", [4, 8, 20])
def test_fades_and_dissolves_are_no_cuts(length):
    ramp = np.linspace(0, 1, length)[:, None, None, None]
    before, after = shot(5, 20 + length), shot(6, 20 + length)
    dissolve = before[20:] * (1 - ramp) + after[:length] * ramp
    fade = before[20:] * (1 - ramp)
    pictures = [before[:20], dissolve, after[length:], after[-length:] * ramp[::-1], plain(0, 10)]
    assert cuts_of(np.concatenate(pictures).astype(np.uint8)) == ()
    assert cuts_of(np.concatenate([before[:20], fade]).astype(np.uint8)) == ()


def test_static_noise_is_no_cut():
    noise = np.random.default_rng(0).integers(0, 256, (60, 36, 64, 3), np.uint8)
    assert cuts_of(noise) == ()


@pytest.mark.parametrize("level", [0, 255])
def test_something_that_comes_before_the_camera_is_no_cut(level):
    pictures = shot(7, 60)
    pictures[30:, 6:24, 10:32] = level  # a sixth of the picture, from one thumbnail to the next
    assert cuts_of(pictures) == ()


def test_a_black_or_still_video_has_no_cuts():
    assert cuts_of(plain(0, 50)) == ()
    assert cuts_of(plain(255, 2)) == ()


def test_the_cut_rate_is_high_where_cuts_are():
    fast = [shot(seed, 5) for seed in range(20, 45)]  # 25 s, one cut a second
    pictures = np.concatenate([shot(1, 175), *fast])
    measured = measure(clip_of(overview=overview_of(pictures)))
    assert measured.cut_rate[5:28].max() < 0.01
    np.testing.assert_allclose(measured.cut_rate[45:55], 1.0, atol=0.2)


# -- smoothing --------------------------------------------------------------------------------


@given(
    st.lists(st.one_of(st.floats(-1, 1), st.just(np.nan)), min_size=1, max_size=40),
    st.floats(0.1, 100),
)
def test_smoothing_stays_within_what_is_known(values, window_s):
    curve = np.array(values, np.float32)
    smooth = curves.smooth(curve, window_s, 1.0)
    assert smooth.shape == curve.shape
    known = curve[np.isfinite(curve)]
    if len(known):
        assert np.nanmin(smooth) >= known.min() - 1e-5
        assert np.nanmax(smooth) <= known.max() + 1e-5
    assert np.isfinite(smooth[np.isfinite(curve)]).all()


@pytest.mark.parametrize("count", [4, 5, 30, 31])
def test_smoothing_moves_nothing(count):
    """A peak in the middle stays in the middle, also when the window is longer than the curve."""
    curve = np.zeros(2 * count + 1, np.float32)
    curve[count] = 1
    smooth = curves.smooth(curve, 3.0 * count, 1.0)
    assert int(np.argmax(smooth)) == count
    np.testing.assert_allclose(smooth, smooth[::-1], atol=1e-6)


def test_smoothing_bridges_a_gap():
    curve = np.array([1, 1, np.nan, 3, 3], np.float32)
    np.testing.assert_allclose(curves.smooth(curve, 4, 1.0)[2], 2, atol=1e-6)
