"""The command ``vemoclap app``: the five steps as a page on this machine."""

import argparse
from typing import TYPE_CHECKING

from vemoclap.cli import console
from vemoclap.files import bundled

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
PORT = 8866  # Voila's own
NOTEBOOK = bundled("app.ipynb")


def add_to(commands: "Commands") -> None:
    """Add the command to the parser of ``vemoclap``."""
    page = commands.add_parser(
        "app",
        help="the same with buttons: a page on this machine",
        description="Serve the five steps of app.ipynb as a page on this machine, and on no other. "
        "Each open page has a Python process and models of its own, so mind the memory; whoever "
        "can use this machine can open the page and name any file that you may read.",
    )
    page.add_argument(
        "--port", type=_port, default=PORT, metavar="N", help=f"where to listen ({PORT})"
    )
    page.add_argument("--no-browser", action="store_true", help="open no browser")
    page.set_defaults(run=_app)


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError("it must be from 1 to 65535")
    return value


def _app(parsed: argparse.Namespace) -> int:
    from vemoclap.app import server

    def announce(address: str) -> None:
        console.say(f"The page is at {address} on this machine; Ctrl-C stops it.")

    server.serve(NOTEBOOK, parsed.port, open_browser=not parsed.no_browser, announce=announce)
    return ALL_FINE
