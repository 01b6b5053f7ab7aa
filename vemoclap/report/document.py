"""The analysis as JSON, of the shape that ``analysis.schema.json`` describes."""

import json
from typing import Any

from vemoclap import __version__
from vemoclap.records import (
    EMOTIONS,
    Analysis,
    Evidence,
    Feature,
)
from vemoclap.report import values
from vemoclap.report.wording import WINDOW_S

SCHEMA = "vemoclap/analysis"
SCHEMA_VERSION = "1.1"  # the first number changes when a reader of the old shape would break


def to_json(analysis: Analysis, indent: int | None = 2) -> str:
    """Return the document as JSON text; on one line with ``indent`` None."""
    return json.dumps(document(analysis), ensure_ascii=False, allow_nan=False, indent=indent)


def document(analysis: Analysis) -> dict[str, Any]:
    """Return all of an analysis but pictures and sound, as JSON's own types.

    Times are seconds from the first frame, boxes pixels of the sampled frames (whose size is
    under ``frames``), unknown numbers null.
    """
    clip, readings = analysis.clip, analysis.readings
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "vemoclap_version": __version__,
        "preset": analysis.preset,
        "device": analysis.device,
        "media": {**values.media(clip.info), "sound": values.status(clip.audio_status)},
        "outcome": clip.outcome.value,
        "coverage": {
            "decoded_frames": clip.coverage.decoded_frames,
            "expected_frames": clip.coverage.expected_frames,
            "covered_s": values.number(clip.coverage.covered_s),
            "error_count": clip.coverage.error_count,
        },
        "warnings": list(analysis.warnings),
        "frames": {
            "requested": analysis.requested_frames,
            "times_s": values.numbers(clip.times_s),
            "height": int(clip.frames.shape[1]),
            "width": int(clip.frames.shape[2]),
            "sample": analysis.sample_frame,
        },
        "emotion": _emotion(analysis),
        "faces": _faces(analysis),
        "speech": _speech(analysis),
        "screen_text": _screen(analysis),
        "image": {"status": values.status(readings.image.status)},
        "sound": _sound(analysis),
        "caption": {
            "status": values.status(readings.caption.status),
            "frame": readings.caption.frame,
            "text": readings.caption.text,
        },
        "curves": {
            "times_s": values.numbers(readings.curves.times_s),
            "step_s": values.number(readings.curves.step_s),
            "motion": values.numbers(readings.curves.motion),
            "cut_rate": values.numbers(readings.curves.cut_rate),
            "brightness": values.numbers(readings.curves.brightness),
            "saturation": values.numbers(readings.curves.saturation),
            "sound_energy": values.numbers(readings.curves.sound_energy),
            "arousal": values.numbers(readings.affect.arousal),
            "valence": values.numbers(readings.affect.valence),
            "affect_basis": list(readings.affect.basis),
            "cuts_s": values.numbers(readings.curves.cuts_s),
        },
        "features": [_feature(feature) for feature in analysis.features.by_name.values()],
        "engines": [values.engine(use) for use in analysis.engines],
        "stages": [
            {"stage": stage.stage, "seconds": values.number(stage.seconds)}
            for stage in analysis.stages
        ],
    }


def _emotion(analysis: Analysis) -> dict[str, Any]:
    scores = analysis.scores
    return {
        "status": values.status(analysis.scores_status),
        "probabilities": None
        if scores is None
        else dict(zip(EMOTIONS, values.numbers(scores.probabilities), strict=True)),
        "method": None if scores is None else scores.method,
        "trained": None if scores is None else scores.trained,
        "note": None if scores is None else scores.note,
        "evidence": None if scores is None else _evidence(scores.evidence),
    }


def _evidence(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    frames, windows = evidence.frame_weights, evidence.window_weights
    return {
        "moved": {
            name: dict(zip(EMOTIONS, values.numbers(changes), strict=True))
            for name, changes in evidence.moved.items()
        },
        "frame_weights": None if frames is None else values.numbers(frames),
        "window_weights": None if windows is None else values.numbers(windows),
        "sentence": evidence.sentence,
    }


def _faces(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.faces
    return {
        "status": values.status(reading.status),
        "expression_status": values.status(reading.expression_status),
        "found": None
        if reading.faces is None
        else [
            {
                "frame": face.frame,
                "time_s": values.number(float(analysis.clip.times_s[face.frame])),
                "box": values.box(face.box),
                "confidence": values.number(face.confidence),
                "expression": face.expression.label if face.expression else None,
                "expression_probability": values.number(face.expression.probability)
                if face.expression
                else None,
            }
            for face in reading.faces
        ],
    }


def _speech(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.speech
    words = reading.transcript
    return {
        "status": values.status(reading.status),
        "spans": None if reading.spans is None else [values.span(span) for span in reading.spans],
        "transcript_status": values.status(reading.transcript_status),
        "transcript": None
        if words is None
        else {
            "text": words.text,
            "language": words.language,
            "english": words.english,
            "source": words.source,
            "cues": [values.cue(cue) for cue in words.cues],
        },
        "sentiment_status": values.status(reading.sentiment_status),
        "sentiment": values.sentiment(reading.sentiment),
    }


def _screen(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.screen
    return {
        "status": values.status(reading.status),
        "lines": None
        if reading.lines is None
        else [
            {
                "frame": frame,
                "time_s": values.number(float(analysis.clip.times_s[frame])),
                "text": line.text,
                "confidence": values.number(line.confidence),
                "corners": [values.numbers(corner) for corner in line.corners],
            }
            for frame, lines in enumerate(reading.lines)
            for line in lines
        ],
        "parts": None
        if reading.parts is None
        else [
            {
                "original": part.original,
                "language": part.language.code if part.language else None,
                "language_probability": values.number(part.language.probability)
                if part.language
                else None,
                "english": part.english,
                "first_frame": part.first_frame,
            }
            for part in reading.parts
        ],
        "text": reading.text,
        "sentiment_status": values.status(reading.sentiment_status),
        "sentiment": values.sentiment(reading.sentiment),
    }


def _sound(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.sound
    return {
        "status": values.status(reading.status),
        "tags": None
        if reading.tags is None
        else [
            {"name": tag.name, "probability": values.number(tag.probability)}
            for tag in reading.tags
        ],
        "starts_s": None if reading.starts_s is None else values.numbers(reading.starts_s),
        "window_s": WINDOW_S,
    }


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "space": feature.space,
        "shape": None if feature.values is None else list(feature.values.shape),
        "status": values.status(feature.status),
    }
