"""A video's picture in sections: decoded one by one, and let go when no span needs them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vemoclap.media import decode, sampling
from vemoclap.media import frames as media_frames
from vemoclap.media.stream import Reel
from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Clip,
    Coverage,
    Floats,
    Outcome,
    Overview,
    Pictures,
    Span,
    Status,
    Times,
    absent,
)

SECTION_S = 60.0  # at a frame a second some 40 MB; a multiple of the overview's step
# Of a file in which seeks go astray: each section is decoded from the start of the file, so that
# two hours are decoded twelve times over.
SECTION_UNSOUGHT_S = 300.0
FRAMES_PER_S = 2.0  # of a short span, no more are looked at: neighbours look alike
CONTEXT_S = 2.0  # of thumbnails that a cut is told by, on each side

Places = NDArray[np.int64]  # of frames, among all of the video


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Some of the overview."""

    pictures: Pictures  # (m, 36, 64, 3)
    times_s: Times  # (m,)

    def within(self, start_s: float, end_s: float) -> "Thumbnails":
        """Return those of a stretch of time, start included."""
        a, b = np.searchsorted(self.times_s, [start_s - 1e-4, end_s - 1e-4])
        return Thumbnails(self.pictures[a:b], self.times_s[a:b])


NO_THUMBNAILS = Thumbnails(np.empty((0, *decode.THUMBNAIL, 3), np.uint8), np.empty(0))


def joined(parts: Iterable[Thumbnails]) -> Thumbnails:
    """Return thumbnails that follow one another as one."""
    some = [NO_THUMBNAILS, *parts]
    return Thumbnails(
        np.concatenate([part.pictures for part in some]),
        np.concatenate([part.times_s for part in some]),
    )


class Section:
    """One section of the picture, decoded when it is first asked for."""

    def __init__(self, reel: Reel, number: int, span: Span, wanted: Places) -> None:
        self.number = number
        self.span = span
        self.wanted = wanted  # frames that some span looks at
        self._reel = reel

    @cached_property
    def part(self) -> media_frames.Part:
        """The section's frames and thumbnails."""
        return self._reel.part(self.span, self.wanted)

    @property
    def thumbnails(self) -> Thumbnails:
        """The section's thumbnails."""
        return Thumbnails(self.part.thumbnails, self.part.thumbnail_times_s)

    def frame(self, index: int) -> NDArray[np.uint8] | None:
        """Return a frame by its place among all, None if it is not here."""
        where = np.flatnonzero(self.part.indices == index)
        return self.part.frames[where[0]] if len(where) else None


def frame_times(span: Span, count: int, *, at_most_per_s: float = FRAMES_PER_S) -> Times:
    """Return when frames of a span are looked at: as of a video of that length, but no closer."""
    length_s = round(span.length_s, 3)  # ten seconds and a rounding are not eleven seconds begun
    count = max(1, math.ceil(min(count, length_s * at_most_per_s)))
    return span.start_s + sampling.sample_times(length_s, count)


def sections(reel: Reel, wanted: Sequence[Places]) -> Iterator[Section]:
    """Yield the sections of a video, in order.

    Args:
        reel: the video.
        wanted: the frames of each span.
    """
    length_s = SECTION_S if reel.seekable else SECTION_UNSOUGHT_S
    duration = reel.info.duration_s
    count = max(1, round(duration / length_s))
    edges = [*(k * length_s for k in range(count)), duration]
    every = np.unique(np.concatenate(wanted)) if wanted else np.empty(0, np.int64)
    times = reel.times_of(every)
    for number, (start, end) in enumerate(pairwise(edges)):
        last = number == count - 1
        here = every[(times >= start) & ((times < end) | last)]
        yield Section(reel, number, Span(start, end), here)


def sound(reel: Reel, span: Span) -> tuple[Floats | None, Status]:
    """Return the sound of a span, and why there is none."""
    if reel.audio is None:
        return None, reel.audio_status
    a, b = (round(edge * SAMPLE_RATE) for edge in (span.start_s, span.end_s))
    if not len(reel.audio[a:b]):
        return None, absent("The sound ends before this part of the video.")
    return reel.audio[a:b], OK


def overview(
    thumbnails: Thumbnails, span: Span, runs_s: Sequence[tuple[float, float]] | None = None
) -> Overview:
    """Return thumbnails as the overview of a span, whose time starts with it.

    Args:
        thumbnails: of the span.
        span: which part of the video.
        runs_s: the runs that these are of; one, unless told.
    """
    starts = np.array([run[0] for run in runs_s or ((span.start_s, span.end_s),)]) - 1e-4
    runs = np.searchsorted(starts, thumbnails.times_s, side="right") - 1
    return Overview(
        thumbnails=thumbnails.pictures,
        times_s=np.maximum(thumbnails.times_s - span.start_s, 0.0),
        run=np.maximum(runs, 0).astype(np.int32),
        step_s=sampling.OVERVIEW_STEP_S,
    )


def clip(reel: Reel, frames: Pictures | None = None, times_s: Times | None = None) -> Clip:
    """Return the whole video as a clip of sound, subtitles, and no pictures but these."""
    frames = np.empty((0, 1, 1, 3), np.uint8) if frames is None else frames
    return Clip(
        info=reel.info,
        outcome=Outcome.OK,
        coverage=Coverage(len(frames), len(frames), reel.info.duration_s, 0),
        warnings=(),
        frames=frames,
        times_s=np.empty(0) if times_s is None else times_s,
        overview=overview(NO_THUMBNAILS, Span(0.0, reel.info.duration_s)),
        audio=reel.audio,
        audio_status=reel.audio_status,
        subtitles=reel.subtitles,
        subtitle_language=reel.subtitle_language,
    )
