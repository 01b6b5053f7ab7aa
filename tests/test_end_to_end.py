"""The command line on every sample, as a user runs it, against what the samples truly hold."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.documents import schema

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
TRUTH: dict[str, Any] = json.loads((SAMPLES / "truth.json").read_text("utf-8"))
NAMES = sorted(TRUTH)


# Whose sockets all raise: analysis never looks for the network.
ALONE = """
import socket, sys
def refuse(*a, **k):
    raise AssertionError("network")
socket.socket.connect = socket.getaddrinfo = refuse
from vemoclap.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@cache
def printed(folder: Path) -> dict[str, str]:
    """Analyse all samples in one process, and return what it prints of each."""
    home = folder / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name[:3] != "HF_"}
    command = [sys.executable, "-c", ALONE, "analyze", *(str(SAMPLES / name) for name in NAMES)]
    done = subprocess.run(
        [*command, "--out", str(folder), "--preset", "embedded"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**environment, "HOME": str(home), "COLUMNS": "200"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("preset: embedded\n")
    *parts, rest = re.split(r"^Written to .*\n", done.stdout, flags=re.MULTILINE)
    assert rest == ""
    return dict(zip(NAMES, parts, strict=True))


@cache
def analysed(name: str, folder: Path) -> dict[str, Any]:
    text = printed(folder)[name]
    path = folder / Path(name).stem / "analysis.json"
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {**document, "printed": text}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def result(name: str, folder: Path) -> dict[str, Any]:
    return analysed(name, folder)


@pytest.fixture
def truth(name: str) -> dict[str, Any]:
    found: dict[str, Any] = TRUTH[name]
    return found


def test_the_whole_video_is_read_and_the_files_are_there(result, truth, name, folder):
    document = {key: value for key, value in result.items() if key != "printed"}
    jsonschema.validate(document, schema())
    assert document["outcome"] == "ok"
    assert document["warnings"] == []
    assert document["media"]["duration_s"] == pytest.approx(truth["duration_s"], abs=0.1)
    assert (document["media"]["width"], document["media"]["height"]) == (
        truth["width"],
        truth["height"],
    )
    files = {path.name for path in (folder / Path(name).stem).iterdir()}
    assert files == {"analysis.json", "report.html", "frame.png", "frames.csv", "curves.csv"}


def test_faces_are_found_where_they_are_and_nowhere_else(result, truth):
    found = result["faces"]["found"]
    for time_s in result["frames"]["times_s"]:
        here = [face["box"] for face in found or () if face["time_s"] == time_s]
        box = true_face(truth, time_s)
        if box is not None:
            assert len(here) == 1, time_s
            assert overlap(list(here[0].values()), box) > 0.6
        elif not near_a_face(truth, time_s):
            assert here == [], time_s
    if not truth["faces"]:
        assert result["faces"]["status"]["state"] == "absent"


def true_face(truth: dict[str, Any], time_s: float) -> list[float] | None:
    for track in truth["faces"]:
        if track["start_s"] <= time_s < track["end_s"]:
            nearest = min(track["boxes"], key=lambda row: abs(row[0] - time_s))
            return list(nearest[1:])
    return None


def near_a_face(truth: dict[str, Any], time_s: float) -> bool:
    """Tell whether a face may be half there: pictures fade into each other over 0.6 s."""
    return any(t["start_s"] - 0.7 < time_s < t["end_s"] + 0.7 for t in truth["faces"])


def overlap(a: list[float], b: list[float]) -> float:
    """Return the intersection over the union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, width) * max(0.0, height)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_speech_is_heard_when_it_is_spoken(result, truth):
    if not truth["speech"]:
        assert result["speech"]["status"]["state"] == "absent"
        assert not result["speech"]["spans"]
        return
    assert result["speech"]["status"]["state"] == "ok"
    heard = marked(result["speech"]["spans"], truth["duration_s"])
    spoken = marked(truth["speech"], truth["duration_s"])
    wrong = sum(h != s for h, s in zip(heard, spoken, strict=True)) / 100
    assert wrong < 0.12 * truth["duration_s"]
    for sentence in truth["speech"]:
        inside = [
            span
            for span in result["speech"]["spans"]
            if span["start_s"] < sentence["end_s"] and span["end_s"] > sentence["start_s"]
        ]
        assert inside, sentence
        assert inside[0]["start_s"] == pytest.approx(sentence["start_s"], abs=0.3)
        assert inside[-1]["end_s"] == pytest.approx(sentence["end_s"], abs=0.3)


def marked(spans: list[dict[str, float]], duration_s: float) -> list[bool]:
    """Return for every hundredth of a second whether it lies in a span."""
    return [
        any(span["start_s"] <= k / 100 < span["end_s"] for span in spans)
        for k in range(round(duration_s * 100))
    ]


def test_the_words_are_those_of_the_subtitles(result, truth):
    transcript = result["speech"]["transcript"]
    if truth["subtitles"] is None:
        assert transcript is None
        assert result["speech"]["transcript_status"]["state"] == "absent"
        return
    assert [cue["text"] for cue in transcript["cues"]] == [c["text"] for c in truth["subtitles"]]
    for cue, true in zip(transcript["cues"], truth["subtitles"], strict=True):
        assert cue["start_s"] == pytest.approx(true["start_s"], abs=0.05)
    english = truth["subtitle_language"] == "eng"
    assert transcript["english"] is english
    assert (result["speech"]["sentiment"] is not None) is english


def test_the_text_on_screen_is_read(result, truth):
    lines = result["screen_text"]["lines"]
    times = result["frames"]["times_s"]
    read = {
        time_s: squeezed(" ".join(x["text"] for x in lines if x["time_s"] == time_s))
        for time_s in times
    }
    seen = 0
    for text in truth["texts"]:
        for time_s in times:
            if text["start_s"] <= time_s <= text["end_s"]:
                seen += 1
                assert squeezed(text["text"]) in read[time_s], time_s
    assert seen >= 3


def squeezed(text: str) -> str:
    """Return the letters of a text alone: OCR may lose a space, a case or a mark."""
    return "".join(c for c in text.casefold() if c.isalpha())


def test_cuts_are_found_within_a_step(result, truth):
    found = result["curves"]["cuts_s"]
    hits = [cut for cut in truth["cuts_s"] if any(abs(cut - time_s) <= 0.25 for time_s in found)]
    # Storm cuts from one dark picture to another, which thumbnails may not tell from motion.
    assert len(hits) >= 0.7 * len(truth["cuts_s"])
    assert len(found) <= len(hits) + 1


def test_the_emotion_is_an_estimate_and_says_so(result):
    emotion = result["emotion"]
    assert emotion["trained"] is False
    assert sum(emotion["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert "untrained" in result["printed"]


def test_the_happy_sample_is_not_the_sad_one(folder):
    happy = analysed("launch.mp4", folder)["emotion"]["probabilities"]
    sad = analysed("abschied.mp4", folder)["emotion"]["probabilities"]
    assert happy["joy"] > 1.5 * sad["joy"]
    assert sad["sadness"] > 1.5 * happy["sadness"]


def test_german_on_the_screen_is_kept_as_it_is_and_flagged(folder):
    parts = analysed("abschied.mp4", folder)["screen_text"]["parts"]
    german = [part for part in parts if part["language"] == "de"]
    assert german
    assert all(part["english"] is None for part in german)


def test_what_the_video_lacks_is_said_to_be_absent(folder):
    silent = analysed("silent.webm", folder)
    assert silent["media"]["audio_codec"] is None
    assert silent["media"]["sound"]["state"] == "absent"
    assert silent["speech"]["status"]["state"] == "absent"
    assert "no sound" in silent["printed"].lower()
    assert all(value is None for value in silent["curves"]["sound_energy"])


def test_nothing_is_kept_in_the_users_home(folder):
    printed(folder)
    assert not (folder / "home" / ".cache" / "Microsoft").exists()  # onnxruntime's telemetry
