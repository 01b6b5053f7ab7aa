"""Recipes for video files of every kind, made on the spot with ffmpeg."""

import subprocess
import zlib
from pathlib import Path

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4")
SOUND = ("-f", "lavfi", "-i", "sine=d=4:r=48000")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def make(path: Path, *arguments: str) -> Path:
    """Run ffmpeg to make ``path`` and return it."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, f"file:{path}"]
    subprocess.run(command, check=True, timeout=120)
    return path


def plain(path: Path) -> Path:
    return make(path, *PICTURE, *SOUND, *X264, "-c:a", "aac")


def lavfi(source: str) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", source)


def clock(seconds: float, *, rate: int = 25, size: str = "160x120") -> str:
    """Return a source whose brightness tells the time: the red value is 4 times the frame number.

    Red of frame k is 4 k modulo 256, as a grey picture.
    """
    return f"color=black:s={size}:r={rate}:d={seconds},format=gray,geq=lum='mod(4*N,256)'"


def joined(target: Path, *parts: Path) -> Path:
    """Copy files end to end, as recordings of a broadcast are."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def png_bomb(target: Path, side: int) -> Path:
    """Make a Matroska file of one PNG that claims ``side`` x ``side`` pixels, in little memory."""
    small = make(target.with_suffix(".png"), *PICTURE, "-frames:v", "1", "-pix_fmt", "gray")
    data = bytearray(small.read_bytes())
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    small.write_bytes(data)
    return make(target, "-f", "png_pipe", "-i", str(small), "-c", "copy")


def head(source: Path, target: Path, share: float) -> Path:
    """Copy the first ``share`` of a file."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def scramble(source: Path, target: Path, start: float, end: float) -> Path:
    """Copy a file with the bytes between two shares of it replaced by noise."""
    data = bytearray(source.read_bytes())
    state = 12345
    for index in range(int(len(data) * start), int(len(data) * end)):
        state = (1103515245 * state + 12345) % 2**31
        data[index] = state >> 16 & 255
    target.write_bytes(data)
    return target
