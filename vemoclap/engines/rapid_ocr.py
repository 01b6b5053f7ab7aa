"""Text in pictures: PP-OCR, with the weights inside the RapidOCR wheel."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from vemoclap.engines.reading_order import in_reading_order
from vemoclap.records import Pictures, TextLine

# Pixels of the longer side that the text detector sees. Frames are 360 high, so a 16:9 one goes in
# as it is; the default enlarges it to 1308 x 736 and takes four times as long for the same text.
LONGEST_SIDE = 640

# Frames that are read at once, each by one thread. ONNX Runtime's own threads, which share the
# work of one small network, take as long as one of them alone, all of it at work.
MAX_THREADS = 4


def load(device: str) -> Callable[[Pictures], list[tuple[TextLine, ...]]]:
    """Return a reader: frames -> every line of each, in reading order, however uncertain.

    The networks run on the CPU whatever ``device`` says: onnxruntime's CPU build is the one that
    everybody has.
    """
    from rapidocr import RapidOCR

    reader = RapidOCR(
        params={
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.text_score": 0.0,  # it would drop lines below 0.5; the caller decides
            "Global.log_level": "critical",  # it warns of every picture without text
        }
    )

    threads = min(MAX_THREADS, _cores())

    def read_one(frame: Pictures) -> tuple[TextLine, ...]:
        return _lines(reader, np.ascontiguousarray(frame[..., ::-1]))

    def read(frames: Pictures) -> list[tuple[TextLine, ...]]:
        with ThreadPoolExecutor(threads, thread_name_prefix="ocr") as pool:
            return list(pool.map(read_one, frames))

    return read


def _cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _lines(reader: Callable[..., object], frame_bgr: Pictures) -> tuple[TextLine, ...]:
    # The direction classifier turns upside-down lines; video has next to none.
    found = reader(frame_bgr, use_cls=False)
    boxes = getattr(found, "boxes", None)
    texts = getattr(found, "txts", None)
    scores = getattr(found, "scores", None)
    if boxes is None or texts is None or scores is None:
        return ()
    lines = [
        TextLine(text, float(score), tuple((float(x), float(y)) for x, y in corners))
        for corners, text, score in zip(boxes, texts, scores, strict=True)
    ]
    return tuple(in_reading_order(lines))
