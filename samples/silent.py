"""silent.webm: surprise. A phone video without sound: a coffee, a cat, a crash."""

import math

import canvas
from canvas import View, between, ease
from film import Caption, Film, Shot
from PIL import Image, ImageDraw, ImageFilter

SIZE = (360, 640)
SECONDS = 7.6
BAND = (360, 300)  # pixels of the photograph in the middle of the upright picture
BAND_TOP = 170
CREAM, INK, PINK, YELLOW = (250, 240, 222), (40, 30, 34), (255, 66, 108), (255, 214, 10)
CRASH_S = 3.9  # film time at which the cup hits the floor
CUP = View(274, 200, 396)


def _card(ground: canvas.Colour, band: Image.Image) -> Image.Image:
    picture = Image.new("RGB", SIZE, ground)
    picture.paste(band, (0, BAND_TOP))
    return picture


def coffee(now: float) -> Image.Image:
    """Return a cup of coffee under a slow camera."""
    view = View(285, 190, 400).towards(View(315, 195, 340), ease(now, -0.3, 2.6))
    return _card(CREAM, view.picture(canvas.photo("coffee"), BAND))


def cat(now: float) -> Image.Image:
    """Return a cat that looks aside, innocently."""
    view = View(235, 150, 350).towards(View(250, 150, 300), ease(now, 0, 2.0))
    return _card((196, 226, 236), view.picture(canvas.photo("chelsea"), BAND))


def fall(now: float) -> Image.Image:
    """Return the cup, tumbling down the picture."""
    picture = canvas.gradient(SIZE, (0, (255, 232, 150)), (1, (255, 176, 92)))
    cup = _cup().rotate(-250 * now, Image.Resampling.BICUBIC)
    picture = canvas.paste(
        picture, cup, (180 + 36 * math.sin(3 * now), between(-120, 700, (now / 0.8) ** 2))
    )
    draw = ImageDraw.Draw(picture)
    for x in (40, 110, 250, 320):  # speed lines
        top = (x * 7 - 1500 * now) % 700 - 60
        draw.line((x, top, x, top + 90), fill=(255, 255, 255), width=3)
    return picture


def _cup() -> Image.Image:
    across = 230
    layer = CUP.picture(canvas.photo("coffee"), (across, across)).convert("RGBA")
    mask = Image.new("L", (across * 2, across * 2))
    ImageDraw.Draw(mask).ellipse((6, 6, across * 2 - 6, across * 2 - 6), fill=255)
    layer.putalpha(mask.reduce(2))
    return layer


def crash(now: float) -> Image.Image:
    """Return a comic-book explosion that bursts and trembles."""
    grow = min(1.0, 0.35 + 5 * now) + 0.03 * math.sin(40 * now) * math.exp(-2 * now)
    picture = canvas.rays(SIZE, (180, 320), 0.5 * now, 14, (238, 44, 78), (255, 92, 92))
    rings = []
    for reach, colour in ((1.18, INK), (1.08, YELLOW), (0.82, (255, 255, 255))):
        corners = []
        for spike in range(26):
            angle = spike * math.pi / 13 + 0.1
            far = (172 if spike % 2 else 118) * (1 + 0.12 * math.sin(spike * 2.6)) * reach * grow
            corners.append((180 + far * math.cos(angle), 320 + far * math.sin(angle)))
        rings.append((corners, colour))
    picture = canvas.polygon(picture, rings)
    for number in range(16):  # drops of coffee
        angle = number * 2.4
        far = (90 + 240 * (1 - math.exp(-3 * now))) * (0.7 + 0.04 * (number % 9))
        x, y = 180 + far * math.cos(angle), 320 + far * math.sin(angle) + 130 * now**2
        radius = 5 + number % 5
        ImageDraw.Draw(picture).ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=(92, 48, 22)
        )
    return picture


def stare(now: float) -> Image.Image:
    """Return the cat's eyes, the camera leaping at them twice."""
    punch = ease(now, 0.0, 0.18) * 0.5 + ease(now, 1.1, 0.18) * 0.5
    view = View(245, 145, 330).towards(View(240, 108, 205), punch)
    shake = 4 * math.exp(-3 * (now % 1.1))
    view = View(
        view.x + shake * math.sin(50 * now), view.y + shake * math.sin(43 * now), view.width
    )
    band = view.picture(canvas.graded(canvas.photo("chelsea"), colour=1.25, contrast=1.08), BAND)
    picture = canvas.rays(SIZE, (180, 320), 0.8 * now, 16, YELLOW, (255, 178, 20))
    picture.paste(Image.new("RGB", (360, BAND[1] + 12), INK), (0, BAND_TOP - 6))
    picture.paste(band.filter(ImageFilter.UnsharpMask(2, 60)), (0, BAND_TOP))
    return picture


def film() -> Film:
    """Return the whole clip."""
    plain = {"colour": INK, "rise": 8}
    return Film(
        name="silent.webm",
        shows="An upright video without sound: a coffee, a cat, a crash and a very surprised stare",
        emotion="surprise",
        size=SIZE,
        rate_fps=30,
        duration_s=SECONDS,
        shots=(
            Shot(0.0, coffee),
            Shot(1.7, cat),
            Shot(3.1, fall),
            Shot(CRASH_S, crash),
            Shot(5.0, stare),
        ),
        captions=(
            Caption("A QUIET MORNING", 0.3, 1.45, at=(180, 96), size=32, box=CREAM, **plain),
            Caption("with a hot coffee", 0.5, 1.45, at=(180, 540), size=34, box=CREAM, **plain),
            Caption(
                "but then the cat", 1.9, 2.85, at=(180, 96), size=38, box=(196, 226, 236), **plain
            ),
            Caption(
                "CRASH", 4.1, 4.9, at=(180, 320), size=60, colour=PINK, outline=INK, fade_s=0.1
            ),
            Caption(
                "WOW WHAT", 5.2, 7.5, at=(180, 90), size=44, colour=(255, 255, 255), outline=INK
            ),
            Caption(
                "HAPPEND HERE?",
                5.2,
                7.5,
                corrected="happened here",
                at=(180, 540),
                size=31,
                colour=(255, 255, 255),
                outline=INK,
            ),
        ),
    )
