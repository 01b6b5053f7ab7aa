"""A batch from its inputs to its summary: what is done is skipped, the rest is worked off."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vemoclap import files
from vemoclap.batch import features_store, fingerprint, manifest, results, summary
from vemoclap.batch.manifest import Manifest
from vemoclap.batch.outputs import BEGUN
from vemoclap.batch.records import Content, Ending, Entry, Inputs, Item, Job, Orders, What
from vemoclap.batch.summary import Summary
from vemoclap.batch.worker import content_of, folder_of

Engine = Callable[[Orders, Iterable[Job]], Iterator[Entry]]


@dataclass(frozen=True, slots=True)
class Told:
    """How far a batch is."""

    done: int  # of those that were to do in this run
    total: int
    skipped: int  # done before
    entry: Entry | None  # what ended last; None: nothing yet
    per_minute: float | None
    left_s: float | None  # until the end, at the rate so far


def run(
    inputs: Inputs,
    orders: Orders,
    engine: Engine,
    *,
    retry_failed: bool = False,
    share: tuple[int, int] | None = None,
    tell: Callable[[Told], None] = lambda told: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Summary:
    """Return what became of every input, after all that was to do is done.

    What an earlier run finished is skipped, if file, models and options are still the same, and
    so is what it refused. What failed is skipped too, unless ``retry_failed``.

    Args:
        inputs: the files.
        orders: what to make of them.
        engine: what works off jobs.
        retry_failed: whether to try again what failed or was refused.
        share: (number, count), where several runs share one batch and one folder.
        tell: hears how far it is, at the start and after each video.
        warn: hears sentences about damage that was found.

    Raises:
        VemoclapError: the batch cannot go on; what is done stays done.
    """
    out = orders.out
    advice = (
        "make room or choose another folder, and run the command again: it goes on where it stopped"
    )
    with (
        files.explain_os_errors(out, "cannot be written", advice, inside=True),
        _made(out),
        manifest.held(out, share),
    ):
        shutil.rmtree(orders.scratch, ignore_errors=True)  # of a run that was cut off
        ended = _before(inputs, orders, retry_failed, warn)
        todo = [item for item in inputs.items if item.name not in ended]
        started = time.monotonic()
        told = Told(0, len(todo), len(ended), None, None, None)
        tell(told)
        log = Manifest(manifest.path_of(out, share))
        items = {item.name: item for item in todo}
        jobs = (Job(item, fingerprint.key(orders, item)) for item in todo)
        gathering = _Gathering(orders, [item for item in inputs.items if item.name in ended])
        fresh: dict[str, Entry] = {}
        if todo:
            for entry in engine(orders, jobs):
                log.add(entry)
                fresh[entry.name] = entry
                gathering.add(items[entry.name])
                rate = len(fresh) / max(1e-6, time.monotonic() - started)
                left_s = (len(todo) - len(fresh)) / rate
                tell(Told(len(fresh), len(todo), len(ended), entry, rate * 60, left_s))
        gathering.gather()
        if orders.what is What.FEATURES:
            features_store.sum_up(out)
        shutil.rmtree(orders.scratch, ignore_errors=True)
        with suppress(OSError):
            (out / BEGUN).rmdir()  # unless another share has something in it
        whole = summary.sum_up(inputs, {**ended, **fresh}, frozenset(fresh), orders)
        summary.write(whole, orders, share)
        return whole


def _before(
    inputs: Inputs, orders: Orders, retry_failed: bool, warn: Callable[[str], None]
) -> dict[str, Entry]:
    """Return the entries of what need not be done; the features of all else are forgotten."""
    known = manifest.read(orders.out)
    stored: frozenset[str] = frozenset()
    if orders.what is What.FEATURES:
        with features_store.alone(orders.out):
            stored, damages = features_store.mend(orders.out)
        for sentence in damages:
            warn(sentence)
    ended = {
        item.name: entry
        for item in inputs.items
        if (entry := _settled(item, known, orders, retry_failed, stored)) is not None
    }
    stale = frozenset(item.name for item in inputs.items if item.name not in ended) & stored
    if stale:
        with features_store.alone(orders.out):
            features_store.forget(orders.out, stale)
    return ended


def _settled(
    item: Item,
    known: Mapping[str, Entry],
    orders: Orders,
    retry_failed: bool,
    stored: frozenset[str],
) -> Entry | None:
    """Return the entry of an item that need not be done, None of one that must."""
    entry = known.get(item.name)
    if entry is None or entry.key != fingerprint.key(orders, item):
        return None
    if not _unchanged(item.path, entry.content, orders.max_bytes):
        return None
    if entry.ending in (Ending.FAILED, Ending.REFUSED):
        limits = (orders.max_duration_s, orders.max_bytes)
        return None if retry_failed or entry.limits != limits else entry
    if item.name in stored:
        return entry
    there = results.finished(folder_of(orders, item))
    return entry if there and there.key == entry.key else None


def _unchanged(path: Path, before: Content | None, max_bytes: int) -> bool:
    """Return whether a file is still what it was; only if its time changed is it read."""
    try:
        now = path.stat()
    except (OSError, ValueError):
        return before is None
    if before is None or now.st_size != before.size_bytes:
        return False
    if now.st_mtime_ns == before.mtime_ns:
        return True
    content = content_of(path, max_bytes)
    return content is not None and content.sha256 is not None and content.sha256 == before.sha256


class _Gathering:
    """Brings features into the store as enough of them wait."""

    def __init__(self, orders: Orders, before: Iterable[Item]) -> None:
        self._orders = orders
        # A run that was cut off may have left some that are done.
        self._folders = [folder_of(orders, item) for item in before]

    def add(self, item: Item) -> None:
        self._folders.append(folder_of(self._orders, item))
        if len(self._folders) >= features_store.GATHERED:
            self.gather()

    def gather(self) -> None:
        if self._orders.what is What.FEATURES:
            with features_store.alone(self._orders.out):
                features_store.gather(self._orders.out, self._folders)
        self._folders = []


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    yield
