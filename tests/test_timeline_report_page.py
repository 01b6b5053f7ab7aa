"""The timeline's page: what it says, what nobody can make it do, and that it stays light."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.analyses import full_analysis, hostile_payloads
from tests.pages import CONTROL, Page, assert_only_words_differ
from tests.timelines import by_utterance, by_window, every_timeline, mer, nothing, reasoned
from vemoclap import report as video_report
from vemoclap.records import Span
from vemoclap.report import timeline_files, wording
from vemoclap.report.charts import columns, named_columns, waveform
from vemoclap.report.wording import exact
from vemoclap.timeline.records import FaceTrack, Timeline

KINDS = every_timeline()


def page(timeline: Timeline) -> Page:
    return Page(timeline_files.to_html(timeline))


def hostile(payload: str) -> Timeline:
    """Return a timeline in which all foreign text is the payload."""
    name = payload.replace("/", "\u2215").replace("\x00", "") + ".mp4"
    return by_utterance(payload, Path("/v") / name)


def test_the_page_says_what_was_found():
    words = page(by_window(words="What a day")).words
    for said in (
        "windows of 4 s, every 2 s",
        "untrained estimate",
        "The mean over 5 spans, each weighted by its length; windows share the time",
        "The whole video at once",
        "All 5 spans",
        "What a day",
        "Face 1 in 12 frames",
        "Expressions: What a day 75 %, neutral 25 %",
        "Where windows overlap, the curve is their mean.",
        wording.INTENDED_USE,
        wording.SOURCES,
    ):
        assert said in words
    assert "threshold" not in words


def test_thresholds_are_dotted_lines_and_what_reaches_them_stands_out():
    text = timeline_files.to_html(mer())
    assert text.count('class="threshold"') >= 6 * (1 + len(mer().moments))
    assert "stroke-dasharray" in text
    assert "The dotted line is each emotion's threshold" in Page(text).words
    assert "untrained" not in Page(text).words
    assert 'class="faint-area"' in text  # stretches below theirs
    lanes = re.findall(r'<div class="lane single-lane">', text)
    assert len(lanes) == 6
    bold = re.findall(r'<dt class="present">(\w+)</dt>', text)
    above = [
        label
        for label, value, least in zip(mer().labels, mer().mean, mer().thresholds, strict=True)
        if value >= least
    ]
    assert bold == above


def test_a_classifier_that_can_say_why_does_so_in_each_span():
    words = page(reasoned("<i>shouting</i>")).words
    assert words.count("Why: <i>shouting</i> spoke most for joy.") == 5
    assert "Why:" not in page(by_window()).words
    assert (
        timeline_files.document(reasoned("All"))["spans"][0]["reason"] == "All spoke most for joy."
    )


def test_what_could_not_be_had_is_said():
    words = page(nothing()).words
    assert "No span has an answer (skipped: Nothing looked for it)." in words
    assert "skipped: nothing looked for faces" in words
    assert "Words: skipped: Nothing looked for it." in words
    assert "Strongest moments" not in words
    assert "untrained" not in words


@pytest.mark.parametrize("timeline", KINDS.values(), ids=KINDS)
def test_the_page_has_only_known_elements(timeline: Timeline):
    found = page(timeline)
    names = {tag for tag, _ in found.tags}
    assert not names & {"link", "iframe", "object", "embed", "base", "form", "source", "track"}
    assert found.all("script") == [{}]
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"style", "srcset", "srcdoc", "action", "formaction"} & set(attributes)
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    pointed = [a["href"] for _, a in found.tags if (a.get("href") or "").startswith("#")]
    assert not [p for p in pointed if not p.startswith("#t=") and p[1:] not in ids]


USUAL = page(by_utterance("Hello there", Path("/v/Hello there.mp4")))


@pytest.mark.parametrize("payload", hostile_payloads())
def test_hostile_words_are_only_words(payload: str):
    text = timeline_files.to_html(hostile(payload))
    found = Page(text)
    assert not CONTROL.search(text)
    assert_only_words_differ(found, USUAL)
    assert wording.clean(payload) in found.words


def test_hostile_labels_of_a_model_are_only_words():
    labels = tuple(f"<b onclick=alert({n})>" for n in range(6))
    text = timeline_files.to_html(replace(mer(), labels=labels))
    assert "<b onclick" not in text
    assert "&lt;b onclick" in text


def test_a_crowd_is_counted_rather_than_listed():
    whole = by_window(count=1)
    (one,) = whole.moments
    assert one.faces
    crowd = tuple(replace(one.faces[1], track=number) for number in range(30))
    words = page(replace(whole, moments=(replace(one, faces=crowd),))).words
    assert "Face 8 and 22 more" in words
    assert "Face 9" not in words


def test_two_hours_stay_light_and_folded():
    long = by_window(count=1440, length_s=10, step_s=5, words="words that are said " * 12)
    tracks = tuple(
        FaceTrack(n, tuple(Span(t, t + 5) for t in range(0, 7000, 100)), n, b"x" * 4000, None)
        for n in range(200)
    )
    text = timeline_files.to_html(replace(long, tracks=tracks))
    assert len(text) < 8_000_000
    found = Page(text)
    unfolded = [a for a in found.all("details") if "open" in a]
    assert len(found.all("details")) == 24
    assert len(unfolded) == 1
    assert len(found.all("img")) == 6  # the strongest moments
    assert len(found.all("symbol")) == 24
    assert "The 24 of 200 seen most often are shown." in found.words
    assert "192 more faces, seen less often, have no row." in found.words


def test_the_pages_of_a_folder_point_at_each_other(tmp_path: Path):
    alone = timeline_files.to_html(by_window(), tmp_path)
    assert 'href="report.html"' not in alone
    video_report.write(full_analysis(), tmp_path)
    assert "timeline.html" not in (tmp_path / "report.html").read_text()
    timeline_files.write(by_window(), tmp_path)
    assert 'href="report.html"' in (tmp_path / "timeline.html").read_text()
    video_report.write(full_analysis(), tmp_path)
    assert 'href="timeline.html"' in (tmp_path / "report.html").read_text()
    assert "timeline.html" not in video_report.to_html(full_analysis())


@pytest.mark.parametrize("timeline", KINDS.values(), ids=KINDS)
def test_the_picture_shows_the_curve(timeline: Timeline):
    picture = Image.open(io.BytesIO(timeline_files.to_png(timeline))).convert("RGB")
    assert picture.width == 1500
    counts = {colour: count for count, colour in picture.getcolors(10**6) or ()}
    joy = counts.get((0xC9, 0x97, 0x00), 0)
    assert (joy > 2000) == (timeline.mean is not None)  # a legend's square has fewer


def test_a_name_that_looks_like_a_formula_is_drawn_as_it_is():
    timeline = by_window(path=Path("/v/$\\frac{1}$ $x^.mp4"))
    assert timeline_files.to_png(timeline).startswith(b"\x89PNG")


def test_columns_tell_their_numbers_in_words():
    told = columns(("joy", "fear"), (0.75, 0.1), (0.5, 0.2))
    assert "joy 75 %, threshold 50 %, above; fear 10 %, threshold 20 %" in told
    assert told.count('class="threshold"') == 2
    assert columns(("joy", "fear"), (0.75, 0.25), None).count('class="threshold"') == 0
    named = named_columns(("joy", "<i>"), (0.75, 0.1), (0.5, 0.2))
    assert named.count("&lt;i&gt;") == 2  # told and shown
    assert named.count('font-weight="700"') == 2  # number and name of the one above


def test_a_waveform_keeps_its_peaks():
    quiet = [0.0] * 200
    quiet[77] = 1.0
    shape = waveform(quiet, 20)
    assert shape.count("M") == 20
    assert shape.count("V39") == 1
    assert "loudest 100 %" in shape


@pytest.mark.parametrize(
    ("time_s", "shown"), [(0, "0:00"), (1.25, "0:01.2"), (59.96, "1:00"), (3661.5, "1:01:01.5")]
)
def test_times_have_tenths_where_there_are_any(time_s: float, shown: str):
    assert exact(time_s) == shown
