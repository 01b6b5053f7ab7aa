"""Analysis -> what people and programs read: text, JSON, CSV, HTML and a picture."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vemoclap import draw
from vemoclap.errors import VemoclapError
from vemoclap.records import Analysis
from vemoclap.report.document import document, to_json
from vemoclap.report.page import to_html
from vemoclap.report.summary import summary
from vemoclap.report.tables import curves_csv, frames_csv

__all__ = ["curves_csv", "document", "frames_csv", "summary", "to_html", "to_json", "write"]


def write(analysis: Analysis, folder: Path, *, embed_bytes: int = 0) -> tuple[Path, ...]:
    """Write all reports of an analysis into ``folder`` and return their paths.

    ``analysis.json``, ``report.html``, ``frame.png``, ``frames.csv`` and ``curves.csv``. Nothing
    is left half-written: all are complete before the first takes its place. A video of up to
    ``embed_bytes`` goes into the page, which else links to it.

    Raises:
        VemoclapError: the disk is full, or the folder may not be written.
    """
    contents = {
        "frame.png": draw.encoded(draw.annotated_frame(analysis), "PNG"),
        "curves.csv": curves_csv(analysis).encode(),
        "frames.csv": frames_csv(analysis).encode(),
        "report.html": to_html(analysis, folder, embed_bytes=embed_bytes).encode(),
        "analysis.json": (to_json(analysis) + "\n").encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _place(contents, folder)
    except OSError as error:
        raise VemoclapError(
            f"The results could not be written to {folder} ({error.strerror or error}); "
            "choose another folder with --out or make room."
        ) from error


def _place(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
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
