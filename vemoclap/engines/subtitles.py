"""Words: the file's own text subtitle track, as ``media`` decoded it."""

from collections.abc import Callable

from vemoclap.records import Clip, Span, Transcript

# ISO 639-2 codes (both forms where there are two) -> ISO 639-1, of the languages that video files
# and our language identifiers commonly name. An unknown code is left to the identifier.
_TWO_LETTERS = {
    three: two
    for two, threes in (
        line.split(maxsplit=1)
        for line in (
            "ar ara",
            "bg bul",
            "cs ces cze",
            "da dan",
            "de deu ger",
            "el ell gre",
            "en eng",
            "es spa",
            "et est",
            "fa fas per",
            "fi fin",
            "fr fra fre",
            "he heb",
            "hi hin",
            "hr hrv",
            "hu hun",
            "id ind",
            "it ita",
            "ja jpn",
            "ko kor",
            "nl nld dut",
            "no nor nob nno",
            "pl pol",
            "pt por",
            "ro ron rum",
            "ru rus",
            "sk slk slo",
            "sl slv",
            "sv swe",
            "sw swa",
            "th tha",
            "tr tur",
            "uk ukr",
            "ur urd",
            "vi vie",
            "zh zho chi",
        )
    )
    for three in threes.split()
}


def load(device: str) -> Callable[[Clip, tuple[Span, ...]], Transcript | None]:
    """Return a reader: clip -> the words of its subtitle track, None where it has none.

    It needs neither the sound nor ``device``: subtitles stand whether or not a voice was heard.
    """

    def read(clip: Clip, spans: tuple[Span, ...]) -> Transcript | None:
        text = " ".join(" ".join(cue.text for cue in clip.subtitles or ()).split())
        if not clip.subtitles or not text:
            return None
        language = iso_639_1(clip.subtitle_language)
        return Transcript(
            cues=clip.subtitles,
            text=text,
            language=language,
            english=language == "en",
            source="the file's own subtitle track",
        )

    return read


def iso_639_1(code: str | None) -> str | None:
    """Return the two-letter form of a language code ("ger", "de-AT", "eng"), None if unknown."""
    first = (code or "").strip().lower().replace("_", "-").partition("-")[0]
    return first if first in _TWO_LETTERS.values() else _TWO_LETTERS.get(first)
