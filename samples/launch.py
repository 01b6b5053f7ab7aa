"""launch.mp4: joy. A bright morning, a rocket, a proud pilot and confetti."""

import math

import canvas
import numpy as np
import sounds
from canvas import View, between, ease
from film import Caption, Film, Shot
from PIL import Image, ImageDraw, ImageFilter
from sounds import Line

SIZE = (640, 360)
SECONDS = 14.4
FACE = (181.0, 62.0, 268.0, 172.0)  # of the astronaut photograph; MTCNN agrees within 2 pixels
PILOT_FROM, PILOT_TO = View(275, 165, 470), View(238, 150, 330)
MEDAL = 210  # pixels across the round portrait of the last shot
MEDAL_VIEW = View(232, 140, 260)
MEDAL_AT = (160, 178)
LINES = (
    Line(0.5, "Good morning! What a wonderful day!"),
    Line(3.15, "Everybody is ready, and happy."),
    Line(5.6, "Lift off! It is beautiful."),
    Line(8.0, "Eileen is a brilliant pilot."),
    Line(11.1, "We did it! We are so happy and proud."),
)


def morning(now: float) -> Image.Image:
    """Return a sunrise over green hills."""
    turn, height = 0.12 * now, between(250, 215, ease(now, 0, 2.8))
    beams = canvas.rays(SIZE, (320, height), turn, 16, (112, 196, 255), (150, 214, 255))
    sky = canvas.gradient(
        SIZE, (0, (40, 140, 255)), (0.55, (140, 214, 255)), (0.85, (255, 226, 150))
    )
    picture = Image.blend(sky, beams, 0.45)
    picture = canvas.glow(
        picture, canvas.radial(SIZE, (320, round(height)), 260), (255, 230, 120), 1
    )
    draw = ImageDraw.Draw(picture)
    draw.ellipse((262, height - 58, 378, height + 58), fill=(255, 226, 74))
    for x, y, scale, speed in (
        (90, 70, 1.0, 14),
        (480, 52, 0.8, 10),
        (600, 130, 1.1, 18),
        (-40, 150, 0.9, 16),
    ):
        picture = canvas.paste(picture, _cloud(scale), (x + speed * now, y))
    hills = []
    for level, depth, colour in (
        (262, 26, (122, 206, 92)),
        (296, 20, (74, 176, 78)),
        (326, 14, (42, 146, 70)),
    ):
        ridge = [
            (x, level + depth * math.sin(x / (60 + depth * 3) + level + 0.06 * now * depth / 20))
            for x in range(0, 641, 8)
        ]
        hills.append(([(0, 360), *ridge, (640, 360)], colour))
    picture = canvas.polygon(picture, hills)
    draw = ImageDraw.Draw(picture)
    for x, y, kind in np.random.default_rng(4).random((70, 3)):  # flowers, larger when nearer
        at, size = (640 * x, 300 + 58 * y), 0.8 + 1.4 * y
        petals = ((255, 255, 255), (255, 92, 120), (255, 214, 60))[int(3 * kind)]
        draw.ellipse((at[0] - size, at[1] - size, at[0] + size, at[1] + size), fill=petals)
    return picture


def _cloud(scale: float) -> Image.Image:
    layer = Image.new("RGBA", (round(170 * scale), round(92 * scale)), (255, 255, 255, 0))
    draw = ImageDraw.Draw(layer)
    for left, top, width in ((14, 34, 44), (40, 12, 58), (78, 22, 54), (112, 32, 44), (64, 38, 48)):
        box = [scale * edge for edge in (left, top, left + width, top + width)]
        draw.ellipse(box, fill=(255, 255, 255, 225))
    return layer.filter(ImageFilter.GaussianBlur(3 * scale))


def pad(now: float) -> Image.Image:
    """Return the rocket on its launch pad, the camera rising along it."""
    rocket = canvas.graded(canvas.photo("rocket"), light=1.35, colour=1.35, contrast=1.05)
    view = View(330, 272, 470).towards(View(330, 200, 590), ease(now, -0.4, 3.0))
    return view.picture(rocket, SIZE)


def flight(now: float) -> Image.Image:
    """Return a rocket that climbs into a blue sky on a column of smoke."""
    part = (now / 2.5) ** 2
    picture = canvas.gradient(
        SIZE, (0, (24, 110, 240)), (0.7, (120, 205, 255)), (1, (210, 240, 255))
    )
    for x, y, scale in ((110, 30, 1.1), (530, -10, 1.3), (60, -150, 1.2), (590, -190, 1.0)):
        picture = canvas.paste(picture, _cloud(scale), (x, y + 60 + 240 * part))
    shake = 1.5 * math.sin(61 * now), 1.2 * math.sin(47 * now + 1)
    x, y = 320 + shake[0], between(236, 96, part) + shake[1]
    picture = canvas.glow(
        picture, canvas.radial(SIZE, (320, round(y + 90)), 170), (255, 210, 110), 0.9
    )
    smoke = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    draw = ImageDraw.Draw(smoke)
    for puff, (side, phase, shade) in enumerate(np.random.default_rng(5).random((110, 3))):
        age = (now * 1.6 + phase) % 1.0
        down = y + 84 + age * 240
        spread = (12 + 120 * age**1.3) * (side - 0.5) * 2
        radius = 10 + 34 * age + (puff % 5)
        grey = int(between(222, 255, shade))
        box = (x + spread - radius, down - radius, x + spread + radius, down + radius)
        draw.ellipse(box, fill=(grey, grey, grey, int(235 * (1 - age * 0.5))))
    picture = canvas.paste(picture, smoke.filter(ImageFilter.GaussianBlur(4)), (320, 180))
    return canvas.polygon(picture, _rocket(x, y, now))


def _rocket(x: float, y: float, now: float) -> list[tuple[list[canvas.Point], canvas.Colour]]:
    flicker = 1 + 0.18 * math.sin(70 * now) + 0.1 * math.sin(113 * now)
    hull = [
        (-17, 60),
        (-20, 20),
        (-18, -20),
        (-10, -52),
        (0, -70),
        (10, -52),
        (18, -20),
        (20, 20),
        (17, 60),
    ]
    window = [(9 * math.cos(a), -14 + 9 * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 24)]
    parts = (
        ([(-13, 62), (0, 62 + 66 * flicker), (13, 62)], (255, 120, 24)),
        ([(-8, 62), (0, 62 + 42 * flicker), (8, 62)], (255, 232, 120)),
        ([(-18, 22), (-40, 66), (-36, 78), (-15, 58)], (230, 40, 60)),
        ([(18, 22), (40, 66), (36, 78), (15, 58)], (230, 40, 60)),
        (hull, (250, 250, 252)),
        ([(2, -68), (10, -52), (18, -20), (20, 20), (17, 60), (7, 60), (9, 0)], (214, 222, 236)),
        ([(-13, -42), (-10, -52), (0, -70), (10, -52), (13, -42)], (230, 40, 60)),
        ([(1.35 * a, 1.35 * (b + 14) - 14) for a, b in window], (52, 74, 120)),
        (window, (120, 214, 255)),
        ([(-4, 34), (4, 34), (5, 78), (-5, 78)], (230, 40, 60)),
    )
    return [([(x + a, y + b) for a, b in corners], colour) for corners, colour in parts]


def _pilot_view(now: float) -> View:
    return PILOT_FROM.towards(PILOT_TO, ease(now, -0.3, 4.0))


def pilot(now: float) -> Image.Image:
    """Return the portrait, the camera closing in on the face."""
    portrait = canvas.graded(canvas.photo("astronaut"), light=1.03, colour=1.3, contrast=1.03)
    return _pilot_view(now).picture(portrait, SIZE)


def party(now: float) -> Image.Image:
    """Return the portrait in a round frame amid sunrays and confetti."""
    picture = canvas.rays(SIZE, MEDAL_AT, 0.35 * now, 18, (255, 148, 40), (255, 196, 46))
    picture = canvas.glow(picture, canvas.radial(SIZE, MEDAL_AT, 300), (255, 240, 170), 0.8)
    return canvas.paste(canvas.confetti(picture, now, seed=9, count=150), _medal(), MEDAL_AT)


def _medal() -> Image.Image:
    portrait = canvas.graded(canvas.photo("astronaut"), light=1.05, colour=1.3)
    rim, fine = 8, canvas.FINE
    across = MEDAL + 2 * rim
    layer = Image.new("RGBA", (across, across), (255, 255, 255, 255))
    layer.paste(MEDAL_VIEW.picture(portrait, (MEDAL, MEDAL)), (rim, rim))
    ring = Image.new("L", (across * fine, across * fine), 0)
    ImageDraw.Draw(ring).ellipse((0, 0, across * fine - 1, across * fine - 1), fill=255)
    hole = Image.new("L", ring.size, 0)
    edge = (rim * fine, rim * fine, (across - rim) * fine, (across - rim) * fine)
    ImageDraw.Draw(hole).ellipse(edge, fill=255)
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    layer = Image.composite(layer, white, hole.reduce(fine))
    layer.putalpha(ring.reduce(fine))
    return layer


def _medal_face(_: float) -> canvas.BoxOf:
    left, top = MEDAL_AT[0] - MEDAL / 2, MEDAL_AT[1] - MEDAL / 2
    box = MEDAL_VIEW.place(FACE, (MEDAL, MEDAL))
    return (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def music() -> sounds.Sound:
    """Return a cheerful tune at 120 beats a minute: C, G, A minor, F on plucked strings."""
    track = sounds.silence(SECONDS)
    chords = ((60, 64, 67), (55, 59, 62), (57, 60, 64), (53, 57, 60))
    tune = (76, 79, 84, 79, 74, 79, 83, 79, 72, 76, 81, 76, 77, 81, 84, 88)
    beat = 0.5
    for number in range(math.ceil(SECONDS / beat)):
        at, chord = number * beat, chords[number // 4 % 4]
        sounds.add(track, sounds.string(chord[0] - 12, 0.5, 0.45, 3.0), at, 0.6)
        sounds.add(track, sounds.kick(), at, 0.7)
        for step, note in enumerate((*chord, chord[1])):
            sounds.add(track, sounds.string(note + 12, 0.6, 0.5, 5.5), at + step * beat / 4, 0.22)
        sounds.add(track, sounds.string(tune[number % 16], 1.0, 0.35, 4.0), at, 0.4)
        for half in (0.25, 0.5):
            sounds.add(track, sounds.shaker(number), at + half * beat * 2 - 0.25, 0.05)
    return track


def film() -> Film:
    """Return the whole clip."""
    spoken = sounds.speak(LINES, "en-us+f3", words_per_minute=165, pitch=58)
    track = sounds.ducked(music() * 0.22, spoken, under=0.14)
    sounds.add(track, sounds.noise(2.4, 3, 40, 500, 0.6), 5.0, 0.05)  # the engines
    for line in spoken:
        sounds.add(track, line.sound, line.start_s, 0.9)
    navy, red = (18, 34, 84), (214, 32, 60)
    return Film(
        name="launch.mp4",
        shows="A bright morning, a rocket launch and a proud pilot, with cheerful music and speech",
        emotion="joy",
        size=SIZE,
        rate_fps=25,
        duration_s=SECONDS,
        shots=(
            Shot(0.0, morning),
            Shot(2.8, pad),
            Shot(5.2, flight),
            Shot(7.6, pilot, face=lambda now: _pilot_view(now).place(FACE, SIZE)),
            Shot(10.8, party, face=_medal_face),
        ),
        captions=(
            Caption("GOOD MORNING!", 0.4, 2.55, at=(320, 84), size=62),
            Caption("What a wonderful day", 0.8, 2.55, at=(320, 142), size=34),
            Caption("READY FOR LAUNCH", 3.2, 4.95, at=(28, 318), left=True, size=28, box=red),
            Caption("LIFT OFF!", 5.6, 7.35, at=(178, 92), size=54, outline=navy),
            Caption("EILEEN COLLINS", 8.0, 10.55, at=(28, 286), left=True, size=32, box=navy),
            Caption("ASTRONAUT AND PILOT", 8.2, 10.55, at=(28, 329), left=True, size=23, box=red),
            Caption("WE DID IT!", 11.1, 14.3, at=(460, 116), size=52, outline=red),
            Caption(
                "So happy and proud",
                11.5,
                14.3,
                at=(460, 182),
                size=29,
                colour=navy,
                box=(255, 255, 255),
            ),
            Caption(
                "#bestdayever",
                12.0,
                14.3,
                corrected="best day ever",
                at=(460, 240),
                size=32,
                outline=navy,
            ),
        ),
        sound=sounds.finished(track),
        spoken=spoken,
        language="eng",
    )
