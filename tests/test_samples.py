"""The sample clips: small, what truth.json says they are, and made by the script beside them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
TRUTH = json.loads((SAMPLES / "truth.json").read_text("utf-8"))
NAMES = sorted(TRUTH)
EDGE_S = 0.15  # between versions of espeak-ng, sentences differ in length
SHORT_SIDE = 360


def probe(path):
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def picture(path, at_s, width, height):
    command = ["ffmpeg", "-v", "error", "-nostdin", "-ss", str(at_s), "-i", str(path)]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3).astype(float)


def make(out, *options):
    command = [sys.executable, str(SAMPLES / "make.py"), "--out", str(out), *options]
    subprocess.run(command, check=True, timeout=120, capture_output=True)


def streams(path, kind):
    return [stream for stream in probe(path)["streams"] if stream["codec_type"] == kind]


def test_truth_covers_every_clip():
    clips = {path.name for path in SAMPLES.iterdir() if path.suffix in {".mp4", ".webm"}}
    assert clips == set(TRUTH)
    assert len(clips) == 4


def test_clips_are_small():
    sizes = [(SAMPLES / name).stat().st_size for name in NAMES]
    assert max(sizes) < 1.5e6
    assert sum(sizes) < 5e6


@pytest.mark.parametrize("name", NAMES)
def test_streams_are_as_truth_says(name):
    path, truth = SAMPLES / name, TRUTH[name]
    (video,) = streams(path, "video")
    assert (video["width"], video["height"]) == (truth["width"], truth["height"])
    assert video["avg_frame_rate"] == f"{truth['rate_fps']}/1"
    length = float(probe(path)["format"]["duration"])
    assert length == pytest.approx(truth["duration_s"], abs=0.1)
    assert bool(streams(path, "audio")) == truth["has_audio"]
    subtitles = streams(path, "subtitle")
    language = subtitles[0]["tags"]["language"] if subtitles else None
    assert language == truth["subtitle_language"]


@pytest.mark.parametrize("name", [name for name in NAMES if TRUTH[name]["subtitles"]])
def test_subtitles_hold_the_spoken_words(name):
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(SAMPLES / name),
        "-map",
        "0:s:0",
        "-f",
        "srt",
        "-",
    ]
    text = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()
    blocks = [block.split("\n") for block in text.replace("\r", "").strip().split("\n\n")]
    assert [" ".join(block[2:]) for block in blocks] == [
        cue["text"] for cue in TRUTH[name]["subtitles"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_truth_lies_within_the_clip(name):
    truth = TRUTH[name]
    spans = [*truth["speech"], *truth["texts"], *truth["faces"]]
    assert all(0 <= span["start_s"] < span["end_s"] <= truth["duration_s"] for span in spans)
    assert all(0 < cut < truth["duration_s"] for cut in truth["cuts_s"])
    scale = SHORT_SIDE / min(truth["width"], truth["height"])
    for face in truth["faces"]:
        for at, left, top, right, bottom in face["boxes"]:
            assert face["start_s"] <= at <= face["end_s"]
            assert 0 <= left < right <= truth["width"] * scale
            assert 0 <= top < bottom <= truth["height"] * scale


def test_together_they_show_and_lack_everything():
    assert sum(bool(truth["faces"]) for truth in TRUTH.values()) == 2
    assert sum(not truth["has_audio"] for truth in TRUTH.values()) == 1
    assert sum(truth["has_audio"] and not truth["speech"] for truth in TRUTH.values()) == 1
    languages = {text["language"] for truth in TRUTH.values() for text in truth["texts"]}
    assert languages == {"de", "en"}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_jump_at_the_cuts(name):
    truth = TRUTH[name]
    frame_s = 1 / truth["rate_fps"]
    for cut in truth["cuts_s"]:
        before, after = (
            picture(SAMPLES / name, at, truth["width"], truth["height"])
            for at in (cut - 1.5 * frame_s, cut + 0.5 * frame_s)
        )
        assert np.abs(before - after).mean() > 8, cut  # neighbours within a shot: below 5


def test_script_says_what_truth_says(tmp_path):
    make(tmp_path, "--truth")
    made = json.loads((tmp_path / "truth.json").read_text("utf-8"))
    assert set(made) == set(TRUTH)
    for name, truth in TRUTH.items():
        for key in truth:
            if key not in {"speech", "subtitles"}:
                assert made[name][key] == truth[key], (name, key)
        for ours, theirs in zip(made[name]["speech"], truth["speech"], strict=True):
            assert ours["start_s"] == theirs["start_s"]
            assert ours["end_s"] == pytest.approx(theirs["end_s"], abs=EDGE_S)


def test_script_makes_the_committed_clip(tmp_path):
    make(tmp_path, "--only", "launch", "--seconds", "1.2")
    made, truth = tmp_path / "launch.mp4", TRUTH["launch.mp4"]
    assert float(probe(made)["format"]["duration"]) == pytest.approx(1.2, abs=0.1)
    assert len(streams(made, "audio")) == 1
    ours, theirs = (
        picture(path, 1.0, truth["width"], truth["height"])
        for path in (made, SAMPLES / "launch.mp4")
    )
    assert np.abs(ours - theirs).mean() < 3  # of 255: what two encodings may differ
