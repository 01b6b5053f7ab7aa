"""What is done with one video: the one function that every engine of a batch runs.

``open`` decodes and ``finish`` asks the models and writes the result, so that one thread can open
the next video while another finishes this one.
"""

import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap import files
from vemoclap.batch import outputs, results
from vemoclap.batch.inputs import folder_name
from vemoclap.batch.outputs import Product
from vemoclap.batch.records import Content, Ending, Entry, Item, Job, Orders, What
from vemoclap.errors import DataError, MediaError, VemoclapError, WeightsError
from vemoclap.media.clip import Limits, printable

if TYPE_CHECKING:
    from vemoclap.analyser import Opened


@dataclass(frozen=True, slots=True)
class Ready:
    """A decoded video that waits for the models."""

    job: Job
    content: Content | None
    opened: "Opened | None"  # None: it is decoded as it is read
    seconds: float  # that opening took


class Worker:
    """Reads videos one after the other, with models that stay loaded."""

    def __init__(self, orders: Orders) -> None:
        from vemoclap.analyser import Analyser

        self._orders = orders
        self._limits = Limits(orders.max_duration_s, orders.max_bytes)
        self._analyser: Analyser = Analyser(
            orders.preset, device=orders.device, limits=self._limits, checkpoint=orders.checkpoint
        )

    def load(self) -> None:
        """Load the models.

        Raises:
            WeightsError: they are missing or damaged.
        """
        self._analyser.load()

    def content(self, job: Job) -> Content | None:
        """Return what the file holds, None where there is nothing to be had."""
        return content_of(job.item.path, self._orders.max_bytes)

    def open(self, job: Job, content: Content | None) -> Ready | Entry:
        """Return the decoded video, or how it ended if that is clear already.

        It is clear where an earlier run finished it and could not say so any more, and where the
        file is refused.
        """
        before = results.finished(folder_of(self._orders, job.item))
        if before and content and before.key == job.key and _same(before.content, content):
            return replace(before, name=job.item.name, path=str(job.item.path), content=content)
        start = time.perf_counter()
        try:
            return Ready(job, content, self.decode(job), _since(start))
        except Exception as error:
            ending = Ending.REFUSED if isinstance(error, MediaError) else Ending.FAILED
            cause, seconds = reason(job, error), _since(start)
            return entry(self._orders, job, ending, cause, seconds=seconds, content=content)

    def finish(self, ready: Ready) -> Entry:
        """Return how a video ended, its result written.

        Raises:
            DataError: no result can be written any more, of any video.
            WeightsError: the models are missing or damaged.
        """
        start = time.perf_counter()

        def ended(ending: Ending, cause: str) -> Entry:
            seconds = ready.seconds + _since(start)
            content = ready.content
            return entry(self._orders, ready.job, ending, cause, seconds=seconds, content=content)

        try:
            return self.make(ready, ended)
        except WeightsError:
            raise
        except Exception as error:
            refusal = files.os_error(error)
            if refusal and refusal.errno in results.HOPELESS:
                raise DataError(
                    f"Results cannot be written to {self._orders.out} ({files.reason(error)}); "
                    "make room and run the same command again, it goes on where it stopped."
                ) from error
            ending = Ending.REFUSED if isinstance(error, MediaError) else Ending.FAILED
            return ended(ending, reason(ready.job, error))

    def decode(self, job: Job) -> "Opened | None":
        """Return the decoded video of a job, None where it is decoded as it is read."""
        if self._orders.what is What.TIMELINE:
            return None
        return self._analyser.open(job.item.path, frame_count=self._orders.frame_count)

    def make(self, ready: Ready, ended: Callable[[Ending, str], Entry]) -> Entry:
        """Ask the models, write the result, and return the entry that ``ended`` gives for it."""
        given, item = self._orders, ready.job.item
        name = folder_name(item.name)
        made: Product
        if ready.opened is None:
            made = outputs.of_timeline(
                given, item, self._analyser, given.out / outputs.BEGUN / name
            )
        else:
            made = outputs.of_analysis(given, item, self._analyser.read(ready.opened))
        done = made.described(ended(made.ending, made.cause))
        if made.ending is not Ending.FAILED:
            results.put(given, name, done, made.fill)
        return done


def content_of(path: Path, max_bytes: int) -> Content | None:
    """Return size, time and hash of a file, without opening what may not be read whole."""
    try:
        found = path.stat()
        known = Content(found.st_size, found.st_mtime_ns, None)
        if not stat.S_ISREG(found.st_mode) or found.st_size > max_bytes:
            return known
        return replace(known, sha256=files.digest(path).sha256)
    except (OSError, ValueError):
        return None


def folder_of(orders: Orders, item: Item) -> Path:
    """Return where the result of an item lies."""
    return results.place(orders.out, orders.what) / folder_name(item.name)


def entry(
    orders: Orders,
    job: Job,
    ending: Ending,
    cause: str,
    *,
    seconds: float,
    content: Content | None,
) -> Entry:
    """Return the entry of a video that ended now."""
    return Entry(
        name=job.item.name,
        path=str(job.item.path),
        content=content,
        key=job.key,
        limits=(orders.max_duration_s, orders.max_bytes),
        ending=ending,
        cause=cause,
        seconds=round(seconds, 3),
        duration_s=None,
        emotions=None,
        engines=orders.engines,
        stages=(),
        runner=orders.runner,
        ended=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


def reason(job: Job, error: Exception) -> str:
    """Return an error as one plain sentence about a video."""
    if isinstance(error, VemoclapError):
        return str(error)
    name = printable(job.item.path)
    if isinstance(error, MemoryError):
        return f"{name} took more memory than there is; cut or re-encode it."
    if isinstance(error, OSError):
        return f"The result of {name} could not be written ({files.reason(error)})."
    return (
        f"{name}: vemoclap itself failed ({type(error).__name__}: {error}); please report it with "
        "the traceback that `vemoclap analyze` shows of it with VEMOCLAP_DEBUG=1."
    )


def _same(one: Content | None, other: Content) -> bool:
    return one is not None and one.sha256 is not None and one.sha256 == other.sha256


def _since(start: float) -> float:
    return time.perf_counter() - start
