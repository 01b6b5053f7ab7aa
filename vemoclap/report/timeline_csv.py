"""The spans of a timeline as a table for spreadsheets."""

import csv
import io

from vemoclap.report.csv import safe_cell
from vemoclap.report.timeline_findings import label_of
from vemoclap.report.wording import clean
from vemoclap.timeline.records import Moment, Timeline

LEADING = ("span", "start_s", "end_s", "kind", "status", "emotion")
TRAILING = (
    "words",
    "sentiment",
    "sentiment_valence",
    "faces",
    "face_tracks",
    "expressions",
    "screen_text",
    "sounds",
)


def spans_csv(timeline: Timeline) -> str:
    """Return the spans as CSV, one row each; cells of unknown values are empty.

    Columns: span (counted from 1), start_s, end_s, kind, status, emotion (those present), the
    probability of each label, words, sentiment, sentiment_valence (-1 to 1), faces (how many
    were found), face_tracks (whose), expressions, screen_text, and sounds. Text that a
    spreadsheet might take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labels = [safe_cell(clean(label)) for label in timeline.labels]
    writer.writerow([*LEADING, *labels, *TRAILING])
    for moment in timeline.moments:
        writer.writerow(_row(moment, timeline))
    return text.getvalue()


def _row(moment: Moment, timeline: Timeline) -> list[str]:
    probabilities = moment.probabilities or (None,) * len(timeline.labels)
    feeling, faces = moment.sentiment, moment.faces
    expressions = [face.expression.label for face in faces or () if face.expression]
    return [
        str(moment.index + 1),
        f"{moment.span.start_s:.3f}",
        f"{moment.span.end_s:.3f}",
        moment.kind.value,
        moment.status.state.value,
        _cell(label_of(moment, timeline)),
        *("" if value is None else f"{value:.6g}" for value in probabilities),
        _cell(moment.words),
        _cell(feeling.label if feeling else None),
        f"{feeling.valence:.6g}" if feeling else "",
        "" if faces is None else str(len(faces)),
        " ".join(str(track + 1) for track in sorted({face.track for face in faces or ()})),
        _cell(" | ".join(expressions)),
        _cell(moment.screen_text),
        _cell(" | ".join(tag.name for tag in moment.tags or ())),
    ]


def _cell(text: str | None) -> str:
    return safe_cell(clean(text or ""))
