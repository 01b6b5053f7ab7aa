"""Lines of text in the order in which people read them, for every engine that finds text."""

from collections.abc import Sequence

from vemoclap.records import TextLine


def in_reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines row by row from the top, each row from the left.

    A line belongs to the row above it when its middle lies higher than that row's first line
    reaches down.
    """
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=_middle):
        if rows and _middle(line) < max(y for _, y in rows[-1][0].corners):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.corners[0][0])]


def _middle(line: TextLine) -> float:
    return sum(y for _, y in line.corners) / len(line.corners)
