"""An analysis -> a folder of reports, or features for the store."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.batch import features_store, results
from vemoclap.batch.records import Ending, Entry, Item, Orders, What
from vemoclap.records import Analysis, Outcome, Scores, StageTime, State, Status

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser
    from vemoclap.timeline.records import Timeline


@dataclass(frozen=True, slots=True)
class Product:
    """What was made of one video."""

    ending: Ending
    cause: str  # why it is not better, "" when all is well
    fill: Callable[[Path], None]  # writes it into an empty folder
    duration_s: float
    scores: Scores | None
    stages: tuple[StageTime, ...]

    def described(self, plain: Entry) -> Entry:
        """Return an entry with what an index of the batch shows."""
        shares = None if self.scores is None else self.scores.probabilities
        return replace(
            plain,
            duration_s=round(self.duration_s, 3),
            emotions=None if shares is None else tuple(round(share, 6) for share in shares),
            stages=tuple((stage.stage, round(stage.seconds, 4)) for stage in self.stages),
        )


def broken(statuses: Iterable[Status]) -> str:
    """Return why an engine gave nothing, "" if none broke."""
    return next((one.reason for one in statuses if one.state is State.FAILED), "")


def of_analysis(orders: Orders, item: Item, analysis: Analysis) -> Product:
    """Return what is to be written of an analysis."""

    def fill(folder: Path) -> None:
        if orders.what is What.FEATURES:
            features_store.write_one(folder, item, analysis.features)
        else:
            _report(analysis, folder)

    ending, cause = _judge(analysis, orders.what)
    return Product(
        ending=ending,
        cause=cause,
        fill=fill,
        duration_s=analysis.clip.info.duration_s,
        scores=analysis.scores,
        stages=analysis.stages,
    )


def _judge(analysis: Analysis, what: What) -> tuple[Ending, str]:
    """Return how well an analysis went, and why not better."""
    readings = analysis.readings
    cause = broken(
        (
            readings.faces.status,
            readings.faces.expression_status,
            readings.image.status,
            readings.sound.status,
            readings.speech.status,
            readings.speech.transcript_status,
            readings.speech.sentiment_status,
            readings.screen.status,
            readings.screen.sentiment_status,
            readings.caption.status,
            analysis.scores_status,
        )
    )
    if cause and what is What.FEATURES:
        # A feature that an engine failed to give is not absent, and must not be learned as such.
        return Ending.FAILED, cause
    if analysis.clip.outcome is Outcome.PARTIAL:
        return Ending.PARTIAL, analysis.clip.warnings[0]
    return (Ending.PARTIAL, cause) if cause else (Ending.OK, "")


def _report(analysis: Analysis, folder: Path) -> None:
    from vemoclap import report
    from vemoclap.media import images

    report.write(analysis, folder)
    picture = images.thumbnail(analysis.clip.frames[analysis.sample_frame])
    (folder / results.THUMBNAIL).write_bytes(images.encoded(picture, "JPEG"))


BEGUN = ".begun"  # spans of videos that were cut off in the middle, to go on from


def of_timeline(orders: Orders, item: Item, analyser: "Analyser", begun: Path) -> Product:
    """Return what is to be written of a video over time.

    Args:
        orders: what to make.
        item: the video.
        analyser: loaded engines.
        begun: a folder of this video, where a run that is killed leaves what it found.

    Raises:
        MediaError: the video is refused.
    """
    from vemoclap.timeline.run import Run

    assert orders.timeline is not None  # it is with every order of this kind
    begun.mkdir(parents=True, exist_ok=True)
    try:
        timeline = Run(item.path, orders.timeline, analyser, folder=begun).result()
    finally:
        # What was found is of use to a run after a kill, which does not come by here.
        shutil.rmtree(begun, ignore_errors=True)

    def fill(folder: Path) -> None:
        from vemoclap.report import timeline_files

        timeline_files.write(timeline, folder)
        _picture(timeline, folder)

    cause = next(iter(timeline.losses), "") or broken(moment.status for moment in timeline.moments)
    return Product(
        ending=Ending.PARTIAL if cause else Ending.OK,
        cause=cause,
        fill=fill,
        duration_s=timeline.info.duration_s,
        scores=timeline.whole,
        stages=timeline.stages,
    )


def _picture(timeline: "Timeline", folder: Path) -> None:
    """Write the picture of the middle span that has one."""
    import io

    from PIL import Image

    from vemoclap.media import images

    pictures = [moment.picture for moment in timeline.moments if moment.picture is not None]
    if pictures:
        picture = Image.open(io.BytesIO(pictures[len(pictures) // 2])).convert("RGB")
        picture.thumbnail(images.THUMBNAIL)
        (folder / results.THUMBNAIL).write_bytes(images.encoded(picture, "JPEG"))
