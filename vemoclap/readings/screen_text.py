"""Frames -> the text that stands on the screen, in English, and its sentiment.

The steps and thresholds are those of the paper's OCR-sentiment feature, on which classifiers
are trained.
"""

from collections.abc import Sequence

from vemoclap.engines.roles import Languages, Segment, Sentiments, Spell, Translate
from vemoclap.readings.engine_calls import Engines, attempt
from vemoclap.readings.faces import ended
from vemoclap.records import (
    OK,
    FrameResult,
    Language,
    ScreenPart,
    ScreenReading,
    Sentiment,
    Status,
    TextLine,
    absent,
    skipped,
)

CONFIDENT = 0.75  # lines at or below it are not read
CERTAIN = 0.9  # a language at or below it counts as unknown, and so as English
BETWEEN_TEXTS = ". "


def read(frames: Sequence[FrameResult], engines: Engines) -> ScreenReading:
    """Return the distinct texts of some frames, in English if possible, and their tone.

    A frame's text is its confident lines joined by one space, in lower case. English, and what
    is of unknown language, gets its words apart and its spelling corrected; other languages are
    translated, or kept as they are with ``english`` None where no engine can. Each role may be
    empty, and each may break: that costs its own part and what depends on it.
    """
    read_lines = [frame.lines for frame in frames]
    status = ended(
        "ocr", frames, read_lines, "The preset has no engine that reads text on the screen."
    )
    lines = tuple(
        tuple(line for line in some or () if line.confidence > CONFIDENT) for some in read_lines
    )
    firsts = _first_frames(lines)
    if status.ok and not firsts:
        status = absent("No text was read on the screen.")
    if not status.ok:
        return ScreenReading(status, None, None, None, status, None)
    texts = list(firsts)
    found, status = attempt(_in_english, texts, engines)
    if not status.ok:
        parts = tuple(ScreenPart(text, None, None, first) for text, first in firsts.items())
        return ScreenReading(OK, lines, parts, None, status, None)
    parts = tuple(
        ScreenPart(text, code, result, firsts[text])
        for text, (code, result) in zip(texts, found, strict=True)
    )
    # A dict keeps the first of each in order: two frames' texts may be corrected to the same.
    text = BETWEEN_TEXTS.join(dict.fromkeys(part.english for part in parts if part.english)) or None
    judged, sentiment_status = _tone(text, parts, engines.role("sentiment"))
    return ScreenReading(OK, lines, parts, text, sentiment_status, judged)


def _first_frames(frames: Sequence[Sequence[TextLine]]) -> dict[str, int]:
    """Return each distinct text, in order, and the index of the first frame that shows it."""
    firsts: dict[str, int] = {}
    for index, lines in enumerate(frames):
        text = " ".join(line.text for line in lines).lower().strip()
        if text:
            firsts.setdefault(text, index)
    return firsts


def _in_english(texts: list[str], engines: Engines) -> list[tuple[Language | None, str | None]]:
    """Return the language of each text, and it in English; None where no engine can tell."""
    language: Languages | None = engines.role("language")
    translate: Translate | None = engines.role("translate")
    segment: Segment | None = engines.role("segment")
    spell: Spell | None = engines.role("spell")
    guesses = language(texts) if language else []
    languages = [guess if guess.probability > CERTAIN else None for guess in guesses]
    languages = languages or [None] * len(texts)
    english: list[str | None] = [None] * len(texts)
    foreign = {
        index: found.code
        for index, found in enumerate(languages)
        if found is not None and found.code != "en"
    }
    if foreign and translate is not None:
        originals, codes = [texts[index] for index in foreign], list(foreign.values())
        for index, result in zip(foreign, translate(originals, codes), strict=True):
            english[index] = result.strip()
    own = [index for index in range(len(texts)) if index not in foreign]
    corrected = [texts[index] if segment is None else segment(texts[index]) for index in own]
    if corrected and spell is not None:
        corrected = spell(corrected)
    for index, result in zip(own, corrected, strict=True):
        english[index] = result.strip()
    return list(zip(languages, english, strict=True))


def _tone(
    text: str | None, parts: Sequence[ScreenPart], sentiment: Sentiments | None
) -> tuple[Sentiment | None, Status]:
    if sentiment is None:
        return None, skipped("The preset has no engine for sentiment.")
    if text is None:
        codes = sorted({part.language.code for part in parts if part.language is not None})
        if not codes:
            return None, absent("Nothing was left of the text once it was corrected.")
        return None, absent(
            f"The text is in another language ({', '.join(codes)}), which the preset cannot "
            "translate; sentiment is read from English only."
        )
    return attempt(sentiment, text)
