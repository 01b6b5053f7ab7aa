"""Sound and subtitles -> when somebody speaks, what is said, and its sentiment.

Nothing is invented from silence. An engine that listens answers None when it is given no spans;
an engine that reads the file's own subtitles needs none. So ``transcribe`` is asked whenever the
file has sound or subtitles, with whatever spans there are. Where nothing could look for voices,
because the preset leaves that role empty, the whole sound counts as one span.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from vemoclap.engines.roles import Languages, Sentiments, Transcribe, Translate, Vad
from vemoclap.readings.engine_calls import Engines, attempt
from vemoclap.readings.screen_text import CERTAIN
from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Clip,
    Cue,
    Span,
    SpeechReading,
    State,
    Status,
    Transcript,
    absent,
    skipped,
)

NOT_YET = skipped("Its sentiment was not looked for.")


def read(clip: Clip, engines: Engines) -> SpeechReading:
    """Return when somebody speaks in ``clip``, the words in English if possible, and their tone.

    Each role may be empty, and each may break: that costs its own part and what depends on it.
    """
    return with_sentiment(listen(clip, engines), engines.role("sentiment"))


def listen(clip: Clip, engines: Engines) -> SpeechReading:
    """Return when somebody speaks in ``clip`` and the words, whose tone is not looked for yet."""
    vad: Vad | None = engines.role("vad")
    transcribe: Transcribe | None = engines.role("transcribe")
    voices: tuple[Span, ...] = ()
    if clip.audio is None:
        search = clip.audio_status
    elif vad is None:
        search = skipped("The preset has no engine that finds voices.")
        voices = (Span(0.0, len(clip.audio) / SAMPLE_RATE),)
    else:
        voices, search = attempt(vad, clip.audio)
    transcript: Transcript | None = None
    if transcribe is None:
        words_search = skipped("The preset has no engine that finds words.")
    elif clip.audio is None and clip.subtitles is None:
        words_search = clip.audio_status
    else:
        transcript, words_search = attempt(transcribe, clip, voices or ())
    if transcript is not None:
        transcript = _ending(transcript, clip.info.duration_s)
    said = _reading(voices, search, transcript, words_search, clip.subtitles is not None)
    if said.transcript is None or said.transcript.english:
        return said
    english, status = attempt(
        _in_english, said.transcript, engines.role("language"), engines.role("translate")
    )
    # Where that breaks, the words stay, in their own language.
    return replace(
        said, transcript=english or said.transcript, sentiment_status=NOT_YET if english else status
    )


def with_sentiment(said: SpeechReading, sentiment: Sentiments | None) -> SpeechReading:
    """Return what was said with its tone, read from English only; the engine may be None."""
    words = said.transcript
    if said.sentiment_status.state is State.FAILED:  # as the words could not be translated
        return said
    tone = None
    if sentiment is None:
        status = skipped("The preset has no engine for sentiment.")
    elif words is None:
        status = said.transcript_status
    elif not words.english:
        status = absent(
            f"The words are in another language ({words.language}), which the preset cannot "
            "translate; sentiment is read from English only."
        )
    else:
        tone, status = attempt(sentiment, words.text)
    return replace(said, sentiment=tone, sentiment_status=status)


def _reading(
    voices: Sequence[Span] | None,
    search: Status,
    transcript: Transcript | None,
    words_search: Status,
    subtitled: bool,
) -> SpeechReading:
    """Return what two searches found, each of which may have ended before it began.

    There are spans only if voices were searched for; else they are what may be speech.
    """
    spans = tuple(voices) if voices and search.ok else None
    status = absent("No voice was heard.") if search.ok and not spans else search
    if words_search.ok and not (transcript is not None and transcript.text.strip()):
        track = "a subtitle track without words" if subtitled else "no subtitle track"
        unheard = absent(f"A voice was heard, but not its words; the file has {track}.")
        words_search = unheard if voices else status
    return SpeechReading(
        status=status,
        spans=spans,
        transcript_status=words_search,
        transcript=transcript if words_search.ok else None,
        sentiment_status=NOT_YET,
        sentiment=None,
    )


def _ending(transcript: Transcript, end_s: float) -> Transcript:
    """Return the transcript with no words that last longer than the video.

    Whisper hears half a minute at a time, the last of them filled up with silence, and may say
    that its words last until then.
    """
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


# -- spans of a video -------------------------------------------------------------------------


class SpeechOverTime:
    """What was said in a video, span by span.

    Transcripts and subtitles date whole sentences, not words. The words of a sentence are spread
    evenly over the time in which a voice was heard while it lasts, or over all of it where none
    was, and each belongs to the spans that hold its moment.
    """

    def __init__(self, said: SpeechReading, clip: Clip) -> None:
        """Take what ``listen`` made of a clip."""
        self._said = said
        self._duration_s, self._subtitled = clip.info.duration_s, clip.subtitles is not None
        self._cues = said.transcript.cues if said.transcript else ()
        self._words = sorted(
            (
                (time_s, k, word)
                for k, cue in enumerate(self._cues)
                for time_s, word in _dated(cue, said.spans or ())
            ),
            key=lambda one: one[0],
        )
        self._times = [time_s for time_s, _, _ in self._words]

    def within(self, span: Span, audio_status: Status) -> SpeechReading:
        """Return when somebody speaks in a span and what, timed from its start.

        Args:
            span: part of the video, or all of it.
            audio_status: why the span has no sound.
        """
        said = self._said
        if span.start_s <= 0 and span.end_s >= self._duration_s:
            return said
        search, words_search = said.status, said.transcript_status
        if words_search.state is State.ABSENT:
            words_search = OK
        if not audio_status.ok:
            search, voices = audio_status, []
            if words_search.state is not State.SKIPPED and not self._subtitled:
                words_search = audio_status
        elif search.state is State.SKIPPED:
            voices = [span]
        else:
            search = OK if search.state is State.ABSENT else search
            voices = [_part(voice, span) for voice in said.spans or () if _overlap(voice, span)]
        found = _reading(voices, search, self.words(span), words_search, self._subtitled)
        failed = said.sentiment_status.state is State.FAILED
        return replace(found, sentiment_status=said.sentiment_status) if failed else found

    def words(self, span: Span) -> Transcript | None:
        """Return the words said in a span, timed from its start; None where there are none."""
        first = bisect_left(self._times, span.start_s)
        last = bisect_left(self._times, span.end_s)
        by_cue: dict[int, list[str]] = {}
        for _, k, word in self._words[first:last]:
            by_cue.setdefault(k, []).append(word)
        if self._said.transcript is None or not by_cue:
            return None
        cues = []
        for k, words in by_cue.items():
            part = _part(self._cues[k], span)
            cues.append(Cue(part.start_s, max(part.start_s, part.end_s), " ".join(words)))
        text = " ".join(cue.text for cue in cues)
        return replace(self._said.transcript, cues=tuple(cues), text=text)


def _overlap(one: Span | Cue, span: Span) -> bool:
    return one.start_s < span.end_s and one.end_s > span.start_s


def _part(one: Span | Cue, span: Span) -> Span:
    """Return what lies within a span, from its start."""
    start_s = span.start_s
    return Span(max(one.start_s, start_s) - start_s, min(one.end_s, span.end_s) - start_s)


def _dated(cue: Cue, voices: Sequence[Span]) -> list[tuple[float, str]]:
    words = cue.text.split()
    heard = [
        (max(cue.start_s, voice.start_s), min(cue.end_s, voice.end_s))
        for voice in voices
        if _overlap(voice, Span(cue.start_s, cue.end_s))
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
