"""What batching gains on this machine: python -m benchmarks.pipeline

Every stage of the paper preset runs through its real engine, with random weights of the published
sizes (``published.py``), the way it is built and the plain way (one frame, face, window or text
at a time). One run prints one table, medians in seconds. Where the processor has products of
bfloat16, the models that write texts are built in it, and the plain way is measured with it and
without, since their libraries would load them in single precision. On a CPU the models are loaded
one after the other and the whole is the sum; on a GPU all are loaded, and the whole is measured
once more, batched with OCR on the CPU beside the others.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from vemoclap import arithmetic

SPEECHES = {"cpu": "small", "cuda": "large-v3"}  # Whisper's size unless one is given


def main() -> None:
    args = _arguments()
    if args.one_core:  # before torch and ONNX Runtime count their cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        # Before the engines are imported, since libraries read where they may write only once.
        os.environ["VEMOCLAP_HOME"] = folder
        _run(args)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--size",
        choices=("published", "small"),
        default="published",
        help="small: the miniatures of the tests, to see that all works",
    )
    parser.add_argument(
        "--whisper",
        choices=("tiny", "base", "small", "medium", "large-v3"),
        help="small on a CPU and large-v3, which is the paper's, on a GPU unless given",
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--one-core",
        action="store_true",
        help="use one core and count its time, not the clock's: for a CPU that others use too",
    )
    parser.add_argument("--only", help="roles, separated by commas")
    parser.add_argument("--scratch", type=Path, help="where to write up to 11 GB for a while")
    args = parser.parse_args()
    args.whisper = args.whisper or SPEECHES[args.device]
    return args


def _run(args: argparse.Namespace) -> None:
    from benchmarks import workload

    workload.fix_lengths()
    chosen = args.only.split(",") if args.only else None
    stages = [stage for stage in workload.stages() if not chosen or stage.role in chosen]
    load = os.getloadavg()[0]
    rows, engines = [], {}
    for stage in stages:
        _write(stage, args)
        engine = stage.load(args.device)
        apart = args.device == "cpu" and stage.writes and arithmetic.of_cpu() is not None
        single = stage.load_single(args.device) if apart else engine
        rows.append((stage, *_measured(stage, engine, single, args)))
        _, plain, same, batched = rows[-1]
        print(f"{stage.role}: {plain:.3f}, {same:.3f}, {batched:.3f} s", file=sys.stderr)
        if args.device == "cuda":
            engines[stage] = engine
        del engine, single
    plain, same, batched = (sum(row[place] for row in rows) for place in (1, 2, 3))
    how = "sum"
    if engines and not chosen:
        turns = range(args.repeats)
        plain = same = statistics.median(_seconds(lambda: _one_by_one(engines)) for _ in turns)
        batched = statistics.median(_seconds(lambda: _side_by_side(engines)) for _ in turns)
        how = "measured, OCR beside the GPU when batched"
    _print(args, rows, (plain, same, batched), how, load)


def _write(stage: Any, args: argparse.Namespace) -> None:
    """Put the stage's weights where its engine looks for them."""
    from benchmarks import published
    from vemoclap import weights

    if stage.artefact is None:
        return
    if args.size == "small":
        published.write_small(stage.artefact)
    elif stage.role == "transcribe":
        published.write_whisper(weights.place(stage.artefact), args.whisper)
    else:
        published.write(stage.artefact)


def _measured(
    stage: Any, engine: Any, single: Any, args: argparse.Namespace
) -> tuple[float, float, float]:
    """Return the median seconds of a stage, in turns once it is warm.

    They are of the plain way in single precision, of the plain way, and batched.
    """
    stage.batched(engine)
    if single is not engine:
        stage.batched(single)
    clock = time.process_time if args.one_core else time.perf_counter
    found: tuple[list[float], ...] = ([], [], [])
    for _ in range(args.repeats):
        if stage.plain:
            found[1].append(_seconds(lambda: stage.plain(engine), clock))
        if single is not engine:
            found[0].append(_seconds(lambda: stage.plain(single), clock))
        found[2].append(_seconds(lambda: stage.batched(engine), clock))
    plain, same, batched = found
    same = same or batched
    return tuple(statistics.median(times) for times in (plain or same, same, batched))


def _seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    call()
    return clock() - start


def _one_by_one(engines: dict[Any, Any]) -> None:
    for stage, engine in engines.items():
        (stage.plain or stage.batched)(engine)


def _side_by_side(engines: dict[Any, Any]) -> None:
    """Run all stages batched, OCR in a thread of its own, as it never needs the GPU."""
    with ThreadPoolExecutor(1) as beside:
        waiting = [
            beside.submit(stage.batched, engine)
            for stage, engine in engines.items()
            if stage.role == "ocr"
        ]
        for stage, engine in engines.items():
            if stage.role != "ocr":
                stage.batched(engine)
        for future in waiting:
            future.result()


def _print(
    args: argparse.Namespace,
    rows: list[Any],
    sums: tuple[float, float, float],
    how: str,
    load: float,
) -> None:
    import torch
    from rich.console import Console
    from rich.table import Table

    name = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    table = Table(title=f"{args.size} sizes, Whisper {args.whisper}, {name}")
    headings = (
        "stage",
        "work",
        "plain s",
        "plain s, as built",
        "batched s",
        "ratio",
        "of batching",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("stage", "work") else "right")
    for stage, *seconds in rows:
        ratios = _ratios(*seconds) if stage.plain else ("same call", "")
        table.add_row(stage.role, stage.what, *(f"{one:.3f}" for one in seconds), *ratios)
    table.add_section()
    table.add_row("whole", how, *(f"{one:.3f}" for one in sums), *_ratios(*sums))
    console = Console(width=140)
    console.print(
        f"median of {args.repeats}; threads: {torch.get_num_threads()}; "
        f"{'processor' if args.one_core else 'clock'} time; load average "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after; models that write texts are built "
        f"in {arithmetic.of_cpu() or torch.float32} on a CPU, and the first column has them in "
        "float32"
    )
    console.print(table)


def _ratios(plain: float, same: float, batched: float) -> tuple[str, str]:
    return f"{plain / batched:.2f}", f"{same / batched:.2f}"


if __name__ == "__main__":
    main()
