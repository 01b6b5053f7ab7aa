"""The index of a batch: every video once, nothing from a file means anything, filters work."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests import chromium
from tests.batch_workers import Quick, orders
from vemoclap.batch import inputs, results, run, summary
from vemoclap.batch.records import Ending, Entry, Inputs, Item, LeftOut, What
from vemoclap.records import EMOTIONS

BAD = "<img src=x onerror=alert(1)>\"'&\x1b[31m.mp4"


def entry(name: str, ending: Ending = Ending.OK, **more) -> Entry:
    shares = more.pop("emotions", (0.5, 0.1, 0.1, 0.1, 0.1, 0.1))
    known = {
        "name": name, "path": f"/videos/{name}", "content": None, "key": "k",
        "limits": (1.0, 1), "ending": ending, "cause": "", "seconds": 1.25, "duration_s": 65.0,
        "emotions": shares, "engines": (), "stages": (), "runner": "local", "ended": "2026",
    }  # fmt: skip
    return Entry(**{**known, **more})


def page_of(folder: Path, *entries: Entry, left_out=(), what=What.ANALYSIS) -> str:
    given = orders(folder, what=what)
    items = tuple(Item(one.name, Path(one.path)) for one in entries)
    found = Inputs(items, tuple(left_out))
    whole = summary.sum_up(found, {one.name: one for one in entries}, frozenset(), given)
    return summary.to_html(whole, given)


def test_every_video_is_there_with_its_report(tmp_path):
    page = page_of(
        tmp_path,
        entry("a b/#1.mp4"),
        entry("bad.mp4", Ending.REFUSED, cause="bad.mp4 is empty; copy it again.", emotions=None),
        left_out=[LeftOut(Path("notes.txt"), "no video by its name")],
    )
    assert page.count("<li data-name=") == 2
    assert 'href="results/a%20b__%231.mp4/report.html"' in page
    assert "anger 50 %" in page
    assert "bad.mp4 is empty; copy it again." in page
    assert "notes.txt" in page
    assert "An untrained estimate" in page


def test_nothing_from_a_file_means_anything(tmp_path):
    page = page_of(
        tmp_path,
        entry(BAD, cause=f"{BAD} is odd."),
        left_out=[LeftOut(Path(BAD), f"the same file as {BAD}")],
    )
    assert "<img src=x" not in page
    assert "\x1b" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:")
    assert "unsafe" not in policy[1]
    assert not re.search(r'(src|href)="(?!data:|results/)', page)


def test_thumbnails_are_inside(tmp_path):
    given = orders(tmp_path)
    folder = results.place(given.out, given.what) / "a.mp4"
    folder.mkdir(parents=True)
    (folder / results.THUMBNAIL).write_bytes(b"jpeg")
    assert 'src="data:image/jpeg;base64,anBlZw=="' in page_of(tmp_path, entry("a.mp4"))


def test_features_have_no_reports_to_link_to(tmp_path):
    assert "href=" not in page_of(tmp_path, entry("a.mp4"), what=What.FEATURES)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("a.mp4 is empty; copy it again.", "is empty"),
        ("a.mp4 has 3.1 GiB and the limit is 2 GiB; raise it.", "has N GiB and the limit is N GiB"),
        ("a.mp4: vemoclap itself failed (KeyError: 7); x", "vemoclap itself failed (KeyError: N)"),
        ("The picture is damaged: 3 of 7.", "The picture is damaged: N of N"),
        ("", ""),
    ],
)
def test_causes_are_counted_without_names_and_numbers(cause, kind):
    assert summary.kind(entry("x/a.mp4", path="/x/a.mp4", cause=cause)) == kind


def test_lines_add_up_whatever_came_in(tmp_path):
    entries = [
        entry(f"{number}.mp4", ending, cause=f"{number}.mp4 took {number} s.")
        for number, ending in enumerate(list(Ending) * 3)
    ]
    given = orders(tmp_path)
    found = Inputs(
        tuple(Item(one.name, Path(one.path)) for one in entries),
        (LeftOut(Path("a"), "the same file as b"), LeftOut(Path("c"), "the same file as d")),
    )
    whole = summary.sum_up(found, {one.name: one for one in entries}, frozenset(), given)
    assert sum(line.count for line in whole.lines) == whole.total == 14
    assert [line.count for line in whole.lines] == [3, 3, 3, 3, 2]
    assert whole.counts["failed"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "in").mkdir()
    for name in ("one", "two", "three-refuse"):
        (folder / "in" / f"{name}.mp4").write_text(name)
    shares = {
        "one.mp4": (0.6, 0.2, 0.05, 0.05, 0.05, 0.05),
        "two.mp4": (0.1,) * 3 + (0.5, 0.1, 0.1),
    }

    def engine(given, jobs):
        worker = Quick(given)
        for job in jobs:
            ready = worker.open(job, worker.content(job))
            if isinstance(ready, Entry):
                yield ready
            else:
                yield replace(worker.finish(ready), emotions=shares[job.item.name])

    run.run(inputs.find([folder / "in"]), orders(folder / "out"), engine)
    return folder / "out" / "index.html"


@chromium.needed
def test_filters_and_order_work_in_a_browser(made, browser):
    page = browser.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(made.as_uri())

    def shown() -> list[str]:
        return [one.inner_text() for one in page.locator("#list li:visible h3").all()]

    assert shown() == ["one.mp4", "three-refuse.mp4", "two.mp4"]
    page.select_option("#emotion", "joy")
    assert shown() == ["two.mp4"]
    page.select_option("#emotion", "")
    page.fill("#words", "ONE")
    assert shown() == ["one.mp4"]
    assert page.inner_text("#shown") == "1 of 3 shown"
    page.fill("#words", "")
    page.select_option("#ending", "refused")
    assert shown() == ["three-refuse.mp4"]
    page.select_option("#ending", "")
    page.select_option("#order", "joy")
    assert shown()[0] == "two.mp4"
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert troubles == []


def test_all_emotions_have_a_colour():
    from vemoclap.report.wording import EMOTION_COLOURS

    assert set(EMOTION_COLOURS) == set(EMOTIONS)
