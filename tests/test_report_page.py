"""What the page says, and what it does not."""

import re
from dataclasses import replace

import pytest

from tests.analyses import empty_analysis, full_analysis, trained_analysis
from tests.pages import Page, row_of, shown
from vemoclap import report
from vemoclap.records import OK, Face, FaceReading, Transcript
from vemoclap.report import wording


def test_the_page_says_what_was_found():
    text = " ".join(Page(report.to_html(full_analysis())).text.split())
    for said in ("clip.mp4", "joy 50 %", "untrained estimate", "Hello there", "2 faces in 2 of 4"):
        assert said in text


def test_the_page_says_what_the_papers_engines_found():
    text = shown(trained_analysis("Xyzzy"))
    for said in (
        "\u201cXyzzy\u201d Written by a machine from this frame alone",
        "Sounds Xyzzy 90 % Rain 20 %",
        "Heard in 3 windows of 3 s, which start at 0.0, 1.5, 3.0 s.",
        "Expressions: Xyzzy in 1 face",
        "Xyzzy 80 % sure at 0:02 face 95 %",
        "Language spoken: English (en).",
        "The classifier was trained on what paddleocr gives for ocr.",
        wording.ABOUT_EXPRESSIONS,
    ):
        assert said in text
    sentiments = re.findall(r"Sentiment: positive, \+0\.50 of -1 to 1", text)
    assert len(sentiments) == 2  # of the words and of the screen text


def test_the_page_names_what_was_downloaded():
    (image,) = [use for use in trained_analysis().engines if use.role == "image"]
    row = row_of(trained_analysis(), "image")
    assert f"Downloaded: {image.weights[0]}" in row[1]
    assert image.detail in row[1]


def test_of_very_many_faces_the_largest_are_shown():
    whole = full_analysis()
    found = whole.readings.faces.faces
    assert found
    many = tuple(
        replace(found[0], box=replace(found[0].box, right=20.0 + width)) for width in range(100)
    )
    faces = FaceReading(OK, many, OK)
    page = Page(report.to_html(replace(whole, readings=replace(whole.readings, faces=faces))))
    assert "The 24 largest of 100 are shown." in " ".join(page.text.split())
    pictures = [tag for tag, _ in page.tags if tag == "img"]
    assert len(pictures) == 25  # and the sample frame


def test_a_face_with_no_area_is_no_trouble():
    whole = full_analysis()
    found = whole.readings.faces.faces
    assert found
    flat = replace(found[0].box, right=found[0].box.left, bottom=found[0].box.top)
    faces = FaceReading(OK, (Face(0, flat, 0.5, None),), OK)
    assert "1 face in 1 of 4" in shown(
        replace(whole, readings=replace(whole.readings, faces=faces))
    )


@pytest.mark.parametrize(
    ("language", "english", "said"),
    [
        ("en", True, "Language spoken: English (en)."),
        ("de", True, "Language spoken: German (de). The words are its English translation."),
        ("de", False, "Language spoken: German (de). The words are not translated."),
        ("xx", False, "Language spoken: xx. The words are not translated."),
        (None, True, "Language spoken: not known."),
    ],
)
def test_the_language_spoken_is_named(language: str | None, english: bool, said: str):
    assert wording.spoken(Transcript((), "Hallo", language, english, "a model")) == said


def test_the_page_says_what_is_missing_and_why():
    text = shown(empty_analysis())
    assert "Sounds absent: There was none" in text
    assert "Caption: absent: There was none" in text
    assert "absent: There was none" in text
    assert "Half of the picture is lost." in text
    assert "analysed in part" in text
    assert "failed: It broke" in Page(report.to_html(empty_analysis(broken=True))).text
