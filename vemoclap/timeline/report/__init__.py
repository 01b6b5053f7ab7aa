"""Timeline -> what people and programs read: JSON, CSV, subtitles, ELAN, a picture and a page."""

from pathlib import Path

from vemoclap.report import files
from vemoclap.timeline.records import Timeline
from vemoclap.timeline.report.document import document, to_json
from vemoclap.timeline.report.elan import to_eaf
from vemoclap.timeline.report.subtitles import to_srt, to_vtt
from vemoclap.timeline.report.table import spans_csv

__all__ = ["document", "spans_csv", "to_eaf", "to_json", "to_srt", "to_vtt", "write"]


def write(timeline: Timeline, folder: Path) -> tuple[Path, ...]:
    """Write all reports of a timeline into ``folder`` and return their paths.

    ``timeline.json``, ``.csv``, ``.vtt``, ``.srt`` and ``.eaf``. Nothing is left half-written:
    all are complete before the first takes its place.

    Raises:
        VemoclapError: the disk is full, or the folder may not be written.
    """
    contents = {
        "timeline.csv": spans_csv(timeline).encode(),
        "timeline.vtt": to_vtt(timeline).encode(),
        "timeline.srt": to_srt(timeline).encode(),
        "timeline.eaf": to_eaf(timeline, folder).encode(),
        "timeline.json": (to_json(timeline) + "\n").encode(),
    }
    return files.place(contents, folder)
