"""Why a video could not be had from YouTube: yt-dlp's errors -> one plain sentence.

yt-dlp has few classes of errors, and passes on what YouTube says in words. The words below are
those of its English answers and of yt-dlp's source, which asks for English ones.
"""

import re
from collections.abc import Iterator, Sequence

INSTEAD = "download it yourself and upload the file, or give its path"
LATER = f"try again later, or {INSTEAD}"
OWN = "choose another video, or upload the file if you have it"
LIVE = (
    "The YouTube video {video} is live or has not begun; choose another video, or this one when it "
    "is over."
)

_LONGEST = 160  # characters of an error that nobody foresaw

# What YouTube says of the video. The first that fits counts: those on top are more precise.
_VIDEO = (
    (
        r"not a bot|captcha|IP is likely being blocked",
        "YouTube asks this machine to prove that it is not a bot before it gives {video} away, as "
        f"it often does in the cloud; {INSTEAD}.",
    ),
    (
        r"rate-limited by YouTube|content isn.t available, try again later",
        f"YouTube has had too many requests from this machine for {{video}}; wait an hour, or "
        f"{INSTEAD}.",
    ),
    (
        r"private video|video is private",
        f"The YouTube video {{video}} is private; {OWN}.",
    ),
    (
        r"members.only|channel.s members|Join this channel|Premium members|requires payment"
        r"|requires purchase|purchase this video|rent this video",
        f"The YouTube video {{video}} is only for members or those who pay; {OWN}.",
    ),
    (
        r"confirm your age|age.restricted|inappropriate for some users|age.verification",
        "The YouTube video {video} is age-restricted and needs an account, which vemoclap does "
        f"not use; {INSTEAD}.",
    ),
    (
        r"GeoRestrictedError|in your country|your location|geo.restrict|in your region",
        f"The YouTube video {{video}} may not be seen in the country of this machine; {OWN}.",
    ),
    (
        r"live event will begin|Premieres in|Premiere will begin|live stream is offline"
        r"|UserNotLive|not currently live|Live DASH",
        LIVE,
    ),
    (
        r"DRM protected",
        f"The YouTube video {{video}} is copy-protected; {OWN}.",
    ),
    (
        r"Video unavailable|has been removed|been terminated|no longer available"
        r"|not available anymore|isn.t available anymore|video is not available"
        r"|video is unavailable|video does not exist|copyright (?:grounds|claim)"
        r"|recording is not available|HTTP Error (?:404|410)",
        "The YouTube video {video} is not there: it was removed or never existed; check the link, "
        "or choose another video.",
    ),
    (
        r"sign in|log in|login required",
        f"YouTube gives {{video}} only to those who sign in, which vemoclap does not; {INSTEAD}.",
    ),
)

# What stands in the way here or between here and YouTube.
_WAY = (
    (
        r"No space left|Disk quota exceeded|\bErrno (?:28|122)\b",
        "The disk is full, so that {video} could not be stored; free some space and try again.",
    ),
    (
        r"Permission denied|Read-only file system|unable to open for writing|unable to create dir",
        "{video} could not be stored, as its folder may not be written; choose another folder.",
    ),
    (
        r"HTTP Error 429|Too Many Requests",
        f"YouTube has had too many requests from this machine for {{video}}; wait an hour, or "
        f"{INSTEAD}.",
    ),
    (
        r"CertificateVerifyError|CERTIFICATE_VERIFY_FAILED",
        "What answers in YouTube's place cannot prove to be YouTube, so that {video} was not "
        f"asked for; check this machine's clock and network, or {INSTEAD}.",
    ),
    (
        r"Failed to resolve|Name or service not known|name resolution|getaddrinfo"
        r"|nodename nor servname|No address associated|Network is (?:unreachable|down)"
        r"|No route to host|Connection refused|Unable to connect to proxy|ProxyError|Tunnel "
        r"connection failed|NewConnectionError|ConnectTimeout",
        "YouTube cannot be reached from this machine, so that {video} could not be had; check the "
        "network, or upload a file.",
    ),
    (
        r"timed? ?out|Connection (?:reset|aborted|broken)|TransportError|IncompleteRead"
        r"|ContentTooShort|content too short|bytes read|network error|RemoteDisconnected"
        r"|HTTP Error 5\d\d|did not get any data|fragment \d+ not found|EOF occurred",
        f"The connection to YouTube broke before {{video}} was here; {LATER}.",
    ),
)

# What went wrong here, after YouTube gave everything.
_HERE = (
    (
        r"ffmpeg is not installed|ffmpeg not found|ffprobe (?:and|or)",
        "Picture and sound of {video} come apart and ffmpeg is missing to join them; run setup.sh "
        "again.",
    ),
    (
        r"PostProcessingError|Postprocessing",
        f"Picture and sound of {{video}} could not be joined; {INSTEAD}.",
    ),
    (
        r"DownloadCancelled|was cancelled",
        "The download of {video} was stopped; start it again, or choose another video.",
    ),
)

# What has a cause of which yt-dlp may only have warned.
_NO_ANSWER = (
    (
        r"Failed to extract any player response",
        f"YouTube did not say where {{video}} is; {LATER}.",
    ),
)
_NO_FILM = (
    (
        r"HTTP Error 403|Forbidden",
        "YouTube refused the download of {video} (403); update yt-dlp (`pip install -U "
        f"'yt-dlp[default]'`), or {INSTEAD}.",
    ),
    (
        r"Requested format is not available|No video formats found|only images are available",
        f"YouTube offers nothing of {{video}} that can be downloaded; {INSTEAD}.",
    ),
)
_NO_RUNTIME = (
    (
        r"No supported JavaScript runtime|challenge solving failed|Signature solving failed",
        "YouTube gives {video} only to programs that can run its scripts, and no JavaScript "
        "runtime that is new enough was found; install one (`pip install deno`) and try again, or "
        f"{INSTEAD}.",
    ),
)


def explain(video: str, error: BaseException, warnings: Sequence[str] = ()) -> str:
    """Return the sentence for an error that yt-dlp raised after some warnings."""
    texts, warned = list(_texts(error)), "\n".join(warnings)
    for text in texts:  # from what was raised to its causes
        if sentence := _first(text, *_VIDEO, *_WAY, *_HERE):
            return sentence.format(video=video)
    for outcomes, causes in ((_NO_ANSWER, _WAY), (_NO_FILM, (*_WAY, *_NO_RUNTIME))):
        if sentence := _first("\n".join(texts), *outcomes):
            return (_first(warned, *causes) or sentence).format(video=video)
    return f"The YouTube video {video} could not be had ({_short(error)}); {LATER}."


def _first(text: str, *rules: tuple[str, str]) -> str | None:
    """Return the sentence of the first rule whose pattern occurs in a text."""
    for pattern, sentence in rules:
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    return None


def _texts(error: BaseException) -> Iterator[str]:
    """Give an error's class and message, then those of its causes as far as yt-dlp keeps them."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield f"{type(one).__name__}: {one}"
        cause, info = getattr(one, "cause", None), getattr(one, "exc_info", None)
        waiting += [
            cause if isinstance(cause, BaseException) else None,
            info[1] if isinstance(info, tuple) and len(info) == 3 else None,
            one.__cause__,
        ]


def _short(error: BaseException) -> str:
    """Return the gist of an error that nobody foresaw, printable and without yt-dlp's advice."""
    text = re.sub(r"^(?:(?:ERROR:|\[[\w:]+\]|[\w-]{11}:) *)*", "", str(error))
    text = re.split(r"[;.] |\(caused by|\n", text)[0]
    text = "".join(c if c.isprintable() else " " for c in text).strip(" .;") or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
