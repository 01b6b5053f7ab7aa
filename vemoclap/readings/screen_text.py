"""Frames -> the text that stands on the screen, in English, and its sentiment.

The steps and thresholds are those of the paper's OCR-sentiment feature, on which classifiers
are trained.
"""

from collections.abc import Sequence

from vemoclap.engines.roles import Languages, Ocr, Segment, Sentiments, Spell, Translate
from vemoclap.errors import EngineError
from vemoclap.records import (
    OK,
    Clip,
    Language,
    ScreenPart,
    ScreenReading,
    Sentiment,
    Status,
    TextLine,
    absent,
    failed,
    skipped,
)

CONFIDENT = 0.75  # lines at or below it are not read
CERTAIN = 0.9  # a language at or below it counts as unknown, and so as English
BETWEEN_TEXTS = ". "


def read(
    clip: Clip,
    *,
    ocr: Ocr | None,
    language: Languages | None,
    translate: Translate | None,
    segment: Segment | None,
    spell: Spell | None,
    sentiment: Sentiments | None,
) -> ScreenReading:
    """Return the distinct texts of the clip's frames, in English if possible, and their tone.

    A frame's text is its confident lines joined by one space, in lower case. English, and what
    is of unknown language, gets its words apart and its spelling corrected; other languages are
    translated, or kept as they are with ``english`` None where no engine can. Each role may be
    None, and each may break: that costs its own part and what depends on it.
    """
    if ocr is None:
        nothing = skipped("The preset has no engine that reads text on the screen.")
        return ScreenReading(nothing, None, None, None, nothing, None)
    try:
        frames = ocr(clip.frames)
    except EngineError as error:
        broken = failed(str(error))
        return ScreenReading(broken, None, None, None, broken, None)
    lines = tuple(tuple(line for line in some if line.confidence > CONFIDENT) for some in frames)
    firsts = _first_frames(lines)
    if not firsts:
        nothing = absent("No text was read on the screen.")
        return ScreenReading(nothing, None, None, None, nothing, None)
    texts = list(firsts)
    try:
        languages = _languages(texts, language)
        english = _in_english(texts, languages, translate, segment, spell)
    except EngineError as error:
        parts = tuple(ScreenPart(text, None, None, first) for text, first in firsts.items())
        return ScreenReading(OK, lines, parts, None, failed(str(error)), None)
    parts = tuple(
        ScreenPart(text, code, result, firsts[text])
        for text, code, result in zip(texts, languages, english, strict=True)
    )
    # A dict keeps the first of each in order: two frames' texts may be corrected to the same.
    text = BETWEEN_TEXTS.join(dict.fromkeys(part.english for part in parts if part.english)) or None
    judged, sentiment_status = _tone(text, parts, sentiment)
    return ScreenReading(OK, lines, parts, text, sentiment_status, judged)


def _first_frames(frames: Sequence[Sequence[TextLine]]) -> dict[str, int]:
    """Return each distinct text, in order, and the index of the first frame that shows it."""
    firsts: dict[str, int] = {}
    for index, lines in enumerate(frames):
        text = " ".join(line.text for line in lines).lower().strip()
        if text:
            firsts.setdefault(text, index)
    return firsts


def _languages(texts: list[str], language: Languages | None) -> list[Language | None]:
    if language is None:
        return [None] * len(texts)
    return [guess if guess.probability > CERTAIN else None for guess in language(texts)]


def _in_english(
    texts: list[str],
    languages: list[Language | None],
    translate: Translate | None,
    segment: Segment | None,
    spell: Spell | None,
) -> list[str | None]:
    """Return each text in English, None where no engine can translate it."""
    english: list[str | None] = [None] * len(texts)
    foreign = [
        (index, found.code)
        for index, found in enumerate(languages)
        if found is not None and found.code != "en"
    ]
    if foreign and translate is not None:
        originals, codes = [texts[index] for index, _ in foreign], [code for _, code in foreign]
        for (index, _), result in zip(foreign, translate(originals, codes), strict=True):
            english[index] = result.strip()
    foreigners = {index for index, _ in foreign}
    own = [index for index in range(len(texts)) if index not in foreigners]
    corrected = [texts[index] if segment is None else segment(texts[index]) for index in own]
    if corrected and spell is not None:
        corrected = spell(corrected)
    for index, result in zip(own, corrected, strict=True):
        english[index] = result.strip()
    return english


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
    try:
        return sentiment(text), OK
    except EngineError as error:
        return None, failed(str(error))
