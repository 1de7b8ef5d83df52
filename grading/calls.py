"""A student's functions and variables, asked for from outside by the Python with the tests."""

import socket
from typing import TYPE_CHECKING

from .channel import receive, send
from .plain import Reader, Writer
from .shell import Outputs

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Calls:
    """Answers calls of functions that the student defined. `shell` is where they live, `channel` who asks."""

    def __init__(self, shell: "InteractiveShell", channel: socket.socket):
        self.shell, self.channel = shell, channel
        self.graphs = {}  # number of a call → its tensors: those that came with a gradient, those that went back

    def call(self, head: dict, body: bytes) -> None:
        """What a function returns, and what it changed in its arguments."""
        name = head["name"]
        if not callable(self.shell.user_ns.get(name)):
            return send(self.channel, {"error": {"type": "NameError", "message": f"no function '{name}' is defined"}})
        given, returned = [], []

        def comes(tensor, number):
            given.append(tensor.requires_grad_())
            return tensor

        def goes(tensor):
            returned.append(tensor)
            return len(returned) - 1

        reader = Reader(body, self._function, comes)
        args = [reader.decode(arg) for arg in head["args"]]
        kwargs = {key: reader.decode(arg) for key, arg in head["kwargs"].items()}
        before = _pictures([*args, *kwargs.values()])
        self.shell.outputs = Outputs()  # what a function prints while it is tested is shown to nobody
        try:
            result = self.shell.user_ns[name](*args, **kwargs)
            writer = Writer(graph=goes if given else None)
            answer = writer.encode(result)
        except Exception as problem:
            bases = [kind.__name__ for kind in type(problem).__mro__ if kind.__module__ == "builtins"]
            message = str(problem)[:2000]
            return send(self.channel, {"error": {"type": bases[0], "name": type(problem).__name__, "message": message}})
        if given and returned:
            self.graphs[head["number"]] = given, returned
        changed = []
        for value, picture in zip([*args, *kwargs.values()], before, strict=True):
            same = callable(value) or _pictures([value])[0] == picture
            # What cannot be sent is a mark there: that it stands in an argument concerns only a test that looks at it.
            changed.append(None if same else [writer.mark(value)])
        send(self.channel, {"ok": answer, "changed": changed}, bytes(writer.body))

    def backward(self, head: dict, body: bytes) -> None:
        """The gradients of a call's arguments, given those of its results."""
        import torch

        reader = Reader(body)
        given, returned = self.graphs[head["number"]]
        returned = [returned[place] for place in head["places"]]
        grads = [reader.decode(grad) for grad in head["grads"]]
        try:
            gradients = torch.autograd.grad(returned, given, grads, allow_unused=True, retain_graph=True)
            writer = Writer()
            send(self.channel, {"ok": [writer.encode(gradient) for gradient in gradients]}, bytes(writer.body))
        except RuntimeError as problem:
            send(self.channel, {"error": {"type": "RuntimeError", "name": "", "message": str(problem)[:2000]}})

    def value(self, head: dict) -> None:
        """The student's variable of a name."""
        name = head["name"]
        if name not in self.shell.user_ns:
            return send(self.channel, {"error": {"type": "NameError", "message": f"'{name}' is not defined"}})
        writer = Writer()
        send(self.channel, {"ok": writer.encode(self.shell.user_ns[name])}, bytes(writer.body))

    def _function(self, number, name):
        def function(*args, **kwargs):
            writer = Writer()
            head = {"callback": number, "args": [writer.encode(arg) for arg in args]}
            head["kwargs"] = {key: writer.encode(arg) for key, arg in kwargs.items()}
            send(self.channel, head, bytes(writer.body))
            head, body = receive(self.channel)
            if "error" in head:
                raise RuntimeError(head["error"])
            return Reader(body).decode(head["ok"])

        function.__name__ = function.__qualname__ = name
        return function


def _pictures(values) -> list:
    """What each value looks like as a message: two pictures differ where the value was changed between them."""
    pictures = []
    for value in values:
        writer = Writer(callback=lambda function: 0)
        pictures.append((writer.mark(value), bytes(writer.body)))
    return pictures
