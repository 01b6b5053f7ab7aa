"""abschied.mp4: sadness. A grey sea, an old photograph, rain on a window; in German and English."""

import math
from functools import lru_cache

import canvas
import numpy as np
import sounds
from canvas import View, between, ease
from film import Caption, Film, Shot
from launch import FACE
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps
from sounds import Line

SIZE = (640, 480)
SECONDS = 15.6
PRINT = (300, 300)  # pixels of the old photograph on the table
PRINT_VIEW = View(236, 150, 290)
PRINT_AT = (320, 196)
TABLE = (800, 600)  # larger than the picture: the camera closes in slowly
LINES = (
    Line(0.9, "Heute sage ich dir Lebewohl."),
    Line(5.2, "Du bist so weit fort von mir."),
    Line(9.2, "Das Haus ist leer und still."),
)


def sea(now: float) -> Image.Image:
    """Return grey waves under a dark sky; a small boat with a lamp sails away."""
    picture = canvas.gradient(
        SIZE, (0, (26, 30, 38)), (0.56, (92, 98, 104)), (0.58, (92, 98, 104)), (1, (30, 34, 40))
    )
    cover = canvas.clouds((960, 300), 12).crop(
        (round(60 + 5 * now), 0, round(60 + 5 * now) + 640, 270)
    )
    sky = ImageOps.colorize(cover, (20, 23, 29), (112, 116, 120))
    picture.paste(Image.blend(picture.crop((0, 0, 640, 270)), sky, 0.6), (0, 0))
    boat_x, boat_y = 400 + 7 * now, 268 + 1.5 * math.sin(1.3 * now)
    hull = [(-24, 0), (22, 0), (15, 9), (-18, 9)]
    sail = [(-1, -3), (-1, -44), (17, -3)]
    waves = []
    for level in range(9):
        height, depth = 272 + level**1.55 * 7.2, 1.2 + level * 1.0
        length, speed = 26 + 15 * level, (1.1 - 0.05 * level) * (-1 if level % 2 else 1)
        crest = [
            (
                x,
                height
                + depth * math.sin(x / length + speed * now + 2.4 * level)
                + depth * 0.5 * math.sin(x / (length * 0.43) - 1.4 * speed * now + level),
            )
            for x in range(0, 641, 8)
        ]
        tone = between(78, 24, level / 8) + (7 if level % 2 else 0)
        waves.append(
            ([(0, 480), *crest, (640, 480)], (int(tone * 0.9), int(tone * 0.97), int(tone * 1.06)))
        )
    boat = [
        ([(boat_x + a, boat_y + b) for a, b in hull], (20, 21, 24)),
        ([(boat_x + a, boat_y + b) for a, b in sail], (150, 150, 146)),
    ]
    picture = canvas.polygon(picture, [waves[0], *boat, *waves[1:]])
    lamp = canvas.radial(SIZE, (round(boat_x - 16), round(boat_y - 6)), 26)
    return canvas.vignette(canvas.glow(picture, lamp, (255, 206, 140), 0.8), 0.55)


@lru_cache
def _table() -> Image.Image:
    """Return the portrait as a yellowed, scratched print on a dark table."""
    wood = canvas.clouds((TABLE[0], 40), 17, 1.2).resize(TABLE, Image.Resampling.BICUBIC)
    table = ImageOps.colorize(wood, (14, 12, 11), (46, 40, 36))
    frame, (left, top) = 16, (TABLE[0] // 2 - PRINT[0] // 2, _print_top())
    shadow = Image.new("L", TABLE)
    edge = (left - frame, top - frame, left + PRINT[0] + frame, top + PRINT[1] + 2 * frame)
    ImageDraw.Draw(shadow).rectangle([value + 8 for value in edge], fill=190)
    shadow = shadow.filter(ImageFilter.GaussianBlur(10))
    table = Image.composite(Image.new("RGB", TABLE), table, shadow)
    ImageDraw.Draw(table).rectangle(edge, fill=(176, 171, 160))
    grey = PRINT_VIEW.picture(canvas.photo("astronaut"), PRINT).convert("L")
    old = ImageOps.colorize(ImageOps.autocontrast(grey, 1), (22, 20, 20), (196, 190, 178))
    dice = np.random.default_rng(2)
    marks = Image.new("L", PRINT)
    for x, y, length, shade in dice.random((46, 4)):
        # Scratches stay off the face: a restorer would have seen to that first.
        start = (x * PRINT[0], y * PRINT[1])
        draw = ImageDraw.Draw(marks)
        draw.line(
            (*start, start[0] + 5 * (shade - 0.5), start[1] + 40 * length**2),
            fill=int(60 + 60 * shade),
        )
    keep = canvas.radial(PRINT, _face_middle(), 110, 0.3).point(
        lambda value: 255 if value > 0 else 0
    )
    marks = ImageChops.subtract(marks, keep)
    old = Image.composite(Image.new("RGB", PRINT, (196, 190, 178)), old, marks)
    table.paste(canvas.vignette(old, 0.35), (left, top))
    return table


def _print_top() -> int:
    return 90


def _face_middle() -> canvas.Point:
    left, top, right, bottom = PRINT_VIEW.place(FACE, PRINT)
    return ((left + right) / 2, (top + bottom) / 2)


def _table_view(now: float) -> View:
    return View(400, 286, 720).towards(View(400, 268, 600), ease(now, -0.6, 5.6))


def photograph(now: float) -> Image.Image:
    """Return the print on the table, the camera closing in."""
    return canvas.vignette(_table_view(now).picture(_table(), SIZE), 0.6)


def _print_face(now: float) -> canvas.BoxOf:
    left, top = TABLE[0] // 2 - PRINT[0] // 2, _print_top()
    box = PRINT_VIEW.place(FACE, PRINT)
    return _table_view(now).place((box[0] + left, box[1] + top, box[2] + left, box[3] + top), SIZE)


@lru_cache
def _outside() -> Image.Image:
    """Return blurred street lamps in the rain, as seen through wet glass."""
    picture = canvas.gradient(SIZE, (0, (22, 26, 33)), (0.7, (44, 48, 54)), (1, (22, 23, 26)))
    for x, y, size, warmth in np.random.default_rng(14).random((15, 4)):
        centre, radius = (40 + 560 * x, 150 + 190 * y), 16 + 34 * size
        disc = canvas.radial(SIZE, centre, radius, 0.35)
        picture = canvas.glow(picture, disc, (int(150 + 50 * warmth), 150, 128), 0.4)
    return picture.filter(ImageFilter.GaussianBlur(5))


def window(now: float) -> Image.Image:
    """Return a window at night with drops that run down the pane."""
    picture = _outside()
    lens = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)  # a drop shows the world upside down
    mask = Image.new("L", SIZE)
    draw = ImageDraw.Draw(mask)
    for x, y, size, start in np.random.default_rng(19).random((150, 4)):
        radius = 1.5 + 3.8 * size**2
        draw.ellipse(
            (x * 640 - radius, y * 480 - radius, x * 640 + radius, y * 480 + 1.2 * radius),
            fill=int(110 + 100 * start),
        )
    for x, y, pace, start in np.random.default_rng(20).random((22, 4)):
        # A drop sticks, then slides: its pace comes and goes.
        way = now * between(24, 60, pace) + 9 * math.sin(2.2 * now + 7 * start)
        foot = (y * 560 + way) % 560 - 40
        left = x * 640 + 3 * math.sin(foot / 24)
        draw.line((left, foot - 60, left, foot), fill=70, width=2)
        draw.ellipse((left - 3.5, foot - 4, left + 3.5, foot + 6), fill=215)
    wet = canvas.graded(lens, light=2.1)
    picture = Image.composite(wet, picture, mask.filter(ImageFilter.GaussianBlur(0.8)))
    draw = ImageDraw.Draw(picture)
    for left in (34, 594):
        draw.rectangle((left, 0, left + 12, 480), fill=(11, 11, 12))
    draw.rectangle((0, 396, 640, 410), fill=(11, 11, 12))
    return canvas.vignette(picture, 0.6)


def stars(now: float) -> Image.Image:
    """Return a night sky in which one star moves slowly away."""
    picture = canvas.gradient(SIZE, (0, (8, 9, 14)), (1, (26, 28, 36))).copy()
    draw = ImageDraw.Draw(picture)
    for x, y, size, phase in np.random.default_rng(33).random((120, 4)):
        level = int(between(50, 150, size) * (0.75 + 0.25 * math.sin(2 * now + 7 * phase)))
        draw.point((x * 640, y * 400), fill=(level, level, level))
    at = (round(180 + 34 * now), round(150 - 12 * now))
    picture = canvas.glow(picture, canvas.radial(SIZE, at, 18), (230, 230, 220), 0.9 - 0.12 * now)
    return canvas.vignette(picture, 0.5)


def dark(_: float) -> Image.Image:
    """Return black."""
    return Image.new("RGB", SIZE)


def music() -> sounds.Sound:
    """Return slow single notes in A minor on something like a piano, over a soft sea."""
    track = sounds.silence(SECONDS)
    notes = (57, 64, 69, 72, 53, 60, 65, 69, 50, 57, 62, 65, 52, 59, 64, 68, 57, 64, 69)
    for number, note in enumerate(notes):
        at = 0.3 + 0.8 * number
        loud = 0.9 if number % 4 == 0 else 0.55
        sounds.add(track, sounds.string(note, 4.0, 0.42, 1.3), at, loud)
        if number % 4 == 0:
            sounds.add(track, sounds.string(note - 12, 4.0, 0.35, 1.0), at, 0.5)
    sounds.add(track, sounds.surf(SECONDS, 61, 5.0), 0, 0.06)
    return track


def film() -> Film:
    """Return the whole clip."""
    spoken = sounds.speak(LINES, "de+f2", words_per_minute=125, pitch=32)
    track = sounds.ducked(music() * 0.14, spoken, under=0.15)
    for line in spoken:
        sounds.add(track, line.sound, line.start_s, 0.9)
    pale, grey = (214, 214, 208), (178, 180, 180)
    german = {
        "language": "de",
        "serif": True,
        "bold": False,
        "colour": pale,
        "rise": 0,
        "fade_s": 0.6,
    }
    english = {**german, "language": "en"}
    return Film(
        name="abschied.mp4",
        shows="A grey sea, an old photograph, rain on a window; slow notes and German speech",
        emotion="sadness",
        size=SIZE,
        rate_fps=25,
        duration_s=SECONDS,
        shots=(
            Shot(0.0, sea, fade_s=0.8),
            Shot(4.4, photograph, fade_s=0.8, face=_print_face),
            Shot(8.6, window, fade_s=0.8),
            Shot(12.2, stars, fade_s=0.8),
            Shot(14.9, dark, fade_s=0.6),
        ),
        captions=(
            Caption("Abschied", 1.0, 3.9, at=(320, 104), size=64, **german),
            Caption(
                "Lebewohl, meine liebe Freundin",
                1.5,
                3.9,
                at=(320, 170),
                size=32,
                **{**german, "colour": grey},
            ),
            Caption("Ich warte noch immer auf dich", 5.8, 8.1, at=(320, 442), size=34, **german),
            Caption("Das Haus ist leer", 10.0, 11.6, at=(320, 190), size=44, **german),
            Caption("und du fehlst mir für immer", 10.3, 11.6, at=(320, 260), size=34, **german),
            Caption("I miss you so much", 13.2, 14.7, at=(320, 250), size=44, **english),
            Caption(
                "Nothing is the same without you", 13.5, 14.7, at=(320, 314), size=32, **english
            ),
        ),
        sound=sounds.finished(track, fade_s=1.5),
        spoken=spoken,
        language="deu",
    )
