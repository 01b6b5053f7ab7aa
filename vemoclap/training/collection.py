"""What videos a collection has: found in a folder, or told by a CSV file.

A folder holds ``<emotion>/<name>``; the folders above do not matter. A CSV has the columns
``path``, ``label`` and, if it likes, ``split``; its paths start from where the CSV lies. What is
not clear is reported and never guessed.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vemoclap import files
from vemoclap.errors import DataError, MediaError
from vemoclap.media import probe
from vemoclap.records import EMOTIONS, Progress
from vemoclap.training import splits, video_names, video_table
from vemoclap.training.records import Split

COLUMNS = ("path", "label", "split")
LONGEST_S = 4 * 3600.0  # as ``media.Limits``
Check = Callable[[Path], None]  # raises MediaError for what is no video


@dataclass(frozen=True, slots=True)
class Entry:
    """One video of a collection."""

    id: str  # "joy/birthday.mp4"
    path: Path
    label: str | None
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """The videos of a collection, sorted by id, and what was strange about it."""

    entries: tuple[Entry, ...]
    troubles: tuple[str, ...]  # sentences that name a file

    @property
    def labels(self) -> dict[str, str | None]:
        """Id -> label, as the blacklist wants it."""
        return {entry.id: entry.label for entry in self.entries}


def of_folder(folder: Path, labels: tuple[str, ...] = EMOTIONS) -> Index:
    """Return the videos in a folder of folders named after emotions.

    Files that have no suffix of a video, or lie in no such folder, are reported.

    Raises:
        DataError: it is no folder, or no video is in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name one that holds a folder per emotion.")
    found, troubles = [], []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_dir() or any(part.startswith(".") for part in relative.parts):
            continue
        folders = [part.casefold() for part in relative.parts[:-1]]
        emotions = [part for part in folders if part in labels]
        if path.suffix.lower() not in video_names.SUFFIXES:
            troubles.append(f"{path}: no video by its name; left out.")
        elif len(set(emotions)) != 1:
            why = "in folders of several emotions" if emotions else "in no folder of an emotion"
            troubles.append(f"{path}: {why}; left out.")
        else:
            found.append(Entry(f"{emotions[-1]}/{path.name}", path, emotions[-1]))
    if not found:
        raise DataError(
            f"{folder} holds no videos in folders named {', '.join(labels)}; name another folder "
            "or write a CSV of path and label."
        )
    return _index(found, troubles)


def of_csv(path: Path, labels: tuple[str, ...] = EMOTIONS) -> Index:
    """Return the videos that a CSV lists; files that are not there are reported.

    Raises:
        DataError: it cannot be read, or a line has an unknown label or split.
    """
    columns, rows = video_table.read(path)
    if not {"path", "label"} <= set(columns):
        raise DataError(
            f"{path} has the columns {', '.join(columns) or 'of nothing'}; it needs path and "
            "label, and may have split."
        )
    found, troubles = [], []
    for row in rows:
        label, split = row.label(path, labels), row.split(path)
        video = path.parent / row.cells["path"]
        if video.is_file():
            name = f"{label}/{video.name}" if label else video.name
            found.append(Entry(name, video, label, split))
        else:
            troubles.append(f"{path}, line {row.line}: {video} is not there; left out.")
    if not found:
        raise DataError(f"{path} lists no video that is there; check its paths.")
    return _index(found, troubles)


def checked(index: Index, check: Check | None = None, progress: Progress | None = None) -> Index:
    """Return the index without files that cannot be read as videos, which are reported.

    Each file is opened, and its packets are read, not its pictures.

    Args:
        index: what to check.
        check: what raises MediaError for a file that is no video.
        progress: called with ("checking", done, total).
    """
    check = check or _check
    good, troubles = [], []
    for done, entry in enumerate(index.entries):
        if progress:
            progress("checking", done, len(index.entries))
        try:
            check(entry.path)
            good.append(entry)
        except (MediaError, OSError) as error:
            troubles.append(f"{entry.path} is left out: {error}")
    if progress:
        progress("checking", len(index.entries), len(index.entries))
    return Index(tuple(good), (*index.troubles, *troubles))


def with_lists(index: Index, lists: Mapping[Split, Path]) -> Index:
    """Return the index with the splits that official lists give; others are taken away.

    Raises:
        DataError: a list cannot be read, or two claim the same video.
    """
    given = splits.given(frozenset(index.labels), lists)
    entries = tuple(replace(one, split=given.splits.get(one.id)) for one in index.entries)
    troubles = [f"{entry.path}: in none of the lists." for entry in entries if entry.split is None]
    return Index(entries, (*index.troubles, *given.troubles, *troubles))


def write(index: Index, path: Path) -> None:
    """Write an index as a CSV that ``of_csv`` reads.

    Raises:
        DataError: the file cannot be written.
    """
    with (
        files.explain_os_errors(path, "cannot be written", "choose another place"),
        files.whole_file(path) as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for entry in index.entries:
            relative = Path(os.path.relpath(entry.path, path.parent)).as_posix()
            rows.writerow((relative, entry.label or "", entry.split or ""))


def _index(entries: Iterable[Entry], troubles: list[str]) -> Index:
    """Return the entries whose ids are their own, sorted, and all that is strange."""
    by_id: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_id[entry.id].append(entry)
    good = []
    for name, same in sorted(by_id.items()):
        if len(same) == 1:
            good += same
        else:
            paths = ", ".join(str(entry.path) for entry in same)
            troubles.append(f"{name} is the name of several videos ({paths}); all left out.")
    return Index(tuple(good), (*troubles, *_alike(good), *_copies(good)))


def _alike(entries: Iterable[Entry]) -> list[str]:
    """Return a sentence for each file name that lists could not tell apart."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        by_name[video_names.parts(entry.path.name)[-1]].append(entry.id)
    return [
        f"{', '.join(ids)}: the same name but for folder, case or suffix; lists need the folder."
        for ids in by_name.values()
        if len(ids) > 1
    ]


def _copies(entries: Iterable[Entry]) -> list[str]:
    """Return a sentence for each set of files of the same bytes."""
    by_size: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_size[entry.path.stat().st_size].append(entry)
    by_bytes: dict[str, list[str]] = defaultdict(list)
    for same in by_size.values():
        for entry in same if len(same) > 1 else ():
            by_bytes[files.digest(entry.path).sha256].append(entry.id)
    return [f"{', '.join(ids)}: copies of one file." for ids in by_bytes.values() if len(ids) > 1]


def _check(path: Path) -> None:
    probe.inspect(path, path.name, path.stat().st_size, max_duration_s=LONGEST_S)
