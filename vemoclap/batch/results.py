"""The folder of one video's result: it appears under its name whole, or not at all."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from vemoclap import files
from vemoclap.batch import manifest
from vemoclap.batch.records import Entry, Orders, What

RECORD = "record.json"  # the line of the manifest, so that a result tells of itself
THUMBNAIL = "thumbnail.jpg"
# Whatever is written next would fail in the same way.
HOPELESS = {*files.FULL, errno.EROFS, errno.EIO}


def place(orders_out: Path, what: What) -> Path:
    """Return the folder of the results' folders; features wait there until they are stored."""
    return orders_out / ("waiting" if what is What.FEATURES else "results")


def finished(folder: Path) -> Entry | None:
    """Return what the result in ``folder`` says of itself, None where there is no whole one."""
    try:
        return manifest.parsed((folder / RECORD).read_bytes())
    except OSError:
        return None


def put(orders: Orders, name: str, entry: Entry, fill: Callable[[Path], None]) -> None:
    """Make the result folder ``name`` of what ``fill`` writes into an empty folder, and its record.

    What was there before under this name is replaced.

    Raises:
        OSError: it cannot be written; nothing half-written is left under the name.
    """
    target = place(orders.out, orders.what) / name
    part = orders.scratch / f"{name}.{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        fill(part)
        files.write_atomically(part / RECORD, manifest.line(entry) + "\n")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            old = orders.scratch / f"{name}.old"
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
            files.commit_file(part, target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            files.commit_file(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
