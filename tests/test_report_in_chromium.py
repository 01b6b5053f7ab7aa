"""A real browser plays the video of a report that lies on the disk, and its times lead there."""

import html
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import chromium
from tests.analyses import described, hostile_payloads, named, trained_analysis
from vemoclap import report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

LAUNCH = Path(__file__).parent.parent / "samples" / "launch.mp4"
NOW = "document.getElementById('player').currentTime"
READY = "document.getElementById('player').readyState"
PATIENCE_S = 120.0

pytestmark = chromium.needed


def opened(browser: "Browser", folder: Path, *, embed_bytes: int = 0) -> "Page":
    """Return the page of a report, whose complaints would fail the test."""
    analysis = described(named(trained_analysis(), LAUNCH), duration_s=14.4)
    report.write(analysis, folder, embed_bytes=embed_bytes)
    page = browser.new_page()
    page.on("console", lambda message: pytest.fail(message.text))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto((folder / "report.html").as_uri())
    until(page, READY, lambda state: state >= 2)
    return page


def until(page: "Page | Frame", expression: str, met: Callable[[float], bool]) -> None:
    """Wait for a value; the page's policy forbids Playwright's own way, which evaluates text."""
    deadline = time.monotonic() + PATIENCE_S
    while not met(value := page.evaluate(expression)):
        assert time.monotonic() < deadline, f"{expression} stays {value}"
        page.wait_for_timeout(50)


def at(time_s: float, within_s: float = 0.002) -> Callable[[float], bool]:
    return lambda value: abs(value - time_s) <= within_s


@pytest.mark.parametrize("embed_bytes", [0, 10**7])
def test_a_click_on_a_time_moves_the_player(browser: "Browser", tmp_path: Path, embed_bytes: int):
    page = opened(browser, tmp_path, embed_bytes=embed_bytes)
    for link in ("tr[data-from] a.seek", "ol.stills li:nth-child(4) a.seek"):
        page.locator(link).click()
        time_s = float((page.locator(link).get_attribute("href") or "").removeprefix("#t="))
        until(page, NOW, at(time_s))
        assert page.locator("#said").inner_text().startswith("The video is at 0:0")
    page.close()


def test_the_timeline_moves_the_player_by_mouse_and_keys(browser: "Browser", tmp_path: Path):
    page = opened(browser, tmp_path)
    page.locator("#lanes").scroll_into_view_if_needed()
    place = page.locator(".over").bounding_box()
    assert place
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + 20)
    until(page, NOW, at(7.2, within_s=0.1))
    page.locator("#position").focus()
    page.keyboard.press("Home")
    until(page, NOW, at(0.0))
    page.keyboard.press("ArrowRight")
    until(page, NOW, at(0.1))
    page.close()


def test_a_page_without_its_video_says_so(browser: "Browser", tmp_path: Path):
    report.write(named(trained_analysis(), tmp_path / "gone.mp4"), tmp_path / "results")
    page = browser.new_page()
    page.goto((tmp_path / "results" / "report.html").as_uri())
    page.locator("#lost").wait_for(state="visible")
    assert not page.locator("#player").is_visible()
    page.close()


def test_sections_and_times_are_reached_from_within_a_frame(browser: "Browser", tmp_path: Path):
    analysis = described(named(trained_analysis(), LAUNCH), duration_s=14.4)
    inner = html.escape(report.to_html(analysis, embed_bytes=10**7))
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<iframe sandbox="allow-scripts" width="900" height="600" srcdoc="{inner}"></iframe>'
    )
    page = browser.new_page()
    page.goto(outer.as_uri())
    frame = page.frames[1]
    until(frame, READY, lambda state: state >= 2)
    frame.get_by_role("link", name="Speech", exact=True).click()
    until(frame, "document.getElementById('h-speech').getBoundingClientRect().top", at(16, 30))
    assert frame.url == "about:srcdoc"
    frame.locator("tr[data-from] a.seek").click()
    until(frame, NOW, at(0.5))
    page.close()


def test_no_payload_runs(browser: "Browser", tmp_path: Path):
    payloads = " ".join(hostile_payloads())
    name = payloads.replace("/", "\u2215").replace("\x00", "") + ".mp4"
    place = tmp_path / "report.html"
    place.write_text(report.to_html(named(trained_analysis(words=payloads), tmp_path / name)))
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
