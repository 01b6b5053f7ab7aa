"""A publisher of weights on this machine that can be told to misbehave.

It answers like a Hugging Face hub under ``/ORG/NAME/resolve/REVISION/FILE`` (large files by a
redirect to another host, as from there to its storage) and like any web server under ``/files/``.
"""

import contextlib
import hashlib
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

LARGE = {".pt", ".bin", ".safetensors"}
RESOLVE = re.compile(r"/(?P<repo>[^/]+(/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


@dataclass
class Fault:
    """One answer that is not as it should be."""

    status: int | None = None  # instead of the file
    headers: dict[str, str] = field(default_factory=dict)  # on top of the right ones
    without: tuple[str, ...] = ()  # headers that are left out
    body: bytes | None = None  # instead of the file's bytes
    cut: int | None = None  # the connection ends after so many bytes of the body
    whole: bool = False  # a wish for a part is ignored
    hold: threading.Event | None = None  # nothing is answered before it is set
    only_get: bool = False  # a question about the file (HEAD) is answered as it should be


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    status: int


class Publisher:
    """The server: what it publishes, how it will misbehave, and what it was asked for."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}  # repo -> revision -> files
        self.files: dict[str, bytes] = {}  # path below /files/ -> bytes
        self.faults: dict[str, list[Fault]] = {}  # file -> what happens, one request each
        self.always: dict[str, Fault] = {}  # file -> what happens after that, for ever
        self.requests: list[Request] = []
        self.asked = threading.Event()  # set when a request arrives
        self.server = _Server(("127.0.0.1", 0), type("H", (_Handler,), {"it": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.storage = f"http://localhost:{self.server.server_port}"  # another host to clients

    def publish(self, repo: str, files: dict[str, bytes]) -> str:
        """Put a new version of a repository on its branch main; return its commit."""
        text = repr([repo, sorted((k, sha256(v)) for k, v in files.items())])
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.repos.setdefault(repo, {}).update({commit: files, "main": files})
        return commit

    def commit(self, repo: str, revision: str) -> str:
        versions = self.repos[repo]
        return next(c for c, f in versions.items() if c != "main" and f is versions[revision])

    def asked_for(self, file: str) -> list[Request]:
        """Return the requests for the bytes of a file, in order; redirects not counted."""
        asked = [r for r in self.requests if r.path.endswith(f"/{file}") and r.status != 302]
        return [request for request in asked if request.method == "GET"]


@contextlib.contextmanager
def publishing() -> Iterator[Publisher]:
    publisher = Publisher()
    thread = threading.Thread(target=publisher.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield publisher
    finally:
        publisher.server.shutdown()
        publisher.server.server_close()
        thread.join()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away, which is what many tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    it: Publisher
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if found := RESOLVE.fullmatch(self.path):
            self._hub(found["repo"], found["revision"], found["file"])
        elif self.path.startswith("/storage/"):
            _, _, repo, commit, file = self.path.split("/", 4)
            self._send(file, self.it.repos[repo.replace(":", "/")][commit][file], {})
        elif (file := self.path.removeprefix("/files/")) in self.it.files:
            self._send(file, self.it.files[file], {})
        else:
            self._answer(404, {}, b"no such thing")

    def _hub(self, repo: str, revision: str, file: str) -> None:
        content = self.it.repos.get(repo, {}).get(revision, {}).get(file)
        if content is None:
            self._answer(404, {"X-Error-Code": "EntryNotFound"}, b"Entry not found")
            return
        commit = self.it.commit(repo, revision)
        headers = {"X-Repo-Commit": commit, "X-Linked-Size": str(len(content))}
        if PurePosixPath(file).suffix not in LARGE:
            headers["X-Linked-Etag"] = f'"{git_blob(content)}"'
            self._send(file, content, headers)
            return
        headers["X-Linked-Etag"] = f'"{sha256(content)}"'
        place = f"/storage/{repo.replace('/', ':')}/{commit}/{file}"
        headers["Location"] = self.it.storage + place
        fault = self._fault(file) if self.command == "HEAD" else Fault()
        self._answer(fault.status or 302, headers | fault.headers, b"<html>look there</html>")

    def _fault(self, file: str) -> Fault:
        """Return what is to go wrong; one that tells in the headers befalls HEAD and GET alike."""
        name, asked = PurePosixPath(file).name, self.command == "HEAD"
        waiting = self.it.faults.get(name)
        fault = waiting[0] if waiting else self.it.always.get(name, Fault())
        if asked and fault.only_get:
            return Fault()
        if waiting and (fault.status or not asked):
            waiting.pop(0)
        return fault if not asked else replace(fault, body=None, cut=None, hold=None)

    def _send(self, file: str, content: bytes, headers: dict[str, str]) -> None:
        """Answer with a file or a part of it, or misbehave as told."""
        fault = self._fault(file)
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag, "Content-Type": "application/octet-stream", **headers}
        body = content if fault.body is None else fault.body
        status, start = 200, 0
        wish = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wish and not fault.whole and self.headers.get("If-Range", etag) == etag:
            status, start = 206, int(wish[1])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            if start >= len(body):
                status, headers["Content-Range"] = 416, f"bytes */{len(body)}"
                start = len(body)
        headers |= fault.headers
        for header in fault.without:
            headers.pop(header, None)
        self._answer(fault.status or status, headers, body[start:], fault)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, fault: Fault | None = None
    ) -> None:
        fault = fault or Fault()
        self.it.requests.append(Request(self.command, self.path, dict(self.headers), status))
        self.it.asked.set()
        if fault.hold:
            assert fault.hold.wait(60)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if "Content-Length" not in fault.without:
            self.send_header("Content-Length", str(len(body)))
        if fault.cut is not None or "Content-Length" in fault.without:
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body if fault.cut is None else body[: fault.cut])
