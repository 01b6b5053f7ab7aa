"""The roles of a preset for one span, answered from what was found before it.

A span is read by the same code as a whole video. Only, what was found frame by frame, and the
words, are given again rather than found again; so overlapping spans cost no more than others.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from vemoclap.errors import EngineError
from vemoclap.readings.read import Engines
from vemoclap.records import Detection, Expression, Span, SpeechReading, State, TextLine, Transcript
from vemoclap.timeline.frame_results import Look


class Memo:
    """Engines that read texts, asked once for each text: neighbours show and say the same."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._known: dict[tuple[str, Hashable], Any] = {}

    def each(self, role: str) -> Callable[..., list[Any]] | None:
        """Return the callable of a role that takes a list of texts, or several such lists."""
        engine = self._engines.role(role)
        if engine is None:
            return None

        def call(*lists: Sequence[str]) -> list[Any]:
            rows = list(zip(*lists, strict=True))
            unknown = list(dict.fromkeys(row for row in rows if (role, row) not in self._known))
            if unknown:
                answers = engine(*(list(column) for column in zip(*unknown, strict=True)))
                for row, answer in zip(unknown, answers, strict=True):
                    self._known[role, row] = answer
            return [self._known[role, row] for row in rows]

        return call

    def one(self, role: str) -> Callable[[str], Any] | None:
        """Return the callable of a role that takes one text."""
        engine = self._engines.role(role)
        if engine is None:
            return None

        def call(text: str) -> Any:
            if (role, text) not in self._known:
                self._known[role, text] = engine(text)
            return self._known[role, text]

        return call


class Remembered:
    """The roles, for the span whose frames were looked at."""

    on_gpu = False  # OCR was done, so it need not run beside the rest

    def __init__(
        self,
        engines: Engines,
        memo: Memo,
        *,
        looks: Sequence[Look],
        said: SpeechReading,
        voices: tuple[Span, ...],
        transcript: Transcript | None,
    ) -> None:
        """Remember a span.

        Args:
            engines: asked for what is not remembered: sounds and the emotion.
            memo: asked about texts.
            looks: what was found in the span's frames.
            said: how the search for voices and words in the whole video ended.
            voices: when somebody speaks, from the start of the span.
            transcript: the words of the span, timed likewise.
        """
        self._engines, self._memo = engines, memo
        self._looks = looks
        self._answers: dict[str, Callable[..., Any] | None] = {
            "faces": self._kept("faces", self._faces),
            "expression": self._kept("expression", self._expressions),
            "image": self._kept("image", self._vectors),
            "ocr": self._kept("ocr", self._lines),
            "vad": _told(said.status, voices),
            "transcribe": _told(said.transcript_status, transcript),
            "language": memo.each("language"),
            "translate": memo.each("translate"),
            "spell": memo.each("spell"),
            "segment": memo.one("segment"),
            "sentiment": memo.one("sentiment"),
            "caption": None,  # a sentence for each span would cost much and show little
        }

    def role(self, role: str) -> Callable[..., Any] | None:
        """Return the callable of a role, None where it stays empty."""
        return self._answers[role] if role in self._answers else self._engines.role(role)

    def _kept(self, role: str, answer: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        return None if self._engines.role(role) is None else answer

    def _check(self, role: str) -> None:
        for look in self._looks:
            for name, reason in look.broken:
                if name == role:
                    raise EngineError(reason)

    def _faces(self, frames: Any) -> list[tuple[Detection, ...]]:
        self._check("faces")
        return [look.detections or () for look in self._looks]

    def _expressions(self, crops: Any) -> list[Expression]:
        self._check("expression")
        return [expression for look in self._looks for expression in look.expressions or ()]

    def _vectors(self, frames: Any) -> Any:
        import numpy as np

        self._check("image")
        return np.stack([look.vector for look in self._looks if look.vector is not None])

    def _lines(self, frames: Any) -> list[tuple[TextLine, ...]]:
        self._check("ocr")
        return [look.lines or () for look in self._looks]


def _told(status: Any, answer: Any) -> Callable[..., Any] | None:
    """Return a role that gives ``answer``, or breaks as it did before."""
    if status.state is State.SKIPPED:
        return None

    def tell(*_: Any) -> Any:
        if status.state is State.FAILED:
            raise EngineError(status.reason)
        return answer

    return tell
