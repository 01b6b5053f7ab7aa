"""A stretch of a video's picture: one run of ffmpeg, and what came back of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vemoclap.media import ffmpeg, sampling
from vemoclap.media.probe import Video
from vemoclap.records import Pictures, Times

SHORT_SIDE = 360  # pixels, of the frames that the paper's models were fed
THUMBNAIL = (36, 64)  # rows, columns
LARGE_PIXELS = 3840 * 2160
LARGE_THREADS = 4  # each holds a picture or more: of 8K, 16 threads take 1.7 GB and 4 take 0.7
INDEXED_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
PREROLL_S = 1.0  # other formats' seeks go astray, and misdate the first frame after them
RETRY_SEEK_S = 10.0  # how much earlier to start where a seek overshot


@dataclass(frozen=True)
class Stretch:
    """A part of the video to decode, in the file's own clock, and what to keep of it."""

    start_s: float
    end_s: float
    wanted_s: Times  # frames to keep whole
    runs_s: tuple[tuple[float, float], ...]  # where thumbnails are taken: (start, end)
    seek_s: float | None  # where to start reading; None: at the beginning


@dataclass(frozen=True)
class Decoded:
    """What one run of ffmpeg gave; times are in the file's own clock."""

    frames: Pictures
    frame_times_s: Times
    thumbnails: Pictures
    thumbnail_times_s: Times
    all_times_s: Times
    sizes: frozenset[str]
    complaints: tuple[str, ...]


def count(times: Times, run: tuple[float, float]) -> int:
    """Return how many frames lie in a run, start included."""
    return int(np.searchsorted(times, run[1]) - np.searchsorted(times, run[0]))


def preroll_s(video: Video) -> float:
    """Return how far before a moment to start reading, so that it is decoded rightly."""
    if video.info.container in INDEXED_FORMATS:
        return 0.0
    edges = (*video.key_times_s, video.frame_times_s[-1])
    return PREROLL_S + float(np.diff(edges).max(initial=0.0))


def sought(video: Video, span: Stretch) -> Decoded:
    """Return what a seek finds of a span, from further back if it first landed behind its start.

    Raises:
        MediaError: as ``decode``.
    """
    assert span.seek_s is not None  # what makes it a seek
    times = video.frame_times_s
    expected = max(1, count(times, (span.start_s, span.end_s)))
    found = decode(video, span)
    if len(found.all_times_s) < expected and span.seek_s > video.info.start_s:
        earlier = max(video.info.start_s, span.seek_s - RETRY_SEEK_S)
        again = decode(video, replace(span, seek_s=earlier))
        found = max(found, again, key=lambda part: len(part.all_times_s))
    return replace(found, complaints=tuple(c for c in found.complaints if not _of_seeks(c)))


def _of_seeks(complaint: str) -> bool:
    """Tell what a decoder says of references that lie before the place it was started at."""
    return any(sign in complaint for sign in ("mmco", "co located POCs", "eference", "find ref"))


def decode(video: Video, span: Stretch) -> Decoded:
    """Return what one run of ffmpeg makes of a span.

    Raises:
        MediaError: it took too long, or the file holds more than its index says.
    """
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
    return Decoded(
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
    """Return the expression that is true at any of these times.

    It is a balanced tree of sums, as ffmpeg refuses an expression more than a hundred deep, and a
    plain sum is as deep as it is long.
    """
    if len(wanted_s) > 1:
        half = len(wanted_s) // 2
        return f"({_any_of(wanted_s[:half], slack)}+{_any_of(wanted_s[half:], slack)})"
    (t,) = wanted_s
    return f"between(t,{t - slack:.7f},{t + slack:.7f})"


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
