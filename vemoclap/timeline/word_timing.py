"""Which of the words belong to a span.

Transcripts and subtitles date whole sentences, not words. The words of a sentence are spread
evenly over the time in which a voice was heard while it lasts, or over all of it where none was,
and each belongs to the spans that hold its moment.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vemoclap.records import Cue, Span, Transcript


@dataclass(frozen=True, slots=True)
class _Word:
    time_s: float
    text: str
    cue: int


class Words:
    """The words of a transcript and when each was said."""

    def __init__(self, transcript: Transcript, voices: Sequence[Span]) -> None:
        self._transcript = transcript
        words = [
            _Word(time, text, index)
            for index, cue in enumerate(transcript.cues)
            for time, text in _dated(cue, voices)
        ]
        self._words = sorted(words, key=lambda word: word.time_s)
        self._times = [word.time_s for word in self._words]

    def within(self, span: Span) -> Transcript | None:
        """Return the words said in a span, timed from its start; None where there are none."""
        first = bisect_left(self._times, span.start_s)
        last = bisect_left(self._times, span.end_s)
        by_cue: dict[int, list[str]] = {}
        for word in self._words[first:last]:
            by_cue.setdefault(word.cue, []).append(word.text)
        if not by_cue:
            return None
        cues = []
        for index, words in by_cue.items():
            cue = self._transcript.cues[index]
            start = max(cue.start_s, span.start_s) - span.start_s
            end = max(start, min(cue.end_s, span.end_s) - span.start_s)
            cues.append(Cue(start, end, " ".join(words)))
        text = " ".join(cue.text for cue in cues)
        return replace(self._transcript, cues=tuple(cues), text=text)


def _dated(cue: Cue, voices: Sequence[Span]) -> list[tuple[float, str]]:
    words = cue.text.split()
    heard = [
        (max(cue.start_s, voice.start_s), min(cue.end_s, voice.end_s))
        for voice in voices
        if voice.start_s < cue.end_s and voice.end_s > cue.start_s
    ] or [(cue.start_s, cue.end_s)]
    total = sum(end - start for start, end in heard)
    dated = []
    for index, word in enumerate(words):
        left = (index + 0.5) / len(words) * total
        for start, end in heard:
            if left <= end - start or (start, end) == heard[-1]:
                dated.append((start + left, word))
                break
            left -= end - start
    return dated
