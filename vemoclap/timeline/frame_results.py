"""Frames -> what the engines find in each; what later spans need of a frame once it is gone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from vemoclap.media import images
from vemoclap.readings import faces
from vemoclap.readings.read import Engines, guarded
from vemoclap.records import (
    Box,
    Clip,
    Detection,
    Expression,
    FaceReading,
    Floats,
    Picture,
    TextLine,
)

PICTURE = (320, 180)  # pixels, the most that the small picture of a frame may measure
FACE_HEIGHT = 160  # pixels, the most of the small picture of a face
COLOURS = 4  # levels of each channel in the histogram of a face
SCENE = 0.35  # of its box, on each side: hair and collar tell people apart better than skin


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one frame. Of faces, all four tuples are in the same order."""

    index: int  # of the frame among all of the video
    time_s: float
    height: int  # pixels
    width: int
    detections: tuple[Detection, ...] | None  # None: not looked for, or failed
    expressions: tuple[Expression, ...] | None
    colours: tuple[Floats, ...]  # (128,) each, sums to 1: of a face and what is around it
    faces: tuple[bytes, ...]  # JPEG of each
    vector: Floats | None  # (512,), of the image
    lines: tuple[TextLine, ...] | None
    picture: bytes  # JPEG
    broken: tuple[tuple[str, str], ...]  # role, why it failed


def look(clip: Clip, indices: Sequence[int], engines: Engines) -> list[Look]:
    """Return what the engines find in each frame of a clip.

    Args:
        clip: some frames of a video, with their times.
        indices: the place of each among all frames.
        engines: the loaded ones.
    """
    if not len(clip.frames):
        return []
    broken: list[tuple[str, str]] = []
    ocr = engines.role("ocr")
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ocr") as pool:
        # OCR runs on the CPU, which idles while other models have the GPU.
        ahead = pool.submit(ocr, clip.frames) if ocr and engines.on_gpu else None
        found = guarded(
            lambda: faces.read(clip, engines.role("faces"), engines.role("expression")),
            lambda status: FaceReading(status, None, status),
        )
        vectors = _asked("image", engines.role("image"), clip.frames, broken)
        lines = _asked("ocr", (lambda _: ahead.result()) if ahead else ocr, clip.frames, broken)
    if found.status.state == "failed":
        broken.append(("faces", found.status.reason))
    elif found.expression_status.state == "failed":
        broken.append(("expression", found.expression_status.reason))
    looked = engines.role("faces") is not None and found.status.state != "failed"
    some: list[list[Any]] = [[] for _ in clip.frames]
    for face in found.faces or ():
        some[face.frame].append(face)
    height, width = clip.frames.shape[1:3]
    looks = []
    for number, frame in enumerate(clip.frames):
        here = some[number]
        known = all(face.expression is not None for face in here)
        looks.append(
            Look(
                index=int(indices[number]),
                time_s=float(clip.times_s[number]),
                height=height,
                width=width,
                detections=tuple(Detection(f.box, f.confidence) for f in here) if looked else None,
                expressions=tuple(f.expression for f in here) if looked and known else None,
                colours=tuple(_colours(frame, face.box) for face in here),
                faces=tuple(_face(frame, face.box) for face in here),
                vector=None if vectors is None else np.asarray(vectors[number]),
                lines=None if lines is None else tuple(lines[number]),
                picture=_small(frame),
                broken=tuple(broken),
            )
        )
    return looks


def _asked(
    role: str, engine: Callable[..., Any] | None, frames: Any, broken: list[tuple[str, str]]
) -> Any:
    if engine is None:
        return None
    return guarded(lambda: engine(frames), lambda status: broken.append((role, status.reason)))


def _colours(frame: Picture, box: Box) -> Floats:
    """Return the colours of the upper and the lower half of a face and its surroundings."""
    margin_x, margin_y = SCENE * (box.right - box.left), SCENE * (box.bottom - box.top)
    wide = Box(box.left - margin_x, box.top - margin_y, box.right + margin_x, box.bottom + margin_y)
    pixels = faces.crop(frame, wide)
    step = 256 // COLOURS
    places = np.array([COLOURS * COLOURS, COLOURS, 1])
    counts = []
    for half in (pixels[: (len(pixels) + 1) // 2], pixels[len(pixels) // 2 :]):
        codes = (half.reshape(-1, 3) // step).astype(np.int64) @ places
        counts.append(np.bincount(codes, minlength=COLOURS**3) / max(1, len(codes)))
    result: Floats = (np.concatenate(counts) / 2).astype(np.float32)
    return result


def _small(frame: Picture) -> bytes:
    from PIL import Image

    picture = Image.fromarray(frame)
    picture.thumbnail(PICTURE, Image.Resampling.BILINEAR)
    return images.encoded(picture, "JPEG")


def _face(frame: Picture, box: Box) -> bytes:
    picture = images.face_picture(frame, box)
    picture.thumbnail((FACE_HEIGHT, FACE_HEIGHT))
    return images.encoded(picture, "JPEG")
