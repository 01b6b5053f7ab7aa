"""A film as a list of shots and captions: draws it, and says what is true of it.

The truth comes from the same records that are drawn and heard, so the two cannot drift apart.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from canvas import BoxOf, Colour, Point, Size, paste, words
from PIL import Image
from sounds import Sound, Spoken

SHORT_SIDE = 360  # pixels: vemoclap scales every frame so, and the truth's boxes follow
FADE_S = 0.24  # how long a caption takes to appear or leave
FACE_STEP_S = 0.2  # between the boxes that the truth gives of a face


@dataclass(frozen=True)
class Shot:
    """A stretch of the film, until the next shot starts."""

    start_s: float
    draw: Callable[[float], Image.Image]  # seconds since the shot's start -> picture
    fade_s: float = 0.0  # cross-fade from the shot before; 0 is a hard cut
    face: Callable[[float], BoxOf] | None = None  # where the portrait's face is, in its pixels


@dataclass(frozen=True)
class Words:
    """Text to be read on the screen; legible from ``start_s`` to ``end_s``."""

    text: str
    start_s: float
    end_s: float
    language: str = "en"
    corrected: str | None = None  # what was meant, where words are misspelt or run together


@dataclass(frozen=True)
class Caption(Words):
    """Text that stands on top of the picture."""

    at: Point = (0.0, 0.0)  # its middle, or the middle of its left edge
    left: bool = False
    size: int = 32
    colour: Colour = (255, 255, 255)
    serif: bool = False
    bold: bool = True
    box: Colour | None = None
    outline: Colour | None = None
    rise: float = 10.0  # pixels that it climbs while it appears
    fade_s: float = FADE_S


@dataclass(frozen=True)
class Film:
    """A sample clip before it is encoded."""

    name: str  # of the file
    shows: str  # one sentence
    emotion: str  # the one that it was made to suggest
    size: Size
    rate_fps: int
    duration_s: float
    shots: Sequence[Shot]
    captions: Sequence[Caption] = ()
    signs: Sequence[Words] = ()  # text that the shots draw themselves
    sound: Sound | None = None
    spoken: Sequence[Spoken] = field(default=())
    language: str | None = None  # ISO 639-2 code of what is spoken and of the subtitle track

    def frames(self, seconds: float) -> Iterator[Image.Image]:
        """Yield the pictures of the first ``seconds`` seconds."""
        for number in range(round(min(seconds, self.duration_s) * self.rate_fps)):
            yield self.frame(number / self.rate_fps)

    def frame(self, now: float) -> Image.Image:
        """Return the picture at a moment."""
        index = max(i for i, shot in enumerate(self.shots) if shot.start_s <= now)
        shot = self.shots[index]
        picture = shot.draw(now - shot.start_s)
        if now < shot.start_s + shot.fade_s:
            before = self.shots[index - 1]
            under = before.draw(now - before.start_s) if index else Image.new("RGB", self.size)
            picture = Image.blend(under, picture, (now - shot.start_s) / shot.fade_s)
        for caption in self.captions:
            arriving = (now - caption.start_s) / caption.fade_s + 1
            leaving = (caption.end_s - now) / caption.fade_s + 1
            opacity = max(0.0, min(1.0, arriving, leaving))
            if opacity > 0:
                layer = words(
                    caption.text,
                    caption.size,
                    caption.colour,
                    caption.serif,
                    caption.bold,
                    caption.box,
                    caption.outline,
                )
                below = caption.rise * (1 - max(0.0, min(1.0, arriving))) ** 2
                x = caption.at[0] + (layer.width / 2 if caption.left else 0)
                picture = paste(picture, layer, (x, caption.at[1] + below), opacity)
        return picture

    def truth(self) -> dict[str, Any]:
        """Return what is to be found in the clip, ready for JSON."""
        texts = sorted([*self.captions, *self.signs], key=lambda text: text.start_s)
        return {
            "shows": self.shows,
            "emotion": self.emotion,
            "duration_s": self.duration_s,
            "width": self.size[0],
            "height": self.size[1],
            "rate_fps": self.rate_fps,
            "has_audio": self.sound is not None,
            "speech": [
                {"start_s": round(line.start_s, 2), "end_s": round(line.end_s, 2)}
                for line in self.spoken
            ],
            "spoken": " ".join(line.text for line in self.spoken) or None,
            "subtitle_language": self.language,
            "subtitles": [
                {
                    "start_s": round(line.start_s, 2),
                    "end_s": round(line.end_s, 2),
                    "text": line.text,
                }
                for line in self.spoken
            ]
            or None,
            "texts": [
                {
                    "text": text.text,
                    "language": text.language,
                    "start_s": text.start_s,
                    "end_s": text.end_s,
                    "corrected": text.corrected,
                }
                for text in texts
            ],
            "faces": [self._face(index) for index, shot in enumerate(self.shots) if shot.face],
            "cuts_s": [shot.start_s for shot in self.shots[1:] if not shot.fade_s],
        }

    def _face(self, index: int) -> dict[str, Any]:
        """Return the span in which nothing but the shot's face is seen, and its boxes."""
        shot, last = self.shots[index], index == len(self.shots) - 1
        start = shot.start_s + shot.fade_s
        end = self.duration_s if last else self.shots[index + 1].start_s
        scale = SHORT_SIDE / min(self.size)
        boxes = []
        for step in range(int((end - start - 1e-6) / FACE_STEP_S) + 1):
            at = start + step * FACE_STEP_S
            box = shot.face(at - shot.start_s) if shot.face else ()
            boxes.append([round(at, 2), *(round(edge * scale, 1) for edge in box)])
        return {"start_s": round(start, 2), "end_s": round(end, 2), "boxes": boxes}
