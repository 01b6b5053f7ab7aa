"""A link to a YouTube video -> its id, and the address that is made anew from the id.

Hosts are compared as they are written. Nothing is decoded, guessed or followed, so that what a
browser or yt-dlp would read differently never gets further than this.
"""

import re

from vemoclap.errors import SourceError

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
