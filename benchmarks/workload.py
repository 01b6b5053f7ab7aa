"""The stages of the paper preset and the work that the benchmarks give to each.

Every stage is the real engine, called the way it is built to be called (all frames, crops,
windows or texts in one call) and the plain way (one call for each). A stage that has one thing to
do is the same call in both.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partialmethod
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from vemoclap.classifier.model import RELEASED
from vemoclap.engines import linear, precision
from vemoclap.media import clip as media_clip
from vemoclap.readings import faces
from vemoclap.readings.sound import WINDOW, window_starts
from vemoclap.records import OK, SAMPLE_RATE, Box, Clip, Feature, Features, Span

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "launch.mp4"
COUNT = 16  # frames, faces and audio windows
SPEECH_S = 30
SPOKEN_TOKENS = 100  # of 30 s of speech: about 75 words
CAPTION_TOKENS = 12  # of "a group of people are standing in front of a building."

# Every word is one token for the miniature tokenizers of XLM-R, NLLB and T5. The published ones
# make about four tokens of three words, so these are a sign of 4 words, a headline of 8, a caption
# of 14 and 24 words of news.
ENGLISH = (
    "the weather is lovely this morning, is it not? breaking news: a goverment resigned today. "
    "good love hate happy sad house"
)
FOREIGN = "das wetter ist heute schön. bonjour tout le monde! Доброе утро, мир. l'été à la mer, où"
TOKENS = (5, 10, 18, 31)
FOREIGN_CODES = ("de", "fr", "ru", "fr")


@dataclass(frozen=True, slots=True)
class Stage:
    """A role of the preset and its work."""

    role: str
    what: str
    artefact: str | None  # None: the weights are inside a wheel
    loader: str  # "module:function"
    batched: Callable[[Any], object]
    plain: Callable[[Any], object] | None = None  # None: the same call

    def load(self, device: str) -> Any:
        """Return the engine as it is built."""
        module, function = self.loader.split(":")
        return getattr(import_module(f"vemoclap.{module}"), function)(device)

    def load_unprepared(self, *, single: bool) -> Any:
        """Return the engine with its library's own linear layers, on a CPU.

        Args:
            single: in single precision, too, as the library loads it there.
        """
        with ExitStack() as changed:
            changed.enter_context(patch.object(linear, "_can_order", lambda kind: False))
            if single:
                changed.enter_context(patch.object(precision, "of_cpu", lambda: None))
            return self.load("cpu")


def stages() -> tuple[Stage, ...]:
    """Return the stages in the order of the table."""
    frames, crops, windows = _frames(), _crops(), _windows()
    english, foreign = _texts(ENGLISH, TOKENS), _texts(FOREIGN, TOKENS)
    lengths = f" of {min(TOKENS)} to {max(TOKENS)} tokens"
    texts = [text for pair in zip(english, foreign, strict=True) for text in pair]
    clip, spans = replace(_clip(), audio=_speech()), (Span(0.0, float(SPEECH_S)),)
    return (
        _one_by_one("faces", f"{COUNT} frames", "yolo-face", "engines.yolo_face:load", frames),
        _one_by_one(
            "expression", f"{COUNT} faces", "vit-expression", "engines.vit_expression:load", crops
        ),
        _one_by_one("image", f"{COUNT} frames", "clip", "engines.clip:load", frames),
        Stage(
            "caption",
            f"1 frame, {CAPTION_TOKENS} tokens, 5 beams",
            "clipcap",
            "engines.clipcap:load",
            lambda write: write(_random(512)),
        ),
        _one_by_one("sound", f"{COUNT} windows of 3 s", "beats", "engines.beats:load", windows),
        Stage(
            "vad",
            f"{SPEECH_S} s",
            None,
            "engines.silero:load",
            lambda detect: detect(_speech()),
        ),
        Stage(
            "transcribe",
            f"{SPEECH_S} s, {SPOKEN_TOKENS} tokens",
            "whisper-large-v3",
            "engines.whisper:load",
            lambda listen: listen(clip, spans),
            lambda listen: _as_the_library_does(listen, clip, spans),
        ),
        _one_by_one("ocr", f"{COUNT} frames", None, "engines.rapid_ocr:load", frames),
        _one_by_one(
            "language", f"{len(texts)} texts{lengths}", "xlm-r", "engines.xlm_r:load", texts
        ),
        Stage(
            "translate",
            f"{len(foreign)} texts{lengths}",
            "nllb",
            "engines.nllb:load",
            lambda translate: translate(foreign, FOREIGN_CODES),
            lambda translate: [
                translate([text], [code]) for text, code in zip(foreign, FOREIGN_CODES, strict=True)
            ],
        ),
        Stage(
            "segment",
            f"{len(english)} texts",
            None,
            "engines.symspell:load_segment",
            lambda segment: [segment(text.replace(" ", "")) for text in english],
        ),
        _one_by_one(
            "spell",
            f"{len(english)} texts{lengths}",
            "t5-spell",
            "engines.t5_spell:load",
            english,
        ),
        Stage(
            "sentiment",
            "speech and screen text",
            "roberta",
            "engines.roberta:load",
            lambda judge: [judge(" ".join(english)), judge(". ".join(english))],
        ),
        Stage(
            "emotion",
            "6 runs",
            "cross-attention",
            "emotion:load",
            lambda answer: answer(_features()),
        ),
    )


def _one_by_one(role: str, what: str, artefact: str | None, loader: str, work: Any) -> Stage:
    """Return a stage whose engine takes a batch of any length."""
    return Stage(
        role,
        what,
        artefact,
        loader,
        lambda engine: engine(work),
        lambda engine: [engine(work[index : index + 1]) for index in range(len(work))],
    )


def _as_the_library_does(listen: Any, clip: Clip, spans: tuple[Span, ...]) -> object:
    """Listen with an encoder that hears the first half minute twice, as it comes."""
    from vemoclap.engines.whisper import _Remembering

    def hear(self: Any, mels: Any) -> Any:
        return self._hear(mels)

    with patch.object(_Remembering, "__call__", hear):
        return listen(clip, spans)


def fix_lengths() -> None:
    """Make every decoder of this process write texts of a known length, which is its cost.

    A model with random weights does not know when to stop. Translations and corrections get as
    many tokens as their source, and Whisper decodes once, without the retries by which it answers
    its own doubts.
    """
    from whisper import model as library
    from whisper.tokenizer import get_tokenizer

    from vemoclap.engines import clipcap, nllb, t5_spell

    nllb.longest = t5_spell.longest = lambda tokens: tokens
    clipcap.MAX_TOKENS = CAPTION_TOKENS
    tokens = get_tokenizer(multilingual=True)
    last = tokens.timestamp_begin + 1501  # the times from 0 to 30 s, which could make it go back
    library.Whisper.transcribe = partialmethod(
        library.Whisper.transcribe,
        temperature=0.0,
        without_timestamps=True,
        suppress_tokens=[-1, tokens.eot, *range(tokens.timestamp_begin, last)],
        sample_len=SPOKEN_TOKENS,
        no_speech_threshold=None,
        logprob_threshold=None,
        compression_ratio_threshold=None,
    )


def forget_bfloat16() -> None:
    """Let this process take its processor for one without products of bfloat16."""
    patch.object(precision, "of_cpu", lambda: None).start()


# -- what is looked at and listened to --------------------------------------------------------


@cache
def _clip() -> Clip:
    return media_clip.open_clip(SAMPLE, frame_count=COUNT)


def _frames() -> Any:
    frames = _clip().frames
    assert frames.shape == (COUNT, 360, 640, 3), frames.shape
    return frames


def _crops() -> list[Any]:
    """Return squares of 60 to 180 pixels, the sizes of faces from far and near."""
    sides = np.linspace(60, 180, COUNT)
    return [
        faces.crop(frame, Box(200, 100, 200 + side, 100 + side))
        for frame, side in zip(_frames(), sides, strict=True)
    ]


def _speech() -> Any:
    """Return 30 seconds of the sample's sound, over and over."""
    audio = _clip().audio
    assert audio is not None
    return np.resize(audio, SPEECH_S * SAMPLE_RATE)


def _windows() -> Any:
    audio = _speech()
    return np.stack([audio[start : start + WINDOW] for start in window_starts(len(audio), COUNT)])


def _texts(words: str, counts: Sequence[int]) -> list[str]:
    """Return distinct texts of so many words."""
    cycle = words.split() * (2 + max(counts) // len(words.split()))
    return [" ".join(cycle[place : place + count]) for place, count in enumerate(counts)]


def _random(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def _features() -> Features:
    by_name = {
        name: Feature(name, spec.space, _random(spec.length, spec.dim), OK)
        for name, spec in RELEASED.features.items()
    }
    return Features(by_name, dict(RELEASED.engines))
