"""The command ``vemoclap app``, started for a test and stopped after it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


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


def command(port: int, folder: Path) -> subprocess.Popen[str]:
    """Start the command, its temporary files and its home in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "vemoclap", "app", "--no-browser", "--port", str(port)],
        env={**os.environ, "TMPDIR": str(folder), "VEMOCLAP_HOME": str(folder / "home")},
        stdout=(folder / "said").open("w"),
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def local_page(folder: Path) -> Iterator[LocalPage]:
    """Yield a server that answers; stop it as Ctrl-C does."""
    port = free_port()
    page = LocalPage(port, folder, command(port, folder))
    said = folder / "said"
    try:
        for _ in range(300):
            try:
                page.ask("/nothing")
                break
            except OSError:
                assert page.process.poll() is None, said.read_text()
                time.sleep(0.2)
        yield page
    finally:
        page.process.send_signal(signal.SIGINT)
        try:
            page.process.wait(30)
        except subprocess.TimeoutExpired:
            page.process.kill()
            page.process.wait()
