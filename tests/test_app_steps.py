"""The steps as widgets: what they show, in which order they unfold, what is said when not."""

import base64
import io
import itertools
import json
import threading
import time
import zipfile

import pytest

from tests.analyses import full_analysis, hostile_payloads, named
from tests.app_widgets import Elements, all_of, button, seen
from tests.test_app_session import FakeAnalyser
from vemoclap import analyser
from vemoclap.app import private_folder as folder
from vemoclap.app import results, theme
from vemoclap.app.analyse_step import AnalyseStep
from vemoclap.app.build_step import BuildStep
from vemoclap.app.environment import NOTEBOOK_MESSAGE_BYTES, Place, here
from vemoclap.app.session import Session
from vemoclap.app.source_step import SourceStep
from vemoclap.app.video_step import VideoStep
from vemoclap.errors import SourceError, WeightsError
from vemoclap.media import sources, youtube
from vemoclap.media.sources import Kind
from vemoclap.report.wording import clean
from vemoclap.weights import cache, download

LINK = "https://www.youtube.com/watch?v=aqz-KE-bpKQ"


class App:
    """All steps over one session, as a page or a notebook has them."""

    def __init__(self, private, where=Place.PAGE):
        self.session = Session(private)
        self.steps = {
            2: BuildStep(self.session),
            3: SourceStep(self.session, where),
            4: VideoStep(self.session, where),
            5: AnalyseStep(self.session, where),
        }

    def says(self, number):
        return seen(self.steps[number].view)

    def click(self, number, description):
        button(self.steps[number].view, description).click()

    def choose(self, number, value):
        """Click on one of a row of buttons."""
        (row,) = [
            w
            for w in all_of(self.steps[number].view)
            if type(w).__name__ == "ToggleButtons" and value in w._options_values
        ]
        row.value = value

    def build(self):
        self.choose(2, "embedded")
        self.click(2, "Build models")

    def field(self, placeholder):
        (found,) = [
            w
            for w in all_of(self.steps[4].view)
            if placeholder in str(getattr(w, "placeholder", ""))
        ]
        return found


@pytest.fixture
def app(monkeypatch, tmp_path):
    monkeypatch.setattr(analyser, "Analyser", FakeAnalyser)
    monkeypatch.setattr(folder, "root", lambda: tmp_path / "visitors")
    monkeypatch.chdir(tmp_path)
    private = tmp_path / "visitors" / "visitor-one"
    private.mkdir(parents=True)
    return App(private)


def test_steps_unfold_as_they_become_possible(app):
    for number in (3, 4, 5):
        assert app.says(number).endswith("Step 2 comes first: build the models.")
    app.build()
    assert "The models of the preset embedded are ready." in app.says(2)
    assert "comes first" not in app.says(3)
    assert "Step 3 comes first" in app.says(4)
    app.choose(3, "sample")
    assert "Step 4 comes first" in app.says(5)
    assert "How many frames to look at" in app.says(4)
    app.choose(4, "storm")
    assert "Chosen: storm" in app.says(4)
    assert "thunderstorm" in app.says(4)
    assert "Ready to analyse storm , 16 frames, preset embedded." in app.says(5)
    app.click(5, "Analyse")
    assert "Done. For the next video, go back to step 3 or 4." in app.says(5)
    assert "Results of storm.mp4" in app.says(5)


@pytest.mark.usefixtures("app")
def test_every_order_of_cells_and_a_rerun_of_each_says_what_is_missing(monkeypatch, tmp_path):
    one_file = [results.File("launch.html", "Report (HTML)", "text/html", b"<p>report</p>")]
    monkeypatch.setattr(results, "files", lambda *_: one_file)
    for number, order in enumerate(itertools.permutations((2, 3, 4, 5))):
        private = tmp_path / "visitors" / f"visitor-{number}"
        private.mkdir()
        one = App(private, Place.NOTEBOOK)
        for step in (*order, *order):
            one.steps[step].run(**({"preset": "embedded"} if step == 2 else {}))
            assert "itself failed" not in one.says(step)
            assert "Traceback" not in one.says(step)
        for step in (3, 4, 5):
            one.steps[step].run()
        assert "Results of launch.mp4" in one.says(5)


def test_a_rerun_of_the_last_step_shows_what_is_there(app, monkeypatch):
    app.steps[2].run("embedded")
    app.steps[3].run()
    app.steps[4].run()
    app.steps[5].run()
    monkeypatch.setattr(FakeAnalyser, "analyze", None)  # which would fail
    app.steps[2].run("auto")
    app.steps[5].run()
    assert "Done." in app.says(5)
    assert app.session.preset == "embedded"
    app.click(5, "Analyse again")
    assert "vemoclap itself failed (TypeError" in app.says(5)


def test_while_something_is_at_work_another_click_says_so(app):
    app.build()
    app.choose(3, "sample")
    app.choose(4, "launch")
    app.session.work._lock.acquire()
    try:
        app.click(5, "Analyse")
        assert "Something is at work already" in app.says(5)
        app.steps[4]._take_sample("storm")
        assert "Something is at work already" in app.says(4)
    finally:
        app.session.work._lock.release()
    assert app.session.analysis is None


def test_the_progress_of_an_analysis_is_seen_stage_by_stage(app, monkeypatch):
    shots = []

    def analyze(self, path, *, frame_count, progress):
        for stage in analyser.STAGES:
            progress(stage, 0, 1)
            shots.append(app.says(5))
        return full_analysis(path=path)

    monkeypatch.setattr(FakeAnalyser, "analyze", analyze)
    for step in (2, 3, 4, 5):
        app.steps[step].run(**({"preset": "embedded"} if step == 2 else {}))
    assert len(set(shots)) == len(analyser.STAGES)
    for stage, shot in zip(analyser.STAGES, shots, strict=True):
        assert f"Working on: {stage}" in shot
    assert shots[0].count("✓") == 0
    assert shots[-1].count("✓") == len(analyser.STAGES) - 1


# -- models -----------------------------------------------------------------------------------


def test_downloads_are_seen_and_after_a_failure_embedded_is_offered(app, monkeypatch):
    shots = []
    error = WeightsError("huggingface.co cannot be reached; check the network.")

    def fetch_all(names, progress_of):
        progress_of("clip")("downloading model.safetensors", 250_000_000, 605_000_000)
        shots.append(app.says(2))
        progress_of("clip")("failed", 0, 605_000_000)
        return {"clip": error}

    monkeypatch.setattr(cache, "missing", lambda name: ("x",) if name == "clip" else ())
    monkeypatch.setattr(download, "fetch_all", fetch_all)
    app.choose(2, "paper")
    assert "605 MB still to download" in app.says(2)
    app.click(2, "Build models")
    assert "250 MB of 605 MB, downloading" in shots[0]
    assert str(error) in app.says(2)
    assert "The embedded preset needs no downloads" in app.says(2)
    assert app.says(3).endswith("Step 2 comes first: build the models.")
    app.click(2, "Use embedded")
    assert "The models of the preset embedded are ready." in app.says(2)
    assert str(error) not in app.says(2)


def test_what_went_wrong_is_forgotten_with_what_it_was_about(app, tmp_path):
    app.build()
    app.choose(3, "path")
    app.field("folder").value = "/no/such/video.mp4"
    assert "There is no file" in app.says(4)
    app.choose(3, "upload")
    assert "There is no file" not in app.says(4)


def test_a_stop_button_is_there_while_a_page_downloads(app, monkeypatch):
    shots = []
    begun, go_on = threading.Event(), threading.Event()

    def fetch_all(names, progress_of):
        progress_of("clip")("trying", 0, 605_000_000)
        begun.set()
        go_on.wait(60)
        progress_of("clip")("downloading", 1, 605_000_000)
        raise AssertionError("it was not stopped")

    monkeypatch.setattr(cache, "missing", lambda name: ("x",))
    monkeypatch.setattr(download, "fetch_all", fetch_all)
    app.session.work.background = True
    app.choose(2, "paper")
    app.click(2, "Build models")
    assert begun.wait(60)
    stop = button(app.steps[2].view, "Stop")
    assert stop.layout.display is None
    app.steps[2].run("fast")
    shots.append(app.says(2))
    stop.click()
    go_on.set()
    for _ in range(1200):
        if not app.session.work.busy and "Stopped." in app.says(2):
            break
        time.sleep(0.05)
    assert "Stopped. Nothing is lost that was complete." in app.says(2)
    assert stop.layout.display == "none"
    assert "Something is at work already" in shots[0]


# -- sources ----------------------------------------------------------------------------------


def test_a_link_is_checked_as_it_is_typed(app):
    app.build()
    app.choose(3, "youtube")
    get = button(app.steps[4].view, "Get the video")
    field = app.field("youtube")
    assert get.disabled
    for end in range(1, len(LINK)):
        field.value = LINK[:end]
        assert get.disabled
        assert app.says(4).count("YouTube video") + app.says(4).count("This link") >= 1
    field.value = LINK
    assert not get.disabled
    assert "That is the link of a video." in app.says(4)


def test_a_video_is_fetched_with_progress_and_every_failure_is_a_sentence(app, monkeypatch):
    shots = []

    def fetch(link, folder, *, limits, progress):
        progress("downloading", 15_000_000, 30_000_000)
        shots.append(app.says(4))
        if len(shots) > 1:
            raise SourceError("The YouTube video x is private; choose another video.")
        path = folder / "aqz-KE-bpKQ.mp4"
        path.write_bytes(b"video")
        return path

    monkeypatch.setattr(youtube, "fetch", fetch)
    app.build()
    app.choose(3, "youtube")
    app.field("youtube").value = LINK
    app.click(4, "Get the video")
    assert "Downloading: 15 MB" in shots[0]
    assert "Chosen: YouTube aqz-KE-bpKQ" in app.says(4)
    app.click(4, "Get the video")
    assert "is private; choose another video." in app.says(4)
    assert "Step 4 comes first" in app.says(5)


@pytest.mark.parametrize("version", [7, 8])
def test_an_upload_by_either_ipywidgets(app, version):
    app.build()
    app.choose(3, "upload")
    assert "up to 200 MB and one hour" in app.says(4)
    name = "<img src=x onerror=alert(1)>.mp4"
    value = (
        {name: {"metadata": {"name": name}, "content": b"video"}}
        if version == 7
        else ({"name": name, "content": memoryview(b"video")},)
    )
    step = app.steps[4]
    step._upload = type("Upload", (), {"value": value, "disabled": False})()
    step._uploaded(value)
    assert app.session.source.path.read_bytes() == b"video"
    assert "onerror" in app.says(4)  # as words
    assert step._upload.value == type(value)()
    assert not [w for w in all_of(step.view) if "<img" in str(getattr(w, "value", ""))]


def test_a_path_is_checked_as_it_is_typed(app, tmp_path):
    app.build()
    app.choose(3, "path")
    field = app.field("folder")
    field.value = str(tmp_path)
    assert "is a folder" in app.says(4)
    field.value = str(tmp_path / "none.mp4")
    assert "There is no file" in app.says(4)
    (tmp_path / "one.mp4").write_bytes(b"video")
    field.value = str(tmp_path / "one.mp4")
    assert "Chosen:" in app.says(4)
    field.value = ""
    assert "Step 4 comes first" in app.says(5)


def test_without_samples_the_other_sources_work(monkeypatch, app, tmp_path):
    monkeypatch.setattr(sources, "SAMPLES", tmp_path)
    one = App(app.session.private)
    one.build()
    one.steps[3].run()
    one.steps[4].run()
    assert "Step 4 comes first" in one.says(5)


# -- results ----------------------------------------------------------------------------------


def test_the_results_hold_everything(app):
    for step in (2, 3, 4, 5):
        app.steps[step].run(**({"preset": "embedded"} if step == 2 else {}))
    frames = [
        frame
        for w in all_of(app.steps[5].view)
        if type(w).__name__ == "HTML"
        for frame in Elements(w.value).named("iframe")
    ]
    assert len(frames) == 1
    assert frames[0]["sandbox"] == "allow-scripts"
    report = frames[0]["srcdoc"]
    for words in ("Emotion", "Sample frame", "Speech", "joy", "50 %", "Content-Security-Policy"):
        assert words in report


def test_links_save_what_they_say():
    found = results.files(full_analysis(), Place.PAGE)
    links = Elements(results.links(found, Place.PAGE)).named("a")
    assert [link["download"] for link in links] == [
        "clip.html",
        "clip.json",
        "clip.png",
        "clip.zip",
    ]
    data = [base64.b64decode(link["href"].partition(",")[2]) for link in links]
    assert data[0].startswith(b"<!DOCTYPE html>")
    assert json.loads(data[1])["emotion"]
    assert data[2].startswith(b"\x89PNG")
    names = zipfile.ZipFile(io.BytesIO(data[3])).namelist()
    assert {"clip/clip.html", "clip/clip-curves.csv", "clip/frames/001.jpg"} <= set(names)


def test_a_notebook_is_sent_no_more_than_it_takes_but_has_all_on_disk(app, tmp_path):
    one = App(app.session.private, Place.NOTEBOOK)
    for step in (2, 3, 4, 5):
        one.steps[step].run(**({"preset": "embedded"} if step == 2 else {}))
    sent = sum(len(w.value) for w in all_of(one.steps[5].view) if type(w).__name__ == "HTML")
    assert sent < NOTEBOOK_MESSAGE_BYTES
    assert "All files are in results/launch" in one.says(5)
    assert {path.suffix for path in (tmp_path / "results" / "launch").iterdir()} == {
        ".html",
        ".json",
        ".png",
        ".zip",
    }


@pytest.mark.parametrize("payload", hostile_payloads())
def test_hostile_words_are_words_in_every_card(payload):
    harmless = [tag for tag, _ in Elements(theme.note("words", "bad")).tags]
    assert [tag for tag, _ in Elements(theme.note(payload, "bad")).tags] == harmless
    head = theme.head(4, payload, payload)
    assert [t for t, _ in Elements(head).tags] == [
        t for t, _ in Elements(theme.head(4, "", "")).tags
    ]
    (bar,) = Elements(theme.meter(1, 2, payload)).named("progress")
    assert set(bar) == {"class", "value", "max", "aria-label"}
    assert bar["aria-label"] == clean(payload)
    name = payload.replace("/", "").replace("\x00", "") or "x"
    analysis = named(full_analysis(words=payload), full_analysis().clip.info.path.with_name(name))
    found = results.files(analysis, Place.PAGE)
    (frame,) = Elements(results.frame(found[0], Place.PAGE)).tags
    assert set(frame[1]) == {"class", "sandbox", "title", "referrerpolicy", "srcdoc"}
    for link in Elements(results.links(found, Place.PAGE)).named("a"):
        assert set(link) == {"class", "download", "href"}
        assert link["href"].startswith("data:")


# -- places -----------------------------------------------------------------------------------


def test_where_we_are(monkeypatch):
    monkeypatch.delenv("VEMOCLAP_PAGE", raising=False)
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    assert here() is Place.NOTEBOOK
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    assert here() is Place.PAGE
    monkeypatch.delenv("SERVER_SOFTWARE")
    monkeypatch.setitem(__import__("sys").modules, "google.colab", object())
    assert here() is Place.COLAB
    monkeypatch.setenv("VEMOCLAP_PAGE", "1")
    assert here() is Place.PAGE


def test_colab_uploads_and_downloads_its_own_way(app, monkeypatch):
    import sys
    import types

    saved = []
    files = types.SimpleNamespace(
        upload=lambda: {"from my laptop.mp4": b"video"}, download=saved.append
    )
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(files=files))
    one = App(app.session.private, Place.COLAB)
    one.build()
    one.choose(3, "upload")
    assert "Run this cell again to upload a file" in one.says(4)
    one.steps[4].run()
    assert "Chosen: from my laptop.mp4" in one.says(4)
    one.steps[5].run()
    one.click(5, "Save everything")
    assert saved == ["results/from-my-laptop/from-my-laptop.zip"]
    assert one.session.source.kind is Kind.UPLOAD
