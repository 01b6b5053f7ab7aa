"""A real browser opens the page of a timeline that lies on the disk."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import chromium
from tests.analyses import hostile_payloads
from tests.test_report_in_chromium import LAUNCH, NOW, READY, at, until
from tests.timelines import by_utterance, by_window, mer, nothing
from vemoclap.report import timeline_files
from vemoclap.timeline.records import Timeline

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = chromium.needed


def opened(browser: "Browser", timeline: Timeline, folder: Path, width: int = 1100) -> "Page":
    """Return the page of a timeline of a sample, whose complaints would fail the test."""
    info = replace(timeline.info, path=LAUNCH, duration_s=14.4)
    timeline_files.write(replace(timeline, info=info), folder)
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.on("console", lambda message: pytest.fail(message.text))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto((folder / "timeline.html").as_uri())
    until(page, READY, lambda state: state >= 2)
    return page


def test_the_curve_and_all_times_move_the_player(browser: "Browser", tmp_path: Path):
    page = opened(browser, by_window(count=6), tmp_path)
    page.locator(".stack-lane").scroll_into_view_if_needed()
    place = page.locator(".stack-lane > svg").bounding_box()
    assert place
    page.mouse.click(place["x"] + place["width"] / 4, place["y"] + 40)
    until(page, NOW, at(3.6, within_s=0.1))
    page.locator(".peaks a.seek").first.click()
    until(page, NOW, lambda value: value % 2 < 0.01)
    page.locator("tr[data-from='8.000'] a.seek").click()
    until(page, NOW, at(8.0))
    assert page.locator("tr.now").count() == 2  # both windows that cover 0:08
    page.locator(".people a.seek").nth(1).click()
    until(page, NOW, at(4.0))
    page.close()


def test_the_picture_of_a_face_is_seen_in_every_row(browser: "Browser", tmp_path: Path):
    page = opened(browser, by_utterance(), tmp_path)
    (first, *_) = page.locator(".seen svg").all()
    colour = first.screenshot()
    assert len(colour) > 100
    drawn = "document.querySelector('.seen svg use').getBBox().width"
    until(page, drawn, lambda width: width > 0)
    page.close()


@pytest.mark.parametrize("kind", ["window", "mer", "nothing"])
def test_nothing_sticks_out_on_a_phone(browser: "Browser", tmp_path: Path, kind: str):
    timeline = {
        "window": by_window(words="Donaudampfschiff" * 9),
        "mer": mer(),
        "nothing": nothing(),
    }
    page = opened(browser, timeline[kind], tmp_path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_two_hours_open_and_unfold(browser: "Browser", tmp_path: Path):
    long = by_window(count=1440, length_s=10, step_s=5, words="some words that are said")
    page = opened(browser, long, tmp_path)
    rows = page.locator("tr[data-from]")
    assert rows.count() == 1440
    assert not rows.nth(100).is_visible()
    page.locator("details.unfold > summary").nth(1).click()
    assert rows.nth(100).is_visible()
    page.close()


def test_no_payload_runs(browser: "Browser", tmp_path: Path):
    payloads = " ".join(hostile_payloads())
    name = payloads.replace("/", "\u2215").replace("\x00", "") + ".mp4"
    place = tmp_path / "timeline.html"
    place.write_text(timeline_files.to_html(by_utterance(payloads, tmp_path / name)))
    page = browser.new_page()
    refused: list[str] = []
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.on("console", lambda message: refused.append(message.text))
    page.goto(place.as_uri())
    assert page.locator("script").count() == page.locator("h1").count() == 1
    assert page.locator("iframe, object, embed, form, base, link").count() == 0
    assert page.url == place.as_uri()
    assert not [text for text in refused if "Content Security Policy" in text]
    page.close()
