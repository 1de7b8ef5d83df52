"""Run many notebooks at once: in this process, in one process a core, or on the workers of a Dask scheduler."""

import os
from collections.abc import Iterator

from .course import GradingError
from .run import close_stages, run_notebook

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run_all(jobs: list[tuple], workers: int | None = None, scheduler: str | None = None) -> Iterator[tuple]:
    """Run the jobs, and hand over each result as soon as it is there.

    Parameters
    ----------
    jobs : (key, arguments of `grading.run.run_notebook`)
    workers : processes on this machine, one for each core by default; 1 runs everything in this process
    scheduler : address of a Dask scheduler whose workers do it instead; each needs this environment, and bubblewrap

    Yields
    ------
    (key, result); a job that could not be run at all has `failed` set. A worker that dies loses nothing: what it was
    at is given to another one.
    """
    if not jobs:
        return
    workers = min(workers or len(os.sched_getaffinity(0)), len(jobs))
    if scheduler is None and workers == 1:
        try:
            for key, arguments in jobs:
                yield key, attempt(arguments)
        finally:
            close_stages()
        return
    yield from _with_dask(jobs, workers, scheduler)


def attempt(arguments: dict) -> dict:
    """`run_notebook`, with a problem of the machine (no sandbox, a broken source) as a result in place of an error."""
    try:
        return run_notebook(**arguments)
    except Exception as problem:
        words = str(problem) if isinstance(problem, GradingError) else f"{type(problem).__name__}: {problem}"
        return nothing(f"It could not be run: {words}")


def nothing(why: str) -> dict:
    """The result of a notebook that was not run."""
    result = {"outputs": {}, "counts": {}, "tests": {}, "reasons": [], "failed": why}
    return result | {"seconds": 0.0, "cpu_seconds": None, "memory": None, "sandbox": ""}


def _with_dask(jobs, workers, scheduler) -> Iterator[tuple]:
    import dask
    from distributed import Client, LocalCluster, as_completed

    settings = {
        "distributed.worker.daemon": False,  # a worker starts bubblewrap and the warm Pythons
        "distributed.scheduler.allowed-failures": 5,
        "distributed.comm.retry.count": 3,
        "distributed.worker.memory.target": False,  # the memory is in the sandboxes, which have limits of their own
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        "distributed.scheduler.work-stealing": True,
        "distributed.logging.distributed": "error",
    }
    with dask.config.set(settings):
        cluster = None
        try:
            if scheduler is None:
                for name in THREADS:
                    os.environ.setdefault(name, "1")
                cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
            client = Client(cluster or scheduler, timeout="30s")
        except OSError as problem:
            raise GradingError(
                f"The scheduler {scheduler} does not answer ({type(problem).__name__}). Start one with `dask scheduler`"
                ", and on each machine `dask worker ADDRESS --nthreads 1`; grading/README.md has the whole recipe."
            ) from None
        try:
            with client:
                keys = {}
                for number, (key, arguments) in enumerate(jobs):
                    future = client.submit(
                        attempt, arguments, key=f"grade-{os.getpid()}-{number}", pure=False, retries=2
                    )
                    keys[future] = key
                for future in as_completed(list(keys)):
                    try:
                        result = future.result()
                    except Exception as problem:
                        result = nothing(f"It could not be run: {type(problem).__name__}: {problem}")
                    yield keys.pop(future), result
                try:
                    client.run(close_stages)
                except Exception:  # noqa: BLE001  a worker that is gone has closed them with itself
                    pass
        finally:
            if cluster is not None:
                cluster.close()
