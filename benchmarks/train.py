"""Seconds of a training epoch on this machine: python -m benchmarks.train

The training half of Ekman-6 (819 videos, of which 82 validate) with planted features of the
published shapes, and the paper's network and numbers. Besides the seconds it prints how long the
arithmetic alone would take at the speed at which this machine multiplies large matrices, so that
one can tell a slow program from a slow or busy machine.
"""

# ruff: noqa: E402
import argparse
import os
import statistics
import time
from dataclasses import replace

from vemoclap.cli import options

options.share_the_processor()  # as the command does, before torch is imported

import numpy as np
import torch

from tests.planted import Plan, make
from vemoclap.classifier.model import Classifier
from vemoclap.training import classifier_task, splits
from vemoclap.training.batches import Examples
from vemoclap.training.classifier_task import Recipe, config_of
from vemoclap.training.loop import Callbacks
from vemoclap.training.records import Split

SHAPES = (4096, 512), (512, 1024)  # of the matrices that are multiplied to see how fast that is


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--no-mask", action="store_true", help="compute padding, too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    load = os.getloadavg()[0]
    recipe = replace(Recipe(), epochs=args.epochs + 1, patience=1000, mask=not args.no_mask)
    store = splits.paper(make(Plan(train=819, test=6)))
    start = time.perf_counter()
    config = config_of(store.schema, store.of(Split.TRAIN), recipe, "")
    train, val = (
        Examples(store.of(split), config, args.device) for split in (Split.TRAIN, Split.VAL)
    )
    prepared = time.perf_counter() - start
    print(f"device: {args.device}, {args.threads} threads; load average {load:.1f} before")
    print(f"videos: {len(train)} train, {len(val)} validate; padding masked: {recipe.mask}")
    print(f"taking the features, once: {prepared:.2f} s")
    for precision in ("mixed", "full"):
        _measure(train, val, replace(recipe, precision=precision))


def _measure(train: Examples, val: Examples, recipe: Recipe) -> None:
    """Train and print how long an epoch takes."""
    torch.manual_seed(0)
    model = Classifier(train.config).to(train.device)
    wall, cpu = [time.perf_counter()], [time.process_time()]

    def note(_: classifier_task.Epoch) -> None:
        wall.append(time.perf_counter())
        cpu.append(time.process_time())

    classifier_task.fit(model, train, val, recipe, 0, callbacks=Callbacks(on_epoch=note))
    seconds = np.diff(wall)[1:]  # the first warms up
    median = statistics.median(seconds)
    speed = _speed(train.device, classifier_task.autocast_dtype(recipe, train.device))
    floor = _operations(model, train, recipe) / speed
    products = classifier_task.dtype_name(recipe, train.device)
    print(f"precision {recipe.precision}: products in {products}")
    print(f"  epoch: {median:.2f} s (median of {np.sort(seconds).round(2).tolist()})")
    print(f"  processor time, all threads: {statistics.median(np.diff(cpu)[1:]):.2f} s")
    print(f"  100 epochs: {100 * median / 60:.1f} min")
    print(f"  matrices multiply at {speed / 1e9:.0f} GFLOP/s; an epoch's would take {floor:.2f} s")


def _operations(model: Classifier, train: Examples, recipe: Recipe) -> float:
    """Return the floating point operations of the matrix products of one epoch of training."""
    from torch.utils.flop_counter import FlopCounterMode

    rng = np.random.Generator(np.random.SFC64(0))
    batch = train.random(np.arange(recipe.batch), rng)
    model.train()
    with FlopCounterMode(display=False) as counter:
        scores = model(batch.values, batch.present)
        torch.nn.functional.cross_entropy(scores, batch.labels).backward()
    return counter.get_total_flops() / recipe.batch * len(train)


def _speed(device: str, kind: torch.dtype) -> float:
    """Return how many floating point operations a second large matrix products reach."""
    one, other = (torch.randn(*shape, device=device).to(kind) for shape in SHAPES)
    best = 0.0
    for _ in range(30):
        start = time.perf_counter()
        product = one @ other
        float(product[0, 0])  # waits for a GPU
        best = max(best, 2 * 4096 * 512 * 1024 / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    main()
