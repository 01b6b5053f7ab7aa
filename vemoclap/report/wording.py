"""The words that every form of the report shares, and the one place that cleans foreign text."""

import unicodedata

from vemoclap.draw import clock
from vemoclap.records import Analysis, Face, Outcome, Status

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
# Marks that reorder or hide what stands around them, so that text does not say what it shows.
_DECEPTIVE = {"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: str) -> str:
    """Return text from a file or a model, fit to be shown: no control or reordering characters."""
    kept = (" " if unicodedata.category(c) in _DECEPTIVE else c for c in text)
    return " ".join("".join(kept).split())


def name_of(analysis: Analysis) -> str:
    """Return the file's name, fit to be shown."""
    name = analysis.clip.info.path.name.encode("utf-8", "replace").decode()
    return clean(name) or "(no name)"


def percent(share: float) -> str:
    """Return a share as a whole percentage."""
    return f"{100 * share:.0f} %"


def why(status: Status) -> str:
    """Return why something is not there: "absent: the file has no sound track"."""
    reason = clean(status.reason).rstrip(".")
    return f"{status.state.value}: {reason}" if reason else status.state.value


def facts(analysis: Analysis) -> str:
    """Return length, size, and kind of the file in one line."""
    info = analysis.clip.info
    sound = "no sound" if info.audio_codec is None else info.audio_codec
    return (
        f"{length(info.duration_s)}, {info.width} x {info.height}, "
        f"{info.rate_fps:.3g} frames a second, {info.video_codec}, {sound}, "
        f"{info.size_bytes / 1e6:.1f} MB"
    )


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
