"""Whatever YouTube, the network, the disk or yt-dlp do, one sentence says what and what to do."""

import ssl

import pytest
from yt_dlp.downloader.http import HttpFD
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    IncompleteRead,
    ProxyError,
    TransportError,
)
from yt_dlp.postprocessor.ffmpeg import FFmpegMergerPP
from yt_dlp.utils import (
    DownloadCancelled,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    PostProcessingError,
    UnavailableVideoError,
    UserNotLive,
)

from tests.fake_youtube import LINK, VIDEO, picture, refusal, sound, whole
from tests.servers import Fault
from vemoclap.errors import SourceError
from vemoclap.media import youtube, youtube_errors

pytest_plugins = ["tests.youtube_fixtures"]
pytestmark = pytest.mark.usefixtures("tube")

ADVICE = ("upload the file", "upload a file", "choose another", "free some space", "run setup.sh")


def told(message: str, expected: str) -> None:
    """Check that a message is one plain sentence with advice, and says what is expected."""
    assert expected in message
    assert message.endswith(".")
    assert ". " not in message
    assert message.isprintable()
    assert VIDEO in message
    assert any(advice in message for advice in ADVICE)
    assert len(message) < 320
    for foreign in ("ERROR", "yt-dlp -U", "--", "report", "http", "None"):
        assert foreign not in message


# -- what YouTube says ------------------------------------------------------------------------

BOT = "asks this machine to prove that it is not a bot"
GONE = "is not there: it was removed or never existed"
PRIVATE = "is private"
PAID = "is only for members or those who pay"
AGE = "is age-restricted and needs an account"
GEO = "may not be seen in the country of this machine"
LIVE = "is live or has not begun"
BUSY = "has had too many requests from this machine"
SIGN_IN = "only to those who sign in"

SAYINGS = [
    ("LOGIN_REQUIRED", "Sign in to confirm you’re not a bot", "", BOT),
    ("LOGIN_REQUIRED", "Sign in to confirm you're not a bot", "", BOT),
    (
        "LOGIN_REQUIRED",
        "Private video",
        "Sign in if you've been granted access to this video",
        PRIVATE,
    ),
    ("LOGIN_REQUIRED", "This video is private", "", PRIVATE),
    (
        "LOGIN_REQUIRED",
        "Sign in to confirm your age",
        "This video may be inappropriate for some users.",
        AGE,
    ),
    ("AGE_VERIFICATION_REQUIRED", "This video is age-restricted", "", AGE),
    ("ERROR", "Video unavailable", "", GONE),
    ("ERROR", "Video unavailable", "This video has been removed by the uploader", GONE),
    ("ERROR", "This video isn't available anymore", "", GONE),
    (
        "ERROR",
        "Video unavailable",
        "This video is no longer available because the YouTube account associated with this video "
        "has been terminated.",
        GONE,
    ),
    (
        "ERROR",
        "Video unavailable",
        "This video is no longer available due to a copyright claim by Somebody",
        GONE,
    ),
    ("ERROR", "This video has been removed for violating YouTube's Terms of Service", "", GONE),
    (
        "UNPLAYABLE",
        "Video unavailable",
        "The uploader has not made this video available in your country",
        GEO,
    ),
    (
        "UNPLAYABLE",
        "Video unavailable",
        "This video contains content from Somebody, who has blocked it in your country on "
        "copyright grounds",
        GEO,
    ),
    (
        "UNPLAYABLE",
        "Join this channel to get access to members-only content like this video, and other "
        "exclusive perks.",
        "",
        PAID,
    ),
    (
        "UNPLAYABLE",
        "This video is available to this channel's members on level: Friends (or any higher "
        "level).",
        "",
        PAID,
    ),
    ("UNPLAYABLE", "This video is only available to Music Premium members", "", PAID),
    ("UNPLAYABLE", "This video requires payment to watch", "", PAID),
    ("LIVE_STREAM_OFFLINE", "This live event will begin in 3 hours.", "", LIVE),
    ("LIVE_STREAM_OFFLINE", "Premieres in 20 minutes", "", LIVE),
    ("LIVE_STREAM_OFFLINE", "Premiere will begin shortly", "", LIVE),
    ("UNPLAYABLE", "This live stream recording is not available.", "", GONE),
    ("UNPLAYABLE", "This content isn't available, try again later.", "", BUSY),
    ("LOGIN_REQUIRED", "Please sign in", "", SIGN_IN),
    ("UNPLAYABLE", "Something\nthat <b>nobody</b> foresaw\x1b[31m", "", "(Something"),
]


@pytest.mark.parametrize(("status", "reason", "more", "expected"), SAYINGS)
def test_what_youtube_says_is_said_plainly(status, reason, more, expected, tube, tmp_path):
    screen = {"reason": {"simpleText": reason}, "subreason": {"simpleText": more}}
    tube.says(status, reason, errorScreen={"playerErrorMessageRenderer": screen} if more else {})
    told(refusal(tmp_path), expected)


def test_a_captcha_is_a_bot_check(tube, tmp_path):
    tube.says("UNPLAYABLE", "Not now", errorScreen={"playerCaptchaViewModel": {"any": 1}})
    told(refusal(tmp_path), BOT)


def test_copy_protection_is_said(tube, at, tmp_path):
    tube.plays(whole(f"{at}/whole.mp4", drmFamilies=["WIDEVINE"]))
    tube.player["streamingData"]["licenseInfos"] = [{"drmFamily": "WIDEVINE"}]
    told(refusal(tmp_path), "")
    tube.player["streamingData"]["adaptiveFormats"] = []
    told(refusal(tmp_path), "is copy-protected")


def test_another_video_in_the_answer_means_that_this_machine_is_blocked(tube, tmp_path):
    tube.says("OK")
    tube.player["videoDetails"]["videoId"] = "xxxxxxxxxxx"
    told(refusal(tmp_path), BOT)


# -- what the network does --------------------------------------------------------------------

OFFLINE = "cannot be reached from this machine"
BROKEN = "The connection to YouTube broke"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            TransportError(
                "Failed to resolve 'www.youtube.com' ([Errno -3] Temporary failure in name "
                "resolution)"
            ),
            OFFLINE,
        ),
        (TransportError("[Errno 101] Network is unreachable"), OFFLINE),
        (TransportError("[Errno 111] Connection refused"), OFFLINE),
        (ProxyError("('Unable to connect to proxy', OSError('Tunnel failed: 403'))"), OFFLINE),
        (TransportError("The read operation timed out"), BROKEN),
        (TransportError("('Connection aborted.', ConnectionResetError(104, 'reset'))"), BROKEN),
        (CertificateVerifyError("certificate verify failed"), "cannot prove to be YouTube"),
        (429, BUSY),
        (503, BROKEN),
        (403, "YouTube did not say where"),
    ],
)
def test_a_network_that_fails_is_told_apart_from_youtube(failure, expected, tube, tmp_path):
    tube.failures["youtube.com"] = failure
    told(refusal(tmp_path), expected)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(status=429), BUSY),
        (Fault(status=404), GONE),
        (Fault(status=500), BROKEN),
        (Fault(cut=2000), BROKEN),
        (Fault(body=b""), BROKEN),
    ],
)
def test_a_download_that_fails_is_tried_again_and_then_explained(
    fault,
    expected,
    tube,
    publisher,
    at,
    tmp_path,
):
    publisher.always["whole.mp4"] = fault
    tube.plays(whole(f"{at}/whole.mp4"))
    told(refusal(tmp_path), expected)
    assert len(publisher.requests) <= 2 * youtube.TRIES + 2


def test_a_connection_that_breaks_once_is_taken_up_again(tube, publisher, at, films, tmp_path):
    publisher.faults["whole.mp4"] = [Fault(status=503), Fault(cut=20_000)]
    tube.plays(whole(f"{at}/whole.mp4"))
    assert youtube.fetch(LINK, tmp_path).read_bytes() == films["whole.mp4"]


@pytest.mark.parametrize("has_runtime", [False, True])
def test_a_refused_download_has_two_likely_causes(
    has_runtime,
    tube,
    publisher,
    at,
    tmp_path,
    monkeypatch,
):
    publisher.always["whole.mp4"] = Fault(status=403)
    tube.plays(whole(f"{at}/whole.mp4"))
    if has_runtime:
        monkeypatch.setattr(youtube._Log, "warning", lambda self, message: None)
        told(refusal(tmp_path), "refused the download of aqz-KE-bpKQ (403); update yt-dlp")
    else:
        told(refusal(tmp_path), "no JavaScript runtime that is new enough was found; install one")


# -- what this machine does -------------------------------------------------------------------


class FullDisk:
    """A file that takes one write."""

    locked = True

    def __init__(self) -> None:
        self.room = 1

    def write(self, block: bytes) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        pass


def test_a_disk_that_fills_is_said(tube, at, tmp_path, monkeypatch):
    tube.plays(whole(f"{at}/whole.mp4"))
    monkeypatch.setattr(HttpFD, "sanitize_open", lambda self, name, mode: (FullDisk(), name))
    told(refusal(tmp_path), "The disk is full")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PostProcessingError("Conversion failed!"), "could not be joined"),
        (PostProcessingError("av_interleaved_write_frame(): No space left on device"), "is full"),
        (PostProcessingError("ffprobe and ffmpeg not found"), "ffmpeg is missing to join them"),
    ],
)
def test_joining_that_fails_is_said(error, expected, tube, at, tmp_path, monkeypatch):
    tube.plays(picture(f"{at}/picture.mp4", 134, 640, 360), sound(f"{at}/sound.m4a"))

    def run(self, info):
        raise error

    monkeypatch.setattr(FFmpegMergerPP, "run", run)
    told(refusal(tmp_path), expected)


def test_a_machine_without_ffmpeg_is_told_so(tube, at, tmp_path, monkeypatch):
    tube.plays(picture(f"{at}/picture.mp4", 134, 640, 360), sound(f"{at}/sound.m4a"))
    monkeypatch.setattr(FFmpegMergerPP, "available", False)
    told(refusal(tmp_path), "ffmpeg is missing to join them")


# -- what yt-dlp raises -----------------------------------------------------------------------


def caused(error: Exception) -> DownloadError:
    """Return what yt-dlp makes of an error while it reports it."""
    return DownloadError("ERROR: something went wrong", (type(error), error, None))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GeoRestrictedError("Not here", countries=["DE"]), GEO),
        (UserNotLive(), LIVE),
        (DownloadCancelled(), "was stopped; start it again, or choose another"),
        (UnavailableVideoError(OSError(28, "No space left on device")), "The disk is full"),
        (UnavailableVideoError(OSError(13, "Permission denied")), "may not be written"),
        (IncompleteRead(3, 4), BROKEN),
        (caused(CertificateVerifyError("x", cause=ssl.SSLError())), "cannot prove to be YouTube"),
        (caused(ExtractorError("x", cause=TransportError("Network is down"))), OFFLINE),
        (
            ExtractorError("Requested format is not available. Use --list-formats", expected=True),
            "offers nothing of aqz-KE-bpKQ that can be downloaded",
        ),
        (ExtractorError("Unable to extract Initial JS player n function name"), "(Unable to extr"),
        (ExtractorError(f"[youtube] {VIDEO}: It broke (caused by KeyError('x'))"), "(It broke)"),
        (KeyError("streamingData"), "(An extractor error has occurred)"),
        (RecursionError(), "(RecursionError)"),
        (ValueError("x" * 10_000), "xx…)"),
        (ValueError("\x1b[31m\x00"), "([31m)"),
    ],
)
def test_every_error_of_yt_dlp_becomes_one_sentence(error, expected, tmp_path, monkeypatch):
    def extract(self, url):
        raise error

    monkeypatch.setattr(YoutubeIE, "_real_extract", extract)
    message = refusal(tmp_path)
    told(message, expected)
    assert "runtime" not in message


def test_the_cause_stays_for_who_wants_the_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr(YoutubeIE, "_real_extract", lambda self, url: 1 / 0)
    with pytest.raises(SourceError) as caught:
        youtube.fetch(LINK, tmp_path)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_warnings_count_only_where_a_cause_is_wanted():
    without = "No supported JavaScript runtime could be found. Only deno is enabled by default"
    format_error = ExtractorError("No video formats found!", expected=True)
    assert "runtime" in youtube_errors.explain(VIDEO, format_error, [without])
    assert "runtime" not in youtube_errors.explain(VIDEO, format_error)
    private = ExtractorError("Private video", expected=True)
    assert PRIVATE in youtube_errors.explain(VIDEO, private, [without])
    offline = "Unable to download API page: Failed to resolve 'www.youtube.com'"
    assert OFFLINE in youtube_errors.explain(VIDEO, format_error, [without, offline])


def test_errors_that_cause_each_other_do_not_go_on_for_ever():
    first, second = ExtractorError("one"), ExtractorError("two")
    first.cause, second.cause = second, first
    assert "could not be had (one)" in youtube_errors.explain(VIDEO, first)
