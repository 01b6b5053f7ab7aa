"""The tab "Over time" and the screen of utterances in a real browser."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import webvtt

from tests import chromium
from tests.local_page import local_page
from tests.test_app_browser import Visit, shoot, wide_enough

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
LOOKS = (("desktop", 1280, "light"), ("phone", 390, "light"), ("dark", 1280, "dark"))

pytestmark = chromium.needed


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with local_page(tmp_path_factory.mktemp("timeline")) as running:
        yield running


def looked_at(page, name, tmp_path, place):
    for look, width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900 if width > 400 else 844})
        page.emulate_media(color_scheme=scheme)
        page.locator(place).first.scroll_into_view_if_needed()
        page.wait_for_timeout(700)
        page.locator(place).first.screenshot()  # without which a slow browser leaves it blank
        assert wide_enough(page)
        assert shoot(page, f"{name}-{look}", tmp_path) > 50_000
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def test_a_sample_over_time(browser, server, tmp_path):
    visit = Visit(browser, server.address)
    page, step = visit.page, visit.step(5)
    visit.build()
    visit.click(3, "Sample video")
    visit.click(4, "Launch")
    visit.sees(4, "Chosen: launch")
    visit.click(5, "Over time")
    visit.click(5, "By window")
    length = step.get_by_role("spinbutton")
    length.fill("4")
    length.press("Tab")
    visit.click(5, "Follow over time")
    step.get_by_text(re.compile(r"\d of 6 spans, the newest first")).wait_for()
    assert step.locator(".vc-span svg.named").count() >= 1
    shoot(page, "over-time-at-work", tmp_path)
    report = page.frame_locator("iframe.vc-report")
    report.get_by_role("heading", name="Strongest moments").wait_for()
    assert report.locator(".stack-lane path").count() == 6
    assert report.locator("tr[data-from]").count() == 6
    assert "All 6 spans" in report.locator("body").inner_text()
    looked_at(page, "over-time", tmp_path, "iframe.vc-report")

    place = report.locator(".over").bounding_box()
    report.locator("#lanes").click(
        position={"x": place["width"] / 2 + 132, "y": 60}, force=True
    )  # in the middle of the curve
    shown = report.locator("#shown")
    for _ in range(100):
        if shown.inner_text() in ("0:06", "0:07", "0:08"):
            break
        page.wait_for_timeout(100)
    assert shown.inner_text() in ("0:06", "0:07", "0:08")

    captions = webvtt.read(visit.save("Subtitles (WebVTT)", tmp_path))
    assert len(captions) == 6
    assert all(re.match(r"\[\w+ \d+ %\]", caption.text) for caption in captions)
    for name in ("Spans (CSV)", "Subtitles (SRT)", "ELAN (EAF)", "Page (HTML)"):
        assert visit.save(name, tmp_path).stat().st_size > 100
    visit.harmless()
    assert visit.errors == []
    visit.context.close()


@pytest.fixture(scope="module")
def checkpoint(hub, tmp_path_factory):
    """Return the folder of a miniature end-to-end model, with random weights."""
    import torch

    from vemoclap.mer import model
    from vemoclap.mer.inputs import Shape
    from vemoclap.mer.train import Recipe
    from vemoclap.weights import cache

    folder = tmp_path_factory.mktemp("checkpoint")
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        patch.setattr(cache, "folder", lambda artefact: hub / artefact)
        torch.manual_seed(0)
        network = model.published("cpu", Shape(), Recipe(channels=16, hidden=16)).eval()
    thresholds = (0.01, 0.99, 0.01, 0.99, 0.01, 0.99)  # so that three are above theirs
    network.config = replace(network.config, thresholds=thresholds, note="A miniature.")
    model.save(network, folder)
    return folder


def test_utterances_are_submitted_cleared_and_submitted_again(
    browser, server, checkpoint, tmp_path
):
    visit = Visit(browser, server.address)
    page, screen = visit.page, visit.page.locator(".vc-utterances")
    screen.get_by_text("No trained weights of the end-to-end model").wait_for()
    shoot(page, "utterances-before", tmp_path)

    def send(file):
        with page.expect_file_chooser() as waiting:
            screen.get_by_role("button", name="Choose a video").click()
        waiting.value.set_files(file)

    def press(name):
        screen.get_by_role("button", name=name, exact=True).click()

    too_large = tmp_path / "large.mp4"
    with too_large.open("wb") as file:
        file.truncate(201_000_000)
    send(too_large)
    screen.get_by_text("This file has 201 MB and the limit is 200 MB").wait_for()
    press("Submit")
    screen.get_by_text("Choose a video first.").wait_for()

    send(SAMPLES / "launch.mp4")
    screen.get_by_text("Chosen: launch.mp4").wait_for()
    press("Submit")
    screen.get_by_role("article", name="Utterance 1", exact=True).wait_for()
    screen.get_by_text("Done. Clear, and take the next video.").wait_for()
    cards = screen.locator(".vc-spans .vc-span")
    count = cards.count()
    assert count >= 2
    assert screen.locator(".vc-spans svg.wave").count() == count
    assert screen.locator(".vc-spans .vc-words").count() >= 1
    assert screen.get_by_text(f"The mean of {count} utterances, weighted by length.").count() == 1
    assert screen.locator(".vc-faces img").count() >= 1
    looked_at(page, "utterances", tmp_path, ".vc-mean")
    (stored,) = server.visitors.glob("visitor-*/launch.mp4")

    press("Clear")
    screen.get_by_text("one utterance after the other").wait_for()
    assert cards.count() == 0
    assert not stored.exists()
    field = screen.get_by_role("textbox", name="Checkpoint")
    field.fill(str(checkpoint))
    field.press("Tab")
    send(SAMPLES / "launch.mp4")
    screen.get_by_text("Chosen: launch.mp4").wait_for()
    press("Submit")
    screen.get_by_text("Done. Clear, and take the next video.").wait_for()
    assert cards.count() == count
    assert screen.locator(".vc-mean .threshold").count() == 6
    assert screen.locator(".vc-spans .threshold").count() == 6 * count
    above = screen.locator(".vc-mean").get_by_text("Above their thresholds: happy, anger, disgust.")
    assert above.count() == 1
    assert "A miniature." in screen.locator(".vc-mean").inner_text()
    looked_at(page, "utterances-mer", tmp_path, ".vc-mean")
    visit.harmless()
    assert visit.errors == []
    visit.context.close()
