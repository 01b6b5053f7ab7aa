"""What the terminal says."""

import io
import re

import pytest
from rich.console import Console

from tests.analyses import empty_analysis, full_analysis, hostile_payloads, trained_analysis
from tests.pages import CONTROL
from vemoclap import report
from vemoclap.records import Analysis
from vemoclap.report import wording


def render(analysis: Analysis) -> str:
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(report.summary(analysis))
    return console.file.getvalue()


def test_the_summary_says_it_in_80_columns():
    text = render(full_analysis())
    assert max(map(len, text.splitlines())) <= 80
    for said in (
        "clip.mp4",
        "joy  50 %",
        "untrained estimate",
        "Hello there",
        "0.5-1.5 s",
        "mtcnn",
    ):
        assert said in text
    assert text.index("joy  50 %") < text.index("anger  10 %")


def test_the_summary_says_what_the_papers_engines_found():
    text = " ".join(render(trained_analysis("Xyzzy")).split())
    for said in (
        "why What is said spoke most for joy, adding 25 percentage points.",
        wording.ABOUT_EVIDENCE,
        "heard Xyzzy 90 %, Rain 20 %",
        "expressions Xyzzy in 1 face",
        "caption \u201cXyzzy\u201d, by a machine of the frame at 0:02",
        "English (en)",
        "! The classifier was trained on what paddleocr gives for ocr.",
    ):
        assert said in text
    assert "spoke most" not in render(full_analysis())


def test_the_summary_says_what_is_missing():
    text = render(empty_analysis())
    assert "absent: There was none" in text
    for row in ("heard", "caption"):
        assert re.search(rf"{row} +absent: There was none", text)
    assert "! Half of the picture is lost." in text
    assert "unknown" in text


@pytest.mark.parametrize("payload", hostile_payloads())
def test_hostile_words_do_not_steer_a_terminal(payload: str):
    assert not CONTROL.search(render(trained_analysis(words=payload)))
