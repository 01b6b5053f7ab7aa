"""How much memory and time an analysis takes, by length and size of the video.

Every analysis runs in a process of its own, started afresh, whose memory is looked at many times
a second, that of the ffmpegs that it starts included.
"""

import csv
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from vemoclap.engines import roles
from vemoclap.errors import EngineError
from vemoclap.media import ffmpeg
from vemoclap.training import markdown, metrics, plots
from vemoclap.training.metrics import Spread

LENGTHS_S = (10, 60, 300, 900)
HEIGHTS = (360, 720, 1080)  # of 16:9 pictures
LOOP_S = 10  # videos repeat this much, so that long ones are made quickly
LOOK_EVERY_S = 0.02
MEBI = 2**20


@dataclass(frozen=True, slots=True)
class Case:
    """One video, analysed several times."""

    length_s: int
    height: int
    peak_mib: Spread  # of the analysing process and all that it starts
    seconds: Spread  # of the first analysis of a process: libraries and models are loaded in it


def measure(
    folder: Path,
    *,
    preset: str = roles.AUTO,
    device: str = "auto",
    lengths_s: Sequence[int] = LENGTHS_S,
    heights: Sequence[int] = HEIGHTS,
    repeats: int = 3,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Case]:
    """Return what analyses of generated videos take; the videos are made in ``folder``.

    Raises:
        EngineError: ffmpeg made no video, or an analysis failed.
    """
    cases: list[Case] = []
    total = len(lengths_s) * len(heights)
    for height in heights:
        loop = folder / f"loop-{height}.mp4"
        _make(loop, height)
        for length_s in lengths_s:
            video = folder / f"{height}p-{length_s}s.mp4"
            _repeat(loop, video, length_s)
            if progress:
                progress(f"{length_s} s of {height}p", len(cases), total)
            taken = [_analyse(video, preset, device) for _ in range(repeats)]
            video.unlink()
            peaks, seconds = zip(*taken, strict=True)
            cases.append(Case(length_s, height, metrics.spread(peaks), metrics.spread(seconds)))
        loop.unlink()
    return cases


def write(cases: Sequence[Case], about: str, out: Path) -> list[Path]:
    """Write the table, as Markdown and CSV, and the picture.

    Args:
        cases: what ``measure`` returned.
        about: the preset and the machine, in words.
        out: the folder.
    """
    paths = [out / f"memory.{suffix}" for suffix in ("md", "csv", "png")]
    text = markdown.render("batch/memory.md.j2", cases=cases, about=about)
    paths[0].write_text(text, "utf-8")
    with paths[1].open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        heads = ("length_s", "height", "peak_mib", "peak_mib_sd", "seconds", "seconds_sd", "runs")
        lines.writerow(heads)
        for case in cases:
            peak, seconds = case.peak_mib, case.seconds
            numbers = (peak.mean, peak.sd, seconds.mean, seconds.sd, seconds.runs)
            lines.writerow((case.length_s, case.height, *numbers))
    heights = sorted({case.height for case in cases})
    panels: list[tuple[str, Mapping[str, Sequence[tuple[float, Spread]]]]] = [
        (
            name,
            {
                f"{height}p": [
                    (float(case.length_s), getattr(case, number))
                    for case in cases
                    if case.height == height
                ]
                for height in heights
            },
        )
        for name, number in (("peak memory, MiB", "peak_mib"), ("seconds", "seconds"))
    ]
    plots.lines(paths[2], panels, "length of the video, s")
    return paths


# -- videos -----------------------------------------------------------------------------------


def _make(path: Path, height: int) -> None:
    size = f"{height * 16 // 9}x{height}"
    _ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={LOOP_S}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=16000:duration={LOOP_S}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", ffmpeg.url(path)),
    )


def _repeat(loop: Path, path: Path, length_s: int) -> None:
    _ffmpeg(
        *("-stream_loop", "-1", "-i", ffmpeg.url(loop), "-t", str(length_s)),
        *("-c", "copy", ffmpeg.url(path)),
    )


def _ffmpeg(*arguments: str) -> None:
    quiet = ("ffmpeg", "-nostdin", "-y", "-loglevel", "repeat+level+error")
    done = ffmpeg.run((*quiet, *arguments), "A generated video", timeout_s=600, sinks={})
    if done.code:
        why = done.complaints[0] if done.complaints else f"exit code {done.code}"
        raise EngineError(f"ffmpeg could not make a video to measure with ({why}).")


# -- one analysis -----------------------------------------------------------------------------


def _analyse(video: Path, preset: str, device: str) -> tuple[float, float]:
    """Return the peak memory in MiB and the seconds of one analysis."""
    afresh = multiprocessing.get_context("spawn")
    here, there = afresh.Pipe(duplex=False)
    process = afresh.Process(target=_work, args=(there, str(video), preset, device))
    process.start()
    there.close()
    peak = 0
    while process.is_alive():
        peak = max(peak, _resident(process.pid))
        time.sleep(LOOK_EVERY_S)
    process.join()
    try:
        answer = here.recv()
    except EOFError:
        answer = f"the process ended with {process.exitcode}"
    if isinstance(answer, str):
        raise EngineError(f"{video.name} could not be analysed: {answer}")
    return peak / MEBI, float(answer)


def _work(answer: Connection, video: str, preset: str, device: str) -> None:
    """Analyse a video and send the seconds it took, or what went wrong."""
    from vemoclap.analyser import Analyser
    from vemoclap.errors import VemoclapError

    try:
        start = time.perf_counter()
        Analyser(preset, device=device).analyze(video)
        answer.send(time.perf_counter() - start)
    except VemoclapError as error:
        answer.send(str(error))


def _resident(pid: int | None) -> int:
    """Return the bytes in memory of a process and its children, 0 once it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        return int(sum(_bytes(one) for one in (process, *process.children(recursive=True))))
    except psutil.NoSuchProcess:
        return 0


def _bytes(process: object) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined]
    except psutil.NoSuchProcess:
        return 0
