"""Only a link to one video on YouTube gives an id, and only the id goes further."""

import string
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemoclap.errors import SourceError
from vemoclap.media import youtube

VIDEO = "aqz-KE-bpKQ"

ALLOWED = {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"}
ALLOWED |= {"youtube-nocookie.com", "www.youtube-nocookie.com"}

GOOD = [
    f"https://www.youtube.com/watch?v={VIDEO}",
    f"http://youtube.com/watch?v={VIDEO}",
    f"HTTPS://WWW.YouTube.COM/watch?v={VIDEO}",
    f"m.youtube.com/watch/?v={VIDEO}",
    f"https://music.youtube.com/watch?v={VIDEO}&list=RDAMVM{VIDEO}",
    f"https://www.youtube.com/watch?app=desktop&v={VIDEO}&t=42s",
    f"https://www.youtube.com/watch?v={VIDEO}#t=42",
    f"https://www.youtube.com/shorts/{VIDEO}",
    f"https://www.youtube.com/shorts/{VIDEO}?feature=share",
    f"https://www.youtube.com/embed/{VIDEO}?autoplay=1",
    f"https://www.youtube.com/live/{VIDEO}/",
    f"https://youtu.be/{VIDEO}",
    f"youtu.be/{VIDEO}?si=abc",
    f"https://www.youtube-nocookie.com/embed/{VIDEO}",
    f"youtube-nocookie.com/embed/{VIDEO}",
    f"  https://youtu.be/{VIDEO}\r\n",
]
OTHER_PLACES = [
    f"https://youtube.com@evil.com/watch?v={VIDEO}",
    f"https://youtube.com:secret@evil.com/watch?v={VIDEO}",
    f"https://user@youtube.com/watch?v={VIDEO}",
    f"https://youtube.com.evil.com/watch?v={VIDEO}",
    f"https://evil.com/youtube.com/watch?v={VIDEO}",
    f"https://evil.com/?u=https://youtube.com/watch?v={VIDEO}",
    f"https://evil.com#youtube.com/watch?v={VIDEO}",
    f"https://notyoutube.com/watch?v={VIDEO}",
    f"https://evil.youtube.com/watch?v={VIDEO}",
    f"https://youtube.com./watch?v={VIDEO}",
    f"https://.youtube.com/watch?v={VIDEO}",
    f"https://youtube.com:8080/watch?v={VIDEO}",
    f"https://youtube.com:443/watch?v={VIDEO}",
    f"https://%79outube.com/watch?v={VIDEO}",
    f"https://youtube%2ecom/watch?v={VIDEO}",
    f"https://youtube.com%00.evil.com/watch?v={VIDEO}",
    f"https://youtube.com%2f@evil.com/watch?v={VIDEO}",
    f"https://youtube.com\\@evil.com/watch?v={VIDEO}",
    f"https:\\\\youtube.com\\watch?v={VIDEO}",
    f"https:/youtube.com/watch?v={VIDEO}",
    f"https:///youtube.com/watch?v={VIDEO}",
    f"//youtube.com/watch?v={VIDEO}",
    f"https://xn--yutube-0ya.com/watch?v={VIDEO}",
    f"https://yоutube.com/watch?v={VIDEO}",  # a Cyrillic o
    f"https://ｙoutube.com/watch?v={VIDEO}",  # a wide y, which some make narrow
    f"https://youtube。com/watch?v={VIDEO}",  # an ideographic full stop, likewise
    f"https://youtu\u00adbe.com/watch?v={VIDEO}",
    f"https://youtube.com\u2044watch?v={VIDEO}",
    f"https://127.0.0.1/watch?v={VIDEO}",
    f"https://2130706433/watch?v={VIDEO}",
    f"https://[::1]/watch?v={VIDEO}",
    f"https://localhost/watch?v={VIDEO}",
    f"https://169.254.169.254/watch?v={VIDEO}",
    "http://127.0.0.1",
    f"ftp://youtube.com/watch?v={VIDEO}",
    f"file:///youtube.com/watch?v={VIDEO}",
    f"file://youtube.com/watch?v={VIDEO}",
    "file:///etc/passwd",
    "javascript:alert(1)",
    f"javascript://youtube.com/watch?v={VIDEO}%0aalert(1)",
    f"data:text/html,youtube.com/watch?v={VIDEO}",
    f"ytsearch:{VIDEO}",
    f"ytsearch10:{VIDEO}",
    f"https://www.youtube-nocookie.com/watch?v={VIDEO}",
    f"https://youtube.com/watch?v={VIDEO}\x00",
    f"https://youtube.com/wa\ntch?v={VIDEO}",
    f"https://youtube.com/watch?v={VIDEO} --exec id",
    f"https://youtube.com/\twatch?v={VIDEO}",
    f"https://youtube.com/watch?v={VIDEO}&t=\x1b[2J",
    f"https://youtube.com/watch?v={VIDEO}&t=\u202e",
    f"https://youtube.com/watch?v={VIDEO}&t=" + "9" * 3000,
    "A" * 10**6,
    "--exec=id",
    "-o/etc/passwd",
    VIDEO,
]
NO_VIDEO = [
    "https://www.youtube.com",
    "https://www.youtube.com/",
    "https://www.youtube.com/watch",
    "https://www.youtube.com/watch?v=",
    f"https://www.youtube.com/watch?v={VIDEO[:-1]}",
    f"https://www.youtube.com/watch?v={VIDEO}x",
    f"https://www.youtube.com/watch?v={VIDEO[:-1]}.",
    f"https://www.youtube.com/watch?v={VIDEO[:-1]}%",
    "https://www.youtube.com/watch?v=%61qz-KE-bpKQ",
    f"https://www.youtube.com/watch?v={VIDEO}&v=xxxxxxxxxxx",
    f"https://www.youtube.com/watch?V={VIDEO}",
    f"https://www.youtube.com/watch?a=b&amp;v={VIDEO}",
    f"https://www.youtube.com/watch#v={VIDEO}",
    f"https://www.youtube.com/watch/{VIDEO}",
    f"https://www.youtube.com/WATCH?v={VIDEO}",
    f"https://www.youtube.com/x/../watch?v={VIDEO}",
    f"https://www.youtube.com//watch?v={VIDEO}",
    f"https://www.youtube.com/redirect?q=https://evil.com&v={VIDEO}",
    f"https://www.youtube.com/shorts/{VIDEO}/x",
    "https://www.youtube.com/shorts/..%2f..%2f..%2f",
    f"https://www.youtube.com/results?search_query={VIDEO}",
    f"https://youtu.be/{VIDEO}/x",
    f"https://youtu.be/watch?v={VIDEO}",
    "https://youtu.be/",
]
LISTS = [
    "https://www.youtube.com/playlist?list=PLBCF2DAC6FFB574DE",
    "https://www.youtube.com/watch?list=PLBCF2DAC6FFB574DE",
    "https://www.youtube.com/embed/videoseries?list=PLBCF2DAC6FFB574DE",
    "https://youtu.be/?list=PLBCF2DAC6FFB574DE",
]
CHANNELS = [
    "https://www.youtube.com/@BlenderOfficial",
    "https://www.youtube.com/@BlenderOfficial/videos",
    "https://www.youtube.com/channel/UCSMOQeBJ2RAnuFungnQOxLg",
    "https://www.youtube.com/c/BlenderFoundation",
    "https://www.youtube.com/user/BlenderFoundation",
    "https://www.youtube.com/embed/live_stream?channel=UCSMOQeBJ2RAnuFungnQOxLg",
]


@pytest.mark.parametrize("link", GOOD)
def test_links_to_one_video_give_its_id(link):
    assert youtube.check(link) == VIDEO


@pytest.mark.parametrize("video", ["-----------", "___________", "00000000000", "-rf_AZaz019"])
def test_an_id_may_look_like_an_option(video):
    assert youtube.check(f"youtu.be/{video}") == video
    assert youtube.address(video) == f"https://www.youtube.com/watch?v={video}"


@pytest.mark.parametrize(
    ("links", "answer"),
    [
        (OTHER_PLACES, "is not the link of a YouTube video; copy one"),
        (NO_VIDEO, "This link names no video"),
        (LISTS, "This link leads to a playlist; open one of its videos"),
        (CHANNELS, "This link leads to a channel; open one of its videos"),
        (["", " ", "\r\n\t"], "There is no link yet"),
    ],
    ids=["other places", "no video", "lists", "channels", "nothing"],
)
def test_all_else_is_refused_before_yt_dlp_hears_of_it(links, answer, tmp_path, monkeypatch):
    monkeypatch.setattr(youtube, "_downloader", lambda _: pytest.fail("yt-dlp was called"))
    for link in links:
        with pytest.raises(SourceError, match=answer) as caught:
            youtube.fetch(link, tmp_path / "folder")
        message = str(caught.value)
        assert message.isprintable()
        assert message.endswith(".")
        assert len(message) < 400
    assert not (tmp_path / "folder").exists()


def _pieces() -> st.SearchStrategy[str]:
    """Return texts that are nearly links."""
    likely = ["https://", "http:", "//", "/", "\\", "@", ":", "?", "#", "&", "v=", "list=", "."]
    likely += ["www.", "m.", "youtube.com", "youtu.be", "youtube-nocookie.com", "evil.com", "%2e"]
    likely += ["watch", "shorts", "embed", "live", VIDEO, "videoseries", "\n", " ", "\0", "…"]
    likely += ["ｙ", "٣", "ſ", "K"]  # digits and letters to some, though not of ASCII
    piece = st.sampled_from(likely) | st.text(max_size=3)
    return st.lists(piece, max_size=12).map("".join)


@given(st.text() | _pieces())
def test_whatever_is_typed_only_an_id_comes_out(text):
    try:
        video = youtube.check(text)
    except SourceError:
        return
    assert len(video) == 11
    assert set(video) <= set(string.ascii_letters + string.digits + "-_")
    assert video in text
    parts = urlsplit(youtube.address(video))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "www.youtube.com", "/watch")
    assert (parts.query, parts.fragment) == (f"v={video}", "")


@given(st.sampled_from(GOOD), st.text(min_size=1, max_size=4), st.data())
def test_a_good_link_with_something_put_into_its_host_is_never_followed(link, more, data):
    link = link.strip()
    start = link.find("://") + 3 if "://" in link else 0
    host = link[start:].partition("/")[0]
    at = start + data.draw(st.integers(1, len(host)))
    changed = link[:at] + more + link[at:]
    try:
        youtube.check(changed)
    except SourceError:
        return
    parts = urlsplit(changed if "://" in changed else f"https://{changed}")
    assert parts.netloc.lower() in ALLOWED


def test_checking_needs_no_yt_dlp():
    code = (
        "import sys; from vemoclap.media import youtube\n"
        "youtube.check('https://youtu.be/dQw4w9WgXcQ'); sys.exit('yt_dlp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
