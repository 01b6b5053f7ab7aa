"""The command ``vemoclap app``, started for a test and stopped after it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# On a machine that does much else.
START_S = 180
STOP_S = 120


@dataclass(frozen=True)
class LocalPage:
    """A server that runs."""

    port: int
    folder: Path  # of temporary files; its visitors' private folders lie below
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def visitors(self) -> Path:
        """The folder of all private folders."""
        return self.folder / f"vemoclap-{os.getuid()}"

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and content of what lies behind a path, which is sent as it is written."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, b"" if answer.status == 101 else answer.read()
        finally:
            connection.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        port: int = attempt.getsockname()[1]
        return port


@contextmanager
def command(port: int, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command, its temporary files and its home in a folder, with SIGINT ignored at first.

    That is how ``nohup`` and a shell's ``&`` start it. What still runs in the end is killed.
    """
    run = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "vemoclap", "app"]
    places = {
        "TMPDIR": str(folder),
        "VEMOCLAP_HOME": str(folder / "home"),
        "XDG_RUNTIME_DIR": tempfile.gettempdir(),  # for sockets, whose paths must be short
    }
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [*run, "--no-browser", "--port", str(port)],
            env={**os.environ, **places},
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            for one in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    one.kill()
            process.kill()
            process.wait()


@contextmanager
def local_page(folder: Path) -> Iterator[LocalPage]:
    """Yield a server that answers; stop it as Ctrl-C does."""
    port = free_port()
    with command(port, folder) as process:
        page = LocalPage(port, folder, process)
        until_it_answers(page)
        yield page
        process.send_signal(signal.SIGINT)
        process.wait(STOP_S)


def until_it_answers(page: LocalPage) -> None:
    """Wait until a server listens."""
    said = page.folder / "said"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            page.ask("/nothing")
            return
        except OSError:
            assert page.process.poll() is None, said.read_text()
            time.sleep(0.1)
    raise AssertionError(f"no answer in {START_S} s: {said.read_text()}")
