"""What was downloaded, so that it can be known again: the file ``weights/lock.json``.

It holds, for every artefact, the commit that its files came from and the size and SHA-256 of each.
What nobody published a hash for is trusted when it is first downloaded, and from then on it must
be the same.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vemoclap import files
from vemoclap.errors import WeightsError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9A-Za-z._-]+")  # it becomes part of an address


@dataclass(frozen=True, slots=True)
class Kept:
    """One file as it was when it came."""

    size: int  # bytes
    sha256: str  # 64 hexadecimal digits


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded of one artefact."""

    revision: str | None = None  # the commit, of places that tell it
    files: Mapping[str, Kept] = field(default_factory=dict)


def read(path: Path) -> dict[str, Entry]:
    """Return what is recorded of each artefact, nothing if there is no lock file yet.

    Raises:
        WeightsError: the file is damaged.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        return {name: _entry(entry) for name, entry in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"{path}, which records what was downloaded, is damaged ({error}); restore it from a "
            "copy, or delete it if you trust the weights beside it, which nothing can then check."
        ) from error


def record(path: Path, artefact: str, entry: Entry) -> None:
    """Write what is known of one artefact, leaving all others as they are.

    Raises:
        WeightsError: the file is damaged.
        OSError: it cannot be written.
    """
    with files.exclusive_lock(path.with_name(f"{path.name}.busy")):
        everything = read(path) | {artefact: entry}
        text = json.dumps({name: asdict(everything[name]) for name in sorted(everything)}, indent=2)
        files.write_atomically(path, text + "\n")


def _entry(found: Any) -> Entry:
    """Return a checked entry; whatever is wrong raises one of the errors that ``read`` expects."""
    revision = found["revision"]
    if revision is not None and not _REVISION.fullmatch(revision):
        raise ValueError(f"{revision!r} is no revision")
    files = {name: Kept(**kept) for name, kept in found["files"].items()}
    for name, kept in files.items():
        if type(kept.size) is not int or not _SHA256.fullmatch(kept.sha256):
            raise ValueError(f"{name} has no size or hash")
    return Entry(revision, files)
