"""A whole ``$VEMOCLAP_HOME`` of miniatures, as ``vemoclap models download`` would leave it."""

from collections.abc import Callable
from pathlib import Path

from tests.hub import classifier, mer, pictures, sound, speech, texts
from vemoclap.engines import clipcap
from vemoclap.files import digest
from vemoclap.weights import lockfile
from vemoclap.weights.catalog import ARTEFACTS, Artefact, stored
from vemoclap.weights.lockfile import Entry, Kept

REVISION = "miniature"  # what reports say instead of a commit, so that nobody mistakes them


def _converted_clipcap(folder: Path) -> None:
    pictures.build_clipcap(folder)
    clipcap.convert(folder / "conceptual_weights.pt", folder / clipcap.CONVERTED)


# Artefact -> what writes its miniature into a folder, converted where it is to be.
BUILDERS: dict[str, Callable[[Path], None]] = {
    "yolo-face": pictures.build_yolo_face,
    "vit-expression": pictures.build_vit_expression,
    "clip": pictures.build_clip,
    "clipcap": _converted_clipcap,
    "gpt2": pictures.build_gpt2,
    "beats": sound.build_beats,
    "audioset-ontology": sound.build_audioset_ontology,
    "whisper-large-v3": speech.build_whisper_large_v3,
    "faster-whisper-large-v3": speech.build_faster_whisper_large_v3,
    "xlm-r": texts.build_xlm_r,
    "nllb": texts.build_nllb,
    "t5-spell": texts.build_t5_spell,
    "roberta": texts.build_roberta,
    "cross-attention": classifier.build_cross_attention,
    "inception-resnet": mer.build_inception_resnet,
    "distilhubert": mer.build_distilhubert,
    "albert": mer.build_albert,
}


def build(home: Path) -> None:
    """Write every artefact of the table below ``home``, and the lock file.

    What a download does not bring, or removes once it is converted, is not there either.
    """
    for name, row in ARTEFACTS.items():
        folder = home / "weights" / name
        BUILDERS[name](folder)
        kept = _kept(row, folder)
        for path in folder.iterdir():
            if path.name not in kept:
                path.unlink()
        files = {file: digest(folder / file) for file in sorted(kept)}
        entry = Entry(REVISION, {file: Kept(d.size, d.sha256) for file, d in files.items()})
        lockfile.record(home / "weights" / "lock.json", name, entry)


def _kept(row: Artefact, folder: Path) -> set[str]:
    """Return the files that stay: of alternatives the one that a download would find first."""
    if row.converted:
        return {row.converted}
    return {
        next(stored(name) for name in names if (folder / stored(name)).is_file())
        for names in row.files
    }
