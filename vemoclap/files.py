"""Files of our own: whole or not there, room for them, one process at a time, and their hashes.

The only place that calls fsync, renames what was written, locks, or reads why the system refused.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vemoclap.errors import DataError, VemoclapError, WeightsError

FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """Return where a file of the project's top folder lies, "samples/truth.json" for example.

    That is beside the package in a checkout, and within it in an installation, where setup.py
    puts a few; a file that neither has is said to lie where a checkout would have it.
    """
    installed = _PACKAGE / "bundled" / name
    return installed if installed.exists() else _PACKAGE.parent / name


# -- what the system refuses ------------------------------------------------------------------


def os_error(error: BaseException) -> OSError | None:
    """Return what the operating system refused, if that is the error or lies behind it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    return cause


def reason(error: BaseException) -> str:
    """Return why, in the system's words where it was the system that refused."""
    refusal = os_error(error)
    return (refusal and refusal.strerror) or str(refusal or error) or type(error).__name__


@contextmanager
def explain_os_errors(
    path: Path | str,
    what: str,
    advice: str,
    error: type[VemoclapError] = DataError,
    *,
    inside: bool = False,
) -> Iterator[None]:
    """Turn what the operating system refuses within into "PATH WHAT (why); ADVICE.".

    Args:
        path: what the sentence is about.
        what: what cannot be done, such as "cannot be written".
        advice: what to do about it.
        error: what is raised.
        inside: whether to name the file that the system names, where it names one.
    """
    try:
        yield
    except OSError as found:
        about = (inside and found.filename) or path
        raise error(f"{about} {what} ({reason(found)}); {advice}.") from found


@contextmanager
def explain_home_errors(folder: Path) -> Iterator[None]:
    """Turn what the system refuses in a folder of VEMOCLAP_HOME into a ``WeightsError``."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        if error.errno in FULL:
            raise WeightsError(
                f"The disk that holds {folder} is full; free some space, or set VEMOCLAP_HOME to a "
                "folder on another disk, and try again: it goes on where it stopped."
            ) from error
        if error.errno in _FORBIDDEN:
            raise WeightsError(
                f"There is no permission to use {where}; change its owner or its permissions, or "
                "set VEMOCLAP_HOME to a folder of your own."
            ) from error
        raise WeightsError(
            f"{where} cannot be used ({reason(error)}); set VEMOCLAP_HOME to another folder."
        ) from error


# -- room, and one at a time ------------------------------------------------------------------


def free_space(folder: Path) -> int:
    """Return the bytes that the disk of ``folder``, which need not exist, has to spare."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free


def require_free_space(needed: int, folder: Path) -> None:
    """Raise unless the disk of ``folder`` has ``needed`` bytes to spare.

    Raises:
        WeightsError: it has not; the message says how much it has.
    """
    free = free_space(folder)
    if free < needed:
        raise WeightsError(
            f"The disk that holds {folder} has {amount(free)} free, and {amount(needed)} are "
            "needed; free some space, or set VEMOCLAP_HOME to a folder on another disk."
        )


@contextmanager
def exclusive_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let one process at a time through, by a lock on ``path``.

    ``waiting`` is called once if another process has it, and may raise instead of waiting. A
    process that dies gives the lock back.
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


# -- whole or not there -----------------------------------------------------------------------


def commit_file(part: Path, target: Path) -> None:
    """Give a file or folder that was written whole its name, so that it survives a power loss."""
    _sync(part)
    part.replace(target)
    _sync(target.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give the path of a file to write; what was written becomes ``path`` if nothing is raised.

    The folder is made where it is not there. A process that is killed leaves NAME.PID.part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        commit_file(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, that appears under its name only once it is whole."""
    with whole_file(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def write_all(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Write files into a folder, made where it is not there, and return their paths.

    All are complete before the first takes its place.

    Args:
        contents: name -> bytes.
        folder: where to.

    Raises:
        VemoclapError: the disk is full, or the folder may not be written.
    """
    with (
        explain_os_errors(
            "The results",
            f"could not be written to {folder}",
            "choose another folder with --out or make room",
            VemoclapError,
        ),
        ExitStack() as files,
    ):
        for name, data in contents.items():
            part = files.enter_context(whole_file(folder / name))
            part.write_bytes(data)
            _sync(part)
    return tuple(folder / name for name in contents)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, so that it survives a power loss; a line cut short is ended first."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def amount(size: float) -> str:
    """Return a number of bytes for people: "3.1 GB", "605 MB", "20 kB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


# -- hashes -----------------------------------------------------------------------------------

CHUNK = 2**20  # bytes


def fingerprint(value: object) -> str:
    """Return a hash of what ``value`` says as JSON: the same for two only if they say the same."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


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
