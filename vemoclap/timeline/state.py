"""What is known of a video while its spans are made, and no longer than they need it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vemoclap.analyser import DEFAULT_FRAMES
from vemoclap.media import sampling
from vemoclap.media.stream import Reel
from vemoclap.records import Clip, Span, SpeechReading
from vemoclap.timeline import sections
from vemoclap.timeline.frame_results import Look
from vemoclap.timeline.records import Material, Moment
from vemoclap.timeline.remembered import Memo
from vemoclap.timeline.sections import NO_THUMBNAILS, Places, Section, Thumbnails
from vemoclap.timeline.spans import Piece
from vemoclap.timeline.tracks import Linker
from vemoclap.timeline.word_timing import Words


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a section once its frames are gone."""

    looks: tuple[Look, ...]
    cuts_s: tuple[float, ...]
    thumbnails: Thumbnails  # those that the usual overview of the whole video has as well
    decoded: int
    complaints: tuple[str, ...]


class Work:
    """What is known of a video while its spans are made, and no longer than they need it."""

    def __init__(
        self,
        reel: Reel,
        said: SpeechReading,
        pieces: Sequence[Piece],
        frames: Sequence[Places],
        memo: Memo,
    ) -> None:
        self.reel, self.said, self.pieces, self.frames, self.memo = (
            reel, said, pieces, frames, memo,
        )  # fmt: skip
        usual = sampling.sample_times(reel.info.duration_s, DEFAULT_FRAMES)
        self.whole_frames = reel.shown_at(usual)
        self.words = None
        if said.transcript is not None:
            self.words = Words(said.transcript, said.spans or ())
        self.next = 0  # the first span that is not done
        self.done: list[Moment] = []
        self.linker = Linker()
        self.looks: dict[int, Look] = {}  # frame -> what was found in it
        self.tracks: dict[int, tuple[int, ...]] = {}  # frame -> whose its faces are
        self.kept: dict[int, Look] = {}  # the same, of the whole video's frames
        self.sections: list[Section] = []
        self.overview = NO_THUMBNAILS  # of the whole video
        self.cuts_s: list[float] = []
        self.decoded = 0
        self.complaints: list[str] = []
        self.unlooked = True  # nothing looked for faces so far

    def take(self, section: Section, seen: Seen) -> None:
        """Add what was found in the next section."""
        self.sections.append(section)
        usual = set(self.whole_frames.tolist())
        at = self._last_look_s
        self.cuts_s += seen.cuts_s
        for found in seen.looks:
            cut = any(at < cut <= found.time_s for cut in self.cuts_s[-200:])
            at = found.time_s
            self.looks[found.index] = found
            self.tracks[found.index] = self.linker.link(found, cut)
            self.unlooked &= found.detections is None
            if found.index in usual:
                self.kept[found.index] = found
        self.overview = self.overview.then(seen.thumbnails)
        self.decoded += seen.decoded
        self.complaints += seen.complaints

    @property
    def _last_look_s(self) -> float:
        return max((look.time_s for look in self.looks.values()), default=0.0)

    def cuts_of(self, section: Section) -> tuple[float, ...]:
        """Return the cuts of a section that is not taken yet."""
        span = section.span
        around = section.thumbnails
        if self.sections:
            before = self.sections[-1].thumbnails
            around = before.within(span.start_s - sections.CONTEXT_S, span.start_s).then(around)
        return tuple(sections.cuts(self.reel, around, span.start_s, span.end_s))

    def voices(self, span: Span) -> tuple[Span, ...]:
        """Return when somebody speaks within a span, from its start."""
        return tuple(
            Span(
                max(voice.start_s, span.start_s) - span.start_s,
                min(voice.end_s, span.end_s) - span.start_s,
            )
            for voice in self.said.spans or ()
            if voice.start_s < span.end_s and voice.end_s > span.start_s
        )

    def clip(self, span: Span, looks: Sequence[Look]) -> Clip:
        """Return a span as a clip of its own, whose frames nobody can look at any more."""
        thumbnails = NO_THUMBNAILS
        for section in self.sections:
            if section.span.start_s < span.end_s and section.span.end_s > span.start_s:
                here = section.thumbnails.within(span.start_s, span.end_s)
                thumbnails = thumbnails.then(here)
        times = np.array([look.time_s for look in looks])
        return sections.clip(self.reel, span, unseen(looks), times, thumbnails)

    def material(self, index: int) -> Material | None:
        """Return what a judge may use of a span, None if none of its frames could be decoded."""
        span = self.pieces[index].span
        frames, looks = [], []
        for place in self.frames[index].tolist():
            here = (section.frame(place) for section in self.sections)
            frame = next((found for found in here if found is not None), None)
            if frame is not None and place in self.looks:
                frames.append(frame)
                looks.append(self.looks[place])
        if not frames:
            return None
        transcript = self.words.within(span) if self.words else None
        return Material(
            span=span,
            frames=np.stack(frames),
            times_s=np.array([look.time_s for look in looks]),
            faces=tuple(look.detections or () for look in looks),
            audio=self.clip(span, looks).audio,
            words="" if transcript is None else transcript.text,
        )

    def let_go(self) -> None:
        """Forget what no span needs that is yet to come."""
        rest = range(self.next, len(self.pieces))
        first_s = self.pieces[self.next].span.start_s if rest else math.inf
        first = min((int(self.frames[k][0]) for k in rest if len(self.frames[k])), default=None)
        last = self.sections[-1]
        self.sections = [s for s in self.sections if s.span.end_s > first_s or s is last]
        if first is None:
            return
        for index in [index for index in self.looks if index < first]:
            del self.looks[index], self.tracks[index]


def unseen(looks: Sequence[Look]) -> Any:
    """Return frames of the right size that take no memory; all engines that look have looked."""
    height, width = (looks[0].height, looks[0].width) if looks else (1, 1)
    return np.broadcast_to(np.uint8(0), (len(looks), height, width, 3))


def without_picture(reel: Reel) -> Clip:
    """Return the whole video as a clip of sound and subtitles."""
    nothing = np.empty((0, 1, 1, 3), np.uint8)
    whole = Span(0.0, reel.info.duration_s)
    return sections.clip(reel, whole, nothing, np.empty(0), NO_THUMBNAILS)
