"""Whether whoever wanted notebooks run still wants them; asked by everything that waits for a notebook."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """Whoever wanted the notebook run wants it no more; see `stop`."""


_stopping = threading.Event()


@contextmanager
def stop() -> Iterator[None]:
    """Meanwhile everything that waits for a notebook in another thread gives up, and ends what it started."""
    _stopping.set()
    try:
        yield
    finally:
        _stopping.clear()


def raise_if_stopped() -> None:
    """Raise Stopped where it is given up."""
    if _stopping.is_set():
        raise Stopped
