"""storm.mp4: fear. A city in a thunderstorm, a warning, and something at the end of a corridor."""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import canvas
import numpy as np
import sounds
from canvas import View, between, ease
from film import Caption, Film, Shot, Words
from PIL import Image, ImageDraw, ImageFilter, ImageOps

SIZE = (640, 360)
SECONDS = 9.0
WIDE = (900, 500)  # the city is larger than the picture, so that the camera can move in it
STREET = 360  # row of WIDE where the houses stand and their reflection starts
STRIKES_S = (0.9, 5.15, 7.05)  # lightning, in film time; the thunder comes at once: it is close
# Somebody in a cloak, centimetres from the middle of the door's sill. The cloak fills the door:
# with red on both sides of two legs, OCR takes it for a letter.
FIGURE = (
    ((-70, 0), (-70, 70), (-48, 128), (-20, 152), (20, 152), (48, 128), (70, 70), (70, 0)),
    ((-13, 148), (-16, 170), (-10, 186), (0, 192), (10, 186), (16, 170), (13, 148)),
)
SHOTS_S = (0.0, 2.2, 4.0, 5.0, 6.0, 6.5, 7.0, 7.5)


@lru_cache
def _city() -> Image.Image:
    """Return a skyline with a few lit windows, mirrored in a wet street."""
    dice = np.random.default_rng(11)
    picture = canvas.gradient(WIDE, (0, (8, 10, 20)), (0.72, (34, 38, 58)), (1, (34, 38, 58)))
    sky = ImageOps.colorize(canvas.clouds(WIDE, 4), (4, 5, 12), (62, 66, 92))
    picture = Image.blend(picture, sky, 0.55)
    draw = ImageDraw.Draw(picture)
    for shade, low, high, wide in (((24, 27, 42), 110, 250, 54), ((11, 12, 20), 60, 190, 74)):
        left = -20.0
        while left < WIDE[0]:
            width, height = wide * dice.uniform(0.7, 1.4), dice.uniform(low, high)
            top = STREET - height
            draw.rectangle((left, top, left + width, STREET), fill=shade)
            if dice.random() < 0.4:
                draw.line((left + width / 2, top - 26, left + width / 2, top), fill=shade, width=3)
            for x in np.arange(left + 8, left + width - 10, 15):
                for y in np.arange(top + 10, STREET - 14, 19):
                    if dice.random() < 0.11:
                        warm = (214, 158, 74) if dice.random() < 0.7 else (110, 150, 170)
                        draw.rectangle((x, y, x + 6, y + 9), fill=warm)
            left += width + dice.uniform(0, 8)
    street = ImageOps.flip(picture.crop((0, 2 * STREET - WIDE[1], WIDE[0], STREET)))
    street = canvas.graded(street.filter(ImageFilter.BoxBlur((2, 14))), light=0.95)
    picture.paste(street, (0, STREET))
    return picture


@lru_cache
def _bolt(seed: int, top: canvas.Point, foot: canvas.Point) -> Image.Image:
    """Return a mask of a bolt of lightning: a line whose middle is moved again and again."""
    dice = np.random.default_rng(seed)
    points = [np.array(top), np.array(foot)]
    spread = 60.0
    for _ in range(6):
        moved = [points[0]]
        for first, second in pairwise(points):
            middle = (first + second) / 2 + np.array([dice.uniform(-spread, spread), 0])
            moved += [middle, second]
        points, spread = moved, spread * 0.55
    mask = Image.new("L", SIZE)
    draw = ImageDraw.Draw(mask)
    path = [(float(x), float(y)) for x, y in points]
    draw.line(path, fill=255, width=3)
    for start in (18, 30, 41):
        x, y = path[start]
        twig = [(x + step * dice.uniform(3, 9), y + step * 9.0) for step in range(8)]
        draw.line(twig, fill=170, width=1)
    halo = mask.filter(ImageFilter.GaussianBlur(9)).point(lambda value: min(255, value * 4))
    return Image.fromarray(np.maximum(np.asarray(mask), np.asarray(halo)))


def _flash(film_s: float) -> float:
    """Return how bright the lightning is, 0 to 1: two quick strokes that die away."""
    best = 0.0
    for strike in STRIKES_S:
        since = film_s - strike
        if since >= 0:
            best = max(best, math.exp(-9 * since), 0.9 * math.exp(-7 * abs(since - 0.22)))
    return best if best > 0.02 else 0.0


def city(now: float) -> Image.Image:
    """Return the city, the camera drifting, one bolt of lightning."""
    view = View(470, 268, 800).towards(View(430, 258, 690), ease(now, -0.5, 3.4))
    picture = view.picture(_city(), SIZE)
    light = _flash(now)
    if light:
        picture = canvas.graded(picture, light=1 + 1.8 * light, colour=1 - 0.5 * light)
        bolt = _bolt(3, (452, -10), (410, 196))
        picture = canvas.glow(picture, bolt, (216, 226, 255), min(1.0, 1.3 * light))
    return canvas.vignette(canvas.rain(picture, now, 21, 260, 0.42), 0.7)


@lru_cache
def _fence() -> Image.Image:
    """Return a warning sign on a wire fence."""
    width, height = SIZE
    ground = ImageOps.colorize(canvas.clouds(SIZE, 8), (12, 14, 18), (44, 48, 54))
    draw = ImageDraw.Draw(ground)
    for x in range(-height, width, 22):
        draw.line((x, 0, x + height, height), fill=(84, 90, 98))
        draw.line((x + height, 0, x, height), fill=(66, 72, 80))
    for x in (36, 604):
        draw.rectangle((x - 6, 0, x + 6, height), fill=(70, 74, 80))
    draw.rectangle((118, 62, 522, 302), fill=(18, 16, 12))
    draw.rectangle((124, 68, 516, 296), fill=(236, 190, 20))
    stripes = Image.new("RGB", (392, 34), (236, 190, 20))
    for x in range(-40, 420, 44):
        ImageDraw.Draw(stripes).polygon(
            [(x, 34), (x + 22, 34), (x + 56, 0), (x + 34, 0)], fill=(18, 16, 12)
        )
    ground.paste(stripes, (124, 68))
    ground.paste(stripes, (124, 262))
    ground = canvas.paste(
        ground, canvas.words("DANGER", 78, (18, 16, 12), box=(236, 190, 20)), (320, 150)
    )
    ground = canvas.paste(
        ground, canvas.words("KEEP OUT", 56, (190, 16, 16), box=(236, 190, 20)), (320, 222)
    )
    rust = ImageOps.colorize(canvas.clouds(SIZE, 15, 1.3), (96, 78, 64), (255, 255, 255))
    return Image.blend(
        ground,
        Image.fromarray((np.asarray(ground) / 255.0 * np.asarray(rust)).astype(np.uint8)),
        0.7,
    )


def fence(now: float) -> Image.Image:
    """Return the sign in the beam of a trembling torch."""
    shake = 5 * math.sin(5.1 * now) + 2 * math.sin(17 * now), 4 * math.sin(6.3 * now + 1)
    view = View(320 + shake[0], 182 + shake[1], between(560, 500, ease(now, 0, 1.9)))
    picture = view.picture(_fence(), SIZE)
    beam = canvas.radial(SIZE, (round(320 - 3 * shake[0]), round(180 - 3 * shake[1])), 390, 0.8)
    picture = Image.composite(picture, canvas.graded(picture, light=0.08), beam)
    return canvas.rain(picture, now + 3, 22, 170, 0.35)


def corridor(now: float) -> Image.Image:
    """Return a long corridor under failing bulbs; at its end somebody stands in a red door."""
    dying = 0.6 + 0.4 * math.sin(43 * now) * math.sin(17 * now + 1)
    x, y = 320 + 3 * math.sin(23 * now), 182 + 3 * math.sin(29 * now)
    walked = 0.9 * now  # metres
    # The camera is held askew: upright, OCR takes the nested rectangles for a Chinese character.
    tilt = 0.3 + 0.06 * math.sin(3 * now)

    def spot(side: float, height: float, far: float) -> canvas.Point:
        scale = 300 / max(0.25, far - walked)  # one vanishing point, eyes 1.5 m above the floor
        right, up = scale * side, scale * (height - 1.5)
        return (
            x + right * math.cos(tilt) - up * math.sin(tilt),
            y - right * math.sin(tilt) - up * math.cos(tilt),
        )

    shapes: list[tuple[list[canvas.Point], canvas.Colour]] = []

    def slab(corners: list[tuple[float, float, float]], tone: canvas.Colour, light: float) -> None:
        lit = (int(tone[0] * light), int(tone[1] * light), int(tone[2] * light))
        shapes.append(([spot(*corner) for corner in corners], lit))

    end = 9
    for far in range(end - 1, -1, -1):
        light = (0.45 + 0.4 * dying) * (1 - 0.1 * far)
        near, back = far, far + 1
        for side in (-1.2, 1.2):
            wall = [(side, 0, near), (side, 0, back), (side, 2.6, back), (side, 2.6, near)]
            slab(wall, (78, 86, 80), light)
            rail = [(side, 0, near), (side, 0, back), (side, 1.0, back), (side, 1.0, near)]
            slab(rail, (44, 58, 54), light)
            if far % 3 == 2:
                door = [(side, 0, near + 0.1), (side, 0, back - 0.1), (side, 2, back - 0.1)]
                slab([*door, (side, 2, near + 0.1)], (34, 26, 22), light)
        for left in (-1.2, -0.4, 0.4):
            tile = [(left, 0, near), (left + 0.8, 0, near), (left + 0.8, 0, back), (left, 0, back)]
            slab(tile, (66, 64, 60) if (far + round(left * 2.5)) % 2 else (40, 40, 38), light)
        slab(
            [(-1.2, 2.6, near), (1.2, 2.6, near), (1.2, 2.6, back), (-1.2, 2.6, back)],
            (58, 60, 58),
            light,
        )
    slab([(-1.2, 0, end), (1.2, 0, end), (1.2, 2.6, end), (-1.2, 2.6, end)], (22, 12, 12), 1)
    slab([(-0.7, 0, end), (0.7, 0, end), (0.7, 2.3, end), (-0.7, 2.3, end)], (190, 18, 14), 1)
    for shape in FIGURE:
        slab([(side / 100, height / 100, end) for side, height in shape], (6, 3, 3), 1)
    picture = canvas.polygon(Image.new("RGB", SIZE), shapes)
    for far in (1.5, 4.5, 7.5):  # bare bulbs
        if far > walked + 1:
            at, radius = spot(0, 2.5, far), 90 / (far - walked)
            bulb = canvas.radial(SIZE, (round(at[0]), round(at[1])), radius)
            picture = canvas.glow(picture, bulb, (255, 250, 225), dying)
    picture = canvas.glow(picture, canvas.radial(SIZE, (320, 182), 200), (190, 20, 16), 0.6)
    return canvas.vignette(picture, 0.85)


@lru_cache
def _forest() -> Image.Image:
    """Return a mask of bare trees, white where they stand."""
    mask = Image.new("L", (SIZE[0] * 2, SIZE[1] * 2))
    draw = ImageDraw.Draw(mask)
    dice = np.random.default_rng(6)

    def branch(x: float, y: float, angle: float, length: float, width: float) -> None:
        end = x + length * math.cos(angle), y + length * math.sin(angle)
        draw.line((x, y, *end), fill=255, width=max(1, round(width)))
        if length > 14:
            for side in (-1, 1):
                turn = angle + side * dice.uniform(0.2, 0.65)
                branch(*end, turn, length * dice.uniform(0.66, 0.82), width * 0.62)

    for x in (60, 300, 520, 830, 1020, 1220):
        branch(
            x,
            760,
            -math.pi / 2 + dice.uniform(-0.1, 0.1),
            dice.uniform(150, 210),
            dice.uniform(20, 36),
        )
    return mask


def forest(start_s: float, shift: float) -> Callable[[float], Image.Image]:
    """Return a shot of bare trees before lightning, seen by somebody who runs."""

    def draw(now: float) -> Image.Image:
        light = _flash(start_s + now)
        back = ImageOps.colorize(canvas.clouds(SIZE, 31), (10, 12, 22), (52, 58, 82))
        back = canvas.graded(back, light=1 + 2.6 * light)
        if light:
            bolt = _bolt(int(10 * start_s), (250 + shift / 2, -10), (330 + shift / 2, 300))
            back = canvas.glow(back, bolt, (216, 226, 255), min(1.0, 1.2 * light))
        stride = 9 * math.sin(12 * now), 12 * abs(math.sin(12 * now))
        view = View(640 + shift + stride[0] + 60 * now, 350 + stride[1], 1020)
        trees = view.picture(_forest(), SIZE)
        picture = Image.composite(Image.new("RGB", SIZE, (3, 3, 6)), back, trees)
        return canvas.vignette(canvas.rain(picture, now + start_s, 23, 230, 0.4), 0.7)

    return draw


def black(now: float) -> Image.Image:
    """Return darkness that pulses with the heart."""
    beat = max(0.0, math.sin(2 * math.pi * 2.2 * now)) ** 4
    return canvas.glow(
        Image.new("RGB", SIZE), canvas.radial(SIZE, (320, 180), 420), (110, 6, 6), 0.35 + 0.5 * beat
    )


def music() -> sounds.Sound:
    """Return rain, wind, thunder, a heart that beats faster and faster, and rising strings."""
    track = sounds.silence(SECONDS)
    sounds.add(track, sounds.noise(SECONDS, 41, 900, 9000), 0, 0.035)
    sounds.add(track, sounds.gusts(SECONDS, 42), 0, 0.05)
    sounds.add(track, sounds.drone((36.7, 38.9, 55.0), SECONDS, 43), 0, 0.16)
    for number, strike in enumerate(STRIKES_S):
        sounds.add(track, sounds.thunder(3.2, 50 + 7 * number), strike, 0.2)
    at, gap = 1.6, 0.95
    while at < SECONDS - 0.6:
        sounds.add(track, sounds.heartbeat(), at, 0.55)
        at, gap = at + gap, max(0.45, gap * 0.9)
    sounds.add(track, sounds.riser(160, 640, 3.5), 4.0, 0.16)
    sounds.add(track, sounds.kick(), 7.5, 1.0)
    return track


def film() -> Film:
    """Return the whole clip."""
    red = (255, 46, 40)
    return Film(
        name="storm.mp4",
        shows="A city in a thunderstorm, a warning sign and a dark corridor, cut faster and faster",
        emotion="fear",
        size=SIZE,
        rate_fps=24,
        duration_s=SECONDS,
        shots=(
            Shot(SHOTS_S[0], city),
            Shot(SHOTS_S[1], fence),
            Shot(SHOTS_S[2], corridor),
            Shot(SHOTS_S[3], forest(SHOTS_S[3], 0)),
            Shot(SHOTS_S[4], lambda now: corridor(now + 1.0)),
            Shot(SHOTS_S[5], lambda now: fence(now + 1.2)),
            Shot(SHOTS_S[6], forest(SHOTS_S[6], 90)),
            Shot(SHOTS_S[7], black),
        ),
        captions=(
            Caption("SOMETHING IS OUT THERE", 1.1, 1.95, at=(320, 300), size=34, rise=0),
            Caption("DO NOT LOOK BACK", 5.2, 5.87, at=(320, 290), size=40, rise=0, fade_s=0.12),
            Caption("RUN FOR YOUR LIFE", 7.75, 8.9, at=(320, 180), size=54, colour=red, rise=0),
        ),
        signs=(
            Words("DANGER", SHOTS_S[1], SHOTS_S[2]),
            Words("KEEP OUT", SHOTS_S[1], SHOTS_S[2]),
            Words("DANGER", SHOTS_S[5], SHOTS_S[6]),
            Words("KEEP OUT", SHOTS_S[5], SHOTS_S[6]),
        ),
        sound=sounds.finished(music()),
    )
