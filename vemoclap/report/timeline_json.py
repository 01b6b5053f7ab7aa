"""The timeline as JSON, of the shape that ``timeline.schema.json`` describes."""

import json
from collections.abc import Sequence
from typing import Any

from vemoclap.records import EMOTIONS, Scores
from vemoclap.report import json_values
from vemoclap.timeline.records import FaceTrack, Moment, Timeline, TrackedFace
from vemoclap.version import __version__

SCHEMA = "vemoclap/timeline"
SCHEMA_VERSION = "1.0"  # the first number changes when a reader of the old shape would break


def to_json(timeline: Timeline, indent: int | None = 1) -> str:
    """Return the document as JSON text; on one line with ``indent`` None."""
    return json.dumps(document(timeline), ensure_ascii=False, allow_nan=False, indent=indent)


def document(timeline: Timeline) -> dict[str, Any]:
    """Return all of a timeline but pictures, as JSON's own types.

    Times are seconds from the first frame, boxes pixels of frames whose shorter side is 360,
    unknown numbers null.
    """
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "vemoclap_version": __version__,
        "preset": timeline.preset,
        "device": timeline.device,
        "media": json_values.media(timeline.info),
        "by": timeline.by,
        "length_s": None if timeline.length_s is None else json_values.number(timeline.length_s),
        "step_s": None if timeline.step_s is None else json_values.number(timeline.step_s),
        "model": {
            "name": timeline.model,
            "labels": list(timeline.labels),
            "exclusive": timeline.exclusive,
            "thresholds": _named(timeline.labels, timeline.thresholds),
            "trained": timeline.trained,
            "note": timeline.note,
        },
        "mean": _named(timeline.labels, timeline.mean),
        "whole": _scores(timeline.whole),
        "spans": [moment(one, timeline.labels) for one in timeline.moments],
        "speech": None
        if timeline.speech is None
        else [json_values.span(span) for span in timeline.speech],
        "cues": None if timeline.cues is None else [json_values.cue(cue) for cue in timeline.cues],
        "cuts_s": json_values.numbers(timeline.cuts_s),
        "face_tracks": None
        if timeline.tracks is None
        else [_track(track) for track in timeline.tracks],
        "warnings": list(timeline.warnings),
        "engines": [json_values.engine(use) for use in timeline.engines],
        "stages": [
            {"stage": stage.stage, "seconds": json_values.number(stage.seconds)}
            for stage in timeline.stages
        ],
    }


def moment(found: Moment, labels: Sequence[str]) -> dict[str, Any]:
    """Return one span."""
    evidence = found.scores.evidence if found.scores else None
    return {
        "index": found.index,
        "start_s": json_values.number(found.span.start_s),
        "end_s": json_values.number(found.span.end_s),
        "kind": found.kind.value,
        "status": json_values.status(found.status),
        "probabilities": _named(labels, found.probabilities),
        "reason": None if evidence is None else evidence.sentence,
        "times_s": json_values.numbers(found.times_s),
        "faces": None if found.faces is None else [_face(face) for face in found.faces],
        "words": found.words,
        "words_status": json_values.status(found.words_status),
        "sentiment": json_values.sentiment(found.sentiment),
        "screen_text": found.screen_text,
        "tags": None
        if found.tags is None
        else [
            {"name": t.name, "probability": json_values.number(t.probability)} for t in found.tags
        ],
        "envelope": None if found.envelope is None else json_values.numbers(found.envelope),
    }


def _named(
    labels: Sequence[str], numbers: Sequence[float] | None
) -> dict[str, float | None] | None:
    if numbers is None:
        return None
    return dict(zip(labels, json_values.numbers(numbers), strict=True))


def _scores(scores: Scores | None) -> dict[str, Any] | None:
    if scores is None:
        return None
    return {
        "probabilities": _named(EMOTIONS, scores.probabilities),
        "method": scores.method,
        "trained": scores.trained,
        "note": scores.note,
    }


def _face(face: TrackedFace) -> dict[str, Any]:
    expression = face.expression
    return {
        "track": face.track,
        "time_s": json_values.number(face.time_s),
        "box": json_values.box(face.box),
        "confidence": json_values.number(face.confidence),
        "expression": expression.label if expression else None,
        "expression_probability": json_values.number(expression.probability)
        if expression
        else None,
    }


def _track(track: FaceTrack) -> dict[str, Any]:
    return {
        "track": track.track,
        "spans": [json_values.span(span) for span in track.spans],
        "count": track.count,
        "expressions": None
        if track.expressions is None
        else [
            {"label": label, "share": json_values.number(share)}
            for label, share in track.expressions
        ],
    }
