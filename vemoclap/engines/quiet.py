"""What libraries say of themselves, which is for developers: it is kept from everybody else.

Warnings, log lines, bars of progress and whatever C writes go nowhere while ``silence`` lasts, and
are seen with VEMOCLAP_DEBUG=1. The processes that are ours are silent for good: the command line,
with all that it starts, the workers of a batch, and the page. A notebook is its user's process and
is silent only while a step is taken. A script that imports vemoclap is never silenced, unless it
says ``with silence():`` itself.
"""

import contextlib
import ctypes
import fcntl
import functools
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

NUMBERS = {"stdout": 1, "stderr": 2}


def debugging() -> bool:
    """Return whether a developer asked to see tracebacks and what libraries say."""
    return os.environ.get("VEMOCLAP_DEBUG") == "1"


def stream(name: str) -> TextIO:
    """Return "stdout" or "stderr" for what we say ourselves, which is seen amid the silence too."""
    return _silence.ours.get(name) or getattr(sys, name) or _silence.nowhere


@contextlib.contextmanager
def silence(*, for_good: bool = False) -> Iterator[None]:
    """Keep what libraries say from being seen, in the whole process.

    Args:
        for_good: whether it lasts as long as the process, unless an exception ends it.
    """
    if debugging():
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # deprecations too, which Python hides
            yield
        return
    _silence.begin()
    try:
        yield
    except BaseException:
        for_good = False  # Python itself shows it
        raise
    finally:
        if not for_good:
            _silence.end()


class _Silence:
    """The state of the process: silences may lie one within another, or in several threads."""

    def __init__(self) -> None:
        self.ours: dict[str, TextIO] = {}  # name -> what leads to where that led before
        self._before: dict[str, TextIO | None] = {}  # name -> what ``sys`` had
        self._copies: dict[int, int] = {}  # 1 and 2 -> where they led
        self._depth = 0
        self._log_level = 0  # up to which logging was off
        self._lock = threading.Lock()

    @functools.cached_property
    def nowhere(self) -> TextIO:
        """One stream for ever: libraries keep what they find when they are imported."""
        return Path(os.devnull).open("w", encoding="utf-8", errors="replace")

    def begin(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth > 1:
                return
            _flush()
            for name, number in NUMBERS.items():
                with contextlib.suppress(OSError):  # it is closed
                    copy = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)  # in no closed one's place
                    self._copies[number] = copy
                found = self._before[name] = getattr(sys, name)
                if found is not None:
                    self.ours[name] = self._copy(found, number)
            for name, number in NUMBERS.items():
                os.dup2(self.nowhere.fileno(), number)
                setattr(sys, name, self.nowhere)
            self._log_level = logging.root.manager.disable
            logging.disable(logging.CRITICAL)  # handlers may hold streams of before

    def end(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth:
                return
            _flush()  # what waits in buffers goes where the rest went
            logging.disable(self._log_level)
            for name, number in NUMBERS.items():
                before, ours = self._before.pop(name), self.ours.pop(name, None)
                if getattr(sys, name) is self.nowhere:
                    setattr(sys, name, before)
                if ours is not None and ours is not before:
                    with contextlib.suppress(OSError):  # its reader has gone
                        ours.close()
                if number in self._copies:
                    os.dup2(self._copies[number], number)
                    os.close(self._copies.pop(number))

    def _copy(self, found: TextIO, number: int) -> TextIO:
        """Return what writes where ``found`` does while its number leads nowhere."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if found.fileno() == number:
                copy = self._copies[number]
                return open(copy, "w", encoding=found.encoding, errors=found.errors, closefd=False)
        return found  # of a notebook or a test: it leads elsewhere


_silence = _Silence()


def _flush() -> None:
    """Empty the buffers of Python's own streams and of C's."""
    for found in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found.flush()  # type: ignore[union-attr]  # None where it is closed
    with contextlib.suppress(OSError, ValueError, AttributeError):  # neither Linux nor macOS
        library = ctypes.CDLL(None)
        name = "__stdoutp" if sys.platform == "darwin" else "stdout"
        library.fflush(ctypes.c_void_p.in_dll(library, name))
