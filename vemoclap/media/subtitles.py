"""The text subtitle track of a probed video."""

import html
import re

from vemoclap.media import ffmpeg
from vemoclap.media.probe import Video
from vemoclap.records import Cue

MAX_BYTES = 16 << 20  # of text; a feature film's subtitles have some 100 kB

_TIMES = re.compile(r"(?:(\d+):)?(\d+):(\d+)\.(\d+) --> (?:(\d+):)?(\d+):(\d+)\.(\d+)")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


def read(video: Video) -> tuple[tuple[Cue, ...] | None, str | None]:
    """Return the cues and the language that the track declares; None without a text track.

    Markup is stripped, times count from the first frame, and cues without words are dropped.
    """
    if video.subtitle_index is None:
        return None, None
    node = ffmpeg.source(video.path)[str(video.subtitle_index)]
    data = bytearray()
    ffmpeg.run(
        ffmpeg.command(node.output("pipe:1", format="webvtt")),
        video.name,
        timeout_s=video.left_s,
        sinks={1: ffmpeg.bytes_sink(data, MAX_BYTES, f"{video.name} has endless subtitles.")},
    )
    cues = parse(data.decode("utf-8", "replace"), video.info.start_s, video.info.duration_s)
    return cues or None, video.subtitle_language


def parse(text: str, start_s: float, duration_s: float) -> tuple[Cue, ...]:
    """Return the cues of a WebVTT text that fall within the picture's span."""
    cues = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.strip().split("\n")
        for number, line in enumerate(lines):
            match = _TIMES.match(line)
            if match is None:
                continue
            begin = max(0.0, _seconds(*match.groups()[:4]) - start_s)
            end = min(duration_s, _seconds(*match.groups()[4:]) - start_s)
            words = plain(" ".join(lines[number + 1 :]))
            if words and end > begin:
                cues.append(Cue(begin, end, words))
            break
    return tuple(cues)


def plain(text: str) -> str:
    """Return text without markup and control characters, its white space single."""
    bare = html.unescape(_TAG.sub("", text))
    return " ".join("".join(c if c.isprintable() else " " for c in bare).split())


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + float(f"0.{fraction}")
