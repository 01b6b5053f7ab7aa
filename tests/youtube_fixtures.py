"""Fixtures for who names this module in ``pytest_plugins``: a YouTube, and films that it plays."""

from collections.abc import Iterator

import pytest
from yt_dlp.networking import Request, Response
from yt_dlp.networking.common import RequestDirector

from tests.fake_youtube import FakeYouTube
from tests.servers import Publisher, publishing
from tests.videos import PICTURE, SOUND, X264, make
from vemoclap.media import youtube


@pytest.fixture(scope="session")
def films(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("films")
    small = ("-vf", "scale=320:180", *X264)
    make(folder / "whole.mp4", *PICTURE, *SOUND, *small, "-c:a", "aac")
    make(folder / "picture.mp4", *PICTURE, *small)
    make(folder / "sound.m4a", *SOUND, "-c:a", "aac")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def publisher(films) -> Iterator[Publisher]:
    with publishing() as it:
        it.files |= films
        yield it


@pytest.fixture
def at(publisher) -> str:
    return f"{publisher.url}/files"


@pytest.fixture
def tube(monkeypatch) -> FakeYouTube:
    fake = FakeYouTube()

    def send(director: RequestDirector, request: Request) -> Response:
        return fake.send(director, request)

    monkeypatch.setattr(RequestDirector, "send", send)
    monkeypatch.setattr(youtube, "RUNTIMES", ())  # of which this machine may have one
    monkeypatch.setattr(youtube, "LONGEST_DELAY_S", 0.0)
    return fake
