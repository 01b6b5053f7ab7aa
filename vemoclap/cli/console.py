"""All that the command line says: answers to stdout, the rest to stderr, bars where one watches."""

import contextlib
import os
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from vemoclap.engines import quiet

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

_drawing: "list[Progress]" = []  # bars that are on the terminal now


def say(text: str = "") -> None:
    """Print lines for people to stdout."""
    _print("\n".join(map(one_line, text.split("\n"))), quiet.stream("stdout"))


def complain(text: str) -> None:
    """Print one line to stderr: what went wrong, or how far it is."""
    _print(one_line(text), quiet.stream("stderr"))


def complain_of_bug(name: str, error: Exception) -> None:
    """Print what is known of a fault of ours, met on the video ``name``."""
    complain(
        f"{name}: vemoclap itself failed ({type(error).__name__}: {error}); "
        "please report it with the traceback that VEMOCLAP_DEBUG=1 shows."
    )


def answer(json: str) -> None:
    """Print JSON to stdout, as it is."""
    print(json, file=quiet.stream("stdout"), flush=True)


def draw(shape: object) -> None:
    """Print something of rich's to stdout."""
    _rich("stdout").print(shape)


def markdown(text: str) -> None:
    """Print Markdown to stdout, drawn where somebody watches."""
    if not quiet.stream("stdout").isatty():
        say(text)
        return
    from rich.markdown import Markdown

    draw(Markdown(text))


def watched() -> bool:
    """Return whether stderr is a terminal, where bars can be drawn."""
    return quiet.stream("stderr").isatty()


@contextlib.contextmanager
def bars(*columns: "ProgressColumn", transient: bool = False) -> "Iterator[Progress]":
    """Give bars on stderr; what is said meanwhile on the same terminal stands above them."""
    from rich.progress import Progress

    with Progress(
        *columns,
        console=_rich("stderr"),
        transient=transient,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as found:
        _drawing.append(found)
        try:
            yield found
        finally:
            _drawing.remove(found)


def one_line(text: str) -> str:
    """Return text with what is no character to be seen, or no space, written as its code."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else repr(c)[1:-1] for c in text
    )


def _print(text: str, stream: TextIO) -> None:
    if _drawing and stream.isatty():
        _drawing[-1].console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)
    else:
        print(text, file=stream, flush=True)


def _rich(name: str) -> "Console":
    from rich.console import Console

    stream = quiet.stream(name)
    width = None  # rich would ask the streams that are silenced
    if "COLUMNS" not in os.environ:
        with contextlib.suppress(OSError):
            width = os.get_terminal_size(stream.fileno()).columns or None
    return Console(file=stream, width=width)
