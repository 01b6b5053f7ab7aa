"""The analysis as JSON, of the shape that ``analysis.schema.json`` describes."""

import json
from typing import Any

from vemoclap.records import EMOTIONS, Analysis, Evidence, Feature
from vemoclap.report import json_values
from vemoclap.report.wording import WINDOW_S
from vemoclap.version import __version__

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
        "media": {**json_values.media(clip.info), "sound": json_values.status(clip.audio_status)},
        "outcome": clip.outcome.value,
        "coverage": {
            "decoded_frames": clip.coverage.decoded_frames,
            "expected_frames": clip.coverage.expected_frames,
            "covered_s": json_values.number(clip.coverage.covered_s),
            "error_count": clip.coverage.error_count,
        },
        "warnings": list(analysis.warnings),
        "frames": {
            "requested": analysis.requested_frames,
            "times_s": json_values.numbers(clip.times_s),
            "height": int(clip.frames.shape[1]),
            "width": int(clip.frames.shape[2]),
            "sample": analysis.sample_frame,
        },
        "emotion": _emotion(analysis),
        "faces": _faces(analysis),
        "speech": _speech(analysis),
        "screen_text": _screen(analysis),
        "image": {"status": json_values.status(readings.image.status)},
        "sound": _sound(analysis),
        "caption": {
            "status": json_values.status(readings.caption.status),
            "frame": readings.caption.frame,
            "text": readings.caption.text,
        },
        "curves": {
            "times_s": json_values.numbers(readings.curves.times_s),
            "step_s": json_values.number(readings.curves.step_s),
            "motion": json_values.numbers(readings.curves.motion),
            "cut_rate": json_values.numbers(readings.curves.cut_rate),
            "brightness": json_values.numbers(readings.curves.brightness),
            "saturation": json_values.numbers(readings.curves.saturation),
            "sound_energy": json_values.numbers(readings.curves.sound_energy),
            "arousal": json_values.numbers(readings.affect.arousal),
            "valence": json_values.numbers(readings.affect.valence),
            "affect_basis": list(readings.affect.basis),
            "cuts_s": json_values.numbers(readings.curves.cuts_s),
        },
        "features": [_feature(feature) for feature in analysis.features.by_name.values()],
        "engines": [json_values.engine(use) for use in analysis.engines],
        "stages": [
            {"stage": stage.stage, "seconds": json_values.number(stage.seconds)}
            for stage in analysis.stages
        ],
    }


def _emotion(analysis: Analysis) -> dict[str, Any]:
    scores = analysis.scores
    return {
        "status": json_values.status(analysis.scores_status),
        "probabilities": None
        if scores is None
        else dict(zip(EMOTIONS, json_values.numbers(scores.probabilities), strict=True)),
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
            name: dict(zip(EMOTIONS, json_values.numbers(changes), strict=True))
            for name, changes in evidence.moved.items()
        },
        "frame_weights": None if frames is None else json_values.numbers(frames),
        "window_weights": None if windows is None else json_values.numbers(windows),
        "sentence": evidence.sentence,
    }


def _faces(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.faces
    return {
        "status": json_values.status(reading.status),
        "expression_status": json_values.status(reading.expression_status),
        "found": None
        if reading.faces is None
        else [
            {
                "frame": face.frame,
                "time_s": json_values.number(float(analysis.clip.times_s[face.frame])),
                "box": json_values.box(face.box),
                "confidence": json_values.number(face.confidence),
                "expression": face.expression.label if face.expression else None,
                "expression_probability": json_values.number(face.expression.probability)
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
        "status": json_values.status(reading.status),
        "spans": None
        if reading.spans is None
        else [json_values.span(span) for span in reading.spans],
        "transcript_status": json_values.status(reading.transcript_status),
        "transcript": None
        if words is None
        else {
            "text": words.text,
            "language": words.language,
            "english": words.english,
            "source": words.source,
            "cues": [json_values.cue(cue) for cue in words.cues],
        },
        "sentiment_status": json_values.status(reading.sentiment_status),
        "sentiment": json_values.sentiment(reading.sentiment),
    }


def _screen(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.screen
    return {
        "status": json_values.status(reading.status),
        "lines": None
        if reading.lines is None
        else [
            {
                "frame": frame,
                "time_s": json_values.number(float(analysis.clip.times_s[frame])),
                "text": line.text,
                "confidence": json_values.number(line.confidence),
                "corners": [json_values.numbers(corner) for corner in line.corners],
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
                "language_probability": json_values.number(part.language.probability)
                if part.language
                else None,
                "english": part.english,
                "first_frame": part.first_frame,
            }
            for part in reading.parts
        ],
        "text": reading.text,
        "sentiment_status": json_values.status(reading.sentiment_status),
        "sentiment": json_values.sentiment(reading.sentiment),
    }


def _sound(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.sound
    return {
        "status": json_values.status(reading.status),
        "tags": None
        if reading.tags is None
        else [
            {"name": tag.name, "probability": json_values.number(tag.probability)}
            for tag in reading.tags
        ],
        "starts_s": None if reading.starts_s is None else json_values.numbers(reading.starts_s),
        "window_s": WINDOW_S,
    }


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "space": feature.space,
        "shape": None if feature.values is None else list(feature.values.shape),
        "status": json_values.status(feature.status),
    }
