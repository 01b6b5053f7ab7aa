"""How much faster a long video is opened than decoded: python benchmarks/media.py

Makes a 10-minute 720p file with picture and sound, then times, one after the other and three
times each, (a) 16 frames and the whole sound as ``media.clip`` reads them, (b) the same with the
overview that the curves need, and (c) ffmpeg decoding the file through its fps filter to get
the same 16 frames. Prints one table of medians and ratios.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vemoclap.media import audio, clip, ffmpeg, frames, probe

SECONDS = 600
FRAMES = 16


def make(path: Path, seconds: int) -> None:
    """Make a 720p video that moves, with a key frame every 10 s at most, and a sound track."""
    source = f"testsrc2=s=1280x720:r=30:d={seconds},noise=alls=12:allf=t"
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source),
            *("-f", "lavfi", "-i", f"sine=frequency=330:d={seconds}:r=44100"),
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", str(path)),
        ],
        check=True,
    )


def frames_and_sound(path: Path) -> None:
    video = probe.inspect(path, path.name, path.stat().st_size, max_duration_s=1e9)
    frames.sample_frames(video, FRAMES)
    audio.read(video)


def whole_clip(path: Path) -> None:
    clip.open_clip(path, frame_count=FRAMES)


def fps_filter(path: Path, seconds: int) -> None:
    graph = f"fps={FRAMES}/{seconds},scale=640:360"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", ffmpeg.url(path), "-vf", graph, "-an", "-f", "rawvideo",
         "-pix_fmt", "rgb24", "-y", "/dev/null"],
        check=True,
    )  # fmt: skip


def timed(call: Callable[[], None], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.mp4"
        make(path, options.seconds)
        rows = {
            "ffmpeg's fps filter, frames only": lambda: fps_filter(path, options.seconds),
            "16 frames and the sound": lambda: frames_and_sound(path),
            "the same and the overview": lambda: whole_clip(path),
        }
        medians = {name: timed(call, options.repeats) for name, call in rows.items()}
        size = path.stat().st_size / 1e6
    table = Table(title=f"{options.seconds} s of 720p, {size:.0f} MB")
    for column in ("what", "seconds", "times faster"):
        table.add_column(column, justify="left" if column == "what" else "right")
    slowest = medians["ffmpeg's fps filter, frames only"]
    for name, seconds in medians.items():
        table.add_row(name, f"{seconds:.2f}", f"{slowest / seconds:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
