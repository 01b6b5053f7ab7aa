"""The timeline as an annotation file of ELAN, in which people check and correct it.

Format: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf. A tier holds no two
annotations that overlap, so what overlaps goes to a second tier of the same kind.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from vemoclap.records import Span
from vemoclap.report.player import FORMATS, address_of
from vemoclap.report.timeline_findings import said
from vemoclap.report.wording import clean, percent
from vemoclap.timeline.records import FaceTrack, Timeline
from vemoclap.version import __version__

TRACKS = 40  # tiers for faces, those seen most often; more are hard to handle in ELAN
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
_TYPE = "default-lt"


@dataclass(frozen=True)
class Note:
    """An annotation."""

    start_ms: int
    end_ms: int
    value: str


def to_eaf(timeline: Timeline, folder: Path | None = None) -> str:
    """Return the file as XML.

    Args:
        timeline: what to write.
        folder: where the file will lie, for its link to the video; None: beside the video.
    """
    tiers = [row for name, found in _kinds(timeline) for row in _rows(name, found) if row[1]]
    notes = [note for _, row in tiers for note in row]
    times = sorted({time for note in notes for time in (note.start_ms, note.end_ms)})
    slots = {time: f"ts{number}" for number, time in enumerate(times, start=1)}
    root = Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": f"vemoclap {__version__}",
            "DATE": datetime.now(UTC).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            _INSTANCE: _SCHEMA,
        },
    )
    _head(root, timeline, folder, len(notes))
    order = SubElement(root, "TIME_ORDER")
    for time, slot in slots.items():
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(time)})
    number = 0
    for name, row in tiers:
        tier = SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": _TYPE, "TIER_ID": name})
        for note in row:
            number += 1
            place = SubElement(
                SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                {
                    "ANNOTATION_ID": f"a{number}",
                    "TIME_SLOT_REF1": slots[note.start_ms],
                    "TIME_SLOT_REF2": slots[note.end_ms],
                },
            )
            SubElement(place, "ANNOTATION_VALUE").text = note.value
    SubElement(
        root,
        "LINGUISTIC_TYPE",
        {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": _TYPE, "TIME_ALIGNABLE": "true"},
    )
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, "unicode") + "\n"


def _head(root: Element, timeline: Timeline, folder: Path | None, count: int) -> None:
    path, containers = timeline.info.path, timeline.info.container.split(",")
    kind = next((kind.mime for name, kind in FORMATS.items() if name in containers), "unknown")
    head = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    near = address_of(path, folder)
    SubElement(
        head,
        "MEDIA_DESCRIPTOR",
        {
            "MEDIA_URL": path.absolute().as_uri(),
            "MIME_TYPE": kind,
            "RELATIVE_MEDIA_URL": near if "://" in near else f"./{near}",
        },
    )
    SubElement(head, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(count)


def _kinds(timeline: Timeline) -> Iterable[tuple[str, list[Note]]]:
    """Yield the kinds of tiers, each with its annotations in the order of time."""
    moments = timeline.moments
    yield "emotion", _notes((one.span, said(one, timeline)) for one in moments)
    yield "words", _notes((Span(c.start_s, c.end_s), c.text) for c in timeline.cues or ())
    if timeline.by == "utterance":
        yield "kind", _notes((one.span, one.kind.value) for one in moments)
    else:
        yield "speech", _notes((span, "speech") for span in timeline.speech or ())
    edges = [0.0, *timeline.cuts_s, timeline.info.duration_s]
    yield (
        "shots",
        _notes(
            (Span(start, end), f"shot {number}")
            for number, (start, end) in enumerate(itertools.pairwise(edges), start=1)
        ),
    )
    most = sorted(timeline.tracks or (), key=lambda track: -track.count)[:TRACKS]
    for track in sorted(most, key=lambda track: track.track):
        yield f"face {track.track + 1}", _notes((span, _shown(track)) for span in track.spans)


def _shown(track: FaceTrack) -> str:
    if not track.expressions:
        return f"face {track.track + 1}"
    return ", ".join(f"{label} {percent(share)}" for label, share in track.expressions[:3])


def _notes(found: Iterable[tuple[Span, str]]) -> list[Note]:
    rounded = (
        Note(max(0, round(1000 * span.start_s)), max(0, round(1000 * span.end_s)), clean(value))
        for span, value in found
    )
    return sorted(
        (note for note in rounded if note.end_ms > note.start_ms), key=lambda note: note.start_ms
    )


def _rows(name: str, notes: Sequence[Note]) -> list[tuple[str, list[Note]]]:
    """Return as few tiers as hold all annotations without any that overlap."""
    rows: list[list[Note]] = [[]]
    for note in notes:
        free = next((row for row in rows if not row or row[-1].end_ms <= note.start_ms), None)
        if free is None:
            rows.append(free := [])
        free.append(note)
    return [(name if not place else f"{name} ({place + 1})", row) for place, row in enumerate(rows)]
