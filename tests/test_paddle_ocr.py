"""Text in pictures: PaddleOCR around the files of RapidOCR, and the order of lines."""

import numpy as np
import pytest

from vemoclap.engines import paddle_ocr
from vemoclap.engines.reading_order import in_reading_order
from vemoclap.errors import EngineError
from vemoclap.records import TextLine


def test_without_paddleocr_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paddle_ocr, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"pip install 'vemoclap\[paddle\]'"):
        paddle_ocr.load("cpu")


def test_paddleocr_runs_the_files_of_rapidocr(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")  # as ``roles.load`` does before it loads it
    for model in (paddle_ocr.DETECTOR, paddle_ocr.READER):
        assert paddle_ocr._file_of(model).is_file()
    characters = paddle_ocr._reader_settings()["PostProcess"]["character_dict"]
    assert {"a", "Z", "7", "é", "你"} <= set(characters)


def test_paddleocr_is_given_bgr_and_its_lines_are_put_in_order():
    class Reader:
        def predict(self, picture):
            assert picture[0, 0].tolist() == [3, 2, 1]
            low, high = ([(0, y), (9, y), (9, y + 5), (0, y + 5)] for y in (20, 5))
            return [{"rec_polys": [low, high], "rec_texts": ["b", "a"], "rec_scores": [0.1, 0.9]}]

    frame = np.full((30, 40, 3), (1, 2, 3), np.uint8)
    first, second = paddle_ocr._lines(Reader(), frame)
    assert (first.text, first.confidence, second.text) == ("a", 0.9, "b")
    assert first.corners[0] == (0.0, 5.0)


def test_rows_are_read_before_columns():
    def line(text: str, left: float, top: float) -> TextLine:
        right, bottom = left + 80, top + 20
        return TextLine(text, 1.0, ((left, top), (right, top), (right, bottom), (left, bottom)))

    lines = [line("d", 200, 60), line("b", 200, 8), line("a", 10, 12), line("c", 10, 61)]
    assert "".join(one.text for one in in_reading_order(lines)) == "abcd"
