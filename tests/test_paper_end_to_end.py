"""The presets paper and fast, whole, as a user runs them: miniature models, no network."""

import html
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.documents import schema
from tests.hub.pictures import LABELS
from tests.hub.sound import TAGS
from tests.hub.speech import LANGUAGE, SENTENCES
from tests.hub.texts import SENTIMENTS
from vemoclap.cli import main
from vemoclap.engines import roles
from vemoclap.records import EMOTIONS
from vemoclap.report.wording import clean
from vemoclap.weights import cache
from vemoclap.weights.catalog import ARTEFACTS

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
TRUTH: dict[str, Any] = json.loads((SAMPLES / "truth.json").read_text("utf-8"))
NAMES = sorted(TRUTH)
SAID = {text for text, _, _ in SENTENCES}
OF_PRESETS = {name: row for name, row in ARTEFACTS.items() if row.engine != "mer"}
FEATURES = ("asr_sentiment", "beats", "clip", "face_emotion", "ocr_sentiment")

# Python imports this when it starts, and so do its children: whoever looks for the network is
# refused and written down.
WATCH = """
import os, socket

log = open(os.environ["WATCH_LOG"], "a", buffering=1)
log.write("watching\\n")

def refuse(*args, **kwargs):
    log.write(f"network: {args}\\n")
    raise OSError("there is no network in this test")

socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
"""


@dataclass(frozen=True)
class Offline:
    """Where commands run that may use no network and write to their home and results only."""

    folder: Path
    home: Path  # $VEMOCLAP_HOME

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        watch, user, log = (self.folder / name for name in ("watch", "user", "log"))
        for folder in (watch, user):
            folder.mkdir(exist_ok=True)
        (watch / "sitecustomize.py").write_text(WATCH)
        path = os.pathsep.join([str(watch), str(SAMPLES.parent)])
        environment = {name: value for name, value in os.environ.items() if name[:3] != "HF_"}
        environment |= {"PYTHONPATH": path, "HOME": str(user), "WATCH_LOG": str(log)}
        environment |= {"VEMOCLAP_HOME": str(self.home), "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, "-m", "vemoclap", *arguments],
            cwd=user,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        lines = log.read_text().splitlines()
        assert "watching" in lines
        assert set(lines) == {"watching"}
        assert list(user.rglob("*")) == []
        return done

    def analyses(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """Return what is found in each video, with what was printed and the page that shows it."""
        done = self.run("analyze", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        found = {}
        for path in (self.folder / "results").rglob("analysis.json"):
            document = json.loads(path.read_text("utf-8"))
            jsonschema.validate(document, schema())
            page = (path.parent / "report.html").read_text("utf-8")
            found[Path(document["media"]["path"]).name] = {
                "json": document,
                "page": html.unescape(page),
                "printed": done.stdout,
                "files": {file.name for file in path.parent.iterdir()},
            }
        return found


def offline(folder: Path, hub_home: Path, *, without: tuple[str, ...] = ()) -> Offline:
    """Return a place to run commands in, with all miniatures but those of some artefacts."""
    home = folder / "home"
    for path in (hub_home / "weights").rglob("*"):
        name = path.relative_to(hub_home / "weights").parts[0]
        if path.is_file() and path.suffix != ".busy" and name not in without:
            link = home / path.relative_to(hub_home)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return Offline(folder, home)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory, hub_home: Path) -> dict[str, dict[str, Any]]:
    """All samples in one command, the models loaded once."""
    place = offline(tmp_path_factory.mktemp("paper"), hub_home)
    paths = [str(SAMPLES / name) for name in NAMES]
    results = str(place.folder / "results")
    found = place.analyses(*paths, "--preset", "paper", "--out", results)
    assert sorted(found) == NAMES
    return found


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory, hub_home: Path) -> dict[str, Any]:
    """One sample, without what only the other preset needs."""
    folder = tmp_path_factory.mktemp("fast")
    place = offline(folder, hub_home, without=("whisper-large-v3",))
    arguments = [str(SAMPLES / "launch.mp4"), "--preset", "fast"]
    return place.analyses(*arguments, "--out", str(folder / "results"))["launch.mp4"]


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.slow) for name in [*NAMES, "launch.mp4 fast"]]
)
def result(request: pytest.FixtureRequest) -> dict[str, Any]:
    name, _, preset = request.param.partition(" ")
    whole = request.getfixturevalue(preset or "paper")
    return {**(whole if preset else whole[name]), "name": name, "truth": TRUTH[name]}


# -- every section of the paper's output ------------------------------------------------------


def test_all_files_are_there_and_the_whole_video_was_read(result):
    document = result["json"]
    assert {"analysis.json", "report.html", "frame.png", "curves.csv"} <= result["files"]
    assert document["outcome"] == "ok"
    assert result["printed"].startswith(f"preset: {document['preset']}\n")
    failed = [text for text in json.dumps(document).split('"') if text == "failed"]
    assert failed == []


def test_every_engine_of_the_preset_was_used_and_its_revision_is_told(result):
    document = result["json"]
    preset = roles.PRESETS[document["preset"]]
    engines = {use["role"]: use["engine"] for use in document["engines"]}
    assert engines == {role: roles.engine_of(preset, role) for role in roles.ROLES}
    for use in document["engines"]:
        for place in use["weights"]:
            assert place.endswith(" at miniature")
            assert place in result["page"]
        assert clean(use["detail"]) in result["page"]


def test_what_differs_from_the_classifiers_training_is_a_warning(result):
    warnings = result["json"]["warnings"]
    differing = [
        role for role in ("transcribe", "ocr") if any(f" for {role}" in w for w in warnings)
    ]
    assert differing == (["ocr"] if result["json"]["preset"] == "paper" else ["transcribe", "ocr"])
    assert len(warnings) == len(differing)
    assert all(warning in result["page"] for warning in warnings)


def test_speech_has_words_language_and_sentiment(result):
    speech = result["json"]["speech"]
    if not result["truth"]["speech"]:
        assert speech["transcript"] is None
        assert speech["sentiment"] is None
        assert speech["transcript_status"]["state"] == "absent"
        return
    words = speech["transcript"]
    assert words["language"] == LANGUAGE
    assert words["english"]
    assert {cue["text"] for cue in words["cues"]} == SAID
    assert words["text"] == " ".join(text for text, _, _ in SENTENCES)
    assert "Whisper large-v3" in words["source"]
    judged(speech["sentiment"])
    page = result["page"]
    assert all(text in page for text in SAID)
    assert "French (fr)" in page
    assert words["source"] in page
    assert told(speech["sentiment"]) in page


def test_text_on_the_screen_is_put_into_english_and_judged(result):
    screen = result["json"]["screen_text"]
    assert screen["status"]["state"] == "ok"
    assert all(part["english"] is not None for part in screen["parts"])
    texts = dict.fromkeys(part["english"] for part in screen["parts"] if part["english"])
    assert screen["text"] == ". ".join(texts)
    judged(screen["sentiment"])
    for part in screen["parts"]:
        assert clean(part["original"]) in result["page"]
        assert clean(part["english"]) in result["page"]
    known = [part for part in screen["parts"] if part["language"]]
    assert all(part["language_probability"] > 0.9 for part in known)
    assert told(screen["sentiment"]) in result["page"]


@pytest.mark.slow
def test_texts_came_into_english_both_ways(paper):
    """Or translator and corrector would not have been used at all."""
    for name in NAMES:
        parts = paper[name]["json"]["screen_text"]["parts"]
        ways = {part["language"] is not None and part["language"] != "en" for part in parts}
        assert ways == {True, False}, name


def judged(sentiment: dict[str, Any]) -> None:
    assert sentiment["label"] in SENTIMENTS
    assert 1 / 3 <= sentiment["score"] <= 1
    assert -1 <= sentiment["valence"] <= 1


def told(sentiment: dict[str, Any]) -> str:
    """Return what a page says: the label, its probability and the balance."""
    return (
        f"Sentiment: <b>{sentiment['label']}</b>, {100 * sentiment['score']:.0f} % "
        f"({sentiment['valence']:+.2f} of -1 to 1)."
    )


def test_five_sounds_are_named(result):
    sound = result["json"]["sound"]
    if result["name"] == "silent.webm":
        assert sound["tags"] is None
        assert sound["status"]["state"] == "absent"
        return
    names = [tag["name"] for tag in sound["tags"]]
    likely = [tag["probability"] for tag in sound["tags"]]
    assert len(set(names)) == 5
    assert set(names) <= set(TAGS.values())
    assert likely == sorted(likely, reverse=True)
    assert all(0 < probability < 1 for probability in likely)
    assert sound["starts_s"][:2] == [0, 1.5]
    section = result["page"].partition('id="h-sound"')[2].partition("</section>")[0]
    assert all(f"<dt>{name}</dt>" in section for name in names)


def test_each_face_has_an_expression(result):
    faces = result["json"]["faces"]
    assert (faces["status"]["state"], faces["expression_status"]["state"]) == ("ok", "ok")
    assert len(faces["found"]) == 4 * 16  # the detector sees one in each corner
    for face in faces["found"]:
        assert face["expression"] in LABELS
        assert 1 / len(LABELS) <= face["expression_probability"] <= 1
    section = result["page"].partition('id="h-faces"')[2].partition("</section>")[0]
    assert {face["expression"] for face in faces["found"]} == {
        label for label in LABELS if f"{label} in " in section
    }


def test_the_sample_frame_has_a_caption(result):
    document = result["json"]
    caption = document["caption"]
    assert caption["status"]["state"] == "ok"
    assert caption["frame"] == document["frames"]["sample"]
    assert caption["text"]
    assert clean(caption["text"]) in result["page"]


def test_six_probabilities_come_from_the_trained_classifier(result):
    emotion = result["json"]["emotion"]
    assert tuple(emotion["probabilities"]) == EMOTIONS
    assert sum(emotion["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert emotion["method"] == "cross-attention"
    assert emotion["trained"]
    section = result["page"].partition('id="h-emotion"')[2].partition("</section>")[0]
    assert all(f"<dt>{name}</dt>" in section for name in EMOTIONS)
    assert "untrained" not in result["page"]


def test_the_features_are_those_that_the_classifier_was_trained_on(result):
    features = {feature["name"]: feature for feature in result["json"]["features"]}
    assert features["clip"]["shape"] == [16, 512]
    assert features["clip"]["space"] == "clip/vit-b32/openai"
    assert features["face_emotion"]["shape"] == [16, 768]
    assert features["ocr_sentiment"]["shape"] == [1, 768]
    spoken = bool(result["truth"]["speech"])
    assert features["asr_sentiment"]["shape"] == ([1, 768] if spoken else None)
    starts = result["json"]["sound"]["starts_s"]
    assert features["beats"]["shape"] == ([len(starts), 768] if starts else None)


def test_the_evidence_says_why(result):
    document = result["json"]
    evidence = document["emotion"]["evidence"]
    assert set(evidence["moved"]) == set(FEATURES)
    for name, changes in evidence["moved"].items():
        assert tuple(changes) == EMOTIONS
        assert sum(changes.values()) == pytest.approx(0, abs=1e-4)
        shape = next(f["shape"] for f in document["features"] if f["name"] == name)
        assert any(changes.values()) == (shape is not None)  # what is absent moves nothing
    assert len(evidence["frame_weights"]) == 16
    assert sum(evidence["frame_weights"]) == pytest.approx(1, abs=1e-4)
    starts = document["sound"]["starts_s"]
    if starts:
        assert len(evidence["window_weights"]) == len(starts)
        assert sum(evidence["window_weights"]) == pytest.approx(1, abs=1e-4)
    else:
        assert evidence["window_weights"] is None
    assert evidence["sentence"] in result["page"]
    assert " ".join(evidence["sentence"].split()) in " ".join(result["printed"].split())


# -- the same again ---------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_video_gives_the_same_json_but_for_times(
    paper, tmp_path_factory: pytest.TempPathFactory, hub_home: Path
):
    """Alone in another process, and with nothing but what this preset needs."""
    folder = tmp_path_factory.mktemp("again")
    place = offline(folder, hub_home, without=("faster-whisper-large-v3",))
    arguments = [str(SAMPLES / "launch.mp4"), "--preset", "paper"]
    again = place.analyses(*arguments, "--out", str(folder / "results"))["launch.mp4"]
    assert timeless(again["json"]) == timeless(paper["launch.mp4"]["json"])


@pytest.mark.slow
def test_both_presets_differ_in_the_transcriber_alone(paper, fast):
    one, other = timeless(paper["launch.mp4"]["json"]), timeless(fast["json"])
    assert (one.pop("preset"), other.pop("preset")) == ("paper", "fast")
    for document in (one, other):
        document["speech"]["transcript"].pop("source")
        document["warnings"] = [w for w in document["warnings"] if "for transcribe" not in w]
        document["engines"] = [u for u in document["engines"] if u["role"] != "transcribe"]
    assert one == other


def timeless(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a document without how long its stages took."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    copy["stages"] = [stage["stage"] for stage in copy["stages"]]
    return copy


# -- which preset -----------------------------------------------------------------------------


def chosen(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the preset that the command line says it uses, before it meets a missing video."""
    assert main.main(["analyze", "no-such-video.mp4", *arguments]) == 2
    told = capsys.readouterr()
    assert "no-such-video.mp4" in told.err
    return told.out.removeprefix("preset: ").strip()


@pytest.mark.usefixtures("own_home")
def test_auto_takes_the_best_preset_when_all_is_here(capsys):
    assert chosen(capsys) == chosen(capsys, "--preset", "auto") == "paper"


@pytest.mark.parametrize("name", OF_PRESETS)
def test_auto_takes_the_best_preset_that_lacks_nothing(name: str, own_home: Path, capsys):
    file = sorted((own_home / "weights" / name).iterdir())[-1]
    file.unlink()
    only = {"whisper-large-v3": "fast", "faster-whisper-large-v3": "paper"}
    assert chosen(capsys) == only.get(name, "embedded")
    shutil.rmtree(own_home / "weights" / name)
    assert chosen(capsys, "--preset", "auto") == only.get(name, "embedded")


@pytest.mark.parametrize("name", OF_PRESETS)
def test_a_preset_that_lacks_one_artefact_names_it(name: str, own_home: Path, capsys):
    shutil.rmtree(own_home / "weights" / name)
    preset = "fast" if name == "faster-whisper-large-v3" else "paper"
    assert main.main(["analyze", "no-such-video.mp4", "--preset", preset]) == 2
    told = capsys.readouterr()
    assert f"it lacks {name} ({ARTEFACTS[name].size_mb} MB); run" in told.err
    assert f"`vemoclap models download {preset}`" in told.err
    assert told.out == ""


@pytest.mark.parametrize(("preset", "unused"), [("paper", "faster-whisper"), ("fast", "whisper")])
def test_with_an_empty_home_all_that_lacks_is_named_at_once(preset, unused, tmp_path: Path):
    place = Offline(tmp_path, tmp_path / "empty")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = place.run("analyze", str(SAMPLES / "launch.mp4"), "--preset", preset)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Its own time and not the clock's, since other tests may run beside it.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for row in OF_PRESETS.values():
        assert (f" {row.name} ({row.size_mb} MB)" in done.stderr) == (row.engine != unused)
    total = sum(row.size_mb for row in OF_PRESETS.values() if row.engine != unused)
    assert f"`vemoclap models download {preset}` ({total / 1000:.1f} GB in all)" in done.stderr
    assert not (tmp_path / "empty").exists()


def test_auto_with_an_empty_home_is_embedded(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path))
    assert cache.missing("clip")
    assert chosen(capsys) == "embedded"
