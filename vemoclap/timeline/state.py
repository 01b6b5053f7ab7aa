"""What is known of a video while its spans are made, and no longer than they need it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vemoclap.analyser import DEFAULT_FRAMES
from vemoclap.media import sampling
from vemoclap.media.stream import Reel
from vemoclap.readings import curves
from vemoclap.readings.engine_calls import TextCache
from vemoclap.readings.speech import SpeechOverTime
from vemoclap.records import Detection, FrameResult, Span, SpeechReading
from vemoclap.timeline import sections
from vemoclap.timeline.records import Moment, SpanInputs
from vemoclap.timeline.sections import NO_THUMBNAILS, Places, Section, Thumbnails
from vemoclap.timeline.spans import Segment
from vemoclap.timeline.tracks import Linker


@dataclass(frozen=True, slots=True)
class SectionResult:
    """What is kept of a section once its frames are gone."""

    frames: tuple[FrameResult, ...]
    cuts_s: tuple[float, ...]
    thumbnails: Thumbnails  # those that the usual overview of the whole video has as well
    decoded: int
    complaints: tuple[str, ...]


class TimelineState:
    """What is known of a video while its spans are made, and no longer than they need it."""

    def __init__(
        self,
        reel: Reel,
        said: SpeechReading,
        segments: Sequence[Segment],
        places: Sequence[Places],
        texts: TextCache,
    ) -> None:
        self.reel, self.said, self.segments, self.texts = reel, said, segments, texts
        self.places = places  # of the frames of each span
        usual = sampling.sample_times(reel.info.duration_s, DEFAULT_FRAMES)
        self.whole_places = reel.shown_at(usual)
        self.speech = SpeechOverTime(said, sections.clip(reel))
        self.next = 0  # the first span that is not done
        self.done: list[Moment] = []
        self.linker = Linker()
        self.frames: dict[int, FrameResult] = {}  # by place among all
        self.tracks: dict[int, tuple[int, ...]] = {}  # frame -> whose its faces are
        self.whole_frames: list[FrameResult] = []  # those of the whole video
        self.sections: list[Section] = []
        self.overview = NO_THUMBNAILS  # of the whole video
        self.cuts_s: list[float] = []
        self.decoded = 0
        self.complaints: list[str] = []
        self.unlooked = True  # nothing looked for faces so far

    def take(self, section: Section, found: SectionResult) -> None:
        """Add what was found in the next section."""
        self.sections.append(section)
        usual = set(self.whole_places.tolist())
        at = max((frame.time_s for frame in self.frames.values()), default=0.0)
        self.cuts_s += found.cuts_s
        for frame in found.frames:
            cut = any(at < cut <= frame.time_s for cut in self.cuts_s[-200:])
            at = frame.time_s
            self.frames[frame.index] = frame
            self.tracks[frame.index] = self.linker.link(frame, cut)
            self.unlooked &= frame.faces is None
            if frame.index in usual:
                self.whole_frames.append(frame)
        self.overview = sections.joined((self.overview, found.thumbnails))
        self.decoded += found.decoded
        self.complaints += found.complaints

    def cuts_of(self, section: Section) -> tuple[float, ...]:
        """Return the cuts of a section that is not taken yet, told by what is around it as well."""
        start_s, end_s = section.span.start_s, section.span.end_s
        around = section.thumbnails
        if self.sections:
            before = self.sections[-1].thumbnails
            before = before.within(start_s - sections.CONTEXT_S, start_s)
            around = sections.joined((before, around))
        found = curves.cuts(sections.overview(around, Span(0.0, end_s)))
        return tuple(time for time in found if start_s <= time < end_s)

    def frames_of(self, index: int) -> tuple[FrameResult, ...]:
        """Return what was found in the frames of a span that could be decoded."""
        places = self.places[index].tolist()
        return tuple(self.frames[place] for place in places if place in self.frames)

    def thumbnails(self, span: Span) -> Thumbnails:
        """Return the thumbnails of a span."""
        return sections.joined(
            section.thumbnails.within(span.start_s, span.end_s)
            for section in self.sections  # others need not be decoded, if they were recalled
            if section.span.start_s < span.end_s and section.span.end_s > span.start_s
        )

    def inputs(self, index: int) -> SpanInputs | None:
        """Return what a classifier may use of a span, None if none of its frames was decoded."""
        span = self.segments[index].span
        frames, results = [], []
        for result in self.frames_of(index):
            here = (section.frame(result.index) for section in self.sections)
            frame = next((found for found in here if found is not None), None)
            if frame is not None:
                frames.append(frame)
                results.append(result)
        if not frames:
            return None
        transcript = self.speech.words(span)
        return SpanInputs(
            span=span,
            frames=np.stack(frames),
            times_s=np.array([result.time_s for result in results]),
            faces=tuple(
                tuple(Detection(face.box, face.confidence) for face in result.faces or ())
                for result in results
            ),
            audio=sections.sound(self.reel, span)[0],
            words="" if transcript is None else transcript.text,
        )

    def let_go(self) -> None:
        """Forget what no span needs that is yet to come."""
        rest = range(self.next, len(self.segments))
        first_s = self.segments[self.next].span.start_s if rest else math.inf
        first = min((int(self.places[k][0]) for k in rest if len(self.places[k])), default=None)
        last = self.sections[-1]
        self.sections = [s for s in self.sections if s.span.end_s > first_s or s is last]
        if first is None:
            return
        for index in [index for index in self.frames if index < first]:
            del self.frames[index], self.tracks[index]
