"""The weights of an artefact, brought from its publisher into ``$VEMOCLAP_HOME/weights/NAME``.

The one step of vemoclap, besides videos from YouTube, that uses the network. A file gets its name
only when it is whole and checked, and what was published as a pickle is converted on the way.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from vemoclap import files
from vemoclap.errors import WeightsError
from vemoclap.files import Digest
from vemoclap.records import Progress
from vemoclap.weights import cache, lockfile, transfer
from vemoclap.weights.catalog import Artefact, stored
from vemoclap.weights.lockfile import Entry, Kept

# Stages of progress, beside those of a transfer.
WAITING = "waiting for another process that downloads it"
DONE, FAILED = "done", "failed"

Sleep = Callable[[float], None]


def fetch_all(
    names: Iterable[str],
    progress_of: Callable[[str], Progress],
    *,
    renew: bool = False,
    sleep: Sleep = time.sleep,
) -> dict[str, WeightsError]:
    """Bring artefacts here, one after the other; return those that failed, and why.

    Args:
        names: of the artefacts.
        progress_of: returns what hears of one artefact's progress.
        renew: whether to bring complete ones again, and accept what their publishers changed.
        sleep: waits between tries.

    Raises:
        WeightsError: there is no room for all of them, or the lock file is damaged.
    """
    names = tuple(names)
    with files.explain_home_errors(cache.home()):
        lockfile.read(cache.lock_path())
        files.require_free_space(bytes_needed(names, renew=renew), cache.home())
    failures: dict[str, WeightsError] = {}
    silent: dict[str, WeightsError] = {}  # host -> why it is not asked again
    for name in names:
        row, progress = cache.row(name), progress_of(name)
        host = urlsplit(row.address("", "")).netloc
        if host in silent and (renew or cache.missing(name)):
            failures[name] = silent[host]
            continue
        try:
            fetch(name, progress, renew=renew, sleep=sleep)
        except WeightsError as error:
            failures[name] = error
            progress(FAILED, 0, row.about)
            if isinstance(error, transfer.UnreachableError):
                silent[host] = error
    return failures


def fetch(name: str, progress: Progress, *, renew: bool = False, sleep: Sleep = time.sleep) -> bool:
    """Bring one artefact here, unless it is here; return whether anything was to be done.

    Raises:
        WeightsError: it cannot be had, is not what it should be, or cannot be written.
    """
    row, folder = cache.row(name), cache.place(name)
    with files.explain_home_errors(folder):
        if not renew and not cache.missing(name):
            return False
        busy = folder.with_name(f"{name}.busy")
        with files.exclusive_lock(busy, lambda: progress(WAITING, 0, row.about)):
            if not renew and not cache.missing(name):
                return False  # by the process that we waited for
            folder.mkdir(exist_ok=True)
            try:
                _bring(row, folder, progress, renew, sleep)
            finally:
                if not any(folder.iterdir()):
                    folder.rmdir()
    return True


def bytes_needed(names: Iterable[str], *, renew: bool = False) -> int:
    """Return about how much room must be there to bring artefacts here, by the table's sizes."""
    rows = [cache.row(name) for name in names]
    wanted = [row for row in rows if renew or cache.missing(row.name)]
    more = 0
    for row in wanted:
        here = () if renew else cache.place(row.name).glob("*")
        more += max(0, row.about - sum(path.stat().st_size for path in here))
    # While a pickle is converted it is there twice, one artefact at a time.
    return more + max((row.about for row in wanted if row.converted), default=0)


def _bring(row: Artefact, folder: Path, progress: Progress, renew: bool, sleep: Sleep) -> None:
    entry = Entry() if renew else lockfile.read(cache.lock_path()).get(row.name, Entry())
    _sweep(folder, {stored(file) for names in row.files for file in names})
    ready = 0  # bytes of the files that are done

    def report(stage: str, done: int, total: int | None) -> None:
        progress(stage, ready + done, max(row.about, ready + (total or done)))

    for names in row.files:
        there = None if renew else _there(row, folder, names, entry)
        file, found, commit = there or _one_of(
            row, folder, names, entry=entry, report=report, sleep=sleep
        )
        entry = _with(replace(entry, revision=commit or entry.revision), file, found)
        if row.converted:  # nothing is recorded of a file that may be refused
            entry = _with(entry, row.converted, _converted(row, folder / file, report))
        lockfile.record(cache.lock_path(), row.name, entry)
        if row.converted:
            (folder / file).unlink()
        ready += found.size
    _sweep(folder, set())
    progress(DONE, ready, ready)


def _one_of(
    row: Artefact,
    folder: Path,
    names: tuple[str, ...],
    *,
    entry: Entry,
    report: transfer.Report,
    sleep: Sleep,
) -> tuple[str, Digest, str | None]:
    """Bring the first of a file's alternatives that is published; return name, hashes, commit."""
    revision = (row.on_hugging_face and entry.revision) or row.revision
    for name in names:
        target = folder / stored(name)
        part = target.with_name(f"{target.name}.part")
        wanted = transfer.Wanted(row, name, revision, part, *_known(row, name, entry))
        try:
            found, commit = transfer.fetch(wanted, report, sleep)
        except transfer.NotFoundError as error:
            if name != names[-1]:
                continue
            if revision == row.revision:
                raise
            raise WeightsError(
                f"{row.place} has no version {revision} any more, the one that was first "
                f"downloaded; accept the present one with `{_renewal(row)}`."
            ) from error
        files.commit_file(part, target)
        for other in {stored(other) for other in names} - {target.name}:
            (folder / other).unlink(
                missing_ok=True
            )  # of an earlier download; engines may prefer it
        return target.name, found, commit
    raise AssertionError("a file has at least one name")


def _there(
    row: Artefact, folder: Path, names: tuple[str, ...], entry: Entry
) -> tuple[str, Digest, None] | None:
    """Return the alternative that an earlier, unfinished download left here, if it is sound."""
    for name in names:
        path = folder / stored(name)
        if path.is_file():
            found, (known, _) = files.digest(path), _known(row, name, entry)
            if known is None or found.fits(known):
                return path.name, found, None
    return None


def _converted(row: Artefact, source: Path, report: transfer.Report) -> Digest:
    """Make the safetensors of a published pickle; remove the pickle if it is refused."""
    from safetensors import SafetensorError  # that the result could not be written

    assert row.converted
    assert row.converter
    target = source.with_name(row.converted)
    size = source.stat().st_size
    files.require_free_space(size, source.parent)
    report(f"converting {source.name}", size, size)
    try:
        module, function = row.converter.split(":")
        getattr(import_module(module), function)(source, target)
    except (ImportError, OSError, MemoryError, SafetensorError) as error:
        raise WeightsError(
            f"{source} could not be converted ({error}); make room, or run setup.sh again if a "
            "package is missing, and then the command: it goes on from there."
        ) from error
    except Exception as error:  # a hostile or broken pickle fails in a dozen ways
        source.unlink()
        raise WeightsError(
            f"What {row.place} publishes as {source.name} was removed unused, since it is damaged, "
            "asks for code to be run or holds another model; if that stays so, choose another "
            "preset and report it to vemoclap."
        ) from error
    return files.digest(target)


def _known(row: Artefact, name: str, entry: Entry) -> tuple[str | None, str]:
    """Return the hash that a file must have, if one is known, and what to do if it has not."""
    if name in row.hashes:
        return row.hashes[name], (
            "its publisher changed it or somebody else did, so it was removed: install a newer "
            "vemoclap, which may know it"
        )
    kept = entry.files.get(stored(name))
    return (f"sha256:{kept.sha256}" if kept else None), (
        "it was another one when it was first downloaded, so it was removed: if you trust the "
        f"change, accept it with `{_renewal(row)}`"
    )


def _renewal(row: Artefact) -> str:
    return f"vemoclap models download --renew {row.name}"


def _with(entry: Entry, file: str, found: Digest) -> Entry:
    return replace(entry, files={**entry.files, file: Kept(found.size, found.sha256)})


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove what downloads and conversions left unfinished, except parts of files to ``keep``."""
    for path in folder.glob("*.part*"):
        if path.name.removesuffix(".part") not in keep:
            path.unlink(missing_ok=True)
