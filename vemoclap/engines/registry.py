"""The table of engines: which function fills a role, with what, and under which licence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One row of the table of engines."""

    loader: str  # "module:function"; function(device) returns the role's callable
    distribution: str  # the Python distribution whose version is reported
    licence: str  # SPDX identifier of code and weights
    what: str  # one phrase for people
    # About what the loaded model takes on a CPU (float32; where it has products of bfloat16, what
    # writes texts takes half) and on a GPU (float16), in 10^6 bytes; 0: so little that nobody need
    # make room for it.
    memory_mb: tuple[int, int] = (0, 0)
    # The types of numbers that it multiplies on a CPU and on a GPU; "" where there is no choice.
    # bfloat16 is float32 on processors without products of it.
    types: tuple[str, str] = ("", "")


FEATURES = ("float32", "float16")  # of what makes features or judges
TEXTS = ("bfloat16", "float16")  # of what writes texts


def _own(
    module: str,
    distribution: str,
    licence: str,
    what: str,
    memory_mb: tuple[int, int] = (0, 0),
    *,
    types: tuple[str, str] = ("", ""),
) -> EngineEntry:
    """Return the row of an engine in ``vemoclap.engines`` whose function is ``load``."""
    loader = f"vemoclap.engines.{module}" + ("" if ":" in module else ":load")
    return EngineEntry(loader, distribution, licence, what, memory_mb, types)


# role -> engine -> what it is. A new engine is one row here and one file in ``engines``.
ENGINES: dict[str, dict[str, EngineEntry]] = {
    "faces": {
        "yolo-face": _own(
            "yolo_face",
            "ultralytics-opencv-headless",
            "AGPL-3.0",
            "YOLOv8 face detector",
            (30, 30),
        ),
        "mtcnn": _own("mtcnn", "facenet-pytorch", "MIT", "MTCNN face detector"),
    },
    "expression": {
        "vit-expression": _own(
            "vit_expression",
            "transformers",
            "Apache-2.0",
            "ViT facial expressions",
            (343, 172),
            types=FEATURES,
        ),
    },
    "image": {
        "clip": _own(
            "clip",
            "transformers",
            "MIT",
            "CLIP ViT-B/32 image embedding",
            (352, 176),
            types=FEATURES,
        ),
    },
    "caption": {
        "clipcap": _own(
            "clipcap", "transformers", "MIT", "ClipCap captions", (780, 313), types=FEATURES
        ),
    },
    "sound": {
        "beats": _own("beats", "torch", "MIT", "BEATs audio tagging", (363, 182), types=FEATURES),
    },
    "vad": {
        "silero-vad": _own("silero", "silero-vad", "MIT", "Silero voice activity detector"),
    },
    "transcribe": {
        "whisper": _own(
            "whisper", "openai-whisper", "MIT", "Whisper large-v3", (6450, 3090), types=TEXTS
        ),
        "faster-whisper": _own(
            "faster_whisper",
            "faster-whisper",
            "MIT",
            "Whisper large-v3 by CTranslate2",
            (1600, 3090),
            types=("int8", "float16"),
        ),
        "subtitles": _own(
            "subtitles", "vemoclap", "AGPL-3.0-or-later", "the file's own subtitle track"
        ),
    },
    "ocr": {
        "rapidocr": _own("rapid_ocr", "rapidocr", "Apache-2.0", "PP-OCR, run by RapidOCR"),
        "paddleocr": _own("paddle_ocr", "paddleocr", "Apache-2.0", "PP-OCR, run by PaddleOCR"),
    },
    "language": {
        "xlm-r": _own(
            "xlm_r",
            "transformers",
            "MIT",
            "XLM-RoBERTa language detector",
            (1112, 556),
            types=FEATURES,
        ),
        "py3langid": _own("langid", "py3langid", "BSD-3-Clause", "py3langid"),
    },
    "translate": {
        "nllb": _own(
            "nllb",
            "transformers",
            "CC-BY-NC-4.0, no commercial use",
            "NLLB-200 600M",
            (3510, 1230),
            types=TEXTS,
        ),
    },
    "segment": {
        "symspellpy": _own(
            "symspell:load_segment", "symspellpy", "MIT", "SymSpell word segmentation"
        ),
    },
    "spell": {
        # Half of its feed-forward layers stay in float32 on a GPU, as they overflow otherwise.
        "t5-spell": _own(
            "t5_spell", "transformers", "MIT", "T5-large spelling", (3090, 1880), types=TEXTS
        ),
        "symspellpy": _own("symspell:load_spell", "symspellpy", "MIT", "SymSpell spelling"),
    },
    "sentiment": {
        "roberta": _own(
            "roberta",
            "transformers",
            "CC-BY-4.0",
            "RoBERTa sentiment of tweets",
            (499, 250),
            types=FEATURES,
        ),
        "vader": _own("vader", "vaderSentiment", "MIT", "VADER sentiment lexicon"),
    },
    "emotion": {
        "cross-attention": EngineEntry(
            "vemoclap.classifier.engine:load",
            "vemoclap",
            "AGPL-3.0",
            "VEMOCLAP's cross-attention classifier",
            (42, 42),
        ),
        "valence-arousal": EngineEntry(
            "vemoclap.readings.affect:load",
            "vemoclap",
            "AGPL-3.0-or-later",
            "valence-arousal estimate, untrained",
        ),
    },
}
