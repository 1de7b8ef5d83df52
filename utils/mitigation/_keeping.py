"""Keeping what methods train: a network is found again by all that its method was called with."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from torch import nn

from utils import kept


@dataclass
class _Call:
    """A method that is at work, with all that it was called with, and how many networks it has trained so far."""

    name: str
    inputs: dict
    networks: int = field(default=0)


_at_work: ContextVar[_Call | None] = ContextVar("method at work", default=None)


def recalled(network: nn.Module, compute: Callable[[], dict], shown: tuple) -> dict:
    """What `compute()` returns; in a method of this project it is kept, under all that the method was called with.

    Parameters
    ----------
    network : with its start values
    shown : see `utils.kept.recall`
    """
    call = _at_work.get()
    if call is None:
        return compute()
    call.networks += 1
    return kept.recall(call.name, [call.inputs, call.networks, network], compute, shown=shown)


def keeps(method: Callable) -> Callable:
    """Let `utils.kept` keep the networks that a method trains, under all that the method is called with.

    A loss or a way to draw batches is a function that knows tables and weights, and has no key of its own. The method
    that makes it has: it does the same whenever it is called with the same.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    def kept_method(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        inputs = {k: v for k, v in given.arguments.items() if k != "training"} | given.arguments.get("training", {})
        inputs.pop("progress", None)
        inputs = {"method": kept_method} | inputs  # it has a key only if it is a method of this project
        before = _at_work.set(_Call(f"{method.__module__.rpartition('.')[2]}", inputs))
        try:
            return method(*args, **kwargs)
        finally:
            _at_work.reset(before)

    return kept_method
