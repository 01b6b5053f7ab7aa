"""Nothing that a file or a model says acts in a report."""

import functools
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analyses import every_analysis, hostile_payloads, named, trained_analysis
from tests.documents import schema
from tests.pages import CONTROL, Page, assert_only_words_differ
from vemoclap import report
from vemoclap.records import Analysis, Language
from vemoclap.report import wording


def hostile(payload: str) -> Analysis:
    """Return an analysis in which all foreign text is the payload, also names of languages."""
    name = payload.replace("/", "\u2215").replace("\x00", "") + ".mp4"
    whole = named(trained_analysis(words=payload), Path("/v") / name)
    readings = whole.readings
    assert readings.speech.transcript
    assert readings.screen.parts
    words = replace(readings.speech.transcript, language=payload, english=False, source=payload)
    part = replace(readings.screen.parts[0], language=Language(payload, 0.9))
    return replace(
        whole,
        readings=replace(
            readings,
            speech=replace(readings.speech, transcript=words),
            screen=replace(readings.screen, parts=(part,)),
        ),
        warnings=(payload,),
    )


def test_there_are_many_payloads():
    assert len(set(hostile_payloads())) >= 30


@functools.cache
def usual() -> Page:
    """Return the page that hostile ones must be like."""
    return Page(report.to_html(hostile("Hello there")))


@pytest.mark.parametrize("payload", hostile_payloads())
def test_hostile_words_are_only_words(payload: str):
    analysis = hostile(payload)
    text = report.to_html(analysis)
    page = Page(text)
    assert not CONTROL.search(text)
    assert_only_words_differ(page, usual())
    assert wording.clean(payload) in page.words
    assert {a["lang"] for _, a in page.tags if "lang" in a} == {"", "en"}
    jsonschema.validate(json.loads(report.to_json(analysis)), schema())


@pytest.mark.parametrize("analysis", every_analysis().values(), ids=every_analysis())
def test_the_page_has_only_known_elements(analysis: Analysis):
    page = Page(report.to_html(analysis))
    names = {tag for tag, _ in page.tags}
    assert not names & {"link", "iframe", "object", "embed", "base", "form", "source", "track"}
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("video")) == 1
    assert page.all("script") == [{}]
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"style", "srcset", "srcdoc", "action", "formaction", "ping"} & set(attributes)
    assert wording.INTENDED_USE in page.words


@given(st.text())
def test_clean_text_is_printable_and_single_spaced(text: str):
    cleaned = wording.clean(text)
    assert not CONTROL.search(cleaned)
    assert cleaned == " ".join(cleaned.split())
