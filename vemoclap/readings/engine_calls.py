"""How engines are asked: timed, guarded, and about one text only once.

An engine that breaks costs its own kind of evidence, never the analysis: the reading is marked
failed with the reason, and the rest goes on. Set VEMOCLAP_DEBUG=1 to see the traceback instead.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from vemoclap.engines.quiet import debugging
from vemoclap.errors import EngineError
from vemoclap.records import OK, Progress, StageTime, Status, failed

OF_TEXTS = ("language", "translate", "spell")  # roles that take a list of texts, or several lists
OF_ONE_TEXT = ("segment", "sentiment")


class Engines(Protocol):
    """What can answer for the roles of a preset."""

    def role(self, role: str) -> Callable[..., Any] | None:
        """Return the callable of a role, None where it stays empty."""
        ...


class TextCache:
    """Engines of which those that read texts are asked once for each: neighbours say the same."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._known: dict[tuple[str, Hashable], Any] = {}

    def role(self, role: str) -> Callable[..., Any] | None:
        """Return the callable of a role, None where it stays empty."""
        engine = self._engines.role(role)
        if engine is not None and role in OF_TEXTS:
            return partial(self._each, role, engine)
        if engine is not None and role in OF_ONE_TEXT:
            return partial(self._one, role, engine)
        return engine

    def _each(self, role: str, engine: Callable[..., Any], *lists: Sequence[str]) -> list[Any]:
        rows = list(zip(*lists, strict=True))
        unknown = list(dict.fromkeys(row for row in rows if (role, row) not in self._known))
        if unknown:
            answers = engine(*(list(column) for column in zip(*unknown, strict=True)))
            for row, answer in zip(unknown, answers, strict=True):
                self._known[role, row] = answer
        return [self._known[role, row] for row in rows]

    def _one(self, role: str, engine: Callable[..., Any], text: str) -> Any:
        return self._each(role, lambda texts: map(engine, texts), [text])[0]


class Stages:
    """The wall time of each stage, reported as it starts."""

    def __init__(
        self, progress: Progress | None = None, before: tuple[StageTime, ...] = ()
    ) -> None:
        self._seconds = {time.stage: time.seconds for time in before}
        self._progress = progress

    @property
    def times(self) -> tuple[StageTime, ...]:
        """The stages in the order in which they first ended, each with all of its time."""
        return tuple(StageTime(stage, seconds) for stage, seconds in self._seconds.items())

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Time what is done within."""
        if self._progress:
            self._progress(stage, 0, 1)
        start = time.perf_counter()
        yield
        took = time.perf_counter() - start
        self._seconds[stage] = self._seconds.get(stage, 0.0) + took
        if self._progress:
            self._progress(stage, 1, 1)


def attempt(engine: Callable[..., Any], *asked: Any) -> tuple[Any, Status]:
    """Return what an engine answers and OK, or None and why it broke."""
    try:
        return engine(*asked), OK
    except EngineError as error:
        if debugging():
            raise
        return None, failed(str(error))
