"""A video as a timeline: what was put into it is found where it was put, and nothing else."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import videos
from tests.dialogue import Dialogue, dialogue, people, spans_of
from tests.test_analyser import ENGINES
from vemoclap import Analyser, follow, timeline_of
from vemoclap.engines import roles
from vemoclap.engines.roles import EMBEDDED
from vemoclap.errors import EngineError, MediaError, UsageError
from vemoclap.records import EngineUse, State
from vemoclap.timeline.records import Kind, SpanClassifier, Timeline

QUICK = replace(EMBEDDED, ocr=None)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Dialogue:
    return dialogue(tmp_path_factory.mktemp("talk") / "talk.mp4")


@pytest.fixture(scope="module")
def machine() -> Analyser:
    """The real engines, loaded once."""
    return Analyser(QUICK, device="cpu")


@pytest.fixture(scope="module")
def unseeing() -> Analyser:
    """The same without faces, at which the embedded estimate does not look."""
    return Analyser(replace(QUICK, faces=None), device="cpu")


@pytest.fixture(scope="module")
def told(talk: Dialogue, machine: Analyser) -> Timeline:
    return timeline_of(talk.path, analyser=machine, frame_count=3)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> roles.Preset:
    """A preset of plain functions, quick and sure."""
    monkeypatch.setattr(roles, "load", lambda role, engine, device: ENGINES[role])
    return EMBEDDED


def test_utterances_are_where_they_were_spoken(talk, told):
    found = [m.span for m in told.moments if m.kind is Kind.SPEECH]
    true = spans_of(talk.said)
    assert len(found) == len(true)
    for a, b in zip(found, true, strict=True):
        assert a.start_s == pytest.approx(b.start_s, abs=0.2)
        assert a.end_s == pytest.approx(b.end_s, abs=0.2)


def test_the_spans_are_the_whole_video_once(told):
    at = 0.0
    for index, moment in enumerate(told.moments):
        assert moment.index == index
        assert moment.span.start_s == at
        at = moment.span.end_s
    assert at == told.info.duration_s


def test_words_are_those_of_their_utterance(talk, told):
    words = [m.words for m in told.moments if m.kind is Kind.SPEECH]
    assert words == [cue.text for cue in talk.said]
    assert all(m.words is None for m in told.moments if m.kind is Kind.SILENCE)
    happy = next(m for m in told.moments if m.words and "wonderful" in m.words)
    assert happy.sentiment is not None
    assert happy.sentiment.label == "positive"


def test_faces_are_followed_across_cuts(talk, told):
    assert told.tracks is not None
    assert [track.track for track in told.tracks] == [0, 1]
    spoken = [m for m in told.moments if m.kind is Kind.SPEECH]
    for moment, speaker in zip(spoken, talk.speakers, strict=True):
        assert {face.track for face in moment.faces or ()} == {speaker}
    assert all(len(track.spans) == 2 for track in told.tracks)
    seen = {(face.track, face.time_s) for m in told.moments for face in m.faces or ()}
    assert sum(track.count for track in told.tracks) >= len(seen)
    assert all(track.picture.startswith(b"\xff\xd8") for track in told.tracks)


def test_each_moment_has_what_a_report_shows(told):
    for moment in told.moments:
        assert moment.status.ok
        assert sum(moment.probabilities) == pytest.approx(1)
        assert moment.picture.startswith(b"\xff\xd8")
        assert 1 <= len(moment.envelope) <= 200
        assert all(0 <= peak <= 1 for peak in moment.envelope)
        low, high = moment.span.start_s - 0.11, moment.span.end_s
        assert all(low <= time <= high for time in moment.times_s)
    loud = [max(m.envelope) for m in told.moments if m.kind is Kind.SPEECH]
    assert min(loud) > 2 * max(max(m.envelope[8:-8]) for m in told.moments if m.words is None)


def test_the_mean_is_that_of_the_spans_by_their_length(told):
    lengths = np.array([m.span.length_s for m in told.moments])
    rows = np.array([m.probabilities for m in told.moments])
    np.testing.assert_allclose(told.mean, lengths @ rows / lengths.sum(), atol=1e-6)


def test_the_whole_is_what_an_analysis_says(talk, told, machine):
    usual = machine.analyze(talk.path)
    assert told.whole.probabilities == pytest.approx(usual.scores.probabilities, abs=1e-3)
    assert told.speech == usual.readings.speech.spans
    assert told.cues == usual.readings.speech.transcript.cues


# -- a window is a video of its own -----------------------------------------------------------


def cut_out(source: Path, target: Path, start_s: float, length_s: float) -> Path:
    """Cut a part out of a video without losing a bit of picture or sound."""
    command = ["ffmpeg", "-v", "error", "-y", "-ss", str(start_s), "-i", str(source)]
    command += ["-t", str(length_s), "-sn", "-c:v", "libx264", "-qp", "0", "-preset", "ultrafast"]
    subprocess.run([*command, "-c:a", "pcm_s16le", str(target)], check=True, timeout=60)
    return target


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 22 s with motion, cuts, and sound that swells, to have something to differ by."""
    return videos.make(
        tmp_path_factory.mktemp("lively") / "lively.mp4",
        *videos.lavfi("color=0x101010:s=320x240:r=25:d=8"),
        *videos.lavfi("mandelbrot=s=320x240:r=25,trim=duration=6"),
        *videos.lavfi("testsrc2=s=320x240:r=25:d=8,hue=H=2*PI*t,setpts=PTS"),
        *videos.lavfi("aevalsrc='0.002*t*t*sin(2200*t)*(0.6+0.4*sin(3*t))':d=22:s=16000"),
        *("-filter_complex", "[0][1][2]concat=n=3[v]", "-map", "[v]", "-map", "3"),
        *videos.X264,
        *("-c:a", "aac"),
    )


def test_a_window_is_judged_as_the_same_part_cut_out(lively, tmp_path, unseeing):
    timeline = timeline_of(lively, by="window", analyser=unseeing)
    assert [m.span.start_s for m in timeline.moments] == [0, 5, 10, 15]
    rows = np.array([m.probabilities for m in timeline.moments])
    assert np.abs(rows - rows[0]).max() > 0.05  # the windows differ, so that equality says much
    for moment in timeline.moments:
        span = moment.span
        part = cut_out(lively, tmp_path / "part.mov", span.start_s, span.length_s)
        alone = unseeing.analyze(part, frame_count=8)
        assert moment.probabilities == pytest.approx(alone.scores.probabilities, abs=0.01)
        times = np.array(moment.times_s) - span.start_s
        np.testing.assert_allclose(times, alone.clip.times_s, atol=0.001)


def test_a_window_of_speech_has_the_faces_of_the_part_cut_out(talk, tmp_path, machine):
    timeline = timeline_of(
        talk.path, by="window", length_s=6.0, step_s=3.0, frame_count=2, analyser=machine
    )
    moment = timeline.moments[1]
    part = cut_out(talk.path, tmp_path / "part.mov", 3.0, 6.0)
    alone = machine.analyze(part, frame_count=2)
    assert len(moment.faces) == 2
    assert len(moment.faces) == len(alone.readings.faces.faces)
    for mine, its in zip(moment.faces, alone.readings.faces.faces, strict=True):
        assert mine.box.left == pytest.approx(its.box.left, abs=2)


# -- videos of every kind ---------------------------------------------------------------------


@pytest.mark.parametrize("by", ["utterance", "window"])
@pytest.mark.parametrize(
    "length_s", [0.04, 0.4, 3.0, 10.2, 61.0], ids=["frame", "blink", "short", "window", "minute"]
)
def test_a_video_of_any_length_without_sound(by, length_s, light, tmp_path):
    source = videos.lavfi(f"testsrc2=s=64x48:r=25:d={length_s}")
    path = videos.make(tmp_path / "silent.mp4", *source, *videos.X264)
    timeline = timeline_of(path, by=by, preset=light, device="cpu")
    assert timeline.moments[0].span.start_s == 0
    assert timeline.moments[-1].span.end_s == timeline.info.duration_s
    assert all(m.status.ok for m in timeline.moments)
    assert timeline.mean is not None
    assert timeline.speech is None
    assert timeline.moments[0].envelope is None
    if by == "utterance":
        assert {m.kind for m in timeline.moments} == {Kind.SILENCE}
        assert "no sound track" in " ".join(timeline.warnings)


def test_a_file_in_which_seeks_go_astray_is_read_as_any_other(light, tmp_path):
    source = [*videos.lavfi("testsrc2=s=64x48:r=10:d=30"), *videos.lavfi("sine=d=30")]
    mp4 = videos.make(tmp_path / "a.mp4", *source, *videos.X264, "-c:a", "aac")
    avi = videos.make(tmp_path / "a.avi", "-i", str(mp4), "-c:v", "copy", "-c:a", "pcm_s16le")
    one, two = (timeline_of(p, by="window", preset=light, device="cpu") for p in (mp4, avi))
    for a, b in zip(one.moments, two.moments, strict=True):
        assert a.probabilities == pytest.approx(b.probabilities, abs=0.02)
        assert a.times_s == pytest.approx(b.times_s, abs=0.05)


def test_a_damaged_stretch_costs_its_own_spans_and_is_told(light, tmp_path):
    source = videos.lavfi("testsrc2=s=320x240:r=10:d=60")
    whole = videos.make(tmp_path / "whole.mkv", *source, *videos.X264, "-g", "10")
    broken = videos.scramble(whole, tmp_path / "broken.mkv", 0.4, 0.6)
    timeline = timeline_of(broken, by="window", preset=light, device="cpu")
    assert any("damaged" in loss for loss in timeline.losses)
    assert set(timeline.losses) <= set(timeline.warnings)
    assert timeline.moments[0].status.ok
    assert timeline.moments[-1].status.ok
    assert timeline.mean is not None


def test_what_is_no_video_is_refused(light, tmp_path):
    path = tmp_path / "words.mp4"
    path.write_text("no video")
    with pytest.raises(MediaError):
        next(follow(path, preset=light))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "scene"}, "not by 'scene'"),
        ({"length_s": 0.2}, "choose 1 to 600"),
        ({"length_s": 5.0, "step_s": 6.0}, "time would be lost"),
        ({"frame_count": 0}, "choose 1 to 64"),
    ],
)
def test_an_option_out_of_range_is_refused_at_once(options, words, light):
    with pytest.raises(UsageError, match=words):
        follow("anything.mp4", preset=light, **options)


# -- engines ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of two and a half minutes: three sections, in two files' worth of pixels."""
    source = [*videos.lavfi("testsrc2=s=64x48:r=5:d=150"), *videos.lavfi("sine=d=150:r=16000")]
    path = tmp_path_factory.mktemp("minutes") / "minutes.mp4"
    return videos.make(path, *source, *videos.X264, "-g", "25", "-c:a", "aac")


def test_each_frame_is_looked_at_once_though_windows_overlap(minutes, monkeypatch):
    seen: dict[str, int] = {"faces": 0, "ocr": 0, "vad": 0, "transcribe": 0}

    def counting(role, engine):
        def call(*args):
            seen[role] += len(args[0]) if role in ("faces", "ocr") else 1
            return engine(*args)

        return call if role in seen else engine

    monkeypatch.setattr(roles, "load", lambda r, e, d: counting(r, ENGINES[r]))
    timeline = timeline_of(minutes, by="window", preset=EMBEDDED, device="cpu")
    looked = {time for m in timeline.moments for time in m.times_s}
    assert sum(len(m.times_s) for m in timeline.moments) > 1.5 * len(looked)
    # The frames of the whole video's own answer may lie between those of the spans.
    assert len(looked) <= seen["faces"] <= len(looked) + 16
    assert seen["ocr"] == seen["faces"]
    assert (seen["vad"], seen["transcribe"]) == (1, 1)


def test_more_than_a_hundred_frames_can_be_picked_at_once(minutes, light):
    timeline = timeline_of(minutes, by="window", frame_count=20, preset=light, device="cpu")
    assert all(len(m.times_s) == 20 for m in timeline.moments)
    analysis = Analyser(light, device="cpu").analyze(minutes, frame_count=150)
    assert len(analysis.clip.frames) == 150


def test_moments_come_before_the_video_was_read_to_its_end(minutes, light, monkeypatch):
    read = []
    from vemoclap.timeline import run as running

    read_frames = running.read_frames

    def noted(*args, **options):
        read.append(args[0].times_s)
        return read_frames(*args, **options)

    monkeypatch.setattr(running, "read_frames", noted)
    run = follow(minutes, by="window", preset=light, device="cpu")
    first = next(run)
    assert first.index == 0
    assert len(read) == 1
    assert run.total == 29
    rest = list(run)
    assert len(rest) == 28
    assert len(read) == 2  # of 60 s and of 90 s
    assert run.result().moments == (first, *rest)


@pytest.mark.parametrize("role", ["faces", "vad", "transcribe", "ocr", "sentiment", "emotion"])
def test_an_engine_that_breaks_costs_only_its_own_evidence(role, talk, monkeypatch):
    def broken(*_):
        raise EngineError("boom")

    monkeypatch.setattr(
        roles, "load", lambda r, engine, device: broken if r == role else ENGINES[r]
    )
    timeline = timeline_of(talk.path, by="window", preset=EMBEDDED, device="cpu")
    for moment in timeline.moments:
        assert moment.status.state is (State.FAILED if role == "emotion" else State.OK)
        assert (moment.faces is None) == (role == "faces")
        if role == "transcribe":
            assert moment.words_status.state is State.FAILED
    assert (timeline.mean is None) == (role == "emotion")


def test_where_no_voice_can_be_looked_for_the_video_is_cut_evenly(talk, light):
    timeline = timeline_of(talk.path, preset=replace(light, vad=None), device="cpu")
    assert [m.span.length_s for m in timeline.moments] == pytest.approx([7.7, 7.7], abs=0.1)
    assert "no utterances" in " ".join(timeline.warnings)


# -- another judge ----------------------------------------------------------------------------


def fake_judge(batches):
    """Return a judge of two labels, who tells which of the two people is to be seen."""
    left, _ = people()

    def classify(materials):
        batches.append(len(materials))
        answers = []
        for material in materials:
            assert material.frames.shape[1:] == (360, 640, 3)
            assert len(material.frames) == len(material.faces) == len(material.times_s) <= 5
            same = np.abs(material.frames[0].astype(int) - left).mean() < 20
            loud = float(np.abs(material.audio).max())
            answers.append((float(same), loud if material.words else 0.0))
        return answers

    use = EngineUse("emotion", "mer", "a fake", ())
    return SpanClassifier("mer", ("left", "spoken"), False, (0.5, 0.1), 5, "A fake.", use, classify)


def test_a_judge_sees_frames_and_hears_words(talk, monkeypatch):
    real = {role: roles.load(role, getattr(QUICK, role), "cpu") for role in ("vad", "transcribe")}
    monkeypatch.setattr(roles, "load", lambda r, engine, device: (ENGINES | real)[r])
    batches: list[int] = []
    timeline = timeline_of(talk.path, preset=EMBEDDED, device="cpu", judge=fake_judge(batches))
    assert sum(batches) == len(timeline.moments) == 9
    assert batches == [9]  # all that were ready were judged together
    assert (timeline.model, timeline.labels) == ("mer", ("left", "spoken"))
    assert timeline.thresholds == (0.5, 0.1)
    assert not timeline.exclusive
    assert timeline.whole is None
    assert timeline.engines[-1].engine == "mer"
    assert timeline.moments[0].probabilities == (1.0, 0.0)
    assert timeline.moments[0].scores is None


def test_a_judge_that_breaks_is_a_status(talk, light):
    def broken(materials):
        raise EngineError("boom")

    judge = replace(fake_judge([]), classify=broken)
    timeline = timeline_of(talk.path, preset=light, device="cpu", judge=judge)
    assert {m.status.reason for m in timeline.moments} == {"boom"}
    assert timeline.mean is None
