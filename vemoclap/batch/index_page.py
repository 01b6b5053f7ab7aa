"""A batch as one HTML page: what became of each video, to be filtered, with links to reports."""

import base64
import functools
import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vemoclap.batch import results
from vemoclap.batch.inputs import folder_name
from vemoclap.batch.records import Ending, Entry, Orders, What
from vemoclap.records import EMOTIONS
from vemoclap.report import wording
from vemoclap.version import __version__

if TYPE_CHECKING:
    from jinja2 import Template

    from vemoclap.batch.summary import Summary

UNTRAINED = "valence-arousal"  # the engine that says so wherever its answers are shown
PICTURES = 3000  # thumbnails in the page, some 15 MB; more would make it slow to open
REPORTS = {What.ANALYSIS: "report.html", What.TIMELINE: "timeline.html"}


@dataclass(frozen=True, slots=True)
class Row:
    """One video on the page."""

    name: str
    ending: str
    cause: str
    report: str | None  # address, from where the page lies
    picture: str | None  # data URI
    emotion: str | None  # the likeliest
    emotions: tuple[tuple[str, float], ...]  # most likely first
    length: str  # "1:05"
    seconds: float


def to_html(summary: "Summary", orders: Orders) -> str:
    """Return the page, which needs nothing else and runs nothing but its own script.

    Every text from a file or a model is cleaned and escaped in one place.
    """
    from markupsafe import Markup

    from vemoclap.readings import affect

    style, script = _own("index.css"), _own("index.js")
    rows = [_row(entry, orders, n < PICTURES) for n, entry in enumerate(summary.entries)]
    return _template().render(
        rows=rows,
        summary=summary,
        orders=orders,
        endings=[ending.value for ending in Ending],
        counts={e.value: sum(row.ending == e.value for row in rows) for e in Ending},
        emotions=[name for name in EMOTIONS if any(row.emotion == name for row in rows)],
        colours=wording.EMOTION_COLOURS,
        pictures=any(row.picture for row in rows),
        hidden_pictures=max(0, len(rows) - PICTURES),
        untrained=affect.NOTE if orders.preset.emotion == UNTRAINED else None,
        style=Markup(style),  # noqa: S704  our own file
        script=Markup(script),  # noqa: S704
        style_digest=_digest(style),
        script_digest=_digest(script),
        version=__version__,
    )


def result_of(entry: Entry, orders: Orders) -> str | None:
    """Return where the result of a video is, from the folder of the batch; None: there is none."""
    if entry.ending not in (Ending.OK, Ending.PARTIAL):
        return None
    if orders.what is What.FEATURES:
        return "features"
    return f"{results.place(orders.out, orders.what).name}/{folder_name(entry.name)}"


def _row(entry: Entry, orders: Orders, with_picture: bool) -> Row:
    place = result_of(entry, orders)
    has_report = place is not None and orders.what is not What.FEATURES
    ranked = sorted(zip(EMOTIONS, entry.emotions or (), strict=False), key=lambda one: -one[1])
    return Row(
        name=entry.name,
        ending=entry.ending.value,
        cause=entry.cause,
        report=f"{quote(place)}/{REPORTS[orders.what]}" if has_report and place else None,
        picture=_picture(orders, place) if has_report and place and with_picture else None,
        emotion=ranked[0][0] if ranked else None,
        emotions=tuple(ranked),
        length="" if entry.duration_s is None else _clock(entry.duration_s),
        seconds=entry.seconds,
    )


def _picture(orders: Orders, place: str) -> str | None:
    try:
        data = (orders.out / place / results.THUMBNAIL).read_bytes()
    except OSError:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02}" if hours else f"{rest // 60}"
    return f"{hours}:" * bool(hours) + f"{minutes}:{rest % 60:02}"


def _own(name: str) -> str:
    return resources.files("vemoclap.batch").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from vemoclap.report import wording

    def finalize(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return wording.clean(value) if plain else value

    environment = Environment(
        loader=PackageLoader("vemoclap", "batch"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html.j2")
