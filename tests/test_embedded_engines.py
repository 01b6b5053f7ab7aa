"""What is true of single engines whose weights are inside pip wheels."""

import logging
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.clips import clip_of
from vemoclap.engines import mtcnn, rapid_ocr, roles, subtitles, symspell


def engine(role, name):
    return roles.load(role, name, "cpu")


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


def test_frames_that_are_read_side_by_side_give_what_each_gives_alone(monkeypatch):
    frames = np.stack([written(word) for word in ("JOY", "", "FEAR", "SURPRISE", "ANGER", "JOY")])
    monkeypatch.setattr(rapid_ocr, "_cores", lambda: 1)
    alone = rapid_ocr.load("cpu")
    expected = [alone(frame[None])[0] for frame in frames]
    monkeypatch.setattr(rapid_ocr, "_cores", lambda: 4)
    assert rapid_ocr.load("cpu")(frames) == expected
    words = [[line.text for line in lines] for lines in expected]
    assert words == [["JOY"], [], ["FEAR"], ["SURPRISE"], ["ANGER"], ["JOY"]]


def written(word: str):
    picture = Image.new("RGB", (640, 360), "white")
    font = ImageFont.load_default(60)
    ImageDraw.Draw(picture).text((150, 140), word, font=font, fill="black")
    return np.asarray(picture)


def test_rapidocr_is_quiet(capfd):
    engine("ocr", "rapidocr")(np.zeros((1, 360, 640, 3), np.uint8))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level >= logging.CRITICAL


def test_dialects_count_as_their_language_and_signs_as_none():
    chinese, signs = engine("language", "py3langid")(["你好世界", "10:30 12345"])
    assert chinese.code == "zh"
    assert signs.code == "en"
    assert signs.probability <= 0.9  # which is unknown


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
