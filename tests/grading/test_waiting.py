"""How long a worker waits for a student's Python: one limit for a cell, one for the notebook, whatever comes or not."""

import contextlib
import math
import os
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from grading import session as sessions
from grading.channel import HEAD, ChannelError, Gone, receive, send
from grading.session import Lost, Session
from grading.stopping import Stopped
from grading.stopping import stop as nobody_waits


@pytest.fixture
def session(monkeypatch):
    """A session without a sandbox: what it does to the student's Python is written down in `done`."""
    monkeypatch.setattr(sessions, "GRACE", 0.5)
    done = []
    monkeypatch.setattr(sessions, "send_signal", lambda stands, how=9: done.append("interrupt" if how == 2 else "kill"))
    sandbox = SimpleNamespace(excess=lambda: None, close=lambda: done.append("close"), cgroup=None)
    here, there = socket.socketpair()
    made = SimpleNamespace(sandbox=sandbox, channel=here, there=there, done=done, python=0, end=math.inf, looked=0.0)
    made.limits = {"output_bytes": 10**6, "wall_seconds": 1}
    made.ask = lambda *order: Session.ask(made, *order)
    made._why_it_ended = lambda otherwise: otherwise
    yield made
    here.close()
    there.close()


def in_thread(work):
    def quietly():
        with contextlib.suppress(OSError):  # the test is over, and has closed the channel
            work()

    threading.Thread(target=quietly, daemon=True).start()


def test_an_answer_in_time_comes_through(session):
    in_thread(lambda: (receive(session.there), send(session.there, {"outputs": [], "count": 3})))
    assert session.ask({"do": "run", "code": "x" * 5_000_000}, b"", 30) == ({"outputs": [], "count": 3}, None)
    assert session.done == []


def trickle(session, stop):
    """Bytes, one after another, of a message that never ends."""
    try:
        session.there.sendall(HEAD.pack(100_000, 0))
        while not stop.is_set():
            session.there.sendall(b" ")
            time.sleep(0.05)
    except OSError:
        pass


@pytest.mark.parametrize("what", ["nothing is read", "nothing is sent", "bytes trickle"])
def test_sending_and_receiving_have_one_limit_together(session, what):
    stop = threading.Event()
    if what == "bytes trickle":
        in_thread(lambda: trickle(session, stop))
    start = time.monotonic()
    with pytest.raises(Lost, match=r"took longer than 0.5 s and could not be interrupted"):
        session.ask({"do": "run", "code": "x" * (5_000_000 if what == "nothing is read" else 5)}, b"", 0.5)
    stop.set()
    assert time.monotonic() - start < 10
    assert session.done == ["interrupt", "close"]


@pytest.mark.parametrize("what", ["nothing is read", "nothing is sent", "bytes trickle"])
def test_the_notebook_has_a_limit_too(session, what):
    stop = threading.Event()
    if what == "bytes trickle":
        in_thread(lambda: trickle(session, stop))
    session.end = time.monotonic() + 0.5
    with pytest.raises(Lost, match="was stopped: the notebook took longer than 1 s"):
        session.ask({"do": "run", "code": "x" * (5_000_000 if what == "nothing is read" else 5)}, b"", 1000)
    stop.set()
    assert session.done == ["close"]


@pytest.mark.parametrize("what", ["nothing is read", "bytes trickle"])
def test_the_watch_runs_while_something_is_sent_and_received(session, what):
    stop = threading.Event()
    if what == "bytes trickle":
        in_thread(lambda: trickle(session, stop))
    session.sandbox.excess = lambda: "more than 4 GB of memory"
    with pytest.raises(Lost, match="used more than 4 GB of memory and was stopped"):
        session.ask({"do": "run", "code": "x" * (5_000_000 if what == "nothing is read" else 5)}, b"", 1000)
    stop.set()
    assert session.done == ["close"]


def test_an_answer_that_comes_after_the_interrupt_counts_and_says_so(session):
    def answer():
        receive(session.there)
        while "interrupt" not in session.done:
            time.sleep(0.01)
        send(session.there, {"outputs": []})

    in_thread(answer)
    assert session.ask({"do": "run", "code": ""}, b"", 0.3) == ({"outputs": []}, 0.3)


def test_whoever_wants_it_no_more_is_not_kept_waiting(session):
    with nobody_waits(), pytest.raises(Stopped):
        session.ask({"do": "run", "code": "x" * 5_000_000}, b"", 1000)


@pytest.mark.parametrize("line", [b"", b"77\n", b"77\n{"])
def test_a_test_that_reports_nothing_more_ends_with_its_cell(session, line):
    control, there = socket.socketpair()

    def report():
        _, (_, writing, tester), *_ = socket.recv_fds(there, 1, 3)
        socket.send_fds(socket.socket(fileno=tester), [b"."], [os.pidfd_open(os.getpid())])
        os.write(writing, line or b" ")

    in_thread(report)
    with pytest.raises(Lost, match="took longer than 0.5 s"):
        Session.test(session, control, 0.5)
    assert "close" in session.done and ("kill" in session.done) == bool(line)


@pytest.mark.parametrize(
    "head",
    [
        b"[" * 400_000 + b"]" * 400_000,
        b"[" + b"[]," * 300_000 + b"[]]",
        b'{"outputs": ' + b"[" * 21 + b"]" * 21 + b"}",
        b'"' + b"[" * 10 + b"x" * 3_000_000,
    ],
)
def test_an_answer_that_no_cell_gives_is_not_decoded(session, head, monkeypatch):
    monkeypatch.setattr("grading.channel.json.loads", lambda text: pytest.fail("was decoded"))
    in_thread(lambda: (receive_quietly(session.there), session.there.sendall(HEAD.pack(len(head), 0) + head)))
    with pytest.raises(Lost, match="sent back something that no cell gives"):
        session.ask({"do": "run", "code": ""}, b"", 30)


def receive_quietly(channel):
    """Read an order as bytes."""
    sizes = HEAD.unpack(channel.recv(HEAD.size, socket.MSG_WAITALL))
    channel.recv(sum(sizes), socket.MSG_WAITALL)


def test_what_ended_is_told_from_what_is_nonsense(session):
    session.there.close()
    with pytest.raises(Lost, match="ended Python"):
        session.ask({"do": "run", "code": "x"}, b"", 30)
    assert issubclass(Gone, ChannelError)
