"""YouTube on this machine: yt-dlp asks as ever, and its requests are answered from here.

The answers have the shape of YouTube's, cut down to what yt-dlp reads. Requests to 127.0.0.1, where
a test may publish the video's files, go the usual way.
"""

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from yt_dlp.networking import Request, Response
from yt_dlp.networking.common import RequestDirector
from yt_dlp.networking.exceptions import HTTPError

from vemoclap.errors import SourceError
from vemoclap.media import youtube

VIDEO = "aqz-KE-bpKQ"
CONTEXT = {"INNERTUBE_CONTEXT": {"client": {"clientName": "WEB", "clientVersion": "2.0"}}}
PAGE = f"<html><script>ytcfg.set({json.dumps(CONTEXT)});</script></html>".encode()
LINK = f"https://youtu.be/{VIDEO}"


class FakeYouTube:
    """What YouTube says, by what it is asked for, and a record of what it was asked."""

    def __init__(self) -> None:
        self.player: dict[str, Any] = {}  # its answer on the video
        self.failures: dict[str, int | Exception] = {}  # part of an address -> status or error
        self.asked: list[str] = []  # addresses
        self._send = RequestDirector.send

    def send(self, director: RequestDirector, request: Request) -> Response:
        self.asked.append(request.url)
        assert "Cookie" not in request.headers
        for part, failure in self.failures.items():
            if part in request.url:
                if isinstance(failure, Exception):
                    raise failure
                raise HTTPError(Response(io.BytesIO(), request.url, {}, failure))
        address = urlsplit(request.url)
        if address.hostname == "127.0.0.1":
            return self._send(director, request)
        assert (address.scheme, address.netloc) == ("https", "www.youtube.com")
        if not address.path.startswith("/youtubei/"):
            return _response(request, PAGE, "text/html; charset=utf-8")
        answer = self.player if address.path.endswith("/player") else {"contents": {"any": {}}}
        return _response(request, json.dumps(answer).encode(), "application/json")

    def says(self, status: str, reason: str = "", **more: Any) -> None:
        """Let the video be as YouTube would describe it to who wants to play it."""
        self.player = {
            "playabilityStatus": {"status": status, "reason": reason, **more},
            "videoDetails": {"videoId": VIDEO, "title": "A film", "isLiveContent": False},
        }

    def plays(self, *streams: dict[str, Any], **details: Any) -> None:
        """Let the video be playable, from these streams."""
        self.says("OK")
        self.player["videoDetails"] |= {"lengthSeconds": "4", **details}
        self.player["streamingData"] = {"adaptiveFormats": list(streams)}


def _response(request: Request, body: bytes, kind: str) -> Response:
    return Response(io.BytesIO(body), request.url, {"Content-Type": kind}, 200)


# -- streams, as YouTube lists them -----------------------------------------------------------


def whole(
    url: str, width: int = 640, height: int = 360, itag: int = 18, **more: Any
) -> dict[str, Any]:
    """Return a stream of picture and sound, such as YouTube's number 18."""
    return _picture(url, itag, width, height, "avc1.42001E, mp4a.40.2", **more)


def picture(url: str, itag: int, width: int, height: int, **more: Any) -> dict[str, Any]:
    return _picture(url, itag, width, height, "avc1.4d401e", **more)


def sound(url: str, **more: Any) -> dict[str, Any]:
    return {
        "itag": 140,
        "url": url,
        "mimeType": 'audio/mp4; codecs="mp4a.40.2"',
        "bitrate": 130_000,
        "quality": "tiny",
        "audioQuality": "AUDIO_QUALITY_MEDIUM",
        "audioSampleRate": "44100",
        "approxDurationMs": "4000",
        **more,
    }


def _picture(
    url: str, itag: int, width: int, height: int, codecs: str, **more: Any
) -> dict[str, Any]:
    label = f"{min(width, height)}p"
    quality = {"144p": "tiny", "240p": "small", "360p": "medium", "480p": "large"}
    return {
        "itag": itag,
        "url": url,
        "mimeType": f'video/mp4; codecs="{codecs}"',
        "bitrate": width * height,
        "width": width,
        "height": height,
        "quality": quality.get(label, "hd720"),
        "qualityLabel": label,
        "fps": 25,
        "approxDurationMs": "4000",
        **more,
    }


def refusal(folder: Path, **named) -> str:
    with pytest.raises(SourceError) as caught:
        youtube.fetch(LINK, folder, **named)
    assert not folder.exists() or list(folder.iterdir()) == []  # no half files
    return str(caught.value)
