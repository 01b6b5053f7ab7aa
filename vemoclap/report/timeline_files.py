"""Timeline -> what people and programs read: JSON, CSV, subtitles, ELAN, a picture and a page."""

import functools
from pathlib import Path

from vemoclap import files
from vemoclap.report import json
from vemoclap.report.csv import spans_csv
from vemoclap.report.json import document
from vemoclap.report.timeline_elan import to_eaf
from vemoclap.report.timeline_page import to_html
from vemoclap.report.timeline_picture import to_png
from vemoclap.report.timeline_subtitles import to_srt, to_vtt
from vemoclap.timeline.records import Timeline

__all__ = [
    "document",
    "spans_csv",
    "to_eaf",
    "to_html",
    "to_json",
    "to_png",
    "to_srt",
    "to_vtt",
    "write",
]

to_json = functools.partial(json.to_json, indent=1)  # long lists of numbers


def write(timeline: Timeline, folder: Path, *, embed_bytes: int = 0) -> tuple[Path, ...]:
    """Write all reports of a timeline into ``folder`` and return their paths.

    ``timeline.json``, ``.csv``, ``.vtt``, ``.srt``, ``.eaf``, ``.png`` and ``.html``. Nothing is
    left half-written: all are complete before the first takes its place. A video of up to
    ``embed_bytes`` goes into the page, which else links to it.

    Raises:
        VemoclapError: the disk is full, or the folder may not be written.
    """
    contents = {
        "timeline.csv": spans_csv(timeline).encode(),
        "timeline.vtt": to_vtt(timeline).encode(),
        "timeline.srt": to_srt(timeline).encode(),
        "timeline.eaf": to_eaf(timeline, folder).encode(),
        "timeline.png": to_png(timeline),
        "timeline.html": to_html(timeline, folder, embed_bytes=embed_bytes).encode(),
        "timeline.json": (to_json(timeline) + "\n").encode(),
    }
    return files.write_all(contents, folder)
