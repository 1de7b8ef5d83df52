"""How many threads: one for torch, and as many trainings or batches side by side as there are cores."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run small models on one torch thread: more gain nothing here, and stall when another program uses the core.

    Examples
    --------
    >>> import torch
    >>> from utils.training import one_thread
    >>> before = torch.get_num_threads()
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def workers(jobs: int) -> int:
    """How many jobs are done at a time: as many as there are cores, and no more than there are jobs."""
    return min(jobs, os.cpu_count() or 1)


@contextmanager
def thread_pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of `workers(jobs)` threads, of which each computes on one torch thread."""
    # Around the pool too, or a thread that ends last would leave the setting at one.
    with one_thread(), ThreadPoolExecutor(workers(jobs)) as pool:
        yield pool
