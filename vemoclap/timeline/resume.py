"""What a run has found so far, kept on the disk, so that a killed one goes on where it was.

It lies in one folder of MessagePack files, each written whole or not at all. The folder belongs to
one video, by its content, and one choice of options and engines, and is emptied for any other.
Nothing that is read back is ever run, and what does not fit its type is as if it were not there.
"""

import json
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

import msgspec
import numpy as np

from vemoclap import files
from vemoclap.errors import UsageError

NAME = "unfinished-timeline"
KEY = "key.json"
VERSION = 2  # of what lies in the folder; a change of any kept record is a new one

T = TypeVar("T")


def key(path: Path, options: Mapping[str, Any]) -> str:
    """Return what tells one run from another: a hash of the video's bytes and of the options."""
    content = files.digest(path).sha256
    return files.fingerprint([VERSION, content, dict(options)])


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
        advice = "choose another folder with --out"
        with files.explain_os_errors(folder or "", "cannot be written", advice, UsageError):
            self._open(self._folder, key)

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return what was kept under a name, None if there is nothing, or it is damaged."""
        if self._folder is None:
            return None
        try:
            return decoded(kind, (self._folder / f"{name}.msgpack").read_bytes())
        except (OSError, ValueError):
            return None

    def put(self, name: str, value: Any) -> None:
        """Keep a record under a name.

        Raises:
            UsageError: it cannot be written.
        """
        if self._folder is None:
            return
        advice = "make room, and run the command again: it goes on where it stopped"
        with files.explain_os_errors(self._folder, "cannot be written", advice, UsageError):
            files.write_atomically(self._folder / f"{name}.msgpack", encoded(value))

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
            files.write_atomically(mark, _line(key))


def _line(key: str) -> str:
    return json.dumps({"vemoclap_timeline": key}) + "\n"


def _ours(mark: Path) -> bool:
    if not mark.exists():  # a run may have been killed as it began
        return all(path.match(f"{mark.stem}*.part") for path in mark.parent.iterdir())
    try:
        return "vemoclap_timeline" in json.loads(mark.read_text("utf-8"))
    except ValueError:
        return False


def encoded(value: Any) -> bytes:
    """Return a record as bytes; numbers come back from them exactly as they were."""
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def decoded(kind: type[T], data: bytes) -> T:
    """Return what ``encoded`` was given, as ``kind``.

    Raises:
        ValueError: it is no such record.
    """
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_typed)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        # Contents vary from noise to blank pictures: quick and good enough.
        data = zlib.compress(np.ascontiguousarray(value).tobytes(), 1)
        return (value.dtype.str, value.shape, data)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"A {type(value).__name__} cannot be kept.")


def _typed(kind: type, found: Any) -> Any:
    if get_origin(kind) is np.ndarray:
        dtype, shape, data = found
        try:
            return np.frombuffer(zlib.decompress(data), np.dtype(dtype)).reshape(shape)
        except zlib.error as error:
            raise ValueError(str(error)) from error
    return kind(found)
