"""A private folder for a visitor's files, removed when the visitor's process ends.

All of them lie in one folder of the user's, which no other user may open. Whoever owns one holds a
lock on it, so that what a killed process left behind is known and removed by the next.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from vemoclap import files

LOCK = ".lock"
PREFIX = "visitor-"


def root() -> Path:
    """Return the folder of all private folders, made for its owner only.

    Raises:
        OSError: it belongs to somebody else, or cannot be made.
    """
    place = Path(tempfile.gettempdir()) / f"vemoclap-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    # Others may write into the folder of temporary files, and have made ours before us.
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.getuid():
        raise PermissionError(f"{place} belongs to somebody else")
    place.chmod(0o700)
    return place


def private() -> Path:
    """Return a new folder for this process, which is removed when the process ends."""
    sweep()
    held = ExitStack()
    try:
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root()))
    except FileNotFoundError:  # somebody left at this moment, as the last one
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root()))
    held.enter_context(files.exclusive_lock(place / LOCK))

    def remove() -> None:
        held.close()
        shutil.rmtree(place, ignore_errors=True)
        sweep()

    atexit.register(remove)
    return place


def sweep() -> None:
    """Remove the folders whose processes are gone, and that of all of them where none is left."""

    def in_use() -> None:
        raise BlockingIOError

    above = root()
    for place in above.glob(f"{PREFIX}*"):
        if not (place / LOCK).exists():
            continue  # it is being made, or removed
        with suppress(OSError), files.exclusive_lock(place / LOCK, in_use):
            shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):  # others are there
        above.rmdir()


def is_anothers(path: Path, own: Path) -> bool:
    """Return whether a file lies in a private folder other than ``own``."""
    try:
        where = path.resolve()
        return where.is_relative_to(root().resolve()) and not where.is_relative_to(own.resolve())
    except OSError:
        return True
