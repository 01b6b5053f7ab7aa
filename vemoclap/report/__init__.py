"""Analysis -> what people and programs read: text, JSON, CSV, HTML and a picture."""

from pathlib import Path

from vemoclap import files
from vemoclap.media import images
from vemoclap.records import Analysis
from vemoclap.report import annotate
from vemoclap.report.csv import curves_csv, frames_csv
from vemoclap.report.json import document, to_json
from vemoclap.report.page import to_html
from vemoclap.report.terminal import summary

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
        "frame.png": images.encoded(annotate.annotated_frame(analysis), "PNG"),
        "curves.csv": curves_csv(analysis).encode(),
        "frames.csv": frames_csv(analysis).encode(),
        "report.html": to_html(analysis, folder, embed_bytes=embed_bytes).encode(),
        "analysis.json": (to_json(analysis) + "\n").encode(),
    }
    return files.write_all(contents, folder)
