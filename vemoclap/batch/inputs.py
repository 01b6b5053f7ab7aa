"""Paths, folders and CSV files -> the files to read, each once and each with a name of its own.

Folders are searched to their bottom. Links are followed, but no folder and no file is taken
twice, wherever the second way to it leads from. What has no suffix of a video is listed as left
out, never guessed at; a file that was named itself is always taken.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from vemoclap import files
from vemoclap.batch.records import Inputs, Item, LeftOut
from vemoclap.errors import DataError, UsageError
from vemoclap.records import EMOTIONS
from vemoclap.training import video_table
from vemoclap.training.video_names import SUFFIXES

FOLDER_NAME_BYTES = 150  # of a result's folder, which file systems limit to 255


def find(places: Sequence[Path]) -> Inputs:
    """Return every file under ``places``: videos, folders of them, CSVs with a column ``path``.

    A CSV may have the columns ``label`` and ``split`` too; its paths start from where it lies.
    In a folder, a file in a folder named like an emotion has that label.

    Raises:
        UsageError: a place is not there, or nothing is in any of them.
        DataError: a CSV cannot be read, or a label or split in it is unknown.
    """
    search = _Search()
    for place in places:
        if place.is_dir():
            search.folder(place, place)
        elif place.suffix.lower() == ".csv" and place.is_file():
            for item in _listed(place, search.left_out):
                search.take(item)
        elif not os.path.lexists(place):
            raise UsageError(f"{place} is not there; name videos, folders or a CSV of paths.")
        else:
            search.take(Item(_text(place.name), place))
    if not search.items and not search.left_out:
        raise UsageError(
            f"There is no file in {', '.join(map(str, places))}; name videos, folders or a CSV."
        )
    return Inputs(tuple(_named(search.items)), tuple(search.left_out))


def part(inputs: Inputs, number: int, count: int) -> Inputs:
    """Return the ``number``-th of ``count`` equal shares, counted from 1, for one job of many."""
    return Inputs(inputs.items[number - 1 :: count], inputs.left_out if number == 1 else ())


def folder_name(name: str) -> str:
    """Return the name of the folder for an item's result, different for different names."""
    flat = "".join(c if c.isprintable() and c not in '\\:*?"<>|' else "_" for c in name)
    flat = flat.replace("/", "__").strip(". ")
    short = flat.encode()[:FOLDER_NAME_BYTES].decode(errors="ignore")
    if short == name.replace("/", "__") and "__" not in name:
        return short
    return f"{short}-{_mark(name)}"  # something was lost, so the rest must tell it apart


class _Search:
    """What was found so far, and where the search has been."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.left_out: list[LeftOut] = []
        self._folders: dict[str, Path] = {}  # real path -> as it was met first
        self._files: dict[str, Path] = {}

    def folder(self, folder: Path, root: Path) -> None:
        if (seen := self._folders.setdefault(os.path.realpath(folder), folder)) is not folder:
            self.left_out.append(LeftOut(folder, f"the same folder as {seen}"))
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.left_out.append(LeftOut(folder, f"it cannot be opened ({files.reason(error)})"))
            return
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                self.left_out.append(LeftOut(path, "its name starts with a dot"))
            elif entry.is_dir():
                self.folder(path, root)
            elif path.suffix.lower() not in SUFFIXES:
                self.left_out.append(LeftOut(path, "no video by its name"))
            else:
                name = path.relative_to(root)
                self.take(Item(_text(name.as_posix()), path, _emotion(name)))

    def take(self, item: Item) -> None:
        real = os.path.realpath(item.path)
        if (seen := self._files.setdefault(real, item.path)) is not item.path:
            self.left_out.append(LeftOut(item.path, f"the same file as {seen}"))
            return
        # Absolute, as a worker may run in another folder.
        self.items.append(replace(item, path=item.path.absolute()))


def _emotion(name: Path) -> str | None:
    """Return the emotion that a file's folders name, None unless it is exactly one."""
    found = {part.casefold() for part in name.parts[:-1]} & set(EMOTIONS)
    return found.pop() if len(found) == 1 else None


def _listed(path: Path, left_out: list[LeftOut]) -> Iterator[Item]:
    """Yield the items of a CSV; they are checked before the first is given."""
    columns, rows = video_table.read(path)
    if "path" not in columns:
        raise DataError(
            f"{path} has the columns {', '.join(columns) or 'of nothing'}; it needs path, and may "
            "have label and split."
        )
    items = [_item(path, row, left_out) for row in rows]
    yield from (item for item in items if item is not None)


def _item(path: Path, row: video_table.Row, left_out: list[LeftOut]) -> Item | None:
    named = row.cells["path"]
    if not named:
        left_out.append(LeftOut(path, f"line {row.line} names no file"))
        return None
    label, split = row.label(path, EMOTIONS), row.split(path)
    parts = [part for part in Path(named).parts if part not in ("/", "..", ".")]
    return Item(_text("/".join(parts) or named), path.parent / named, label, split)


def _named(items: Sequence[Item]) -> Iterator[Item]:
    """Yield the items with names of their own: of the same names, all but the first are marked."""
    taken: set[str] = set()
    for item in items:
        name = item.name
        if name in taken:
            name = f"{name}-{_mark(str(item.path.absolute()))}"
        taken.add(name)
        yield replace(item, name=name)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _text(name: str) -> str:
    """Return a file name as text that any program can store, whatever bytes are in it."""
    return name.encode("utf-8", "backslashreplace").decode()
