"""The local page gives away nothing but itself, to nobody but this machine."""

import itertools
import os
import signal
import socket
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from tests.local_page import (
    STOP_S,
    LocalPage,
    command,
    free_port,
    local_page,
    until_it_answers,
)
from vemoclap.app import server
from vemoclap.app.private_folder import LOCK
from vemoclap.cli import main

PROJECT = Path(__file__).resolve().parents[1]
SECRET = b"what another visitor sent"

# Where a server of notebooks could serve files.
PLACES = (
    "/",
    "/static/",
    "/files/",
    "/voila/files/",
    "/voila/static/",
    "/voila/templates/lab/static/",
    "/voila/templates/base/static/",
    "/voila/labextensions/",
    "/voila/api/themes/",
    "/voila/api/contents/",
    "/voila/render/",
    "/voila/tree/",
    "/voila/execution/",
    "/api/contents/",
    "/api/kernels/",
    "/nbextensions/",
    "/lab/api/",
    "/tree/",
    "/notebooks/",
    "/edit/",
    "/custom/",
)
UP = ("../" * 12, "..%2f" * 12, "%2e%2e/" * 12, "..%5c" * 12, "....//" * 12, "./../" * 12)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with local_page(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture(scope="module")
def upload(page):
    """Return a file of a visitor who is here."""
    from filelock import FileLock

    place = page.visitors / "visitor-here"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(place / LOCK):
        (place / "upload.mp4").write_bytes(SECRET)
        yield place / "upload.mp4"


def refused(page, path):
    status, content = page.ask(path)
    assert status in (400, 403, 404, 405), path
    assert SECRET not in content
    assert b"root:" not in content
    assert b"app.step(" not in content
    assert b"Traceback" not in content


@pytest.mark.parametrize("place", PLACES)
def test_no_file_is_served_by_any_path(page, upload, place):
    for file in (upload, Path("/etc/passwd"), PROJECT / "app.ipynb", PROJECT / "pyproject.toml"):
        encoded = str(file).replace("/", "%2f")
        # "//etc/passwd" is an absolute path behind the place's own slash.
        paths = [
            f"{place}{file}",
            f"{place}{encoded}",
            *(f"{place}{up}{str(file)[1:]}" for up in UP),
        ]
        for path in (*paths, f"{place}{file.name}", f"{place}{PROJECT.name}/{file.name}"):
            refused(page, path)


@pytest.mark.parametrize(
    "path",
    [
        "/app.ipynb",
        "/voila/render/app.ipynb",
        "/voila/files/app.ipynb",
        "/voila/files/docs/report.png",
        "/voila/tree",
        "/tree",
        "/lab",
        "/login",
        "/api",
        "/api/kernels",
        "/api/kernelspecs",
        "/api/sessions",
        "/api/terminals",
        "/api/status",
        "/metrics",
        "/terminals/websocket/1",
    ],
)
def test_nothing_else_of_jupyter_is_there(page, path):
    refused(page, path)
    assert page.ask(path, "POST")[0] in (403, 404, 405)


def test_what_the_page_needs_is_served(page):
    assert page.ask("/voila/static/voila.js")[0] == 200
    assert page.ask("/voila/templates/lab/static/voila-style.js")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/voila/static/voila.js"])
def test_a_page_elsewhere_cannot_call_this_machine_its_own(page, host, path):
    status, content = page.ask(path, headers={"Host": host})
    assert status in (400, 404)
    assert b"vemoclap" not in content.replace(b"vemoclap app", b"")


def test_it_listens_on_this_machine_only(page):
    listening = [
        one.laddr.ip
        for one in psutil.Process(page.process.pid).net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_kernels_cannot_be_started_or_guessed(page):
    unknown = "/api/kernels/12345678-1234-1234-1234-123456789abc"
    for path, method in itertools.product((unknown, f"{unknown}/channels"), ("GET", "DELETE")):
        assert page.ask(path, method)[0] in (403, 404, 405)


def test_a_taken_port_is_one_sentence(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main.main(["app", "--no-browser", "--port", str(port)]) == main.BAD_INPUT
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.startswith(f"The port {port} cannot be used (")
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_no_port_but_a_port(port, capsys):
    with pytest.raises(SystemExit) as end:
        main.main(["app", "--port", port])
    assert end.value.code == main.BAD_INPUT
    assert "Traceback" not in capsys.readouterr().err


def test_without_the_notebook_there_is_no_page(monkeypatch, tmp_path, capsys):
    from vemoclap.cli import app

    monkeypatch.setattr(app, "NOTEBOOK", tmp_path / "app.ipynb")
    assert main.main(["app", "--no-browser"]) == main.BAD_INPUT
    assert "install vemoclap again" in capsys.readouterr().err


def test_settings_of_the_user_and_of_the_folder_do_not_count(tmp_path, monkeypatch):
    for name in ("voila.json", "jupyter_config.json"):
        (tmp_path / name).write_text(
            '{"Voila": {"ip": "0.0.0.0"}, "VoilaConfiguration": '
            '{"file_allowlist": [".*"], "show_tracebacks": true}}'
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with local_page(tmp_path) as running:
        refused(running, "/voila/files/voila.json")
        test_it_listens_on_this_machine_only(running)


def left_behind(folder):
    """Return a visitor's folder as a killed process leaves it."""
    left = folder / f"vemoclap-{os.getuid()}" / "visitor-killed"
    left.mkdir(parents=True, mode=0o700)
    (left / LOCK).touch()
    return left


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_told_to_and_cleans_up(tmp_path, sign):
    left = left_behind(tmp_path)
    others = set(Path(tempfile.gettempdir()).glob("voila_*"))
    port = free_port()
    with command(port, tmp_path) as process:
        page = LocalPage(port, tmp_path, process)
        until_it_answers(page)
        assert page.ask("/")[0] == 200
        visitors = psutil.Process(process.pid).children(recursive=True)
        sockets = set(Path(tempfile.gettempdir()).glob("voila_*")) - others
        assert visitors
        assert sockets
        process.send_signal(sign)
        process.send_signal(sign)  # by somebody who is impatient
        assert process.wait(STOP_S) == main.ALL_FINE
    said = (tmp_path / "said").read_text()
    assert "Ctrl-C stops it" in said
    assert "Traceback" not in said
    assert not left.parent.exists()
    assert not [one for one in sockets if one.exists()]
    assert not psutil.wait_procs(visitors, timeout=STOP_S)[1]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_before_it_listens(tmp_path, sign):
    with command(free_port(), tmp_path) as process:
        while "Ctrl-C stops it" not in (tmp_path / "said").read_text():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(sign)
        assert process.wait(STOP_S) in (main.ALL_FINE, main.INTERRUPTED)
    assert "Traceback" not in (tmp_path / "said").read_text()


def test_sockets_lie_where_their_paths_are_short_enough(monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    short = tempfile.mkdtemp(dir="/tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setenv("XDG_RUNTIME_DIR", short)
    assert server._socket_folder() == short
    monkeypatch.setattr(tempfile, "tempdir", short)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert server._socket_folder() == short
    Path(short).rmdir()
    assert server._socket_folder() == "/tmp"
