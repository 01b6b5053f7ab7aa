"""An analysis -> a folder of reports, or features for the store."""

from pathlib import Path

from vemoclap.batch import features_store, results
from vemoclap.batch.product import Product, broken
from vemoclap.batch.records import Ending, Item, Orders, What
from vemoclap.records import Analysis, Outcome


def made(orders: Orders, item: Item, analysis: Analysis) -> Product:
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
