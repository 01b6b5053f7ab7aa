"""What every test relies on: no network, markers, workers, nothing left behind, miniatures."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import leftovers, pace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.miniatures import Hub

# Before anything imports a model library, so that none of them looks for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
pace.share_processors()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--network", action="store_true", help="run tests that use the internet")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Take all processors for many files, and no worker where there is one, to be debugged in."""
    named = {name.partition("::")[0] for name in config.option.file_or_dir}
    if named and all(name.endswith(".py") for name in named):
        return pace.workers(len(named))
    return pace.workers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip_network = pytest.mark.skip(reason="needs --network")
    skip_gpu = pytest.mark.skip(reason="needs a CUDA GPU")
    for item in items:
        if item.get_closest_marker("network") and not config.getoption("--network"):
            item.add_marker(skip_network)
        if item.get_closest_marker("gpu") and not _has_gpu():
            item.add_marker(skip_gpu)
        if pace.is_quick(item):
            item.add_marker("quick")
    # Files are given to workers in this order, so that none begins a long one at the end.
    items.sort(key=lambda item: -pace.seconds(item.path.stem))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of temporary files of this worker, in which nothing may stay."""
    # Of libraries that keep something for the next time; pytest's own folders stay where they are.
    kept = tmp_path_factory.mktemp("kept")
    os.environ |= {"YOLO_CONFIG_DIR": str(kept), "TORCHINDUCTOR_CACHE_DIR": str(kept)}
    with leftovers.own_folder() as folder:
        yield folder
        left = leftovers.cleared(folder)
    assert not left, f"left behind: {left}"


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind(temporary_files: Path) -> Iterator[None]:
    """Fail if the tests of a file leave a process, a file or a folder behind, which then goes."""
    yield
    left = leftovers.cleared(temporary_files)
    assert not left, f"left behind: {left}"


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections from this process to anywhere but this machine."""
    if request.node.get_closest_marker("network"):
        return
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else address
        if isinstance(address, tuple) and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to connect to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> "Hub":
    """Return a home in which every artefact has its miniature, written when first asked for."""
    from tests.miniatures import Hub

    return Hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="session")
def hub_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home as a download of every artefact leaves it; for all workers the same one."""
    from filelock import FileLock

    from tests.hub.home import build

    base = tmp_path_factory.getbasetemp()
    # Each worker of xdist has a folder of its own in one that all of them share.
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = root / "hub-home"
    with FileLock(root / "hub-home.busy"):
        if not home.exists():
            part = tmp_path_factory.mktemp("building")
            build(part)
            part.rename(home)
    return home


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Return Chromium, one for a file of tests, each of which opens a context of its own."""
    from tests import chromium

    with chromium.running() as found:
        yield found


@pytest.fixture
def own_home(hub_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home like ``hub_home`` that the test may spoil; its files are links."""
    home = tmp_path / "home"
    for path in (hub_home / "weights").rglob("*"):
        if path.is_file() and path.suffix != ".busy":
            link = home / path.relative_to(hub_home)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    monkeypatch.setenv("VEMOCLAP_HOME", str(home))
    return home


@pytest.fixture
def miniatures(hub: "Hub", monkeypatch: pytest.MonkeyPatch) -> None:
    """Let engines find the miniature models."""
    from vemoclap.weights import cache

    monkeypatch.setenv("VEMOCLAP_HOME", str(hub.home))
    monkeypatch.setattr(cache, "folder", lambda artefact: hub / artefact)


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let engines look into an empty folder, for a test to fill."""
    from vemoclap.weights import cache

    monkeypatch.setattr(cache, "folder", lambda artefact: tmp_path)
    return tmp_path


@pytest.fixture
def copied(hub: "Hub", broken: Path) -> Callable[[str], Path]:
    """Return a function that copies a miniature to where a test may spoil it, and engines look."""
    return lambda artefact: hub.copy(artefact, broken)
