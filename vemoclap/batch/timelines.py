"""A video over time -> a folder of reports."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.batch import results
from vemoclap.batch.product import Product, broken
from vemoclap.batch.records import Ending, Item, Orders

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser
    from vemoclap.timeline.records import Timeline

BEGUN = ".begun"  # spans of videos that were cut off in the middle, to go on from
DAMAGES = ("The picture is damaged", "The sound is damaged")  # how ``media`` begins to say so


def made(orders: Orders, item: Item, analyser: "Analyser", begun: Path) -> Product:
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

    damage = next((one for one in timeline.warnings if one.startswith(DAMAGES)), "")
    cause = damage or broken(moment.status for moment in timeline.moments)
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
