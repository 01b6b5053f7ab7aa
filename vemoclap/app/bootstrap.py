"""Step 1 of ``app.ipynb``, once its cell has the code: install what it needs, and say what failed.

It needs Python alone, since it runs before anything else is there.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from vemoclap.app.environment import PAGE_VARIABLE

PROJECT = Path(__file__).resolve().parents[2]


def step(show: Callable[[str], None]) -> str | None:
    """Install what is not there yet and show step 1; return one sentence if that fails.

    Args:
        show: is told what setup.sh does.
    """
    try:
        problem = None if os.environ.get(PAGE_VARIABLE) == "1" else install(show)
    except Exception as error:
        problem = f"The installation did not succeed ({error}); run step 1 again."
    if not problem:
        from vemoclap import app

        app.step(1)
    return problem


def install(show: Callable[[str], None]) -> str | None:
    """Run setup.sh for this Python; return one sentence if that fails, else None."""
    if not (PROJECT / "setup.sh").is_file():
        return None  # pip installed a wheel, with all that it needs
    torch = _version("torch")
    own = Path(sys.prefix).resolve() == (PROJECT / ".venv").resolve()
    code, last = _run(["bash", "setup.sh", *([] if own else ["--here"])], show)
    if code:
        return f"The installation did not succeed ({last}); run step 1 again."
    if torch and _version("torch") != torch:
        return (
            f"torch was changed from {torch} to {_version('torch')}; restart the runtime and run "
            "step 1 again."
        )
    importlib.invalidate_caches()
    return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _run(command: list[str], show: Callable[[str], None]) -> tuple[int, str]:
    """Run a command, show what setup.sh says of itself; return its exit code and last line."""
    last = ""
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            said = line.strip().removeprefix("setup.sh: ")
            last = said or last
            if line.startswith("setup.sh:"):
                show(said)
    return process.returncode, last
