"""Faces: the YOLOv8 face detector of arnabdhar, run by Ultralytics.

A published YOLO file is a pickle of a whole network, and by default Ultralytics runs whatever
code such a file asks for. So the library is imported with ULTRALYTICS_SAFE_LOAD, which rebuilds
only known layers, and this engine refuses to work where that did not take effect.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.errors import EngineError, WeightsError
from vemoclap.records import Box, Detection, Picture, Pictures
from vemoclap.weights import cache

# What the paper's features were made with.
MIN_CONFIDENCE = 0.6
MAX_OVERLAP = 0.5  # intersection over union above which the less confident of two boxes goes
IMAGE_SIZE = 640  # pixels, longer side; the shorter follows, padded to a multiple of 32

# Of a frame 384 x 640: the first two layers, 16 and 32 maps at a half and a quarter of its sides,
# each before and after its activation. Measured 18 MB.
APPETITE = Appetite(bytes_per_item=25_000_000, most=32)


def load(device: str) -> Callable[[Pictures], list[tuple[Detection, ...]]]:
    """Return a detector: frames -> the faces of each, largest first, boxes inside the frame.

    Raises:
        WeightsError: the weights are missing, damaged or ask for code to be run.
        EngineError: Ultralytics would run code of the weights file.
    """
    cache.use_offline()
    path = cache.folder("yolo-face") / "model.pt"
    with _process_kept():
        predictor = _predictor(path, device)

    def some(batch: Sequence[Picture]) -> list[tuple[Detection, ...]]:
        # RGB -> BGR: Ultralytics takes arrays to come from OpenCV and turns them round itself.
        frames = [np.ascontiguousarray(frame[..., ::-1]) for frame in batch]
        return [_kept(result.boxes) for result in predictor(frames)]

    return lambda frames: in_batches(some, list(frames), APPETITE, device)


def _predictor(path: Path, device: str) -> Any:
    """Return Ultralytics' own predictor of the network at ``path``."""
    import torch
    from ultralytics.models.yolo.detect import DetectionPredictor
    from ultralytics.nn import tasks
    from ultralytics.utils import SAFE_LOAD

    # Without the scan, which came with torch 2.6, the library ignores SAFE_LOAD and says nothing.
    if not (SAFE_LOAD and hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint")):
        raise EngineError(
            f"{path} was not opened, since Ultralytics could run code in it: torch is older than "
            "2.6, or ultralytics was imported before vemoclap; upgrade torch, or set "
            "ULTRALYTICS_SAFE_LOAD=true and start again."
        )
    open_checkpoint: Any = tasks.load_checkpoint  # which has no annotations
    try:
        network, _ = open_checkpoint(path)
    except Exception as error:  # the library raises many types, all of which mean the same here
        raise WeightsError(
            f"{path} was not opened, since it is damaged or asks for code to be run "
            f"({type(error).__name__}); delete it and download it again."
        ) from error
    if not isinstance(network, tasks.DetectionModel):
        raise WeightsError(f"{path} holds no detector; delete it and download it again.")
    options = {
        "task": "detect",
        "mode": "predict",
        "conf": MIN_CONFIDENCE,
        "iou": MAX_OVERLAP,
        "imgsz": IMAGE_SIZE,
        "rect": True,  # pad to multiples of 32 and not to a square, as `YOLO.predict` does
        "device": device,
        "quantize": 16 if device.startswith("cuda") else 32,  # bits of a number
        "save": False,
        "verbose": False,
    }
    predictor = DetectionPredictor(overrides=options)
    predictor.setup_model(network, verbose=False)
    return predictor


@contextmanager
def _process_kept() -> Iterator[None]:
    """Undo what Ultralytics does to the whole process while it is imported and set up.

    It leaves torch and OpenCV, which other engines use too, with fewer threads.
    """
    import cv2
    import torch

    had_openmp = "OMP_NUM_THREADS" in os.environ
    torch_threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        if not had_openmp:
            os.environ.pop("OMP_NUM_THREADS", None)
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv_threads)


def _kept(boxes: Any) -> tuple[Detection, ...]:
    """Return Ultralytics' ``boxes`` of one frame, which it has cut to the frame, largest first."""
    faces = [
        Detection(Box(left, top, right, bottom), confidence)
        for left, top, right, bottom, confidence, _class in boxes.data.float().cpu().tolist()
    ]
    return tuple(sorted((f for f in faces if f.box.area > 0), key=lambda face: -face.box.area))
