"""Samples, paths, uploads and links become files; whatever else is named is refused plainly."""

import json
import os
import stat
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analyses import full_analysis
from vemoclap import analyser
from vemoclap.cli import main
from vemoclap.errors import SourceError
from vemoclap.media import sources
from vemoclap.media.clip import Limits
from vemoclap.media.sources import Kind


def refusal(function, *arguments, **named) -> str:
    with pytest.raises(SourceError) as caught:
        function(*arguments, **named)
    message = str(caught.value)
    assert message.endswith(".")
    assert message.isprintable()
    return message


# -- which kind -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sample:launch", Kind.SAMPLE),
        (" Sample:launch", Kind.SAMPLE),
        ("https://www.youtube.com/watch?v=aqz-KE-bpKQ", Kind.YOUTUBE),
        ("  youtu.be/aqz-KE-bpKQ", Kind.YOUTUBE),
        ("YouTube.com/shorts/aqz-KE-bpKQ", Kind.YOUTUBE),
        ("m.youtube.com", Kind.YOUTUBE),
        ("https://example.org/video.mp4", Kind.YOUTUBE),  # a link, and refused as one
        ("file:///etc/passwd", Kind.YOUTUBE),
        ("clip.mp4", Kind.PATH),
        ("~/clip.mp4", Kind.PATH),
        ("/videos/youtube.com.mp4", Kind.PATH),
        ("youtube.com.mp4", Kind.PATH),
        ("launch", Kind.PATH),
        ("C:\\clip.mp4", Kind.PATH),
        ("", Kind.PATH),
    ],
)
def test_what_a_text_names(text, kind):
    assert sources.kind_of(text) is kind


def test_find_takes_each_kind_its_way(tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").write_bytes(b"film")
    asked = []

    def fetch(link, folder, **named):
        asked.append((link, folder, named))
        return folder / "aqz-KE-bpKQ.mp4"

    monkeypatch.setattr(sources.youtube, "fetch", fetch)
    limits = Limits(max_bytes=7)
    link = "https://youtu.be/aqz-KE-bpKQ"
    found = sources.find(link, tmp_path, limits=limits, progress=print)
    assert found == sources.Source(
        Kind.YOUTUBE, tmp_path / "aqz-KE-bpKQ.mp4", "YouTube aqz-KE-bpKQ"
    )
    assert asked == [(link, tmp_path, {"limits": limits, "progress": print})]
    assert sources.find("sample:storm", tmp_path).kind is Kind.SAMPLE
    assert sources.find(str(tmp_path / "clip.mp4"), tmp_path).kind is Kind.PATH
    assert len(asked) == 1


# -- samples ----------------------------------------------------------------------------------


def test_every_sample_is_found_with_what_is_known_of_it():
    found = sources.samples()
    assert [one.name for one in found] == ["launch", "storm", "abschied", "silent"]
    for one in found:
        assert one.path.is_absolute()
        assert one.path.is_file()
        assert one.duration_s > 1
        assert one.shows
        assert sources.sample(one.name).path == one.path
        assert sources.sample(f" {one.path.name.upper()} ").path == one.path
    assert found[0].emotion == "joy"
    assert (found[3].width, found[3].height) == (360, 640)


def test_an_unknown_sample_is_answered_with_those_that_exist():
    message = refusal(sources.sample, "lunch\x1b[31m")
    assert message == (
        "There is no sample 'lunch\\x1b[31m'; choose launch, storm, abschied, silent."
    )


def test_an_installation_without_samples_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SAMPLES", tmp_path / "samples")
    assert "without the sample videos" in refusal(sources.samples)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "truth.json").write_text('{"launch.mp4": {"shows": "x"}}')
    assert "without the sample videos" in refusal(sources.sample, "launch")


@pytest.mark.parametrize("truth", ["{", "[]", '{"a.mp4": 3}', '{"a.mp4": {"shows": "x"}}'])
def test_a_damaged_list_of_samples_is_refused(truth, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SAMPLES", tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "truth.json").write_text(truth)
    assert "truth.json cannot be used" in refusal(sources.samples)


# -- paths ------------------------------------------------------------------------------------


def test_a_path_may_be_relative_quoted_or_in_the_home(tmp_path, monkeypatch):
    (tmp_path / "my clip.mp4").write_bytes(b"film")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("my clip.mp4", " 'my clip.mp4'\n", '"~/my clip.mp4"', f"{tmp_path}/my clip.mp4"):
        found = sources.from_path(text)
        assert found == sources.Source(Kind.PATH, tmp_path / "my clip.mp4", "my clip.mp4")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no path yet"),
        (" \n", "no path yet"),
        ("''", "no path yet"),
        ("gone.mp4", "There is no file 'gone.mp4'"),
        ("folder", "'folder' is a folder"),
        ("link", "There is no file 'link'"),
        ("pipe", "'pipe' is not a regular file"),
        ("/dev/null", "'/dev/null' is not a regular file"),
        ("a\0b", "'a\\x00b' cannot be reached"),
        ("x" * 5000, "cannot be reached (File name too long)"),
        ("~nobody-of-that-name/a.mp4", "cannot be reached"),
        ("loop", "'loop' cannot be reached"),
        ("javascript:alert(1)", "There is no file"),
        ("a\x1b[2J\n.mp4", "There is no file 'a\\x1b[2J\\n.mp4'"),
    ],
)
def test_what_is_no_file_is_refused_in_one_sentence(text, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    message = refusal(sources.from_path, text)
    assert complaint in message
    assert len(message) < 250


# -- uploads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [bytes, memoryview])
def test_an_upload_becomes_a_private_file(wrap, tmp_path):
    folder = tmp_path / "visitors" / "one"
    found = sources.from_upload(wrap(b"film"), "Holiday 2024.MOV", folder)
    assert found == sources.Source(Kind.UPLOAD, folder / "Holiday 2024.MOV", "Holiday 2024.MOV")
    assert found.path.read_bytes() == b"film"
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_uploads_of_one_name_do_not_replace_each_other(tmp_path):
    outside = tmp_path / "outside"
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.mp4").symlink_to(outside)  # nor are they written through a link
    names = [sources.from_upload(b"film", "a.mp4", folder).path.name for _ in range(3)]
    assert names == ["a-2.mp4", "a-3.mp4", "a-4.mp4"]
    assert not outside.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\Windows\\clip.avi", "clip.avi"),
        ("C:\\fakepath\\clip.avi", "clip.avi"),
        ("/etc/cron.d/", "video"),
        ("..", "video"),
        (".bashrc", "bashrc"),
        ("~", "video"),
        ("-rf.mp4", "rf.mp4"),
        ("", "video"),
        ("a\0b\n\x1b[31mc.mp4", "ab[31mc.mp4"),
        ("clip\u202e4pm.exe", "clip4pm.exe"),
        ("  two   spaces .mp4 ", "two spaces.mp4"),
        ("Über uns – ça.mkv", "Über uns – ça.mkv"),
        ("U\u0308ber.mkv", "Über.mkv"),
        ("no extension", "no extension"),
        ("a.tar.whatever it is", "a.tar.whatever it is"),
        (".mp4", "mp4"),
        ("x" * 500 + ".mp4", "x" * 96 + ".mp4"),
        ("é" * 500 + ".mp4", "é" * 48 + ".mp4"),
        ("<img src=x onerror=alert(1)>.mp4", "<img src=x onerror=alert(1)>.mp4"),  # never markup
    ],
)
def test_names_of_uploads_are_cleaned(name, safe):
    assert sources.safe_name(name) == safe


@given(st.text(st.characters(), max_size=300))
def test_any_name_becomes_a_visible_name_in_the_folder(name):
    safe = sources.safe_name(name)
    assert Path(safe).name == safe
    assert safe[0] not in ".-~ "
    assert len(safe.encode()) <= sources.LONGEST_NAME
    assert not any(unicodedata.category(c).startswith("C") for c in safe)
    assert sources.safe_name(safe) == safe


def test_uploads_are_limited(tmp_path):
    limits = Limits(max_bytes=2000)
    assert sources.from_upload(bytes(2000), "a.mp4", tmp_path, limits=limits).path.is_file()
    message = refusal(sources.from_upload, bytes(2001), "b.mp4", tmp_path, limits=limits)
    assert message.startswith("b.mp4 has 2 kB and the limit is 2 kB")
    assert "is empty" in refusal(sources.from_upload, b"", "c.mp4", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_disk_that_cannot_hold_an_upload_is_a_plain_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    assert "could not be stored" in refusal(
        sources.from_upload, b"film", "a.mp4", tmp_path / "file"
    )
    full = OSError(28, "No space left on device")

    class Full:
        def __init__(self, handle, mode):
            os.close(handle)

        def __enter__(self):
            raise full

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "fdopen", Full)
    assert "No space left" in refusal(sources.from_upload, b"film", "a.mp4", tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


# -- the command line -------------------------------------------------------------------------


@pytest.fixture
def analysed(tmp_path, monkeypatch) -> list[Path]:
    paths: list[Path] = []

    def analyze(self, path, *, frame_count, progress=None):
        paths.append(path)
        return full_analysis(path=path)

    monkeypatch.setattr(analyser.Analyser, "analyze", analyze)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path / "home"))
    return paths


def run(*arguments: str) -> int:
    return main.main(["analyze", "--preset", "embedded", "--json", *arguments])


def test_the_command_takes_a_sample_by_name(analysed, capsys):
    assert run("sample:silent") == 0
    assert analysed == [sources.SAMPLES / "silent.webm"]
    assert json.loads(capsys.readouterr().out)["media"]["path"].endswith("samples/silent.webm")


def test_the_command_takes_a_link_and_hands_its_limits_on(analysed, tmp_path, monkeypatch):
    asked = []

    def fetch(link, folder, *, limits, progress):
        asked.append((link, folder, limits.max_duration_s, limits.max_bytes))
        return folder / "aqz-KE-bpKQ.mp4"

    monkeypatch.setattr(sources.youtube, "fetch", fetch)
    assert run("youtu.be/aqz-KE-bpKQ", "--max-hours", "1", "--max-gib", "0.5") == 0
    home = tmp_path / "home" / "youtube"
    assert asked == [("youtu.be/aqz-KE-bpKQ", home, 3600, 2**29)]
    assert analysed == [home / "aqz-KE-bpKQ.mp4"]


def test_what_leads_nowhere_is_bad_input_and_does_not_stop_the_rest(analysed, capsys):
    assert run("https://example.org/a.mp4") == 2
    assert run("sample:lunch") == 2
    assert run("sample:lunch", "sample:storm") == 1
    assert [path.name for path in analysed] == ["storm.mp4"]
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("https://example.org/a.mp4 is not the link of a YouTube video")
    assert [line[:24] for line in errors[1:]] == ["There is no sample 'lunc"] * 2
