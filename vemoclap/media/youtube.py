"""A link to a YouTube video -> a file; the only module that imports yt_dlp.

Of what a user typed, only the eleven characters of the video's id go on: the address that is
asked is made anew from them. yt-dlp is used through its API, with one extractor, no plug-ins, no
cookies, no cache, and none of the settings that a user may have for it.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vemoclap import files
from vemoclap.errors import SourceError
from vemoclap.media import youtube_errors
from vemoclap.media.clip import Limits
from vemoclap.records import Progress

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL
import re

LONGEST_LINK = 2048  # characters

_LINK = re.compile(r"(?:(?i:https?)://)?([A-Za-z0-9.-]+)(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?")
_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NO_IDS = {"videoseries", "live_stream"}  # eleven characters that stand for a list and a channel
_BEFORE_ID = re.compile(r"/(?:shorts|embed|live)/([^/]*)/?")
_HOSTS = {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"}
_SHORT_HOST = "youtu.be"
_EMBED_HOSTS = {"youtube-nocookie.com", "www.youtube-nocookie.com"}
_CHANNEL = re.compile(r"/(?:@|(?:channel|c|user)/)")


def check(link: str) -> str:
    """Return the id of the video that a link leads to; quick enough to call at every keystroke.

    Raises:
        SourceError: it is no link to one video on YouTube; the message is for who typed it.
    """
    link = link.strip(" \t\r\n")
    if not link:
        raise SourceError("There is no link yet; paste that of a YouTube video.")
    plain = len(link) <= LONGEST_LINK and all("!" <= c <= "~" and c != "\\" for c in link)
    parts = _LINK.fullmatch(link) if plain else None
    if not parts:
        raise _no_link(link)
    host, path, query = parts[1].lower(), parts[2] or "/", parts[3] or ""
    if host == _SHORT_HOST:
        found = path.removeprefix("/").removesuffix("/")
    elif host in _HOSTS and path in ("/watch", "/watch/"):
        found = _only(query, "v")
    elif host in _HOSTS or (host in _EMBED_HOSTS and path.startswith("/embed/")):
        match = _BEFORE_ID.fullmatch(path)
        found = match[1] if match else ""
    else:
        raise _no_link(link)
    if _ID.fullmatch(found) and found not in _NO_IDS:
        return found
    raise _no_video(path, query)


def address(video: str) -> str:
    """Return the address of the video with an id."""
    assert _ID.fullmatch(video)
    return f"https://www.youtube.com/watch?v={video}"


def _only(query: str, name: str) -> str:
    """Return the value of a name in a query, "" if it is not there or there twice."""
    values = [part.partition("=")[2] for part in query.split("&") if part.startswith(f"{name}=")]
    return values[0] if len(values) == 1 else ""


def _no_link(link: str) -> SourceError:
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in link[:60])
    return SourceError(
        f"{shown}{'…' if len(link) > 60 else ''} is not the link of a YouTube video; copy one from "
        "its page, such as https://www.youtube.com/watch?v=aqz-KE-bpKQ."
    )


def _no_video(path: str, query: str) -> SourceError:
    if "list=" in query or path.startswith("/playlist"):
        return SourceError(
            "This link leads to a playlist; open one of its videos and copy that one's link."
        )
    if _CHANNEL.match(path) or "channel=" in query:
        return SourceError(
            "This link leads to a channel; open one of its videos and copy that one's link."
        )
    return SourceError(
        "This link names no video, for which it takes exactly 11 letters, digits, - or _; copy the "
        "whole link from the video's page."
    )


SHORTER_SIDE = 360  # pixels at most, which is what the frames are scaled to anyway
EXTENSIONS = ("mp4", "webm", "mkv", "3gp")
WHOLE, PICTURE_AND_SOUND, PICTURE = "b", "bv+ba", "bv"  # in yt-dlp's language, by preference
PROTOCOLS = ("https", "http", "m3u8_native", "http_dash_segments")  # without another program
RUNTIMES = ("deno", "node", "bun", "quickjs")  # any will do for YouTube's scripts
TRIES, TIMEOUT_S, LONGEST_DELAY_S = 3, 20.0, 4.0

ASKING, LOADING, JOINING = "asking YouTube", "downloading", "joining picture and sound"


def fetch(
    link: str, folder: Path, *, limits: Limits | None = None, progress: Progress | None = None
) -> Path:
    """Return the file of a video in ``folder``, named by its id; downloaded unless it is there.

    Args:
        link: a link to it.
        folder: where files go; made if it is not there. Nothing else is written anywhere.
        limits: the longest and largest video to accept, found out before the download.
        progress: called with (stage, bytes so far, bytes in all). What it raises ends the download.

    Raises:
        SourceError: it cannot be had; the message says why and what to do.
    """
    video = check(link)
    folder = folder.absolute()
    watch = _Watch(video, folder, limits or Limits(), progress)
    with _explained(folder, watch):
        folder.mkdir(parents=True, exist_ok=True)
        for extension in EXTENSIONS:
            there = folder / f"{video}.{extension}"
            if there.is_file() and there.stat().st_size:
                return there
        with tempfile.TemporaryDirectory(prefix=".youtube-", dir=folder) as place:
            came = _download(video, Path(place), watch)
            return came.replace(folder / came.name)


@contextmanager
def _explained(folder: Path, watch: "_Watch") -> Iterator[None]:
    """Turn what the operating system refuses within into a ``SourceError``."""
    try:
        yield
    except OSError as error:
        if error is watch.stopped:
            raise
        raise SourceError(
            f"{folder} cannot hold a video ({files.reason(error)}); choose another folder."
        ) from error


def _download(video: str, place: Path, watch: "_Watch") -> Path:
    """Bring a video into an empty folder and return its file."""
    # yt-dlp would put the values of environment variables into the path of its folder.
    if os.path.expandvars(str(place)) != str(place):
        raise SourceError(f"{place.parent} has a $ in its name; choose another folder.")
    log = _Log()
    watch.tell(ASKING, 0, 1)
    try:
        with _downloader(_options(place, watch, log)) as downloader:
            info = downloader.extract_info(
                address(video), download=False, process=False, ie_key="Youtube"
            )
            watch.refuse(info)
            info["formats"] = _small(info.get("formats") or [])
            if not info["formats"]:
                raise SourceError(
                    f"YouTube offers nothing of {video} at {SHORTER_SIDE}p or less; "
                    f"{youtube_errors.INSTEAD}."
                )
            downloader.process_ie_result(info, download=True)
    except SourceError:
        raise
    except Exception as error:
        if watch.stopped:
            raise watch.stopped from None
        raise SourceError(youtube_errors.explain(video, error, log.warnings)) from error
    return _result(video, place)


def _result(video: str, place: Path) -> Path:
    for extension in EXTENSIONS:
        path = place / f"{video}.{extension}"
        if path.is_file() and path.stat().st_size:
            return path
    raise SourceError(f"YouTube sent nothing of {video}; {youtube_errors.LATER}.")


def _downloader(options: Mapping[str, Any]) -> "YoutubeDL":
    """Return yt-dlp with the one extractor for YouTube's videos."""
    # Plug-ins would be sought in the user's home and in every folder of Python's path.
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    try:
        from yt_dlp import YoutubeDL
        from yt_dlp.extractor.youtube import YoutubeIE
    except ImportError as error:
        raise SourceError(
            f"A part of yt-dlp is missing ({error}); run setup.sh again, or "
            f"{youtube_errors.INSTEAD}."
        ) from error
    downloader = YoutubeDL(dict(options), auto_init=False)
    downloader.add_info_extractor(YoutubeIE())
    return downloader


def _options(place: Path, watch: "_Watch", log: "_Log") -> dict[str, Any]:
    return {
        "format": "/".join((WHOLE, PICTURE_AND_SOUND, PICTURE)),
        "merge_output_format": "mp4/webm/mkv",  # browsers play the first two
        "noplaylist": True,
        "match_filter": watch.match,
        "progress_hooks": [watch.follow],
        "postprocessor_hooks": [watch.join],
        "paths": {"home": str(place)},
        "outtmpl": "%(id)s.%(ext)s",
        "cachedir": False,
        "updatetime": False,
        "external_downloader": {"default": "native"},
        "js_runtimes": {name: {} for name in RUNTIMES},
        "geo_bypass": False,
        "socket_timeout": TIMEOUT_S,
        "retries": TRIES,
        "fragment_retries": TRIES,
        "extractor_retries": TRIES,
        "file_access_retries": TRIES,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), _delay),
        "skip_unavailable_fragments": False,
        "logger": log,
        "quiet": True,
        "noprogress": True,
        "color": "never",
    }


def _delay(n: int) -> float:
    """Return the seconds to wait before try ``n``, counted from 0, is repeated."""
    return min(0.5 * float(2**n), LONGEST_DELAY_S)


def _small(formats: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the formats that are sound alone, or small enough, and safe to take.

    "360p" tells the shorter side, which is the width of an upright video: no filter of yt-dlp's.
    """

    def fits(one: Mapping[str, Any]) -> bool:
        if one.get("protocol", "https") not in PROTOCOLS:
            return False
        if one.get("vcodec") == "none":
            return one.get("acodec") != "none"  # or else it is a sheet of stills
        sides = [side for side in (one.get("width"), one.get("height")) if side]
        return one.get("ext") in EXTENSIONS and bool(sides) and min(sides) <= SHORTER_SIDE

    fitting = [one for one in formats if fits(one)]
    return fitting if any(one.get("vcodec") != "none" for one in fitting) else []


class _Log:
    """Keeps yt-dlp off the screen, and its warnings for the explanation of a failure."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        """Hear of every step."""

    def warning(self, message: str) -> None:
        """Hear of what may be the cause of an error to come."""
        self.warnings.append(message)

    def error(self, message: str) -> None:
        """Hear of what is raised as well."""


class _Watch:
    """Refuses what is beyond the limits, tells the progress, and remembers who ended it."""

    def __init__(self, video: str, folder: Path, limits: Limits, progress: Progress | None) -> None:
        self.stopped: Exception | None = None  # what the caller's ``progress`` raised
        self._video, self._folder, self._limits, self._progress = video, folder, limits, progress
        self._expected = 0  # bytes in all, 0 if that is not known
        self._bytes: dict[str, int] = {}  # of each file so far: picture and sound may be apart

    def tell(self, stage: str, done: int, total: int) -> None:
        """Pass the progress on."""
        if self._progress:
            try:
                self._progress(stage, done, total)
            except Exception as error:
                self.stopped = error
                raise

    def refuse(self, info: Any) -> None:
        """Raise if what YouTube says of the video is reason enough.

        Raises:
            SourceError: it is another one, live, too long or too large.
        """
        if not info or info.get("_type", "video") != "video" or info.get("id") != self._video:
            raise SourceError(
                f"YouTube has no film to give at {self._video}, perhaps since it is to be paid "
                "for; choose another video."
            )
        if info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
            raise SourceError(youtube_errors.LIVE.format(video=self._video))
        duration_s, longest_s = info.get("duration") or 0, self._limits.max_duration_s
        if duration_s > longest_s:
            raise SourceError(
                f"The YouTube video {self._video} lasts {duration_s / 60:.0f} minutes and the "
                f"limit is {longest_s / 60:g}; choose a shorter one, or raise the limit."
            )

    def match(self, info: Mapping[str, Any], *, incomplete: Any = False) -> None:
        """Refuse a video when yt-dlp has chosen what to download."""
        self.refuse(info)
        if incomplete:
            return
        parts = info.get("requested_formats") or [info]
        sizes = [part.get("filesize") or part.get("filesize_approx") or 0 for part in parts]
        self._expected = int(sum(sizes)) if all(sizes) else 0
        self._refuse_size(sum(sizes))
        # While picture and sound are joined they are there twice.
        needed, free = sum(sizes) * min(len(parts), 2), files.free_space(self._folder)
        if needed > free:
            raise SourceError(
                f"The disk that holds {self._folder} has {files.amount(free)} free, and the "
                f"video {self._video} takes {files.amount(needed)}; free some space."
            )

    def follow(self, status: Mapping[str, Any]) -> None:
        """Hear how far a file is."""
        size = status.get("total_bytes") or 0
        self._bytes[status.get("filename", "")] = int(status.get("downloaded_bytes") or size)
        done = sum(self._bytes.values())
        self._refuse_size(max(done, size))
        total = self._expected or size or int(status.get("total_bytes_estimate") or 0)
        self.tell(LOADING, done, max(done, total))

    def join(self, status: Mapping[str, Any]) -> None:
        """Hear that files are being joined."""
        if status.get("status") == "started" and status.get("postprocessor") == "Merger":
            done = sum(self._bytes.values())
            self.tell(JOINING, done, done)

    def _refuse_size(self, size: float) -> None:
        if size > self._limits.max_bytes:
            raise SourceError(
                f"The YouTube video {self._video} has {files.amount(size)} or more and the limit "
                f"is {files.amount(self._limits.max_bytes)}; choose a shorter one, or raise the "
                "limit."
            )
