"""What batching gains on this machine: python -m benchmarks.pipeline

Every stage of the paper preset runs through its real engine, with random weights of the published
sizes (``published.py``), the way it is built and the plain way (one frame, face, window or text
at a time). One run prints one table, medians in seconds. On a CPU the models are loaded one after
the other and the whole is the sum; on a GPU all are loaded, and the whole is measured once more,
batched with OCR on the CPU beside the others.
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
        rows.append((stage, *_measured(stage, engine, args)))
        _, plain, batched = rows[-1]
        print(f"{stage.role}: plain {plain:.3f} s, batched {batched:.3f} s", file=sys.stderr)
        if args.device == "cuda":
            engines[stage] = engine
        del engine
    plain, batched = (sum(row[place] for row in rows) for place in (1, 2))
    how = "sum"
    if engines and not chosen:
        turns = range(args.repeats)
        plain = statistics.median(_seconds(lambda: _one_by_one(engines)) for _ in turns)
        batched = statistics.median(_seconds(lambda: _side_by_side(engines)) for _ in turns)
        how = "measured, OCR beside the GPU when batched"
    _print(args, rows, plain, batched, how, load)


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


def _measured(stage: Any, engine: Any, args: argparse.Namespace) -> tuple[float, float]:
    """Return the median seconds of a stage, plain and batched, in turns once it is warm."""
    stage.batched(engine)
    clock = time.process_time if args.one_core else time.perf_counter
    plain, batched = [], []
    for _ in range(args.repeats):
        if stage.plain:
            plain.append(_seconds(lambda: stage.plain(engine), clock))
        batched.append(_seconds(lambda: stage.batched(engine), clock))
    return statistics.median(plain or batched), statistics.median(batched)


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
    args: argparse.Namespace, rows: list[Any], plain: float, batched: float, how: str, load: float
) -> None:
    import torch
    from rich.console import Console
    from rich.table import Table

    name = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    table = Table(title=f"{args.size} sizes, Whisper {args.whisper}, {name}")
    for heading in ("stage", "work", "plain s", "batched s", "ratio"):
        table.add_column(heading, justify="left" if heading in ("stage", "work") else "right")
    for stage, one_by_one, together in rows:
        ratio = f"{one_by_one / together:.2f}" if stage.plain else "same call"
        table.add_row(stage.role, stage.what, f"{one_by_one:.3f}", f"{together:.3f}", ratio)
    table.add_section()
    table.add_row("whole", how, f"{plain:.3f}", f"{batched:.3f}", f"{plain / batched:.2f}")
    console = Console(width=120)
    console.print(
        f"median of {args.repeats}; threads: {torch.get_num_threads()}; "
        f"{'processor' if args.one_core else 'clock'} time; load average "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after"
    )
    console.print(table)


if __name__ == "__main__":
    main()
