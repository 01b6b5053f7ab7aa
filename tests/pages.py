"""A report's page, taken apart: its elements, attributes and words."""

import html.parser
import re

from vemoclap import report
from vemoclap.records import Analysis

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


class Page(html.parser.HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag in ("br", "td", "th", "li", "p"):  # what stands apart for the eye
            self.text += " "

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.text += data

    @property
    def words(self) -> str:
        """The text, single-spaced."""
        return " ".join(self.text.split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of all such elements."""
        return [
            found
            for name, found in self.tags
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    @property
    def policy(self) -> str:
        """The page's Content-Security-Policy."""
        (meta,) = [found for found in self.all("meta") if "http-equiv" in found]
        assert meta["http-equiv"] == "Content-Security-Policy"
        return meta["content"] or ""


def assert_only_words_differ(page: Page, usual: Page) -> None:
    """Assert that a page with a video has the elements of ``usual`` and leads nowhere else."""
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in usual.tags]
    assert [set(attributes) for _, attributes in page.tags] == [set(a) for _, a in usual.tags]
    assert page.scripts == usual.scripts
    assert page.styles == usual.styles
    assert page.policy == usual.policy
    (video,) = page.all("video")
    for tag, attributes in page.tags:
        for name in {"src", "href"} & set(attributes):
            address = attributes[name] or ""
            if tag in ("img", "image"):
                assert address.startswith("data:image/jpeg;base64,")
            elif not address.startswith("#"):
                assert address == video["src"]
    assert not set(video["src"] or "") & set(":/?#\"'<>&\\ \n")


def shown(analysis: Analysis) -> str:
    """Return the words of an analysis's page."""
    return Page(report.to_html(analysis)).words


def row_of(analysis: Analysis, start: str, table: str = "") -> list[str]:
    """Return the cells of the first row of a table whose first cell starts so.

    The table is the first whose caption starts with ``table``.
    """
    text = report.to_html(analysis)
    text = text[text.index(f"<caption>{table}") :] if table else text
    rows = (
        [Page(cell).words for cell in re.split(r"(?=<t[hd][ >])", row)[1:]]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", text, re.DOTALL)
    )
    return next(row for row in rows if row and row[0].startswith(start))
