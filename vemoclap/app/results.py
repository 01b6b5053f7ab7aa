"""Results as a visitor sees them: the report in a frame where no script runs, and its files."""

import base64
import html
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.app import environment
from vemoclap.app.environment import Place
from vemoclap.app.theme import note, text

if TYPE_CHECKING:
    from vemoclap.records import Analysis
    from vemoclap.timeline.records import Timeline


# What stands in a report was said and shown by a stranger's video. Its frame is of an origin of its
# own, so that nothing in it could reach the page around it or its server; it sends no form, opens
# no window, shows no dialog and leads nowhere. Scripts are for the report's player: the report's
# own policy allows that one, by its digest.
SANDBOX = "allow-scripts"
# A video of up to so many bytes goes into the report. It travels three times, each time as text: in
# the frame, in the link that saves the report, and in that of the archive.
EMBED_BYTES = {Place.PAGE: 8_000_000, Place.COLAB: 1_000_000, Place.NOTEBOOK: 1_000_000}


@dataclass(frozen=True, slots=True)
class File:
    """One file to take home."""

    name: str
    label: str
    kind: str  # MIME type
    content: bytes


def files(analysis: "Analysis", where: Place) -> list[File]:
    """Return the files of the results, the report first and an archive of all others last."""
    from vemoclap import report
    from vemoclap.media import images
    from vemoclap.report import annotate

    stem = stem_of(analysis.clip.info.path)
    page = report.to_html(analysis, embed_bytes=EMBED_BYTES[where], link=False)
    single = [
        File(f"{stem}.html", "Report (HTML)", "text/html", page.encode()),
        File(f"{stem}.json", "Data (JSON)", "application/json", report.to_json(analysis).encode()),
        File(
            f"{stem}.png",
            "Sample frame (PNG)",
            "image/png",
            images.encoded(annotate.annotated_frame(analysis), "PNG"),
        ),
    ]
    rest = [
        File(f"{stem}-curves.csv", "", "text/csv", report.curves_csv(analysis).encode()),
        File(f"{stem}-frames.csv", "", "text/csv", report.frames_csv(analysis).encode()),
    ]
    for index in range(len(analysis.clip.frames)):
        picture = images.encoded(annotate.annotated_frame(analysis, index), "JPEG")
        rest.append(File(f"frames/{index + 1:03}.jpg", "", "image/jpeg", picture))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in (*single, *rest):
            packed.writestr(f"{stem}/{file.name}", file.content)
    return [
        *single,
        File(f"{stem}.zip", "Everything (ZIP)", "application/zip", archive.getvalue()),
    ]


def frame(page: File, where: Place) -> str:
    """Return the frame that shows the report, if the front end can be sent one as large."""
    if where is not Place.PAGE and len(page.content) > environment.NOTEBOOK_MESSAGE_BYTES:
        return note("The report is too large to be shown here; open the file.", "warn")
    return (
        f'<iframe class="vc-report" sandbox="{SANDBOX}" title="Report" referrerpolicy="no-referrer"'
        f' srcdoc="{html.escape(page.content.decode())}"></iframe>'
    )


def links(found: list[File], where: Place) -> str:
    """Return the links that save files, as far as the front end can be sent such large ones."""
    room = environment.NOTEBOOK_MESSAGE_BYTES - len(found[0].content)
    parts = []
    for file in found:
        size = len(file.content) * 4 // 3
        if where is not Place.PAGE and size > room:
            continue
        room -= size
        data = base64.b64encode(file.content).decode()
        parts.append(
            f'<a class="vc-save" download="{text(file.name)}" '
            f'href="data:{file.kind};base64,{data}">{text(file.label)}</a>'
        )
    return f'<div class="vc-saves"><b>Save</b> {" ".join(parts)}</div>' if parts else ""


def store(found: list[File], folder: Path) -> Path:
    """Write the files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in found:
        (folder / file.name).write_bytes(file.content)
    return folder


def save_on_colab(folder: Path, found: list[File]) -> None:
    """Have Colab download the archive, which lies in a folder of its name."""
    from google.colab import files as colab

    archive = found[-1]
    colab.download(str(folder / archive.name.rpartition(".")[0] / archive.name))


def stem_of(path: Path) -> str:
    """Return the name for files about a video: as portable as can be."""
    return re.sub(r"[^\w-]+", "-", path.stem).strip("-")[:60] or "video"


def timeline_files_of(timeline: "Timeline", where: Place) -> list[File]:
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
