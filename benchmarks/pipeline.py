"""What the pipeline as it is built gains on this machine: python -m benchmarks.pipeline

Every stage of the paper preset runs through its real engine, with random weights of the published
sizes (``published.py``), the way it is built and the plain way (one frame, face, window or text
at a time). One run prints one table, medians in seconds.

On a CPU the plain way is measured three times: with the models as their libraries load them, in
single precision; with the types of numbers of the engine, but the library's own linear layers; and
with the engine itself. The ratios are to each of them, so that the last is what batching alone
gains. There the models are loaded one after the other and the whole is the sum; on a GPU all are
loaded, and the whole is measured once more, batched with OCR on the CPU beside the others.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from vemoclap.engines import precision

WAYS = 3  # of the plain way
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
    parser.add_argument(
        "--single",
        action="store_true",
        help="build all in single precision, as on a processor without products of bfloat16",
    )
    parser.add_argument("--only", help="roles, separated by commas")
    parser.add_argument("--scratch", type=Path, help="where to write up to 11 GB for a while")
    args = parser.parse_args()
    args.whisper = args.whisper or SPEECHES[args.device]
    return args


def _run(args: argparse.Namespace) -> None:
    from benchmarks import workload

    workload.fix_lengths()
    if args.single:
        workload.forget_bfloat16()
    chosen = args.only.split(",") if args.only else None
    stages = [stage for stage in workload.stages() if not chosen or stage.role in chosen]
    load = os.getloadavg()[0]
    rows: list[tuple[Any, tuple[float, ...]]] = []
    engines = {}
    for stage in stages:
        _write(stage, args)
        engine = stage.load(args.device)
        others = []
        if args.device == "cpu" and stage.artefact is not None:
            others = [stage.load_unprepared(single=single) for single in (True, False)]
        rows.append((stage, _measured(stage, (*others, engine), args)))
        print(stage.role, *(f"{one:.3f}" for one in rows[-1][1]), "s", file=sys.stderr)
        if args.device == "cuda":
            engines[stage] = engine
        del engine, others
    whole = tuple(sum(column) for column in zip(*(row[1] for row in rows), strict=True))
    how = "sum"
    if engines and not chosen:
        turns = range(args.repeats)
        plain = statistics.median(_seconds(lambda: _one_by_one(engines)) for _ in turns)
        batched = statistics.median(_seconds(lambda: _side_by_side(engines)) for _ in turns)
        whole = (plain,) * (len(whole) - 1) + (batched,)
        how = "measured, OCR beside the GPU when batched"
    _print(args, rows, whole, how, load)


def _write(stage: Any, args: argparse.Namespace) -> None:
    """Put the stage's weights where its engine looks for them."""
    from benchmarks import published
    from vemoclap.weights import cache

    if stage.artefact is None:
        return
    if args.size == "small":
        published.write_small(stage.artefact)
    elif stage.role == "transcribe":
        published.write_whisper(cache.place(stage.artefact), args.whisper)
    else:
        published.write(stage.artefact)


def _measured(stage: Any, engines: Sequence[Any], args: argparse.Namespace) -> tuple[float, ...]:
    """Return the median seconds of a stage, in turns once it is warm.

    They are of the plain way with each of ``engines``, the last of which is as it is built, and
    batched with that one. Where there is one engine only, all plain ones are its.
    """
    plain = stage.plain or stage.batched
    for engine in engines:
        stage.batched(engine)
    clock = time.process_time if args.one_core else time.perf_counter
    calls = [partial(plain, engine) for engine in engines]
    if stage.plain:  # else the last of these is the same call
        calls.append(partial(stage.batched, engines[-1]))
    turns = [[_seconds(call, clock) for call in calls] for _ in range(args.repeats)]
    found = [statistics.median(times) for times in zip(*turns, strict=True)]
    one_by_one, batched = found[: len(engines)], found[-1]
    return (*one_by_one[:1] * (WAYS - len(engines)), *one_by_one, batched)


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
    rows: list[tuple[Any, tuple[float, ...]]],
    whole: tuple[float, ...],
    how: str,
    load: float,
) -> None:
    import torch
    from rich.console import Console
    from rich.table import Table

    name = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    on_cpu = args.device == "cpu"
    shown = slice(None) if on_cpu else slice(WAYS - 1, None)  # a GPU has one plain way only
    headings = ("float32", "same types", "same engine")[shown]
    table = Table(title=f"{args.size} sizes, Whisper {args.whisper}, {name}")
    table.add_column("stage")
    table.add_column("work")
    for heading in (*(f"plain, {one}" for one in headings), "batched", "ratio to each"):
        table.add_column(heading, justify="right")
    for what, work, times in (
        *((stage.role, stage.what, times) for stage, times in rows),
        ("whole", how, whole),
    ):
        *plain, batched = times[shown]
        if what == "whole":
            table.add_section()
        ratios = "  ".join(f"{one / batched:.2f}" for one in plain)
        table.add_row(what, work, *(f"{one:.3f}" for one in (*plain, batched)), ratios)
    console = Console(width=140)
    console.print(
        f"median seconds of {args.repeats}; threads: {torch.get_num_threads()}; "
        f"{'processor' if args.one_core else 'clock'} time; load average "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after"
    )
    if on_cpu:
        console.print(
            f"models that write texts are built in {precision.of_cpu() or torch.float32}; plain, "
            "float32: as libraries load them; same types: those of the engine, with the library's "
            "own layers; same engine: what batching alone gains"
        )
    console.print(table)


if __name__ == "__main__":
    main()
