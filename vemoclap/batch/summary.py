"""What became of a batch, counted: every input is in exactly one line of the table."""

import base64
import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vemoclap import files
from vemoclap.batch import results
from vemoclap.batch.inputs import folder_name
from vemoclap.batch.records import Ending, Entry, Inputs, Orders, What
from vemoclap.media.clip import printable
from vemoclap.records import EMOTIONS
from vemoclap.report import wording
from vemoclap.version import __version__

if TYPE_CHECKING:
    from jinja2 import Template


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
        length="" if entry.duration_s is None else wording.clock(round(entry.duration_s)),
        seconds=entry.seconds,
    )


def _picture(orders: Orders, place: str) -> str | None:
    try:
        data = (orders.out / place / results.THUMBNAIL).read_bytes()
    except OSError:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


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


FILE = "summary.json"
PAGE = "index.html"
LEFT_OUT = "left out"
ENDS = (*(ending.value for ending in Ending), LEFT_OUT)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Line:
    """How many inputs ended in the same way."""

    ending: str  # an Ending, or "left out"
    cause: str  # without names and numbers; "" where all is well
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of every input."""

    inputs: Inputs
    entries: tuple[Entry, ...]  # in the order of the inputs
    fresh: frozenset[str]  # names of those that ended in this run; the others ended before
    lines: tuple[Line, ...]  # their counts add up to the inputs

    @property
    def total(self) -> int:
        """How many files were found."""
        return len(self.inputs.items) + len(self.inputs.left_out)

    @property
    def counts(self) -> dict[str, int]:
        """How many files ended in each way, those left out included; 0 too."""
        return {
            ending: sum(line.count for line in self.lines if line.ending == ending)
            for ending in ENDS
        }

    @property
    def counted(self) -> str:
        """The counts as a sentence."""
        return f"{', '.join(f'{count} {ending}' for ending, count in self.counts.items())}."

    @property
    def all_fine(self) -> bool:
        """Whether each video has a result: none failed and none was refused."""
        return all(entry.ending in (Ending.OK, Ending.PARTIAL) for entry in self.entries)


def sum_up(
    inputs: Inputs, ended: Mapping[str, Entry], fresh: frozenset[str], orders: Orders
) -> Summary:
    """Return what became of every input, each of which has ended or was left out."""
    entries = tuple(ended[item.name] for item in inputs.items)
    counts = Counter((entry.ending.value, kind(entry)) for entry in entries)
    counts.update((LEFT_OUT, _plain(one.reason)) for one in inputs.left_out)
    lines = sorted(
        (Line(ending, cause, count) for (ending, cause), count in counts.items()),
        key=lambda line: (ENDS.index(line.ending), -line.count, line.cause),
    )
    return Summary(inputs, entries, fresh, tuple(lines))


def kind(entry: Entry) -> str:
    """Return what an entry's cause has in common with others: no name, no numbers, no advice."""
    name = printable(Path(entry.path))
    said = entry.cause.replace(name, "it").partition("; ")[0].rstrip(".")
    said = said.removeprefix("it: ").removeprefix("it ")
    return _NUMBER.sub("N", said)[:160]


def document(summary: Summary, orders: Orders) -> dict[str, Any]:
    """Return a summary as JSON's own types."""
    return {
        "schema": "vemoclap/batch",
        "what": orders.what.value,
        "preset": orders.preset.name,
        "engines": dict(orders.engines),
        "stamp": orders.stamp,
        "inputs": summary.total,
        "counts": summary.counts,
        "in_this_run": len(summary.fresh),
        "causes": [
            {"ending": line.ending, "cause": line.cause, "count": line.count}
            for line in summary.lines
        ],
        "videos": [
            {
                "name": entry.name,
                "path": entry.path.encode("utf-8", "replace").decode(),
                "sha256": entry.content and entry.content.sha256,
                "ending": entry.ending.value,
                "cause": entry.cause,
                "seconds": entry.seconds,
                "result": result_of(entry, orders),
            }
            for entry in summary.entries
        ],
        "left_out": [
            {"path": str(one.path).encode("utf-8", "replace").decode(), "reason": one.reason}
            for one in summary.inputs.left_out
        ],
    }


def write(summary: Summary, orders: Orders, share: tuple[int, int] | None) -> None:
    """Write ``summary.json`` and ``index.html``; a share of a batch has its own.

    Raises:
        DataError: they cannot be written.
    """
    mark = f"-{share[0]}-of-{share[1]}" if share else ""
    contents = {
        FILE: json.dumps(document(summary, orders), indent=2) + "\n",
        PAGE: to_html(summary, orders),
    }
    for name, text in contents.items():
        path = orders.out / name
        path = path.with_stem(path.stem + mark)
        advice = (
            "make room and run the same command again: all videos are done, so it takes a moment"
        )
        with files.explain_os_errors(path, "cannot be written", advice):
            files.write_atomically(path, text)


def _plain(reason: str) -> str:
    return re.sub(r" as .*", " as another", reason, flags=re.DOTALL)
