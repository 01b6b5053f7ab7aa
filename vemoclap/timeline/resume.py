"""What a run has found so far, kept on the disk, so that a killed one goes on where it was.

It lies in one folder of JSON files, each written whole or not at all. The folder belongs to one
video, by its content, and one choice of options and engines, and is emptied for any other.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from vemoclap import files
from vemoclap.errors import UsageError
from vemoclap.timeline import codec

NAME = "unfinished-timeline"
KEY = "key.json"
VERSION = 2  # of what lies in the folder; a change of any kept record is a new one

T = TypeVar("T")


def key(path: Path, options: Mapping[str, Any]) -> str:
    """Return what tells one run from another: a hash of the video's bytes and of the options."""
    content = files.digest(path).sha256
    text = json.dumps([VERSION, content, dict(options)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """A folder of what was found; with no folder, nothing is kept."""

    def __init__(self, folder: Path | None, key: str = "") -> None:
        """Open the store in a folder of results, and empty it if it is another run's.

        Raises:
            UsageError: the folder cannot be written, or something else has its name.
        """
        self._folder = None if folder is None else folder / NAME
        if self._folder is None:
            return
        try:
            self._open(self._folder, key)
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be written ({error.strerror or error}); choose another folder "
                "with --out."
            ) from error

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return what was kept under a name, None if there is nothing, or it is damaged."""
        if self._folder is None:
            return None
        try:
            found = json.loads((self._folder / f"{name}.json").read_text("utf-8"))
            kept: T = codec.decoded(kind, found)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return kept

    def put(self, name: str, value: Any) -> None:
        """Keep a record under a name.

        Raises:
            UsageError: it cannot be written.
        """
        if self._folder is None:
            return
        part = self._folder / f"{name}.part"
        try:
            part.write_text(json.dumps(codec.encoded(value)), "utf-8")
            files.settle(part, self._folder / f"{name}.json")
        except OSError as error:
            raise UsageError(
                f"{self._folder} cannot be written ({error.strerror or error}); make room, and "
                "run the command again: it goes on where it stopped."
            ) from error

    def forget(self) -> None:
        """Delete what was kept, once the results are written."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, folder: Path, key: str) -> None:
        mark = folder / KEY
        if folder.is_symlink() or (folder.exists() and any(folder.iterdir()) and not _ours(mark)):
            raise UsageError(f"{folder} is not of this program's making; move it away.")
        if not mark.exists() or mark.read_text("utf-8") != _line(key):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            part = mark.with_suffix(".part")
            part.write_text(_line(key), "utf-8")
            files.settle(part, mark)


def _line(key: str) -> str:
    return json.dumps({"vemoclap_timeline": key}) + "\n"


def _ours(mark: Path) -> bool:
    leftover = mark.with_suffix(".part")  # a run was killed as it began
    if not mark.exists():
        return leftover.exists() and len(list(mark.parent.iterdir())) == 1
    try:
        return "vemoclap_timeline" in json.loads(mark.read_text("utf-8"))
    except ValueError:
        return False
