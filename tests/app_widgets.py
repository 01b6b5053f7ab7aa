"""The widgets of the app, looked at without a browser."""

import html.parser
import re
from typing import Any


def all_of(widget: Any) -> list[Any]:
    """Return a widget and all inside it."""
    return [widget, *(w for child in getattr(widget, "children", ()) for w in all_of(child))]


def button(view: Any, description: str) -> Any:
    """Return the button that says so."""
    (found,) = [w for w in all_of(view) if getattr(w, "description", None) == description]
    return found


def seen(view: Any) -> str:
    """Return the words that a card shows; what is hidden or styles it is left out."""
    if view.layout.display == "none" or "vc-style" in view._dom_classes:
        return ""
    said = _words(view.value) if type(view).__name__ == "HTML" else ""
    parts = [said, *(seen(child) for child in getattr(view, "children", ()))]
    return " ".join(part for part in parts if part)


def _words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


class Elements(html.parser.HTMLParser):
    """The elements of a piece of markup, with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all such elements."""
        return [attributes for name, attributes in self.tags if name == tag]
