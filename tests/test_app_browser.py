"""The page in a real browser: five steps by clicking, an upload, and videos that mean harm."""

import os
import re
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import pytest

from tests import chromium, hostile_video
from tests.analyses import hostile_payloads, named, trained_analysis
from tests.app_widgets import all_of
from tests.local_page import local_page
from tests.test_app_session import FakeAnalyser
from tests.test_app_steps import App
from vemoclap import analyser
from vemoclap.app import private_folder
from vemoclap.app.environment import Place
from vemoclap.weights import download

if TYPE_CHECKING:
    from playwright.sync_api import Page

RAN = "PAYLOAD RAN"
CANARY = f"""
for (const name of ["alert", "confirm", "prompt"]) {{
  window[name] = (...said) => console.error("{RAN}", name, ...said);
}}
"""
PUT = """all => {
  for (const one of all) {
    const place = document.createElement("div");
    place.innerHTML = one;
    document.querySelector("main").append(place);
  }
}"""
SLOW_MS = 180_000  # an analysis on a machine that does other things as well

pytestmark = chromium.needed


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with local_page(tmp_path_factory.mktemp("browser")) as running:
        yield running


class Visit:
    """A page that is open, and what it complained of, asked for elsewhere, or ran."""

    def __init__(self, browser, address=None):
        self.context = browser.new_context(
            viewport={"width": 1280, "height": 900}, accept_downloads=True, color_scheme="light"
        )
        self.context.set_default_timeout(SLOW_MS)
        self.context.add_init_script(CANARY)
        self.page: Page = self.context.new_page()
        self.said, self.errors, self.elsewhere, self.dialogs = [], [], [], []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._follow)
        self.page.on("dialog", self._dismiss)
        self._address = address
        if not address:
            self.page.goto("data:text/html,<main></main>")  # where the canary sits, too
        else:
            self.page.goto(address)
            self.step(5).wait_for()

    def _hear(self, message):
        self.said.append(message.text)
        if message.type == "error":
            self.errors.append(message.text)

    def _follow(self, request):
        here = (self._address or "about:", "data:", "blob:", "about:")
        if not request.url.startswith(here):
            self.elsewhere.append(request.url)

    def _dismiss(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def harmless(self):
        """Assert that nothing ran that should not."""
        assert self.dialogs == []
        assert self.ran() == []
        assert self.elsewhere == []

    def ran(self):
        """Return what the console says of scripts that ran, or tried to."""
        signs = (RAN, "Ignored call to", "Content Security Policy")
        return [text for text in self.said if any(sign in text for sign in signs)]

    def step(self, number):
        return self.page.locator(f".vc-step-{number}")

    def click(self, number, name):
        self.step(number).get_by_role("button", name=name, exact=True).click()

    def sees(self, number, text):
        self.step(number).get_by_text(text).first.wait_for()

    def build(self):
        self.click(2, "Embedded")
        self.click(2, "Build models")
        self.sees(2, "The models of the preset embedded are ready.")

    def frames(self, count):
        field = self.step(4).get_by_role("spinbutton")
        field.fill(str(count))
        field.press("Enter")

    def analyse(self):
        self.click(5, "Analyse")
        self.sees(5, "Done. For the next video")

    @property
    def report(self):
        return self.page.frame_locator("iframe.vc-report")

    def save(self, name, folder):
        with self.page.expect_download() as waiting:
            self.step(5).get_by_role("link", name=name).click()
        waiting.value.save_as(folder / waiting.value.suggested_filename)
        return folder / waiting.value.suggested_filename


def wide_enough(page):
    """Return whether nothing sticks out at the side."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def screenshots() -> Path | None:
    """Return where pictures of the page are wanted, for eyes and the README."""
    wanted = os.environ.get("VEMOCLAP_SCREENSHOTS")
    return Path(wanted) if wanted else None


def shoot(page, name, tmp_path):
    """Take a picture of the whole page and return its size in bytes."""
    place = (screenshots() or tmp_path) / f"{name}.png"
    page.screenshot(path=place, full_page=True)
    return place.stat().st_size


def test_a_sample_in_five_steps(browser, server, tmp_path):
    visit = Visit(browser, server.address)
    page = visit.page
    visit.sees(1, "is installed, with all it needs.")
    for number in (3, 4, 5):
        visit.sees(number, "Step 2 comes first: build the models.")
    assert shoot(page, "1-opened", tmp_path) > 10_000
    visit.build()
    visit.sees(4, "Step 3 comes first")
    visit.click(3, "Sample video")
    visit.sees(5, "Step 4 comes first: choose a video.")
    visit.click(4, "Launch")
    visit.sees(4, "Chosen: launch")
    page.wait_for_function("document.querySelector('.vc-preview video').readyState > 0")
    visit.frames(6)
    visit.sees(5, re.compile("6 frames, preset embedded"))

    visit.click(5, "Analyse")
    visit.step(5).locator(".vc-stages").wait_for()
    assert visit.step(5).locator("progress").get_attribute("max") == "1100"
    shoot(page, "2-at-work", tmp_path)
    visit.sees(5, "Done. For the next video")

    report = visit.report
    report.get_by_role("heading", name="launch.mp4").wait_for()
    for heading in ("Emotion", "Sample frame", "Video and timeline", "Speech"):
        assert report.get_by_role("heading", name=heading, exact=True).count() == 1
    said = report.locator("body").inner_text()
    assert "What a wonderful day!" in said
    assert "bestdayever" in said
    assert "joy" in said
    for name, width, scheme in (
        ("3-results", 1280, "light"),
        ("4-phone", 390, "light"),
        ("5-dark", 1280, "dark"),
        ("6-phone-dark", 390, "dark"),
    ):
        page.set_viewport_size({"width": width, "height": 900 if width > 400 else 844})
        page.emulate_media(color_scheme=scheme)
        page.locator("iframe.vc-report").scroll_into_view_if_needed()
        page.wait_for_timeout(700)
        assert wide_enough(page)
        assert report.locator("html").evaluate("e => e.scrollWidth <= e.clientWidth")
        assert shoot(page, name, tmp_path) > 50_000
        ground = page.locator(".vc-step-5").evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(25, 30, 38)")
    page.set_viewport_size({"width": 390, "height": 844})
    for size in page.locator("button:visible, .vc-save:visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().height)"
    ):
        assert size >= 39  # a finger

    report.locator("tr[data-from] a").nth(1).click()  # the player in the report goes there
    report.locator("#said").get_by_text("The video is at 0:03").wait_for(state="attached")

    saved = visit.save("Report (HTML)", tmp_path)
    assert saved.name == "launch.html"
    alone = Visit(browser)
    alone.page.goto(saved.as_uri())
    alone.page.get_by_role("heading", name="launch.mp4").wait_for()
    alone.context.close()
    with zipfile.ZipFile(visit.save("Everything (ZIP)", tmp_path)) as packed:
        assert len([name for name in packed.namelist() if name.startswith("launch/frames/")]) == 6
    visit.harmless()
    assert visit.errors == []
    visit.context.close()


def test_an_upload_that_means_harm(browser, server, tmp_path):
    video = hostile_video.make(tmp_path)
    visit = Visit(browser, server.address)
    page = visit.page
    visit.build()
    visit.click(3, "Upload")
    visit.sees(4, "Videos of up to 200 MB and one hour.")

    def send(file):
        with page.expect_file_chooser() as waiting:
            visit.step(4).get_by_role("button", name="Choose a file").click()
        waiting.value.set_files(file)

    too_large = tmp_path / "large.mp4"
    with too_large.open("wb") as file:
        file.truncate(201_000_000)
    send(too_large)
    visit.sees(4, "This file has 201 MB and the limit is 200 MB")
    with too_large.open("wb") as file:
        file.truncate(30_000_000)  # more than a server of notebooks lets through
    send(too_large)
    visit.sees(4, "Chosen: large.mp4")
    visit.click(5, "Analyse")
    refusal = visit.step(5).locator(".vc-bad")
    refusal.wait_for()
    assert "large.mp4" in refusal.inner_text()
    assert "Traceback" not in page.locator("body").inner_text()

    send(video)
    visit.sees(4, "Chosen: <img src=x onerror=alert(8)>")
    (stored,) = server.visitors.glob("visitor-*/*.mkv")
    assert stored.stat().st_mode & 0o077 == 0
    assert not list(server.visitors.glob("visitor-*/large.mp4"))

    thief = Visit(browser, server.address)
    thief.build()
    thief.click(3, "File path")
    thief.step(4).get_by_role("textbox").fill(str(stored))
    thief.sees(4, "There is no file")
    assert server.ask(quote(str(stored)))[0] == 404
    thief.context.close()

    visit.frames(1)
    visit.analyse()
    report = visit.report
    said = " ".join(report.locator("body").inner_text().split())
    shown = [payload for payload in hostile_video.spoken() if payload in said]
    assert len(shown) >= 30
    assert "onerror=alert(8)" in said
    assert "on error= alert" in said or "onerror=alert" in said  # what OCR read
    assert report.locator("script").count() == 1
    assert report.locator("iframe, object, embed, form, base, link, body img[onerror]").count() == 0
    page.wait_for_timeout(500)
    visit.harmless()
    saved = visit.save("Report (HTML)", tmp_path)
    alone = Visit(browser)
    alone._address = saved.as_uri()
    alone.page.goto(saved.as_uri())
    alone.page.get_by_text("onerror=alert(8)").first.wait_for()
    alone.page.wait_for_timeout(300)
    alone.harmless()
    alone.context.close()

    place = stored.parent
    page.goto("about:blank")  # leaves, which ends the visitor's process
    visit.context.close()
    gone(place)


def gone(place: Path) -> None:
    """Wait until a private folder is removed."""
    for _ in range(SLOW_MS // 100):
        if not place.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{place} is still there")


def test_the_canary_sings(browser):
    """What the other tests listen for is heard, from a frame like ours too."""
    visit = Visit(browser)
    for payload in (
        "<img src=x onerror=alert(1)>",
        '<iframe sandbox="allow-scripts" srcdoc="<img src=x onerror=alert(1)>"></iframe>',
    ):
        visit.said.clear()
        visit.page.evaluate(PUT, [payload])
        for _ in range(SLOW_MS // 100):
            if visit.ran():
                break
            visit.page.wait_for_timeout(100)
        assert visit.ran()
    visit.context.close()


@pytest.mark.parametrize("where", [Place.NOTEBOOK, Place.PAGE])
def test_no_payload_runs_in_any_output(browser, monkeypatch, tmp_path, where):
    """Every widget of an analysis that is all payloads, put into a page as ipywidgets does."""
    payloads = " ".join(hostile_payloads())
    name = payloads.replace("/", "\u2215").replace("\x00", "")[:80] + ".mp4"

    def analyze(self, path, *, frame_count, progress):
        progress("video", 0, 1)
        return named(trained_analysis(words=payloads), path.with_name(name))

    monkeypatch.setattr(analyser, "Analyser", FakeAnalyser)
    monkeypatch.setattr(FakeAnalyser, "analyze", analyze)
    monkeypatch.setattr(private_folder, "root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    private = tmp_path / "visitor-one"
    private.mkdir()
    app = App(private, where)
    error = download.WeightsError(payloads)
    monkeypatch.setattr(download, "fetch_all", lambda names, _: dict.fromkeys(names, error))
    app.steps[2].run("fast")
    app.steps[2].run("embedded")
    app.choose(3, "upload")
    app.session.choose_upload(b"video", name)
    app.steps[5].run()
    app.choose(3, "path")
    app.field("folder").value = payloads
    values = [
        w.value for step in app.steps.values() for w in all_of(step.view) if hasattr(w, "value")
    ]
    shown = [value for value in values if isinstance(value, str) and "<" in value]
    assert sum("onerror" in value for value in shown) >= 3
    visit = Visit(browser)
    visit.page.evaluate(PUT, [value for value in shown if value != payloads])
    visit.page.frame_locator("iframe.vc-report").locator("h1").wait_for()
    visit.page.wait_for_timeout(500)
    assert visit.page.locator("main script, main form, main object, main base").count() == 0
    visit.harmless()
    visit.context.close()


def test_a_page_whose_process_is_gone_says_so(browser, server):
    visit = Visit(browser, server.address)
    assert visit.page.locator("#vc-gone").is_hidden()
    newest = max(psutil.Process(server.process.pid).children(), key=lambda one: one.create_time())
    newest.kill()
    visit.page.locator("#vc-gone").wait_for(state="visible")
    assert "reload the page to start anew" in visit.page.locator("#vc-gone").inner_text()
    visit.context.close()


def test_a_websocket_from_elsewhere_is_refused(browser, server):
    visit = Visit(browser, server.address)
    page_id = visit.page.evaluate(
        "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
    )
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    path = f"/api/kernels/{page_id}/channels"
    assert server.ask(path, headers={**upgrade, "Origin": "http://evil.example"})[0] == 403
    own = server.address.rstrip("/")
    assert server.ask(path, headers={**upgrade, "Origin": own})[0] == 101
    for method in ("DELETE", "POST"):
        assert server.ask(f"/api/kernels/{page_id}", method)[0] in (404, 405)
    assert server.ask(f"/visits/{page_id}")[0] == 204
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {}):
        assert server.ask(f"/visits/{page_id}", "POST", headers)[0] == 403
    assert server.ask(f"/visits/{page_id}")[0] == 204
    visit.context.close()
