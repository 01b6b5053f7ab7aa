"""The weights of an artefact, brought from its publisher into ``$VEMOCLAP_HOME/weights/NAME``.

The one step of vemoclap, besides videos from YouTube, that uses the network. A file gets its name
only when it is whole and checked, and what was published as a pickle is converted on the way.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from vemoclap import files as storage
from vemoclap.errors import WeightsError
from vemoclap.files import Digest, digest
from vemoclap.records import Progress
from vemoclap.weights import answers, cache, lockfile, transfer
from vemoclap.weights.catalog import Artefact, stored
from vemoclap.weights.lockfile import Entry, Kept

HUB = "https://huggingface.co"  # unless HF_ENDPOINT names a mirror
WAITING = "waiting for another process that downloads it"

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
    with storage.explain_home_errors(cache.home()):
        lockfile.read(cache.lock_path())
        storage.require_free_space(bytes_needed(names, renew=renew), cache.home())
    failures: dict[str, WeightsError] = {}
    silent: dict[str, WeightsError] = {}  # host -> why it is not asked again
    for name in names:
        host = answers.host(_address(cache.row(name), "", ""))
        if host in silent and (renew or cache.missing(name)):
            failures[name] = silent[host]
            continue
        progress = progress_of(name)
        try:
            fetch(name, progress, renew=renew, sleep=sleep)
        except WeightsError as error:
            failures[name] = error
            progress("failed", 0, _about(cache.row(name)))
            if isinstance(error, answers.UnreachableError):
                silent[host] = error
    return failures


def fetch(name: str, progress: Progress, *, renew: bool = False, sleep: Sleep = time.sleep) -> bool:
    """Bring one artefact here, unless it is here; return whether anything was to be done.

    Raises:
        WeightsError: it cannot be had, is not what it should be, or cannot be written.
    """
    row, folder = cache.row(name), cache.place(name)
    with storage.explain_home_errors(folder):
        if not renew and not cache.missing(name):
            return False
        busy = folder.with_name(f"{name}.busy")
        with storage.exclusive_lock(busy, lambda: progress(WAITING, 0, _about(row))):
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
    more = [max(0, _about(row) - (0 if renew else _size(cache.place(row.name)))) for row in wanted]
    # While a pickle is converted it is there twice, one artefact at a time.
    twice = [_about(row) for row in wanted if row.converted]
    return sum(more) + max(twice, default=0)


# -- one artefact -----------------------------------------------------------------------------


def _bring(row: Artefact, folder: Path, progress: Progress, renew: bool, sleep: Sleep) -> None:
    entry = Entry() if renew else lockfile.read(cache.lock_path()).get(row.name, Entry())
    _sweep(folder, {stored(file) for names in row.files for file in names})
    ready = 0  # bytes of the files that are done
    for names in row.files:
        report = _counted(progress, ready, _about(row))
        there = None if renew else _there(row, folder, names, entry)
        if there is None:
            file, found, commit = _one_of(
                row, folder, names, entry=entry, report=report, sleep=sleep
            )
            entry = _with(replace(entry, revision=commit or entry.revision), file, found)
        else:
            file, found = there
            entry = _with(entry, file, found)
        ready += found.size
        if row.converted:
            # Nothing is recorded of a file that may be refused.
            entry = _with(entry, row.converted, _converted(row, folder / file, report))
        lockfile.record(cache.lock_path(), row.name, entry)
        if row.converted:
            (folder / file).unlink()
    _sweep(folder, set())
    progress("done", ready, ready)


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
    for number, name in enumerate(names, 1):
        file = stored(name)
        known, advice = _known(row, name, entry)
        part = folder / f"{file}.part"
        revision = entry.revision if entry.revision and row.on_hugging_face else row.revision
        wanted = transfer.Wanted(
            _address(row, name, revision), part, known, advice, row.on_hugging_face
        )
        try:
            came = transfer.fetch(wanted, report, sleep)
        except answers.NotFoundError as error:
            if number < len(names):
                continue
            if revision == row.revision:
                raise
            raise WeightsError(
                f"{row.place} has no version {revision} any more, the one that was first "
                f"downloaded; accept the present one with `{_renewal(row)}`."
            ) from error
        storage.commit_file(part, folder / file)
        transfer.mark(part).unlink(missing_ok=True)
        for other in names:  # of an earlier download, which engines might prefer
            if other != name:
                (folder / stored(other)).unlink(missing_ok=True)
        return file, came.digest, came.commit
    raise AssertionError("a file has at least one name")


def _there(
    row: Artefact, folder: Path, names: tuple[str, ...], entry: Entry
) -> tuple[str, Digest] | None:
    """Return the alternative that an earlier, unfinished download left here, if it is sound."""
    for name in names:
        path = folder / stored(name)
        if path.is_file():
            found = digest(path)
            known, _ = _known(row, name, entry)
            if known is None or found.fits(known):
                return path.name, found
    return None


def _converted(row: Artefact, source: Path, report: transfer.Report) -> Digest:
    """Make the safetensors of a published pickle; remove the pickle if it is refused."""
    assert row.converted
    assert row.converter
    target = source.with_name(row.converted)
    size = source.stat().st_size
    storage.require_free_space(size, source.parent)
    report(f"converting {source.name}", size, size)
    try:
        module, function = row.converter.split(":")
        getattr(import_module(module), function)(source, target)
    except (ImportError, OSError, MemoryError) as error:
        raise WeightsError(
            f"{source} could not be converted ({error}); run setup.sh again if a package is "
            "missing, and then the command: it goes on from there."
        ) from error
    except Exception as error:
        if type(error).__name__ == "SafetensorError":  # that the result could not be written
            raise WeightsError(
                f"{target} could not be written ({error}); make room and run the command again: "
                "it goes on from there."
            ) from error
        source.unlink()
        why = str(error).partition("; ")[0] if isinstance(error, WeightsError) else repr(error)
        raise WeightsError(
            f"What {row.place} publishes as {source.name} was removed unused, since {why}; if "
            "that stays so, choose another preset and report it to vemoclap."
        ) from error
    return digest(target)


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


def _address(row: Artefact, file: str, revision: str) -> str:
    if not row.on_hugging_face:
        return f"{row.place}/{revision}/{file}"
    hub = os.environ.get("HF_ENDPOINT") or HUB
    return f"{hub.rstrip('/')}/{row.place}/resolve/{revision}/{file}"


def _with(entry: Entry, file: str, found: Digest) -> Entry:
    files: Mapping[str, Kept] = {**entry.files, file: Kept(found.size, found.sha256)}
    return replace(entry, files=files)


def _counted(progress: Progress, ready: int, about: int) -> transfer.Report:
    """Return what turns the progress of one file into that of its artefact."""

    def report(stage: str, done: int, total: int | None) -> None:
        progress(stage, ready + done, max(about, ready + (total or done)))

    return report


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove what downloads and conversions left unfinished, except of the files to ``keep``."""
    for path in folder.iterdir():
        file, dot, _ = path.name.partition(".part")
        if dot and file not in keep:
            path.unlink(missing_ok=True)


def _about(row: Artefact) -> int:
    return row.size_mb * 10**6


def _size(folder: Path) -> int:
    """Return the bytes of all files in a folder that need not exist."""
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0
