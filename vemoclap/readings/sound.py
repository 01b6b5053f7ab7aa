"""Clip -> what is heard besides words."""

from collections.abc import Callable

import numpy as np

from vemoclap.media.sampling import equidistant
from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Clip,
    Floats,
    Heard,
    SoundReading,
    Status,
    absent,
    skipped,
)

WINDOW = 3 * SAMPLE_RATE  # samples of one window, as in the paper
STEP = WINDOW // 2  # from the start of one window to that of the next


def read(clip: Clip, sound: Callable[[Floats], Heard] | None, frame_count: int) -> SoundReading:
    """Return a vector for each of at most ``frame_count`` windows, and the tags of the whole."""
    if sound is None:
        return _nothing(skipped("The preset has no engine that names sounds."))
    if clip.audio is None:
        return _nothing(clip.audio_status)
    starts = window_starts(len(clip.audio), frame_count)
    if not starts:
        seconds = len(clip.audio) / SAMPLE_RATE
        return _nothing(
            absent(f"The sound lasts {seconds:.1f} s, and more than 3 s are needed to name it.")
        )
    heard = sound(np.stack([clip.audio[start : start + WINDOW] for start in starts]))
    return SoundReading(
        status=OK,
        vectors=heard.vectors,
        starts_s=tuple(start / SAMPLE_RATE for start in starts),
        tags=heard.tags,
    )


def window_starts(sample_count: int, window_count: int) -> tuple[int, ...]:
    """Return the first sample of every window that is heard, at most ``window_count``.

    Windows follow each other from the start, half a window apart, as long as sound is left
    behind them; so a sound of three seconds or less has none. Of too many, equidistant ones are
    kept.
    """
    starts = range(0, sample_count - WINDOW, STEP)
    return tuple(starts[index] for index in equidistant(len(starts), window_count))


def _nothing(status: Status) -> SoundReading:
    return SoundReading(status=status, vectors=None, starts_s=None, tags=None)
