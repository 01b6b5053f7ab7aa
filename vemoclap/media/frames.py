"""The frames of a probed video: those looked at, and thumbnails of the rest.

Both are picked by timestamp, so that one pass over everything and many short seeks give the same
pictures; which is cheaper decides.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vemoclap.errors import MediaError
from vemoclap.media import decode, sampling
from vemoclap.media.probe import Video
from vemoclap.records import Overview, Pictures, Span, Times

# Pixels that may be decoded for seeing all of a video, some five seconds' work on two cores: two
# minutes of 720p at 30 frames a second. Beyond, seeks are used.
WHOLE_PIXELS = 3.4e9
# Most of their seeks go astray.
UNSOUGHT_FORMATS = ("avi", "ogg")
SEEKS_AT_ONCE = 2
SEEKS_TRUSTED = 0.9  # of the frames must be found by seeks, or all is decoded


@dataclass(frozen=True)
class Seen:
    """What came back from the decoder."""

    frames: Pictures  # (n, H, W, 3)
    times_s: Times  # (n,), from the first frame
    overview: Overview
    decoded: int
    expected: int
    covered_s: float
    sizes: int  # how many different picture sizes the stream has
    complaints: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """What came back of one part of the video; nothing, if all of it is damaged."""

    frames: Pictures  # (n, H, W, 3)
    indices: NDArray[np.int64]  # (n,), of these frames among all
    thumbnails: Pictures  # (m, 36, 64, 3), one for each step of the overview
    thumbnail_times_s: Times  # (m,), from the first frame
    decoded: int  # frames of the part that were shown
    complaints: tuple[str, ...]


def read(video: Video, frame_count: int) -> Seen:
    """Return the sampled frames and the overview of a video.

    Raises:
        MediaError: no frame could be decoded, or decoding took too long.
    """
    runs, whole = overview_runs(video)
    return _read(video, _wanted(video, frame_count), runs, whole=whole)


def overview_runs(video: Video) -> tuple[tuple[tuple[float, float], ...], bool]:
    """Return where an overview has thumbnails, start and end, and whether that is everywhere.

    Both are in the file's own clock.
    """
    start, duration = video.info.start_s, video.info.duration_s
    pixels = float(video.info.width) * video.info.height
    whole = (
        duration <= sampling.WHOLE_OVERVIEW_S and len(video.frame_times_s) * pixels <= WHOLE_PIXELS
    )
    return _runs(start + sampling.overview_runs(duration, whole=whole), duration, whole), whole


def can_seek(video: Video) -> bool:
    """Return whether a part of the video can be decoded without all that comes before it."""
    return video.timed and video.info.container not in UNSOUGHT_FORMATS


def part(video: Video, span: Span, wanted: NDArray[np.int64]) -> Part:
    """Return some frames of a part of the video, and all of its thumbnails.

    Args:
        video: what is decoded.
        span: the part, in seconds from the first frame.
        wanted: which frames, by their place among all, rising; they may lie before the part.

    Raises:
        MediaError: decoding took too long.
    """
    start, duration, times = video.info.start_s, video.info.duration_s, video.frame_times_s
    run = (start + span.start_s, start + min(span.end_s, duration))
    first = min([run[0], *times[wanted[:1]]])
    cut = decode.Stretch(first, run[1], times[wanted], (run,), None)
    if not can_seek(video):
        found = decode.decode(video, cut)
    elif first > start:
        found = decode.sought(video, replace(cut, seek_s=first - decode.preroll_s(video)))
    else:
        found = decode.decode(video, cut)
    decoded = (found.all_times_s >= run[0] - 1e-4) & (found.all_times_s < run[1] - 1e-4)
    indices = _nearest(times, found.frame_times_s)
    indices, kept = np.unique(indices, return_index=True)
    return Part(
        frames=found.frames[kept] if len(kept) < len(found.frames) else found.frames,
        indices=indices,
        thumbnails=found.thumbnails,
        thumbnail_times_s=np.maximum(found.thumbnail_times_s - start, 0.0),
        decoded=int(decoded.sum()),
        complaints=found.complaints,
    )


def _nearest(times: Times, wanted: Times) -> NDArray[np.int64]:
    """Return which of ``times`` each of ``wanted`` is nearest to."""
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1) if len(times) > 1 else 0
    before = np.maximum(np.asarray(after) - 1, 0)
    nearer = np.where(np.abs(times[after] - wanted) < np.abs(times[before] - wanted), after, before)
    return np.asarray(nearer, np.int64)


def sample_frames(video: Video, frame_count: int) -> Seen:
    """Return the sampled frames alone, with an empty overview."""
    return _read(video, _wanted(video, frame_count), (), whole=False)


def _wanted(video: Video, frame_count: int) -> Times:
    moments = sampling.sample_times(video.info.duration_s, frame_count)
    return sampling.shown_at(video.info.start_s + moments, video.frame_times_s)


def _read(
    video: Video, wanted: Times, runs: tuple[tuple[float, float], ...], *, whole: bool
) -> Seen:
    times = video.frame_times_s
    starts = np.array([start for start, _ in runs])
    in_runs = sum(decode.count(times, run) for run in runs)
    lead_s = decode.preroll_s(video)
    spans = [decode.Stretch(t, t, np.array([t]), (), t - lead_s) for t in wanted]
    spans += [decode.Stretch(a, b, np.empty(0), ((a, b),), a - lead_s) for a, b in runs]
    sought = np.concatenate((wanted, starts))
    cost = in_runs + sampling.seek_cost(sought, times, video.key_times_s, lead_s)
    if whole or not can_seek(video) or cost > 0.8 * len(times):
        return _whole_pass(video, wanted, runs, whole=whole)
    with ThreadPoolExecutor(SEEKS_AT_ONCE) as pool:
        parts = list(pool.map(lambda span: decode.sought(video, span), spans))
    decoded = sum(len(part.all_times_s) for part in parts)
    found = sum(len(part.frame_times_s) for part in parts)
    if decoded < SEEKS_TRUSTED * (len(wanted) + in_runs) or found < SEEKS_TRUSTED * len(wanted):
        # The seeks led astray; what is lost without any is lost indeed.
        return _whole_pass(video, wanted, runs, whole=whole)
    claimed = video.expected_frames / len(times)  # 1 unless the file is cut short
    expected = round((len(wanted) + in_runs) * claimed)
    return _merge(video, parts, runs, expected, whole=whole)


def _whole_pass(
    video: Video, wanted: Times, runs: tuple[tuple[float, float], ...], *, whole: bool
) -> Seen:
    start = video.info.start_s
    span = decode.Stretch(start, start + video.info.duration_s, wanted, runs, None)
    return _merge(video, [decode.decode(video, span)], runs, video.expected_frames, whole=whole)


def _runs(starts: Times, duration_s: float, whole: bool) -> tuple[tuple[float, float], ...]:
    if whole or len(starts) == 1:
        return ((float(starts[0]), float(starts[0]) + duration_s),)
    return tuple((float(s), float(s) + sampling.RUN_S) for s in starts)


def _merge(
    video: Video,
    parts: list[decode.Decoded],
    runs: tuple[tuple[float, float], ...],
    expected: int,
    *,
    whole: bool,
) -> Seen:
    decoded = sum(len(part.all_times_s) for part in parts)
    frame_times = np.concatenate([part.frame_times_s for part in parts])
    if decoded == 0 or len(frame_times) == 0:
        raise MediaError(
            f"Not one frame of {video.name} could be decoded (codec {video.info.video_codec}); "
            "copy it again or convert it."
        )
    kept = [part.frames for part in parts if len(part.frames)]
    frames = kept[0] if len(kept) == 1 else np.concatenate(kept)
    _, first = np.unique(frame_times, return_index=True)
    if len(first) < len(frame_times):
        frames, frame_times = frames[first], frame_times[first]
    thumbnail_times = np.concatenate([part.thumbnail_times_s for part in parts])
    thumbnails = [part.thumbnails for part in parts if len(part.thumbnails)]
    start = video.info.start_s
    starts = np.array([a for a, _ in runs]) - 1e-4
    overview = Overview(
        thumbnails=np.concatenate(thumbnails)
        if thumbnails
        else np.empty((0, *decode.THUMBNAIL, 3), "u1"),
        times_s=np.maximum(thumbnail_times - start, 0.0),
        run=(np.searchsorted(starts, thumbnail_times, side="right") - 1).astype(np.int32),
        step_s=sampling.OVERVIEW_STEP_S,
    )
    sizes = frozenset[str]().union(*(part.sizes for part in parts))
    if whole:
        last = np.concatenate([part.all_times_s for part in parts])
        covered = float(np.nanmax(last) - np.nanmin(last)) + 1 / video.info.rate_fps
    else:
        covered = video.info.duration_s * min(1.0, decoded / expected)
    return Seen(
        frames=frames,
        times_s=np.maximum(frame_times - start, 0.0),
        overview=overview,
        decoded=decoded,
        expected=expected,
        covered_s=min(covered, video.info.duration_s),
        sizes=len(sizes),
        complaints=tuple(c for part in parts for c in part.complaints),
    )
