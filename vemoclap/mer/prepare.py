"""Clips on the disk -> utterances as the model sees them, made once.

Each is a file of its own, named for all that decides what is in it, so that a run that was cut
off goes on and a changed clip is read anew.
"""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vemoclap import files
from vemoclap.engines import roles
from vemoclap.engines.pool import Residents
from vemoclap.engines.roles import Faces, Preset
from vemoclap.errors import DataError, EngineError, MediaError
from vemoclap.media import clip as media_clip
from vemoclap.media import stream as reels
from vemoclap.mer import inputs
from vemoclap.mer.data import Collection, Piece
from vemoclap.mer.inputs import Shape, Utterance
from vemoclap.readings import speech
from vemoclap.records import Progress, Span
from vemoclap.timeline import sections
from vemoclap.timeline.records import SpanInputs
from vemoclap.weights import cache

VERSION = 1  # of the files
DETECTOR = "mtcnn"
LOUDEST = 32767  # of a 16-bit sample


@dataclass(frozen=True, slots=True)
class Kept:
    """An utterance that can be learnt from, and the file that holds what the model sees."""

    piece: Piece
    path: Path


@dataclass(frozen=True, slots=True)
class Prepared:
    """A collection that is ready."""

    note: str
    labels: tuple[str, ...]
    kept: tuple[Kept, ...]
    troubles: tuple[str, ...]  # a sentence per clip that is left out


def folder() -> Path:
    """Return where utterances are kept unless somebody names another place."""
    return cache.home() / "mer"


def fill(
    collection: Collection,
    place: Path,
    shape: Shape,
    preset: Preset,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Prepared:
    """Return the collection with every clip that can be read, kept in the folder ``place``.

    The preset's engines hear the words of clips that have none in the table.

    Raises:
        DataError: the folder cannot be written.
        WeightsError: models of the preset are missing.
    """
    troubles: list[str] = []
    kept: list[Kept] = []
    by_path: dict[Path, list[Kept]] = {}
    for piece in collection.pieces:
        wanted = by_path.setdefault(piece.path, [])
        try:
            kept.append(Kept(piece, place / _key(piece, shape, preset)))
            wanted += kept[-1:] if not kept[-1].path.exists() else []
        except OSError as error:
            troubles.append(_left_out(piece, files.reason(error)))
    lost: set[str] = set()
    reader: _Reader | None = None
    for done, (path, wanted) in enumerate(by_path.items()):
        if progress:
            progress("clips", done, len(by_path))
        if not wanted:
            continue
        reader = reader or _Reader(shape, preset, device)
        advice = "free some space or name another folder with --cache"
        with files.explain_os_errors(place, "cannot be written", advice):
            for one, why in reader.read(path, wanted):
                lost.add(one.piece.id)
                troubles.append(_left_out(one.piece, why))
    if progress:
        progress("clips", len(by_path), len(by_path))
    left = tuple(one for one in kept if one.piece.id not in lost)
    return Prepared(
        collection.note, collection.labels, left, (*collection.troubles, *sorted(troubles))
    )


def load(path: Path) -> Utterance:
    """Return what ``fill`` kept.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return Utterance(
                faces=file["faces"],
                places=file["places"],
                sound=file["sound"].astype(np.float32) / LOUDEST,
                words=str(file["words"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is damaged or gone ({error}); delete it and run the command again."
        ) from error


class _Reader:
    """The engines that read clips, loaded when they are first needed."""

    def __init__(self, shape: Shape, preset: Preset, device: str) -> None:
        self._shape = shape
        self._engines = Residents(preset, device)
        self._faces: Faces = roles.load("faces", DETECTOR, device)

    def read(self, path: Path, wanted: Sequence[Kept]) -> Iterable[tuple[Kept, str]]:
        """Keep the utterances of one file; yield those that cannot be had, and why."""
        try:
            reel = reels.open_reel(path)
            listen = self._listen(path) if _unheard(wanted) else None
        except MediaError as error:
            yield from ((one, str(error)) for one in wanted)
            return
        for one in wanted:
            try:
                keep(one.path, self._see(reel, one.piece, listen))
            except (MediaError, EngineError) as error:
                yield one, str(error)

    def _see(
        self, reel: reels.Reel, piece: Piece, listen: speech.SpeechOverTime | None
    ) -> Utterance:
        whole = Span(0.0, reel.info.duration_s)
        asked = piece.span or whole
        span = Span(asked.start_s, min(asked.end_s, whole.end_s))
        if span.length_s <= 0:
            raise MediaError(
                f"{reel.video.name} lasts {whole.end_s:.1f} s and the span begins at "
                f"{asked.start_s:.1f} s; correct the table."
            )
        count = self._shape.frames
        times = span.start_s + (np.arange(count) + 0.5) * span.length_s / count
        part = reel.part(span, reel.shown_at(times))
        if not len(part.frames):
            raise MediaError(f"{reel.video.name} has no frame from {span.start_s:.1f} s on.")
        words = piece.words
        if words is None:
            heard = listen and listen.words(span)
            words = heard.text if heard else ""
        given = SpanInputs(
            span=span,
            frames=part.frames,
            times_s=reel.times_of(part.indices),
            faces=tuple(self._faces(part.frames)),
            audio=sections.sound(reel, span)[0],
            words=words,
        )
        return inputs.see(given, self._shape)

    def _listen(self, path: Path) -> speech.SpeechOverTime:
        """Return the words of one file, heard by the preset's engines."""
        clip = media_clip.open_clip(path, frame_count=1)
        return speech.SpeechOverTime(speech.listen(clip, self._engines), clip)


def _unheard(wanted: Sequence[Kept]) -> bool:
    return any(one.piece.words is None for one in wanted)


def _left_out(piece: Piece, why: str) -> str:
    return f"{piece.id} is left out: {why.rstrip('.')}."


def _key(piece: Piece, shape: Shape, preset: Preset) -> str:
    """Return the name of the file for an utterance."""
    found = piece.path.stat()
    said = {
        "version": VERSION,
        "path": str(piece.path.resolve()),
        "size": found.st_size,
        "changed": found.st_mtime_ns,
        "span": piece.span and asdict(piece.span),
        "words": piece.words,
        "heard_by": None if piece.words is not None else asdict(preset),
        "frames": shape.frames,
        "seconds": shape.seconds,
    }
    name = files.fingerprint(said)
    return f"{name[:2]}/{name}.npz"


def keep(path: Path, utterance: Utterance) -> None:
    """Write a file that appears under its name only once it is whole."""
    save: Callable[..., None] = np.savez  # not compressed: it is read in every epoch
    with files.whole_file(path) as part, part.open("wb") as file:
        save(
            file,
            faces=utterance.faces,
            places=utterance.places,
            sound=np.round(utterance.sound * LOUDEST).astype(np.int16),
            words=np.array(utterance.words),
        )
