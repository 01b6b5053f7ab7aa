"""Files of our own: whole or not there, room for them, one process at a time, and their hashes."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vemoclap.errors import VemoclapError, WeightsError

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


def place(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Write files into a folder, made where it is not there, and return their paths.

    All are complete before the first takes its place.

    Args:
        contents: name -> bytes.
        folder: where to.

    Raises:
        VemoclapError: the disk is full, or the folder may not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _placed(contents, folder)
    except OSError as error:
        raise VemoclapError(
            f"The results could not be written to {folder} ({error.strerror or error}); "
            "choose another folder with --out or make room."
        ) from error


def _placed(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    made: list[Path] = []
    try:
        for name, data in contents.items():
            descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            made.append(Path(temporary))
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            made[-1].chmod(0o644)  # mkstemp's files are private
        targets = tuple(folder / name for name in contents)
        for temporary_path, target in zip(list(made), targets, strict=True):
            temporary_path.replace(target)
            made.remove(temporary_path)
        return targets
    finally:
        for leftover in made:
            leftover.unlink(missing_ok=True)


# -- hashes ----

CHUNK = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Digest:
    """What identifies the bytes of a file."""

    size: int  # bytes
    sha256: str
    git_blob: str  # the name that git gives to a file of these bytes

    def fits(self, known: str) -> bool:
        """Return whether these are the bytes of ``known``, a "sha256:..." or "git-blob:..."."""
        return known in (f"sha256:{self.sha256}", f"git-blob:{self.git_blob}")


def digest(path: Path, progress: Callable[[int], None] = lambda done: None) -> Digest:
    """Return size and hashes of the file at ``path``; ``progress`` hears the bytes read so far."""
    size = path.stat().st_size
    sha256 = hashlib.sha256()
    # Git names what it stores by SHA-1; it identifies here and guards nothing that SHA-256 could.
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            blob.update(chunk)
            done += len(chunk)
            progress(done)
    return Digest(done, sha256.hexdigest(), blob.hexdigest())
