"""The manifest: one line of JSON for each video that ended, added and never changed.

``manifest.jsonl``, or ``manifest-3-of-8.jsonl`` of a share of a batch. Of several lines about one
name the last counts. A line that a crash cut short is passed over, and the video is read again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vemoclap import files
from vemoclap.batch.records import Content, Ending, Entry
from vemoclap.errors import DataError, UsageError

STEM = "manifest"


class Manifest:
    """The manifest of one batch, or of one share of it, open for more lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, entry: Entry) -> None:
        """Write one line, so that it survives a loss of power.

        Raises:
            DataError: it cannot be written.
        """
        advice = "make room and run the same command again, it goes on where it stopped"
        with files.explain_os_errors(self._path, "cannot be written", advice):
            files.append_line(self._path, line(entry).encode())


def path_of(out: Path, share: tuple[int, int] | None = None) -> Path:
    """Return where the manifest of a batch, or of the share (number, count), lies."""
    return out / (f"{STEM}-{share[0]}-of-{share[1]}.jsonl" if share else f"{STEM}.jsonl")


def read(out: Path) -> dict[str, Entry]:
    """Return the last entry of every name, from the manifests of all shares.

    Raises:
        DataError: a manifest cannot be read.
    """
    found: dict[str, Entry] = {}
    for path in sorted(out.glob(f"{STEM}*.jsonl")):
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise DataError(f"{path} cannot be read ({files.reason(error)}).") from error
        for one in lines:
            entry = parsed(one)
            if entry and (entry.name not in found or found[entry.name].ended <= entry.ended):
                found[entry.name] = entry
    return found


def line(entry: Entry) -> str:
    """Return an entry as JSON on one line."""
    return json.dumps(asdict(entry))


def parsed(text: bytes) -> Entry | None:
    """Return the entry of a line, None where it is damaged."""
    try:
        said: dict[str, Any] = json.loads(text)
        content = said.pop("content")
        emotions = said.pop("emotions")
        return Entry(
            content=None if content is None else Content(**content),
            ending=Ending(said.pop("ending")),
            limits=tuple(said.pop("limits")),
            emotions=None if emotions is None else tuple(emotions),
            engines=tuple((role, engine) for role, engine in said.pop("engines")),
            stages=tuple((stage, seconds) for stage, seconds in said.pop("stages")),
            **said,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


@contextmanager
def held(out: Path, share: tuple[int, int] | None) -> Iterator[None]:
    """Keep other processes from this batch, or from this share of it.

    Raises:
        UsageError: another process is at work on it, or on a share of it.
    """

    def at_work() -> None:
        raise UsageError(
            f"Another batch is at work on {out}; wait for it, or choose another folder."
        )

    own = out / f".{path_of(out, share).stem}.busy"
    with files.exclusive_lock(own, at_work):
        # A whole batch and a share of it would do the same videos.
        whole = out / f".{STEM}.busy"
        for other in sorted(out.glob(f".{STEM}*.busy")) if share is None else [whole]:
            if other != own:
                with files.exclusive_lock(other, at_work):
                    pass
        yield
