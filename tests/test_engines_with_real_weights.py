"""Engines that know something are right about it: they find the face and read the words.

Of every engine in the table whose real weights are on this machine: those inside pip wheels
always are, others only after ``vemoclap models download``, and are skipped until then. What holds
of any weights is in ``test_engines.py``.
"""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.clips import portrait as astronaut
from tests.clips import voice
from vemoclap.engines import roles
from vemoclap.engines.registry import ENGINES
from vemoclap.errors import EngineError, WeightsError
from vemoclap.records import SAMPLE_RATE, Language

_LOADED = {}


def engine(role, name):
    """Return the callable of an engine, loaded once; skip where its weights are not here."""
    if (role, name) not in _LOADED:
        try:
            _LOADED[role, name] = roles.load(role, name, "cpu")
        except (WeightsError, EngineError) as error:
            if roles.engine_of(roles.EMBEDDED, role) == name:
                raise  # its weights come with pip, so there is no excuse
            pytest.skip(str(error))
    return _LOADED[role, name]


def every(role):
    return pytest.mark.parametrize("name", ENGINES[role])


@pytest.fixture(scope="module")
def portrait():
    return astronaut()


def written(*lines, size=(640, 360)):
    """Return a dark frame with white lines of text at the given places."""
    picture = Image.new("RGB", size, (20, 30, 60))
    draw = ImageDraw.Draw(picture)
    for (left, top), text in lines:
        draw.text((left, top), text, "white", font=ImageFont.load_default(36))
    return np.asarray(picture)


@every("faces")
def test_faces(name, portrait):
    black = np.zeros_like(portrait)
    found = engine("faces", name)(np.stack([portrait, black, portrait]))
    assert [len(faces) for faces in found] == [1, 0, 1]
    (face,) = found[0]
    assert face.box.left < 298 < face.box.right
    assert face.box.top < 78 < face.box.bottom
    assert 30 < face.box.right - face.box.left < 110
    assert 0 < face.confidence <= 1
    assert all(isinstance(side, float) for side in (face.box.left, face.confidence))


@every("faces")
def test_faces_are_inside_the_frame_and_the_largest_comes_first(name, portrait):
    face = portrait[30:130, 240:350]
    frame = np.full((360, 640, 3), 90, np.uint8)
    frame[100:200, 20:130] = face
    frame[40:340, 250:580] = np.asarray(Image.fromarray(face).resize((330, 300)))
    cut = np.asarray(Image.fromarray(portrait[55:105, 262:332]).resize((640, 360)))
    many, close = engine("faces", name)(np.stack([frame, cut]))
    assert len(many) == 2
    assert many[0].box.area > many[1].box.area
    for detection in (*many, *close):
        box = detection.box
        assert 0 <= box.left < box.right <= 640
        assert 0 <= box.top < box.bottom <= 360


@every("faces")
@pytest.mark.parametrize("size", [(1, 1), (36, 64), (31, 400)])
def test_faces_of_tiny_frames_and_of_no_frames(name, size):
    noise = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    assert engine("faces", name)(noise) == [(), ()]
    assert engine("faces", name)(noise[:0]) == []


@every("image")
def test_image(name, portrait):
    vectors = engine("image", name)(np.stack([portrait, portrait, np.zeros_like(portrait)]))
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-3, atol=1e-3)
    assert not np.allclose(vectors[0], vectors[2])


@every("vad")
def test_vad_finds_the_voice_where_it_is(name):
    pause = np.zeros(SAMPLE_RATE, np.float32)
    sound = np.concatenate([pause, voice(2), pause, pause, voice(3), pause])
    spans = engine("vad", name)(sound)
    assert [round(s.start_s) for s in spans] == [1, 5]
    assert [round(s.end_s) for s in spans] == [3, 8]
    assert engine("vad", name)(sound) == spans  # nothing is carried over from call to call


@every("vad")
@pytest.mark.parametrize("samples", [0, 1, 511, SAMPLE_RATE])
def test_vad_hears_nobody_in_silence(name, samples):
    assert engine("vad", name)(np.zeros(samples, np.float32)) == ()


@every("ocr")
def test_ocr_reads_lines_in_order_where_they_stand(name):
    frames = np.stack(
        [
            written(((60, 250), "Second line"), ((60, 60), "HELLO"), ((350, 62), "WORLD")),
            written(),
        ]
    )
    lines, none = engine("ocr", name)(frames)
    assert none == ()
    assert [line.text for line in lines] == ["HELLO", "WORLD", "Second line"]
    assert all(0.8 < line.confidence <= 1 for line in lines)
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = lines[1].corners
    assert x1 < x2
    assert x4 < x3
    assert y1 < y4
    assert y2 < y3
    assert 330 < x1 < 370
    assert 50 < y1 < 80


@every("language")
def test_language(name):
    texts = ["The weather is lovely this morning, is it not?", "Das Wetter ist heute schön.", ""]
    english, german, nothing = engine("language", name)(texts)
    assert english.code == "en"
    assert german.code == "de"
    assert min(english.probability, german.probability) > 0.9
    assert isinstance(nothing, Language)
    assert 0 <= nothing.probability <= 0.9
    assert engine("language", name)([]) == []


@every("segment")
def test_segment(name):
    segment = engine("segment", name)
    assert segment("insideedition breakingnews") == "inside edition breaking news"
    assert segment("we met at 10:30, didn't we?") == "we met at 10:30, didn't we?"
    assert segment("") == ""
    assert segment("你好") == "你好"


@every("spell")
def test_spell(name):
    texts = ["the goverment has resigned", "all is well", ""]
    assert engine("spell", name)(texts) == ["the government has resigned", "all is well", ""]
    assert engine("spell", name)([]) == []


@every("sentiment")
def test_sentiment(name):
    judge = engine("sentiment", name)
    good, bad, plain = map(judge, ("I love this wonderful day!", "A horrible tragedy.", "A table."))
    assert (good.label, bad.label, plain.label) == ("positive", "negative", "neutral")
    assert -1 <= bad.valence < -0.2 < plain.valence < 0.2 < good.valence <= 1
    for tone in (good, bad, plain, judge("")):
        assert 0 <= tone.score <= 1
        assert tone.vector is None or tone.vector.shape == (1, 768)


@every("expression")
def test_a_smile_is_happy(name, portrait):
    (answer,) = engine("expression", name)([portrait[55:105, 262:332]])
    assert answer.label == "happy"


@every("caption")
def test_a_caption_names_what_is_there(name, portrait):
    (vector,) = engine("image", "clip")(portrait[None])
    words = engine("caption", name)(vector).lower()
    assert any(word in words for word in ("person", "woman", "astronaut", "portrait", "actor"))


@every("sound")
def test_silence_is_no_speech(name):
    heard = engine("sound", name)(np.zeros((2, 3 * SAMPLE_RATE), np.float32))
    assert heard.tags[0].name == "Silence"


@every("translate")
def test_a_greeting_is_translated(name):
    german, french = engine("translate", name)(["Guten Morgen.", "Bonjour."], ["de", "fr"])
    assert "morning" in german.lower()
    assert french.lower().startswith(("hello", "good"))
