"""Records -> JSON's own types, the same in every document that vemoclap writes."""

import math
from collections.abc import Iterable
from typing import Any

from vemoclap.records import Box, Cue, EngineUse, Floats, MediaInfo, Sentiment, Span, Status, Times

DIGITS = 6  # significant ones; more is noise


def media(info: MediaInfo) -> dict[str, Any]:
    """Return what is known of the file."""
    return {
        # A path may hold bytes that are no text, which JSON cannot.
        "path": str(info.path).encode("utf-8", "replace").decode(),
        "size_bytes": info.size_bytes,
        "container": info.container,
        "duration_s": number(info.duration_s),
        "start_s": number(info.start_s),
        "width": info.width,
        "height": info.height,
        "rotation_deg": info.rotation_deg,
        "rate_fps": number(info.rate_fps),
        "video_codec": info.video_codec,
        "pixel_format": info.pixel_format,
        "hdr": info.hdr,
        "interlaced": info.interlaced,
        "still": info.still,
        "audio_codec": info.audio_codec,
        "audio_rate_hz": info.audio_rate_hz,
        "audio_channels": info.audio_channels,
        "subtitle_codec": info.subtitle_codec,
    }


def engine(use: EngineUse) -> dict[str, Any]:
    """Return which engine filled a role."""
    return {
        "role": use.role,
        "engine": use.engine,
        "detail": use.detail,
        "weights": list(use.weights),
    }


def status(found: Status) -> dict[str, str]:
    """Return how a search ended."""
    return {"state": found.state.value, "reason": found.reason}


def sentiment(found: Sentiment | None) -> dict[str, Any] | None:
    """Return a sentiment without its vector."""
    if found is None:
        return None
    return {
        "label": found.label,
        "score": number(found.score),
        "valence": number(found.valence),
    }


def box(found: Box) -> dict[str, float | None]:
    """Return a box in pixels."""
    return {
        "left": number(found.left),
        "top": number(found.top),
        "right": number(found.right),
        "bottom": number(found.bottom),
    }


def span(found: Span) -> dict[str, float | None]:
    """Return a stretch of time in seconds."""
    return {"start_s": number(found.start_s), "end_s": number(found.end_s)}


def cue(found: Cue) -> dict[str, Any]:
    """Return words and when they were said."""
    return {"start_s": number(found.start_s), "end_s": number(found.end_s), "text": found.text}


def number(value: float) -> float | None:
    """Return a number with DIGITS digits, None for one that JSON has no way to write."""
    known = float(value)
    return float(f"{known:.{DIGITS}g}") if math.isfinite(known) else None


def numbers(values: Iterable[float] | Floats | Times) -> list[float | None]:
    """Return many of them."""
    return [number(value) for value in values]
