"""Run many notebooks at once: one for each core of this machine, or on the workers of a Dask scheduler.

On this machine threads do it. A notebook runs in processes of its own anyway, and threads share the Pythons that wait
for its submissions, which cost more time and memory than anything else here.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from .course import GradingError
from .run import run_notebook
from .stopping import stop
from .submission import Outcome, not_run, why_not
from .warm import close_stages

PATIENCE = "30s"  # until a scheduler has answered


def run_all(
    jobs: list[tuple], workers: int | None = None, scheduler: str | None = None
) -> Iterator[tuple[tuple, Outcome]]:
    """Run the jobs, and hand over each outcome as soon as it is there.

    Parameters
    ----------
    jobs : (key, arguments of `grading.run.run_notebook`)
    workers : how many run at once on this machine; by default one for each core
    scheduler : address of a Dask scheduler whose workers do it instead; each needs this environment, and bubblewrap

    Yields
    ------
    (key, outcome); a job that could not be run at all has `failed` set. A worker that dies loses nothing: what it was
    at is given to another one.
    """
    if not jobs:
        return
    workers = min(workers or len(os.sched_getaffinity(0)), len(jobs))
    if scheduler is not None:
        yield from _with_dask(jobs, scheduler)
    elif workers == 1:
        for key, arguments in jobs:
            yield key, attempt(arguments)
    else:
        yield from _in_threads(jobs, workers)


def _in_threads(jobs: list[tuple], workers: int) -> Iterator[tuple[tuple, Outcome]]:
    pool = ThreadPoolExecutor(workers)
    try:
        keys = {pool.submit(attempt, arguments): key for key, arguments in jobs}
        for future in as_completed(list(keys)):
            yield keys.pop(future), future.result()
        pool.shutdown()
    except BaseException:  # an interrupt: nothing goes on in the background
        with stop():
            pool.shutdown(cancel_futures=True)
        raise


def attempt(arguments: dict) -> Outcome:
    """`run_notebook`, with a problem of the machine (no sandbox, a broken source) as an outcome, not as an error."""
    try:
        return Outcome(**run_notebook(**arguments))
    except Exception as problem:
        return not_run(f"It could not be run: {why_not(problem)}")


def _with_dask(jobs: list[tuple], scheduler: str) -> Iterator[tuple[tuple, Outcome]]:
    import dask
    from distributed import Client, as_completed

    settings = {
        "distributed.scheduler.allowed-failures": 5,
        "distributed.comm.retry.count": 3,
        "distributed.logging.distributed": "error",
    }
    with dask.config.set(settings):
        try:
            client = Client(scheduler, timeout=PATIENCE)
        except OSError as problem:
            raise GradingError(
                f"The scheduler {scheduler} does not answer ({type(problem).__name__}). Start one with `dask scheduler`"
                ", and on each machine `dask worker ADDRESS --nthreads 1`; grading/README.md has the whole recipe."
            ) from None
        with client:
            keys = {}
            for number, (key, arguments) in enumerate(jobs):
                future = client.submit(attempt, arguments, key=f"grade-{os.getpid()}-{number}", pure=False, retries=2)
                keys[future] = key
            for future in as_completed(list(keys)):
                try:
                    outcome = future.result()
                except Exception as problem:
                    outcome = not_run(f"It could not be run: {why_not(problem)}")
                yield keys.pop(future), outcome
            try:
                client.run(close_stages)
            except Exception:  # noqa: BLE001  a worker that is gone has closed them with itself
                pass
