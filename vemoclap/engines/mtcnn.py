"""Faces: MTCNN (Zhang et al. 2016), with the weights inside the facenet-pytorch wheel."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.records import Box, Detection, Picture, Pictures

MIN_CONFIDENCE = 0.9  # below it MTCNN takes hands and folds of cloth for faces

# Pixels. A face of this size in a frame 360 high fills a twelfth of its height; smaller ones show
# no expression that a viewer could read. The library's 20 takes half as long again.
MIN_FACE = 30

# Of a frame 640 x 360 while the first network runs. More than four at once are no faster on a CPU.
APPETITE = Appetite(bytes_per_item=15_000_000, most=4)


def load(device: str) -> Callable[[Pictures], list[tuple[Detection, ...]]]:
    """Return a detector: frames -> the faces of each, largest first, boxes inside the frame.

    Frames smaller than the smallest face that is searched for have none.
    """
    import torch
    from facenet_pytorch import MTCNN

    network = MTCNN(keep_all=True, min_face_size=MIN_FACE, device=torch.device(device))

    def some(batch: Sequence[Picture]) -> list[tuple[Detection, ...]]:
        with torch.inference_mode():
            boxes, confidences = network.detect(np.stack(batch))
        height, width = batch[0].shape[:2]
        return [_kept(*found, width, height) for found in zip(boxes, confidences, strict=True)]

    def detect(frames: Pictures) -> list[tuple[Detection, ...]]:
        if len(frames) and min(frames.shape[1:3]) < MIN_FACE:
            return [()] * len(frames)  # the library fails on a picture below one face
        return in_batches(some, list(frames), APPETITE, device)

    return detect


def _kept(boxes: Any, confidences: Any, width: int, height: int) -> tuple[Detection, ...]:
    """Return the confident faces of one frame, cut to the frame, largest first.

    Args:
        boxes: (k, 4) left, top, right, bottom, of dtype object; None where there is no face.
        confidences: (k,) of dtype object; [None] where there is no face.
        width: of the frame, pixels.
        height: of the frame, pixels.
    """
    if boxes is None:
        return ()
    pairs: Iterable[tuple[Any, Any]] = zip(boxes, confidences, strict=True)
    faces = [
        Detection(_inside([float(side) for side in box], width, height), float(confidence))
        for box, confidence in pairs
        if confidence >= MIN_CONFIDENCE
    ]
    return tuple(sorted((f for f in faces if f.box.area > 0), key=lambda face: -face.box.area))


def _inside(sides: Sequence[float], width: int, height: int) -> Box:
    left, top, right, bottom = sides
    return Box(max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
