"""A batch on this machine."""

from collections.abc import Iterable, Iterator

from vemoclap.batch import worker_process
from vemoclap.batch.pool import Bounds, Crew
from vemoclap.batch.records import Entry, Job, Orders
from vemoclap.batch.worker import Worker


def work(
    orders: Orders,
    jobs: Iterable[Job],
    *,
    workers: int = 1,
    bounds: Bounds | None = None,
    make: worker_process.Make = Worker,
) -> Iterator[Entry]:
    """Yield the entry of each job as it ends, in whatever order that is.

    Raises:
        VemoclapError: the rest cannot be read, for a reason that is no video's.
    """
    crew = Crew(orders, workers, bounds, make)
    source = iter(jobs)
    more = True
    try:
        while more or crew.left:
            while more and crew.short:
                job = next(source, None)
                if job is None:
                    more = False
                else:
                    crew.submit(job)
            if crew.left:
                yield from crew.turn()
    finally:
        crew.close()
