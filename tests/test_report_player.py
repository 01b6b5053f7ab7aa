"""The page plays what browsers play, from where it lies, and says why it does not."""

import base64
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from tests.analyses import described, empty_analysis, full_analysis, named
from tests.pages import Page, shown
from vemoclap import report
from vemoclap.cli.main import main
from vemoclap.records import MediaInfo
from vemoclap.report.player import address_of, moment, player

SILENT = Path(__file__).parent.parent / "samples" / "silent.webm"
MP4, WEBM = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"


def info(**changes: object) -> MediaInfo:
    return replace(full_analysis().clip.info, **changes)


@pytest.mark.parametrize(
    ("name", "container", "video", "pixels", "audio"),
    [
        ("a.mp4", MP4, "h264", "yuv420p", "aac"),
        ("a.MOV", MP4, "h264", "yuvj420p", None),
        ("a.mp4", MP4, "av1", "yuv420p10le", "opus"),
        ("a.webm", WEBM, "vp8", "yuv420p", "vorbis"),
        ("a", WEBM, "vp9", "yuva420p", "opus"),
        ("a.ogv", "ogg", "vp8", "yuv420p", "vorbis"),
    ],
)
def test_what_browsers_play_has_a_player(
    name: str, container: str, video: str, pixels: str, audio: str | None
):
    made = player(
        info(
            path=Path("/v") / name,
            container=container,
            video_codec=video,
            pixel_format=pixels,
            audio_codec=audio,
        )
    )
    assert made.source == name
    assert made.notes == ()


@pytest.mark.parametrize(
    ("name", "container", "video", "pixels", "said"),
    [
        ("a.mkv", WEBM, "h264", "yuv420p", "h264 in mkv"),
        ("a.mkv", WEBM, "vp9", "yuv420p", "vp9 in mkv"),
        ("a.webm", WEBM, "h264", "yuv420p", "h264 in webm"),
        ("a.avi", "avi", "mpeg4", "yuv420p", "mpeg4 in avi"),
        ("a.ts", "mpegts", "h264", "yuv420p", "h264 in mpegts"),
        ("a.mov", MP4, "prores", "yuv422p10le", "prores in mov"),
        ("a.mp4", MP4, "hevc", "yuv420p", "hevc in mp4"),
        ("a.mp4", MP4, "h264", "yuv420p10le", "h264 with yuv420p10le in mp4"),
        ("a.ogv", "ogg", "theora", "yuv420p", "theora in ogg"),
    ],
)
def test_what_browsers_do_not_play_is_said_instead(
    name: str, container: str, video: str, pixels: str, said: str
):
    odd = described(
        full_analysis(Path("/v") / name),
        container=container,
        video_codec=video,
        pixel_format=pixels,
    )
    page = Page(report.to_html(odd, embed_bytes=10**9))
    assert f"Browsers do not play this kind of file ({said}), so there is no player." in page.words
    assert not page.all("video")
    assert not page.all("input")
    assert not page.all("a", **{"class": "seek"})  # nowhere to go
    assert "media-src 'none'" in page.policy
    assert "At 0:02" in page.words  # times are still there
    assert page.all("div", id="lanes")


def test_a_picture_has_nothing_to_play():
    still = described(full_analysis(), still=True, container="png_pipe", video_codec="png")
    assert "The file is one picture, so there is nothing to play." in shown(still)


def test_sound_that_browsers_do_not_play_is_named():
    page = Page(report.to_html(described(full_analysis(), audio_codec="ac3")))
    assert "Browsers do not play its sound (ac3), only its picture." in page.words
    assert page.all("video")


@pytest.mark.parametrize(
    "name",
    [
        "clip.mp4",
        "javascript:alert(1).mp4",
        "data:text,html.mp4",
        "a b#c?d%41&\"'<>.mp4",
        "..%2f..%2fetc.mp4",
        "\u00fc\u5b57\u202e.mp4",
        os.fsdecode(b"bad\xff.mp4"),
        "a\nb.mp4",
        "back\\slash.mp4",
    ],
)
def test_an_address_means_the_file_and_nothing_else(name: str):
    address = address_of(Path("/v/videos") / name, Path("/v/results/one"))
    assert unquote_to_bytes(address) == b"../../videos/" + os.fsencode(name)
    assert set(address) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/%"
    )
    beside = address_of(Path("/v") / name, None)
    assert unquote_to_bytes(beside) == os.fsencode(name)
    assert ":" not in beside


def test_the_link_leads_from_the_written_report_to_the_video(tmp_path: Path):
    video = tmp_path / "my videos" / "clip #1.mp4"
    video.parent.mkdir()
    video.write_bytes(b"video")
    folder = tmp_path / "results" / "clip"
    report.write(named(full_analysis(), video), folder)
    page = Page((folder / "report.html").read_text("utf-8"))
    (found,) = page.all("video")
    assert found["src"] == "../../my%20videos/clip%20%231.mp4"
    assert {"controls", "width", "height"} <= set(found)
    assert found["preload"] == "metadata"
    assert "autoplay" not in found
    assert "media-src 'self' file:;" in page.policy


def test_a_small_video_goes_into_the_page_if_asked(tmp_path: Path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"video")
    page = Page(report.to_html(named(full_analysis(), video), embed_bytes=5))
    (found,) = page.all("video")
    assert found["src"] == "data:video/mp4;base64," + base64.b64encode(b"video").decode()
    assert "media-src data:;" in page.policy
    assert "The video is inside this page." in page.words


def test_a_larger_video_stays_outside_and_the_page_says_why(tmp_path: Path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(bytes(2_500_000))
    page = Page(report.to_html(named(full_analysis(), video), embed_bytes=2_000_000))
    assert "it has 2.5 MB, and the limit that was given is 2 MB." in page.words
    assert page.all("video")[0]["src"] == "clip.mp4"


@pytest.mark.parametrize(("limit", "inside"), [([], False), (["--embed-video", "0.5"], True)])
def test_the_command_puts_a_video_into_the_page(tmp_path: Path, limit: list[str], inside: bool):
    quick = [f"--role={role}=none" for role in ("faces", "ocr", "vad")]
    where = ["--out", str(tmp_path), "--quiet", "--n=2"]
    code = main(["analyze", str(SILENT), "--preset=embedded", *quick, *where, *limit])
    assert code == 0
    (video,) = Page((tmp_path / "report.html").read_text("utf-8")).all("video")
    assert (video["src"] or "").startswith("data:video/webm;base64,") is inside
    assert (video["src"] or "").endswith("samples/silent.webm") is not inside


def test_a_page_may_do_without_a_link(tmp_path: Path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"video")
    analysis = named(full_analysis(), video)
    inside = Page(report.to_html(analysis, embed_bytes=5, link=False))
    assert (inside.all("video")[0]["src"] or "").startswith("data:video/mp4;base64,")
    assert "The video is not inside this page." in Page(report.to_html(analysis, link=False)).words
    outside = Page(report.to_html(analysis, embed_bytes=4, link=False))
    assert not outside.all("video")
    assert "and the limit that was given is 4e-06 MB." in outside.words
    assert not [a for a in outside.all("a") if not (a["href"] or "").startswith("#")]


def test_a_video_that_went_away_cannot_be_put_into_the_page(tmp_path: Path):
    gone = named(full_analysis(), tmp_path / "gone.mp4")
    text = Page(report.to_html(gone, embed_bytes=10)).words
    assert "could not be read again (No such file or directory)" in text


def test_the_clock_of_the_file_is_known_to_the_player():
    assert player(info(start_s=1.4)).offset_s == 1.4
    assert player(info(start_s=-0.1)).offset_s == 0.0
    page = Page(report.to_html(described(full_analysis(), start_s=1.4)))
    assert page.all("video")[0]["data-offset"] == "1.400"


@pytest.mark.parametrize(
    ("time_s", "said"), [(0, "0.000"), (2.0, "2.000"), (61 / 30, "2.034"), (0.1 + 0.2, "0.300")]
)
def test_a_link_never_falls_short_of_its_frame(time_s: float, said: str):
    assert moment(time_s) == said


def test_every_time_is_a_link():
    links = {a["href"] for a in Page(report.to_html(full_analysis())).all("a")}
    assert {"#t=0.500", "#t=2.000", "#t=0.000", "#t=1.000", "#t=3.000"} <= links


def test_the_policy_allows_our_script_and_style_and_no_other():
    page = Page(report.to_html(empty_analysis()))
    for kind, (own,) in (("script", page.scripts), ("style", page.styles)):
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in page.policy
    assert page.policy.startswith("default-src 'none'; img-src data:;")
    assert "base-uri 'none'; form-action 'none'" in page.policy
    assert "unsafe" not in page.policy
