"""Several files at once into a folder, none of them half-written."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vemoclap.errors import VemoclapError


def place(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Write files into a folder, made where it is not there, and return their paths.

    All are complete before the first takes its place.

    Args:
        contents: name -> bytes.
        folder: where to.

    Raises:
        VemoclapError: the disk is full, or the folder may not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _placed(contents, folder)
    except OSError as error:
        raise VemoclapError(
            f"The results could not be written to {folder} ({error.strerror or error}); "
            "choose another folder with --out or make room."
        ) from error


def _placed(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    made: list[Path] = []
    try:
        for name, data in contents.items():
            descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            made.append(Path(temporary))
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            made[-1].chmod(0o644)  # mkstemp's files are private
        targets = tuple(folder / name for name in contents)
        for temporary_path, target in zip(list(made), targets, strict=True):
            temporary_path.replace(target)
            made.remove(temporary_path)
        return targets
    finally:
        for leftover in made:
            leftover.unlink(missing_ok=True)
