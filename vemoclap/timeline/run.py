"""path -> moments, one after the other as they are ready, and at the end the timeline of all.

The sound is decoded and its words are found once. The picture comes in sections of a minute, whose
frames are looked at once, whatever number of spans they belong to, and are then let go. So memory
does not grow with the length of the video, but for its sound (0.23 GB an hour).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vemoclap.analyser import DEFAULT_FRAMES, Analyser
from vemoclap.classifier.features import extract
from vemoclap.media.stream import Reel, open_reel
from vemoclap.readings import sound, speech
from vemoclap.readings.engine_calls import Stages, TextCache, attempt
from vemoclap.readings.faces import NO_FRAME
from vemoclap.readings.read import SpanEvidence, compose, read_frames
from vemoclap.records import (
    EMOTIONS,
    OK,
    FrameResult,
    Overview,
    Progress,
    Readings,
    Scores,
    Span,
    SpeechReading,
    State,
    Status,
    failed,
)
from vemoclap.timeline import moments, sections, spans
from vemoclap.timeline.records import Moment, SpanClassifier, Timeline
from vemoclap.timeline.resume import Store, key
from vemoclap.timeline.sections import Places, Section
from vemoclap.timeline.spans import UTTERANCE, WINDOW, Options, Segment
from vemoclap.timeline.state import SectionResult, TimelineState
from vemoclap.version import __version__

UNSEEN = failed(NO_FRAME.reason)
Answers = dict[int, tuple[float, ...] | Status]  # span -> its probabilities, or why it has none


class Run:
    """An iterator over the moments of a video, in order of time."""

    def __init__(
        self,
        path: Path,
        options: Options,
        analyser: Analyser,
        *,
        judge: SpanClassifier | None = None,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare the run; nothing is opened before the first moment is asked for.

        See ``follow`` for the arguments.
        """
        self.total: int | None = None  # how many spans there are, once that is known
        self._path, self._options = path, options
        self._analyser, self._classifier = analyser, judge
        self._folder, self._progress = folder, progress
        self._stages = Stages()
        self._store = Store(None)
        self._timeline: Timeline | None = None
        self._steps = self._moments()

    @property
    def labels(self) -> tuple[str, ...]:
        """What the probabilities of each moment are of."""
        return EMOTIONS if self._classifier is None else self._classifier.labels

    def __iter__(self) -> "Run":
        return self

    def __next__(self) -> Moment:
        return next(self._steps)

    def result(self) -> Timeline:
        """Return the timeline, once all moments that were not asked for yet are ready."""
        for _ in self:
            pass
        if self._timeline is None:
            raise RuntimeError("The run was given up, so there is no timeline.")
        return self._timeline

    def forget(self) -> None:
        """Delete what was kept for a run that is killed; call it when the results are safe."""
        self._store.forget()

    # -- the work -----------------------------------------------------------------------------

    def _moments(self) -> Iterator[Moment]:
        self._tell("video", 0, 1)
        with self._stages.of("video"):
            reel = open_reel(self._path, limits=self._analyser.limits)
        self._tell("video", 1, 1)
        engines = self._analyser.residents
        self._store = Store(self._folder, key(self._path, self._key()) if self._folder else "")
        with self._stages.of("models"):
            engines.load(self._progress)
        said = self._said(reel)
        segments = self._segments(reel, said)
        self.total = len(segments)
        state = TimelineState(
            reel, said, segments, self._places(reel, segments), TextCache(engines)
        )
        for section in sections.sections(reel, [*state.places, state.whole_places]):
            self._see(section, state)
            yield from self._answers(self._ready(section, state), state)
            state.let_go()
        whole = self._whole(state) if self._classifier is None else None
        self._timeline = self._finished(state, whole)

    def _key(self) -> dict[str, Any]:
        other = self._classifier
        return {
            **asdict(self._options),
            "version": __version__,
            "engines": [asdict(use) for use in self._analyser.uses()],
            "device": self._analyser.device,
            "classifier": None if other is None else [other.name, other.labels, asdict(other.use)],
        }

    def _said(self, reel: Reel) -> SpeechReading:
        """Return when somebody speaks in the whole video, and what; its tone span by span."""
        self._tell("speech", 0, 1)
        said = self._store.get("speech", SpeechReading)
        if said is None:
            with self._stages.of("speech"):
                said = speech.listen(sections.clip(reel), self._analyser.residents)
            self._store.put("speech", said)
        self._tell("speech", 1, 1)
        return said

    def _segments(self, reel: Reel, said: SpeechReading) -> tuple[Segment, ...]:
        options, duration = self._options, reel.info.duration_s
        if options.by == WINDOW:
            return spans.windows(duration, options.length_s, options.step_s)
        return spans.utterances(said.spans or (), duration)

    def _places(self, reel: Reel, segments: Sequence[Segment]) -> list[Places]:
        """Return the frames that each span is read by."""
        count, at_most = self._options.frame_count, sections.FRAMES_PER_S
        if self._classifier is not None:
            count, at_most = self._classifier.frame_count, math.inf
        return [
            reel.shown_at(sections.frame_times(segment.span, count, at_most_per_s=at_most))
            for segment in segments
        ]

    def _see(self, section: Section, state: TimelineState) -> None:
        """Look at a section's frames, or recall what was found in them."""
        name = f"section-{section.number:05}"
        found = self._store.get(name, SectionResult)
        if found is None:
            with self._stages.of("video"):
                part = section.part
            clip = sections.clip(state.reel, part.frames, state.reel.times_of(part.indices))
            engines = self._analyser.residents
            with read_frames(clip, engines, self._stages, pictured=True) as reader:
                frames = reader.results(part.indices.tolist())
            with self._stages.of("curves"):
                cuts = state.cuts_of(section)
            runs = (section.thumbnails.within(*run) for run in state.reel.runs_s)
            usual = sections.joined(runs)
            found = SectionResult(frames, cuts, usual, part.decoded, part.complaints)
            self._store.put(name, found)
        state.take(section, found)

    def _ready(self, section: Section, state: TimelineState) -> list[int]:
        """Return the spans that end within this section."""
        rest = range(state.next, len(state.segments))
        end_s = section.span.end_s + 1e-6
        late = (index for index in rest if state.segments[index].span.end_s > end_s)
        return list(range(state.next, next(late, len(state.segments))))

    def _answers(self, ready: Sequence[int], state: TimelineState) -> Iterator[Moment]:
        answers: Answers | None = None
        for index in ready:
            moment = self._store.get(f"moment-{index:06}", Moment)
            if moment is None:
                if self._classifier is not None and answers is None:
                    answers = self._classified([k for k in ready if k >= index], state)
                moment = self._moment(index, state, answers)
                self._store.put(f"moment-{index:06}", moment)
            state.done.append(moment)
            state.next = index + 1
            self._tell("spans", len(state.done), len(state.segments))
            yield moment

    def _moment(self, index: int, state: TimelineState, answers: Answers | None) -> Moment:
        segment, frames = state.segments[index], state.frames_of(index)
        overview = sections.overview(state.thumbnails(segment.span), segment.span)
        evidence, readings = self._read(
            segment.span, frames, overview, self._options.frame_count, state
        )
        scores, status = (None, OK) if answers else self._score(readings, frames)
        moment = moments.moment(
            index, segment, evidence, readings, tracks=state.tracks, status=status, scores=scores
        )
        answer = answers[index] if answers else None
        if isinstance(answer, Status):
            return replace(moment, status=answer)
        return replace(moment, probabilities=answer) if answer else moment

    def _read(
        self,
        span: Span,
        frames: Sequence[FrameResult],
        overview: Overview,
        frame_count: int,
        state: TimelineState,
    ) -> tuple[SpanEvidence, Readings]:
        """Return what is known of a span, and its readings."""
        audio, why = sections.sound(state.reel, span)
        with self._stages.of("sound"):
            heard = sound.read(audio, why, state.texts.role("sound"), frame_count)
        with self._stages.of("speech"):
            said = state.speech.within(span, why)
            said = speech.with_sentiment(said, state.texts.role("sentiment"))
        evidence = SpanEvidence(span.length_s, tuple(frames), said, heard, audio, overview)
        return evidence, compose(evidence, state.texts, self._stages, caption=False)

    def _score(
        self, readings: Readings, frames: Sequence[FrameResult]
    ) -> tuple[Scores | None, Status]:
        """Return the emotion of a span by the preset's engine."""
        if not frames:
            return None, UNSEEN
        with self._stages.of("emotion"):
            return self._analyser.score(extract(readings, self._analyser.residents.names))

    def _classified(self, indices: Sequence[int], state: TimelineState) -> Answers:
        """Return what the classifier of spans says of some, all asked at once."""
        assert self._classifier is not None
        known = {index: state.inputs(index) for index in indices}
        asked = {index: one for index, one in known.items() if one is not None}
        with self._stages.of("emotion"):
            rows, status = attempt(self._classifier.classify, list(asked.values()))
        answers: Answers = dict.fromkeys(indices, UNSEEN)
        answers.update(zip(asked, rows if status.ok else [status] * len(asked), strict=True))
        return answers

    def _whole(self, state: TimelineState) -> Scores | None:
        """Return the usual answer for the whole video, from what was found in its frames."""
        span, frames = Span(0.0, state.reel.info.duration_s), state.whole_frames
        overview = sections.overview(state.overview, span, state.reel.runs_s)
        _, readings = self._read(span, frames, overview, DEFAULT_FRAMES, state)
        return self._score(readings, frames)[0]

    def _finished(self, state: TimelineState, whole: Scores | None) -> Timeline:
        options, other, done = self._options, self._classifier, state.done
        scores = [moment.scores for moment in done if moment.scores is not None]
        answered = whole or (scores[0] if scores else None)
        uses = self._analyser.uses()
        engine = next((use.engine for use in uses if use.role == "emotion"), None)
        if other is not None:
            uses = (*(use for use in uses if use.role != "emotion"), other.use)
        windowed, said = options.by == WINDOW, state.said.transcript
        losses = state.reel.losses(state.decoded, tuple(state.complaints))
        return Timeline(
            info=state.reel.info,
            by=options.by,
            length_s=options.length_s if windowed else None,
            step_s=options.step_s if windowed else None,
            model=other.name if other else engine or "none",
            preset=self._analyser.preset.name,
            device=self._analyser.device,
            labels=self.labels,
            exclusive=other.exclusive if other else True,
            thresholds=other.thresholds if other else None,
            trained=True if other else answered is not None and answered.trained,
            note=other.note if other else answered.note if answered else "",
            moments=tuple(done),
            mean=spans.mean(
                [moment.span for moment in done], [moment.probabilities for moment in done]
            ),
            whole=whole,
            speech=_speech(state),
            cues=said.cues if said else None,
            cuts_s=tuple(state.cuts_s),
            tracks=None if state.unlooked else state.linker.tracks(),
            engines=uses,
            stages=self._stages.times,
            warnings=tuple(dict.fromkeys((*losses, *self._warnings(state, scores)))),
            losses=losses,
        )

    def _warnings(self, state: TimelineState, scores: Sequence[Scores]) -> list[str]:
        """Return why spans could not be cut as they were to be, and what engines warn of."""
        warnings = []
        status = state.said.status
        if self._options.by == UTTERANCE and not status.ok:
            warnings.append(
                f"There are no utterances, so the video was cut evenly. {status.reason}"
            )
        warnings += map(str, self._analyser.residents.broken.values())
        warnings += (warning for some in scores for warning in some.warnings)
        return warnings

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(stage, done, total)


def _speech(state: TimelineState) -> tuple[Span, ...] | None:
    if state.said.status.state is State.ABSENT and state.reel.audio is not None:
        return ()
    return state.said.spans
