"""The tab "Over time" of step 5 and the screen of utterances, without a browser."""

import base64
import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.analyses import hostile_payloads
from tests.app_widgets import Elements, all_of, button, seen
from tests.test_app_session import FakeAnalyser
from tests.test_app_steps import App
from tests.timelines import MER_LABELS, MER_THRESHOLDS, by_utterance, by_window, jpeg, mer, nothing
from vemoclap import analyser
from vemoclap.app import private_folder, session, span_card
from vemoclap.app.environment import Place
from vemoclap.app.session import Bench, Labels, Session, options
from vemoclap.app.utterances import Utterances
from vemoclap.errors import MediaError, UsageError, WeightsError
from vemoclap.records import EMOTIONS, EngineUse, Status, failed
from vemoclap.timeline import run
from vemoclap.timeline.records import SpanClassifier, Timeline


class FakeRun:
    """A run that knows its timeline at once, and refuses files called "bad"."""

    timeline: Timeline = by_utterance()
    made: list["FakeRun"]

    def __init__(self, path, chosen, analyser, *, judge, progress):
        self.path, self.chosen, self.analyser, self.judge = path, chosen, analyser, judge
        self.progress, self.total = progress, None
        self.labels = judge.labels if judge else EMOTIONS
        FakeRun.made.append(self)

    def __iter__(self):
        if self.path.stem == "bad":
            raise MediaError("bad.mp4 is not a video; choose another file.")
        self.total = len(self.timeline.moments)
        for number, moment in enumerate(self.timeline.moments, start=1):
            self.progress("spans", number, self.total)
            yield moment

    def result(self):
        return replace(self.timeline, info=replace(self.timeline.info, path=self.path))


class Ready(FakeAnalyser):
    """An analyser for which the best preset is the embedded one."""

    def __init__(self, preset, **_):
        super().__init__("embedded" if preset == "auto" else preset)


def fake_judge() -> SpanClassifier:
    return SpanClassifier(
        "mer",
        MER_LABELS,
        exclusive=False,
        thresholds=MER_THRESHOLDS,
        frame_count=5,
        note="It was trained on what somebody labelled.",
        use=EngineUse("emotion", "mer", "a fake", ()),
        classify=lambda materials: [(0.5,) * 6 for _ in materials],
    )


@pytest.fixture(autouse=True)
def _fakes(monkeypatch, tmp_path):
    monkeypatch.setattr(analyser, "Analyser", Ready)
    monkeypatch.setattr("vemoclap.timeline.api.Analyser", Ready)
    monkeypatch.setattr(run, "Run", FakeRun)
    monkeypatch.setattr(FakeRun, "timeline", by_utterance("What a day"))
    monkeypatch.setattr(FakeRun, "made", [], raising=False)
    monkeypatch.setattr(private_folder, "root", lambda: tmp_path / "visitors")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def private(tmp_path) -> Path:
    place = tmp_path / "visitors" / "visitor-one"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def app(private) -> App:
    made = App(private)
    made.build()
    made.choose(3, "sample")
    made.choose(4, "launch")
    made.choose(5, "time")
    return made


# -- the tab ----------------------------------------------------------------------------------


def test_the_tab_is_there_once_there_is_a_video(private):
    app = App(private)
    tab = app.steps[5].over_time.view
    assert "Over time" not in app.says(5)
    assert seen(tab) == ""
    app.build()
    app.choose(3, "sample")
    app.choose(4, "launch")
    assert "Ready to analyse launch" in app.says(5)
    app.choose(5, "time")
    assert "Cuts the video into spans" in app.says(5)
    assert "Ready to analyse" not in app.says(5)
    app.choose(5, "whole")
    assert "Ready to analyse launch" in app.says(5)


def test_spans_are_seen_as_they_come_and_the_page_and_files_at_the_end(app, monkeypatch):
    shots = []
    hear = app.steps[5].over_time._hear
    monkeypatch.setattr("vemoclap.app.over_time.INTERVAL_S", 0.0)

    def watched(*heard):
        hear(*heard)
        shots.append(app.says(5))

    monkeypatch.setattr(app.steps[5].over_time, "_hear", watched)
    app.click(5, "Follow over time")
    assert len(shots) == len(FakeRun.timeline.moments)
    assert "1 of 5 spans, the newest first Silence 1 0:00 to 0:01.2" in shots[0]
    assert "Utterance 2 0:01.2 to 0:03.4" in shots[1]
    assert "What a day" in shots[1]
    assert "Working on: spans 1 of 5" in shots[0]
    assert "launch.mp4 over time" in app.says(5)
    assert "newest first" not in app.says(5)
    markup = "".join(w.value for w in all_of(app.steps[5].view) if type(w).__name__ == "HTML")
    found = Elements(markup)
    (frame,) = found.named("iframe")
    assert frame["sandbox"] == "allow-scripts"
    assert "Strongest moments" in frame["srcdoc"]
    files = {a["download"]: a["href"] for a in found.named("a") if "download" in a}
    ends = ("html", "csv", "vtt", "srt", "eaf", "png", "json", "zip")
    assert set(files) == {f"launch-timeline.{end}" for end in ends}
    subtitles = base64.b64decode(files["launch-timeline.vtt"].partition(",")[2]).decode()
    assert subtitles.startswith("WEBVTT")
    packed = base64.b64decode(files["launch-timeline.zip"].partition(",")[2])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert len(archive.namelist()) == len(ends) - 1


def test_windows_have_a_length(app):
    app.choose(5, "window")
    (length,) = [w for w in all_of(app.steps[5].view) if type(w).__name__ == "BoundedFloatText"]
    assert length.layout.display is None
    length.value = 6.0
    app.click(5, "Follow over time")
    assert (FakeRun.made[0].chosen.by, FakeRun.made[0].chosen.length_s) == ("window", 6.0)
    assert FakeRun.made[0].chosen.step_s == 3.0
    assert FakeRun.made[0].analyser is app.session.analyser  # its models are loaded already
    app.choose(5, "utterance")
    assert length.layout.display == "none"
    app.click(5, "Follow over time")
    assert FakeRun.made[1].chosen.by == "utterance"


@pytest.mark.parametrize("length_s", [0.5, 1000.0, float("nan")])
def test_windows_of_other_lengths_are_refused(length_s):
    with pytest.raises(UsageError, match="choose 2 to 120 seconds"):
        options("window", length_s)


def test_what_goes_wrong_is_said(app, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    app.choose(3, "path")
    app.field("folder").value = str(bad)
    app.click(5, "Follow over time")
    assert "bad.mp4 is not a video; choose another file." in app.says(5)
    assert app.steps[5].over_time.timeline is None


def test_results_of_the_video_before_are_called_so(app):
    app.click(5, "Follow over time")
    app.choose(4, "storm")
    assert "These are of the video before; next is storm." in app.says(5)
    app.click(5, "Follow over time")
    assert "video before" not in app.says(5)
    assert "storm.mp4 over time" in app.says(5)


def test_while_something_is_at_work_another_click_says_so(app):
    app.session.work._lock.acquire()
    try:
        app.click(5, "Follow over time")
        assert "Something is at work already" in app.says(5)
    finally:
        app.session.work._lock.release()
    assert FakeRun.made == []


def test_in_a_notebook_the_files_are_stored(private, tmp_path):
    app = App(private, Place.NOTEBOOK)
    for step in (2, 3, 4):
        app.steps[step].run(**({"preset": "embedded"} if step == 2 else {}))
    app.choose(5, "time")
    app.click(5, "Follow over time")
    assert "All files are in results/launch-timeline." in app.says(5)
    stored = {path.name for path in (tmp_path / "results" / "launch-timeline").iterdir()}
    assert "launch-timeline.eaf" in stored


# -- the card of a span -----------------------------------------------------------------------


def test_a_card_shows_chart_faces_waveform_and_words():
    one = mer("What a day").moments[1]
    faces = tuple(replace(face, picture=jpeg((1, 2, 3))) for face in one.faces or ())
    labels = Labels(MER_LABELS, MER_THRESHOLDS)
    markup = span_card.card(replace(one, faces=faces), labels, 7)
    found = Elements(markup)
    assert "Utterance 7" in markup
    assert len(found.named("img")) == 2
    assert len(re.findall('class="threshold"', markup)) == 6
    assert "Above their thresholds: happy, sad, surprise, disgust." in markup
    assert found.named("svg")[-1]["class"] == "wave"
    assert "What a day" in markup


def test_a_card_of_a_span_of_which_nothing_is_known_says_why():
    one = nothing(failed("It broke.")).moments[0]
    said = span_card.card(one, Labels(EMOTIONS, None), 1)
    assert "failed: It broke" in said
    assert "Words: failed: It broke." in said


@pytest.mark.parametrize("payload", hostile_payloads())
def test_hostile_words_are_only_words_in_a_card(payload):
    one = by_window(words=payload).moments[0]
    usual = Elements(span_card.card(by_window().moments[0], Labels(EMOTIONS, None), 1))
    status: Status = failed(payload)
    faces = tuple(replace(face, picture=jpeg((1, 2, 3))) for face in one.faces or ())
    found = Elements(span_card.card(one, Labels(EMOTIONS, None), 1))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in usual.tags]
    for other in (replace(one, faces=faces), replace(one, probabilities=None, status=status)):
        tags = {tag for tag, _ in Elements(span_card.card(other, Labels(EMOTIONS, None), 1)).tags}
        assert not tags & {"script", "iframe", "style", "a", "form", "object", "details", "video"}


# -- the screen of utterances -----------------------------------------------------------------


@pytest.fixture
def screen(private) -> Utterances:
    return Utterances(Session(private), Place.PAGE)


def send(screen: Utterances, name: str = "talk.mp4") -> None:
    screen._uploaded(({"name": name, "content": b"a video"},))


def fields(screen: Utterances) -> dict[str, object]:
    return {w.description: w for w in all_of(screen.view) if type(w).__name__ == "Text"}


def test_submit_shows_utterances_one_by_one_and_the_mean_at_the_end(screen, monkeypatch):
    counts = []
    hear = screen._hear
    monkeypatch.setattr(
        screen, "_hear", lambda *heard: (hear(*heard), counts.append(len(screen._spans.children)))
    )
    assert "one utterance after the other" in seen(screen.view)
    send(screen)
    assert "Chosen: talk.mp4" in seen(screen.view)
    button(screen.view, "Submit").click()
    assert counts == [0, 1, 1, 2, 2]  # silence is no utterance
    said = seen(screen.view)
    assert "Utterance 1 0:01.2 to 0:03.4" in said
    assert "Utterance 2 0:04 to 0:07.5" in said
    assert "What a day" in said
    assert "The mean of 2 utterances, weighted by length. Take it as a hint." in said
    spoken = [m for m in FakeRun.timeline.moments if m.kind == "speech"]
    mean = session.mean_of(spoken)
    joy = f"joy {100 * mean[3]:.0f} %"
    assert joy in screen._mean.value
    assert "Done." in said


def test_clear_and_repeat(screen):
    send(screen)
    first = screen._source.path
    button(screen.view, "Submit").click()
    button(screen.view, "Clear").click()
    assert not first.exists()
    assert screen._spans.children == ()
    assert "Utterance 1" not in seen(screen.view)
    assert "mean of" not in seen(screen.view)
    assert "one utterance after the other" in seen(screen.view)
    button(screen.view, "Submit").click()
    assert "Choose a video first." in seen(screen.view)
    send(screen, "other.mp4")
    button(screen.view, "Submit").click()
    assert FakeRun.made[-1].path.name == "other.mp4"
    assert len(screen._spans.children) == 2


def test_without_a_checkpoint_it_says_how_to_get_one_and_the_preset_judges(screen):
    said = seen(screen.view)
    assert "No trained weights of the end-to-end model of Lee & Kim are published." in said
    assert "vemoclap mer train DATA" in said
    assert "the best preset that is complete" in said
    screen._session.build("embedded", lambda _: pytest.fail("nothing is downloaded"))
    assert "the untrained estimate of the embedded preset." in seen(screen.view)
    send(screen)
    button(screen.view, "Submit").click()
    assert FakeRun.made[0].judge is None
    assert FakeRun.made[0].analyser is screen._session.analyser
    assert 'class="threshold"' not in screen._mean.value


def test_with_a_checkpoint_its_model_judges_and_thresholds_are_dotted(
    screen, monkeypatch, tmp_path
):
    from vemoclap.mer import span_model as judges

    asked = []
    monkeypatch.setattr(judges, "load", lambda place, _: (asked.append(place), fake_judge())[1])
    monkeypatch.setattr(
        "vemoclap.timeline.api.analyser_for", lambda judge, preset, **_: FakeAnalyser("embedded")
    )
    monkeypatch.setattr(FakeRun, "timeline", mer("What a day"))
    fields(screen)["Checkpoint"].value = str(tmp_path)
    for _ in range(2):
        send(screen)
        button(screen.view, "Submit").click()
    assert asked == [tmp_path]  # it stays loaded
    assert FakeRun.made[0].judge.name == "mer"
    assert screen._mean.value.count('class="threshold"') == 6
    assert "Above their thresholds" in seen(screen.view)
    assert "happy" in screen._spans.children[0].value


@pytest.mark.parametrize("kind", ["nowhere", "empty"])
def test_a_checkpoint_that_is_none_is_refused_in_a_sentence(screen, tmp_path, kind):
    place = tmp_path / "nowhere" if kind == "nowhere" else tmp_path
    fields(screen)["Checkpoint"].value = str(place)
    send(screen)
    button(screen.view, "Submit").click()
    said = seen(screen.view)
    assert "itself failed" not in said
    assert str(place) in said
    assert FakeRun.made == []
    with pytest.raises((UsageError, WeightsError)):
        session.bench("embedded", str(place))


def test_a_video_that_is_refused_is_told_and_the_next_one_works(screen):
    send(screen, "bad.mp4")
    button(screen.view, "Submit").click()
    assert "bad.mp4 is not a video; choose another file." in seen(screen.view)
    send(screen)
    assert "bad.mp4" not in seen(screen.view)
    button(screen.view, "Submit").click()
    assert "Done." in seen(screen.view)


def test_a_path_is_taken_too_but_not_another_visitors(screen, tmp_path, private):
    video = tmp_path / "here.mp4"
    video.write_bytes(b"a video")
    fields(screen)["or path"].value = str(video)
    assert "Chosen: here.mp4" in seen(screen.view)
    other = private.with_name("visitor-two") / "secret.mp4"
    other.parent.mkdir()
    other.write_bytes(b"secret")
    fields(screen)["or path"].value = str(other)
    assert "There is no file" in seen(screen.view)
    assert screen._source is None
    button(screen.view, "Clear").click()
    assert video.exists()  # only uploads are removed


def test_a_video_in_which_nobody_speaks_has_no_utterances(screen, monkeypatch):
    silent = by_utterance()
    moments = tuple(m for m in silent.moments if m.kind == "silence")
    monkeypatch.setattr(FakeRun, "timeline", replace(silent, moments=moments))
    send(screen)
    button(screen.view, "Submit").click()
    assert "Nobody speaks in this video, so it has no utterances." in seen(screen.view)
    assert screen._mean.value == ""


def test_while_it_works_nothing_else_begins(screen):
    send(screen)
    screen._session.work._lock.acquire()
    try:
        screen.submit()
        assert "Something is at work already" in seen(screen.view)
        screen.clear()
        assert screen._source is not None
    finally:
        screen._session.work._lock.release()


def test_the_engines_are_made_again_only_for_something_else(monkeypatch):
    made = []
    monkeypatch.setattr(
        "vemoclap.timeline.api.analyser_for",
        lambda judge, preset, **_: (made.append(preset), FakeAnalyser(preset))[1],
    )
    first = session.bench("embedded", "")
    assert session.bench("embedded", " ", first) is first
    assert isinstance(session.bench("fast", "", first), Bench)
    assert made == ["embedded", "fast"]
