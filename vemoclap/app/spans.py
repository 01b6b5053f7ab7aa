"""A timeline for a visitor, without any widget: its spans as they come, and who judges them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.errors import UsageError
from vemoclap.timeline.options import LENGTH_S, UTTERANCE, Options, check

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser
    from vemoclap.records import Progress
    from vemoclap.timeline.records import Judge, Moment, Timeline

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
    judge: "Judge | None"


Hear = Callable[["Moment", Labels, int], None]  # a span, what its numbers are of, how many in all


def options(by: str, length_s: float = LENGTH_S) -> Options:
    """Return how to cut a video: by utterance, or by windows that overlap by half.

    Raises:
        UsageError: no window has such a length.
    """
    low, high = LENGTHS_S
    if by != UTTERANCE and not low <= length_s <= high:
        raise UsageError(f"A window lasts {length_s:g} s; choose {low:g} to {high:g} seconds.")
    chosen = Options(by=by) if by == UTTERANCE else Options(by, length_s, length_s / 2)
    check(chosen)
    return chosen


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
    from vemoclap.app.session import LIMITS
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
    from vemoclap.timeline import average

    return average.mean([one.span for one in moments], [one.probabilities for one in moments])
