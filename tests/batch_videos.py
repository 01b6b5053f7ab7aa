"""Folders of many short videos, good and hostile, made in seconds."""

import os
import stat
import struct
from pathlib import Path

from tests.videos import SOUND, X264, lavfi, make, plain, png_bomb

SOURCES = ("testsrc2", "smptebars", "mandelbrot", "rgbtestsrc")
SECONDS = 1


def bases(folder: Path) -> list[Path]:
    """Make one video of each source, of a second at 64 x 48 with sound."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        make(
            folder / f"{name}.mp4",
            *lavfi(f"{name}=s=64x48:r=10"),
            *lavfi(f"sine=f={440 + 110 * number}:r=16000"),
            *("-t", str(SECONDS), *X264, "-c:a", "aac"),
        )
        for number, name in enumerate(SOURCES)
    ]


def variant(base: Path, target: Path, number: int) -> Path:
    """Copy a video with a number in a part that players pass over, so that its hash is its own."""
    note = f"number {number}".encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(base.read_bytes() + struct.pack(">I", 8 + len(note)) + b"free" + note)
    return target


def many(folder: Path, originals: list[Path], count: int) -> list[Path]:
    """Make ``count`` videos in a few folders, with stems that repeat from folder to folder."""
    return [
        variant(originals[n % len(originals)], folder / f"take{n % 7}" / f"{n // 7:03}.mp4", n)
        for n in range(count)
    ]


def hostile(folder: Path) -> dict[str, str]:
    """Make nine files that no batch should stumble over; return name -> how each must end.

    The tenth, which hangs, needs the decoder of ``hanging_ffprobe``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = plain(folder / ".whole.mp4")
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[:20_000])  # its index is at its end
    whole.unlink()
    (folder / "list.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n/etc/passwd\n#EXT-X-ENDLIST\n"
    )
    os.mkfifo(folder / "pipe.mp4")
    png_bomb(folder / "bomb.mkv", 16_000)
    (folder / "bomb.png").unlink()
    (folder / "words.mp4").write_text("This is no video.\n" * 50)
    (folder / "empty.mp4").touch()
    (folder / "gone.mp4").symlink_to(folder / "nowhere")
    make(folder / "sound.mp4", *SOUND, "-c:a", "aac")
    (folder / "noise.mp4").write_bytes(bytes(n * n * 31 % 251 for n in range(5000)))
    names = ("cut", "list", "pipe", "words", "empty", "gone", "sound", "noise")
    return {f"{name}.mp4": "refused" for name in names} | {"bomb.mkv": "refused"}


def hanging_ffprobe(folder: Path) -> str:
    """Return a PATH whose ffprobe sleeps over files with "hang" in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    rest = os.environ["PATH"]
    script = folder / "ffprobe"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *hang*) exec sleep 600;; esac\nPATH="{rest}"\nexec ffprobe "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{rest}"
