"""Where a video comes from: a sample, a path, an upload or a YouTube link -> a local file.

What is named may be anything; whether the file is a video at all is for ``media`` to say.
"""

import json
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vemoclap import files
from vemoclap.errors import SourceError
from vemoclap.media import youtube
from vemoclap.media.clip import Limits, printable
from vemoclap.records import Progress

SAMPLES = files.bundled("samples")
SAMPLE_PREFIX = "sample:"
LONGEST_NAME = 100  # bytes of an upload's name; file systems take 255

_LINK = re.compile(
    r"\s*(?:[a-z][a-z0-9+.-]*://|(?:[\w-]+\.)*(?:youtube(?:-nocookie)?\.com|youtu\.be)(?:[/?#]|\s*$))",
    re.IGNORECASE,
)


class Kind(StrEnum):
    """What a user may choose from."""

    SAMPLE = "sample"
    YOUTUBE = "youtube"
    UPLOAD = "upload"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Source:
    """A video that is here."""

    kind: Kind
    path: Path  # absolute
    name: str  # to show; not markup, and not to be trusted as such


@dataclass(frozen=True, slots=True)
class Sample:
    """A video of this project's own, and what is known of it."""

    name: str  # of the file, without its extension
    path: Path
    shows: str  # one line
    emotion: str  # that it was made to suggest
    duration_s: float
    width: int  # pixels
    height: int


def kind_of(text: str) -> Kind:
    """Return what a text names: a sample ("sample:launch"), a link, or else a path."""
    if text.strip().lower().startswith(SAMPLE_PREFIX):
        return Kind.SAMPLE
    return Kind.YOUTUBE if _LINK.match(text) else Kind.PATH


def find(
    text: str, folder: Path, *, limits: Limits | None = None, progress: Progress | None = None
) -> Source:
    """Return the video that a text names, after its download into ``folder`` if it is a link.

    Raises:
        SourceError: there is none; the message says what to do.
    """
    kind = kind_of(text)
    if kind is Kind.SAMPLE:
        return sample(text.strip()[len(SAMPLE_PREFIX) :])
    if kind is Kind.YOUTUBE:
        return from_youtube(text, folder, limits=limits, progress=progress)
    return from_path(text)


# -- samples ----------------------------------------------------------------------------------


def samples() -> tuple[Sample, ...]:
    """Return the samples that are here, in the order of ``samples/truth.json``.

    Raises:
        SourceError: there are none.
    """
    try:
        truth = json.loads((SAMPLES / "truth.json").read_text("utf-8"))
        found = tuple(
            Sample(
                name=Path(file).stem,
                path=SAMPLES / file,
                shows=known["shows"],
                emotion=known["emotion"],
                duration_s=float(known["duration_s"]),
                width=known["width"],
                height=known["height"],
            )
            for file, known in truth.items()
            if (SAMPLES / file).is_file()
        )
    except FileNotFoundError:
        found = ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{SAMPLES / 'truth.json'} cannot be used ({error}); get the project again, or choose "
            "a file of your own."
        ) from error
    if not found:
        raise SourceError(
            "This installation came without the sample videos; install vemoclap again, or choose a "
            "file of your own."
        )
    return found


def sample(name: str) -> Source:
    """Return the sample with a name, given with or without its extension.

    Raises:
        SourceError: there is none of that name; the message lists those that are here.
    """
    known = samples()
    for one in known:
        if name.strip().lower() in (one.name, one.path.name):
            return Source(Kind.SAMPLE, one.path, one.name)
    raise SourceError(
        f"There is no sample '{printable(name)}'; choose {', '.join(one.name for one in known)}."
    )


# -- files ------------------------------------------------------------------------------------


def from_path(text: str) -> Source:
    """Return the file at a path, which may begin with ~ and be wrapped in quotes.

    Raises:
        SourceError: no file is there.
    """
    text = text.strip(" \t\r\n")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if not text:
        raise SourceError("There is no path yet; give that of a video file.")
    try:
        path = Path(text).expanduser().absolute()
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise SourceError(f"There is no file '{printable(text)}'; check the path.") from error
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~nobody has no home
        raise SourceError(
            f"'{printable(text)}' cannot be reached ({files.reason(error)}); check the path."
        ) from error
    if stat.S_ISDIR(mode):
        raise SourceError(f"'{printable(text)}' is a folder; name one of the videos in it.")
    if not stat.S_ISREG(mode):
        raise SourceError(f"'{printable(text)}' is not a regular file; copy the video into one.")
    return Source(Kind.PATH, path, printable(path))


def from_upload(
    content: bytes | memoryview, name: str, folder: Path, *, limits: Limits | None = None
) -> Source:
    """Return the file in ``folder`` that an upload was stored as.

    Args:
        content: its bytes.
        name: that the visitor's machine gave it; what is dangerous in it is left out.
        folder: private to the visitor; made, for its owner only, if it is not there.
        limits: how large it may be.

    Raises:
        SourceError: it is empty or too large, or cannot be stored.
    """
    size, largest = memoryview(content).nbytes, (limits or Limits()).max_bytes
    file = safe_name(name)
    if size == 0:
        raise SourceError(f"{file} is empty; choose another file, or upload it again.")
    if size > largest:
        raise SourceError(
            f"{file} has {files.amount(size)} and the limit is {files.amount(largest)}; cut or "
            "re-encode the video, or give its path instead."
        )
    advice = "free some space, or choose a smaller video"
    with files.explain_os_errors(file, "could not be stored", advice, SourceError):
        folder = folder.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = _write_new(content, folder / file)
    return Source(Kind.UPLOAD, path, path.name)


def safe_name(name: str) -> str:
    """Return a file name like ``name``: no folders, nothing invisible, not hidden, not long."""
    last = re.split(r"[/\\]", name)[-1]
    # All of Unicode's category C goes: control characters, and those that turn the direction of
    # text, with which "gpj.exe" can be made to look like "exe.jpg".
    seen = "".join(
        c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C"
    )
    seen = " ".join(seen.split()).lstrip(".-~ ").rstrip(". ")
    stem, dot, extension = seen.rpartition(".")
    if not dot or len(extension) > 8 or not extension.isascii():
        stem, dot, extension = seen, "", ""
    room = LONGEST_NAME - len(dot + extension)
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{stem or 'video'}{dot}{extension}"


def _write_new(content: bytes | memoryview, wanted: Path) -> Path:
    """Write a file that only its owner may read, numbered if there is one; return its path."""
    path, number = wanted, 1
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        else:
            break
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError:
        path.unlink()
        raise
    return path


# -- YouTube ----------------------------------------------------------------------------------


def from_youtube(
    link: str, folder: Path, *, limits: Limits | None = None, progress: Progress | None = None
) -> Source:
    """Return the video that a link leads to, downloaded into ``folder`` unless it is there.

    Raises:
        SourceError: see ``youtube.fetch``.
    """
    path = youtube.fetch(link, folder, limits=limits, progress=progress)
    return Source(Kind.YOUTUBE, path, f"YouTube {path.stem}")
