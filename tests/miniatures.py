"""Miniature models where engines look for real ones, and what tests do to them."""

import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.hub.home import BUILDERS
from vemoclap.weights import cache


class Hub:
    """A home in which each artefact is written when it is first asked for: ``hub / "clip"``."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __truediv__(self, artefact: str) -> Path:
        folder = self.home / "weights" / artefact
        if not folder.exists():
            BUILDERS[artefact](folder)
        return folder

    def copy(self, artefact: str, target: Path) -> Path:
        """Copy a miniature to ``target``, where a test may spoil it."""
        for path in (self / artefact).iterdir():
            (target / path.name).write_bytes(path.read_bytes())
        return target


TEXTS = [
    "the weather is lovely this morning, is it not?",
    "das wetter ist heute schön.",
    "a",
    "你好世界",
    "breaking news: a goverment resigned today. bonjour tout le monde! good happy house",
]


def frames(count: int = 3, height: int = 360, width: int = 640) -> np.ndarray:
    """Return noise."""
    shape = (count, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def alike(one: Any, other: Any) -> bool:
    """Return whether two answers are the same up to what the size of a batch may change."""
    if is_dataclass(one):
        return type(one) is type(other) and all(
            alike(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float | np.ndarray):
        return np.allclose(one, other, rtol=1e-3, atol=1e-2)
    return bool(one == other)


class Trap:
    """Something whose pickle, opened carelessly, makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


# Ways to plant a trap in a file of weights: path of the file, folder that the trap makes.
TRAPS: dict[str, Callable[[Path, Path], None]] = {
    "bare": lambda path, marker: torch.save(Trap(marker), path),
    "model": lambda path, marker: torch.save({"model": Trap(marker), "train_args": {}}, path),
    "tensor": lambda path, marker: torch.save({"a": torch.ones(1), "b": Trap(marker)}, path),
    "old": lambda path, marker: torch.save(
        {"model": Trap(marker)}, path, _use_new_zipfile_serialization=False
    ),
    "plain": lambda path, marker: path.write_bytes(pickle.dumps(Trap(marker), protocol=2)),
}


class Watch:
    """Keep what a method of a model was called with, by name where the caller or we name it."""

    def __init__(self, monkeypatch, kind: type, name: str = "forward") -> None:
        self.calls: list[dict] = []
        inner = getattr(kind, name)

        def watched(model, *args, **options):
            self.calls.append(dict(zip(("input_ids",), args, strict=False)) | options)
            return inner(model, *args, **options)

        monkeypatch.setattr(kind, name, watched)


def run_alone(script: str, hub: Hub, artefacts: list[str], tmp_path: Path) -> None:
    """Run a script in a process of its own; fail unless it is silent and leaves no files.

    It finds the miniatures, but no network, and may write to its home only.
    """
    for artefact in artefacts:
        hub / artefact
    prelude = """
        import socket, sys
        def refuse(*args, **kwargs):
            print("network:", args, file=quiet.stream("stdout"), flush=True)
            raise OSError("no network")
        socket.getaddrinfo = socket.socket.connect = refuse
        from pathlib import Path
        from vemoclap.engines import quiet
        from vemoclap.weights import cache
        cache.folder = lambda name: Path(sys.argv[1]) / name
        with quiet.silence():
    """
    user, work, home = tmp_path / "user", tmp_path / "work", tmp_path / "home"
    for folder in (user, work, home):
        folder.mkdir()
    root = Path(cache.__file__).resolve().parents[2]
    kept = ("LD_LIBRARY_PATH", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    # No program to be found: whoever needs ffmpeg here does something that it should not.
    environment |= {"PATH": "/nowhere", "HOME": str(user), "VEMOCLAP_HOME": str(home)}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    whole = textwrap.dedent(prelude) + textwrap.indent(textwrap.dedent(script), "    ")
    ran = subprocess.run(
        [sys.executable, "-c", whole, str(hub.home / "weights")],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), ran.stderr
    assert not list(work.iterdir())
    assert not list(user.iterdir())
