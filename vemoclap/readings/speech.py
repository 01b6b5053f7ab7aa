"""Sound and subtitles -> when somebody speaks, what is said, and its sentiment.

Nothing is invented from silence. An engine that listens answers None when it is given no spans;
an engine that reads the file's own subtitles needs none. So ``transcribe`` is asked whenever the
file has sound or subtitles, with whatever spans there are. Where nothing could look for voices,
because the preset leaves that role empty, the whole sound counts as one span.
"""

from dataclasses import replace

from vemoclap.engines.roles import Languages, Sentiments, Transcribe, Translate, Vad
from vemoclap.errors import EngineError
from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Clip,
    Sentiment,
    Span,
    SpeechReading,
    Status,
    Transcript,
    absent,
    failed,
    skipped,
)

# A less certain language counts as unknown, and text of unknown language is read as English: the
# paper's rule for text on the screen, applied to words as well.
CERTAIN = 0.9


def read(
    clip: Clip,
    *,
    vad: Vad | None,
    transcribe: Transcribe | None,
    language: Languages | None,
    translate: Translate | None,
    sentiment: Sentiments | None,
) -> SpeechReading:
    """Return when somebody speaks in ``clip``, the words in English if possible, and their tone.

    Each role may be None, and each may break: that costs its own part and what depends on it.
    """
    spans, status = _voices(clip, vad)
    heard = spans or ()
    if vad is None and clip.audio is not None:
        heard = (Span(0.0, len(clip.audio) / SAMPLE_RATE),)
    transcript, transcript_status = _words(clip, heard, status, transcribe)
    if transcript is not None and not transcript.english:
        try:
            transcript = _in_english(transcript, language, translate)
        except EngineError as error:
            # The words stay, in their own language.
            reason = failed(str(error))
            return SpeechReading(status, spans, transcript_status, transcript, reason, None)
    judged, sentiment_status = _tone(transcript, transcript_status, sentiment)
    return SpeechReading(status, spans, transcript_status, transcript, sentiment_status, judged)


def _voices(clip: Clip, vad: Vad | None) -> tuple[tuple[Span, ...] | None, Status]:
    if clip.audio is None:
        return None, clip.audio_status
    if vad is None:
        return None, skipped("The preset has no engine that finds voices.")
    try:
        spans = vad(clip.audio)
    except EngineError as error:
        return None, failed(str(error))
    return (spans, OK) if spans else (None, absent("No voice was heard."))


def _words(
    clip: Clip, spans: tuple[Span, ...], voices: Status, transcribe: Transcribe | None
) -> tuple[Transcript | None, Status]:
    if transcribe is None:
        return None, skipped("The preset has no engine that finds words.")
    if clip.audio is None and clip.subtitles is None:
        return None, clip.audio_status
    try:
        transcript = transcribe(clip, spans)
    except EngineError as error:
        return None, failed(str(error))
    if transcript is not None and transcript.text.strip():
        return _within(transcript, clip), OK
    if not spans:
        return None, voices
    track = "no subtitle track" if clip.subtitles is None else "a subtitle track without words"
    return None, absent(f"A voice was heard, but not its words; the file has {track}.")


def _within(transcript: Transcript, clip: Clip) -> Transcript:
    """Return the transcript with no words that last longer than the video.

    Whisper hears half a minute at a time, the last of them filled up with silence, and may say
    that its words last until then.
    """
    end_s = clip.info.duration_s
    cues = tuple(
        replace(cue, end_s=max(cue.start_s, min(cue.end_s, end_s))) for cue in transcript.cues
    )
    return replace(transcript, cues=cues)


def _in_english(
    transcript: Transcript, language: Languages | None, translate: Translate | None
) -> Transcript:
    """Return the transcript with its language settled and, where possible, its words translated."""
    code = transcript.language
    if code is None and language is not None:
        (guess,) = language([transcript.text])
        code = guess.code if guess.probability > CERTAIN else None
    if code is None or code == "en":
        return replace(transcript, language=code, english=True)
    if translate is None:
        return replace(transcript, language=code)
    words = translate([cue.text for cue in transcript.cues], [code] * len(transcript.cues))
    cues = tuple(replace(cue, text=text) for cue, text in zip(transcript.cues, words, strict=True))
    return Transcript(
        cues=cues,
        text=" ".join(" ".join(words).split()),
        language=code,
        english=True,
        source=f"{transcript.source}, translated",
    )


def _tone(
    transcript: Transcript | None, words: Status, sentiment: Sentiments | None
) -> tuple[Sentiment | None, Status]:
    if sentiment is None:
        return None, skipped("The preset has no engine for sentiment.")
    if transcript is None:
        return None, words
    if not transcript.english:
        return None, absent(
            f"The words are in another language ({transcript.language}), which the preset cannot "
            "translate; sentiment is read from English only."
        )
    try:
        return sentiment(transcript.text), OK
    except EngineError as error:
        return None, failed(str(error))
