"""Workers in processes of their own: watched, ended when they must be, and begun again.

A video that passes its time or takes too much memory, or whose worker dies, is charged for it,
and the others go on. Where two videos were in the worker's hands, or the worker may have been
killed from outside, each is tried once more on its own before it is charged.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import psutil

from vemoclap.batch import worker_process
from vemoclap.batch.records import Content, Ending, Entry, Job, Orders
from vemoclap.batch.worker import Worker, entry
from vemoclap.engines import memory
from vemoclap.errors import EngineError
from vemoclap.media.clip import printable

IN_HANDS = 2  # videos of one worker: one that is read, and the next, which is decoded
LOOK_S = 0.5  # between looks at clocks and memory
LOADING_LIMIT_S = 1800.0  # models of 15 GB from a slow disk
LOADINGS = 3  # deaths in a row of workers that had no video, before it is given up
MEMORY_SHARE = 0.9  # of what is free, all workers together


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one video may take."""

    seconds: float = 600.0
    bytes_of_memory: int | None = None  # of its worker; None: an equal part of what is free


@dataclass(slots=True)
class _Task:
    """A job in a worker's hands."""

    job: Job
    content: Content | None = None
    spent_s: float = 0.0  # on it, without waiting for its turn
    since: float | None = None  # when the present stretch of work on it began

    def at_work_s(self, now: float) -> float:
        return self.spent_s + (now - self.since if self.since is not None else 0.0)

    def pause(self, now: float) -> None:
        self.spent_s, self.since = self.at_work_s(now), None


@dataclass(slots=True)
class _Hand:
    """One worker's process."""

    process: SpawnProcess
    connection: Connection
    started: float
    loaded: bool = False
    tasks: dict[str, _Task] = field(default_factory=dict)  # by name, in order
    kin: list[psutil.Process] = field(default_factory=list)  # what it started, when last looked


class Crew:
    """Workers that are given jobs and give back entries; one thread at a time may use it."""

    def __init__(
        self,
        orders: Orders,
        workers: int = 1,
        bounds: Bounds | None = None,
        make: worker_process.Make = Worker,
    ) -> None:
        self._orders = orders
        self._workers = workers
        self._bounds = bounds or Bounds()
        self._make = make
        self._waiting: deque[Job] = deque()
        self._suspects: deque[Job] = deque()  # each to be tried with nothing else in hand
        self._hands: list[_Hand] = []
        self._deaths = 0  # of workers without a video, in a row
        self._looked = 0.0
        self._most_bytes = self._bounds.bytes_of_memory or int(
            MEMORY_SHARE * memory.free_bytes("cpu") / workers
        )

    def submit(self, job: Job) -> None:
        """Take a job; it is done in the course of ``turn``."""
        self._waiting.append(job)

    @property
    def short(self) -> bool:
        """Whether more jobs are needed to keep all workers at work."""
        return len(self._waiting) < self._workers * IN_HANDS

    @property
    def left(self) -> int:
        """How many jobs were taken and have not ended."""
        held = sum(len(hand.tasks) for hand in self._hands)
        return len(self._waiting) + len(self._suspects) + held

    def turn(self) -> list[Entry]:
        """Return what ended, after waiting for something to happen, but not for long.

        Raises:
            VemoclapError: no further video can be read, for a reason that is no video's.
        """
        self._deal()
        ended: list[Entry] = []
        connections = {hand.connection: hand for hand in self._hands}
        for ready in wait(list(connections), timeout=LOOK_S):
            hand = connections[ready]  # type: ignore[index]  # only connections are waited for
            ended += self._hear(hand)
        if time.monotonic() - self._looked >= LOOK_S:
            ended += self._look()
        return ended

    def close(self) -> None:
        """End all workers at once, whatever they are at."""
        for hand in list(self._hands):
            self._end(hand)

    # -- work out -----------------------------------------------------------------------------

    def _deal(self) -> None:
        busy = min(self._workers, self.left)
        while len(self._hands) < busy:
            self._hands.append(self._start())
        for hand in self._hands:
            if self._suspects and not hand.tasks:
                self._give(hand, self._suspects.popleft())
        # First one each, so that the last videos of a batch are shared out evenly.
        for depth in range(1, IN_HANDS + 1):
            for hand in self._hands:
                alone = any(task.job.alone for task in hand.tasks.values())
                if self._waiting and len(hand.tasks) < depth and not alone:
                    self._give(hand, self._waiting.popleft())

    def _give(self, hand: _Hand, job: Job) -> None:
        hand.tasks[job.item.name] = _Task(job)
        with contextlib.suppress(OSError):  # it died, which shows when it is heard
            hand.connection.send(job)

    def _start(self) -> _Hand:
        context = get_context("spawn")  # a fork would share locks that libraries hold
        ours, theirs = context.Pipe()
        threads = max(1, (os.cpu_count() or 1) // self._workers)
        process = context.Process(
            target=worker_process.serve,
            args=(theirs, self._orders, threads, self._make),
            daemon=True,
        )
        process.start()
        theirs.close()  # else the end of the process would not show
        return _Hand(process, ours, time.monotonic())

    # -- what comes back ----------------------------------------------------------------------

    def _hear(self, hand: _Hand) -> list[Entry]:
        ended, said, dead = [], [], False
        try:
            while hand.connection.poll():
                said.append(hand.connection.recv())
        except Exception:  # closed, or cut off in the middle of a word
            dead = True
        for word, name, more in said:
            done = self._understand(hand, word, name, more)
            if done is not None:
                ended.append(done)
        return ended + self._died(hand) if dead else ended

    def _understand(self, hand: _Hand, word: str, name: str, more: Any) -> Entry | None:
        now = time.monotonic()
        if word == worker_process.STOP:
            raise EngineError(more)
        if word == worker_process.LOADED:
            hand.loaded, self._deaths = True, 0
            return None
        task = hand.tasks[name]
        if word in (worker_process.OPENING, worker_process.READING):
            task.since = now
        elif word == worker_process.OPENED:
            task.pause(now)
        elif word == worker_process.CONTENT:
            task.content = more
        elif word == worker_process.DONE:
            del hand.tasks[name]
            done: Entry = more
            return done
        return None

    def _died(self, hand: _Hand) -> list[Entry]:
        """Return the entries of what is charged with the death of a worker."""
        hand.process.join(LOOK_S)
        code = hand.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        if not hand.tasks or not any(task.spent_s or task.since for task in hand.tasks.values()):
            self._deaths += 1
            if self._deaths >= LOADINGS:
                raise EngineError(
                    f"The worker ended while it loaded its models ({how}), {LOADINGS} times; "
                    "there may be too little memory for this preset."
                )
        return self._charge(
            hand,
            lambda name: (
                f"{name} ended the process that read it, twice ({how}); it may be made "
                "to do so, or take more memory than there is."
            ),
        )

    def _charge(self, hand: _Hand, cause: Any) -> list[Entry]:
        """End a worker for what its videos did; they are tried alone, or charged if they were."""
        self._end(hand)
        charged = []
        now = time.monotonic()
        for task in reversed(hand.tasks.values()):
            if not (task.spent_s or task.since):
                self._waiting.appendleft(task.job)  # not begun, so without guilt
            elif task.job.alone:
                why = cause(printable(task.job.item.path))
                charged.append(self._failed(task, why, now))
            else:
                self._suspects.append(replace(task.job, alone=True))
        return charged

    def _failed(self, task: _Task, cause: str, now: float) -> Entry:
        job = replace(task.job, alone=False)
        spent = task.at_work_s(now)
        return entry(self._orders, job, Ending.FAILED, cause, seconds=spent, content=task.content)

    # -- limits -------------------------------------------------------------------------------

    def _look(self) -> list[Entry]:
        """Return the entries of videos that passed a limit."""
        self._looked = now = time.monotonic()
        ended = []
        for hand in list(self._hands):
            late = [t for t in hand.tasks.values() if t.at_work_s(now) > self._bounds.seconds]
            if not hand.loaded and now - hand.started > LOADING_LIMIT_S:
                raise EngineError(
                    f"The models were not loaded after {LOADING_LIMIT_S:g} s; check the disk."
                )
            if late:
                ended += self._late(hand, late[0], now)
            elif self._memory_of(hand) > self._most_bytes:
                most = f"{self._most_bytes / 2**30:.1f} GiB"
                ended += self._charge(
                    hand,
                    lambda name, most=most: (
                        f"{name} took more than {most} of memory, the limit "
                        "of a worker; raise --limit-gib or cut the video."
                    ),
                )
        return ended

    def _late(self, hand: _Hand, task: _Task, now: float) -> list[Entry]:
        self._end(hand)
        for other in reversed(hand.tasks.values()):
            if other is not task:
                (self._suspects if other.job.alone else self._waiting).appendleft(other.job)
        name = printable(task.job.item.path)
        cause = (
            f"{name} took longer than {self._bounds.seconds:g} s and was given up; raise --limit-s "
            "or cut the video."
        )
        return [self._failed(task, cause, now)]

    def _memory_of(self, hand: _Hand) -> int:
        """Return the bytes that a worker and what it started have to themselves."""
        try:
            process = psutil.Process(hand.process.pid)
            hand.kin = process.children(recursive=True)
        except psutil.Error:
            return 0
        total = 0
        for one in (process, *hand.kin):
            with contextlib.suppress(psutil.Error):
                used = one.memory_info()
                # Pages of files, such as weights, are given back when they are needed.
                total += used.rss - getattr(used, "shared", 0)
        return total

    def _end(self, hand: _Hand) -> None:
        """Kill a worker and all that it started; a decoder has a group of its own."""
        self._memory_of(hand)  # for its kin
        self._hands.remove(hand)
        hand.process.kill()
        for one in hand.kin:
            with contextlib.suppress(psutil.Error):
                if one.is_running():  # its number may be another's by now
                    one.kill()
        hand.process.join()
        hand.connection.close()


def work(
    orders: Orders,
    jobs: Iterable[Job],
    *,
    workers: int = 1,
    bounds: Bounds | None = None,
    make: worker_process.Make = Worker,
) -> Iterator[Entry]:
    """Yield the entry of each job as it ends, in whatever order that is.

    Raises:
        VemoclapError: the rest cannot be read, for a reason that is no video's.
    """
    crew = Crew(orders, workers, bounds, make)
    source = iter(jobs)
    more = True
    try:
        while more or crew.left:
            while more and crew.short:
                job = next(source, None)
                if job is None:
                    more = False
                else:
                    crew.submit(job)
            if crew.left:
                yield from crew.turn()
    finally:
        crew.close()
