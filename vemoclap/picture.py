"""The frames of a probed video: those looked at, and thumbnails of the rest.

Both are picked by timestamp, so that one pass over everything and many short seeks give the same
pictures; which is cheaper decides.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemoclap import ffmpeg, sampling
from vemoclap.errors import MediaError
from vemoclap.probe import Video
from vemoclap.records import Overview, Pictures, Span, Times

SHORT_SIDE = 360  # pixels, of the frames that the paper's models were fed
THUMBNAIL = (36, 64)  # rows, columns
# Pixels that may be decoded for seeing all of a video, some five seconds' work on two cores: two
# minutes of 720p at 30 frames a second. Beyond, seeks are used.
WHOLE_PIXELS = 3.4e9
LARGE_PIXELS = 3840 * 2160
LARGE_THREADS = 4  # each holds a picture or more: of 8K, 16 threads take 1.7 GB and 4 take 0.7
INDEXED_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# Most of their seeks go astray.
UNSOUGHT_FORMATS = ("avi", "ogg")
PREROLL_S = 1.0  # other formats' seeks go astray, and misdate the first frame after them
RETRY_SEEK_S = 10.0  # how much earlier to start where a seek overshot
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


@dataclass(frozen=True)
class _Span:
    """A part of the video to decode, in the file's own clock, and what to keep of it."""

    start_s: float
    end_s: float
    wanted_s: Times  # frames to keep whole
    runs_s: tuple[tuple[float, float], ...]  # where thumbnails are taken: (start, end)
    seek_s: float | None  # where to start reading; None: at the beginning


@dataclass(frozen=True)
class _Decoded:
    frames: Pictures
    frame_times_s: Times
    thumbnails: Pictures
    thumbnail_times_s: Times
    all_times_s: Times
    sizes: frozenset[str]
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
    cut = _Span(first, run[1], times[wanted], (run,), None)
    if not can_seek(video):
        found = _decode(video, cut)
    elif first > start:
        found = _sought(video, replace(cut, seek_s=first - _preroll_s(video)))
    else:
        found = _decode(video, cut)
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
    in_runs = sum(_count(times, run) for run in runs)
    preroll_s = _preroll_s(video)
    spans = [_Span(t, t, np.array([t]), (), t - preroll_s) for t in wanted]
    spans += [_Span(a, b, np.empty(0), ((a, b),), a - preroll_s) for a, b in runs]
    sought = np.concatenate((wanted, starts))
    cost = in_runs + sampling.seek_cost(sought, times, video.key_times_s, preroll_s)
    if whole or not can_seek(video) or cost > 0.8 * len(times):
        return _whole_pass(video, wanted, runs, whole=whole)
    with ThreadPoolExecutor(SEEKS_AT_ONCE) as pool:
        parts = list(pool.map(lambda span: _sought(video, span), spans))
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
    span = _Span(start, start + video.info.duration_s, wanted, runs, None)
    return _merge(video, [_decode(video, span)], runs, video.expected_frames, whole=whole)


def _runs(starts: Times, duration_s: float, whole: bool) -> tuple[tuple[float, float], ...]:
    if whole or len(starts) == 1:
        return ((float(starts[0]), float(starts[0]) + duration_s),)
    return tuple((float(s), float(s) + sampling.RUN_S) for s in starts)


def _count(times: Times, run: tuple[float, float]) -> int:
    return int(np.searchsorted(times, run[1]) - np.searchsorted(times, run[0]))


def _preroll_s(video: Video) -> float:
    """Return how far before a moment to start reading, so that it is decoded rightly."""
    if video.info.container in INDEXED_FORMATS:
        return 0.0
    edges = (*video.key_times_s, video.frame_times_s[-1])
    return PREROLL_S + float(np.diff(edges).max(initial=0.0))


def _sought(video: Video, span: _Span) -> _Decoded:
    """Decode a span by a seek, from further back if the first seek landed behind its start."""
    assert span.seek_s is not None  # what makes it a seek
    times = video.frame_times_s
    expected = max(1, _count(times, (span.start_s, span.end_s)))
    found = _decode(video, span)
    if len(found.all_times_s) < expected and span.seek_s > video.info.start_s:
        earlier = max(video.info.start_s, span.seek_s - RETRY_SEEK_S)
        again = _decode(video, replace(span, seek_s=earlier))
        found = max(found, again, key=lambda part: len(part.all_times_s))
    return replace(found, complaints=tuple(c for c in found.complaints if not _of_seeks(c)))


def _of_seeks(complaint: str) -> bool:
    """Tell what a decoder says of references that lie before the place it was started at."""
    return any(sign in complaint for sign in ("mmco", "co located POCs", "eference", "find ref"))


def _decode(video: Video, span: _Span) -> _Decoded:
    """Return what one run of ffmpeg makes of a span."""
    slack = _slack(video.frame_times_s)
    options: dict[str, Any] = {}
    if video.info.width * video.info.height > LARGE_PIXELS:
        options["threads"] = LARGE_THREADS
    if video.info.video_codec == "theora":
        options["threads"] = 1  # with more, ffmpeg now and then gives green for a repeated picture
    if span.seek_s is not None:
        # Seeks count from the file's first timestamp, even where -copyts keeps the clock.
        options["ss"] = max(0.0, span.seek_s - video.file_start_s)
        options["noaccurate_seek"] = None
    node = ffmpeg.source(video.path, **options)[str(video.video_index)]
    if not video.timed:
        rate = 1 / float(np.diff(video.frame_times_s[:2])[0]) if len(video.frame_times_s) > 1 else 1
        node = node.filter("setpts", f"N/({rate!r}*TB)")
    whole_s = (video.info.start_s, video.info.start_s + video.info.duration_s)
    if span.seek_s is not None or (span.start_s, span.end_s) != whole_s:
        node = node.filter("trim", start=span.start_s - slack, end=span.end_s + slack)
    node = node.filter("showinfo@all", checksum=0)
    height, width = _frame_size(video)
    frames, thumbnails = bytearray(), bytearray()
    outputs: list[Any] = []
    sinks = {}
    both = len(span.wanted_s) > 0 and len(span.runs_s) > 0
    branches = node.split() if both else [node, node]
    if len(span.wanted_s):
        picked = branches[0].filter("select", _any_of(span.wanted_s, slack))
        outputs.append(_raw(picked, (width, height), "bicubic", name="showinfo@frames", pipe=1))
        limit = (2 * len(span.wanted_s) + 2) * width * height * 3
        sinks[1] = ffmpeg.bytes_sink(frames, limit, _lying(video))
    if span.runs_s:
        picked = branches[1].filter("select", _every_step(span.runs_s))
        rows, columns = THUMBNAIL
        outputs.append(_raw(picked, (columns, rows), "area", name="showinfo@thumbnails", pipe=3))
        seconds = sum(b - a for a, b in span.runs_s)
        limit = int(2 * seconds / sampling.OVERVIEW_STEP_S + 100) * rows * columns * 3
        sinks[3] = ffmpeg.bytes_sink(thumbnails, limit, _lying(video))
    done = ffmpeg.run(ffmpeg.command(*outputs), video.name, timeout_s=video.left_s, sinks=sinks)
    times = {
        name: np.array([s.time_s for s in done.shown if s.filter_name == name])
        for name in ("showinfo@all", "showinfo@frames", "showinfo@thumbnails")
    }
    return _Decoded(
        *_pictures(frames, times["showinfo@frames"], height, width),
        *_pictures(thumbnails, times["showinfo@thumbnails"], *THUMBNAIL),
        all_times_s=times["showinfo@all"],
        sizes=frozenset(s.size for s in done.shown if s.filter_name == "showinfo@all"),
        complaints=tuple(c for c in done.complaints if not _harmless(c)),
    )


def _raw(node: Any, size: tuple[int, int], flags: str, *, name: str, pipe: int) -> Any:
    width, height = size
    scaled = node.filter("scale", width, height, flags=flags).filter("format", "rgb24")
    shown = scaled.filter(name, checksum=0)
    return shown.output(f"pipe:{pipe}", format="rawvideo", **ffmpeg.passthrough())


def _slack(times: Times) -> float:
    """Return how far a printed timestamp may be from the one that was listed."""
    nearest = float(np.diff(times).min()) if len(times) > 1 else 1.0
    return min(0.002, 0.4 * nearest)


def _any_of(wanted_s: Times, slack: float) -> str:
    return "+".join(f"between(t,{t - slack:.7f},{t + slack:.7f})" for t in wanted_s)


def _every_step(runs_s: tuple[tuple[float, float], ...]) -> str:
    """Return the expression that picks the first frame of every step of every run."""
    inside = "+".join(f"gte(t,{a - 1e-4:.7f})*lt(t,{b - 1e-4:.7f})" for a, b in runs_s)
    start = runs_s[0][0] - 1e-4

    def step(t: str) -> str:
        return f"floor(({t}-({start:.7f}))/{sampling.OVERVIEW_STEP_S})"

    new = f"isnan(prev_selected_t)+gt({step('t')},{step('prev_selected_t')})"
    return f"({inside})*({new})"


def _frame_size(video: Video) -> tuple[int, int]:
    """Return rows and columns of frames whose shorter side is ``SHORT_SIDE``."""
    width, height = video.info.width, video.info.height
    scale = SHORT_SIDE / min(width, height)
    # A picture is at most 16 times as long as it is broad; what is longer is squeezed.
    longest = 16 * SHORT_SIDE
    return min(longest, round(height * scale)), min(longest, round(width * scale))


def _lying(video: Video) -> str:
    return f"{video.name} holds more pictures than its index says; re-encode it."


def _harmless(complaint: str) -> bool:
    """Tell what the pipe's muxer says about timestamps, of which it makes no use."""
    return complaint.startswith("rawvideo:") or "non monotonically increasing dts" in complaint


def _pictures(data: bytearray, times: Times, rows: int, columns: int) -> tuple[Pictures, Times]:
    count = min(len(data) // (rows * columns * 3), len(times))
    flat = np.frombuffer(data, np.uint8, count * rows * columns * 3)
    return flat.reshape(count, rows, columns, 3), times[:count]


def _merge(
    video: Video,
    parts: list[_Decoded],
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
        thumbnails=np.concatenate(thumbnails) if thumbnails else np.empty((0, *THUMBNAIL, 3), "u1"),
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
