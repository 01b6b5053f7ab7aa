"""An analysis is a timeline of one span: the same engines, the same readings, the same scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import videos
from tests.clips import Roles, overview_of, plain
from vemoclap import Analyser, analyser, timeline_of
from vemoclap.engines import roles
from vemoclap.engines.roles import EMBEDDED
from vemoclap.readings import read
from vemoclap.readings.engine_calls import Stages, TextCache
from vemoclap.records import (
    OK,
    Box,
    Cue,
    Detection,
    Expression,
    Heard,
    Language,
    Sentiment,
    SoundReading,
    Span,
    SpeechReading,
    State,
    Tag,
    TextLine,
    Transcript,
    absent,
)
from vemoclap.timeline import run
from vemoclap.timeline.resume import encoded

CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 5.0), (0.0, 5.0))
WHOLE = replace(EMBEDDED, expression="vit-expression", image="clip", sound="beats")


def numbers(values: np.ndarray, width: int) -> np.ndarray:
    """Return a vector that tells these values from others."""
    return np.resize(np.asarray(values, np.float32).ravel()[::97] / 255, width).astype(np.float32)


def faces(frames):
    return [(Detection(Box(8, 9, 30 + frame.mean() / 9, 40), 0.9),) for frame in frames]


def expressions(crops):
    return [Expression("happy", 0.5, numbers(crop, 768)) for crop in crops]


def words(clip, spans):
    cues = (Cue(1.0, 3.0, "What a day"), Cue(3.5, 8.0, "and what  a night it was"))
    return Transcript(cues, "What a day, and what a night it was", "en", True, "a test")


ENGINES = {
    "faces": faces,
    "expression": expressions,
    "image": lambda frames: np.stack([numbers(frame, 512) for frame in frames]),
    "sound": lambda windows: Heard(np.stack([numbers(w, 768) for w in windows]), (Tag("x", 0.5),)),
    "vad": lambda audio: (Span(1.0, 3.0), Span(3.5, 8.0)),
    "transcribe": words,
    "ocr": lambda frames: [(TextLine(f"No {int(f.mean())}", 0.9, CORNERS),) for f in frames],
    "language": lambda texts: [Language("en", 0.99)] * len(texts),
    "segment": str.title,
    "spell": lambda texts: [f"{text}!" for text in texts],
    "sentiment": lambda text: Sentiment("positive", 0.7, len(text) / 999, None),
    "emotion": roles.load("emotion", "valence-arousal", "cpu"),
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Analyser:
    monkeypatch.setattr(roles, "missing", lambda preset: ())
    monkeypatch.setattr(roles, "load", lambda role, engine, device: ENGINES[role])
    return Analyser(WHOLE, device="cpu")


def test_an_analysis_is_a_timeline_of_one_span(
    machine: Analyser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = [*videos.lavfi("testsrc2=s=320x240:r=25:d=10"), *videos.lavfi("sine=d=10:r=16000")]
    path = videos.make(tmp_path / "ten.mp4", *source, *videos.X264, "-c:a", "aac")
    composed = []
    compose = read.compose

    def noted(*args, **options):
        composed.append(compose(*args, **options))
        return composed[-1]

    monkeypatch.setattr(analyser, "compose", noted)
    monkeypatch.setattr(run, "compose", noted)
    usual = machine.analyze(path, frame_count=16)
    timeline = timeline_of(path, by="window", length_s=60.0, frame_count=16, analyser=machine)
    (moment,) = timeline.moments
    alone, span, whole = composed
    assert alone is usual.readings
    states = {alone.faces.status, alone.image.status, alone.sound.status, alone.speech.status}
    assert states == {OK}
    assert len({frame.tobytes() for frame in alone.image.vectors}) > 8  # there is much to differ by
    assert encoded(span) == encoded(whole) == encoded(alone)
    assert moment.scores == timeline.whole == usual.scores
    assert moment.times_s == tuple(usual.clip.times_s)
    assert timeline.mean == pytest.approx(usual.scores.probabilities)


def test_a_span_of_which_no_frame_could_be_decoded_is_read_by_what_else_there_is():
    nothing = absent("Nothing.")
    evidence = read.SpanEvidence(
        duration_s=4.0,
        frames=(),
        speech=SpeechReading(nothing, None, nothing, None, nothing, None),
        sound=SoundReading(nothing, None, None, None),
        audio=None,
        overview=overview_of(plain(0, 20)),
    )
    readings = read.compose(evidence, Roles(ENGINES), Stages())
    for status in (readings.faces.status, readings.image.status, readings.screen.status):
        assert status.state is State.ABSENT
        assert "No frame" in status.reason
    assert readings.caption.text is None
    assert np.isfinite(readings.affect.arousal).any()


def test_a_text_is_asked_for_once():
    asked = []

    def translate(texts, codes):
        asked.append((texts, codes))
        return [text.upper() for text in texts]

    cache = TextCache(Roles(translate=translate, sentiment=asked.append))
    first, second = cache.role("translate"), cache.role("translate")
    assert first(["a", "b", "a"], ["de", "de", "de"]) == ["A", "B", "A"]
    assert second(["b", "a", "b"], ["de", "fr", "de"]) == ["B", "A", "B"]
    assert asked == [(["a", "b"], ["de", "de"]), (["a"], ["fr"])]
    cache.role("sentiment")("x")
    cache.role("sentiment")("x")
    assert asked[2:] == ["x"]
    assert cache.role("spell") is None
