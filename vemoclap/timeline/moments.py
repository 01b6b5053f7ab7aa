"""A span's frames, words and readings -> the moment that reports show."""

from collections.abc import Mapping, Sequence

import numpy as np

from vemoclap.readings.image import best_frame
from vemoclap.readings.read import SpanEvidence
from vemoclap.records import Floats, FrameFace, FrameResult, Readings, Scores, Status
from vemoclap.timeline.records import Moment, TrackedFace
from vemoclap.timeline.spans import Segment

PEAKS = 200  # of the sound, that a waveform is drawn from


def moment(
    index: int,
    segment: Segment,
    evidence: SpanEvidence,
    readings: Readings,
    *,
    tracks: Mapping[int, tuple[int, ...]],
    status: Status,
    scores: Scores | None,
) -> Moment:
    """Return what is known of one span.

    Args:
        index: of the span, in order of time.
        segment: the span.
        evidence: what was found in its frames and its sound.
        readings: what was made of that.
        tracks: the tracks of the faces of each frame, by the frame's place among all.
        status: how the search for its emotion ended.
        scores: its emotion.
    """
    speech, screen, frames = readings.speech, readings.screen, evidence.frames
    read = " ".join(part.original for part in screen.parts or ())
    best = best_frame(readings.faces, screen, len(frames))
    return Moment(
        index=index,
        span=segment.span,
        kind=segment.kind,
        status=status,
        probabilities=None if scores is None else scores.probabilities,
        scores=scores,
        times_s=tuple(frame.time_s for frame in frames),
        faces=tracked(frames, tracks),
        words=None if speech.transcript is None else speech.transcript.text,
        words_status=speech.transcript_status,
        sentiment=speech.sentiment,
        screen_text=screen.text or read or None,
        tags=readings.sound.tags,
        envelope=envelope(evidence.audio),
        picture=frames[best].picture if frames else None,
    )


def tracked(
    frames: Sequence[FrameResult], tracks: Mapping[int, tuple[int, ...]]
) -> tuple[TrackedFace, ...] | None:
    """Return the faces of some frames, None if nothing looked for them in any."""
    if all(frame.faces is None for frame in frames):
        return None
    seen = [
        (frame, face, track)
        for frame in frames
        for face, track in zip(frame.faces or (), tracks[frame.index], strict=True)
    ]
    largest: dict[int, FrameFace] = {}  # of each track
    for _, face, track in seen:
        if track not in largest or face.box.area >= largest[track].box.area:
            largest[track] = face
    return tuple(
        TrackedFace(
            track=track,
            time_s=frame.time_s,
            box=face.box,
            confidence=face.confidence,
            expression=face.expression,
            picture=face.picture if face is largest[track] else None,
        )
        for frame, face, track in seen
    )


def envelope(audio: Floats | None) -> tuple[float, ...] | None:
    """Return the peaks of the sound in at most ``PEAKS`` stretches of equal length, 0..1."""
    if audio is None or not len(audio):
        return None
    edges = np.linspace(0, len(audio), min(PEAKS, len(audio)) + 1).astype(np.int64)[:-1]
    peaks = np.maximum(np.maximum.reduceat(audio, edges), -np.minimum.reduceat(audio, edges))
    return tuple(round(float(peak), 4) for peak in peaks)
