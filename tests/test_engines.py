"""The form of each role's answers, kept by every engine that can fill it.

Engines whose weights are downloaded run on miniatures, which know nothing but answer in form.
Whether an answer is right is asked in ``test_engines_with_real_weights.py``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from tests.clips import clip_of, portrait, voice
from tests.miniatures import TEXTS, Hub, alike
from vemoclap.classifier.model import RELEASED
from vemoclap.engines import roles
from vemoclap.engines.registry import ENGINES
from vemoclap.errors import EngineError
from vemoclap.readings import affect
from vemoclap.records import (
    EMOTIONS,
    OK,
    SAMPLE_RATE,
    Detection,
    Feature,
    Features,
    Language,
    Span,
    TextLine,
    absent,
)
from vemoclap.weights import cache

Load = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def engine(hub: Hub) -> Iterator[Load]:
    """Return a function that gives the callable of an engine, loaded once."""
    loaded: dict[tuple[str, str], Any] = {}

    def get(role: str, name: str) -> Any:
        if name == "paddleocr" and find_spec("paddleocr") is None:
            pytest.skip("PaddleOCR is an extra, which is not installed")
        if (role, name) not in loaded:
            loaded[role, name] = roles.load(role, name, "cpu")
        return loaded[role, name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEMOCLAP_HOME", str(hub.home))
        patch.setattr(cache, "folder", lambda artefact: hub / artefact)
        yield get


def every(*some: str) -> pytest.MarkDecorator:
    """Run a test on each engine of each of ``some`` roles."""
    pairs = [(role, name) for role in some for name in ENGINES[role]]
    return pytest.mark.parametrize(("role", "name"), pairs)


# -- roles that answer many questions at once -------------------------------------------------


def pictures() -> list[np.ndarray]:
    face = portrait()
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    return [face, np.zeros_like(face), np.roll(face, 80, axis=1), noise]


def crops() -> list[np.ndarray]:
    face = portrait()
    return [face[30:130, 240:350], face[50:90, 270:310], face[:1, :1], face]


def windows() -> list[np.ndarray]:
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)
    return [voice(3), np.zeros(3 * SAMPLE_RATE, np.float32), noise]


@dataclass(frozen=True)
class Batched:
    """How a role that takes batches is asked."""

    questions: Callable[[], list[Any]]
    ask: Callable[[Any, Sequence[Any]], Sequence[Any]] = lambda call, items: call(items)
    may_be_empty: bool = True


def stacked(call: Any, items: Sequence[np.ndarray]) -> Any:
    return call(np.stack(items) if len(items) else np.empty((0, 360, 640, 3), np.uint8))


BATCHED = {
    "faces": Batched(pictures, stacked),
    "expression": Batched(crops),
    "image": Batched(pictures, stacked),
    "sound": Batched(windows, lambda call, w: call(np.stack(w)).vectors, may_be_empty=False),
    "ocr": Batched(pictures, stacked),
    "language": Batched(lambda: [*TEXTS, ""]),
    "translate": Batched(
        lambda: [("Guten Morgen.", "de"), ("Bonjour.", "fr"), ("", "fr"), ("hello", "en")],
        lambda call, pairs: call([text for text, _ in pairs], [code for _, code in pairs]),
    ),
    "spell": Batched(lambda: [*TEXTS, ""]),
}
every_batched = every(*BATCHED)


@every_batched
def test_there_is_an_answer_to_each_question_in_order(role: str, name: str, engine: Load):
    how, call = BATCHED[role], engine(role, name)
    questions = how.questions()
    together = list(how.ask(call, questions))
    assert len(together) == len(questions)
    alone = [how.ask(call, [question])[0] for question in questions]
    assert alike(together, alone)
    assert alike(list(how.ask(call, questions[::-1])), together[::-1])


@every_batched
def test_the_same_question_gets_the_same_answer(role: str, name: str, engine: Load):
    how, call = BATCHED[role], engine(role, name)
    questions = how.questions()[:2]
    assert alike(list(how.ask(call, questions)), list(how.ask(call, questions)))


@every_batched
def test_no_questions_get_no_answers(role: str, name: str, engine: Load):
    how = BATCHED[role]
    if how.may_be_empty:
        assert len(how.ask(engine(role, name), [])) == 0


@every("faces", "image", "ocr")
def test_frames_are_left_alone(role: str, name: str, engine: Load):
    frames = np.stack(pictures())
    before = frames.copy()
    frames.setflags(write=False)  # as decoded frames may be
    engine(role, name)(frames)
    assert np.array_equal(frames, before)


# -- faces and pictures -----------------------------------------------------------------------


@every("faces")
@pytest.mark.parametrize("size", [(360, 640), (640, 360), (36, 64), (1, 1), (31, 400)])
def test_faces_are_inside_the_frame_the_largest_first(role, name, size, engine: Load):
    height, width = size
    noise = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    frames = np.stack(pictures()) if size == (360, 640) else noise
    for found in engine(role, name)(frames):
        assert isinstance(found, tuple)
        areas = [face.box.area for face in found]
        assert areas == sorted(areas, reverse=True)
        for face in found:
            assert isinstance(face, Detection)
            sides = (face.box.left, face.box.top, face.box.right, face.box.bottom)
            assert all(type(side) is float for side in (*sides, face.confidence))
            assert 0 <= face.box.left < face.box.right <= width
            assert 0 <= face.box.top < face.box.bottom <= height
            assert 0 < face.confidence <= 1


@every("expression")
def test_expressions_have_a_name_a_probability_and_a_vector(role, name, engine: Load):
    for answer in engine(role, name)(crops()):
        assert answer.label == answer.label.lower() != ""
        assert type(answer.probability) is float
        assert 0 < answer.probability <= 1
        assert answer.vector.shape == (768,)
        assert answer.vector.dtype == np.float32


@every("image")
def test_embeddings_are_512_numbers(role, name, engine: Load):
    vectors = engine(role, name)(np.stack(pictures()))
    assert vectors.shape == (4, 512)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert engine(role, name)(np.empty((0, 360, 640, 3), np.uint8)).shape == (0, 512)


@every("caption")
def test_a_caption_is_one_line(role, name, engine: Load):
    describe = engine(role, name)
    vector = np.random.default_rng(0).normal(size=512).astype(np.float32)
    text = describe(vector)
    assert text == text.strip() == describe(vector)


@every("ocr")
def test_lines_have_text_a_confidence_and_four_corners(role, name, engine: Load):
    for found in engine(role, name)(np.stack(pictures())):
        assert isinstance(found, tuple)
        for line in found:
            assert isinstance(line, TextLine)
            assert isinstance(line.text, str)
            assert 0 <= line.confidence <= 1
            assert len(line.corners) == 4
            assert all(type(side) is float for corner in line.corners for side in corner)


@every("ocr")
@pytest.mark.parametrize("size", [(1, 1), (5, 300), (36, 64)])
def test_ocr_of_tiny_frames(role, name, size, engine: Load):
    assert engine(role, name)(np.zeros((1, *size, 3), np.uint8)) == [()]


# -- sound ------------------------------------------------------------------------------------


@every("sound")
def test_sound_is_a_vector_per_window_and_five_tags(role, name, engine: Load):
    heard = engine(role, name)(np.stack(windows()))
    assert heard.vectors.shape == (3, 768)
    assert heard.vectors.dtype == np.float32
    likely = [tag.probability for tag in heard.tags]
    assert len(likely) == len({tag.name for tag in heard.tags}) == 5
    assert likely == sorted(likely, reverse=True)
    assert all(0 <= probability <= 1 for probability in likely)


@every("vad")
@pytest.mark.parametrize("seconds", [0, 0.001, 0.5, 9])
def test_spans_are_sorted_apart_and_inside_the_sound(role, name, seconds: float, engine: Load):
    sound = voice(seconds) if seconds > 0.1 else np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    spans = engine(role, name)(sound)
    times = [time for span in spans for time in (span.start_s, span.end_s)]
    assert isinstance(spans, tuple)
    assert times == sorted(set(times))
    assert all(0 <= time <= seconds for time in times)
    assert engine(role, name)(sound) == spans  # nothing is carried over from call to call


@every("transcribe")
def test_a_transcript_is_words_with_times(role, name, engine: Load):
    clip = clip_of(audio=voice(9), subtitles=[(0.5, 2.0, "Bonjour")], subtitle_language="fre")
    listen, spans = engine(role, name), (Span(0.0, 9.0),)
    found = listen(clip, spans)
    assert found.text == found.text.strip() != ""
    assert found.language == "fr"
    assert found.source
    starts = [cue.start_s for cue in found.cues]
    assert starts == sorted(starts)
    for cue in found.cues:
        assert cue.start_s < cue.end_s
        assert cue.text == cue.text.strip() != ""
    assert listen(clip, spans) == found


@every("transcribe")
def test_transcribe_invents_nothing_from_silence(role, name, engine: Load):
    listen = engine(role, name)
    assert listen(clip_of(audio=np.zeros(SAMPLE_RATE)), ()) is None
    assert listen(clip_of(), ()) is None


# -- texts ------------------------------------------------------------------------------------


@every("language")
def test_a_language_is_a_code_and_a_probability(role, name, engine: Load):
    answers = engine(role, name)([*TEXTS, "", "  "])
    for answer in answers:
        assert isinstance(answer, Language)
        assert len(answer.code) in (2, 3)  # ISO 639-1, else 639-3
        assert 0 <= answer.probability <= 1
    assert max(answer.probability for answer in answers[-2:]) <= 0.9  # no evidence of any


@every("translate", "spell")
def test_what_is_empty_or_english_stays(role, name, engine: Load):
    if role == "translate":
        assert engine(role, name)(["", "hello"], ["fr", "en"]) == ["", "hello"]
    else:
        assert engine(role, name)([""]) == [""]


@every("translate")
def test_an_unknown_language_is_an_error(role, name, engine: Load):
    with pytest.raises(EngineError):
        engine(role, name)(["qapla'"], ["tlh"])


@every("segment")
def test_segments_are_the_same_letters(role, name, engine: Load):
    segment = engine(role, name)
    for text in (*TEXTS, "", "insideedition breakingnews"):
        found = segment(text)
        assert found.replace(" ", "") == text.replace(" ", "")
        assert segment(found) == found


@every("sentiment")
def test_a_sentiment_is_a_label_with_its_numbers(role, name, engine: Load):
    judge = engine(role, name)
    for text in (*TEXTS, "", "good " * 900):
        tone = judge(text)
        assert tone.label in ("negative", "neutral", "positive")
        assert 0 <= tone.score <= 1
        assert -1 <= tone.valence <= 1
        assert tone.vector is None or tone.vector.shape == (1, 768)
        assert tone.vector is None or tone.vector.dtype == np.float32
        assert alike(judge(text), tone)


# -- the emotion ------------------------------------------------------------------------------


def features() -> Features:
    """Return features of which each engine finds its own."""
    random = np.random.default_rng(0)
    found = {
        key: Feature(key, spec.space, random.normal(size=(spec.length, spec.dim)), OK)
        for key, spec in RELEASED.features.items()
    }
    found["face_emotion"] = Feature("face_emotion", None, None, absent("Nobody is there."))
    found[affect.FEATURE] = Feature(
        affect.FEATURE, affect.SPACE, np.full((9, 2), 0.3, np.float32), OK
    )
    return Features(found, {"image": "clip"})


@every("emotion")
def test_an_emotion_is_six_probabilities(role, name, engine: Load):
    scores = engine(role, name)(features())
    assert len(scores.probabilities) == len(EMOTIONS) == 6
    assert sum(scores.probabilities) == pytest.approx(1)
    assert min(scores.probabilities) >= 0
    assert scores.method
    assert scores.note
    assert alike(engine(role, name)(features()).probabilities, scores.probabilities)


@every("emotion")
def test_emotion_refuses_to_judge_from_nothing(role, name, engine: Load):
    with pytest.raises(EngineError):
        engine(role, name)(Features({}, {}))


def test_every_role_of_the_table_has_a_contract():
    asked = {
        pair[0]
        for test in globals().values()
        for mark in getattr(test, "pytestmark", ())
        if mark.args[0] == ("role", "name")
        for pair in mark.args[1]
    }
    assert asked == set(roles.ROLES) == set(ENGINES)
