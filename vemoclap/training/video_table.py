"""A CSV that lists videos: for collections, batches and utterances alike."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vemoclap.errors import DataError
from vemoclap.files import reason
from vemoclap.training.records import Split


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    line: int  # from 1
    cells: Mapping[str, str]  # by column, "" where there is nothing

    def label(self, path: Path, labels: tuple[str, ...]) -> str | None:
        """Return its label, None where it has none.

        Raises:
            DataError: it is none of ``labels``.
        """
        label = self.cells.get("label", "").casefold() or None
        if label is not None and label not in labels:
            raise DataError(f"{path}, line {self.line}: {label} is none of {', '.join(labels)}.")
        return label

    def split(self, path: Path) -> Split | None:
        """Return its split, None where it has none.

        Raises:
            DataError: there is no such split.
        """
        split = self.cells.get("split", "").casefold() or None
        if split is not None and split not in {one.value for one in Split}:
            raise DataError(
                f"{path}, line {self.line}: the split {split} is none of train, val and test."
            )
        return Split(split) if split else None


def read(
    path: Path, column: Callable[[str], str] = lambda name: name
) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return the columns and the rows of a table.

    Args:
        path: a CSV, whose first line names the columns.
        column: makes our name for a column of the one that it has there.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            columns = {name: column(name) for name in lines.fieldnames or ()}
            rows = tuple(
                Row(lines.line_num, {columns[k]: (line.get(k) or "").strip() for k in columns})
                for line in lines
            )
            return tuple(columns.values()), rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as CSV ({reason(error)}); save it as UTF-8 CSV."
        ) from error
