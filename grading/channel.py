"""Messages over a socket: how they are sent and received, and what is refused before it is decoded. A message is

    8 bytes length of the head · 8 bytes length of the body · head (JSON) · body (the bytes of all arrays)

What stands in head and body is the matter of `grading.plain`.
"""

import json
import re
import socket
import struct
from collections.abc import Callable

import numpy as np

HEAD = struct.Struct("<QQ")
MOST_BYTES = 256 * 2**20  # of a message
MOST_HEAD = 32 * 2**20  # of these in the head
MOST_VALUES = 2_000_000  # in a head: each costs its receiver some hundred bytes, and may be written with three
DEEPEST = 50  # values inside one another
MOST_BRACKETS = 4 * DEEPEST + 20  # open at once in a head: a value inside another one costs up to four
# Everything after a quotation mark is taken, and nothing is tried twice: one pass, whatever came.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
Wait = Callable[[socket.socket, bool], None]


class ChannelError(Exception):
    """The other side sent no valid message, or is gone."""


class Gone(ChannelError):
    """The other side closed the channel."""


def send(channel: socket.socket, head: object, body: bytes = b"", wait: Wait | None = None) -> None:
    """Send a message.

    Parameters
    ----------
    wait : called before each part with the channel and True; returns as soon as something can be written, or raises.
        Without it sending waits for as long as the other side likes.
    """
    data = json.dumps(head).encode()
    rest = memoryview(HEAD.pack(len(data), len(body)) + data + body)
    if wait is None:
        channel.sendall(rest)
        return
    while rest:
        wait(channel, True)
        try:
            rest = rest[channel.send(rest, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            continue


def receive(
    channel: socket.socket,
    most_bytes: int = MOST_BYTES,
    most_values: int = MOST_VALUES,
    most_brackets: int = MOST_BRACKETS,
    wait: Wait | None = None,
) -> tuple[object, bytes]:
    """The next message: head and body.

    Parameters
    ----------
    most_bytes, most_values, most_brackets : of a message; in its head; open at once in its head
    wait : called before each part with the channel and False; returns as soon as something can be read, or raises.
        Without it receiving waits for as long as the other side likes.

    Raises
    ------
    Gone : the other side closed the channel
    ChannelError : what came is no message, or holds too much; it is not decoded then
    """
    head_size, body_size = HEAD.unpack(_exactly(channel, HEAD.size, wait))
    if head_size + body_size > most_bytes:
        raise ChannelError(f"a message of {head_size + body_size:,} bytes; at most {most_bytes:,} are read")
    if head_size > MOST_HEAD:
        raise ChannelError(f"a message with {head_size:,} bytes beside its arrays; at most {MOST_HEAD:,} are read")
    head = _exactly(channel, head_size, wait)
    body = _exactly(channel, body_size, wait)
    _weigh(head, most_values, most_brackets)
    try:
        return json.loads(head.decode()), body  # json would take UTF-16 too, in which nothing was counted
    except (ValueError, RecursionError) as problem:
        raise ChannelError(f"no valid message: {type(problem).__name__}") from None


def _exactly(channel: socket.socket, size: int, wait: Wait | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if wait is not None:
            wait(channel, False)
        try:
            part = channel.recv(min(size - len(data), 2**20), 0 if wait is None else socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        except OSError as problem:
            raise ChannelError(f"the channel broke: {problem}") from None
        if not part:
            raise Gone("the other side has gone")
        data += part
    return bytes(data)


def _weigh(head: bytes, most_values: int, most_brackets: int) -> None:
    """Count values and depth of a head while it is bytes still: as objects it may take thirty times the room."""
    bare = STRING.sub(b"", head, count=most_values)
    if b'"' in bare:
        raise ChannelError(f"a message of more texts than {most_values:,}")
    values = 1 + sum(bare.count(sign) for sign in (b",", b":", b"[", b"{"))
    if values > most_values:
        raise ChannelError(f"a message of {values:,} values; at most {most_values:,} are read")
    brackets = np.frombuffer(bare.translate(None, NO_BRACKETS), np.uint8)
    if len(brackets) > 2 * most_values:
        raise ChannelError("no valid message: it closes more than it opens")
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1).astype(np.int8)
    deepest = np.cumsum(steps, dtype=np.int32).max(initial=0)
    if deepest > most_brackets:
        raise ChannelError(f"a message nested {deepest:,} deep; at most {most_brackets} are read")
