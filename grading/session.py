"""One submission's Python in its sandbox, and the way to talk to it: with a limit of time for everything."""

import json
import math
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from . import leftovers
from .channel import ChannelError, Gone, receive, send
from .course import GradingError
from .sandbox import HOME, Sandbox, environment, send_signal
from .stopping import raise_if_stopped
from .text import storable
from .warm import Stages

GRACE = 5  # seconds between an interrupt and the end
# What an answer to "run this cell" may hold: 200 outputs with up to 200 lines each, a few lists inside one another.
MOST_VALUES, MOST_BRACKETS = 100_000, 20


class Lost(Exception):
    """The student's Python is no more; the message says why, for the student and the instructor."""


def start_session(begin: Callable[[], "Session"]) -> "Session":
    """A Python in a sandbox, ready for the student's cells. One that does not start is tried once more."""
    for attempt in (1, 2):
        try:
            return begin()
        except (OSError, ChannelError) as problem:
            if attempt == 2:
                raise GradingError(f"The sandbox did not start, twice: {problem}") from None


class Watch:
    """The time that a cell or a test has for everything it sends and receives, with an eye on its sandbox meanwhile.

    Called with a file, and whether it is to be written to, it returns as soon as that is possible.

    Parameters
    ----------
    seconds : until Python is interrupted; then it has a few more (GRACE) to come to an end
    interrupt : False ends it at once

    Attributes
    ----------
    late : None, or the limit, once Python had to be interrupted

    Raises
    ------
    Lost : the time is over, that of the whole notebook is, or the sandbox used more than it may; it is closed then
    """

    def __init__(self, session: "Session", seconds: float, interrupt: bool = True):
        self.session, self.seconds, self.interrupt = session, seconds, interrupt
        self.end, self.late = time.monotonic() + seconds, None

    def __call__(self, file: BinaryIO | socket.socket, writing: bool = False) -> None:
        poll = select.poll()
        poll.register(file, select.POLLOUT if writing else select.POLLIN)
        while True:
            ready = poll.poll(250)
            self._look(bool(ready))
            if ready:
                return

    def _look(self, ready: bool) -> None:
        session, now = self.session, time.monotonic()
        raise_if_stopped()
        if now - session.looked > 1:
            excess, session.looked = session.sandbox.excess(), now
            if excess:
                self._lose(f"used {excess} and was stopped")
        if now > session.end:
            self._lose(f"was stopped: the notebook took longer than {session.limits['wall_seconds']:g} s")
        # An answer that is there when a busy machine looks late is taken; one that goes on and on is not.
        if now <= self.end + (GRACE if ready else 0):
            return
        if not self.interrupt:
            self._lose(f"took longer than {self.seconds:g} s")
        if self.late is not None:
            self._lose(f"took longer than {self.seconds:g} s and could not be interrupted")
        send_signal(session.python, signal.SIGINT)
        self.late, self.end = self.seconds, now + GRACE

    def _lose(self, why: str) -> None:
        self.session.sandbox.close()
        raise Lost(why)


class Session:
    """A Python in a sandbox of its own, and the way to talk to it.

    Parameters
    ----------
    stages : the warm Pythons of the notebook
    control : of the one among them that it is a copy of; None starts one anew inside the sandbox
    executed : outputs and execution counts of the cells that the warm Python has run already
    limits : see `grading.sandbox.LIMITS`
    unsafe : without bubblewrap
    """

    def __init__(
        self, stages: Stages, control: socket.socket | None, executed: list[tuple], limits: dict, unsafe: bool
    ):
        self.limits, self.home, self.executed = limits, HOME, executed
        self.end, self.looked = math.inf, 0.0  # when the notebook's time is over; when a limit was last looked at
        self.channel, there = socket.socketpair()
        self.report, report = socket.socketpair()
        self.pid, self.python = None, None  # the student's Python: its number, and a file that stands for it (pidfd)
        if unsafe:
            self.home = leftovers.folder()
        cold = control is None
        program = [sys.executable, "-m", "grading.inside", str(there.fileno())] if cold else None
        self.sandbox = None
        try:
            self.sandbox = Sandbox(limits, program, [there.fileno()] if cold else (), unsafe)
            order = {"limits": limits, "home": self.home, "environment": environment() | {"HOME": self.home}}
            order |= self.sandbox.order()
            if cold:
                there.close()
                send(self.channel, order)
                if unsafe:
                    self.pid = self.sandbox.process.pid
                    self.python = os.pidfd_open(self.pid)
                else:
                    self.pid, self.python = self.sandbox.inner()
            else:
                with stages.lock:  # byte and order belong together
                    socket.send_fds(control, [b"."], [there.fileno(), report.fileno()])
                    send(control, {"do": "fork", "namespaces_of": self.sandbox.pid, **order})
                there.close()
                report.close()  # or the end of the copy would not be noticed
                self.pid, self.python = self._started()
            self.sandbox.cgroup.add(self.pid)
        except BaseException:
            report.close()
            there.close()
            self.close()
            raise
        report.close()

    def _started(self) -> tuple[int, int]:
        if not select.select([self.report], [], [], 30)[0]:
            raise OSError("the sandbox gave no sign within 30 s")
        line, stands, *_ = socket.recv_fds(self.report, 1000, 1)
        if not line:
            raise OSError("the copy of Python ended before it was in the sandbox")
        if not stands:
            raise OSError(line.decode("utf-8", "replace").lstrip("! ").strip())
        return int(line.split()[0]), stands[0]

    def ask(self, head: dict, body: bytes, seconds: float) -> tuple[dict, float | None]:
        """Send an order and wait for what comes back; the second value is the limit, if it had to be interrupted.

        Raises
        ------
        Lost : nothing came even after an interrupt, a limit was passed, Python ended, or what came is no answer
        """
        watch = Watch(self, seconds)
        try:
            send(self.channel, head, body, watch)
            answer, _ = receive(self.channel, 2 * self.limits["output_bytes"], MOST_VALUES, MOST_BRACKETS, watch)
        except (Gone, OSError):
            raise Lost(self._why_it_ended("ended Python")) from None
        except ChannelError as problem:
            raise Lost(f"sent back something that no cell gives ({problem})") from None
        if not isinstance(answer, dict):
            raise Lost("sent back something that no cell gives")
        return storable(answer), watch.late

    def test(self, control: socket.socket, seconds: float) -> dict:
        """Let a copy of the waiting test call this Python's functions; see `grading.trusted.run_test`.

        The copy waits for this Python without a limit of its own: the watch here ends both.
        """
        watch = Watch(self, seconds, interrupt=False)
        reading, writing = os.pipe()
        here, there = socket.socketpair()
        with os.fdopen(reading, "rb", buffering=0) as report, here:
            try:
                socket.send_fds(control, [b"."], [self.channel.fileno(), writing, there.fileno()])
            finally:
                os.close(writing)
                there.close()
            # Whole lines, not the whole file: a copy gives back its memory before it closes its files.
            lines = _report_lines(report, watch)
            next(lines)  # the copy's number: it has begun, and has sent what stands for it
            try:
                return storable(json.loads(next(lines)))
            except ValueError:
                raise Lost("could not be tested: the Python with the tests ended") from None
            except Lost:
                _end_tester(here)
                raise

    def _why_it_ended(self, otherwise: str) -> str:
        """Why Python ended, as far as the kernel tells."""
        if self.sandbox.cgroup.overrun():
            return f"used more than {self.limits['memory'] / 2**30:g} GB of memory and was stopped"
        return otherwise

    def close(self) -> dict:
        """Kill everything, and say what it used."""
        held = self.sandbox.held() if self.sandbox else ""
        if self.sandbox:
            if self.python is not None:
                send_signal(self.python)
            self.sandbox.close()
        used = {"cpu_seconds": None, "memory": None, "sandbox": held}
        try:
            if self.python is not None and select.select([self.report], [], [], 2)[0]:
                cpu, memory = self.report.recv(100).split()
                used |= {"cpu_seconds": float(cpu), "memory": int(memory) * 1024}
        except (OSError, ValueError):
            pass
        if self.python is not None:
            os.close(self.python)
        self.report.close()
        self.channel.close()
        if self.home != HOME:
            shutil.rmtree(self.home, ignore_errors=True)
        return used


def _report_lines(report: BinaryIO, watch: Watch) -> Iterator[bytes]:
    """What a copy of the tests reports, line by line."""
    rest = b""
    while True:
        watch(report)
        part = report.read(2**16)
        if not part:
            raise Lost("could not be tested: the Python with the tests ended")
        *lines, rest = (rest + part).split(b"\n")
        yield from lines


def _end_tester(here: socket.socket) -> None:
    """End the process that has sent what stands for it (pidfd) over this socket."""
    here.settimeout(1)
    _, fds, *_ = socket.recv_fds(here, 1, 1)
    for stands in fds:
        send_signal(stands)
        os.close(stands)
