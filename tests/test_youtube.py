"""A video of YouTube becomes a small file, within limits, and nothing else happens."""

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from yt_dlp.extractor.youtube import YoutubeIE

from tests.fake_youtube import LINK, VIDEO, picture, refusal, sound, whole
from tests.servers import Fault
from vemoclap.errors import SourceError
from vemoclap.media import clip as media_clip
from vemoclap.media import youtube
from vemoclap.media.clip import Limits

pytest_plugins = ["tests.youtube_fixtures"]


# -- what comes -------------------------------------------------------------------------------


def test_a_video_comes_whole_named_by_its_id_and_nothing_else_is_written(
    tube, at, films, tmp_path, monkeypatch, capfd
):
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.chdir(home)
    tube.plays(whole(f"{at}/whole.mp4"))
    folder = tmp_path / "new" / "videos"
    path = youtube.fetch(f"https://www.youtube.com/shorts/{VIDEO}?list=PL1", folder)
    assert path == folder / f"{VIDEO}.mp4"
    assert path.read_bytes() == films["whole.mp4"]
    assert list(folder.iterdir()) == [path]
    assert list(home.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert f"https://www.youtube.com/watch?v={VIDEO}" in tube.asked[0]
    assert not any("list=" in address for address in tube.asked)


def test_a_video_that_is_there_is_not_asked_for_again(tube, at, tmp_path):
    tube.plays(whole(f"{at}/whole.mp4"))
    path = youtube.fetch(LINK, tmp_path)
    tube.asked.clear()
    assert youtube.fetch(f"https://m.youtube.com/watch?v={VIDEO}", tmp_path) == path
    assert tube.asked == []
    path.write_bytes(b"")  # what a full disk may leave
    assert youtube.fetch(LINK, tmp_path).stat().st_size > 1000


def test_picture_and_sound_that_come_apart_are_joined(tube, publisher, at, tmp_path, capfd):
    publisher.files["360.mp4"] = publisher.files["picture.mp4"]
    tube.plays(
        picture(f"{at}/picture.mp4", 160, 256, 144),
        picture(f"{at}/360.mp4", 134, 640, 360),
        picture(f"{at}/large.mp4", 136, 1280, 720),
        sound(f"{at}/sound.m4a"),
    )
    seen = []
    path = youtube.fetch(LINK, tmp_path, progress=lambda *step: seen.append(step))
    clip = media_clip.open_clip(path, frame_count=2)
    assert clip.audio is not None
    assert clip.info.duration_s == pytest.approx(4, abs=0.2)
    assert [url.rpartition("/")[2] for url in tube.asked if "127.0.0.1" in url] == [
        "360.mp4",
        "sound.m4a",
    ]
    assert list(tmp_path.iterdir()) == [path]
    assert [stage for stage, *_ in seen].count(youtube.JOINING) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("streams", "taken"),
    [
        ([("b", 640, 360), ("v", 640, 360)], "b"),
        ([("b", 1280, 720), ("b2", 640, 360), ("b3", 256, 144)], "b2"),
        ([("b", 360, 640)], "b"),  # upright: 360p too
        ([("b", 720, 1280), ("b2", 202, 360)], "b2"),
        ([("b", 1280, 720), ("v", 426, 240)], "v"),
    ],
)
def test_the_largest_of_at_most_360p_is_taken_in_one_file_if_possible(
    streams, taken, tube, publisher, at, tmp_path
):
    for name in ("b", "b2", "b3"):
        publisher.files[name] = publisher.files["whole.mp4"]
    publisher.files["v"] = publisher.files["picture.mp4"]
    tube.plays(
        *(
            whole(f"{at}/{name}", width, height, itag=17 + number)
            if name.startswith("b")
            else picture(f"{at}/{name}", 133, width, height)
            for number, (name, width, height) in enumerate(streams)
        ),
        sound(f"{at}/sound.m4a"),
    )
    youtube.fetch(LINK, tmp_path)
    got = [url.rpartition("/")[2] for url in tube.asked if "127.0.0.1" in url]
    assert got == ([taken] if taken.startswith("b") else [taken, "sound.m4a"])


def test_a_silent_video_comes_without_sound(tube, at, tmp_path):
    tube.plays(picture(f"{at}/picture.mp4", 134, 640, 360))
    assert media_clip.open_clip(youtube.fetch(LINK, tmp_path), frame_count=2).audio is None


def test_only_large_ones_or_only_sound_is_a_plain_refusal(tube, at, tmp_path):
    tube.plays(whole(f"{at}/whole.mp4", 1280, 720), sound(f"{at}/sound.m4a"))
    assert "at 360p or less" in refusal(tmp_path)
    tube.plays(sound(f"{at}/sound.m4a"))
    assert "at 360p or less" in refusal(tmp_path)


def test_sheets_of_stills_and_foreign_protocols_are_never_taken():
    info = {"ext": "mp4", "width": 640, "height": 360, "vcodec": "avc1", "acodec": "mp4a"}
    assert youtube._small([info]) == [info]
    stills = {"ext": "mhtml", "protocol": "mhtml", "vcodec": "none", "acodec": "none", "width": 48}
    for one in (
        {**info, "protocol": "m3u8"},  # ffmpeg would fetch it
        {**info, "protocol": "file"},
        {**info, "ext": "exe"},
        {**info, "width": None, "height": None},
        {**info, "width": 640, "height": 480},
        stills,
    ):
        assert youtube._small([one]) == []
    assert youtube._small([{**info, "protocol": "m3u8_native", "height": None, "width": 360}])


def test_progress_rises_to_the_size_of_the_file(tube, at, films, tmp_path):
    size = len(films["whole.mp4"])
    tube.plays(whole(f"{at}/whole.mp4", contentLength=str(size)))
    seen = []
    youtube.fetch(LINK, tmp_path, progress=lambda *step: seen.append(step))
    assert seen[0] == (youtube.ASKING, 0, 1)
    loading = [(done, total) for stage, done, total in seen if stage == youtube.LOADING]
    assert {total for _, total in loading} == {size}
    assert loading == sorted(loading)
    assert loading[-1] == (size, size)
    assert len(loading) > 3


# -- limits -----------------------------------------------------------------------------------


def test_too_long_is_refused_before_the_download(tube, at, tmp_path):
    tube.plays(whole(f"{at}/whole.mp4"), lengthSeconds="3700")
    message = refusal(tmp_path, limits=Limits(max_duration_s=3600))
    assert f"video {VIDEO} lasts 62 minutes and the limit is 60; choose a shorter one" in message
    assert not any("127.0.0.1" in address for address in tube.asked)


@pytest.mark.parametrize("joined", [False, True])
def test_too_large_is_refused_before_the_download(joined, tube, at, tmp_path):
    parts = (
        [
            picture(f"{at}/picture.mp4", 134, 640, 360, contentLength="60000000"),
            sound(f"{at}/sound.m4a", contentLength="50000000"),
        ]
        if joined
        else [whole(f"{at}/whole.mp4", contentLength="110000000")]
    )
    tube.plays(*parts)
    message = refusal(tmp_path, limits=Limits(max_bytes=10**8))
    assert "has 110 MB or more and the limit is 100 MB" in message
    assert not any("127.0.0.1" in address for address in tube.asked)


@pytest.mark.parametrize("honest", [True, False], ids=["length said", "length not said"])
def test_a_size_that_youtube_did_not_tell_is_refused_on_the_way(
    honest, tube, publisher, at, tmp_path
):
    publisher.files["whole.mp4"] = bytes(5_000_000)
    if not honest:
        publisher.always["whole.mp4"] = Fault(without=("Content-Length",))
    tube.plays(whole(f"{at}/whole.mp4", contentLength="1000"))
    assert "the limit is 1 MB" in refusal(tmp_path, limits=Limits(max_bytes=10**6))


def test_a_disk_with_too_little_room_is_found_before_the_download(tube, at, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 10**8))
    tube.plays(whole(f"{at}/whole.mp4", contentLength=str(2 * 10**8)))
    assert "has 100 MB free, and the video aqz-KE-bpKQ takes 200 MB; free some space" in refusal(
        tmp_path
    )


@pytest.mark.parametrize(
    "details", [{"isLive": True}, {"isUpcoming": True}, {"isPostLiveDvr": True}]
)
def test_what_is_not_over_is_refused(details, tube, at, tmp_path):
    tube.plays(whole(f"{at}/whole.mp4"), isLiveContent=True, **details)
    assert "is live or has not begun; choose another video" in refusal(tmp_path)


def test_a_recording_of_what_was_live_is_taken(tube, at, tmp_path):
    tube.plays(whole(f"{at}/whole.mp4"), isLiveContent=True)
    assert youtube.fetch(LINK, tmp_path).is_file()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"_type": "playlist", "id": VIDEO, "entries": []},
        {"_type": "url", "id": VIDEO, "url": "https://evil.com/video.mp4"},
        {"_type": "url", "id": VIDEO, "url": "file:///etc/passwd", "ie_key": "Generic"},
        {"id": "xxxxxxxxxxx", "formats": []},
        {"id": "../../x", "formats": []},
    ],
)
def test_only_the_video_itself_is_accepted_as_an_answer(answer, tube, tmp_path, monkeypatch):
    monkeypatch.setattr(YoutubeIE, "_real_extract", lambda self, url: answer)
    assert f"has no film to give at {VIDEO}" in refusal(tmp_path)
    assert tube.asked == []


def test_a_trailer_is_not_taken_for_its_film(tube, tmp_path):
    trailer = {"playerLegacyDesktopYpcTrailerRenderer": {"trailerVideoId": "xxxxxxxxxxx"}}
    tube.says("UNPLAYABLE", "This video requires payment to watch.", errorScreen=trailer)
    assert "perhaps since it is to be paid for" in refusal(tmp_path)


# -- who may end it, and where it may go ------------------------------------------------------


class StopError(Exception):
    """What a front end raises when its button is pressed."""


@pytest.mark.parametrize("error", [StopError(), KeyboardInterrupt(), TypeError("bug"), OSError(5)])
@pytest.mark.parametrize("stage", [youtube.ASKING, youtube.LOADING, youtube.JOINING])
def test_what_progress_raises_ends_the_download(error, stage, tube, at, tmp_path):
    tube.plays(picture(f"{at}/picture.mp4", 134, 640, 360), sound(f"{at}/sound.m4a"))

    def progress(now: str, done: int, total: int) -> None:
        if now == stage:
            raise error

    with pytest.raises(type(error)) as caught:
        youtube.fetch(LINK, tmp_path, progress=progress)
    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_one_is_a_plain_refusal(tube, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot hold a video"):
        youtube.fetch(LINK, tmp_path / "file" / "below")
    assert tube.asked == []


@pytest.mark.parametrize("name", ["a b", "100%", "%(id)s", "$UNKNOWN", "~", "-x", "ü…", "a'\"b"])
def test_folders_of_any_name_hold_videos(name, tube, at, tmp_path, monkeypatch):
    tube.plays(whole(f"{at}/whole.mp4"))
    monkeypatch.chdir(tmp_path)
    assert youtube.fetch(LINK, Path(name)) == tmp_path / name / f"{VIDEO}.mp4"


def test_no_variable_is_put_into_the_path(tube, tmp_path, monkeypatch):
    monkeypatch.setenv("ELSEWHERE", "elsewhere")
    assert "has a $ in its name" in refusal(tmp_path / "$ELSEWHERE")
    assert not (tmp_path / "elsewhere").exists()


def test_plug_ins_and_settings_of_the_user_are_left_alone(tmp_path):
    """In a process of its own, as yt-dlp looks for plug-ins once."""
    marker = tmp_path / "run"
    for folder in (tmp_path / ".config/yt-dlp/plugins/any", tmp_path / "path"):
        (folder / "yt_dlp_plugins/extractor").mkdir(parents=True)
        code = f"open({str(marker)!r}, 'w').close()"
        (folder / "yt_dlp_plugins/extractor/any.py").write_text(code)
    (tmp_path / ".config/yt-dlp/config").write_text("--no-such-option\n")
    (tmp_path / ".netrc").write_text("machine youtube login a password b")
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "path")}
    environment = {k: v for k, v in environment.items() if not k.startswith(("XDG_", "YTDLP_"))}

    def run(code: str) -> bool:
        subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
        return marker.exists()

    assert not run(
        "from pathlib import Path\n"
        "from vemoclap.media import youtube\n"
        "watch = youtube._Watch('x', Path('.'), youtube.Limits(), None)\n"
        "with youtube._downloader(youtube._options(Path('.'), watch, youtube._Log())) as it:\n"
        "    assert list(it._ies) == ['Youtube'], it._ies\n"
    )
    assert run("import yt_dlp; yt_dlp.YoutubeDL()")  # so they would have been found


def test_a_missing_yt_dlp_is_a_plain_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    assert "run setup.sh again, or download it yourself and upload the file" in refusal(tmp_path)
