"""Sound -> what is heard besides words."""

from collections.abc import Callable

import numpy as np

from vemoclap.media.sampling import equidistant
from vemoclap.readings.engine_calls import attempt
from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Floats,
    Heard,
    SoundReading,
    Status,
    absent,
    skipped,
)

WINDOW = 3 * SAMPLE_RATE  # samples of one window, as in the paper
STEP = WINDOW // 2  # from the start of one window to that of the next


def read(
    audio: Floats | None,
    audio_status: Status,
    sound: Callable[[Floats], Heard] | None,
    frame_count: int,
) -> SoundReading:
    """Return a vector for each of at most ``frame_count`` windows, and the tags of the whole.

    Args:
        audio: (samples,), as in ``Clip``, with its status.
        audio_status: why there is none.
        sound: the engine that hears windows; None skips it.
        frame_count: how many frames are looked at, for as many windows are heard.
    """
    if sound is None:
        status = skipped("The preset has no engine that names sounds.")
    elif audio is None:
        status = audio_status
    elif starts := window_starts(len(audio), frame_count):
        heard, status = attempt(sound, np.stack([audio[at : at + WINDOW] for at in starts]))
        if status.ok:
            starts_s = tuple(start / SAMPLE_RATE for start in starts)
            return SoundReading(OK, heard.vectors, starts_s, heard.tags)
    else:
        seconds = len(audio) / SAMPLE_RATE
        status = absent(
            f"The sound lasts {seconds:.1f} s, and more than 3 s are needed to name it."
        )
    return SoundReading(status=status, vectors=None, starts_s=None, tags=None)


def window_starts(sample_count: int, window_count: int) -> tuple[int, ...]:
    """Return the first sample of every window that is heard, at most ``window_count``.

    Windows follow each other from the start, half a window apart, as long as sound is left
    behind them; so a sound of three seconds or less has none. Of too many, equidistant ones are
    kept.
    """
    starts = range(0, sample_count - WINDOW, STEP)
    return tuple(starts[index] for index in equidistant(len(starts), window_count))
