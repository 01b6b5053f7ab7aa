"""How the steps look. Every text passes through ``text`` on its way into markup."""

import functools
import html
from importlib import resources
from typing import TYPE_CHECKING

from vemoclap.report.wording import clean

if TYPE_CHECKING:
    from ipywidgets import VBox, Widget


def text(value: object) -> str:
    """Return a value as text that is safe in markup and in quoted attributes."""
    return html.escape(clean(str(value)))


@functools.cache
def style() -> str:
    """Return the style sheet as an element, for each card since Colab shows each in a frame."""
    sheet = resources.files("vemoclap.app").joinpath("cards.css").read_text("utf-8")
    return f"<style>{sheet}</style>"


def markup(content: str = "", *classes: str) -> "Widget":
    """Return a widget that shows markup, made of texts that went through ``text``."""
    import ipywidgets

    shown = ipywidgets.HTML(content)
    for name in classes:
        shown.add_class(name)
    return shown


def card(number: int, *parts: "Widget") -> "VBox":
    """Return the box of a step."""
    import ipywidgets

    box = ipywidgets.VBox([markup(style(), "vc-style"), *parts])
    box.add_class("vc-card")
    box.add_class(f"vc-step-{number}")
    return box


def titled_card(name: str, title: str, about: str, *parts: "Widget") -> "VBox":
    """Return the box of something that is no step."""
    import ipywidgets

    head = (
        f'<div class="vc-head vc-open"><div><h2>{text(title)}</h2><p>{text(about)}</p></div></div>'
    )
    box = ipywidgets.VBox([markup(style(), "vc-style"), markup(head), *parts])
    box.add_class("vc-card")
    box.add_class(f"vc-{name}")
    return box


def row(*parts: "Widget") -> "Widget":
    """Return widgets side by side, which wrap where there is no room."""
    import ipywidgets

    box = ipywidgets.HBox(list(parts))
    box.add_class("vc-row")
    return box


def shown(widget: "Widget", visible: bool) -> None:
    """Show or hide a widget."""
    widget.layout.display = None if visible else "none"


def head(number: int, title: str, about: str, *, done: bool = False, locked: bool = False) -> str:
    """Return the title of a step: its number, its name, whether it is done, and a line about it."""
    state = "vc-done" if done else "vc-locked" if locked else "vc-open"
    said = '<span class="vc-tick">&#10003; done</span>' if done else ""
    return (
        f'<div class="vc-head {state}"><span class="vc-badge" aria-hidden="true">{number}</span>'
        f'<div><h2><span class="vc-unseen">Step {number}: </span>{text(title)}{said}</h2>'
        f"<p>{text(about)}</p></div></div>"
    )


def note(message: str, kind: str = "info") -> str:
    """Return a message of the kind "info", "good", "warn" or "bad"; nothing for no message."""
    if not message:
        return ""
    role = "alert" if kind == "bad" else "status"
    return f'<p class="vc-note vc-{kind}" role="{role}">{text(message)}</p>'


def meter(done: int, total: int, label: str) -> str:
    """Return a bar that is as full as ``done`` of ``total``, told to screen readers as ``label``.

    With a ``total`` of 0 nobody knows how much there is, and it moves to and fro.
    """
    value = "" if total <= 0 else f' value="{min(done, total)}" max="{total}"'
    return f'<progress class="vc-meter"{value} aria-label="{text(label)}"></progress>'


def working(stage: str, done: int, total: int) -> str:
    """Return the line that says what is being done, and a bar of how much of it is."""
    share = f" {done} of {total}" if total > 1 else ""
    line = f'<p class="vc-plain" role="status">Working on: {text(stage)}{share}</p>'
    return line + meter(done, total if total > 1 else 0, "Progress")
