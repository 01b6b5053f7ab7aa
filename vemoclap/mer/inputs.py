"""What is known of an utterance -> the tensors that the model is fed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vemoclap.classifier import inputs
from vemoclap.media.sampling import equidistant
from vemoclap.mer.backbones.inception_resnet import SIDE
from vemoclap.readings.faces import crop
from vemoclap.records import SAMPLE_RATE, Floats, Pictures
from vemoclap.timeline.records import SpanInputs

if TYPE_CHECKING:
    from torch import Tensor

    from vemoclap.mer.backbones.albert import Tokens

SHORTEST_S = 0.025  # less sound than this makes not one step of DistilHuBERT


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of an utterance the model sees; the paper's numbers."""

    frames: int = 5
    seconds: float = 10.0
    tokens: int = 100
    normalised: bool = False  # whether its sound is brought to mean 0 and spread 1

    @property
    def samples(self) -> int:
        """How many samples of sound it hears."""
        return round(self.seconds * SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the model may use of one utterance, not padded yet."""

    faces: Pictures  # (k, 160, 160, 3), the largest of each frame that has one
    places: NDArray[np.int64]  # (k,), which of the sampled frames they are of, rising
    sound: Floats  # (samples,), none where there is no sound
    words: str  # "" where there are none


@dataclass(frozen=True, slots=True)
class Batch:
    """What the model is fed."""

    faces: "Tensor"  # (B, frames, 160, 160, 3) uint8, RGB
    face_there: "Tensor"  # (B, frames) bool
    sound: "Tensor"  # (B, samples) float32
    samples: "Tensor"  # (B,) how many of them are not padding
    tokens: "Tensor"  # (B, tokens) int64
    token_there: "Tensor"  # (B, tokens) bool


def see(span: SpanInputs, shape: Shape) -> Utterance:
    """Return what the model may use of a span.

    Of more frames than it takes, equidistant ones are kept, and of each frame the largest face.
    Sound beyond its length is cut.
    """
    kept = equidistant(len(span.frames), shape.frames)
    faces, places = [], []
    for place, index in enumerate(kept):
        if span.faces[index]:
            largest = max(span.faces[index], key=lambda face: face.box.area)
            faces.append(_square(crop(span.frames[index], largest.box)))
            places.append(place)
    sound = np.zeros(0, np.float32) if span.audio is None else span.audio
    if len(sound) < SHORTEST_S * SAMPLE_RATE:
        sound = sound[:0]
    return Utterance(
        faces=np.stack(faces) if faces else np.empty((0, SIDE, SIDE, 3), np.uint8),
        places=np.array(places, np.int64),
        sound=sound[: shape.samples],
        words=" ".join(span.words.split()),
    )


def collate(
    utterances: Sequence[Utterance], shape: Shape, tokens: "Tokens", device: str = "cpu"
) -> Batch:
    """Return utterances as one batch on ``device``, padded with zeros."""
    import torch

    faces, face_there = inputs.fixed_length(
        [one.faces for one in utterances],
        (shape.frames, SIDE, SIDE, 3),
        places=[one.places for one in utterances],
        dtype=np.uint8,
    )
    sounds = [_levelled(one.sound) if shape.normalised else one.sound for one in utterances]
    sound, sound_there = inputs.fixed_length(sounds, (shape.samples,))
    ids, token_there = inputs.fixed_length(
        tokens([one.words for one in utterances]), (shape.tokens,), dtype=np.int64
    )
    arrays = (faces, face_there, sound, sound_there.sum(1), ids, token_there)
    return Batch(*(torch.from_numpy(array).to(device) for array in arrays))


def _square(face: Pictures) -> Pictures:
    """Return a face (H, W, 3) as the library scales it: to a square, whatever its shape."""
    import cv2

    scaled: Pictures = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return scaled


def _levelled(sound: Floats) -> Floats:
    if not len(sound):
        return sound
    levelled: Floats = ((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)).astype(np.float32)
    return levelled
