"""Words only where a voice was heard: what both engines that listen have in common.

Whisper was trained on subtitles, and from music or silence it writes what subtitles often say
there ("Thank you for watching").
"""

from collections.abc import Sequence

from vemoclap.records import Cue, Span, Transcript

# Whisper's names of languages that are not ISO 639-1.
_ISO_639_1 = {"jw": "jv", "yue": "zh", "haw": None}


def transcript(
    cues: Sequence[Cue], text: str, spans: Sequence[Span], language: str, source: str
) -> Transcript | None:
    """Return what was said in English, None where no words are left.

    Args:
        cues: what Whisper wrote, each text as it came, spaces included.
        text: the whole of it; if any cue is dropped, the text is made of the others instead.
        spans: where a voice was heard; a cue that meets none of them is dropped.
        language: the language spoken, as Whisper names it.
        source: where the words come from, in plain words.
    """
    heard = [
        cue
        for cue in cues
        if any(cue.start_s < span.end_s and span.start_s < cue.end_s for span in spans)
        or not cue.text.strip()
    ]
    if len(heard) < len(cues):
        text = "".join(cue.text for cue in heard)
    text = text.strip()
    if not text:
        return None
    return Transcript(
        cues=tuple(
            Cue(cue.start_s, cue.end_s, cue.text.strip()) for cue in heard if cue.text.strip()
        ),
        text=text,
        language=_ISO_639_1.get(language, language),
        english=True,
        source=source,
    )
