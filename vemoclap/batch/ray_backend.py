"""A batch on Ray: one machine, or as many as a cluster has.

Ray Data keeps actors, one per worker, and each actor keeps the same watched process as a batch on
this machine does, with the models in it: a video that crashes or hangs costs that process and not
the actor, and is charged in the same way. What Ray loses, an actor or a machine, it begins again
elsewhere; a video that was finished before is recognised by its result, which all machines see.
"""

import json
import os
import queue
import secrets
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vemoclap.batch import manifest, worker_process
from vemoclap.batch.pool import Bounds, Crew
from vemoclap.batch.records import Entry, Item, Job, Orders
from vemoclap.batch.worker import Worker
from vemoclap.engines import quiet
from vemoclap.errors import EngineError, UsageError, VemoclapError

Asked = tuple[Job, "Future[Entry]"]


class Pump:
    """Gives jobs of several callers to a crew, and each its answer."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._inbox: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def entry(self, job: Job) -> "Future[Entry]":
        """Return the entry to come of a job; it raises what stops all further work."""
        future: Future[Entry] = Future()
        self._inbox.put((job, future))
        return future

    def close(self) -> None:
        """End the worker at once."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        asked: dict[str, Future[Entry]] = {}
        try:
            while True:
                while not self._inbox.empty() or not self._crew.left:
                    word = self._inbox.get()
                    if word is None:
                        return
                    job, future = word
                    asked[job.item.name] = future
                    self._crew.submit(job)
                for entry in self._crew.turn():
                    asked.pop(entry.name).set_result(entry)
        except BaseException as error:  # nobody else would hear of it
            for future in asked.values():
                future.set_exception(error)
            while (word := self._inbox.get()) is not None:  # nor of what is asked from now on
                word[1].set_exception(error)
        finally:
            self._crew.close()


STARTS = 3  # of Ray on this machine, before it is given up
# Of an actor: with all processors taken by actors, nothing is left for Ray Data's own tasks, and
# it waits for ever. The models use as many threads as there are, whatever is said here.
PROCESSORS = 0.5
IN_FLIGHT = 3  # videos sent to an actor: one read, one decoded, and one more so that none waits
TASKS = 2000  # of Ray, at most: of larger batches, each has several videos
OBJECTS_BYTES = 128 * 2**20  # of the object store, through which only names and entries go
PASSED_ON = ("VEMOCLAP_HOME", "VEMOCLAP_DEBUG", "HF_HUB_OFFLINE", "PATH", "OMP_NUM_THREADS")


class Reader:
    """What a Ray actor holds: a watched worker with its models."""

    def __init__(self, orders: Orders, bounds: Bounds, make: worker_process.Make) -> None:
        self._pump = Pump(Crew(orders, 1, bounds, make))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Return a line of the manifest for each job, or a sentence that says why all stops."""
        asked = [self._pump.entry(_job(text)) for text in batch["job"]]
        lines, stops = [], []
        for future in asked:
            try:
                lines.append(manifest.line(future.result()))
                stops.append("")
            except VemoclapError as error:
                lines.append("")
                stops.append(str(error))
        return {"entry": lines, "stop": stops}


def work(
    orders: Orders,
    jobs: Iterable[Job],
    *,
    workers: int = 1,
    bounds: Bounds | None = None,
    make: worker_process.Make = Worker,
    address: str | None = None,
) -> Iterator[Entry]:
    """Yield the entry of each job as it ends, in whatever order that is.

    Args:
        orders: what to make of the videos. Its folders and the videos are at the same paths on
            every machine.
        jobs: the videos.
        workers: how many actors; each has a GPU of its own, unless the device is "cpu" or the
            cluster has none.
        bounds: what one video may take.
        make: what makes a worker.
        address: of the head of a cluster; None: this machine alone, for this batch only.

    Raises:
        UsageError: Ray is not installed, there is no cluster, or it has not what is asked for.
        VemoclapError: the rest cannot be read, for a reason that is no video's.
    """
    ray = _imported(alone=address is None)
    with _connected(ray, address, workers):
        gpus = _gpus(ray, orders, workers)
        rows = [{"job": _text(job)} for job in jobs]
        strategy = ray.data.ActorPoolStrategy(
            size=workers,
            max_tasks_in_flight_per_actor=IN_FLIGHT,
            max_concurrent_calls_per_actor=IN_FLIGHT,
            enable_true_multi_threading=True,
        )
        found = ray.data.from_items(rows, override_num_blocks=min(len(rows), TASKS)).map_batches(
            Reader,
            fn_constructor_args=(orders, bounds or Bounds(), make),
            batch_size=None,
            compute=strategy,
            num_cpus=PROCESSORS,
            num_gpus=gpus,
        )
        try:
            for row in found.iter_rows():
                if row["stop"]:
                    raise EngineError(row["stop"])
                entry = manifest.parsed(row["entry"].encode())
                assert entry is not None  # it was made by ``manifest.line``
                yield entry
        except ray.exceptions.RayError as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise EngineError(
                f"Ray gave up ({first}); run the same command again, it goes on where it stopped."
            ) from error


def _imported(alone: bool) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # else Ray reports to its makers
    if alone:
        # Despite its name this has Ray use the loopback address on any system; elsewise it takes
        # an address that others can reach, even when it is told 127.0.0.1, and listens there.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        if "RAY_AUTH_MODE" not in os.environ:
            # Who else has an account here could have it run anything. Ray would keep its token in
            # the home folder for ever; this one ends with the batch.
            os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UsageError(
            "Ray is not installed; run `pip install 'vemoclap[ray]'`, or use --engine local."
        ) from error
    return ray


@contextmanager
def _connected(ray: Any, address: str | None, workers: int) -> Iterator[None]:
    """Have Ray for a while: a cluster that is there, or one on this machine that ends with us."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    common = {
        "log_to_driver": quiet.debugging(),
        "runtime_env": {"env_vars": passed},
    }
    try:
        if address is not None:
            ray.init(address=address, **common)
        else:
            _start(ray, workers, common)
    except Exception as error:  # Ray raises what it likes, and Exception itself too
        where = address or "this machine"
        raise UsageError(
            f"Ray cannot be reached at {where} ({error}); see `ray status`, or leave Ray out with "
            "--engine local."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _start(ray: Any, workers: int, common: dict[str, Any]) -> None:
    """Start Ray on this machine; on a busy one it may miss the 30 seconds that it gives itself."""
    for tries_left in reversed(range(STARTS)):
        try:
            ray.init(
                address="local",
                num_cpus=max(os.cpu_count() or 1, int(workers * PROCESSORS) + 1),
                include_dashboard=False,
                object_store_memory=OBJECTS_BYTES,
                **common,
            )
            return
        except Exception as error:
            ray.shutdown()
            if not tries_left or "timed out" not in str(error):
                raise


def _gpus(ray: Any, orders: Orders, workers: int) -> float:
    """Return how many GPUs each actor takes."""
    if orders.device == "cpu":
        return 0
    there = ray.cluster_resources().get("GPU", 0)
    if orders.device == "cuda" and there < workers:
        raise UsageError(
            f"The cluster has {there:g} GPUs and {workers} workers want one each; give fewer "
            "workers, or --device cpu."
        )
    return 1 if there >= workers else 0


def _text(job: Job) -> str:
    said = asdict(job)
    said["item"]["path"] = str(job.item.path)
    return json.dumps(said)


def _job(text: str) -> Job:
    said = json.loads(text)
    said["item"]["path"] = Path(said["item"]["path"])
    return Job(item=Item(**said.pop("item")), **said)
