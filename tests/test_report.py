"""What reports say, and that nothing a file says can act in them."""

import csv
import html.parser
import importlib.resources
import io
import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analyses import STEPS, empty_analysis, full_analysis
from vemoclap import report
from vemoclap.errors import VemoclapError
from vemoclap.records import Analysis
from vemoclap.report import wording
from vemoclap.report.tables import safe_cell

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<style>@import 'http://evil.example/x.css'</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href=http://evil.example/>",
    "<object data=http://evil.example>",
    "<embed src=http://evil.example>",
    "{{ 7*7 }}",
    "{% include '/etc/passwd' %}",
    "${7*7}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script\x00>alert(1)</script>",
    "java\tscript:alert(1)",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "abc\u202egpj.exe",
    "zero\u200bwidth",
    "[bold red]rich[/bold red]",
    '=HYPERLINK("http://evil.example")',
    "@SUM(1+1)",
    "line\nbreak\rreturn",
]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def analyses() -> list[Analysis]:
    return [full_analysis(), empty_analysis(), empty_analysis(broken=True)]


class Page(html.parser.HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        if not self._style:
            self.text += data


def schema() -> dict:
    text = importlib.resources.files("vemoclap").joinpath("analysis.schema.json").read_text("utf-8")
    return json.loads(text)


@pytest.mark.parametrize("analysis", analyses(), ids=["full", "absent", "failed"])
def test_the_json_has_the_shape_of_its_schema(analysis: Analysis):
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(report.to_json(analysis)), schema())


@pytest.mark.parametrize("spoil", ["extra", "missing", "wrong"])
def test_the_schema_notices_a_wrong_document(spoil: str):
    document = report.document(full_analysis())
    if spoil == "extra":
        document["media"]["mood"] = "fine"
    elif spoil == "missing":
        del document["speech"]["status"]
    else:
        document["emotion"]["probabilities"]["joy"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_the_json_says_what_the_records_say():
    document = report.document(full_analysis())
    assert document["emotion"]["probabilities"]["joy"] == 0.5
    assert document["emotion"]["trained"] is False
    assert document["faces"]["found"][1]["box"] == {
        "left": 300.0,
        "top": 100.0,
        "right": 400.0,
        "bottom": 250.0,
    }
    assert document["speech"]["spans"][1] == {"start_s": 2.0, "end_s": 2.25}
    assert document["screen_text"]["lines"][0]["time_s"] == 2.0
    assert document["curves"]["motion"][5] is None


def test_what_is_absent_is_null_with_a_reason():
    document = report.document(empty_analysis())
    assert document["emotion"]["probabilities"] is None
    assert document["faces"]["found"] is None
    assert document["speech"]["status"] == {"state": "absent", "reason": "There was none."}


def test_a_path_that_is_no_text_still_makes_json():
    name = os.fsdecode(b"bad\xff.mp4")
    document = json.loads(report.to_json(full_analysis(path=Path("/v") / name)).encode())
    assert document["media"]["path"].startswith("/v/bad")


def test_the_csv_has_a_row_per_step_and_empty_cells_for_the_unknown():
    rows = list(csv.DictReader(io.StringIO(report.curves_csv(full_analysis()))))
    assert len(rows) == STEPS
    assert list(rows[0]) == [
        "time_s", "motion", "cut_rate", "brightness", "saturation", "sound_energy",
        "arousal", "valence", "speech",
    ]  # fmt: skip
    assert rows[5]["motion"] == ""
    assert float(rows[5]["brightness"]) == pytest.approx(0.8912, abs=1e-3)
    assert [float(row["speech"]) for row in rows[:8]] == pytest.approx([0, 0, 0.5, 1, 1, 1, 1, 0.5])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start: str):
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert safe_cell(f"a{start}") == f"a{start}"


@pytest.mark.parametrize("analysis", analyses(), ids=["full", "absent", "failed"])
def test_the_page_stands_alone(analysis: Analysis):
    page = Page(report.to_html(analysis))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    policies = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert wording.INTENDED_USE in " ".join(page.text.split())


def test_the_page_says_what_was_found():
    text = " ".join(Page(report.to_html(full_analysis())).text.split())
    for said in ("clip.mp4", "joy 50 %", "untrained estimate", "Hello there", "2 faces in 2 of 4"):
        assert said in text


def test_the_page_says_what_is_missing_and_why():
    text = " ".join(Page(report.to_html(empty_analysis())).text.split())
    assert "absent: There was none" in text
    assert "Half of the picture is lost." in text
    assert "analysed in part" in text
    assert "failed: It broke" in Page(report.to_html(empty_analysis(broken=True))).text


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_words_are_only_words(payload: str):
    name = payload.replace("/", "\u2215").replace("\x00", "") + ".mp4"
    hostile = full_analysis(path=Path("/v") / name, words=payload)
    harmless = full_analysis()
    text = report.to_html(hostile)
    page, usual = Page(text), Page(report.to_html(harmless))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in usual.tags]
    assert [set(a) for _, a in page.tags] == [set(a) for _, a in usual.tags]
    assert not CONTROL.search(text)
    assert wording.clean(payload) in " ".join(page.text.split())
    printed = render(hostile)
    assert not CONTROL.search(printed)
    jsonschema.validate(json.loads(report.to_json(hostile)), schema())


def render(analysis: Analysis) -> str:
    from rich.console import Console

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


def test_the_summary_says_what_is_missing():
    text = render(empty_analysis())
    assert "absent: There was none" in text
    assert "! Half of the picture is lost." in text
    assert "unknown" in text


@given(st.text())
def test_clean_text_is_printable_and_single_spaced(text: str):
    cleaned = wording.clean(text)
    assert not CONTROL.search(cleaned)
    assert cleaned == " ".join(cleaned.split())


def test_writes_four_files_and_replaces_old_ones(tmp_path: Path):
    (tmp_path / "analysis.json").write_text("old")
    written = report.write(full_analysis(), tmp_path)
    assert sorted(p.name for p in written) == sorted(p.name for p in tmp_path.iterdir())
    assert json.loads((tmp_path / "analysis.json").read_text())["preset"] == "embedded"
    assert (tmp_path / "frame.png").read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "analysis.json").write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VemoclapError, match=r"No space left.*--out"):
        report.write(full_analysis(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["analysis.json"]
    assert (tmp_path / "analysis.json").read_text() == "old"
