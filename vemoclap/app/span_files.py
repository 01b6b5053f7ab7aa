"""The files of a timeline that a visitor may take home, its page first."""

import io
import zipfile
from typing import TYPE_CHECKING

from vemoclap.app.environment import Place
from vemoclap.app.results import EMBED_BYTES, File, stem_of

if TYPE_CHECKING:
    from vemoclap.timeline.records import Timeline


def files(timeline: "Timeline", where: Place) -> list[File]:
    """Return the files of a timeline, its page first and an archive of all others last."""
    from vemoclap.report import timeline_files

    stem = f"{stem_of(timeline.info.path)}-timeline"
    page = timeline_files.to_html(timeline, embed_bytes=EMBED_BYTES[where], link=False)
    single = [
        File(f"{stem}.html", "Page (HTML)", "text/html", page.encode()),
        File(f"{stem}.csv", "Spans (CSV)", "text/csv", timeline_files.spans_csv(timeline).encode()),
        File(
            f"{stem}.vtt",
            "Subtitles (WebVTT)",
            "text/vtt",
            timeline_files.to_vtt(timeline).encode(),
        ),
        File(
            f"{stem}.srt", "Subtitles (SRT)", "text/plain", timeline_files.to_srt(timeline).encode()
        ),
        File(
            f"{stem}.eaf", "ELAN (EAF)", "application/xml", timeline_files.to_eaf(timeline).encode()
        ),
        File(f"{stem}.png", "Curve (PNG)", "image/png", timeline_files.to_png(timeline)),
        File(
            f"{stem}.json",
            "Data (JSON)",
            "application/json",
            timeline_files.to_json(timeline).encode(),
        ),
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in single:
            packed.writestr(f"{stem}/{file.name}", file.content)
    content = archive.getvalue()
    return [*single, File(f"{stem}.zip", "Everything (ZIP)", "application/zip", content)]
