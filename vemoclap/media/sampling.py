"""Which moments of a video are looked at; pure arithmetic on times."""

import math

import numpy as np

from vemoclap.records import Times

OVERVIEW_STEP_S = 0.2  # 5 thumbnails a second: short enough for a cut, long enough for motion
WHOLE_OVERVIEW_S = 600.0  # up to 10 minutes (3,000 thumbnails, 20 MB) may be seen whole
RUN_S = 2.0  # of a longer video, runs of 2 s are seen
RUN_COUNT = 30  # ... 30 of them: one minute of any video


def equidistant(total: int, count: int) -> tuple[int, ...]:
    """Return ``count`` indices into ``total`` things, first and last included.

    All of them where there are no more than ``count``. Halves are rounded to even, as the
    paper's code does: ``round(linspace(0, total - 1, count))``.
    """
    if total <= count:
        return tuple(range(total))
    return tuple(int(index) for index in np.round(np.linspace(0, total - 1, count)))


def sample_times(duration_s: float, count: int) -> Times:
    """Return the times at which frames are taken, ``count`` or fewer, rising from 0.

    One frame a second is a candidate, of which ``count`` equidistant ones are taken. A video with
    fewer candidates than ``count`` is sampled at ``count`` evenly spaced times (paper, section II;
    the index rule is that of the authors' test time sampling).
    """
    candidates = math.ceil(duration_s)
    if candidates >= count:
        return np.array(equidistant(candidates, count), dtype=np.float64)
    return np.arange(count, dtype=np.float64) * (duration_s / count)


def shown_at(times_s: Times, frame_times_s: Times) -> Times:
    """Return the times of the frames that a player shows at ``times_s``, each once.

    Args:
        times_s: moments, rising.
        frame_times_s: times of all frames, rising; not empty.
    """
    indices = np.searchsorted(frame_times_s, times_s + 1e-9, side="right") - 1
    return np.asarray(frame_times_s[np.unique(np.clip(indices, 0, None))], dtype=np.float64)


def overview_runs(duration_s: float, *, whole: bool) -> Times:
    """Return the starts of the runs of which thumbnails are made; one from 0 if ``whole``."""
    if whole or duration_s <= RUN_COUNT * RUN_S:
        return np.zeros(1)
    return np.linspace(0.0, duration_s - RUN_S, RUN_COUNT)


def seek_cost(
    wanted_s: Times, frame_times_s: Times, key_times_s: Times, preroll_s: float = 0.0
) -> int:
    """Return how many frames must be decoded to reach each wanted time by its own seek.

    Decoding starts at the last key frame that is at least ``preroll_s`` before the wanted time.
    """
    keys = np.searchsorted(key_times_s, wanted_s - preroll_s, side="right") - 1
    starts = np.where(keys >= 0, key_times_s[np.clip(keys, 0, None)], -math.inf)
    first = np.searchsorted(frame_times_s, starts, side="left")
    last = np.searchsorted(frame_times_s, wanted_s, side="right")
    return int((last - first).sum())
