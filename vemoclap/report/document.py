"""The analysis as JSON, of the shape that ``analysis.schema.json`` describes."""

import json
import math
from collections.abc import Iterable
from typing import Any

from vemoclap import __version__
from vemoclap.records import (
    EMOTIONS,
    Analysis,
    Box,
    Cue,
    Evidence,
    Feature,
    Floats,
    Sentiment,
    Span,
    Status,
    Times,
)
from vemoclap.report.wording import WINDOW_S

SCHEMA = "vemoclap/analysis"
SCHEMA_VERSION = "1.1"  # the first number changes when a reader of the old shape would break
DIGITS = 6  # significant ones; more is noise


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
        "media": _media(analysis),
        "outcome": clip.outcome.value,
        "coverage": {
            "decoded_frames": clip.coverage.decoded_frames,
            "expected_frames": clip.coverage.expected_frames,
            "covered_s": _number(clip.coverage.covered_s),
            "error_count": clip.coverage.error_count,
        },
        "warnings": list(analysis.warnings),
        "frames": {
            "requested": analysis.requested_frames,
            "times_s": _numbers(clip.times_s),
            "height": int(clip.frames.shape[1]),
            "width": int(clip.frames.shape[2]),
            "sample": analysis.sample_frame,
        },
        "emotion": _emotion(analysis),
        "faces": _faces(analysis),
        "speech": _speech(analysis),
        "screen_text": _screen(analysis),
        "image": {"status": _status(readings.image.status)},
        "sound": _sound(analysis),
        "caption": {
            "status": _status(readings.caption.status),
            "frame": readings.caption.frame,
            "text": readings.caption.text,
        },
        "curves": {
            "times_s": _numbers(readings.curves.times_s),
            "step_s": _number(readings.curves.step_s),
            "motion": _numbers(readings.curves.motion),
            "cut_rate": _numbers(readings.curves.cut_rate),
            "brightness": _numbers(readings.curves.brightness),
            "saturation": _numbers(readings.curves.saturation),
            "sound_energy": _numbers(readings.curves.sound_energy),
            "arousal": _numbers(readings.affect.arousal),
            "valence": _numbers(readings.affect.valence),
            "affect_basis": list(readings.affect.basis),
            "cuts_s": _numbers(readings.curves.cuts_s),
        },
        "features": [_feature(feature) for feature in analysis.features.by_name.values()],
        "engines": [
            {
                "role": use.role,
                "engine": use.engine,
                "detail": use.detail,
                "weights": list(use.weights),
            }
            for use in analysis.engines
        ],
        "stages": [
            {"stage": stage.stage, "seconds": _number(stage.seconds)} for stage in analysis.stages
        ],
    }


def _media(analysis: Analysis) -> dict[str, Any]:
    info = analysis.clip.info
    return {
        # A path may hold bytes that are no text, which JSON cannot.
        "path": str(info.path).encode("utf-8", "replace").decode(),
        "size_bytes": info.size_bytes,
        "container": info.container,
        "duration_s": _number(info.duration_s),
        "start_s": _number(info.start_s),
        "width": info.width,
        "height": info.height,
        "rotation_deg": info.rotation_deg,
        "rate_fps": _number(info.rate_fps),
        "video_codec": info.video_codec,
        "pixel_format": info.pixel_format,
        "hdr": info.hdr,
        "interlaced": info.interlaced,
        "still": info.still,
        "audio_codec": info.audio_codec,
        "audio_rate_hz": info.audio_rate_hz,
        "audio_channels": info.audio_channels,
        "subtitle_codec": info.subtitle_codec,
        "sound": _status(analysis.clip.audio_status),
    }


def _emotion(analysis: Analysis) -> dict[str, Any]:
    scores = analysis.scores
    return {
        "status": _status(analysis.scores_status),
        "probabilities": None
        if scores is None
        else dict(zip(EMOTIONS, _numbers(scores.probabilities), strict=True)),
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
            name: dict(zip(EMOTIONS, _numbers(changes), strict=True))
            for name, changes in evidence.moved.items()
        },
        "frame_weights": None if frames is None else _numbers(frames),
        "window_weights": None if windows is None else _numbers(windows),
        "sentence": evidence.sentence,
    }


def _faces(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.faces
    return {
        "status": _status(reading.status),
        "expression_status": _status(reading.expression_status),
        "found": None
        if reading.faces is None
        else [
            {
                "frame": face.frame,
                "time_s": _number(float(analysis.clip.times_s[face.frame])),
                "box": _box(face.box),
                "confidence": _number(face.confidence),
                "expression": face.expression.label if face.expression else None,
                "expression_probability": _number(face.expression.probability)
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
        "status": _status(reading.status),
        "spans": None if reading.spans is None else [_span(span) for span in reading.spans],
        "transcript_status": _status(reading.transcript_status),
        "transcript": None
        if words is None
        else {
            "text": words.text,
            "language": words.language,
            "english": words.english,
            "source": words.source,
            "cues": [_cue(cue) for cue in words.cues],
        },
        "sentiment_status": _status(reading.sentiment_status),
        "sentiment": _sentiment(reading.sentiment),
    }


def _screen(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.screen
    return {
        "status": _status(reading.status),
        "lines": None
        if reading.lines is None
        else [
            {
                "frame": frame,
                "time_s": _number(float(analysis.clip.times_s[frame])),
                "text": line.text,
                "confidence": _number(line.confidence),
                "corners": [_numbers(corner) for corner in line.corners],
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
                "language_probability": _number(part.language.probability)
                if part.language
                else None,
                "english": part.english,
                "first_frame": part.first_frame,
            }
            for part in reading.parts
        ],
        "text": reading.text,
        "sentiment_status": _status(reading.sentiment_status),
        "sentiment": _sentiment(reading.sentiment),
    }


def _sound(analysis: Analysis) -> dict[str, Any]:
    reading = analysis.readings.sound
    return {
        "status": _status(reading.status),
        "tags": None
        if reading.tags is None
        else [{"name": tag.name, "probability": _number(tag.probability)} for tag in reading.tags],
        "starts_s": None if reading.starts_s is None else _numbers(reading.starts_s),
        "window_s": WINDOW_S,
    }


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "space": feature.space,
        "shape": None if feature.values is None else list(feature.values.shape),
        "status": _status(feature.status),
    }


def _status(status: Status) -> dict[str, str]:
    return {"state": status.state.value, "reason": status.reason}


def _sentiment(sentiment: Sentiment | None) -> dict[str, Any] | None:
    if sentiment is None:
        return None
    return {
        "label": sentiment.label,
        "score": _number(sentiment.score),
        "valence": _number(sentiment.valence),
    }


def _box(box: Box) -> dict[str, float | None]:
    return {
        "left": _number(box.left),
        "top": _number(box.top),
        "right": _number(box.right),
        "bottom": _number(box.bottom),
    }


def _span(span: Span) -> dict[str, float | None]:
    return {"start_s": _number(span.start_s), "end_s": _number(span.end_s)}


def _cue(cue: Cue) -> dict[str, Any]:
    return {"start_s": _number(cue.start_s), "end_s": _number(cue.end_s), "text": cue.text}


def _number(value: float) -> float | None:
    number = float(value)
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None


def _numbers(values: Iterable[float] | Floats | Times) -> list[float | None]:
    return [_number(value) for value in values]
