"""The disk that weights lie on: room, one process at a time, whole files, plain errors."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vemoclap.errors import WeightsError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """Return where a file of the project's top folder lies, "samples/truth.json" for example.

    That is beside the package in a checkout, and within it in an installation, where setup.py
    puts a few; a file that neither has is said to lie where a checkout would have it.
    """
    installed = _PACKAGE / "bundled" / name
    return installed if installed.exists() else _PACKAGE.parent / name


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses within into a ``WeightsError``."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        if error.errno in _FULL:
            raise WeightsError(
                f"The disk that holds {folder} is full; free some space, or set VEMOCLAP_HOME to a "
                "folder on another disk, and run the command again: it goes on where it stopped."
            ) from error
        if error.errno in _FORBIDDEN:
            raise WeightsError(
                f"There is no permission to use {where}; change its owner or its permissions, or "
                "set VEMOCLAP_HOME to a folder of your own."
            ) from error
        raise WeightsError(
            f"{where} cannot be used ({error.strerror or error}); set VEMOCLAP_HOME to another "
            "folder."
        ) from error


@contextmanager
def turn(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process at a time through, by a lock on ``path``.

    ``waiting`` is called once if another process has it. A process that dies gives it back.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def demand(needed: int, folder: Path) -> None:
    """Raise unless the disk of ``folder``, which need not exist, has ``needed`` bytes to spare.

    Raises:
        WeightsError: it has not; the message says how much it has.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < needed:
        raise WeightsError(
            f"The disk that holds {folder} has {amount(free)} free, and {amount(needed)} are "
            "needed; free some space, or set VEMOCLAP_HOME to a folder on another disk."
        )


def settle(part: Path, target: Path) -> None:
    """Give a file that was written whole its name, so that it survives a loss of power."""
    _sync(part)
    part.replace(target)
    _sync(target.parent)


def amount(size: float) -> str:
    """Return a number of bytes for people: "3.1 GB", "605 MB", "20 kB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
