"""Readings -> features: what the emotion engine is fed, and nothing else.

This is the one place where a reading becomes numbers for an emotion engine: one feature per kind
of evidence, in the shapes of the paper's section II. Absent evidence stays ``None`` here; see
``Feature``.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from vemoclap.readings import affect
from vemoclap.records import (
    Face,
    FaceReading,
    Feature,
    Features,
    Floats,
    Readings,
    Sentiment,
    Status,
    skipped,
)

FACES_OF_A_FRAME = 2  # the largest ones, averaged

# engine -> what the numbers of its vectors are. A classifier works on the spaces that it was
# trained on and on no others, so an engine that computes anything else needs a line of its own.
SPACES = {
    "beats": "beats/iter3plus-as2m-cpt2/mean",
    "clip": "clip/vit-b32/openai",
    "roberta": "roberta/twitter-sentiment-latest/cls",
    "vit-expression": "vit-face-expression/last-block-cls",
}


def extract(readings: Readings, engines: Mapping[str, str]) -> Features:
    """Return the features of a video, all of them, with ``values`` None where there are none.

    ``beats`` (windows, 768), ``clip`` (frames, 512), ``face_emotion`` (frames with a face, 768),
    ``asr_sentiment`` and ``ocr_sentiment`` (1, 768), and ``affect`` for the embedded estimate.

    Args:
        readings: what was read from it.
        engines: the engine that filled each role, kept so that a classifier can compare them
            with those it was trained with.
    """
    spaces = {role: SPACES.get(engine) for role, engine in engines.items()}
    speech, screen = readings.speech, readings.screen
    found = (
        Feature("beats", spaces.get("sound"), readings.sound.vectors, readings.sound.status),
        Feature("clip", spaces.get("image"), readings.image.vectors, readings.image.status),
        _faces(readings.faces, spaces.get("expression")),
        _tone("asr_sentiment", speech.sentiment, speech.sentiment_status, spaces),
        _tone("ocr_sentiment", screen.sentiment, screen.sentiment_status, spaces),
        affect.feature(readings.affect),
    )
    return Features(by_name={feature.name: feature for feature in found}, engines=dict(engines))


def _faces(reading: FaceReading, space: str | None) -> Feature:
    """Return a row for each frame with a face: the mean of its two largest faces' vectors."""
    rows = [
        _mean_of_largest(list(some))
        for _, some in groupby(reading.faces or (), key=lambda face: face.frame)
    ]
    known = [row for row in rows if row is not None]
    status = reading.expression_status
    return Feature("face_emotion", space, np.stack(known) if known else None, status)


def _mean_of_largest(faces: Sequence[Face]) -> Floats | None:
    """Return the mean (768,) over the largest faces of a frame, None without expressions."""
    largest = sorted(faces, key=_crop_area, reverse=True)[:FACES_OF_A_FRAME]
    vectors = [face.expression.vector for face in largest if face.expression is not None]
    mean: Floats | None = np.mean(vectors, axis=0, dtype=np.float32) if vectors else None
    return mean


def _crop_area(face: Face) -> int:
    """Return the area in pixels of what the expression engine saw, which is cut at whole ones."""
    box = face.box
    return (int(box.right) - int(box.left)) * (int(box.bottom) - int(box.top))


def _tone(
    name: str, sentiment: Sentiment | None, status: Status, spaces: Mapping[str, str | None]
) -> Feature:
    vector = None if sentiment is None else sentiment.vector
    if sentiment is not None and vector is None:
        status = skipped("The preset's sentiment engine gives no vector.")
    return Feature(name, spaces.get("sentiment"), vector, status)
