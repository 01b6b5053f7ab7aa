"""What memory the paper's models take: python -m benchmarks.residency

Prints one table: each role of the paper preset, its parameters and the bytes of its weights in the
precision that its engine uses on the device, computed from models without memory. With --build
each model is also made with random weights, loaded by its real engine and given its work
(``workload.py``), which is measured: what stays, and the peak. Role by role each has a process of
its own, which ends before the next starts; kept together all are in one.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# What the paper's web application runs on, a free Colab: a T4, and the machine's own memory.
BUDGETS_GB = {"cuda": (15.0, "15 GB of GPU"), "cpu": (12.7, "12.7 GB of RAM")}


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes of one process, of its own memory or of the GPU's."""

    before: int  # with torch imported and nothing loaded
    loading: int  # peak until the engine was ready
    after: int  # once the work was done; files that torch maps count only from then
    peak: int  # peak of all


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        os.environ["VEMOCLAP_HOME"] = folder
        os.environ["HF_HUB_OFFLINE"] = "1"
        _report(args.device, args.plan, args.build, single=args.single)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.residency", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--plan", choices=("together", "by-role"), default="by-role")
    parser.add_argument("--build", action="store_true", help="measure too; takes minutes")
    parser.add_argument(
        "--single",
        action="store_true",
        help="build all in single precision, as on a processor without products of bfloat16",
    )
    parser.add_argument("--scratch", type=Path, help="where to write up to 11 GB for a while")
    return parser.parse_args()


def _report(device: str, plan: str, build: bool, *, single: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from benchmarks import published
    from vemoclap.engines import roles

    artefacts = {model.role: name for name, model in published.MODELS.items()}
    computed = {name: published.bytes_on(name, device) for name in artefacts.values()}
    counts = {n: published.parameters(published.skeleton(n)) for n in artefacts.values()}
    measured: dict[str, Use] = {}
    if build:
        groups = [roles.ROLES] if plan == "together" else [(role,) for role in roles.ROLES]
        for group in groups:
            measured["+".join(group)] = _measure(group, device, single)

    headings = ["role", "weights", "parameters", "computed GB"]
    if build and plan == "by-role":
        headings += ["measured: stays GB", "peak GB"]
    table = Table(title=f"the paper preset on {device}" + (f", built {plan}" if build else ""))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < 2 else "right")
    for role in roles.ROLES:
        name = artefacts.get(role)
        row = [role, name or "in a wheel, on the CPU"]
        row += [f"{counts[name]:,}", _gb(computed[name])] if name else ["", ""]
        if role in measured:
            use = measured[role]
            row += [_gb(use.after - use.before), _gb(use.peak)]
        table.add_row(*row)
    table.add_section()
    total, largest = sum(computed.values()), max(computed.values())
    table.add_row("sum", "", f"{sum(counts.values()):,}", _gb(total))
    console = Console(width=120)
    console.print(table)
    for line in _verdicts(device, plan, total, largest, measured):
        console.print(line, soft_wrap=True)


def _verdicts(
    device: str, plan: str, total: int, largest: int, measured: dict[str, Use]
) -> list[str]:
    """Return what the numbers mean for the machine that the paper's application runs on."""
    budget, name = BUDGETS_GB[device]

    def fits(count: int) -> str:
        return (
            f"{_gb(count)} GB, which {'fits' if count <= budget * 1e9 else 'does not fit'} {name}"
        )

    lines = [
        "GB are 10^9 bytes.",
        f"Computed, weights alone, all kept: {fits(total)}.",
        f"Computed, weights alone, role by role: {fits(largest)}.",
    ]
    if measured:
        role, use = max(measured.items(), key=lambda item: item[1].peak)
        what = "the process" if device == "cpu" else "the GPU, as torch allocated it"
        who = "all" if plan == "together" else f"the largest, {role},"
        lines += [
            f"Measured, peak of {what}, {who} loaded and at work: {fits(use.peak)}.",
            f"Of that {_gb(use.before)} GB were there before any model, and the peak until the "
            f"engine was ready was {_gb(use.loading)} GB.",
        ]
    return lines


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f}"


def _measure(group: Sequence[str], device: str, single: bool) -> Use:
    """Return what the engines of these roles take, together, in a process of their own."""
    from benchmarks import workload

    stages = [stage for stage in workload.stages() if stage.role in group]
    for stage in stages:
        if stage.artefact is not None:
            _alone(_write, stage.artefact)
    use: Use = _alone(_run, group, device, single)
    for stage in stages:
        if stage.artefact is not None:
            _alone(_remove, stage.artefact)
    return use


def _alone(call: Any, *args: Any) -> Any:
    """Return ``call``'s answer from a fresh process, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *args).result()


def _write(artefact: str) -> None:
    from benchmarks import published

    published.write(artefact)


def _remove(artefact: str) -> None:
    from vemoclap.weights import cache

    for path in cache.place(artefact).iterdir():
        path.unlink()


def _run(group: Sequence[str], device: str, single: bool) -> Use:
    import torch

    from benchmarks import workload

    if single:
        workload.forget_bfloat16()
    workload.fix_lengths()
    stages = [stage for stage in workload.stages() if stage.role in group]
    torch.empty(1, device=device)
    before = _now(device)
    engines = [stage.load(device) for stage in stages]
    loading = _peak(device)
    for stage, engine in zip(stages, engines, strict=True):
        stage.batched(engine)
    return Use(before, loading, _now(device), _peak(device))


def _now(device: str) -> int:
    if device == "cpu":
        return _status("VmRSS")
    import torch

    return torch.cuda.memory_allocated()


def _peak(device: str) -> int:
    if device == "cpu":
        return _status("VmHWM")
    import torch

    return torch.cuda.max_memory_allocated()


def _status(key: str) -> int:
    """Return a number of this process from Linux; the resource module would count its parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)


if __name__ == "__main__":
    main()
