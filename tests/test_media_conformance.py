"""What happens to each kind of file: analysed, analysed in part, or refused in one sentence."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.videos import (
    PICTURE,
    SOUND,
    X264,
    head,
    joined,
    lavfi,
    make,
    plain,
    png_bomb,
    scramble,
)
from vemoclap.errors import MediaError
from vemoclap.media import clip as media_clip
from vemoclap.media.clip import Limits
from vemoclap.records import Clip, Outcome, State

Check = Callable[[Clip], object]


def read(path: Path, **limits: float) -> Clip:
    clip = media_clip.open_clip(path, frame_count=16, limits=Limits(**limits))
    assert clip.frames.dtype == np.uint8
    assert clip.frames.shape[0] == len(clip.times_s) >= 1
    assert clip.frames.shape[3] == 3
    assert min(clip.frames.shape[1:3]) == 360
    assert np.all(np.diff(clip.times_s) > 0)
    assert clip.times_s[0] == 0
    if clip.audio is not None:
        assert np.isfinite(clip.audio).all()
        assert abs(clip.audio).max() <= 1.0
        assert len(clip.audio) <= round(clip.info.duration_s * 16000)
    return clip


# -- OK ---------------------------------------------------------------------------------------

GOOD: dict[str, tuple[str, tuple[str, ...], Check]] = {
    "no audio": (
        "a.mp4",
        (*PICTURE, *X264),
        lambda c: (
            c.audio is None
            and c.audio_status.state is State.ABSENT
            and "no sound" in c.audio_status.reason
        ),
    ),
    "silence": (
        "a.mp4",
        (*PICTURE, *lavfi("anullsrc"), "-shortest", *X264),
        lambda c: c.audio is not None and not c.audio.any(),
    ),
    "one frame": (
        "a.mp4",
        (*PICTURE, *X264, "-frames:v", "1"),
        lambda c: len(c.frames) == 1 and "only one frame" in c.warnings[0],
    ),
    "0.4 s": ("a.mp4", (*PICTURE, *X264, "-t", "0.4"), lambda c: len(c.frames) == 10),
    "live matroska": (
        "a.mkv",
        (*PICTURE, *X264, "-f", "matroska", "-live", "1"),
        lambda c: c.info.duration_s == pytest.approx(4, abs=0.05),
    ),
    "raw h264": (
        "a.h264",
        (*PICTURE, *X264),
        lambda c: c.info.duration_s == pytest.approx(4, abs=0.05) and len(c.frames) == 16,
    ),
    "odd size, 4:4:4": (
        "a.mp4",
        (*lavfi("testsrc=s=321x243:d=2"), "-c:v", "libx264", "-preset", "ultrafast"),
        lambda c: (c.info.width, c.info.height) == (321, 243),
    ),
    "8K": (
        "a.mp4",
        (*lavfi("testsrc2=s=7680x4320:r=2:d=1"), *X264),
        lambda c: c.frames.shape[1:3] == (360, 640),
    ),
    "10-bit HDR": (
        "a.mp4",
        (
            *(*PICTURE[:3], "testsrc2=s=320x240:r=25:d=1"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
            *("-color_primaries", "bt2020", "-color_trc", "smpte2084"),
            *("-colorspace", "bt2020nc", "-x265-params", "log-level=none"),
        ),
        lambda c: c.info.hdr and any("HDR" in w for w in c.warnings),
    ),
    "interlaced": (
        "a.mp4",
        (*PICTURE, "-vf", "tinterlace=4", *X264, "-flags", "+ilme+ildct", "-field_order", "tt"),
        lambda c: c.info.interlaced and any("interlaced" in w for w in c.warnings),
    ),
    "gray": (
        "a.mkv",
        (*PICTURE, "-c:v", "ffv1", "-pix_fmt", "gray"),
        lambda c: np.ptp(c.frames.astype(int), axis=3).max() <= 2,
    ),
    "gray16": (
        "a.mkv",
        (*PICTURE, "-c:v", "ffv1", "-pix_fmt", "gray16le", "-t", "1"),
        lambda c: c.frames.std() > 10,
    ),
    "animated gif": ("a.gif", (*PICTURE, "-t", "2", "-r", "10"), lambda c: len(c.frames) == 16),
    "still png": (
        "a.png",
        (*PICTURE, "-frames:v", "1"),
        lambda c: c.info.still and len(c.frames) == 1 and "one still picture" in c.warnings[0],
    ),
    "still jpeg": ("a.jpg", (*PICTURE, "-frames:v", "1"), lambda c: c.info.still),
    "AV1": (
        "a.mp4",
        (*PICTURE, "-t", "1", "-c:v", "libsvtav1", "-preset", "12"),
        lambda c: c.info.video_codec == "av1",
    ),
    "VP9": (
        "a.webm",
        (*PICTURE, "-t", "1", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
        lambda c: c.info.video_codec == "vp9",
    ),
    "MPEG-4 in AVI with B-frames": (
        "a.avi",
        (*PICTURE, *SOUND, "-c:v", "mpeg4", "-bf", "2", "-c:a", "mp3"),
        lambda c: c.info.video_codec == "mpeg4" and c.audio is not None,
    ),
    "WMV": ("a.wmv", (*PICTURE, *SOUND), lambda c: c.info.video_codec.startswith("msmpeg4")),
    "FLV": ("a.flv", (*PICTURE, *SOUND, "-ar", "44100"), lambda c: c.info.video_codec == "flv1"),
    "MPEG-TS": ("a.ts", (*PICTURE, *SOUND, *X264), lambda c: c.audio is not None),
    "MPEG-PS": ("a.mpg", (*PICTURE, *SOUND), lambda c: c.info.video_codec.startswith("mpeg")),
    "Ogg": ("a.ogv", (*PICTURE, "-t", "1"), lambda c: c.info.video_codec == "theora"),
    "ts offset": (
        "a.ts",
        (*PICTURE, *SOUND, *X264, "-output_ts_offset", "10"),
        lambda c: c.info.start_s > 10 and c.audio is not None and len(c.audio) > 3.8 * 16000,
    ),
    "mkv offset": (
        "a.mkv",
        (*PICTURE, *SOUND, *X264, "-output_ts_offset", "5"),
        lambda c: c.info.duration_s == pytest.approx(4, abs=0.05),
    ),
    "5.1": (
        "a.mkv",
        (*PICTURE, *lavfi("sine=d=4"), "-ac", "6", "-c:a", "flac", *X264),
        lambda c: c.info.audio_channels == 6 and abs(c.audio).max() > 0.01,
    ),
    "8 kHz mono": (
        "a.mov",
        (*PICTURE, *lavfi("sine=d=4:r=8000"), "-c:a", "pcm_s16le", *X264),
        lambda c: abs(len(c.audio) - 64000) < 200,
    ),
    "8-bit": (
        "a.mkv",
        (*PICTURE, *SOUND, "-c:a", "pcm_u8", *X264),
        lambda c: 0.05 < abs(c.audio).max() < 0.3,
    ),
    "audio longer": (
        "a.mp4",
        (*PICTURE, *lavfi("sine=d=9"), *X264),
        lambda c: len(c.audio) == 64000 and c.info.duration_s == pytest.approx(4),
    ),
    "audio shorter": (
        "a.mp4",
        (*PICTURE, *lavfi("sine=d=1"), *X264),
        lambda c: 0.9 * 16000 < len(c.audio) < 1.2 * 16000,
    ),
    "audio later": (
        "a.mkv",
        (*PICTURE, "-itsoffset", "2", *lavfi("sine=d=2"), *X264, "-c:a", "pcm_s16le"),
        lambda c: (
            not c.audio[: int(1.9 * 16000)].any() and abs(c.audio[int(2.1 * 16000) :]).max() > 0.05
        ),
    ),
    "black and silent": (
        "a.mp4",
        (*lavfi("color=black:s=320x240:d=4"), *lavfi("anullsrc"), "-shortest", *X264),
        lambda c: not c.overview.thumbnails.any(),
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_files_are_analysed_whole(case: str, tmp_path: Path):
    name, arguments, check = GOOD[case]
    clip = read(make(tmp_path / name, *arguments))
    assert clip.outcome is Outcome.OK, clip.warnings
    assert clip.coverage.error_count == 0
    assert check(clip)


def test_frames_hidden_by_an_edit_list_are_no_loss(tmp_path: Path):
    """A cut without re-encoding keeps frames that nobody is to see, and the header counts them."""
    whole = make(tmp_path / "a.mp4", *PICTURE, *SOUND, "-c:v", "libx264", "-g", "50")
    clip = read(make(tmp_path / "b.mp4", "-ss", "1.3", "-i", str(whole), "-c", "copy"))
    assert clip.outcome is Outcome.OK, clip.warnings
    assert clip.info.duration_s == pytest.approx(2.7, abs=0.05)
    assert clip.coverage.decoded_frames == clip.coverage.expected_frames < 75


def test_an_avi_that_counts_fields_is_whole(tmp_path: Path):
    whole = make(tmp_path / "a.mp4", *PICTURE, "-c:v", "libx264", "-bf", "3")
    clip = read(make(tmp_path / "a.avi", "-i", str(whole), "-c", "copy"))
    assert clip.outcome is Outcome.OK, clip.warnings
    assert clip.coverage.expected_frames == 100


@pytest.mark.parametrize("offset", ["0", "50000"])
def test_joined_recordings_are_read_in_full(offset: str, tmp_path: Path):
    """The second clock starts where the first one did, or hours later."""
    red = make(tmp_path / "a.ts", *lavfi("color=red:s=160x120:d=4"), *SOUND, *X264)
    blue = make(
        tmp_path / "b.ts",
        *(*lavfi("color=blue:s=160x120:d=4"), *lavfi("anullsrc=d=4"), "-shortest", *X264),
        *("-output_ts_offset", offset),
    )
    clip = read(joined(tmp_path / "ab.ts", red, blue))
    assert clip.outcome is Outcome.OK
    assert clip.info.duration_s == pytest.approx(8, abs=0.1)
    assert clip.coverage.decoded_frames == 200
    assert "clock jumps" in clip.warnings[0]
    strongest = clip.frames[:, 180, 240].argmax(axis=1)
    np.testing.assert_array_equal(strongest, np.where(clip.times_s < 3.99, 0, 2))
    assert clip.audio is not None
    assert abs(clip.audio[8000:56000]).max() > 0.05
    assert abs(clip.audio[72000:]).max() < 0.01


def test_a_size_that_changes_is_scaled_to_one(tmp_path: Path):
    wide = make(tmp_path / "a.ts", *lavfi("color=red:s=320x240:d=4"), *X264)
    small = make(
        tmp_path / "b.ts", *lavfi("color=blue:s=160x120:d=4"), *X264, "-output_ts_offset", "4"
    )
    clip = read(joined(tmp_path / "ab.ts", wide, small))
    assert clip.outcome is Outcome.OK
    assert "changes its size" in clip.warnings[0]
    assert clip.frames[-1, 180, 240].argmax() == 2


def test_a_clock_that_starts_late_is_no_length(tmp_path: Path):
    path = make(tmp_path / "a.mkv", *PICTURE, *SOUND, *X264, "-output_ts_offset", "20000")
    clip = read(path)
    assert clip.info.duration_s == pytest.approx(4, abs=0.05)
    np.testing.assert_allclose(clip.times_s[:3], [0, 0.24, 0.48], atol=1e-3)
    np.testing.assert_allclose(np.diff(clip.overview.times_s), 0.2, atol=0.041)
    assert clip.audio is not None
    assert len(clip.audio) > 3.9 * 16000


def test_webm_from_a_pipe_has_its_duration_from_timestamps(tmp_path: Path):
    path = tmp_path / "a.webm"
    vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-f", "webm")
    os.system(f"ffmpeg -v error {' '.join((*PICTURE, *vp8))} - | cat > '{path}'")
    clip = read(path)
    assert clip.outcome is Outcome.OK
    assert clip.info.duration_s == pytest.approx(4, abs=0.1)


def test_variable_frame_rate_is_sampled_by_time(tmp_path: Path):
    graph = (
        "color=red:s=160x120:r=1:d=4[a];color=green:s=160x120:r=60:d=4[b];"
        "color=blue:s=160x120:r=1:d=4[c];[a][b][c]concat=n=3,settb=1/600"
    )
    path = make(tmp_path / "a.mp4", "-filter_complex", graph, "-vsync", "vfr", *X264)
    clip = read(path)
    assert clip.info.duration_s == pytest.approx(12, abs=1.1)
    strongest = clip.frames[:, 180, 240].argmax(axis=1)  # 0 red, 1 green, 2 blue
    expected = np.minimum(clip.times_s // 4, 2)
    assert (strongest == expected).mean() > 0.9


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotated_files_come_upright(turn: int, tmp_path: Path):
    half = "color=red:s=320x240:d=1,drawbox=x=0:y=0:w=160:h=240:c=blue:t=fill"
    flat = make(tmp_path / "flat.mp4", *lavfi(half), *X264)
    path = tmp_path / "turned.mp4"
    version = media_clip.probe.ffmpeg.passthrough()
    if "fps_mode" in version and _display_rotation():
        make(path, "-display_rotation", str(-turn), "-i", str(flat), "-c", "copy")
    else:
        make(path, "-i", str(flat), "-c", "copy", "-metadata:s:v:0", f"rotate={-turn % 360}")
    clip = read(path)
    assert clip.info.rotation_deg == turn
    height, width = clip.frames.shape[1:3]
    assert (height > width) == (turn in (90, 270))
    blue = {90: (10, width // 2), 180: (height // 2, width - 10), 270: (height - 10, width // 2)}
    assert clip.frames[0][blue[turn]].argmax() == 2
    across = (height - 1 - blue[turn][0], width - 1 - blue[turn][1])
    assert clip.frames[0][across].argmax() == 0


def _display_rotation() -> bool:
    text = subprocess.run(["ffmpeg", "-h", "full"], capture_output=True, check=False).stdout
    return b"-display_rotation" in text


def test_non_square_pixels_are_made_square(tmp_path: Path):
    clip = read(make(tmp_path / "a.mp4", *PICTURE, "-vf", "setsar=2", *X264))
    assert clip.frames.shape[1:3] == (360, 960)


def test_ten_hours_are_refused_unless_the_limit_is_raised(tmp_path: Path):
    part = make(tmp_path / "part.mkv", *lavfi("testsrc2=s=64x36:r=1:d=360"), *X264)
    path = make(tmp_path / "a.mkv", "-stream_loop", "99", "-i", str(part), "-c", "copy")
    refused(path, r"10\.0 hours long and the limit is 4 hours")
    clip = read(path, max_duration_s=11 * 3600)
    assert clip.outcome is Outcome.OK
    assert clip.overview.thumbnails.nbytes < 50e6
    assert clip.times_s[-1] == pytest.approx(36000, abs=2)


def test_subtitles_data_and_attachments_do_no_harm(tmp_path: Path):
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:01,000 --> 00:00:02,500\n<i>Guten</i> Tag &amp; so\n\n")
    (tmp_path / "notes.txt").write_text("attached")
    path = make(
        tmp_path / "a.mkv",
        *(*PICTURE, "-i", str(words), *X264, "-c:s", "srt", "-metadata:s:s:0", "language=ger"),
        *("-attach", str(tmp_path / "notes.txt"), "-metadata:s:t", "mimetype=text/plain"),
    )
    clip = read(path)
    assert clip.outcome is Outcome.OK
    assert clip.subtitles is not None
    assert clip.subtitle_language == "ger"
    (cue,) = clip.subtitles
    assert (cue.start_s, cue.end_s, cue.text) == (1.0, 2.5, "Guten Tag & so")


@pytest.mark.parametrize(
    "name",
    [
        "with spaces.mp4",
        'it\'s "quoted".mp4',
        "$(touch x) `id`;.mp4",
        "new\nline.mp4",
        "🎬 é.mp4",
        "n" * 246 + ".mp4",
        "-y.mp4",
        "http:x.mp4",
        "concat:a",
        "100%d|x.mp4",
        "pipe:1",
        "file:x.mp4",
    ],
)
def test_names_are_only_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plain(tmp_path / "made.mp4").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert read(Path(name)).outcome is Outcome.OK
    assert not (tmp_path / "x").exists()


# -- PARTIAL ----------------------------------------------------------------------------------


def test_a_truncated_file_is_analysed_in_part(tmp_path: Path):
    whole = make(tmp_path / "a.mp4", *PICTURE, *SOUND, *X264, "-movflags", "+faststart")
    clip = read(head(whole, tmp_path / "cut.mp4", 0.6))
    assert clip.outcome is Outcome.PARTIAL
    assert 40 < clip.coverage.decoded_frames < 80
    assert clip.coverage.expected_frames == 100
    assert clip.coverage.covered_s == pytest.approx(2.4, abs=0.4)
    assert "of 100 frames" in clip.warnings[0]
    assert "claims 4.0 s" in clip.warnings[0]


def test_a_corrupt_middle_is_partial(tmp_path: Path):
    whole = plain(tmp_path / "a.mp4")
    clip = read(scramble(whole, tmp_path / "bad.mp4", 0.4, 0.6))
    assert clip.outcome is Outcome.PARTIAL
    assert clip.coverage.error_count > 0
    assert "damaged" in clip.warnings[0]


def test_noise_in_every_packet_is_partial(tmp_path: Path):
    whole = plain(tmp_path / "a.mp4")
    path = make(tmp_path / "n.mp4", "-i", str(whole), "-c", "copy", "-bsf:v", "noise=amount=200")
    assert read(path).outcome is Outcome.PARTIAL


def test_damaged_sound_alone_is_partial(tmp_path: Path):
    whole = plain(tmp_path / "a.mp4")
    path = make(tmp_path / "n.mp4", "-i", str(whole), "-c", "copy", "-bsf:a", "noise=amount=3")
    clip = read(path)
    assert clip.outcome is Outcome.PARTIAL
    assert any("sound is damaged" in warning for warning in clip.warnings)
    assert clip.coverage.decoded_frames == 100


def test_sound_damaged_beyond_its_length_is_partial(tmp_path: Path):
    """Noise in DTS changes the rate and so the length; the picture is whole all the same."""
    dts = (*PICTURE, *SOUND, *X264, "-c:a", "dca", "-strict", "-2", "-ac", "2")
    whole = make(tmp_path / "a.mkv", *dts)
    path = make(tmp_path / "n.mkv", "-i", str(whole), "-c", "copy", "-bsf:a", "noise=amount=100")
    clip = read(path)
    assert clip.outcome is Outcome.PARTIAL
    assert [w.startswith("The sound is damaged") for w in clip.warnings] == [True]
    assert clip.coverage.decoded_frames == 100


@pytest.mark.parametrize("suffix", ["mkv", "webm", "avi", "flv", "mpg"])
def test_every_truncated_container_is_partial(suffix: str, tmp_path: Path):
    codec = {"webm": ("-c:v", "libvpx", "-deadline", "realtime"), "flv": ("-ar", "44100")}
    whole = make(tmp_path / f"a.{suffix}", *PICTURE, *SOUND, *codec.get(suffix, ()))
    clip = read(head(whole, tmp_path / f"cut.{suffix}", 0.6))
    assert clip.outcome is Outcome.PARTIAL
    assert 1.5 < clip.coverage.covered_s < 3.0


def test_less_than_a_quarter_is_refused(tmp_path: Path):
    whole = make(tmp_path / "a.mp4", *PICTURE, *X264, "-movflags", "+faststart")
    with pytest.raises(MediaError, match="of 100 frames"):
        read(head(whole, tmp_path / "cut.mp4", 0.15))


# -- REFUSED ----------------------------------------------------------------------------------


def processor_s() -> float:
    """Return the time that processors worked for this process and what it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def refused(path: Path, match: str, **limits: float) -> None:
    """Fail unless a file is refused, and at little cost."""
    before, start = processor_s(), time.monotonic()
    with pytest.raises(MediaError, match=match) as caught:
        read(path, **limits)
    # Its own time and not the clock's, since other tests may run beside it.
    assert processor_s() - before < 2
    assert time.monotonic() - start < 30  # nothing was waited for
    text = str(caught.value)
    assert media_clip.printable(path)[:10] in text
    assert text.isprintable()
    assert text.endswith(".")


def test_audio_only_is_refused(tmp_path: Path):
    refused(make(tmp_path / "a.mp4", *SOUND, "-c:a", "aac"), "no video stream")


def test_music_with_cover_art_is_refused(tmp_path: Path):
    cover = make(tmp_path / "c.png", *PICTURE, "-frames:v", "1")
    arguments = ("-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy")
    path = make(tmp_path / "a.mp3", *SOUND, *arguments, "-disposition:v", "attached_pic")
    refused(path, "no video stream")


def test_an_empty_file_is_refused(tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.touch()
    refused(path, "is empty")


def test_text_named_mp4_is_refused(tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.write_text("This is no video.\n" * 100)
    refused(path, "not")


def test_a_file_without_its_index_is_refused(tmp_path: Path):
    refused(head(plain(tmp_path / "a.mp4"), tmp_path / "b.mp4", 0.6), "incomplete")


def test_a_picture_bomb_is_refused_in_little_memory(tmp_path: Path):
    bomb = png_bomb(tmp_path / "bomb.mkv", 16_000)
    refused(bomb, "16000 x 16000 pixels")
    # In a process of its own, whose children are ours alone: the peak of all counts.
    script = (
        "import pathlib, resource, sys\n"
        "from vemoclap import errors\nfrom vemoclap.media import clip\n"
        "try:\n    clip.open_clip(pathlib.Path(sys.argv[1]))\n"
        "except errors.MediaError:\n"
        "    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, bomb], capture_output=True, check=True)
    assert int(done.stdout) < 200_000  # kB


def test_a_file_over_the_size_limit_is_refused(tmp_path: Path):
    refused(plain(tmp_path / "a.mp4"), "GiB", max_bytes=1000)


def test_an_unknown_codec_is_refused(tmp_path: Path):
    path = plain(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1"))
    refused(path, "cannot decode.*xyz1")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{url}\n#EXT-X-ENDLIST\n",
    "hls of a file": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{file}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{file}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8"])
def test_a_playlist_reads_no_other_file_and_connects_nowhere(
    kind: str, suffix: str, tmp_path: Path
):
    canary = plain(tmp_path / "canary.mp4")
    os.utime(canary, (1, 1))  # reading it would renew its access time (relatime)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.mp4"
        path = tmp_path / f"list{suffix}"
        path.write_text(PLAYLISTS[kind].format(url=url, file=canary))
        refused(path, "not")
        with pytest.raises(TimeoutError):
            server.accept()
    assert canary.stat().st_atime == 1


def test_what_is_no_file_is_refused_without_opening_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("sock")
    refused(tmp_path / "pipe", "not a regular file")
    refused(tmp_path / "sock", "not a regular file")
    refused(tmp_path, "is a folder")
    refused(tmp_path / "gone", "link to a file that is gone")
    refused(tmp_path / "nothing.mp4", "does not exist")
    refused(Path("/dev/zero"), "not a regular file")


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = plain(tmp_path / "a.mp4")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    refused(path, "may not be read")


def test_a_decoder_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = plain(tmp_path / "a.mp4")
    slow = tmp_path / "bin" / "ffmpeg"
    slow.parent.mkdir()
    slow.write_text(
        "#!/bin/sh\ncase $* in *-version*) echo ffmpeg version 5.1;; *) sleep 60;; esac"
    )
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(media_clip.probe, "BASE_TIMEOUT_S", 0.2)
    refused(path, "took longer")
