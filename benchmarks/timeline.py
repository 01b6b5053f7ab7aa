"""A timeline against the plain analysis of as many frames: python -m benchmarks.timeline

A video is made, with the embedded preset loaded once. Measured are the plain analysis of as many
frames as the timeline looks at, the timeline by windows, and the timeline of a video of half the
length, which tells whether cost is linear. One run prints one table.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "launch.mp4"
WARM_UP_S = 12
T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """What a call took."""

    clock_s: float
    processor_s: float  # of this process and its children, in which ffmpeg decodes

    def __truediv__(self, other: "Cost") -> tuple[float, float]:
        return self.clock_s / other.clock_s, self.processor_s / other.processor_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timeline", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--length", type=float, default=10.0)
    parser.add_argument("--step", type=float, default=5.0)
    parser.add_argument("--n", type=int, default=8, help="frames of a window")
    args = parser.parse_args()

    from vemoclap import Analyser, analyser, timeline_of

    machine = Analyser("embedded", device="cpu")
    options = {
        "by": "window",
        "length_s": args.length,
        "step_s": args.step,
        "frame_count": args.n,
        "analyser": machine,
    }
    with tempfile.TemporaryDirectory() as name:
        whole = _video(Path(name) / "whole.mp4", args.minutes * 60)
        half = _video(Path(name) / "half.mp4", args.minutes * 30)
        machine.analyze(_video(Path(name) / "short.mp4", WARM_UP_S), frame_count=2)
        found, timeline = _timed(lambda: timeline_of(whole, **options))
        looked = len({time for moment in found.moments for time in moment.times_s})
        _, halved = _timed(lambda: timeline_of(half, **options))
        analyser.MAX_FRAMES = max(analyser.MAX_FRAMES, looked)  # more than a user may ask for
        _, plain = _timed(lambda: machine.analyze(whole, frame_count=looked))
    spans = len(found.moments)
    print(f"{args.minutes:g} minutes of 640x360, {spans} windows, {looked} frames looked at\n")
    print("| | seconds | processor seconds |\n|---|---|---|")
    for what, cost in (
        (f"plain analysis of {looked} frames", plain),
        ("timeline", timeline),
        ("timeline of half the length", halved),
    ):
        print(f"| {what} | {cost.clock_s:.1f} | {cost.processor_s:.1f} |")
    for what, (clock, processor) in (
        ("timeline / plain", timeline / plain),
        ("whole / half", timeline / halved),
    ):
        print(f"| {what} | {clock:.2f} | {processor:.2f} |")
    print("\nWhere the timeline's time went, s:")
    print(", ".join(f"{s.stage} {s.seconds:.1f}" for s in found.stages if s.seconds >= 0.05))


def _timed(call: Callable[[], T]) -> tuple[T, Cost]:
    clock, processor = time.perf_counter(), _processor_s()
    result = call()
    return result, Cost(time.perf_counter() - clock, _processor_s() - processor)


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _video(path: Path, seconds: float) -> Path:
    """Repeat a sample, which has faces, text and speech, until it lasts so long."""
    command = ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", str(SAMPLE)]
    command += ["-map", "0:v", "-map", "0:a", "-t", str(seconds), "-vf", "scale=640:360"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    return path


if __name__ == "__main__":
    main()
