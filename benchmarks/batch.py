"""Videos per minute of a batch: python -m benchmarks.batch

Makes short videos with faces, text and speech out of the project's own samples and reads them
through the embedded preset: each in a process of its own (`vemoclap analyze`), as a batch on this
machine, and as a batch on Ray with one and two workers. Prints one table. "whole" is from the
start of the command to its end; "running" counts from the first finished video to the last, so
that starting up and loading models, which are paid once, do not hide the rest.

With --memory N it reads N videos with one worker and prints the memory of all of the batch's
processes over time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ("launch.mp4", "storm.mp4", "abschied.mp4", "silent.webm")
SECONDS = 3  # of each video


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to read the videos."""

    way: str
    videos: int
    whole_s: float
    running_s: float | None  # per video, from the first that was finished on

    @property
    def whole_per_minute(self) -> float:
        return 60 * self.videos / self.whole_s


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        folder = Path(scratch)
        if args.memory:
            _memory(make(folder / "in", args.memory), folder, args.n)
        else:
            _speed(folder, args)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--videos", type=int, default=24, help="of each batch (24)")
    parser.add_argument("--apart", type=int, default=4, help="videos with a process each (4)")
    parser.add_argument("--n", type=int, default=16, help="frames of each video (16)")
    parser.add_argument("--ways", default="apart,local,ray 1,ray 2", help="which to measure")
    parser.add_argument("--memory", type=int, metavar="N", help="measure memory over N videos")
    parser.add_argument("--scratch", type=Path, help="where to write")
    return parser.parse_args()


def make(folder: Path, count: int) -> Path:
    """Cut videos of a few seconds out of the samples, each from another moment."""
    folder.mkdir()
    for number in range(count):
        sample = SAMPLES[number % len(SAMPLES)]
        start = (number // len(SAMPLES)) * 0.37 % 5
        command = ["ffmpeg", "-v", "error", "-ss", f"{start:.2f}"]
        command += ["-i", str(ROOT / "samples" / sample), "-t", str(SECONDS)]
        command += ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        subprocess.run([*command, str(folder / f"{number:04}.mp4")], check=True)
    return folder


def _speed(folder: Path, args: argparse.Namespace) -> None:
    videos = make(folder / "in", args.videos)
    wanted = args.ways.split(",")
    ways: list[Measured] = []
    if "apart" in wanted:
        ways.append(_apart(videos, folder, args.apart, args.n))
    if "local" in wanted:
        ways.append(_batch("local", videos, folder, args.n))
    for workers in (1, 2):
        if f"ray {workers}" in wanted:
            more = ("--engine", "ray", "--workers", str(workers))
            ways.append(_batch(f"ray {workers}", videos, folder, args.n, *more))
    table = Table(title=f"videos of {SECONDS} s, {args.n} frames, embedded preset, CPU")
    for heading in ("way", "videos", "s in all", "a minute, whole", "s each, running", "load"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    load = f"{os.getloadavg()[0]:.1f}"
    for one in ways:
        running = "" if one.running_s is None else f"{one.running_s:.2f}"
        table.add_row(
            one.way, str(one.videos), f"{one.whole_s:.1f}", f"{one.whole_per_minute:.1f}",
            running, load,
        )  # fmt: skip
    console = Console(width=110)
    console.print(table)
    by_way = {one.way: one for one in ways}
    if {"apart", "local"} <= set(by_way):
        ratio = by_way["local"].whole_per_minute / by_way["apart"].whole_per_minute
        running = by_way["apart"].whole_s / args.apart / (by_way["local"].running_s or 1)
        console.print(f"local against a process each: {ratio:.2f} times, running {running:.2f}.")
    for name in ("ray 1", "ray 2"):
        if {name, "local"} <= set(by_way):
            ratio = (by_way["local"].running_s or 0) / (by_way[name].running_s or 1)
            console.print(f"{name} against local, running: {ratio:.2f} times.")


def _apart(videos: Path, folder: Path, count: int, frames: int) -> Measured:
    start = time.perf_counter()
    for path in sorted(videos.iterdir())[:count]:
        command = [sys.executable, "-m", "vemoclap", "analyze", str(path), "--preset", "embedded"]
        command += ["--n", str(frames), "--out", str(folder / "apart" / path.stem), "--quiet"]
        subprocess.run([*command, "--device", "cpu"], check=True, cwd=ROOT)
    return Measured("apart", count, time.perf_counter() - start, None)


def _command(videos: Path, out: Path, frames: int, *more: str) -> list[str]:
    command = [sys.executable, "-m", "vemoclap", "batch", str(videos), "--out", str(out)]
    command += ["--preset", "embedded", "--device", "cpu", "--n", str(frames), "--quiet", *more]
    return command


def _batch(way: str, videos: Path, folder: Path, frames: int, *more: str) -> Measured:
    out = folder / way.replace(" ", "-")
    start = time.perf_counter()
    command = _command(videos, out, frames, *more)
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - start
    ended = sorted(_ended(out))
    running = (ended[-1] - ended[0]) / (len(ended) - 1)
    return Measured(way, len(ended), whole, running)


def _ended(out: Path) -> list[float]:
    lines = (out / "manifest.jsonl").read_text().splitlines()
    return [datetime.fromisoformat(json.loads(line)["ended"]).timestamp() for line in lines]


def _memory(videos: Path, folder: Path, frames: int) -> None:
    out = folder / "memory"
    process = subprocess.Popen(_command(videos, out, frames), cwd=ROOT, stdout=subprocess.DEVNULL)
    samples: list[tuple[int, float]] = []  # videos done, MB of Python processes
    while process.poll() is None:
        time.sleep(1)
        done = sum(1 for _ in (out / "results").glob("*")) if out.exists() else 0
        samples.append((done, _megabytes(process.pid)))
    count = sum(1 for _ in (out / "results").glob("*"))
    table = Table(title=f"memory of a batch of {count} videos, {frames} frames, one worker")
    table.add_column("videos done")
    table.add_column("median MB", justify="right")
    step = max(1, count // 10)
    for start in range(0, count, step):
        some = [mb for done, mb in samples if start < done <= start + step and mb]
        if some:
            table.add_row(f"{start + 1} to {start + step}", f"{statistics.median(some):.0f}")
    Console(width=80).print(table)


def _megabytes(pid: int) -> float:
    """Return what the master and its worker hold, without the decoders, which come and go."""
    total = 0
    try:
        one = psutil.Process(pid)
        for process in (one, *one.children()):
            used = process.memory_info()
            total += used.rss - used.shared
    except psutil.Error:
        return 0.0
    return total / 1e6


if __name__ == "__main__":
    main()
