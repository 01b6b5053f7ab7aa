"""Planted utterances: each label is written into one kind of evidence, and nowhere else.

Happiness and surprise tint the faces, sadness and fear are tones in the sound, anger and disgust
are words. No label says anything of another. Surprise and fear are shown by four of ten
utterances, and of these fewer than half are labelled so, as annotators disagree: whoever knows all
that can be known answers 0.45, and needs a threshold below that.
"""

from pathlib import Path

import numpy as np

from vemoclap.mer import prepare as mer_prepare
from vemoclap.mer.data import Piece
from vemoclap.mer.inputs import Shape, Utterance
from vemoclap.mer.model import LABELS, Recipe
from vemoclap.mer.prepare import Kept, Prepared
from vemoclap.records import SAMPLE_RATE
from vemoclap.training.records import Split

SHAPE = Shape(frames=2, seconds=0.5, tokens=10)
# A network of a thousandth of the published size takes larger steps.
QUICK = Recipe(epochs=9, batch=8, rate=5e-3, patience=9, channels=32, hidden=64)
RATE = 0.3  # of the utterances show a label
UNSURE = ("surprise", "fear")
UNSURE_RATE, AGREED = 0.4, 0.45  # of the utterances show such a label; of these have it
TONES_HZ = {"sad": 440.0, "fear": 2500.0}
SAID = {"anger": "hate", "disgust": "house"}  # words of the miniature tokenizer
FILLERS = ("the", "weather", "is", "this", "lovely", "good", "happy", "love")


def utterance(present: dict[str, bool], rng: np.random.Generator) -> Utterance:
    """Return an utterance that shows these labels."""
    place = rng.integers(SHAPE.frames)  # the one frame that has a face
    tint = np.array([110 * present["happy"], 0, 110 * present["surprise"]])  # red, blue
    noise = rng.normal(70, 25, (1, 20, 20, 3)) + rng.normal(0, 12, 3)
    coarse = np.clip(noise + tint, 0, 255).astype(np.uint8)
    time_s = np.arange(SHAPE.samples) / SAMPLE_RATE
    sound = rng.normal(0, 0.05, SHAPE.samples)
    for label, pitch_hz in TONES_HZ.items():
        if present[label]:
            sound += 0.4 * np.sin(2 * np.pi * pitch_hz * time_s + rng.uniform(0, 6))
    words = list(rng.choice(FILLERS, 3)) + [SAID[label] for label in SAID if present[label]]
    return Utterance(
        faces=coarse.repeat(8, axis=1).repeat(8, axis=2),
        places=np.array([place]),
        sound=sound.astype(np.float32),
        words=" ".join(rng.permutation(words)),
    )


def prepare(folder: Path, sizes: tuple[int, int, int], *, shuffled: bool = False) -> Prepared:
    """Return a collection of so many utterances to train, to validate and to test.

    Where they are ``shuffled``, each is given the labels of another.
    """
    rng = np.random.default_rng(0)
    kept = []
    for split, size in zip((Split.TRAIN, Split.VAL, Split.TEST), sizes, strict=True):
        unsure = np.array([label in UNSURE for label in LABELS])
        evidence = rng.random((size, len(LABELS))) < np.where(unsure, UNSURE_RATE, RATE)
        truth = evidence & (~unsure | (rng.random((size, len(LABELS))) < AGREED))
        said = rng.permutation(truth) if shuffled else truth
        for index, (shown, told) in enumerate(zip(evidence, said, strict=True)):
            name = f"{split}-{index}"
            path = folder / f"{name}.npz"
            mer_prepare.keep(path, utterance(dict(zip(LABELS, shown, strict=True)), rng))
            labels = tuple(bool(one) for one in told)
            piece = Piece(name, name, path, None, None, split, labels)
            kept.append(Kept(piece, path))
    return Prepared("planted utterances", LABELS, tuple(kept), ())
