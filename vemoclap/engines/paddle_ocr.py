"""Text in pictures: PP-OCR run by PaddleOCR itself, for those who have its extra.

PaddlePaddle is not needed: PaddleOCR runs the ONNX files of the RapidOCR wheel, so nothing is
downloaded. What differs from the engine ``rapidocr`` is the code around the same two networks.
"""

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from vemoclap.engines.reading_order import in_reading_order
from vemoclap.errors import EngineError
from vemoclap.records import Picture, Pictures, TextLine
from vemoclap.weights import cache

DETECTOR = "PP-OCRv6_small_det"
READER = "PP-OCRv6_small_rec"

# As for the engine ``rapidocr``, so that both see the same.
LONGEST_SIDE = 640
MAX_THREADS = 4

# In the form of Paddle's own file of settings: the means and deviations of PP-OCR's training,
# the thresholds of the engine ``rapidocr``.
DETECTOR_SETTINGS = {
    "Global": {"model_name": DETECTOR},
    "PreProcess": {
        "transform_ops": [
            {"DetResizeForTest": {"limit_side_len": LONGEST_SIDE, "limit_type": "max"}},
            {
                "NormalizeImage": {
                    "mean": [0.485, 0.456, 0.406],
                    "std": [0.229, 0.224, 0.225],
                    "scale": 1 / 255,
                    "order": "hwc",
                }
            },
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {
        "name": "DBPostProcess",
        "thresh": 0.3,
        "box_thresh": 0.5,
        "max_candidates": 1000,
        "unclip_ratio": 1.6,
    },
}
READER_TRANSFORMS = [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]


def load(device: str) -> Callable[[Pictures], list[tuple[TextLine, ...]]]:
    """Return a reader: frames -> every line of each, in reading order, however uncertain.

    The networks run on the CPU whatever ``device`` says, as with ``rapidocr``.

    Raises:
        EngineError: PaddleOCR is not installed, or could not start.
    """
    if find_spec("paddleocr") is None:
        raise EngineError(
            "PaddleOCR is not installed; run pip install 'vemoclap[paddle]', or use the engine "
            "rapidocr."
        )
    reader = _reader()

    def read(frames: Pictures) -> list[tuple[TextLine, ...]]:
        # One by one: PaddleOCR's own batches are a loop, too.
        return [_lines(reader, frame) for frame in frames]

    return read


def _reader() -> Any:
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"  # it would call its servers
    os.environ.setdefault("PADDLE_PDX_CACHE_HOME", str(cache.home() / "paddlex"))
    from paddleocr import PaddleOCR

    # The networks are read while PaddleOCR starts, so their folder may go afterwards.
    with TemporaryDirectory(prefix="vemoclap-paddle-") as folder:
        detector, reader = Path(folder, "det"), Path(folder, "rec")
        _publish(detector, DETECTOR, DETECTOR_SETTINGS)
        _publish(reader, READER, _reader_settings())
        try:
            return PaddleOCR(
                text_detection_model_name=DETECTOR,
                text_detection_model_dir=str(detector),
                text_recognition_model_name=READER,
                text_recognition_model_dir=str(reader),
                text_det_limit_side_len=LONGEST_SIDE,
                text_det_limit_type="max",
                text_rec_score_thresh=0.0,  # the caller decides what is too uncertain
                use_doc_orientation_classify=False,
                use_doc_unwarping=False,
                use_textline_orientation=False,
                engine="onnxruntime",
                engine_config={
                    "intra_op_num_threads": min(MAX_THREADS, os.cpu_count() or 1),
                    "inter_op_num_threads": 1,
                },
                device="cpu",
            )
        except Exception as error:  # the library raises many types, all of which mean the same
            raise EngineError(
                f"PaddleOCR could not start ({type(error).__name__}: {error}); run pip install "
                "--upgrade 'vemoclap[paddle]', or use the engine rapidocr."
            ) from error


def _wheel_file(name: str) -> Path:
    """Return the path of a network inside RapidOCR's wheel."""
    import rapidocr

    path = Path(rapidocr.__file__).parent / "models" / f"{name}.onnx"
    if not path.is_file():
        raise EngineError(
            f"The installed rapidocr has no {path.name}, which PaddleOCR would run; "
            "use the engine rapidocr."
        )
    return path


def _file_of(model: str) -> Path:
    """Return the wheel's file of PaddleOCR's ``model``; RapidOCR names the size last."""
    family, size, task = model.split("_")
    return _wheel_file(f"{family}_{task}_{size}")


def _publish(folder: Path, model: str, settings: dict[str, Any]) -> None:
    """Lay out a network as PaddleOCR expects it; JSON is YAML, too."""
    folder.mkdir()
    (folder / "inference.onnx").symlink_to(_file_of(model))
    (folder / "inference.yml").write_text(json.dumps(settings), "utf-8")


def _reader_settings() -> dict[str, Any]:
    """Return the settings of the network that reads; its characters are inside its file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(_file_of(READER), providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    return {
        "Global": {"model_name": READER},
        "PreProcess": {"transform_ops": READER_TRANSFORMS},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": characters},
    }


def _lines(reader: Any, frame: Picture) -> tuple[TextLine, ...]:
    # RGB -> BGR: PaddleOCR takes arrays to come from OpenCV.
    (found,) = reader.predict(np.ascontiguousarray(frame[..., ::-1]))
    lines = [
        TextLine(str(text), float(score), tuple((float(x), float(y)) for x, y in corners))
        for corners, text, score in zip(
            found["rec_polys"], found["rec_texts"], found["rec_scores"], strict=True
        )
    ]
    return tuple(in_reading_order(lines))
