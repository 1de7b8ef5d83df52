"""The process in which strangers' text is worked on: `python -m grading.bounded_process FD`, see `grading.bounded`."""

import importlib
import resource
import signal
import socket
import sys
import time

from .bounded import read_message, write_message

MEMORY = 2 * 2**30


class _Slow(BaseException):
    """Raised when the CPU time is up; no `except Exception` on the way may take it."""


def _serve(channel: socket.socket) -> None:
    def stop(*_):
        raise _Slow

    signal.signal(signal.SIGPROF, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the one who asked; without it this one ends
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from . import safe  # noqa: F401  what every text needs is there before the first comes

    write_message(channel, True)
    while True:
        try:
            work, arguments, seconds = read_message(channel)
        except ConnectionError:
            return
        began = time.process_time()
        answer = _answer(work, arguments, seconds)
        write_message(channel, answer | {"seconds": time.process_time() - began})


def _answer(work: str, arguments: list, seconds: float) -> dict:
    try:
        module, _, name = work.rpartition(".")
        function = getattr(importlib.import_module(f"grading.{module}"), name)
        signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)  # again and again: a callback may swallow one
        try:
            return {"value": function(*arguments)}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _Slow:
        return {"error": f"it takes longer than {seconds:.1f} s"}
    except MemoryError:
        return {"error": "it takes too much memory"}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {str(problem)[:300]}"}


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
