"""Stand-ins for what a student defined: they look like it to a test, and the work is done in the student's Python."""

import builtins
import functools
import socket
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from .channel import ChannelError, receive, send
from .plain import Opaque, Reader, Writer

MOST_WORDS = 600  # characters of a test's message


class StudentGone(BaseException):
    """The student's Python ended, fell silent or sent nonsense. No test may catch this as an ordinary error."""


class Student:
    """A student's Python at the other end of a channel."""

    def __init__(self, channel: socket.socket):
        channel.setblocking(True)
        self.channel, self.calls = channel, 0

    def function(self, name: str, reference: Callable) -> Callable:
        """A stand-in for the student's function: same call, the work is done over there."""

        @functools.wraps(reference)
        def stand_in(*args, **kwargs):
            return self._call(name, args, kwargs)

        return stand_in

    def value(self, name: str) -> object:
        """The student's variable of this name."""
        self._send({"do": "value", "name": name})
        head, body = self._answer()
        return Reader(body).decode(head["ok"])

    def _send(self, head: dict, body: bytes = b"") -> None:
        try:
            send(self.channel, head, body)
        except OSError as problem:
            raise StudentGone(str(problem)) from None

    def _answer(self):
        try:
            head, body = receive(self.channel)
        except (ChannelError, OSError) as problem:
            raise StudentGone(str(problem)) from None
        if not isinstance(head, dict) or not {"ok", "error", "callback"} & set(head):
            raise StudentGone("an answer that is none")
        if "error" in head:
            raise _as_builtin_error(head["error"])
        return head, body

    def _call(self, name, args, kwargs):
        functions, inputs = [], []
        self.calls += 1
        number = self.calls

        def keep(function):
            functions.append(function)
            return len(functions) - 1

        def follow(tensor):
            inputs.append(tensor)
            return len(inputs) - 1

        writer = Writer(callback=keep, graph=follow)
        head = {"do": "call", "name": name, "number": number, "args": [writer.encode(arg) for arg in args]}
        head["kwargs"] = {key: writer.encode(arg) for key, arg in kwargs.items()}
        self._send(head, bytes(writer.body))
        while True:
            head, body = self._answer()
            if "callback" not in head:
                break
            self._callback(functions, head, body)
        followed = {}

        def with_gradient(tensor, place):
            followed[int(place)] = tensor
            return tensor

        try:
            result = Reader(body, tensor=with_gradient).decode(head["ok"])
            reader = Reader(body)
            for value, new in zip([*args, *kwargs.values()], head["changed"], strict=True):
                if new is not None:
                    change_in_place(value, reader.decode(new[0]))
        except ChannelError as problem:
            raise TypeError(f"the function's answer cannot be read: {problem}") from None
        except (KeyError, TypeError, ValueError, IndexError) as problem:
            raise StudentGone(f"an answer that is none: {type(problem).__name__}") from None
        if followed and inputs:
            result = self._linked(result, followed, inputs, number)
        return result

    def _callback(self, functions, head, body):
        try:
            reader = Reader(body)
            args = [reader.decode(arg) for arg in head["args"]]
            kwargs = {str(key): reader.decode(arg) for key, arg in head["kwargs"].items()}
            writer = Writer()
            answer = {"ok": writer.encode(functions[head["callback"]](*args, **kwargs))}
        except Exception as problem:
            writer, answer = Writer(), {"error": f"{type(problem).__name__}: {problem}"[:MOST_WORDS]}
        self._send(answer, bytes(writer.body))

    def _linked(self, result, followed, inputs, number):
        """Tensors whose gradient is asked of the student's Python when someone calls `backward` here."""
        import torch

        places = sorted(followed)
        student = self

        class Remote(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *given):
                return tuple(followed[place].detach().clone() for place in places)

            @staticmethod
            def backward(ctx, *grads):
                writer = Writer()
                encoded = [writer.encode(grad) for grad in grads]
                ask = {"do": "backward", "number": number, "places": places, "grads": encoded}
                student._send(ask, bytes(writer.body))
                head, body = student._answer()
                gradients = Reader(body).decode(["list", head["ok"]])
                return tuple(
                    None if grad is None else grad.reshape(given.shape).to(given.dtype)
                    for grad, given in zip(gradients, inputs, strict=True)
                )

        linked = dict(zip([id(followed[place]) for place in places], Remote.apply(*inputs), strict=True))

        def replace(value):
            if isinstance(value, list | tuple):
                return type(value)(replace(item) for item in value)
            if isinstance(value, dict):
                return {key: replace(item) for key, item in value.items()}
            return linked.get(id(value), value)

        return replace(result)


def _as_builtin_error(raised) -> BaseException:
    """The error that the student's function raised, as the built-in error it is a kind of."""
    try:
        kind = getattr(builtins, str(raised["type"]), None)
        message = str(raised["message"])[:2000]
        name = str(raised.get("name") or raised["type"])[:100]
    except (KeyError, TypeError, AttributeError):
        return StudentGone("an answer that is none")
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or issubclass(kind, UnicodeError | StopIteration):
        kind = RuntimeError
    if kind is AssertionError:  # a check failed in the student's own code, not in the test
        kind = RuntimeError
    return kind(message if name == kind.__name__ else f"{name}: {message}")


def change_in_place(value: object, new: object) -> None:
    """Give `value` the content of `new`, as a function does that changes what it was handed.

    Raises
    ------
    ChannelError : this kind of value cannot be changed in such a way
    """
    torch = sys.modules.get("torch")
    if isinstance(value, np.random.Generator) and isinstance(new, np.random.Generator):
        value.bit_generator.state = new.bit_generator.state
    elif isinstance(value, np.ndarray) and value.shape == np.shape(new):
        value[...] = new
    elif isinstance(value, pd.DataFrame | pd.Series) and isinstance(new, type(value)):
        value._update_inplace(new)
    elif isinstance(value, list) and isinstance(new, list | Opaque):
        value[:] = new if isinstance(new, list) else [new]
    elif isinstance(value, dict) and isinstance(new, dict | Opaque):
        value.clear()
        value.update(new if isinstance(new, dict) else {new: new})
    elif isinstance(value, set) and isinstance(new, set | Opaque):
        value.clear()
        value.update(new if isinstance(new, set) else {new})
    elif isinstance(value, tuple) and isinstance(new, tuple) and len(value) == len(new):
        for old, fresh in zip(value, new, strict=True):
            if isinstance(old, np.ndarray | pd.DataFrame | pd.Series | list | dict | set | tuple | np.random.Generator):
                change_in_place(old, fresh)  # whatever else it holds nobody can have changed
    elif torch is not None and isinstance(value, torch.Tensor) and value.shape == np.shape(new):
        with torch.no_grad():
            value.copy_(new)
    else:
        raise ChannelError(f"an argument of the type {type(value).__name__} came back as another thing")
