"""Where the page finds the video, and whether a browser can play it."""

import base64
import math
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

from vemoclap import files
from vemoclap.records import MediaInfo


@dataclass(frozen=True)
class Kind:
    """A format of files that browsers play."""

    mime: str
    pictures: tuple[str, ...]  # ffmpeg's names of the codecs
    sounds: tuple[str, ...]


# One of ffmpeg's names of a format -> what browsers play of it
# (https://developer.mozilla.org/docs/Web/Media/Guides/Formats/Containers).
FORMATS = {
    "mp4": Kind("video/mp4", ("h264", "vp9", "av1"), ("aac", "mp3", "opus", "flac")),
    "webm": Kind("video/webm", ("vp8", "vp9", "av1"), ("opus", "vorbis")),
    "ogg": Kind("video/ogg", ("vp8",), ("opus", "vorbis", "flac")),
}
# Browsers play H.264 of 8 bits and halved colour only, and go by the name that .mkv has.
H264_PIXELS = ("yuv420p", "yuvj420p")
NOT_WEBM = ".mkv"


@dataclass(frozen=True)
class Player:
    """How the page shows the video."""

    source: str | None  # address for the page; None: nothing that a browser could play
    embedded: bool  # whether the address holds the video itself
    offset_s: float  # what the file's own clock shows at the first frame
    notes: tuple[str, ...]  # plain sentences: why there is no player, no sound, no embedding

    @property
    def policy(self) -> str:
        """Where the page may load video from, for its Content-Security-Policy."""
        if self.source is None:
            return "'none'"
        return "data:" if self.embedded else "'self' file:"


def player(
    info: MediaInfo, folder: Path | None = None, *, embed_bytes: int = 0, link: bool = True
) -> Player:
    """Return how a page shows its video.

    Args:
        info: of the video.
        folder: where the page will lie; None: beside the video.
        embed_bytes: files up to this size go into the page; 0: the page links to the file.
        link: whether the page may link to a file that it does not hold; if not, it has no player.
    """
    kind = _kind(info)
    offset_s = max(0.0, info.start_s)
    if kind is None:
        note = f"Browsers do not play this kind of file ({_named(info)}), so there is no player."
        if info.still:
            note = "The file is one picture, so there is nothing to play."
        return Player(None, False, offset_s, (note,))
    notes = []
    if info.audio_codec is not None and info.audio_codec not in kind.sounds:
        notes.append(f"Browsers do not play its sound ({info.audio_codec}), only its picture.")
    if embed_bytes:
        data = _contents(info.path, embed_bytes)
        if isinstance(data, bytes):
            address = f"data:{kind.mime};base64,{base64.b64encode(data).decode()}"
            return Player(address, True, offset_s, tuple(notes))
        notes.append(f"{data} The page plays the file that it links to." if link else data)
    if not link:
        notes = notes if embed_bytes else ["The video is not inside this page."]
        return Player(None, False, offset_s, tuple(notes))
    return Player(address_of(info.path, folder), False, offset_s, tuple(notes))


def address_of(path: Path, folder: Path | None) -> str:
    """Return the address of a file as a page in ``folder`` says it, no byte of it with a meaning.

    All but letters, digits, ``_.-~`` and the slashes of folders is percent-encoded, so that no
    name is taken for a scheme, a query or a fragment.
    """
    if folder is None:
        return _encoded(path.name)
    try:
        return _encoded(os.path.relpath(path, folder.resolve()))
    except ValueError:  # another drive of Windows
        return path.absolute().as_uri()


def moment(time_s: float) -> str:
    """Return a time for a link: milliseconds, rounded up so that its frame has begun."""
    return f"{math.ceil(round(time_s * 1000, 3)) / 1000:.3f}"


def _encoded(path: str) -> str:
    return quote_from_bytes(os.fsencode(path.replace(os.sep, "/")), safe="/")


def _kind(info: MediaInfo) -> Kind | None:
    """Return how browsers call the file, None if they do not play it."""
    names = info.container.split(",")
    kind = next((found for name, found in FORMATS.items() if name in names), None)
    if kind is None or info.still or info.video_codec not in kind.pictures:
        return None
    if info.path.suffix.lower() == NOT_WEBM:
        return None
    if info.video_codec == "h264" and info.pixel_format not in H264_PIXELS:
        return None
    return kind


def _named(info: MediaInfo) -> str:
    """Return the format in short, such as "prores in mov" or "h264 in mkv"."""
    names = info.container.split(",")
    suffix = info.path.suffix.lower().lstrip(".")
    container = suffix if suffix in (*names, "mkv") else names[0]
    odd = info.video_codec == "h264" and info.pixel_format not in H264_PIXELS
    pixels = f" with {info.pixel_format}" if odd else ""
    return f"{info.video_codec}{pixels} in {container}"


def _contents(path: Path, most: int) -> bytes | str:
    """Return the bytes of the video, or a sentence that says why they are not in the page."""
    try:
        size = path.stat().st_size
        if size <= most:
            with path.open("rb") as file:
                data = file.read(most + 1)
            if len(data) <= most:
                return data
    except OSError as error:
        why = files.reason(error)
        return f"The video is not inside this page: it could not be read again ({why})."
    return (
        f"The video is not inside this page: it has {size / 1e6:.1f} MB, and the limit that was "
        f"given is {most / 1e6:g} MB."
    )
