"""The words that every form of the report shares, and the one place that cleans foreign text."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

from vemoclap.readings.sound import WINDOW
from vemoclap.records import (
    SAMPLE_RATE,
    Analysis,
    Face,
    MediaInfo,
    Outcome,
    Sentiment,
    Status,
    Transcript,
)

# Okabe and Ito's colours, told apart by all kinds of colour vision, here with sufficient contrast
# on white and on near-black.
EMOTION_COLOURS = {
    "anger": "#d55e00",
    "disgust": "#00916e",
    "fear": "#8a63b8",
    "joy": "#c99700",
    "sadness": "#2f7fc1",
    "surprise": "#cc5fa0",
}

INTENDED_USE = (
    "This estimates the emotion that a video expresses or evokes. It never knows what a person "
    "feels. Do not use it to judge people, nor in workplaces or schools, where EU law forbids "
    "emotion recognition (AI Act, Article 5(1)(f))."
)
SOURCES = (
    "Arousal follows motion, cuts and sound energy (Hanjalic & Xu 2005) and, more weakly, colour; "
    "valence follows the sentiment of words and, more weakly, brightness and saturation (Valdez & "
    "Mehrabian 1994). The probabilities come from each emotion's published place in the "
    "valence-arousal plane (Russell & Mehrabian 1977). Nothing was trained, and faces are not "
    "looked at."
)
ABOUT_EVIDENCE = (
    "This describes how the classifier reached its answer. It says nothing about the people in the "
    "video or those who watch it."
)
ABOUT_EXPRESSIONS = (
    "The label is a model's guess about a picture of a face. It is not what the person feels."
)
ABOUT_CAPTION = "Written by a machine from this frame alone; it may be wrong."
NO_EVIDENCE = (
    "skipped: the estimate follows a fixed formula, so there is no classifier to ask; the formula "
    "is under How this was made"
)
WINDOW_S = WINDOW / SAMPLE_RATE  # length of one audio window
WINDOWS_SHOWN = 32  # starts of windows; the rest is in the JSON
EVIDENCE = {  # feature -> what people call it
    "clip": "Pictures",
    "face_emotion": "Faces",
    "asr_sentiment": "Words said",
    "ocr_sentiment": "Screen text",
    "beats": "Sound",
}
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "sw": "Swahili",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")  # the common part of BCP 47
# Marks that reorder or hide what stands around them, so that text does not say what it shows.
_DECEPTIVE = {"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: str) -> str:
    """Return text from a file or a model, fit to be shown: no control or reordering characters."""
    kept = (" " if unicodedata.category(c) in _DECEPTIVE else c for c in text)
    return " ".join("".join(kept).split())


def name_of(analysis: Analysis) -> str:
    """Return the file's name, fit to be shown."""
    return file_name(analysis.clip.info.path)


def file_name(path: Path) -> str:
    """Return the name of a file, fit to be shown."""
    return clean(path.name.encode("utf-8", "replace").decode()) or "(no name)"


def percent(share: float) -> str:
    """Return a share as a whole percentage."""
    return f"{100 * share:.0f} %"


def polarity(found: Sentiment) -> str:
    """Return how sure a judge of texts is of its label, if it knows, and the balance."""
    balance = f"{found.valence:+.2f} of -1 to 1"
    # Judges without a vector are lexica, whose score is a strength and no probability.
    return balance if found.vector is None else f"{percent(found.score)} ({balance})"


def points(change: float) -> str:
    """Return a change of probability in percentage points, signed: +25.0, −8.0, 0.0."""
    number = f"{100 * abs(change):.1f}"
    if number == "0.0":
        return number
    return f"+{number}" if change > 0 else f"−{number}"


def language(code: str) -> str:
    """Return a language as people call it, with its code: "German (de)"."""
    return f"{LANGUAGES[code]} ({code})" if code in LANGUAGES else clean(code)


def lang(code: str | None) -> str:
    """Return a language for a page's ``lang`` attribute: "de"; "" where it is not known."""
    return code if code is not None and _LANGUAGE_TAG.fullmatch(code) else ""


def words_lang(words: Transcript) -> str:
    """Return the language of a transcript's words for a page's ``lang`` attribute."""
    return "en" if words.english else lang(words.language)


def spoken(words: Transcript) -> str:
    """Return which language is spoken, and which one the words are in."""
    if words.language is None:
        return "Language spoken: not known."
    said = f"Language spoken: {language(words.language)}."
    if words.english and words.language != "en":
        return f"{said} The words are its English translation."
    return said if words.english else f"{said} The words are not translated."


def why(status: Status) -> str:
    """Return why something is not there: "absent: the file has no sound track"."""
    reason = clean(status.reason).rstrip(".")
    return f"{status.state.value}: {reason}" if reason else status.state.value


def media_facts(info: MediaInfo) -> str:
    """Return length, size, and kind of a file in one line."""
    sound = "no sound" if info.audio_codec is None else info.audio_codec
    return (
        f"{length(info.duration_s)}, {info.width} x {info.height}, "
        f"{info.rate_fps:.3g} frames a second, {info.video_codec}, {sound}, "
        f"{info.size_bytes / 1e6:.1f} MB"
    )


def clock(time_s: float, digits: int = 0, *, full: bool = False) -> str:
    """Return a time as a player shows it: 1:05, 1:02:03; 0.4 s below one second.

    Args:
        time_s: rounded to its digits; without any, to the second that has begun.
        digits: after the point: 0:00.4, 1:05.2; at most 3.
        full: whether to say all of it, as subtitles do: 00:01:05.200.
    """
    if 0 < time_s < 1 and not digits:
        return f"{time_s:.1f} s"
    whole, rest = divmod(round(time_s * 10**digits) if digits else int(time_s), 10**digits)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    point = f".{rest:0{digits}}" if digits else ""
    if full:
        return f"{hours:02}:{minutes:02}:{seconds:02}{point}"
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{seconds:02}{point}"


def exact(time_s: float) -> str:
    """Return a time with its tenths, unless they are none: 0:05, 1:02.5."""
    return clock(time_s, 1).removesuffix(".0")


def length(seconds: float) -> str:
    """Return a length of time: 7.0 s, 1:05 min, 1:02:03 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{clock(seconds)} {'h' if seconds >= 3600 else 'min'}"


def outcome(analysis: Analysis) -> str:
    """Return whether all of the video could be used."""
    if analysis.clip.outcome is Outcome.OK:
        return "analysed whole"
    return "analysed in part"


def faces(analysis: Analysis) -> str:
    """Return how many faces were found and where, or why none."""
    reading = analysis.readings.faces
    if reading.faces is None:
        return why(reading.status)
    if not reading.faces:
        return "none found"
    frames = {face.frame for face in reading.faces}
    largest = max(reading.faces, key=lambda face: face.box.area)
    count = len(reading.faces)
    return (
        f"{count} {'face' if count == 1 else 'faces'} in {len(frames)} of "
        f"{len(analysis.clip.frames)} frames; the largest at "
        f"{clock(float(analysis.clip.times_s[largest.frame]))}, {_share(analysis, largest)} of "
        "the picture's height"
    )


def expressions(analysis: Analysis) -> str:
    """Return how many faces wear each expression, or why that is not known."""
    reading = analysis.readings.faces
    labels = [clean(face.expression.label) for face in reading.faces or () if face.expression]
    if not labels:
        return why(reading.expression_status if reading.status.ok else reading.status)
    return ", ".join(
        f"{label} in {count} {'face' if count == 1 else 'faces'}"
        for label, count in Counter(labels).most_common()
    )


def caption(analysis: Analysis) -> str:
    """Return the machine-written sentence about the sample frame, or why there is none."""
    reading = analysis.readings.caption
    return why(reading.status) if reading.text is None else f"“{clean(reading.text)}”"


def tags(analysis: Analysis) -> str:
    """Return the sounds heard, the most likely first, or why none are known."""
    reading = analysis.readings.sound
    if reading.tags is None:
        return why(reading.status)
    if not reading.tags:
        return "nothing that the model has a name for"
    return ", ".join(f"{clean(tag.name)} {percent(tag.probability)}" for tag in reading.tags)


def windows(analysis: Analysis) -> str:
    """Return which stretches of the sound were listened to."""
    starts = analysis.readings.sound.starts_s or ()
    if len(starts) == 1:
        return f"Heard in one window of {WINDOW_S:g} s, from {starts[0]:.1f} s."
    shown = ", ".join(f"{start:.1f}" for start in starts[:WINDOWS_SHOWN])
    more = f" and {len(starts) - WINDOWS_SHOWN} more" if len(starts) > WINDOWS_SHOWN else ""
    return f"Heard in {len(starts)} windows of {WINDOW_S:g} s, which start at {shown}{more} s."


def _share(analysis: Analysis, face: Face) -> str:
    return percent((face.box.bottom - face.box.top) / analysis.clip.frames.shape[1])


def speech(analysis: Analysis) -> str:
    """Return when somebody speaks, or why nobody does."""
    reading = analysis.readings.speech
    if not reading.spans:
        return why(reading.status)
    total = sum(span.length_s for span in reading.spans)
    spans = ", ".join(f"{span.start_s:.1f}-{span.end_s:.1f} s" for span in reading.spans[:12])
    more = f" and {len(reading.spans) - 12} more" if len(reading.spans) > 12 else ""
    return f"{total:.1f} s of speech: {spans}{more}"


def stages(analysis: Analysis) -> str:
    """Return how long each stage took."""
    return ", ".join(f"{stage.stage} {stage.seconds:.1f} s" for stage in analysis.stages)
