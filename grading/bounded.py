"""Work on strangers' text in a process that can be ended: with a limit of time, of memory, and of depth.

A library that renders text may take time that grows with the square of its length, or more memory than there is; a
thread that is at it cannot be stopped. So it is done in a process beside this one, which waits for the next text when
it is done and is replaced when it was ended (`grading.bounded_process`). Its time is counted in its own CPU seconds, so
that a busy machine changes no result.
"""

import atexit
import json
import math
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLACK = 10, 30  # on the clock ten times the CPU seconds and half a minute: for a machine that others use as well
START = 120  # seconds for its imports


class TooMuch(Exception):
    """The text takes more time or memory than it may; the message says which."""


class Spent(TooMuch):
    """The texts before it have taken the time that there was for all of them; see `at_most`."""


_free: list["_Worker"] = []
_lock = threading.Lock()
_purse = threading.local()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
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


def call(work: str, *arguments: object, seconds: float) -> object:
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
                [sys.executable, "-m", "grading.bounded_process", str(there.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self.ready = False

    def ask(self, order: list, seconds: float) -> dict:
        if not self.ready:
            self.channel.settimeout(START)
            self.ready = read_message(self.channel)
        end = time.monotonic() + seconds
        self.channel.settimeout(seconds)
        write_message(self.channel, order)
        return read_message(self.channel, end)

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


def write_message(channel: socket.socket, value: object) -> None:
    """Send what JSON can hold."""
    data = json.dumps(value).encode("ascii")
    channel.sendall(struct.pack(">Q", len(data)) + data)


def read_message(channel: socket.socket, end: float | None = None) -> object:
    """What the other side sent, if all of it comes before `end` (of the clock that only goes forward)."""
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
