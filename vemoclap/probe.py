"""What a file holds, by its streams and its packets."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vemoclap import ffmpeg
from vemoclap.errors import MediaError
from vemoclap.records import MediaInfo, Times

PROBE_TIMEOUT_S = 60.0
PACKETS_TIMEOUT_S = 300.0  # listing reads the whole file, from a slow disk perhaps
MAX_DESCRIPTION = 16 << 20  # bytes of JSON that describe the streams
MAX_PACKETS = 4_000_000  # 4 hours at 240 frames per second, and some
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")  # PQ and HLG
TEXT_SUBTITLES = ("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text", "ttml", "stl")
_TOO_LARGE = re.compile(r"Picture size (\d+)x(\d+) exceeds")
STILL_FORMATS = ("png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe")


@dataclass(frozen=True)
class Video:
    """A probed file: what may be said of it without decoding it whole."""

    path: Path
    name: str  # for messages
    info: MediaInfo
    video_index: int
    audio_index: int | None
    subtitle_index: int | None
    subtitle_language: str | None
    frame_times_s: Times  # of every frame that is shown, rising, in the file's own clock
    key_times_s: Times  # of the frames at which decoding can start
    file_start_s: float  # first timestamp of any stream, from which seeks count
    timed: bool  # False: the stream has no timestamps, and these were made from its frame rate
    expected_frames: int  # frames that the header claims, if it claims more than were found
    claimed_s: float | None  # length of the picture by the header
    complaints: tuple[str, ...]


def inspect(path: Path, name: str, size_bytes: int, *, max_duration_s: float) -> Video:
    """Return what the file holds.

    Raises:
        MediaError: it is no video, or one that is too large, too long, or of no known codec.
    """
    described, complaints = _describe(path, name)
    streams = described.get("streams", [])
    form = described.get("format", {})
    stream = _first(streams, "video", lambda s: not _disposed(s, "attached_pic"))
    if stream is None:
        raise MediaError(f"{name} has no video stream; choose a file with a picture.")
    _check_codec(stream, name)
    width, height, rotation = _upright(stream, name)
    claimed_s = _number(stream.get("duration"))
    longest = max((_number(d) or 0.0 for d in (claimed_s, form.get("duration"))), default=0.0)
    _check_duration(longest, max_duration_s, name)
    index = int(stream["index"])
    times, keys, steps, packet_complaints = _packets(path, name, index)
    if len(times) == 0:
        raise MediaError(f"{name} has no pictures in it, only headers; copy it again.")
    rate = _ratio(stream.get("avg_frame_rate")) or _ratio(stream.get("r_frame_rate")) or 25.0
    timed = bool(np.isfinite(times).all())
    if not timed:
        times = np.arange(len(times)) / rate
        keys = times[:1]
    usable = np.unique(times)
    last_step = _last_step(usable, steps, rate)
    duration_s = float(usable[-1] - usable[0]) + last_step
    _check_duration(duration_s, max_duration_s, name)
    sound = _first(streams, "audio", lambda s: True)
    words = _first(streams, "subtitle", lambda s: s.get("codec_name") in TEXT_SUBTITLES)
    container = str(form.get("format_name", "unknown"))
    info = MediaInfo(
        path=path.resolve(),
        size_bytes=size_bytes,
        container=container,
        duration_s=duration_s,
        start_s=float(usable[0]),
        width=width,
        height=height,
        rotation_deg=rotation,
        rate_fps=len(usable) / duration_s,
        video_codec=str(stream["codec_name"]),
        pixel_format=str(stream.get("pix_fmt", "unknown")),
        hdr=stream.get("color_transfer") in HDR_TRANSFERS,
        interlaced=stream.get("field_order") in ("tt", "bb", "tb", "bt"),
        still=len(usable) == 1 and container in STILL_FORMATS,
        audio_codec=None if sound is None else str(sound.get("codec_name", "unknown")),
        audio_rate_hz=None if sound is None else int(sound.get("sample_rate", 0)) or None,
        audio_channels=None if sound is None else int(sound.get("channels", 0)) or None,
        subtitle_codec=None if words is None else str(words["codec_name"]),
    )
    return Video(
        path=path,
        name=name,
        info=info,
        video_index=index,
        audio_index=None if sound is None else int(sound["index"]),
        subtitle_index=None if words is None else int(words["index"]),
        subtitle_language=None if words is None else words.get("tags", {}).get("language"),
        frame_times_s=usable,
        key_times_s=np.unique(keys),
        file_start_s=_number(form.get("start_time")) or 0.0,
        timed=timed,
        expected_frames=max(len(usable), _claimed_frames(stream, len(times))),
        claimed_s=claimed_s,
        complaints=complaints + packet_complaints,
    )


def _describe(path: Path, name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return ffprobe's account of the streams, and its complaints."""
    text = bytearray()
    done = ffmpeg.run(
        ffmpeg.probe_command(
            path,
            "-max_pixels",
            str(ffmpeg.MAX_PIXELS),
            "-show_streams",
            "-show_format",
            "-print_format",
            "json",
        ),
        name,
        timeout_s=PROBE_TIMEOUT_S,
        sinks={1: ffmpeg.bytes_sink(text, MAX_DESCRIPTION, f"{name} has too many streams.")},
    )
    described: dict[str, Any] = json.loads(text or b"{}")
    if done.code != 0 or not described.get("format"):
        raise MediaError(_why_not(path, name, done.complaints))
    if oversize := _TOO_LARGE.search(" ".join(done.complaints)):
        raise MediaError(
            f"{name} has {oversize[1]} x {oversize[2]} pixels, more than 8K; scale it down."
        )
    return described, ()  # complaints of this first look come again with the packets


def _why_not(path: Path, name: str, complaints: tuple[str, ...]) -> str:
    said = " ".join(complaints)
    if "moov atom not found" in said and ffmpeg.first_bytes(path)[4:8] == b"ftyp":
        return f"{name} is incomplete: its index is missing; copy or download it again."
    if "whitelist" in said:
        return f"{name} is not a video file but a playlist or text; choose the video itself."
    return f"{name} is not a video that ffmpeg can read; choose another file or convert it."


def _first(
    streams: list[dict[str, Any]], kind: str, fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any] | None:
    """Return the default stream of a kind, else the first one, None if there is none."""
    found = [s for s in streams if s.get("codec_type") == kind and fits(s)]
    return next((s for s in found if _disposed(s, "default")), found[0] if found else None)


def _disposed(stream: dict[str, Any], flag: str) -> bool:
    return bool(stream.get("disposition", {}).get(flag))


def _check_codec(stream: dict[str, Any], name: str) -> None:
    codec = stream.get("codec_name")
    if codec in (None, "unknown", "none") or not stream.get("width"):
        tag = stream.get("codec_tag_string") if codec in (None, "unknown", "none") else codec
        raise MediaError(
            f"{name} has a picture that this ffmpeg cannot decode (codec {tag!r}); convert it."
        )


def _upright(stream: dict[str, Any], name: str) -> tuple[int, int, int]:
    """Return width, height and clockwise rotation of the picture as it is to be seen."""
    width, height = int(stream["width"]), int(stream["height"])
    if width * height > ffmpeg.MAX_PIXELS:
        raise MediaError(f"{name} has {width} x {height} pixels, more than 8K; scale it down.")
    aspect = _ratio(stream.get("sample_aspect_ratio"), ":") or 1.0
    width = max(1, round(width * aspect)) if 0.1 < aspect < 10 else width
    turn = 0.0
    for side in stream.get("side_data_list", []):
        turn = -float(side.get("rotation", 0.0)) or turn
    if not turn:
        turn = _number(stream.get("tags", {}).get("rotate")) or 0.0
    rotation = round(turn / 90) % 4 * 90
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)


def _check_duration(duration_s: float, limit_s: float, name: str) -> None:
    if duration_s > limit_s:
        raise MediaError(
            f"{name} is {duration_s / 3600:.1f} hours long and the limit is "
            f"{limit_s / 3600:g} hours; raise the limit or cut the video."
        )


def _packets(path: Path, name: str, index: int) -> tuple[Times, Times, Times, tuple[str, ...]]:
    """Return the times of all shown frames, of the key frames, their lengths, and complaints."""
    times: list[float] = []
    keys: list[float] = []
    steps: list[float] = []

    def read(pipe: IO[bytes]) -> None:
        for line in pipe:
            if not line.strip():
                continue  # ffprobe's end of a packet's side data
            pts, length, flags = [*line.decode().strip().split(","), "", "", ""][:3]
            if "D" in flags:
                continue  # decoded for others' sake and never shown
            time_s = _number(pts)
            times.append(math.nan if time_s is None else time_s)
            steps.append(_number(length) or 0.0)
            if "K" in flags:
                keys.append(times[-1])
            if len(times) > MAX_PACKETS:
                raise MediaError(f"{name} has more than {MAX_PACKETS:,} frames; cut it.")

    done = ffmpeg.run(
        ffmpeg.probe_command(
            path,
            "-select_streams",
            str(index),
            "-show_entries",
            "packet=pts_time,duration_time,flags",
            "-print_format",
            "csv=print_section=0",
        ),
        name,
        timeout_s=PACKETS_TIMEOUT_S,
        sinks={1: read},
    )
    return np.array(times), np.array(keys), np.array(steps), done.complaints


def _last_step(times: Times, steps: Times, rate: float) -> float:
    """Return how long the last frame is shown."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    said = float(steps[-1]) if len(steps) else 0.0
    return said if 0 < said <= 10 * usual + 1 else usual


def _claimed_frames(stream: dict[str, Any], found: int) -> int:
    """Return how many frames the header claims; 0 where its claim means something else."""
    claimed = int(_number(stream.get("nb_frames")) or 0)
    # Edit lists hide a few frames at the ends, which is no loss.
    return claimed if claimed > found + max(4, 0.02 * claimed) else 0


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _ratio(text: Any, sign: str = "/") -> float | None:
    parts = str(text).split(sign)
    if len(parts) != 2:
        return None
    top, bottom = _number(parts[0]), _number(parts[1])
    return top / bottom if top and bottom else None
