"""An analysis or a timeline as JSON, of the shapes of ``documents``, and such JSON read back."""

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import msgspec

from vemoclap.records import Analysis, Face, ScreenReading, Times
from vemoclap.report.documents import AnalysisDocument, Document, TimelineDocument
from vemoclap.report.wording import WINDOW_S
from vemoclap.timeline.records import Moment, Timeline, TrackedFace
from vemoclap.version import __version__

# The first number of a version changes when a reader of the old shape would break.
ANALYSIS = {"schema": "vemoclap/analysis", "schema_version": "1.1"}
TIMELINE = {"schema": "vemoclap/timeline", "schema_version": "1.0"}
DIGITS = 6  # significant ones; more is noise

D = TypeVar("D", bound=Document)


def to_json(found: Analysis | Timeline, indent: int | None = 2) -> str:
    """Return the document as JSON text; on one line with ``indent`` None."""
    return json.dumps(document(found), ensure_ascii=False, allow_nan=False, indent=indent)


def from_json(text: str | bytes, kind: type[D]) -> D:
    """Return the document that a JSON text holds.

    Raises:
        ValueError: it is no such document, or says what cannot be.
    """
    return msgspec.json.decode(text, type=kind)


def document(found: Analysis | Timeline) -> dict[str, Any]:
    """Return all but pictures, sound and vectors, as JSON's own types; see ``documents``.

    Unknown numbers are null.
    """
    kind: type[Document] = TimelineDocument
    if isinstance(found, Analysis):
        kind, parts = AnalysisDocument, _analysis(found)
    else:
        parts = _timeline(found)
    made: dict[str, Any] = _fitted(kind, parts | {"vemoclap_version": __version__})
    return made


def _analysis(analysis: Analysis) -> dict[str, Any]:
    clip, readings, scores = analysis.clip, analysis.readings, analysis.scores
    faces, affect = readings.faces, readings.affect
    answer = dict.fromkeys(("probabilities", "method", "trained", "note", "evidence"))
    return _with(analysis, **ANALYSIS) | {
        "media": _with(clip.info, sound=clip.audio_status),
        "outcome": clip.outcome,
        "coverage": clip.coverage,
        "frames": {
            "requested": analysis.requested_frames,
            "times_s": clip.times_s,
            "height": clip.frames.shape[1],
            "width": clip.frames.shape[2],
            "sample": analysis.sample_frame,
        },
        "emotion": (_with(scores) if scores else answer) | {"status": analysis.scores_status},
        "faces": _with(
            faces,
            found=None
            if faces.faces is None
            else [_face(face, time_s=clip.times_s[face.frame]) for face in faces.faces],
        ),
        "speech": readings.speech,
        "screen_text": _screen(readings.screen, clip.times_s),
        "image": readings.image,
        "sound": _with(readings.sound, window_s=WINDOW_S),
        "caption": readings.caption,
        "curves": _with(
            readings.curves,
            arousal=affect.arousal,
            valence=affect.valence,
            affect_basis=affect.basis,
        ),
        "features": [
            _with(one, shape=None if one.values is None else one.values.shape)
            for one in analysis.features.by_name.values()
        ],
    }


def _screen(screen: ScreenReading, times_s: Times) -> dict[str, Any]:
    lines = parts = None
    if screen.lines is not None:
        lines = [
            _with(line, frame=frame, time_s=times_s[frame])
            for frame, found in enumerate(screen.lines)
            for line in found
        ]
    if screen.parts is not None:
        parts = [
            _with(
                part,
                language=part.language and part.language.code,
                language_probability=part.language and part.language.probability,
            )
            for part in screen.parts
        ]
    return _with(screen, lines=lines, parts=parts)


def _timeline(timeline: Timeline) -> dict[str, Any]:
    return _with(timeline, **TIMELINE) | {
        "media": timeline.info,
        "model": _with(
            timeline,
            name=timeline.model,
            thresholds=_named(timeline, timeline.thresholds),
        ),
        "mean": _named(timeline, timeline.mean),
        "spans": [_moment(one, timeline) for one in timeline.moments],
        "face_tracks": timeline.tracks,
    }


def _moment(moment: Moment, timeline: Timeline) -> dict[str, Any]:
    evidence = moment.scores.evidence if moment.scores else None
    return _with(moment, start_s=moment.span.start_s, end_s=moment.span.end_s) | {
        "probabilities": _named(timeline, moment.probabilities),
        "reason": evidence and evidence.sentence,
        "faces": None if moment.faces is None else [_face(face) for face in moment.faces],
    }


def _named(timeline: Timeline, numbers: tuple[float, ...] | None) -> dict[str, float] | None:
    return None if numbers is None else dict(zip(timeline.labels, numbers, strict=True))


def _face(face: Face | TrackedFace, **more: Any) -> dict[str, Any]:
    return _with(
        face,
        expression=face.expression and face.expression.label,
        expression_probability=face.expression and face.expression.probability,
        **more,
    )


def _with(record: Any, **more: Any) -> dict[str, Any]:
    """Return the fields of a record by name, and more."""
    return {field.name: getattr(record, field.name) for field in fields(record)} | more


def _fitted(kind: Any, value: Any) -> Any:  # noqa: PLR0911
    """Return what a document's type has room for, of a record or a mapping with its names.

    A tuple of values fills a document in the order of its fields.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if value is None or origin is typing.Literal or kind in (bool, int):
        return value
    if origin in (typing.Union, types.UnionType):
        return _fitted(next(choice for choice in inner if choice is not types.NoneType), value)
    if origin is list:
        return [_fitted(inner[0], item) for item in value]
    if origin is dict:
        return {key: _fitted(inner[1], item) for key, item in value.items()}
    if kind is float:  # JSON has no way to write NaN and the infinite
        return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None
    if issubclass(kind, Enum):
        return value.value
    if kind is str:  # a path may hold bytes that are no text, which JSON cannot
        return str(value).encode("utf-8", "replace").decode()
    hints = _hints(kind)
    if isinstance(value, tuple):
        value = dict(zip(hints, value, strict=True))
    get = value.__getitem__ if isinstance(value, Mapping) else value.__getattribute__
    return {name: _fitted(hint, get(name)) for name, hint in hints.items()}


_hints = cache(typing.get_type_hints)
