"""What a file holds, by its streams and its packets."""

import json
import math
import re
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vemoclap.errors import MediaError
from vemoclap.media import ffmpeg
from vemoclap.records import MediaInfo, Times

PROBE_TIMEOUT_S = 60.0
PACKETS_TIMEOUT_S = 300.0  # listing reads the whole file, from a slow disk perhaps
MAX_DESCRIPTION = 16 << 20  # bytes of JSON that describe the streams
MAX_PACKETS = 4_000_000  # 4 hours at 240 frames per second, and some
# For all that is decoded of one file: far more than any sound file takes.
BASE_TIMEOUT_S = 120.0
SLOWEST_PIXELS_PER_S = 1e7  # slower decoding than this is taken for a hang
SLOWEST_SOUND = 5.0  # times real time; likewise
LONGEST_TIMEOUT_S = 2 * 3600.0
# Where a clock may jump (recordings joined end to end), a gap this long and this many times the
# usual step is a jump, and a shorter one a lost signal.
JUMP_S = 60.0
JUMP_STEPS = 100
JUMPY_FORMATS = ("mpegts", "mpeg")
LOST_FRAMES = 4  # fewer than these, or this share, are no sign of a cut: headers round
LOST_SHARE = 0.02
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
    timed: bool  # False: the stream's timestamps are of no use; these come from its frame rate
    joined: bool  # its clock jumps
    sound_start_s: float  # when the picture begins by the sound's clock: the file's own if timed
    deadline_s: float  # when all decoding is given up, by time.monotonic()
    expected_frames: int  # frames that the header claims, if it claims more than were found
    claimed_s: float | None  # length of the picture by the header
    complaints: tuple[str, ...]

    @property
    def left_s(self) -> float:
        """Seconds until decoding is given up."""
        return max(0.1, self.deadline_s - time.monotonic())


@dataclass(frozen=True)
class _Packets:
    """The packets of the frames that are shown, in the order of the file; NaN for no time."""

    times_s: Times
    decode_times_s: Times
    key: NDArray[np.bool_]
    steps_s: Times  # how long each frame is shown, 0 where that is not said
    complaints: tuple[str, ...]


def inspect(path: Path, name: str, size_bytes: int, *, max_duration_s: float) -> Video:
    """Return what the file holds.

    Raises:
        MediaError: it is no video, or one that is too large, too long, or of no known codec.
    """
    described = _describe(path, name)
    streams = described.get("streams", [])
    form = described.get("format", {})
    stream = _first(streams, "video", lambda s: not _disposed(s, "attached_pic"))
    if stream is None:
        raise MediaError(f"{name} has no video stream; choose a file with a picture.")
    _check_codec(stream, name)
    width, height, rotation = _upright(stream, name)
    claimed_s = _number(stream.get("duration"))
    container = str(form.get("format_name", "unknown"))
    index = int(stream["index"])
    packets = _packets(path, name, index, _ratio(stream.get("time_base")) or 1e-6)
    times = packets.times_s
    if len(times) == 0:
        raise MediaError(f"{name} has no pictures in it, only headers; copy it again.")
    rate = _ratio(stream.get("avg_frame_rate")) or _ratio(stream.get("r_frame_rate")) or 25.0
    jumps = _jumps(packets.decode_times_s, container)
    joined = bool(jumps.any())
    if joined:
        rate = 1 / float(np.diff(packets.decode_times_s)[~jumps].mean())
    file_start_s = _number(form.get("start_time")) or 0.0
    timed = not joined and bool(np.isfinite(times).all())
    said = times[np.isfinite(times)]
    sound_start_s = float(said[0]) - file_start_s if len(said) else 0.0
    if not timed:
        times = np.arange(len(times)) / rate
    usable = np.unique(times)
    last_step = _last_step(usable, packets.steps_s, rate)
    duration_s = float(usable[-1] - usable[0]) + last_step
    if duration_s > max_duration_s:
        raise MediaError(
            f"{name} is {duration_s / 3600:.1f} hours long and the limit is "
            f"{max_duration_s / 3600:g} hours; raise the limit or cut the video."
        )
    sound = _first(streams, "audio", lambda s: True)
    words = _first(streams, "subtitle", lambda s: s.get("codec_name") in TEXT_SUBTITLES)
    pixels = float(width) * height * len(usable)
    allowed_s = BASE_TIMEOUT_S + pixels / SLOWEST_PIXELS_PER_S + duration_s / SLOWEST_SOUND
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
        key_times_s=np.unique(times[packets.key]) if timed else times[:1],
        file_start_s=file_start_s,
        timed=timed,
        joined=joined,
        sound_start_s=float(usable[0]) if timed else sound_start_s,
        deadline_s=time.monotonic() + min(allowed_s, LONGEST_TIMEOUT_S),
        expected_frames=max(len(usable), _claimed_frames(stream, claimed_s, duration_s)),
        claimed_s=claimed_s,
        complaints=packets.complaints,
    )


def _describe(path: Path, name: str) -> dict[str, Any]:
    """Return ffprobe's account of the streams; what it complains of, ``_packets`` hears again."""
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
    return described


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


def _packets(path: Path, name: str, index: int, tick_s: float) -> _Packets:
    """Return the packets of a stream, without those that are decoded for others' sake only.

    Times are read in ticks of the stream's clock, as ffprobe rounds seconds.
    """
    rows: tuple[array[float], ...] = tuple(array("d") for _ in range(3))  # small while they grow
    keys = bytearray()

    def read(pipe: IO[bytes]) -> None:
        for line in pipe:
            if not line.strip():
                continue  # ffprobe's end of a packet's side data
            *numbers, flags = [*line.decode().strip().split(","), "", "", "", ""][:4]
            if "D" in flags:
                continue
            for row, text in zip(rows, numbers, strict=True):
                value = _number(text)
                row.append(math.nan if value is None else value * tick_s)
            keys.append("K" in flags)
            if len(keys) > MAX_PACKETS:
                raise MediaError(f"{name} has more than {MAX_PACKETS:,} frames; cut it.")

    done = ffmpeg.run(
        ffmpeg.probe_command(
            path,
            "-select_streams",
            str(index),
            "-show_entries",
            "packet=pts,dts,duration,flags",
            "-print_format",
            "csv=print_section=0",
        ),
        name,
        timeout_s=PACKETS_TIMEOUT_S,
        sinks={1: read},
    )
    times, decode_times, steps = (np.array(row, dtype=np.float64) for row in rows)
    return _Packets(
        times, decode_times, np.array(keys, dtype=bool), np.nan_to_num(steps), done.complaints
    )


def _jumps(decode_times_s: Times, container: str) -> NDArray[np.bool_]:
    """Return after which packets the clock jumps; nowhere if some have no decoding time.

    Packets lie in the order of their decoding times, so any that falls by more than a header's
    slip starts a new clock.
    """
    steps = np.diff(decode_times_s)
    if len(steps) == 0 or not np.isfinite(steps).all():
        return np.zeros(len(steps), dtype=bool)
    usual = max(float(np.median(steps)), 0.0)
    back = steps < -max(0.5, 4 * usual)
    on = steps > max(JUMP_S, JUMP_STEPS * usual)
    return back | on if container in JUMPY_FORMATS else back


def _last_step(times: Times, steps: Times, rate: float) -> float:
    """Return how long the last frame is shown."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    said = float(steps[-1]) if len(steps) else 0.0
    return said if 0 < said <= 10 * usual + 1 else usual


def _claimed_frames(stream: dict[str, Any], claimed_s: float | None, duration_s: float) -> int:
    """Return how many frames the header claims of a file that is cut short, else 0.

    The count alone is no sign of that: it includes frames that an edit list hides, and AVI may
    count fields.
    """
    claimed = int(_number(stream.get("nb_frames")) or 0)
    if not claimed or claimed_s is None:
        return 0
    slip_s = claimed_s * max(LOST_SHARE, LOST_FRAMES / claimed)
    return claimed if claimed_s - duration_s > slip_s else 0


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
