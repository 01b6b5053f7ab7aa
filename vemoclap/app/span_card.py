"""One span as a visitor sees it: its chart, and below it the faces, the sound and the words."""

import base64
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vemoclap.app.session import Labels
from vemoclap.app.theme import text
from vemoclap.report.charts import named_columns, waveform
from vemoclap.report.timeline_findings import emotions
from vemoclap.report.timeline_rows import shortened
from vemoclap.report.wording import exact, why
from vemoclap.timeline.records import Kind

if TYPE_CHECKING:
    from vemoclap.timeline.records import Moment, TrackedFace

FACES = 6  # pictures of faces in a span
PEAKS = 160  # of the waveform
NAMES = {Kind.SPEECH: "Utterance", Kind.SILENCE: "Silence", Kind.WINDOW: "Window"}


def card(moment: "Moment", labels: Labels, number: int) -> str:
    """Return a span as markup.

    Args:
        moment: the span.
        labels: what its probabilities are of.
        number: to call it by, from 1.
    """
    when = f"{exact(moment.span.start_s)} to {exact(moment.span.end_s)}"
    name = f"{NAMES[moment.kind]} {number}"
    return (
        f'<article class="vc-span" aria-label="{text(name)}"><h4>{text(name)} '
        f'<span class="vc-soft">{text(when)}</span></h4>{_chart(moment, labels)}'
        f'<div class="vc-inputs">{"".join(_inputs(moment))}</div></article>'
    )


def mean_card(title: str, mean: Sequence[float] | None, labels: Labels, about: str) -> str:
    """Return the mean of all spans as markup."""
    if mean is None:
        shown = '<p class="vc-plain">No span could be judged.</p>'
    else:
        shown = named_columns(labels.labels, mean, labels.thresholds) + _present(mean, labels)
    return (
        f'<article class="vc-span vc-mean" aria-label="{text(title)}"><h4>{text(title)}</h4>'
        f'{shown}<p class="vc-plain vc-soft">{text(about)}</p></article>'
    )


def _chart(moment: "Moment", labels: Labels) -> str:
    if moment.probabilities is None:
        return f'<p class="vc-plain">{text(why(moment.status))}</p>'
    return named_columns(labels.labels, moment.probabilities, labels.thresholds) + _present(
        moment.probabilities, labels
    )


def _present(probabilities: Sequence[float], labels: Labels) -> str:
    if labels.thresholds is None:
        return ""
    found = [
        one.label
        for one in emotions(labels.labels, probabilities, labels.thresholds)
        if one.present
    ]
    said = (
        f"Above their thresholds: {', '.join(found)}." if found else "None reaches its threshold."
    )
    return f'<p class="vc-plain vc-soft">{text(said)}</p>'


def _inputs(moment: "Moment") -> Iterator[str]:
    """Yield what was looked at, listened to and read."""
    faces = _largest(moment)
    if faces:
        yield '<ul class="vc-faces">'
        for face in faces:
            expression = f", {face.expression.label}" if face.expression else ""
            name = text(f"Face {face.track + 1}{expression}")
            yield f"<li>{_picture(face.picture, '')}<span>{name}</span></li>"
        yield "</ul>"
    elif moment.picture:
        yield f'<div class="vc-frame">{_picture(moment.picture, "A frame of this span")}</div>'
    if moment.faces is not None and not moment.faces:
        yield '<p class="vc-plain vc-soft">No face in these frames.</p>'
    if moment.envelope:
        yield waveform(moment.envelope, PEAKS)
    if moment.words:
        words = text(shortened(moment.words))
        yield f'<blockquote class="vc-words" dir="auto">{words}</blockquote>'
    else:
        said = "No words." if moment.words_status.ok else f"Words: {why(moment.words_status)}."
        yield f'<p class="vc-plain vc-soft">{text(said)}</p>'


def _largest(moment: "Moment") -> list["TrackedFace"]:
    """Return the faces that have a picture, the largest of each person."""
    found = [face for face in moment.faces or () if face.picture]
    return sorted(found, key=lambda face: -face.box.area)[:FACES]


def _picture(jpeg: bytes | None, told: str) -> str:
    if jpeg is None:
        return ""
    data = base64.b64encode(jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{text(told)}">'
