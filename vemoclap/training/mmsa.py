"""Export to the layout of MMSA (github.com/thuiar/MMSA), whose many fusion models read it.

A pickle of {"train" | "valid" | "test": {"id", "raw_text", "text", "audio", "vision", ...}}.
Sequences are (videos, length, dimensions), padded with zeros at the end; ``audio_lengths`` and
``vision_lengths`` say how many rows are real (at least 1, as recurrent models ask for that, also
where the modality is absent and all rows are zeros). What goes where:

- text: two rows, ``asr_sentiment`` and ``ocr_sentiment``, zeros where absent;
- audio: ``beats``; vision: ``clip`` or ``face_emotion``;
- classification_labels: index of the emotion; annotations: its name;
- regression_labels: the index again as a float. MMSA reads this key whatever it is told, and six
  emotions lie on no scale, so train its models for classification only.

Words are not kept in a feature store, so ``raw_text`` is empty and ``text_bert`` is left out: MMSA
must be run with ``use_bert`` off. Values are neither normalised nor cut by anything but length.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap import files
from vemoclap.classifier import inputs
from vemoclap.errors import DataError
from vemoclap.records import Floats
from vemoclap.training.records import Split, Store, Video

SPLITS = {"train": Split.TRAIN, "valid": Split.VAL, "test": Split.TEST}
TEXT = ("asr_sentiment", "ocr_sentiment")
AUDIO = "beats"
VISION = ("clip", "face_emotion")
LENGTH = 16  # rows of the sequences, as in the paper


def layout(store: Store, vision: str = VISION[0], length: int = LENGTH) -> dict[str, Any]:
    """Return a store in the layout of MMSA; videos without a label or split are left out.

    Raises:
        DataError: a split has no videos, or a feature is lacking.
    """
    lacking = [name for name in (*TEXT, AUDIO, vision) if name not in store.schema.columns]
    if lacking:
        raise DataError(f"The features lack {', '.join(lacking)}, which MMSA's layout needs.")
    content = {}
    for name, split in SPLITS.items():
        videos = [video for video in store.of(split) if video.label is not None]
        if not videos:
            raise DataError(
                f"No labelled video is in the split {split}, and MMSA needs all three; import the "
                "features with the official lists."
            )
        content[name] = _part(store, videos, vision, length)
    return content


def write(store: Store, path: Path, vision: str = VISION[0], length: int = LENGTH) -> None:
    """Write a store as a pickle of MMSA's layout.

    Raises:
        DataError: a split has no videos, a feature is lacking, or the file cannot be written.
    """
    content = layout(store, vision, length)
    with (
        files.explain_os_errors(path, "cannot be written", "choose another place"),
        files.whole_file(path) as part,
        part.open("wb") as file,
    ):
        pickle.dump(content, file, protocol=4)


def _part(store: Store, videos: Sequence[Video], vision: str, length: int) -> dict[str, Any]:
    labels = np.array([video.label for video in videos], np.int64)
    audio, audio_lengths = _sequence(store, videos, AUDIO, length)
    seen, vision_lengths = _sequence(store, videos, vision, length)
    text = [_sequence(store, videos, name, 1)[0] for name in TEXT]
    return {
        "id": [video.id for video in videos],
        "raw_text": ["" for _ in videos],
        "text": np.concatenate(text, axis=1),  # (N, 2, 768)
        "audio": audio,  # (N, length, 768)
        "audio_lengths": audio_lengths,
        "vision": seen,  # (N, length, 512 or 768)
        "vision_lengths": vision_lengths,
        "annotations": [store.label_of(video) for video in videos],
        "classification_labels": labels,
        "regression_labels": labels.astype(np.float32),
    }


def _sequence(
    store: Store, videos: Sequence[Video], name: str, length: int
) -> tuple[Floats, list[int]]:
    """Return the rows of a feature as (N, length, D), and how many of each are real, at least 1."""
    items = [video.features[name] for video in videos]
    found, present = inputs.fixed_length(items, (length, store.schema.columns[name].dim))
    return found, present.sum(1).clip(min=1).tolist()
