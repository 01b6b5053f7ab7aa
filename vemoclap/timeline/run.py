"""path -> moments, one after the other as they are ready, and at the end the timeline of all.

The sound is decoded and its words are found once. The picture comes in sections of a minute, whose
frames are looked at once, whatever number of spans they belong to, and are then let go. So memory
does not grow with the length of the video, but for its sound (0.23 GB an hour).
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap import __version__, media, roles, sampling, speech
from vemoclap.analyser import DEFAULT_FRAMES, Analyser
from vemoclap.errors import UsageError
from vemoclap.features import extract
from vemoclap.reading import Stages, guarded, read_evidence
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
from vemoclap.reel import Reel, open_reel
from vemoclap.timeline import average, footage, moments, spans
from vemoclap.timeline.footage import NO_THUMBNAILS, Places, Section, Thumbnails
from vemoclap.timeline.looks import Look, look
from vemoclap.timeline.records import Judge, Material, Moment, Timeline
from vemoclap.timeline.remembered import Memo, Remembered
from vemoclap.timeline.resume import Store, key
from vemoclap.timeline.spans import Piece
from vemoclap.timeline.tracks import Linker
from vemoclap.timeline.words import Words

UTTERANCE, WINDOW = "utterance", "window"
LENGTH_S, STEP_S = 10.0, 5.0  # of a window, and from one to the next
FRAMES = 8  # of a span: of a window of ten seconds, one of nearly every second
MOST_FRAMES = 64
LENGTHS_S = (1.0, 600.0)  # of a window: a longer one would keep too many frames at once
LEAST_STEP_S = 0.5
# What a judge that is not the preset's does without.
UNUSED_BY_JUDGE = (
    "expression", "image", "caption", "sound", "ocr", "segment", "spell", "emotion",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a section once its frames are gone."""

    looks: tuple[Look, ...]
    cuts_s: tuple[float, ...]
    thumbnails: Thumbnails  # those that the usual overview of the whole video has as well
    decoded: int
    complaints: tuple[str, ...]


def follow(
    path: str | os.PathLike[str],
    *,
    by: str = UTTERANCE,
    length_s: float = LENGTH_S,
    step_s: float = STEP_S,
    frame_count: int = FRAMES,
    preset: str | roles.Preset = roles.AUTO,
    overrides: Mapping[str, str] | None = None,
    device: str = "auto",
    limits: media.Limits | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    judge: Judge | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    analyser: Analyser | None = None,
) -> "Run":
    """Return the moments of a video, to be iterated over; its ``result()`` is the timeline.

    Args:
        path: a video file of any length.
        by: "utterance", cut at pauses of speech, or "window", which slides over the video.
        length_s: of a window.
        step_s: from the start of a window to that of the next.
        frame_count: how many frames of a span to look at; fewer of a short one.
        preset, overrides, device, limits, checkpoint: see ``analyze``.
        judge: a model to ask in place of the preset's emotion engine.
        folder: where to keep what was found, so that a killed run goes on where it was; it is
            deleted by the run's ``forget()``.
        progress: called with (stage, done, total).
        analyser: loaded engines to use, in place of a preset; with a judge, ``analyser_for`` makes
            one that loads no more than it needs.

    Raises:
        UsageError: an argument names what does not exist, or is out of range.
        WeightsError: the preset's models are not all here.
    """
    if by not in (UTTERANCE, WINDOW):
        raise UsageError(f"Spans are cut by {UTTERANCE} or by {WINDOW}, not by {by!r}.")
    low, high = LENGTHS_S
    if not low <= length_s <= high:
        raise UsageError(f"A window lasts {length_s:g} s; choose {low:g} to {high:g} seconds.")
    if not LEAST_STEP_S <= step_s <= length_s:
        raise UsageError(
            f"The step is {step_s:g} s; choose {LEAST_STEP_S:g} s to the length of a window, "
            f"{length_s:g} s, as time would be lost between windows."
        )
    if not 1 <= frame_count <= MOST_FRAMES:
        raise UsageError(
            f"The number of frames of a span is {frame_count}; choose 1 to {MOST_FRAMES}."
        )
    if analyser is None:
        analyser = analyser_for(
            judge, preset, overrides=overrides, device=device, limits=limits, checkpoint=checkpoint
        )
    options = _Options(by, length_s, step_s, frame_count)
    return Run(
        Path(path), options, analyser, judge, None if folder is None else Path(folder), progress
    )


def timeline_of(path: str | os.PathLike[str], **options: Any) -> Timeline:
    """Return the timeline of a video; see ``follow`` for the options, and for its parts as they
    are ready.
    """
    return follow(path, **options).result()


def analyser_for(
    judge: Judge | None,
    preset: str | roles.Preset = roles.AUTO,
    *,
    overrides: Mapping[str, str] | None = None,
    **options: Any,
) -> Analyser:
    """Return an analyser with the engines that a timeline needs.

    A judge sees faces as MTCNN finds them and hears words as the preset does; what else the preset
    has is left out.
    """
    if judge is not None and isinstance(preset, str):
        unused = dict.fromkeys(UNUSED_BY_JUDGE, "none")
        overrides = {**unused, "faces": "mtcnn", **(overrides or {})}
    elif judge is not None:
        unused_roles: dict[str, Any] = dict.fromkeys(UNUSED_BY_JUDGE)
        preset = replace(preset, **unused_roles, faces="mtcnn")  # type: ignore[type-var]
    return Analyser(preset, overrides=overrides, **options)


@dataclass(frozen=True, slots=True)
class _Options:
    by: str
    length_s: float
    step_s: float
    frame_count: int


class Run:
    """An iterator over the moments of a video, in order of time."""

    def __init__(
        self,
        path: Path,
        options: _Options,
        analyser: Analyser,
        judge: Judge | None,
        folder: Path | None,
        progress: Progress | None,
    ) -> None:
        self.total: int | None = None  # how many spans there are, once that is known
        self._path, self._options = path, options
        self._analyser, self._judge = analyser, judge
        self._folder, self._progress = folder, progress
        self._stages = Stages()
        self._store = Store(None)
        self._timeline: Timeline | None = None
        self._steps = self._moments()

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
        work = _Work(reel, said, pieces, self._frames(reel, pieces), Memo(engines))
        for section in footage.sections(reel, [*work.frames, work.whole_frames]):
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
            sound = _without_picture(reel)
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
        count, at_most = self._options.frame_count, footage.FRAMES_PER_S
        if self._judge is not None:
            count, at_most = self._judge.frame_count, math.inf
        return [
            reel.shown_at(footage.frame_times(piece.span, count, at_most_per_s=at_most))
            for piece in pieces
        ]

    def _see(self, section: Section, work: "_Work") -> None:
        """Look at a section's frames, or recall what was found in them."""
        name = f"section-{section.number:05}"
        seen = self._store.get(name, Seen)
        if seen is None:
            with self._stages.of("video"):
                part = section.part
            times = work.reel.times_of(part.indices)
            clip = replace(_without_picture(work.reel), frames=part.frames, times_s=times)
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

    def _ready(self, section: Section, work: "_Work") -> list[int]:
        """Return the spans that end within this section."""
        ready: list[int] = []
        while work.next + len(ready) < len(work.pieces):
            index = work.next + len(ready)
            if work.pieces[index].span.end_s > section.span.end_s + 1e-6:
                break
            ready.append(index)
        return ready

    def _answers(self, ready: Sequence[int], work: "_Work") -> Iterator[Moment]:
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
        self, index: int, work: "_Work", judged: Mapping[int, tuple[float, ...] | Status] | None
    ) -> Moment:
        piece = work.pieces[index]
        looks = [work.looks[k] for k in work.frames[index] if int(k) in work.looks]
        clip = work.clip(piece.span, looks)
        readings, scores, status = self._read(
            clip, looks, work, piece.span, self._options.frame_count
        )
        moment = moments.moment(index, piece, clip, readings, looks, work.tracks, status, scores)
        if judged is None:
            return moment
        answer = judged[index]
        if isinstance(answer, Status):
            return replace(moment, status=answer, probabilities=None)
        return replace(moment, status=OK, probabilities=answer)

    def _read(
        self, clip: Clip, looks: Sequence[Look], work: "_Work", span: Span, frame_count: int
    ) -> tuple[Any, Scores | None, Status]:
        """Return the readings of a span, and its emotion by the preset's engine."""
        engines = self._analyser.residents
        transcript = work.words.within(span) if work.words else None
        recalled = Remembered(engines, work.memo, looks, work.said, work.voices(span), transcript)
        readings = read_evidence(clip, recalled, self._stages, frame_count)
        if self._judge is not None:
            return readings, None, OK
        if not looks:
            return readings, None, failed("No frame of this part of the video could be decoded.")
        with self._stages.of("emotion"):
            scores, status = self._analyser.score(extract(readings, engines.names))
        return readings, scores, status

    def _judged(
        self, indices: Sequence[int], work: "_Work"
    ) -> dict[int, tuple[float, ...] | Status]:
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

    def _whole(self, work: "_Work") -> Scores | None:
        """Return the usual answer for the whole video, from what was found in its frames."""
        reel = work.reel
        looks = [work.kept[k] for k in work.whole_frames.tolist() if k in work.kept]
        span = Span(0.0, reel.info.duration_s)
        times = np.array([look.time_s for look in looks])
        clip = footage.clip(reel, span, _unseen(looks), times, work.overview, reel.runs_s)
        _, scores, _ = self._read(clip, looks, work, span, DEFAULT_FRAMES)
        return scores

    def _finished(self, work: "_Work", whole: Scores | None) -> Timeline:
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
            labels=judge.labels if judge else EMOTIONS,
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

    def _lacking(self, work: "_Work") -> list[str]:
        """Return why spans could not be cut as they were to be."""
        status = work.said.status
        if self._options.by != UTTERANCE or status.ok:
            return []
        return [f"There are no utterances, so the video was cut evenly. {status.reason}"]

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(stage, done, total)


class _Work:
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
            around = before.within(span.start_s - footage.CONTEXT_S, span.start_s).then(around)
        return tuple(footage.cuts(self.reel, around, span.start_s, span.end_s))

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
        return footage.clip(self.reel, span, _unseen(looks), times, thumbnails)

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


def _unseen(looks: Sequence[Look]) -> Any:
    """Return frames of the right size that take no memory; all engines that look have looked."""
    height, width = (looks[0].height, looks[0].width) if looks else (1, 1)
    return np.broadcast_to(np.uint8(0), (len(looks), height, width, 3))


def _without_picture(reel: Reel) -> Clip:
    nothing = np.empty((0, 1, 1, 3), np.uint8)
    whole = Span(0.0, reel.info.duration_s)
    return footage.clip(reel, whole, nothing, np.empty(0), NO_THUMBNAILS)


def _of_runs(thumbnails: Thumbnails, runs_s: Sequence[tuple[float, float]]) -> Thumbnails:
    found = NO_THUMBNAILS
    for start, end in runs_s:
        found = found.then(thumbnails.within(start, end))
    return found


def _speech(work: _Work) -> tuple[Span, ...] | None:
    if work.said.status.state is State.ABSENT and work.reel.audio is not None:
        return ()
    return work.said.spans


def _summed(times: Sequence[StageTime]) -> tuple[StageTime, ...]:
    total: dict[str, float] = {}
    for time in times:
        total[time.stage] = total.get(time.stage, 0.0) + time.seconds
    return tuple(StageTime(stage, seconds) for stage, seconds in total.items())
