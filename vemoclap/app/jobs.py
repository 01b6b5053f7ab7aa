"""Long work of one visitor: one job at a time, its progress, its end in one plain sentence."""

import threading
import time
import traceback
from collections.abc import Callable

from vemoclap.engines import quiet
from vemoclap.errors import VemoclapError
from vemoclap.records import Progress

INTERVAL_S = 0.1  # between two reports of progress, which each cost the browser a message
BUSY = "Something is at work already; wait until it is done."
STOPPED = "Stopped. Nothing is lost that was complete."


class StoppedError(Exception):
    """The visitor does not want to wait for this any longer."""


class Work:
    """Runs jobs, each in a thread of its own if ``background``, else until it is done."""

    def __init__(self, *, background: bool) -> None:
        self.background = background
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._lock.locked()

    def stop(self) -> None:
        """End the job that runs, at its next sign of life."""
        self._stop.set()

    def start(
        self,
        job: Callable[[Progress], None],
        *,
        progress: Progress,
        finished: Callable[[str | None], None],
    ) -> bool:
        """Run a job and return whether it was begun, which it is not while another one runs.

        Args:
            job: is given what to tell its progress to.
            progress: hears of it, not too often.
            finished: is called at the end, with one sentence that says what went wrong, if it did.
        """
        if not self._lock.acquire(blocking=False):
            return False
        self._stop.clear()

        def run() -> None:
            problem: str | None = None
            try:
                with quiet.silence():
                    job(self._calmed(progress))
            except BaseException as error:  # an interrupt, too, ends in a sentence
                problem = sentence(error)
            finally:
                self._lock.release()
            finished(problem)

        if self.background:
            threading.Thread(target=run, name="vemoclap", daemon=True).start()
        else:
            run()
        return True

    def _calmed(self, progress: Progress) -> Progress:
        """Return what passes on each new stage, and within one only now and then."""
        last_stage, last_time = "", 0.0

        def tell(stage: str, done: int, total: int) -> None:
            nonlocal last_stage, last_time
            if self._stop.is_set():
                raise StoppedError
            now = time.monotonic()
            if stage != last_stage or done >= total or now - last_time >= INTERVAL_S:
                last_stage, last_time = stage, now
                progress(stage, done, total)

        return tell


def sentence(error: BaseException) -> str:
    """Return what to tell the visitor of an error; the traceback goes to those who asked for it."""
    if quiet.debugging():
        traceback.print_exception(error)
    if isinstance(error, VemoclapError):
        return str(error)
    if isinstance(error, (KeyboardInterrupt, StoppedError)):
        return STOPPED
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs, or take fewer frames."
    return (
        f"vemoclap itself failed ({type(error).__name__}: {error}); please report it with the "
        "traceback that VEMOCLAP_DEBUG=1 shows."
    )
