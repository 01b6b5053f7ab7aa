"""Whether the weights here are still what was published and downloaded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vemoclap import files
from vemoclap.records import Progress
from vemoclap.weights import cache, lockfile
from vemoclap.weights.catalog import Artefact, stored
from vemoclap.weights.lockfile import Entry


class Verdict(StrEnum):
    """What was found out about a file or an artefact."""

    GOOD = "good"
    UNKNOWN = "unknown"  # there is nothing to compare it with
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one file, or on an artefact that lacks some."""

    artefact: str
    file: str  # "" for the whole artefact
    verdict: Verdict
    reason: str = ""  # a plain sentence that says what to do, unless it is good


def verify(names: Iterable[str], progress_of: Callable[[str], Progress]) -> tuple[Finding, ...]:
    """Return what was found out about each file that is here, nothing of what never came.

    Raises:
        WeightsError: the lock file is damaged, or a file cannot be read.
    """
    with files.explain_home_errors(cache.home()):
        entries = lockfile.read(cache.lock_path())
        return tuple(
            finding
            for name in names
            for finding in _artefact(cache.row(name), entries.get(name, Entry()), progress_of(name))
        )


def _artefact(row: Artefact, entry: Entry, progress: Progress) -> list[Finding]:
    folder = cache.place(row.name)
    lacking = cache.missing(row.name)
    if lacking and not (folder.is_dir() and any(folder.iterdir())):
        return []
    findings = []
    if lacking:
        reason = (
            f"{folder} is incomplete, it lacks {', '.join(lacking)}; run "
            f"`vemoclap models download {row.name}`."
        )
        findings.append(Finding(row.name, "", Verdict.WRONG, reason))
    # Of each file the published name, by which the table knows its hash.
    published = [name for names in row.files for name in names]
    files = {stored(name): row.hashes.get(name) for name in published}
    if row.converted:
        files[row.converted] = None
    findings += [
        _file(row.name, folder / file, known, entry, progress)
        for file, known in files.items()
        if (folder / file).is_file()
    ]
    return findings


def _file(name: str, path: Path, known: str | None, entry: Entry, progress: Progress) -> Finding:
    size = path.stat().st_size
    kept = entry.files.get(path.name)
    wanted = [known] if known else []
    if kept:
        wanted.append(f"sha256:{kept.sha256}")
    if not wanted:
        return Finding(
            name,
            path.name,
            Verdict.UNKNOWN,
            f"{path} was not downloaded by vemoclap and has no published hash to compare with; "
            f"run `vemoclap models download --renew {name}` to replace it.",
        )
    found = files.digest(path, lambda done: progress(f"checking {path.name}", done, size))
    if all(found.fits(one) for one in wanted):
        return Finding(name, path.name, Verdict.GOOD)
    return Finding(
        name,
        path.name,
        Verdict.WRONG,
        f"{path} is not the file that was published or downloaded; delete the folder {path.parent} "
        f"and run `vemoclap models download {name}`.",
    )
