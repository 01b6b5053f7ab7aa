"""A video that means harm by words: in its title, its subtitles, its picture and its name."""

import html
import subprocess
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.analyses import hostile_payloads

SECONDS_EACH = 0.2
SHOWN = "<img src=x onerror=alert(7)>"  # on the screen, for OCR to read
NAME = "<img src=x onerror=alert(8)>&lt;svg onload=alert(9)&gt;.mkv"


def spoken() -> list[str]:
    """Return the payloads that fit into a subtitle."""
    return [one for one in hostile_payloads() if one.isprintable()]


def make(folder: Path) -> Path:
    """Write the video into a folder and return its path."""
    picture = Image.new("RGB", (640, 360), "#20304a")
    pen = ImageDraw.Draw(picture)
    pen.text((40, 150), SHOWN, "white", ImageFont.load_default(34))
    picture.save(folder / "picture.png")
    (folder / "subtitles.srt").write_text("".join(_cue(n, one) for n, one in enumerate(spoken())))
    title = "".join(spoken()[:3])
    length = SECONDS_EACH * len(spoken())
    path = folder / NAME.replace("/", "")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-loop", "1", "-framerate", "10",
         "-i", str(folder / "picture.png"), "-i", str(folder / "subtitles.srt"),
         "-map", "0:v", "-map", "1:s", "-t", f"{length}",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:s", "copy",
         "-metadata", f"title={title}", "-metadata:s:s:0", f"title={title}",
         "-metadata:s:s:0", "language=eng", f"file:{path}"],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def _cue(number: int, text: str) -> str:
    start, end = number * SECONDS_EACH, (number + 1) * SECONDS_EACH
    # A decoder of subtitles removes tags, and then makes tags of these.
    return f"{number + 1}\n{_time(start)} --> {_time(end)}\n{html.escape(text, quote=False)}\n\n"


def _time(seconds: float) -> str:
    return f"00:00:{int(seconds):02},{round(1000 * seconds) % 1000:03}"
