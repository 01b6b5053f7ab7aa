"""What tests started and did not end, and what they wrote to the folder of temporary files.

Each process of pytest has a folder of its own, whose path all that it starts inherit: so runs at
the same time do not blame each other, and a process is known whose parent is gone.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "VEMOCLAP_TESTS"  # holds the path of the folder
GRACE_S = 20.0  # for what was told to end, or notices that its parent is gone
# What Python keeps for as long as its process runs: a listener to its spawned processes' ends.
OWN = "multiprocessing.resource_tracker"


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Have temporary files lie in a new folder, which is removed in the end."""
    # In the usual place and of a short name: paths of sockets have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="vt-"))
    before = {name: os.environ.get(name) for name in ("TMPDIR", MARK)}
    os.environ["TMPDIR"] = os.environ[MARK] = str(folder)
    tempfile.tempdir = None  # which Python remembers
    try:
        yield folder
    finally:
        tempfile.tempdir = None
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def processes() -> list[psutil.Process]:
    """Return what this process started, directly or not, and still runs."""
    own = psutil.Process()
    found = set(own.children(recursive=True))
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one != own and one.environ().get(MARK) == os.environ[MARK]:
                found.add(one)
    return [one for one in found if _runs(one)]


def _runs(process: psutil.Process) -> bool:
    try:
        kept = process.ppid() == os.getpid() and OWN in " ".join(process.cmdline())
        return not kept and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def cleared(folder: Path, grace_s: float = GRACE_S) -> list[str]:
    """Return what is left of processes and of files in a folder, after ending and removing it."""
    _wait(grace_s)
    left = []
    for one in processes():
        with contextlib.suppress(psutil.Error):
            left.append(f"process {one.pid}: {' '.join(one.cmdline())[:300]}")
            one.kill()
    _wait(GRACE_S)
    for path in sorted(folder.iterdir()):
        left.append(f"{'folder' if path.is_dir() else 'file'} {path}")
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
    return left


def _wait(seconds: float) -> None:
    """Wait until nothing runs, for so long; psutil would wait for the dead too."""
    deadline = time.monotonic() + seconds
    while processes() and time.monotonic() < deadline:
        time.sleep(0.05)
