"""What one visitor has done so far, without any widget: models, source, video, results."""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.app import private_folder
from vemoclap.app.jobs import Work
from vemoclap.engines import roles
from vemoclap.errors import SourceError, UsageError, WeightsError
from vemoclap.media import sources
from vemoclap.media.clip import Limits
from vemoclap.media.sources import Kind, Source
from vemoclap.timeline.spans import LENGTH_S, UTTERANCE, Options
from vemoclap.weights import cache
from vemoclap.weights.catalog import ARTEFACTS, Artefact

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser
    from vemoclap.records import Analysis, Progress
    from vemoclap.timeline.records import Moment, SpanClassifier, Timeline


LIMITS = Limits(max_duration_s=3600.0, max_bytes=2 * 2**30)
DEFAULT_FRAMES = 16  # n of the paper
MAX_FRAMES = 128  # so that the report stays small enough for a browser to show beside the others

BUILD, SOURCE, VIDEO, ANALYSE = 2, 3, 4, 5  # the numbers of the steps
_MISSING = {
    SOURCE: "Step 2 comes first: build the models.",
    VIDEO: "Step 3 comes first: choose where the video comes from.",
    ANALYSE: "Step 4 comes first: choose a video.",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What an analysis was made of."""

    preset: str
    path: Path
    frame_count: int


class Session:
    """The state of the steps; what listens to it is told after every change.

    A step that is repeated forgets what the later ones chose only where it no longer fits.
    """

    def __init__(self, private: Path, *, background: bool = False) -> None:
        self.private = private
        self.work = Work(background=background)
        self.kind: Kind | None = None
        self.source: Source | None = None
        self.frame_count = DEFAULT_FRAMES
        self.analysis: Analysis | None = None
        self._analyser: Analyser | None = None
        self._made_of: Request | None = None
        self._listeners: list[Callable[[], None]] = []

    # -- who listens ------------------------------------------------------------------------

    def listen(self, listener: Callable[[], None]) -> None:
        """Have a function called after every change."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Tell everyone that something is different."""
        for listener in tuple(self._listeners):
            listener()

    # -- what is possible -------------------------------------------------------------------

    @property
    def preset(self) -> str | None:
        """The name of the preset whose models are built."""
        return self._analyser.preset.name if self._analyser else None

    @property
    def analyser(self) -> "Analyser | None":
        """What the models of the preset are loaded into."""
        return self._analyser

    def lacks(self, step: int) -> str | None:
        """Return the sentence that says which earlier step a step waits for, None if none."""
        done = {
            SOURCE: self._analyser is not None,
            VIDEO: self.kind is not None,
            ANALYSE: self.source is not None,
        }
        return next((_MISSING[n] for n in done if n <= step and not done[n]), None)

    def require(self, step: int) -> None:
        """Raise if a step is not possible yet.

        Raises:
            UsageError: it is not; the message says what comes first.
        """
        if lacking := self.lacks(step):
            raise UsageError(lacking)

    # -- step 2 -----------------------------------------------------------------------------

    def build(self, preset: str, progress_of: Callable[[str], "Progress"]) -> None:
        """Bring what a preset lacks here, and get it ready.

        Args:
            preset: its name.
            progress_of: returns what hears of one artefact's progress.

        Raises:
            WeightsError: something cannot be had; what came stays, and what was built before too.
        """
        from vemoclap.analyser import Analyser
        from vemoclap.weights import download

        lacking = [row.name for row in needed(preset) if cache.missing(row.name)]
        if lacking:
            failures = download.fetch_all(lacking, progress_of)
            if failures:
                raise WeightsError(_failed(failures, len(lacking)))
        self._analyser = Analyser(preset, limits=LIMITS)
        self.changed()

    # -- steps 3 and 4 ----------------------------------------------------------------------

    def choose_kind(self, kind: Kind) -> None:
        """Say where the video comes from; a video from elsewhere is forgotten."""
        self.require(SOURCE)
        if kind is not self.kind:
            self.kind = kind
            if self.source is not None and self.source.kind is not kind:
                self.source = None
            self.changed()

    def choose_sample(self, name: str) -> None:
        """Take a sample."""
        self.require(VIDEO)
        self._take(sources.sample(name))

    def choose_path(self, text: str) -> None:
        """Take the file at a path, but not a file of another visitor.

        Raises:
            SourceError: there is none; what was chosen before is forgotten.
        """
        self.require(VIDEO)
        self._take(None)
        found = sources.from_path(text)
        if private_folder.is_anothers(found.path, self.private):
            raise SourceError(f"There is no file {text.strip()!r}; check the path.")
        self._take(found)

    def choose_upload(self, content: bytes | memoryview, name: str) -> None:
        """Take a file that the visitor sent; the one sent before is removed."""
        self.require(VIDEO)
        before = self.source
        self._take(None)
        if before is not None and before.kind is Kind.UPLOAD:
            before.path.unlink(missing_ok=True)
        self._take(sources.from_upload(content, name, self.private, limits=LIMITS))

    def choose_link(self, link: str, progress: "Progress") -> None:
        """Take a video from YouTube, downloaded first."""
        self.require(VIDEO)
        self._take(None)
        self._take(sources.from_youtube(link, self.private, limits=LIMITS, progress=progress))

    def forget_video(self) -> None:
        """Take no video, as what was typed names none."""
        self._take(None)

    def _take(self, source: Source | None) -> None:
        if source != self.source:
            self.source = source
            self.changed()

    def choose_frames(self, count: int) -> None:
        """Say how many frames to look at."""
        if not 1 <= count <= MAX_FRAMES:
            raise UsageError(f"The number of frames is {count}; choose 1 to {MAX_FRAMES}.")
        if count != self.frame_count:
            self.frame_count = count
            self.changed()

    # -- step 5 -----------------------------------------------------------------------------

    @property
    def up_to_date(self) -> bool:
        """Whether the results are those of what is chosen now."""
        return self.analysis is not None and self._made_of == self._request()

    def analyse(self, progress: "Progress") -> None:
        """Analyse the video; the results of the one before stay until there are new ones.

        Raises:
            UsageError: an earlier step is missing.
            MediaError: the file is no video that can be analysed.
        """
        self.require(ANALYSE)
        request = self._request()
        assert request is not None
        assert self._analyser is not None
        self.analysis = self._analyser.analyze(
            request.path, frame_count=request.frame_count, progress=progress
        )
        self._made_of = request
        self.changed()

    def _request(self) -> Request | None:
        if self.preset is None or self.source is None:
            return None
        return Request(self.preset, self.source.path, self.frame_count)


def needed(preset: str) -> list[Artefact]:
    """Return the artefacts that a preset needs, each once."""
    chosen = roles.PRESETS[preset]
    engines = {roles.engine_of(chosen, role) for role in roles.ROLES}
    return [row for row in ARTEFACTS.values() if row.engine in engines]


def best_preset() -> str:
    """Return the preset to propose: the best whose models are here, else the best for this machine.

    It imports no torch, since a page waits for it.
    """
    for name in ("paper", "fast"):
        if not roles.missing(roles.PRESETS[name]):
            return name
    return "paper" if _has_gpu() else "fast"


def _has_gpu() -> bool:
    try:
        return bool(ctypes.CDLL("libcuda.so.1").cuInit(0) == 0)  # NVIDIA's driver, if any
    except (OSError, AttributeError):
        return False


def _failed(failures: dict[str, WeightsError], count: int) -> str:
    """Return one sentence about what could not be downloaded, with advice for whoever clicks."""
    first = str(next(iter(failures.values())))
    if len(failures) == 1:
        return first
    return f"{len(failures)} of {count} downloads failed, the first since: {first}"


LENGTHS_S = (2.0, 120.0)  # of a window, as far as the page offers it


@dataclass(frozen=True, slots=True)
class Labels:
    """What the probabilities of a span are of."""

    labels: tuple[str, ...]
    thresholds: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Bench:
    """Loaded engines, and the model that judges in place of the preset's own, if one does."""

    made_of: tuple[str, str]  # preset, folder of the checkpoint or ""
    analyser: "Analyser"
    judge: "SpanClassifier | None"


Hear = Callable[["Moment", Labels, int], None]  # a span, what its numbers are of, how many in all


def options(by: str, length_s: float = LENGTH_S) -> Options:
    """Return how to cut a video: by utterance, or by windows that overlap by half.

    Raises:
        UsageError: no window has such a length.
    """
    low, high = LENGTHS_S
    if by != UTTERANCE and not low <= length_s <= high:
        raise UsageError(f"A window lasts {length_s:g} s; choose {low:g} to {high:g} seconds.")
    return Options(by=by) if by == UTTERANCE else Options(by, length_s, length_s / 2)


def follow(
    path: Path, chosen: Options, bench: Bench, *, progress: "Progress", hear: Hear
) -> "Timeline":
    """Return the timeline of a video.

    Args:
        path: of the video.
        chosen: how to cut it.
        bench: who judges.
        progress: called with (stage, done, total).
        hear: is given each span as it is ready.

    Raises:
        MediaError: the file is no video that can be analysed.
    """
    from vemoclap.timeline.run import Run

    run = Run(path, chosen, bench.analyser, judge=bench.judge, progress=progress)
    labels = Labels(run.labels, bench.judge.thresholds if bench.judge else None)
    for moment in run:
        hear(moment, labels, run.total or 0)
    return run.result()


def bench(preset: str, checkpoint: str, before: Bench | None = None) -> Bench:
    """Return what judges: a trained model in a folder, or the preset's own where none is named.

    Args:
        preset: its name, or "auto" for the best that is complete here.
        checkpoint: the folder of a model that ``vemoclap mer train`` made; "" for none.
        before: the last one, which is returned again if it fits.

    Raises:
        UsageError: there is no such folder.
        WeightsError: it holds no such model, or the preset is not complete.
    """
    made_of = (preset, checkpoint.strip())
    if before is not None and before.made_of == made_of:
        return before
    from vemoclap.timeline.api import analyser_for

    judge = None
    if made_of[1]:
        from vemoclap.analyser import resolve_device
        from vemoclap.mer import span_model as mer

        folder = Path(made_of[1]).expanduser()
        if not folder.is_dir():
            raise UsageError(
                f"There is no folder {made_of[1]!r}; give the folder of a trained model, or leave "
                "the field empty."
            )
        judge = mer.load(folder, resolve_device("auto"))
    return Bench(made_of, analyser_for(judge, preset, limits=LIMITS), judge)


def mean_of(moments: Sequence["Moment"]) -> tuple[float, ...] | None:
    """Return the mean of some spans by the time that they last, None if none could be judged."""
    from vemoclap.timeline import spans

    return spans.mean([one.span for one in moments], [one.probabilities for one in moments])
