"""The process that reads videos: it obeys a pipe, says what it is at, and dies with its master.

While the main thread asks the models about one video, another thread opens the next one, and a
third listens. What comes over the pipe are jobs; what goes back is (word, name, more).
"""

import contextlib
import ctypes
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from vemoclap.batch.records import Ending, Entry, Job, Orders
from vemoclap.batch.worker import Ready, Worker, entry, reason
from vemoclap.engines import quiet
from vemoclap.errors import VemoclapError

Make = Callable[[Orders], Worker]
Opening = tuple[Job, "Future[Ready | Entry]"]

# What the process says, with what follows the name of the item.
LOADED = "loaded"  # its models; no name
OPENING = "opening"  # it began to
CONTENT = "content"  # what the file holds
OPENED = "opened"
READING = "reading"  # the models were asked
DONE = "done"  # the entry
STOP = "stop"  # no further video can be read; why


def serve(connection: Connection, orders: Orders, threads: int, make: Make) -> None:
    """Read videos until the pipe is closed, in silence.

    Args:
        connection: the worker's end of the pipe.
        orders: what to make of the videos.
        threads: how many a model library may use.
        make: what makes the worker.
    """
    with quiet.silence(for_good=True):
        _serve(connection, orders, threads, make)


def _serve(connection: Connection, orders: Orders, threads: int, make: Make) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the master, who ends us
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    speech = threading.Lock()

    def say(word: str, name: str = "", more: Any = None) -> None:
        with speech:
            connection.send((word, name, more))

    waiting: queue.SimpleQueue[Opening] = queue.SimpleQueue()
    try:
        worker = make(orders)
        ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="opening")

        def opened(job: Job) -> Ready | Entry:
            name = job.item.name
            say(OPENING, name)
            content = worker.content(job)
            say(CONTENT, name, content)
            ready = worker.open(job, content)
            say(OPENED, name)
            return ready

        def listen() -> None:
            try:
                while True:
                    job: Job = connection.recv()
                    waiting.put((job, ahead.submit(opened, job)))
            except (EOFError, OSError):
                _end()

        threading.Thread(target=listen, daemon=True).start()
        worker.load()
        say(LOADED)
        while True:
            job, future = waiting.get()
            try:
                ready = future.result()
                if isinstance(ready, Ready):
                    say(READING, job.item.name)
                    ready = worker.finish(ready)
            except (VemoclapError, ConnectionError):
                raise
            except Exception as error:  # a fault of ours, which need not stop the others
                why = reason(job, error)
                ready = entry(orders, job, Ending.FAILED, why, seconds=0, content=None)
            say(DONE, job.item.name, ready)
            del ready, future, job  # not kept while the next one is waited for
            _give_back()
    except VemoclapError as error:
        with contextlib.suppress(OSError):
            say(STOP, more=str(error))
    except (BrokenPipeError, ConnectionError):
        _end()


def _give_back() -> None:
    """Give freed memory back to the system, which C's library keeps in pieces for each thread."""
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _end() -> None:
    """End this process and what it started, at once: its master is gone."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    os._exit(0)
