"""One worker for callers in several threads: a crew of one, run by a thread of its own."""

import queue
import threading
from concurrent.futures import Future

from vemoclap.batch.pool import Crew
from vemoclap.batch.records import Entry, Job

Asked = tuple[Job, "Future[Entry]"]


class Pump:
    """Gives jobs of several callers to a crew, and each its answer."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._inbox: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def entry(self, job: Job) -> "Future[Entry]":
        """Return the entry to come of a job; it raises what stops all further work."""
        future: Future[Entry] = Future()
        self._inbox.put((job, future))
        return future

    def close(self) -> None:
        """End the worker at once."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        asked: dict[str, Future[Entry]] = {}
        try:
            while True:
                while not self._inbox.empty() or not self._crew.left:
                    word = self._inbox.get()
                    if word is None:
                        return
                    job, future = word
                    asked[job.item.name] = future
                    self._crew.submit(job)
                for entry in self._crew.turn():
                    asked.pop(entry.name).set_result(entry)
        except BaseException as error:  # nobody else would hear of it
            for future in asked.values():
                future.set_exception(error)
            while (word := self._inbox.get()) is not None:  # nor of what is asked from now on
                word[1].set_exception(error)
        finally:
            self._crew.close()
