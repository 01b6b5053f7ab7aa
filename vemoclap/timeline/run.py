"""path -> moments, one after the other as they are ready, and at the end the timeline of all.

The sound is decoded and its words are found once. The picture comes in sections of a minute, whose
frames are looked at once, whatever number of spans they belong to, and are then let go. So memory
does not grow with the length of the video, but for its sound (0.23 GB an hour).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap.analyser import DEFAULT_FRAMES, Analyser
from vemoclap.classifier.features import extract
from vemoclap.media.stream import Reel, open_reel
from vemoclap.readings import speech
from vemoclap.readings.read import Stages, guarded, read_evidence
from vemoclap.records import (
    EMOTIONS,
    OK,
    Clip,
    Progress,
    Scores,
    Span,
    SpeechReading,
    StageTime,
    State,
    Status,
    failed,
)
from vemoclap.timeline import average, moments, sections, spans
from vemoclap.timeline.frame_results import Look, look
from vemoclap.timeline.options import UTTERANCE, WINDOW, Options
from vemoclap.timeline.records import Judge, Moment, Timeline
from vemoclap.timeline.remembered import Memo, Remembered
from vemoclap.timeline.resume import Store, key
from vemoclap.timeline.sections import NO_THUMBNAILS, Places, Section, Thumbnails
from vemoclap.timeline.spans import Piece
from vemoclap.timeline.state import Seen, Work, unseen, without_picture
from vemoclap.version import __version__


class Run:
    """An iterator over the moments of a video, in order of time."""

    def __init__(
        self,
        path: Path,
        options: Options,
        analyser: Analyser,
        *,
        judge: Judge | None = None,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare the run; nothing is opened before the first moment is asked for.

        See ``follow`` for the arguments.
        """
        self.total: int | None = None  # how many spans there are, once that is known
        self._path, self._options = path, options
        self._analyser, self._judge = analyser, judge
        self._folder, self._progress = folder, progress
        self._stages = Stages()
        self._store = Store(None)
        self._timeline: Timeline | None = None
        self._steps = self._moments()

    @property
    def labels(self) -> tuple[str, ...]:
        """What the probabilities of each moment are of."""
        return EMOTIONS if self._judge is None else self._judge.labels

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
        pieces = self._pieces(reel, said)
        self.total = len(pieces)
        work = Work(reel, said, pieces, self._frames(reel, pieces), Memo(engines))
        for section in sections.sections(reel, [*work.frames, work.whole_frames]):
            self._see(section, work)
            ready = self._ready(section, work)
            yield from self._answers(ready, work)
            work.let_go()
        whole = self._whole(work) if self._judge is None else None
        self._timeline = self._finished(work, whole)

    def _key(self) -> dict[str, Any]:
        judge = self._judge
        return {
            **asdict(self._options),
            "version": __version__,
            "engines": [asdict(use) for use in self._analyser.uses()],
            "device": self._analyser.device,
            "judge": None if judge is None else [judge.name, judge.labels, asdict(judge.use)],
        }

    def _said(self, reel: Reel) -> SpeechReading:
        """Return when somebody speaks in the whole video, and what."""
        self._tell("speech", 0, 1)
        said = self._store.get("speech", SpeechReading)
        if said is None:
            role = self._analyser.residents.role
            sound = without_picture(reel)
            with self._stages.of("speech"):
                said = guarded(
                    lambda: speech.read(
                        sound,
                        vad=role("vad"),
                        transcribe=role("transcribe"),
                        language=role("language"),
                        translate=role("translate"),
                        sentiment=None,  # asked for each span, and for the whole at the end
                    ),
                    lambda status: SpeechReading(status, None, status, None, status, None),
                )
            self._store.put("speech", said)
        self._tell("speech", 1, 1)
        return said

    def _pieces(self, reel: Reel, said: SpeechReading) -> tuple[Piece, ...]:
        options, duration = self._options, reel.info.duration_s
        if options.by == WINDOW:
            return spans.windows(duration, options.length_s, options.step_s)
        return spans.utterances(said.spans or (), duration)

    def _frames(self, reel: Reel, pieces: Sequence[Piece]) -> list[Places]:
        """Return the frames that each span is judged by."""
        count, at_most = self._options.frame_count, sections.FRAMES_PER_S
        if self._judge is not None:
            count, at_most = self._judge.frame_count, math.inf
        return [
            reel.shown_at(sections.frame_times(piece.span, count, at_most_per_s=at_most))
            for piece in pieces
        ]

    def _see(self, section: Section, work: Work) -> None:
        """Look at a section's frames, or recall what was found in them."""
        name = f"section-{section.number:05}"
        seen = self._store.get(name, Seen)
        if seen is None:
            with self._stages.of("video"):
                part = section.part
            times = work.reel.times_of(part.indices)
            clip = replace(without_picture(work.reel), frames=part.frames, times_s=times)
            with self._stages.of("frames"):
                looks = look(clip, part.indices.tolist(), self._analyser.residents)
            with self._stages.of("curves"):
                cuts = work.cuts_of(section)
            seen = Seen(
                looks=tuple(looks),
                cuts_s=cuts,
                thumbnails=_of_runs(section.thumbnails, work.reel.runs_s),
                decoded=part.decoded,
                complaints=part.complaints,
            )
            self._store.put(name, seen)
        work.take(section, seen)

    def _ready(self, section: Section, work: Work) -> list[int]:
        """Return the spans that end within this section."""
        ready: list[int] = []
        while work.next + len(ready) < len(work.pieces):
            index = work.next + len(ready)
            if work.pieces[index].span.end_s > section.span.end_s + 1e-6:
                break
            ready.append(index)
        return ready

    def _answers(self, ready: Sequence[int], work: Work) -> Iterator[Moment]:
        judged: dict[int, tuple[float, ...] | Status] | None = None
        for index in ready:
            moment = self._store.get(f"moment-{index:06}", Moment)
            if moment is None:
                if self._judge is not None and judged is None:
                    judged = self._judged([k for k in ready if k >= index], work)
                moment = self._moment(index, work, judged)
                self._store.put(f"moment-{index:06}", moment)
            work.done.append(moment)
            work.next = index + 1
            self._tell("spans", len(work.done), len(work.pieces))
            yield moment

    def _moment(
        self, index: int, work: Work, judged: Mapping[int, tuple[float, ...] | Status] | None
    ) -> Moment:
        piece = work.pieces[index]
        looks = [work.looks[k] for k in work.frames[index] if int(k) in work.looks]
        clip = work.clip(piece.span, looks)
        readings, scores, status = self._read(
            clip, looks, work, piece.span, self._options.frame_count
        )
        moment = moments.moment(
            index,
            piece,
            clip,
            readings,
            looks=looks,
            tracks=work.tracks,
            status=status,
            scores=scores,
        )
        if judged is None:
            return moment
        answer = judged[index]
        if isinstance(answer, Status):
            return replace(moment, status=answer, probabilities=None)
        return replace(moment, status=OK, probabilities=answer)

    def _read(
        self, clip: Clip, looks: Sequence[Look], work: Work, span: Span, frame_count: int
    ) -> tuple[Any, Scores | None, Status]:
        """Return the readings of a span, and its emotion by the preset's engine."""
        engines = self._analyser.residents
        transcript = work.words.within(span) if work.words else None
        recalled = Remembered(
            engines,
            work.memo,
            looks=looks,
            said=work.said,
            voices=work.voices(span),
            transcript=transcript,
        )
        readings = read_evidence(clip, recalled, self._stages, frame_count)
        if self._judge is not None:
            return readings, None, OK
        if not looks:
            return readings, None, failed("No frame of this part of the video could be decoded.")
        with self._stages.of("emotion"):
            scores, status = self._analyser.score(extract(readings, engines.names))
        return readings, scores, status

    def _judged(self, indices: Sequence[int], work: Work) -> dict[int, tuple[float, ...] | Status]:
        """Return what the judge says of some spans, all asked at once."""
        assert self._judge is not None
        judge = self._judge.judge
        answers: dict[int, tuple[float, ...] | Status] = {}
        materials = {}
        for index in indices:
            material = work.material(index)
            if material is None:
                answers[index] = failed("No frame of this part of the video could be decoded.")
            else:
                materials[index] = material
        rows: Sequence[tuple[float, ...] | Status]
        with self._stages.of("emotion"):
            rows = guarded(
                lambda: list(judge(list(materials.values()))),
                lambda status: [status] * len(materials),
            )
        answers.update(zip(materials, rows, strict=True))
        return answers

    def _whole(self, work: Work) -> Scores | None:
        """Return the usual answer for the whole video, from what was found in its frames."""
        reel = work.reel
        looks = [work.kept[k] for k in work.whole_frames.tolist() if k in work.kept]
        span = Span(0.0, reel.info.duration_s)
        times = np.array([look.time_s for look in looks])
        clip = sections.clip(reel, span, unseen(looks), times, work.overview, runs_s=reel.runs_s)
        _, scores, _ = self._read(clip, looks, work, span, DEFAULT_FRAMES)
        return scores

    def _finished(self, work: Work, whole: Scores | None) -> Timeline:
        options, judge, done = self._options, self._judge, work.done
        scores = [moment.scores for moment in done if moment.scores is not None]
        answered = whole or (scores[0] if scores else None)
        uses = self._analyser.uses()
        engine = next((use.engine for use in uses if use.role == "emotion"), None)
        warnings = [
            *work.reel.losses(work.decoded, tuple(work.complaints)),
            *self._lacking(work),
            *(str(error) for error in self._analyser.residents.broken.values()),
            *(warning for some in scores for warning in some.warnings),
        ]
        if judge is not None:
            uses = (*(use for use in uses if use.role != "emotion"), judge.use)
        spans_done = [moment.span for moment in done]
        windowed = options.by == WINDOW
        cut_into = work.said.transcript
        return Timeline(
            info=work.reel.info,
            by=options.by,
            length_s=options.length_s if windowed else None,
            step_s=options.step_s if windowed else None,
            model=judge.name if judge else engine or "none",
            preset=self._analyser.preset.name,
            device=self._analyser.device,
            labels=self.labels,
            exclusive=judge.exclusive if judge else True,
            thresholds=judge.thresholds if judge else None,
            trained=True if judge else answered is not None and answered.trained,
            note=judge.note if judge else answered.note if answered else "",
            moments=tuple(done),
            mean=average.mean(spans_done, [moment.probabilities for moment in done]),
            whole=whole,
            speech=_speech(work),
            cues=None if cut_into is None else cut_into.cues,
            cuts_s=tuple(work.cuts_s),
            tracks=None if work.unlooked else work.linker.tracks(),
            engines=uses,
            stages=_summed(self._stages.times),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _lacking(self, work: Work) -> list[str]:
        """Return why spans could not be cut as they were to be."""
        status = work.said.status
        if self._options.by != UTTERANCE or status.ok:
            return []
        return [f"There are no utterances, so the video was cut evenly. {status.reason}"]

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(stage, done, total)


def _of_runs(thumbnails: Thumbnails, runs_s: Sequence[tuple[float, float]]) -> Thumbnails:
    found = NO_THUMBNAILS
    for start, end in runs_s:
        found = found.then(thumbnails.within(start, end))
    return found


def _speech(work: Work) -> tuple[Span, ...] | None:
    if work.said.status.state is State.ABSENT and work.reel.audio is not None:
        return ()
    return work.said.spans


def _summed(times: Sequence[StageTime]) -> tuple[StageTime, ...]:
    total: dict[str, float] = {}
    for time in times:
        total[time.stage] = total.get(time.stage, 0.0) + time.seconds
    return tuple(StageTime(stage, seconds) for stage, seconds in total.items())
