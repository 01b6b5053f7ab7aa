"""Drawing for the sample clips: photographs, skies, light, weather and words.

Pictures are PIL images in RGB. Whatever is random takes a seed, so that a clip can be made again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from skimage import data

Size = tuple[int, int]  # width, height in pixels
Point = tuple[float, float]
Colour = tuple[int, int, int]
BoxOf = tuple[float, float, float, float]  # left, top, right, bottom in pixels

FINE = 2  # shapes are drawn this much larger and then reduced: PIL does not smooth their edges
SERIF = "DejaVuSerif.ttf"  # Debian's ffmpeg brings it along; the only font here with umlauts


# -- numbers ----------------------------------------------------------------------------------


def ease(now: float, start: float, length: float) -> float:
    """Return how far something has come, 0 to 1, that starts and stops gently (smoothstep)."""
    part = min(1.0, max(0.0, (now - start) / length))
    return part * part * (3.0 - 2.0 * part)


def between(low: float, high: float, part: float) -> float:
    """Return the number that lies ``part`` of the way from ``low`` to ``high``."""
    return low + (high - low) * part


# -- photographs ------------------------------------------------------------------------------


@lru_cache
def photo(name: str) -> Image.Image:
    """Return a photograph that the scikit-image wheel ships, in RGB."""
    return Image.fromarray(getattr(data, name)()).convert("RGB")


def graded(
    picture: Image.Image, light: float = 1.0, colour: float = 1.0, contrast: float = 1.0
) -> Image.Image:
    """Return the picture with its brightness, saturation and contrast multiplied."""
    picture = ImageEnhance.Color(picture).enhance(colour)
    picture = ImageEnhance.Contrast(picture).enhance(contrast)
    return ImageEnhance.Brightness(picture).enhance(light)


@dataclass(frozen=True)
class View:
    """What a camera sees of a photograph: the middle and the width of a window, in its pixels."""

    x: float
    y: float
    width: float

    def towards(self, other: "View", part: float) -> "View":
        """Return the view ``part`` of the way to another one: a slow pan and zoom."""
        return View(
            between(self.x, other.x, part),
            between(self.y, other.y, part),
            between(self.width, other.width, part),
        )

    def picture(self, of: Image.Image, size: Size) -> Image.Image:
        """Return the window, scaled to ``size`` at fractions of a pixel so that it never jerks."""
        return of.resize(size, Image.Resampling.BICUBIC, box=self._window(size))

    def place(self, box: BoxOf, size: Size) -> BoxOf:
        """Return where a box of the photograph stands in the picture of this view."""
        left, top, right, bottom = self._window(size)
        across, down = size[0] / (right - left), size[1] / (bottom - top)
        return (
            (box[0] - left) * across,
            (box[1] - top) * down,
            (box[2] - left) * across,
            (box[3] - top) * down,
        )

    def _window(self, size: Size) -> BoxOf:
        height = self.width * size[1] / size[0]
        return (
            self.x - self.width / 2,
            self.y - height / 2,
            self.x + self.width / 2,
            self.y + height / 2,
        )


# -- skies and light --------------------------------------------------------------------------


@lru_cache(maxsize=64)
def gradient(size: Size, *stops: tuple[float, Colour]) -> Image.Image:
    """Return a vertical gradient through (height from 0 at the top to 1, colour) stops."""
    heights = np.linspace(0.0, 1.0, size[1])
    places = [place for place, _ in stops]
    rows = np.stack(
        [np.interp(heights, places, [colour[c] for _, colour in stops]) for c in range(3)], axis=-1
    )
    # Half a level of noise hides the bands that a codec makes of a smooth sky.
    noise = np.random.default_rng(1).uniform(-1.0, 1.0, (size[1], size[0], 1))
    return Image.fromarray(np.clip(rows[:, None, :] + noise, 0, 255).astype(np.uint8))


@lru_cache(maxsize=64)
def radial(size: Size, centre: Point, radius: float, power: float = 2.0) -> Image.Image:
    """Return a mask that falls from 255 at ``centre`` to 0 at ``radius``."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    distance = np.hypot(x - centre[0], y - centre[1]) / radius
    return Image.fromarray((255 * np.clip(1 - distance, 0, 1) ** power).astype(np.uint8))


def glow(picture: Image.Image, mask: Image.Image, colour: Colour, strength: float) -> Image.Image:
    """Return the picture with light of a colour added where the mask is bright."""
    scaled = tuple(int(min(255, c * strength)) for c in colour)
    light = Image.composite(
        Image.new("RGB", picture.size, scaled), Image.new("RGB", picture.size), mask
    )
    return ImageChops.screen(picture, light)


def vignette(picture: Image.Image, strength: float = 0.6) -> Image.Image:
    """Return the picture with its corners darkened."""
    width, height = picture.size
    mask = radial((width, height), (width / 2, height / 2), math.hypot(width, height) * 0.62, 0.7)
    dark = ImageEnhance.Brightness(picture).enhance(1.0 - strength)
    return Image.composite(picture, dark, mask)


@lru_cache
def clouds(size: Size, seed: int, slope: float = 1.6) -> Image.Image:
    """Return cloud-like noise in grey that repeats seamlessly: white noise with a 1/f spectrum."""
    noise = np.random.default_rng(seed).standard_normal((size[1], size[0]))
    down = np.fft.fftfreq(size[1])[:, None] * size[1]
    across = np.fft.fftfreq(size[0])[None, :] * size[0]
    frequency = np.maximum(1.0, np.hypot(down, across))
    field = np.fft.ifft2(np.fft.fft2(noise) / frequency**slope).real
    low, high = np.percentile(field, (2, 98))
    return Image.fromarray((255 * np.clip((field - low) / (high - low), 0, 1)).astype(np.uint8))


def rays(
    size: Size, centre: Point, turn: float, count: int, one: Colour, other: Colour
) -> Image.Image:
    """Return sunrays: wedges of two colours around ``centre``, turned by ``turn`` radians."""
    picture = Image.new("RGB", (size[0] * FINE, size[1] * FINE), one)
    draw = ImageDraw.Draw(picture)
    reach = 2.0 * math.hypot(*size)
    for wedge in range(count):
        first = turn + wedge * 2 * math.pi / count
        corners = [centre] + [
            (centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle))
            for angle in (first, first + math.pi / count)
        ]
        draw.polygon([(x * FINE, y * FINE) for x, y in corners], fill=other)
    return picture.reduce(FINE)


# -- things that fall -------------------------------------------------------------------------


def rain(picture: Image.Image, now: float, seed: int, count: int, strength: float) -> Image.Image:
    """Return the picture with ``count`` slanted streaks of rain at time ``now``."""
    width, height = picture.size
    drops = np.random.default_rng(seed).random((count, 4))
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for x, y, depth, shade in drops:
        length = between(14, 44, depth)
        top = (y * (height + length) + now * between(620, 1250, depth)) % (height + length) - length
        left = (x * (width + 80) - 0.18 * top) % (width + 80) - 40
        bright = int(255 * strength * between(0.35, 1.0, shade))
        draw.line((left, top, left - 0.18 * length, top + length), fill=bright, width=1)
    return Image.composite(Image.new("RGB", picture.size, (190, 205, 225)), picture, mask)


def confetti(picture: Image.Image, now: float, seed: int, count: int) -> Image.Image:
    """Return the picture with ``count`` falling, tumbling scraps of coloured paper."""
    width, height = picture.size
    colours = ((255, 59, 92), (255, 196, 0), (0, 196, 140), (36, 123, 255), (255, 255, 255))
    large = picture.resize((width * FINE, height * FINE), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(large)
    for number, (x, y, speed, spin, sway) in enumerate(
        np.random.default_rng(seed).random((count, 5))
    ):
        fall = (y * (height + 40) + now * between(70, 170, speed)) % (height + 40) - 20
        drift = x * width + 16 * math.sin(now * between(1.5, 3.5, sway) + 6 * spin)
        angle = now * between(2, 6, spin) + 6 * sway
        flat = abs(math.cos(now * between(3, 7, speed) + 6 * spin))  # it turns edge-on
        long, short = between(4.0, 6.5, sway), between(0.8, 4.0, flat)
        corners = [
            (
                FINE * (drift + a * long * math.cos(angle) - b * short * math.sin(angle)),
                FINE * (fall + a * long * math.sin(angle) + b * short * math.cos(angle)),
            )
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        draw.polygon(corners, fill=colours[number % len(colours)])
    return large.reduce(FINE)


# -- words ------------------------------------------------------------------------------------


@lru_cache
def font(size: int, serif: bool) -> ImageFont.FreeTypeFont:
    """Return DejaVu Serif, or Aileron, which Pillow ships (it has no umlauts)."""
    return ImageFont.truetype(SERIF, size) if serif else ImageFont.load_default(size)


@lru_cache(maxsize=64)
def words(
    text: str,
    size: int,
    colour: Colour,
    serif: bool = False,
    bold: bool = True,
    box: Colour | None = None,
    outline: Colour | None = None,
) -> Image.Image:
    """Return one line of text on a transparent layer that fits it.

    It stands on a filled ``box``, or in an ``outline``, or else on a soft shadow.
    """
    letters = font(size, serif)
    # Aileron comes in one weight: a stroke in the text's own colour makes it bold, and the
    # letters move apart by what the stroke takes from the space between them.
    stroke = max(1, round(size * 0.028)) if bold else 0
    edge = max(2, round(size * 0.07)) if outline else 0
    spread = 1.6 * stroke + 0.8 * edge
    places = [letters.getlength(text[:end]) + end * spread for end in range(len(text))]
    length = letters.getlength(text) + (len(text) - 1) * spread
    pad, (up, down) = round(size * 0.38), letters.getmetrics()
    layer = Image.new("RGBA", (math.ceil(length) + 2 * pad, up + down + pad))

    def write(fill: tuple[int, ...], width: int) -> None:
        draw = ImageDraw.Draw(layer)
        for letter, place in zip(text, places, strict=True):
            at = (pad + place, pad / 2)
            draw.text(at, letter, fill, letters, stroke_width=width, stroke_fill=fill, anchor="la")

    if box:
        ImageDraw.Draw(layer).rectangle((0, 0, layer.width, layer.height), fill=(*box, 255))
    elif outline:
        write(outline, stroke + edge)
    else:
        write((0, 0, 0, 170), stroke + 1)
        layer = layer.filter(ImageFilter.GaussianBlur(size * 0.07))
    write(colour, stroke)
    return layer


def paste(
    picture: Image.Image, layer: Image.Image, centre: Point, opacity: float = 1.0
) -> Image.Image:
    """Return the picture with a transparent layer on it, its middle at ``centre``."""
    if opacity < 1.0:
        layer = layer.copy()
        layer.putalpha(layer.getchannel("A").point(lambda alpha: int(alpha * opacity)))
    result = picture.copy()
    corner = (round(centre[0] - layer.width / 2), round(centre[1] - layer.height / 2))
    result.paste(layer, corner, layer)
    return result


def polygon(picture: Image.Image, shapes: Sequence[tuple[Sequence[Point], Colour]]) -> Image.Image:
    """Return the picture with smooth-edged filled polygons on it."""
    large = picture.resize((picture.width * FINE, picture.height * FINE), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(large)
    for corners, colour in shapes:
        draw.polygon([(x * FINE, y * FINE) for x, y in corners], fill=colour)
    return large.reduce(FINE)
