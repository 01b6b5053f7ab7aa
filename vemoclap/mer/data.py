"""What is learnt from: utterances with their labels, listed in a CSV.

Either the raw clips of CMU-MOSEI with a table of labels beside them, or any CSV of clips, spans
and labels; docs/mer.md describes both.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from vemoclap.errors import DataError
from vemoclap.mer.model import LABELS
from vemoclap.records import Span
from vemoclap.training import video_table
from vemoclap.training.records import Split
from vemoclap.training.video_names import SUFFIXES

TABLE = "labels.csv"
SPLITS = "splits.csv"
RAW = "Raw"
# What a video is dealt to by its name, where nobody says: the first 70 % train, and so on. The
# same video always goes to the same split, however many others there are.
SHARES = ((0.70, Split.TRAIN), (0.85, Split.VAL), (1.0, Split.TEST))
VALIDATES = 0.1  # of the training videos, where a split for testing is given and none for this
_SPLITS = {"train": Split.TRAIN, "test": Split.TEST}
_SPLITS |= dict.fromkeys(("val", "valid", "validation", "dev"), Split.VAL)
# Column by the names that it goes by; "Input." and "Answer." before them do not count.
_NAMES = {
    "path": ("path", "file"),
    "video": ("video", "video_id"),
    "clip": ("clip", "clip_id", "segment"),
    "start_s": ("start_s", "start"),
    "end_s": ("end_s", "end"),
    "text": ("text", "words", "transcript"),
    "split": ("split", "mode"),
    "happy": ("happy", "happiness"),
    "sad": ("sad", "sadness"),
    "anger": ("anger", "angry"),
    "surprise": ("surprise", "surprised"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "afraid"),
}
_COLUMNS = {name: column for column, names in _NAMES.items() for name in names}
_OWN = ("path", "video", "clip", "start_s", "end_s", "text", "split")  # that are no labels


@dataclass(frozen=True, slots=True)
class Piece:
    """One utterance and what it shows."""

    id: str  # unique in a collection
    source: str  # the video that it is a part of; all of one video share a split
    path: Path
    span: Span | None  # None: the whole file
    words: str | None  # None: not given, to be heard
    split: Split
    present: tuple[bool, ...]  # per label


@dataclass(frozen=True, slots=True)
class Collection:
    """What a table lists."""

    note: str
    labels: tuple[str, ...]
    pieces: tuple[Piece, ...]
    troubles: tuple[str, ...]  # a sentence per row that is of no use


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the table."""

    where: str  # for messages
    cells: Mapping[str, str]
    split: Split | None
    values: tuple[float, ...]  # per label, 0 and more

    @property
    def key(self) -> tuple[str, ...]:
        """What is the same for the judgements of several annotators."""
        return tuple(self.cells.get(name, "") for name in _OWN[:5])


def read(place: Path) -> Collection:
    """Return what a folder of CMU-MOSEI or a CSV lists; rows of no use are reported.

    A label is present where the mean over a clip's rows, one per annotator, is more than 0.

    Raises:
        DataError: there is no table, it cannot be read, or it lacks a column.
    """
    table = _table(place) if place.is_dir() else place
    columns, lines = video_table.read(table, _column)
    labels = _labels(columns, table)
    troubles: list[str] = []
    by_key: dict[tuple[str, ...], list[_Row]] = {}
    for line in lines:
        where, cells = f"{table.name}, line {line.line}", line.cells
        try:
            row = _Row(where, cells, _split(cells), _values(cells, labels))
        except ValueError as error:
            troubles.append(f"{where}: {error}; left out.")
            continue
        by_key.setdefault(row.key, []).append(row)
    given = _given(place / SPLITS) if place.is_dir() else {}
    pieces = []
    for rows in by_key.values():
        try:
            pieces.append(_piece(rows, table.parent, given))
        except ValueError as error:
            troubles.append(f"{rows[0].where}: {error}; left out.")
    if not pieces:
        raise DataError(
            f"{table} lists no clip that is there ({'; '.join(troubles[:1]) or 'it has no rows'}); "
            "check its paths, or see docs/mer.md for the layout."
        )
    name = place.name if place.is_dir() else place.stem
    return Collection(name, labels, _divided(pieces), tuple(troubles))


# -- the table --------------------------------------------------------------------------------


def _table(folder: Path) -> Path:
    """Return the one table of labels in a folder."""
    if (folder / TABLE).is_file():
        return folder / TABLE
    found = sorted(path for path in folder.glob("*.csv") if path.name != SPLITS)
    if len(found) != 1:
        raise DataError(
            f"{folder} holds {len(found) or 'no'} CSV files; name the one with the labels {TABLE}."
        )
    return found[0]


def _column(name: str) -> str:
    plain = name.strip().casefold().removeprefix("input.").removeprefix("answer.")
    return _COLUMNS.get(plain, plain)


def _labels(columns: Sequence[str], table: Path) -> tuple[str, ...]:
    """Return what the table labels: the six of CMU-MOSEI, or else all columns that are left."""
    if not {"path", "video"} & set(columns):
        raise DataError(
            f"{table} has the columns {', '.join(columns) or 'of nothing'}; it needs path, or "
            "video and clip (see docs/mer.md)."
        )
    if set(LABELS) <= set(columns):
        return LABELS
    found = tuple(dict.fromkeys(name for name in columns if name and name not in _OWN))
    if not found or set(found) & set(LABELS):
        lacking = [name for name in LABELS if name not in columns]
        raise DataError(f"{table} has no column {', '.join(lacking)}; add it (see docs/mer.md).")
    return found


def _split(cells: Mapping[str, str]) -> Split | None:
    name = cells.get("split", "").casefold()
    if name and name not in _SPLITS:
        raise ValueError(f"the split {name!r} is none of train, val and test")
    return _SPLITS[name] if name else None


def _values(cells: Mapping[str, str], labels: Sequence[str]) -> tuple[float, ...]:
    values = []
    for label in labels:
        text = cells.get(label, "") or "0"  # how annotators leave out what they do not see
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise ValueError(f"{label} is {text!r} and not a number from 0")
        values.append(value)
    return tuple(values)


def _given(path: Path) -> dict[str, Split]:
    """Return video -> split of the list beside a table, if there is one."""
    if not path.is_file():
        return {}
    found = {}
    for line in video_table.read(path, _column)[1]:
        try:
            split = _split(line.cells)
        except ValueError as error:
            raise DataError(f"{path}: {path.name}, line {line.line}: {error}.") from error
        if split is not None:
            found[line.cells.get("video", "")] = split
    return found


# -- the pieces -------------------------------------------------------------------------------


def _piece(rows: Sequence[_Row], folder: Path, given: Mapping[str, Split]) -> Piece:
    """Return the utterance that some annotators' rows are about."""
    cells, split = rows[0].cells, rows[0].split
    span = _span(cells)
    if cells.get("path"):
        path = folder / cells["path"]
        source = name = cells["path"]
        if not path.is_file():
            raise ValueError(f"{path} is not there")
    else:
        source, clip = cells.get("video", ""), cells.get("clip", "")
        if not source:
            raise ValueError("it names no video")
        name = f"{source}/{clip}" if clip else source
        path, cut = _raw(folder, source, clip)
        span = None if cut else span
        if not cut and span is None:
            raise ValueError(f"{path} is the whole video, and start_s and end_s do not say where")
    if span is not None:
        name += f"@{span.start_s:g}-{span.end_s:g}"
    means = [mean(values) for values in zip(*(row.values for row in rows), strict=True)]
    return Piece(
        id=name,
        source=source,
        path=path,
        span=span,
        words=cells.get("text") or None,
        split=split or given.get(source) or _dealt(source),
        present=tuple(value > 0 for value in means),
    )


def _span(cells: Mapping[str, str]) -> Span | None:
    start, end = cells.get("start_s", ""), cells.get("end_s", "")
    if not start and not end:
        return None
    try:
        span = Span(float(start or 0), float(end))
    except ValueError:
        raise ValueError(f"its span is {start!r} to {end!r} and not in seconds") from None
    if not 0 <= span.start_s < span.end_s < math.inf:
        raise ValueError(f"its span is {start} to {end}, which is no stretch of time")
    return span


def _raw(folder: Path, video: str, clip: str) -> tuple[Path, bool]:
    """Return the file of a clip, and whether it was cut out already."""
    for parent in (folder / RAW, folder):
        places = [(parent / video / clip, True)] if clip else []
        for place, cut in (*places, (parent / video, False)):
            for suffix in (".mp4", *sorted(SUFFIXES - {".mp4"})):
                path = place.with_name(place.name + suffix)
                if path.is_file():
                    return path, cut
    raise ValueError(f"neither {RAW}/{video}/{clip or '*'}.mp4 nor {RAW}/{video}.mp4 is there")


def _dealt(source: str) -> Split:
    place = _fraction(source)
    return next(split for share, split in SHARES if place < share)


def _fraction(source: str) -> float:
    """Return a number from 0 to 1 that a name decides."""
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:6], "big") / 2**48


def _divided(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the pieces in order, some of training for validation where no split is for that."""
    ordered = sorted(pieces, key=lambda piece: piece.id)
    if any(piece.split is Split.VAL for piece in ordered):
        return tuple(ordered)
    train = {piece.source for piece in ordered if piece.split is Split.TRAIN}
    count = math.ceil(VALIDATES * len(train)) if len(train) > 1 else 0
    validates = set(sorted(train, key=_fraction)[:count])
    return tuple(
        replace(piece, split=Split.VAL) if piece.source in validates else piece for piece in ordered
    )
