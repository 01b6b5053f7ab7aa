"""Size and hashes of files, in the two notations in which publishers give them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Digest:
    """What identifies the bytes of a file."""

    size: int  # bytes
    sha256: str
    git_blob: str  # the name that git gives to a file of these bytes

    def fits(self, known: str) -> bool:
        """Return whether these are the bytes of ``known``, a "sha256:..." or "git-blob:..."."""
        return known in (f"sha256:{self.sha256}", f"git-blob:{self.git_blob}")


def digest(path: Path, progress: Callable[[int], None] = lambda done: None) -> Digest:
    """Return size and hashes of the file at ``path``; ``progress`` hears the bytes read so far."""
    size = path.stat().st_size
    sha256 = hashlib.sha256()
    # Git names what it stores by SHA-1; it identifies here and guards nothing that SHA-256 could.
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            blob.update(chunk)
            done += len(chunk)
            progress(done)
    return Digest(done, sha256.hexdigest(), blob.hexdigest())
