"""Thumbnails and sound -> curves of motion, cuts, colour and loudness against time.

Everything is measured on the overview, 64 x 36 pictures 0.2 s apart, and on the sound.
Hanjalic and Xu ("Affective Video Content Representation and Modeling", IEEE Transactions on
Multimedia 7(1), 2005) draw their arousal curve from the same three: motion, the density of cuts
and sound energy.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vemoclap.records import SAMPLE_RATE, Curves, Floats, Overview, Pictures, Times

Numbers = NDArray[np.float64]

STEP_S = 1.0  # one point a second, up to ten minutes
MAX_POINTS = 600  # of a longer video: as many as a plot is wide
MIN_POINTS = 20  # of a shorter video, where the thumbnails allow it
MIN_STEP_S = 0.2  # the thumbnails' own step

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# Levels as the eye tells them apart: two night scenes differ less in numbers than in looks. The
# 32 keeps the noise of black small, and the last step of a fade to black no larger than the rest.
_LEVELS = np.sqrt(np.arange(256) + 32.0)
BRIGHTER = np.round(255 * (_LEVELS - _LEVELS[0]) / (_LEVELS[-1] - _LEVELS[0])).astype(np.uint8)

COLOUR_BITS = 2  # per channel, of the colour histogram: 64 bins of some 36 pixels each
QUANTILES = 32  # of the levels of each colour channel of a thumbnail, some 72 pixels each

# A cut is a pair of neighbouring thumbnails that differ in what is where and in which colours
# there are. Static noise and pans differ in the first only, a fade or a change of exposure is
# gradual, and a hand before the camera is both but little. Tuned on synthetic pans, flashes,
# fades and noise (see tests) and on the project's samples, for no false cuts first: of quick
# cuts amid lightning some are missed, as are shots of under 0.4 s, and of 0.6 s between two
# that look alike. Three clips from the web, without cuts, are given none; the quickest jerk of a
# hand-held camera in them comes to 0.26 in colours.
CUT_PIXELS = 0.05  # mean absolute difference of colour, 0..1
CUT_COLOURS = 0.28  # half the absolute difference of the two colour histograms, 0..1
CUT_PEAK = 1.75  # a cut differs this much more than the pairs beside it
CUT_PEAK_OF_TWO = 3.0  # the same for two pairs taken together, since two steps of a fade are 2.0
CUT_RETURN = 0.43  # of the change in a flash: less has changed for good once it is over
FLASH_PICTURES = 3  # thumbnails that a flash lasts at most: lightning flickers for up to 0.6 s

CUT_WINDOW_S = 10.0  # of the cut rate: two or three shots of a film of today
KAISER_BETA = 5.0  # a bell whose ends are near 0; Hanjalic and Xu smooth with this window as well

CHUNK = 256  # thumbnails whose colours are measured at once, some 20 MB


def measure(overview: Overview, audio: Floats | None, duration_s: float) -> Curves:
    """Return the curves of a video on a grid of at most ``MAX_POINTS`` steps.

    A step without a thumbnail or without sound has NaN there: long videos are sampled in runs.

    Args:
        overview: its thumbnails.
        audio: (samples,), its sound, as in ``Clip``.
        duration_s: its length.
    """
    step_s, count = grid(duration_s)
    where = np.clip((overview.times_s / step_s).astype(np.int64), 0, count - 1)
    brightness, saturation = _colours(overview.thumbnails)
    pairs = _pairs(overview)
    cut = _cuts(overview, pairs)
    between = np.clip((pairs.times_s / step_s).astype(np.int64), 0, count - 1)
    motion = _without_cuts(pairs, cut)
    return Curves(
        times_s=np.asarray((np.arange(count) + 0.5) * step_s, np.float64),
        step_s=step_s,
        motion=_means(motion, between, count),
        cut_rate=_cut_rate(
            np.bincount(between[cut], minlength=count),
            np.bincount(between, minlength=count),
            step_s,
        ),
        brightness=_means(brightness, where, count),
        saturation=_means(saturation, where, count),
        sound_energy=_energy(audio, step_s, count, duration_s),
        cuts_s=_times(overview, pairs, cut),
    )


def cuts(overview: Overview) -> tuple[float, ...]:
    """Return the times at which one shot gives way to another."""
    pairs = _pairs(overview)
    return _times(overview, pairs, _cuts(overview, pairs))


def grid(duration_s: float) -> tuple[float, int]:
    """Return the step in seconds and the number of steps for a video of this length.

    What is left over at the end, under half a step, belongs to the last step.
    """
    fine = min(STEP_S, max(MIN_STEP_S, duration_s / MIN_POINTS))
    step_s = max(fine, duration_s / MAX_POINTS)
    return step_s, max(1, round(duration_s / step_s))


def smooth(values: Floats, window_s: float, step_s: float) -> Floats:
    """Return ``values`` (m,) averaged under a Kaiser window, looking past what is NaN.

    The result is NaN only where the whole window is. The window, ``window_s`` long, is cut at the
    ends of the curve.
    """
    known = np.isfinite(values)
    half = min(round(window_s / step_s / 2), len(values) - 1)
    window = np.kaiser(2 * half + 3, KAISER_BETA)[1:-1]  # without its ends, which are near 0
    here = slice(half, half + len(values))
    total = np.convolve(known, window)[here]
    weighted = np.convolve(np.where(known, values, 0.0), window)[here]
    means = np.full(len(values), np.nan, np.float32)
    some = total > 1e-9
    means[some] = weighted[some] / total[some]
    return means


# -- colour -----------------------------------------------------------------------------------


def _colours(thumbnails: Pictures) -> tuple[Numbers, Numbers]:
    """Return the mean value and the mean saturation of HSV of each thumbnail, (m,) each, 0..1."""
    brightness, saturation = np.empty(len(thumbnails)), np.empty(len(thumbnails))
    for start, pixels in _chunks(thumbnails):
        most = pixels.max(axis=-1)
        spread = most - pixels.min(axis=-1)
        part = slice(start, start + len(pixels))
        brightness[part] = most.mean(axis=(1, 2))
        saturation[part] = (spread / np.maximum(most, 1e-6)).mean(axis=(1, 2))
    return brightness, saturation


def _chunks(thumbnails: Pictures) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(thumbnails), CHUNK):
        yield start, thumbnails[start : start + CHUNK].astype(np.float32) / np.float32(255)


# -- motion and cuts --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Neighbouring thumbnails of the same run."""

    before: NDArray[np.int64]  # (p,), index of the first thumbnail of each pair
    after: NDArray[np.int64]  # (p,)
    times_s: Times  # (p,), between the two
    motion: Numbers  # (p,), mean absolute difference of luma


def _pairs(overview: Overview) -> _Pairs:
    before = np.flatnonzero(np.diff(overview.run) == 0)
    luma = np.concatenate(
        [pixels @ LUMA for _, pixels in _chunks(overview.thumbnails)]
        or [np.zeros((0, 1, 1), np.float32)]
    )
    motion = np.abs(luma[before + 1] - luma[before]).mean(axis=(1, 2), dtype=np.float64)
    times_s = (overview.times_s[before] + overview.times_s[before + 1]) / 2
    return _Pairs(before, before + 1, times_s, motion)


def _cuts(overview: Overview, pairs: _Pairs) -> NDArray[np.bool_]:
    """Return for each pair whether one shot gives way to another between its thumbnails."""
    pictures = _Pictures(overview.thumbnails)
    cut = np.zeros(len(overview.run), bool)  # of the picture that starts a shot
    for run in np.unique(overview.run):
        steady = _without_flashes(np.flatnonzero(overview.run == run).tolist(), pictures)
        # A pair beyond each end, so that every pair has neighbours.
        step = [0.0, *(pictures.distance(a, b) for a, b in pairwise(steady)), 0.0, 0.0]
        for k in range(len(steady) - 1):
            left, here, right = step[k : k + 3]
            a, b, peak = steady[k], steady[k + 1], CUT_PEAK
            if k + 2 < len(steady) and right / CUT_PEAK < here < right * CUT_PEAK:
                # The next pair differs as well: perhaps one thumbnail is a blend of both shots,
                # or a white frame between them. Then the two pairs together are one cut.
                b, peak, right = steady[k + 2], CUT_PEAK_OF_TWO, step[k + 3]
            if pictures.other_shot(a, b) and pictures.distance(a, b) >= peak * max(left, right):
                cut[steady[k + 1]] = not (k and cut[a])  # found from either of two pairs
    return cut[pairs.after]


def _times(overview: Overview, pairs: _Pairs, cut: NDArray[np.bool_]) -> tuple[float, ...]:
    return tuple(float(time) for time in overview.times_s[pairs.after[cut]])


def _without_flashes(indices: list[int], pictures: "_Pictures") -> list[int]:
    """Return ``indices`` without pictures after which the one before them comes back."""
    steady: list[int] = []
    at = 0
    while at < len(indices):
        steady.append(indices[at])
        at += 1
        for later in range(at + 1, min(at + 1 + FLASH_PICTURES, len(indices))):
            away = max(pictures.pixels(steady[-1], indices[k]) for k in range(at, later))
            if CUT_PIXELS <= away > pictures.pixels(steady[-1], indices[later]) / CUT_RETURN:
                at = later
                break
    return steady


class _Pictures:
    """Thumbnails that can be compared in what is where and in which colours there are."""

    def __init__(self, thumbnails: Pictures) -> None:
        count, height, width = thumbnails.shape[:3]
        self._thumbnails = BRIGHTER[thumbnails]
        self._levels = np.empty((count, QUANTILES, 3), np.int16)
        self._histograms = np.empty((count, 1 << 3 * COLOUR_BITS), np.float32)
        places = np.array([1 << 2 * COLOUR_BITS, 1 << COLOUR_BITS, 1], np.uint8)
        every = height * width // QUANTILES
        for index, picture in enumerate(self._thumbnails):
            flat = picture.reshape(-1, 3)
            self._levels[index] = np.sort(flat, axis=0)[every // 2 :: every][:QUANTILES]
            codes = np.bincount((flat >> 8 - COLOUR_BITS) @ places, minlength=64)
            self._histograms[index] = codes / len(flat)

    def distance(self, a: int, b: int) -> float:
        """Return how much two differ, 0..1, growing evenly while one fades into the other.

        It is the geometric mean of the difference of pixels and of how far the levels of each
        colour channel must move to match (the earth mover's distance); a pan has little of the
        second. Histograms will not do here: they jump when levels change their bin.
        """
        levels = float(np.abs(self._levels[a] - self._levels[b]).mean() / 255)
        return float(np.sqrt(self.pixels(a, b) * levels))

    def pixels(self, a: int, b: int) -> float:
        """Return the mean absolute difference of colour, 0..1."""
        change = self._thumbnails[a].astype(np.int16) - self._thumbnails[b]
        return float(np.abs(change).mean() / 255)

    def other_shot(self, a: int, b: int) -> bool:
        """Return whether two differ enough in pixels and in colours to be of two shots."""
        colours = float(np.abs(self._histograms[a] - self._histograms[b]).sum() / 2)
        return colours >= CUT_COLOURS and self.pixels(a, b) >= CUT_PIXELS


def _without_cuts(pairs: _Pairs, cut: NDArray[np.bool_]) -> Numbers:
    """Return the motion of each pair (p,), that of a cut taken from the pairs beside it.

    A cut changes every pixel and is no motion; it counts in the cut rate.
    """
    if cut.all():
        return np.zeros(len(cut))
    here = np.arange(len(cut))
    return np.interp(here, here[~cut], pairs.motion[~cut])


def _cut_rate(cuts: NDArray[np.int64], pairs: NDArray[np.int64], step_s: float) -> Floats:
    """Return the cuts per second about each step (m,), from the cuts and the pairs in each."""
    rate = np.where(pairs > 0, cuts / step_s, np.nan).astype(np.float32)
    return smooth(rate, CUT_WINDOW_S, step_s)


# -- sound and the grid -----------------------------------------------------------------------


def _energy(audio: Floats | None, step_s: float, count: int, duration_s: float) -> Floats:
    """Return the root mean square of the sound in each step (m,), NaN where there is none."""
    energy = np.full(count, np.nan, np.float32)
    if audio is None:
        return energy
    edges_s = np.append(np.arange(count) * step_s, max(duration_s, count * step_s))
    edges = np.round(edges_s * SAMPLE_RATE).astype(np.int64)
    for index, (start, end) in enumerate(pairwise(edges)):
        part = audio[start:end]
        if len(part):
            energy[index] = min(1.0, np.sqrt(np.dot(part, part) / len(part)))
    return energy


def _means(values: Numbers, where: NDArray[np.int64], count: int) -> Floats:
    """Return the mean of the values of each step (m,), NaN where a step has none."""
    number = np.bincount(where, minlength=count)
    total = np.bincount(where, weights=values, minlength=count)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(number > 0, total / number, np.nan).astype(np.float32)
    return means
