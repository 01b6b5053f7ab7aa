"""Faces of single frames -> the same faces through the video.

Frames are looked at about a second apart, so a face may have moved by its own width. A face
continues the track whose last box it overlaps, or lies near, with like colours; after a cut or an
absence it is known again by its colours alone, which takes far more likeness. Clothes that change
make a new track; two people in the same clothes, of the same hair, who never appear together, make
one.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from vemoclap.records import Box, Floats, FrameFace, FrameResult, Span
from vemoclap.timeline.records import FaceTrack

NEAR_S = 3.0  # longer after its last look a place says nothing
LEAST_OVERLAP = 0.2  # of two boxes (intersection over union) that may be one face
LEAST_LIKE = 0.35  # of colours, 0..1, for boxes that overlap
NEXT_TO = 1.5  # widths that a face may move between two looks
LIKE_NEXT_TO = 0.5  # of colours, if it moved that far
KNOWN_AGAIN = 0.72  # of colours, wherever and whenever
SAME_SHOT = 0.1  # added to the likeness where no cut lies between
PAUSE_S = 2.5  # a face not seen for longer was away
LEARNING = 0.2  # share of each new look in the colours of a track


@dataclass
class _Track:
    number: int
    colours: Floats
    box: Box
    seen_s: float
    spans: list[Span] = field(default_factory=list)
    count: int = 0
    area: float = 0.0
    picture: bytes = b""
    expressions: Counter[str] = field(default_factory=Counter)


class Linker:
    """Gives each face of each frame, in order of time, the number of its track."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []

    def link(self, frame: FrameResult, cut: bool) -> tuple[int, ...]:
        """Return the track of each face of a frame, with the faces' colours and pictures kept.

        Args:
            frame: the next one in time.
            cut: whether a cut lies between the last frame and this one.
        """
        faces, now_s = frame.faces or (), frame.time_s
        pairs = [
            (likeness, k, track)
            for k, face in enumerate(faces)
            for track in self._tracks
            if (likeness := _likeness(track, face, now_s, cut)) > 0
        ]
        chosen: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, k, track in sorted(pairs, key=lambda pair: -pair[0]):
            if k not in chosen and track.number not in taken:
                chosen[k] = track
                taken.add(track.number)
        for k, face in enumerate(faces):
            if k not in chosen:
                chosen[k] = _Track(len(self._tracks), _colours(face), face.box, now_s)
                self._tracks.append(chosen[k])
            _continue(chosen[k], face, now_s)
        return tuple(chosen[k].number for k in range(len(faces)))

    def tracks(self) -> tuple[FaceTrack, ...]:
        """Return all tracks, in order of their first look; each span ends with its last look."""
        return tuple(
            FaceTrack(
                track=track.number,
                spans=tuple(track.spans),
                count=track.count,
                picture=track.picture,
                expressions=_shares(track.expressions),
            )
            for track in self._tracks
        )


def _colours(face: FrameFace) -> Floats:
    if face.colours is None:
        raise ValueError("Faces are known again by their colours, which were not kept.")
    return face.colours


def _likeness(track: _Track, face: FrameFace, now_s: float, cut: bool) -> float:
    """Return how sure it is that a face is the track's, 0 if it is not."""
    like = float(np.minimum(track.colours, _colours(face)).sum())
    if not cut and now_s - track.seen_s <= NEAR_S:
        overlap = _overlap(track.box, face.box)
        if overlap >= LEAST_OVERLAP and like >= LEAST_LIKE:
            return SAME_SHOT + (overlap + like) / 2 + 1
        if _distance(track.box, face.box) <= NEXT_TO and like >= LIKE_NEXT_TO:
            return SAME_SHOT + like
    return like if like >= KNOWN_AGAIN else 0.0


def _continue(track: _Track, face: FrameFace, now_s: float) -> None:
    if track.spans and now_s - track.seen_s <= PAUSE_S:
        track.spans[-1] = Span(track.spans[-1].start_s, now_s)
    else:
        track.spans.append(Span(now_s, now_s))
    track.colours = (1 - LEARNING) * track.colours + LEARNING * _colours(face)
    track.box, track.seen_s = face.box, now_s
    track.count += 1
    if face.box.area > track.area:
        track.area, track.picture = face.box.area, face.picture or b""
    if face.expression is not None:
        track.expressions[face.expression.label] += 1


def _shares(counts: Counter[str]) -> tuple[tuple[str, float], ...] | None:
    total = counts.total()
    return tuple((label, n / total) for label, n in counts.most_common()) if total else None


def _overlap(a: Box, b: Box) -> float:
    inner = Box(
        max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom)
    )
    shared = inner.area if inner.right > inner.left and inner.bottom > inner.top else 0.0
    union = a.area + b.area - shared
    return shared / union if union > 0 else 0.0


def _distance(a: Box, b: Box) -> float:
    """Return how far the middles of two boxes lie apart, in widths of the larger."""
    x = (a.left + a.right - b.left - b.right) / 2
    y = (a.top + a.bottom - b.top - b.bottom) / 2
    width = max(a.right - a.left, b.right - b.left, 1.0)
    return float(np.hypot(x, y) / width)
