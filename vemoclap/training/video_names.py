"""Names of videos in lists of others, matched with the videos that are here.

Lists name a video now by its file name, now by a path, with the suffix or without. Two names mean
the same video if the shorter path is the end of the longer one, whatever the case of the letters.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vemoclap import files
from vemoclap.errors import DataError

SUFFIXES = frozenset(
    f".{kind}"
    for kind in (
        *("3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4"),
        *("mpeg", "mpg", "mts", "ogv", "ts", "vob", "webm", "wmv"),
    )
)
LARGEST = 50 * 2**20  # bytes of a list; the whole of Ekman-6 takes 100 kB


def stem(text: str) -> str:
    """Return a file name or path without the suffix of a video, if it has one."""
    head, dot, suffix = text.rpartition(".")
    return head if head and f"{dot}{suffix}".lower() in SUFFIXES else text


def parts(text: str) -> tuple[str, ...]:
    """Return what is compared of a name: folders and file name without suffix, folded."""
    plain = unicodedata.normalize("NFKC", stem(text.strip())).casefold()
    return tuple(part for part in plain.replace("\\", "/").split("/") if part not in ("", "."))


class Finder:
    """Finds videos by the names that others give them."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for name in sorted(ids):
            if split := parts(name):
                self._by_name[split[-1]].append((split, name))

    def find(self, text: str) -> tuple[str, ...]:
        """Return the ids of the videos that ``text`` may mean: none, one, or several."""
        wanted = parts(text)
        if not wanted:
            return ()
        return tuple(
            name
            for split, name in self._by_name.get(wanted[-1], ())
            if split[-len(wanted) :] == wanted[-len(split) :]
        )


def lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that say something, with their numbers from 1.

    Lines that begin with "# " are comments; "#1 surprise.mp4" is a name.

    Raises:
        DataError: it cannot be read as text.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} is far too large for a list of videos; name the right file.")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = files.reason(error) if files.os_error(error) else "it is not UTF-8 text"
        raise DataError(f"{path} cannot be read ({why}); name a text file.") from error
    numbered = enumerate((line.strip() for line in text.splitlines()), start=1)
    return [(number, line) for number, line in numbered if line and not f"{line} ".startswith("# ")]
