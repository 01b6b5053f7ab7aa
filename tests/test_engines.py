"""One contract per role, kept by every engine that can fill it; then what is true of one engine."""

import logging
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.clips import clip_of, voice
from vemoclap import roles
from vemoclap.engines import mtcnn, rapid_ocr, subtitles, symspell
from vemoclap.errors import EngineError, WeightsError
from vemoclap.records import EMOTIONS, SAMPLE_RATE, Features, Language

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
    return pytest.mark.parametrize("name", roles.ENGINES[role])


@pytest.fixture(scope="module")
def portrait():
    """Return a frame 640 x 360 with the astronaut's face at about (262, 69), 54 pixels wide."""
    from skimage.data import astronaut

    frame = np.full((360, 640, 3), 90, np.uint8)
    frame[:, 140:500] = np.asarray(Image.fromarray(astronaut()).resize((360, 360)))
    return frame


def written(*lines, size=(640, 360)):
    """Return a dark frame with white lines of text at the given places."""
    picture = Image.new("RGB", size, (20, 30, 60))
    draw = ImageDraw.Draw(picture)
    for (left, top), text in lines:
        draw.text((left, top), text, "white", font=ImageFont.load_default(36))
    return np.asarray(picture)


# -- contracts --------------------------------------------------------------------------------


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


@every("expression")
def test_expression(name, portrait):
    crops = [portrait[30:130, 240:350], portrait[50:90, 270:310]]
    answers = engine("expression", name)(crops)
    assert len(answers) == 2
    for answer in answers:
        assert answer.label
        assert 0 < answer.probability <= 1
        assert answer.vector.shape == (768,)
        assert answer.vector.dtype == np.float32


@every("image")
def test_image(name, portrait):
    vectors = engine("image", name)(np.stack([portrait, portrait, np.zeros_like(portrait)]))
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-3, atol=1e-3)
    assert not np.allclose(vectors[0], vectors[2])


@every("caption")
def test_caption(name):
    assert isinstance(engine("caption", name)(np.zeros(512, np.float32)), str)


@every("sound")
def test_sound(name):
    windows = np.stack([voice(3), np.zeros(3 * SAMPLE_RATE, np.float32)])
    heard = engine("sound", name)(windows)
    assert heard.vectors.shape == (2, 768)
    assert heard.vectors.dtype == np.float32
    likely = [tag.probability for tag in heard.tags]
    assert len(likely) == 5
    assert likely == sorted(likely, reverse=True)


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


@every("transcribe")
def test_transcribe_invents_nothing_from_silence(name):
    silent = clip_of(audio=np.zeros(SAMPLE_RATE))
    assert engine("transcribe", name)(silent, ()) is None
    assert engine("transcribe", name)(clip_of(), ()) is None


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


@every("ocr")
@pytest.mark.parametrize("size", [(1, 1), (5, 300), (36, 64)])
def test_ocr_of_tiny_frames_and_of_no_frames(name, size):
    frames = np.zeros((1, *size, 3), np.uint8)
    assert engine("ocr", name)(frames) == [()]
    assert engine("ocr", name)(frames[:0]) == []


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


@every("translate")
def test_translate(name):
    texts = engine("translate", name)(["Guten Morgen.", "Bonjour."], ["de", "fr"])
    assert len(texts) == 2
    assert all(isinstance(text, str) for text in texts)
    assert engine("translate", name)([], []) == []


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


@every("emotion")
def test_emotion_refuses_to_judge_from_nothing(name):
    with pytest.raises(EngineError):
        engine("emotion", name)(Features({}, {}))


def test_every_role_of_the_table_has_a_contract():
    contracts = {name.removeprefix("test_").split("_")[0] for name in globals()}
    assert set(roles.ROLES) <= contracts
    assert len(EMOTIONS) == 6


# -- single engines ---------------------------------------------------------------------------


def test_mtcnn_keeps_only_confident_faces_of_any_dtype():
    boxes = np.array([[10, 10, 40, 40], [-5.5, -3, 60, 380], [0, 0, 9, 9]], object)
    confidences = np.array([0.95, 0.9, 0.899], object)
    large, small = mtcnn._kept(boxes, confidences, 50, 360)
    assert (large.box.left, large.box.top, large.box.right, large.box.bottom) == (0, 0, 50, 360)
    assert small.confidence == 0.95
    assert mtcnn._kept(None, [None], 50, 360) == ()


def test_mtcnn_survives_noise():
    noise = np.random.default_rng(1).integers(0, 256, (6, 90, 160, 3), np.uint8)
    assert len(engine("faces", "mtcnn")(noise)) == 6


def test_silero_leaves_torch_its_threads():
    code = (
        "import torch; torch.set_num_threads(3)\n"
        "from vemoclap.engines import silero; silero.load('cpu')\n"
        "assert torch.get_num_threads() == 3"
    )  # in a new process, since only the first import of silero_vad changes them
    subprocess.run([sys.executable, "-c", code], check=True)


def test_silero_says_nothing():
    sound = voice(1)
    sound.flags.writeable = False  # as decoded sound is
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(roles.load("vad", "silero-vad", "cpu")(sound)) == 1


def test_rapidocr_is_given_bgr_and_drops_no_line(monkeypatch):
    import rapidocr

    seen = []

    class Spy:
        def __init__(self, params):
            seen.append(params["Global.text_score"])

        def __call__(self, picture, use_cls):
            seen.append(picture[0, 0].tolist())
            return type("Found", (), {"boxes": None, "txts": None, "scores": None})()

    monkeypatch.setattr(rapidocr, "RapidOCR", Spy)
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert rapid_ocr.load("cpu")(red) == [()]
    assert seen == [0.0, [0, 0, 255]]


def test_rapidocr_is_quiet(capfd):
    engine("ocr", "rapidocr")(np.zeros((1, 360, 640, 3), np.uint8))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level >= logging.CRITICAL


@pytest.mark.parametrize(
    "text",
    [
        "serkan netflicks",  # names, and what is far from any word
        "helo lovd",  # too short to tell which was meant
        "tomatos",  # tomato or tomatoes
        "Goverment GOVERMENT",  # capitals: perhaps a name
        "goverment2 10:30 rocket7 straße don't",
        "  two  spaces\tand tabs ",
    ],
)
def test_spelling_invents_nothing(text):
    assert engine("spell", "symspellpy")([text]) == [text]


def test_spelling_keeps_punctuation():
    assert engine("spell", "symspellpy")(['"beutiful!" (happpy)']) == ['"beautiful!" (happy)']


def test_segmentation_changes_no_letter():
    segment = symspell.load_segment("cpu")
    assert segment("goverment of editoin").replace(" ", "") == "govermentofeditoin"


def test_subtitles_become_a_transcript():
    cues = [(0.0, 1.0, "Good morning,"), (1.5, 2.0, "two\nlines.")]
    read = subtitles.load("cpu")
    found = read(clip_of(subtitles=cues, subtitle_language="eng"), ())
    assert found.text == "Good morning, two lines."
    assert found.cues[1].start_s == 1.5
    assert (found.language, found.english) == ("en", True)
    assert "subtitle" in found.source
    assert read(clip_of(subtitles=[(0.0, 1.0, "  ")]), ()) is None


@pytest.mark.parametrize(
    ("code", "two"),
    [
        *(("eng", "en"), ("ger", "de"), ("deu", "de"), ("DE", "de"), ("pt-BR", "pt")),
        *(("zh_Hant", "zh"), ("und", None), ("", None), (None, None), ("xx", None)),
    ],
)
def test_language_codes_become_two_letters(code, two):
    assert subtitles.iso_639_1(code) == two
