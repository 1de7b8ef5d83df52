"""Work on strangers' text in a process that can be ended: with a limit of time, of memory, and of depth.

A library that renders text may take time that grows with the square of its length, or more memory than there is; a
thread that is at it cannot be stopped. So it is done in a process beside this one, which waits for the next text when
it is done and is replaced when it was ended. Its time is counted in its own CPU seconds, so that a busy machine
changes no result.
"""

import atexit
import importlib
import json
import math
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

SLACK = 10, 30  # on the clock ten times the CPU seconds and half a minute: for a machine that others use as well
START = 120  # seconds for its imports
MEMORY = 2 * 2**30


class TooMuch(Exception):
    """The text takes more time or memory than it may; the message says which."""


class Spent(TooMuch):
    """The texts before it have taken the time that there was for all of them; see `at_most`."""


class _Slow(BaseException):
    """Raised in the working process when its CPU time is up; no `except Exception` on the way may take it."""


_free: list["_Worker"] = []
_lock = threading.Lock()
_purse = threading.local()


@contextmanager
def at_most(seconds: float):
    """Meanwhile all texts that this thread works on take so many CPU seconds together: many small ones are much too."""
    before, _purse.left = left(), seconds
    try:
        yield
    finally:
        _purse.left = before


def left() -> float:
    """CPU seconds that this thread's texts may still take."""
    return getattr(_purse, "left", math.inf)


def take(seconds: float) -> None:
    """Note that a text has taken so many CPU seconds."""
    _purse.left = left() - seconds


def call(work: str, *arguments, seconds: float):
    """What a function of this package returns for some text, if it is done in time.

    Parameters
    ----------
    work : module and function, such as `safe.rendered`; it takes and returns what JSON can hold
    seconds : of CPU time that it may take

    Raises
    ------
    TooMuch : it took longer, needed more memory, or failed with an exception
    Spent : of these, where the time of `at_most` was over sooner
    """
    may = min(seconds, left())
    if may <= 0:
        raise Spent("the texts before it took the time that there is for all")
    with _lock:
        worker = _free.pop() if _free else _Worker()
    try:
        answer = worker.ask([work, arguments, may], SLACK[0] * may + SLACK[1])
    except (OSError, ValueError) as problem:
        worker.close()
        take(may)
        raise (Spent if may < seconds else TooMuch)(f"it was ended: {type(problem).__name__}") from None
    except BaseException:
        worker.close()
        raise
    with _lock:
        _free.append(worker)
    take(answer["seconds"])
    if "error" in answer:
        raise (Spent if may < seconds else TooMuch)(answer["error"])
    return answer["value"]


def prepare() -> None:
    """Start a process now, so that its imports are done when the first text comes."""
    with _lock:
        if not _free:
            _free.append(_Worker())


class _Worker:
    """The process, and a socket to it."""

    def __init__(self):
        self.channel, there = socket.socketpair()
        with there:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "grading.bounded", str(there.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self.ready = False

    def ask(self, order: list, seconds: float) -> dict:
        if not self.ready:
            self.channel.settimeout(START)
            self.ready = _read(self.channel)
        end = time.monotonic() + seconds
        self.channel.settimeout(seconds)
        _write(self.channel, order)
        return _read(self.channel, end)

    def close(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()


def close() -> None:
    """End the processes that wait for text."""
    with _lock:
        while _free:
            _free.pop().close()


atexit.register(close)


def _write(channel: socket.socket, value) -> None:
    data = json.dumps(value).encode("ascii")
    channel.sendall(struct.pack(">Q", len(data)) + data)


def _read(channel: socket.socket, end: float | None = None):
    (size,) = struct.unpack(">Q", _part(channel, 8, end))
    return json.loads(_part(channel, size, end))


def _part(channel: socket.socket, size: int, end: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if end is not None:
            channel.settimeout(max(end - time.monotonic(), 0.001))
        part = channel.recv(min(size - len(data), 2**20))
        if not part:
            raise ConnectionError("the process ended")
        data += part
    return bytes(data)


# --- in the process -----------------------------------------------------------------------------------------------


def _serve(channel: socket.socket) -> None:
    def stop(*_):
        raise _Slow

    signal.signal(signal.SIGPROF, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the one who asked; without it this one ends
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from . import safe  # noqa: F401  what every text needs is there before the first comes

    _write(channel, True)
    while True:
        try:
            work, arguments, seconds = _read(channel)
        except ConnectionError:
            return
        began = time.process_time()
        answer = _answer(work, arguments, seconds)
        _write(channel, answer | {"seconds": time.process_time() - began})


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
