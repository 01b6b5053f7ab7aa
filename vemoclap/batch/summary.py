"""What became of a batch, counted: every input is in exactly one line of the table."""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vemoclap.batch import index_page
from vemoclap.batch.records import Ending, Entry, Inputs, Orders
from vemoclap.errors import DataError
from vemoclap.media import printable
from vemoclap.storage import settle

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
                "result": index_page.result_of(entry, orders),
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
        PAGE: index_page.to_html(summary, orders),
    }
    for name, text in contents.items():
        path = orders.out / name
        path = path.with_stem(path.stem + mark)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            try:
                part.write_text(text, "utf-8")
                settle(part, path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(
                f"{path} cannot be written ({error.strerror or error}); make room and run the same "
                "command again: all videos are done, so it takes a moment."
            ) from error


def _plain(reason: str) -> str:
    return re.sub(r" as .*", " as another", reason, flags=re.DOTALL)
