"""A span's looks, words and readings -> the moment that reports show."""

from collections.abc import Mapping, Sequence

import numpy as np

from vemoclap.records import Clip, Floats, Readings, Scores, Status
from vemoclap.timeline.frame_results import Look
from vemoclap.timeline.records import Moment, TrackedFace
from vemoclap.timeline.spans import Piece

PEAKS = 200  # of the sound, that a waveform is drawn from


def moment(
    index: int,
    piece: Piece,
    clip: Clip,
    readings: Readings,
    *,
    looks: Sequence[Look],
    tracks: Mapping[int, tuple[int, ...]],
    status: Status,
    scores: Scores | None,
) -> Moment:
    """Return what is known of one span.

    Args:
        index: of the span, in order of time.
        piece: the span.
        clip: the span as a clip of its own.
        readings: what was read from that.
        looks: what was found in its frames.
        tracks: the tracks of the faces of each frame, by the frame's place among all.
        status: how the search for its emotion ended.
        scores: its emotion.
    """
    speech, screen = readings.speech, readings.screen
    read = " ".join(part.original for part in screen.parts or ())
    return Moment(
        index=index,
        span=piece.span,
        kind=piece.kind,
        status=status,
        probabilities=None if scores is None else scores.probabilities,
        scores=scores,
        times_s=tuple(look.time_s for look in looks),
        faces=faces(looks, tracks),
        words=None if speech.transcript is None else speech.transcript.text,
        words_status=speech.transcript_status,
        sentiment=speech.sentiment,
        screen_text=screen.text or read or None,
        tags=readings.sound.tags,
        envelope=envelope(clip.audio),
        picture=picture(looks),
    )


def faces(
    looks: Sequence[Look], tracks: Mapping[int, tuple[int, ...]]
) -> tuple[TrackedFace, ...] | None:
    """Return the faces of some frames, None if nothing looked for them in any."""
    if all(look.detections is None for look in looks):
        return None
    seen = [
        (look, number, face, track)
        for look in looks
        for number, (face, track) in enumerate(
            zip(look.detections or (), tracks[look.index], strict=True)
        )
    ]
    largest: dict[int, tuple[float, int, int]] = {}  # of each track
    for look, number, face, track in seen:
        largest[track] = max(largest.get(track, (-1.0, 0, 0)), (face.box.area, look.index, number))
    return tuple(
        TrackedFace(
            track=track,
            time_s=look.time_s,
            box=face.box,
            confidence=face.confidence,
            expression=look.expressions[number] if look.expressions else None,
            picture=look.faces[number] if largest[track][1:] == (look.index, number) else None,
        )
        for look, number, face, track in seen
    )


def envelope(audio: Floats | None) -> tuple[float, ...] | None:
    """Return the peaks of the sound in at most ``PEAKS`` stretches of equal length, 0..1."""
    if audio is None or not len(audio):
        return None
    edges = np.linspace(0, len(audio), min(PEAKS, len(audio)) + 1).astype(np.int64)[:-1]
    peaks = np.maximum(np.maximum.reduceat(audio, edges), -np.minimum.reduceat(audio, edges))
    return tuple(round(float(peak), 4) for peak in peaks)


def picture(looks: Sequence[Look]) -> bytes | None:
    """Return the picture of the frame that shows the most faces and text, else the middle one."""
    if not looks:
        return None

    def worth(look: Look) -> tuple[bool, int]:
        faces, lines = len(look.detections or ()), len(look.lines or ())
        return bool(faces and lines), faces + lines

    best = max(looks, key=worth)
    return best.picture if worth(best)[1] else looks[len(looks) // 2].picture
