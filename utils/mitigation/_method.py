"""What is to be known of a mitigation method before it is called, for pictures and for tables alike."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

FAMILIES = ("none", "unawareness", "before training", "in training", "after training", "control", "your own")
TRAINING, VALIDATION, PREDICTION = (f"groups in {step}" for step in ("training", "validation", "prediction"))
BASE, GRID_SIZE = "base", "grid_size"  # these are handed over under their name
NEEDS = (TRAINING, VALIDATION, PREDICTION, BASE, GRID_SIZE)


@dataclass(frozen=True)
class Method:
    """A mitigation method. `method(train, validation, groups=…, seed=…, …)` gives a model with `predict(table)`.

    Attributes
    ----------
    name : under which it is found
    function : (train, validation, *, groups, seed=0, …) → fitted model; its `predict(table)` gives decisions, and its
        `uses_attribute` says whether it looks at the groups for that. A model of pictures is a `Fitted`, of tables a
        `FittedTable`
    family : one of `FAMILIES`
    needs : some of `NEEDS`, or none: the groups of the rows in training, validation or prediction; a trained model as
        `base` (without one it trains `plain` first); a `grid_size`. Of the validation rows a method needs the groups
        if its own settings come from their cells: that the checkpoint is chosen by these is the same for all methods
    source : author and year, as in the function's docstring; "–" where there is none

    Raises
    ------
    ValueError : a field is missing, or is not what the function says

    Examples
    --------
    >>> from utils.mitigation import METHODS, Method, plain
    >>> METHODS["plain"] == Method("plain", plain, "none", needs=(), source="Vapnik 1998")
    True
    >>> Method("mine", plain, "in training", needs=())
    Traceback (most recent call last):
    ValueError: The method 'mine' cannot be registered: source is None; give author and year, or '–' for none.
    """

    name: str
    function: Callable | None = None
    family: str | None = None
    needs: tuple[str, ...] | None = None
    source: str | None = None

    def __post_init__(self):
        if problems := _problems(self):
            raise ValueError(f"The method {self.name!r} cannot be registered: {'; '.join(problems)}.")
        # Whoever asks for help or for the parameters is shown those of the function.
        object.__setattr__(self, "__doc__", inspect.getdoc(self.function))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, train: pd.DataFrame, validation: pd.DataFrame, **settings: Any) -> Any:
        return self.function(train, validation, **settings)


def _problems(method: Method) -> list[str]:
    """One sentence for each field that is missing or wrong; the function is asked only if the others are right."""
    are_needs = isinstance(method.needs, tuple) and set(method.needs) <= set(NEEDS)
    right = {
        "name": isinstance(method.name, str) and method.name,
        "function": callable(method.function),
        "family": method.family in FAMILIES,
        "needs": are_needs,
        "source": isinstance(method.source, str) and method.source,
    }
    wanted = {
        "name": "give some text",
        "function": "give a function of (train, validation, *, groups, seed=0, …)",
        "family": f"give one of {', '.join(map(repr, FAMILIES))}",
        "needs": f"give a tuple with some of {', '.join(map(repr, NEEDS))}, or ()",
        "source": "give author and year, or '–' for none",
    }
    problems = [f"{field} is {getattr(method, field)!r}; {wanted[field]}" for field in right if not right[field]]
    return problems or _problems_of_function(method)


def _problems_of_function(method: Method) -> list[str]:
    signature = inspect.signature(method.function)
    problems = []
    try:
        more = {name: None for name in ("features", BASE, GRID_SIZE) if name in signature.parameters}
        # What else it asks for may come as a setting: who trains with it says so there.
        signature.bind_partial(None, None, groups="", seed=0, **more)
    except TypeError as error:
        problems = [f"its function cannot be called as (train, validation, groups=…, seed=…): {error}"]
    for name in (BASE, GRID_SIZE):
        if (name in signature.parameters) != (name in method.needs):
            which = "takes" if name in signature.parameters else "does not take"
            problems.append(f"its function {which} {name!r}; needs must say the same, and is {method.needs}")
    return problems


def by_name(*methods: Method) -> dict[str, Method]:
    """Name → method, in their order: how methods are registered.

    Raises
    ------
    ValueError : two have the same name
    """
    registered = {method.name: method for method in methods}
    if len(registered) < len(methods):
        names = [method.name for method in methods]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"There are two methods {twice!r}: give each a name of its own.")
    return registered


def as_method(name: str, function: Callable) -> Method:
    """A Method as it is; a function of one's own with what its parameters say of it."""
    if isinstance(function, Method):
        return function
    if not callable(function):
        raise ValueError(
            f"The method {name!r} is {function!r}; give a function of (train, validation, *, groups, seed=0, …)."
        )
    parameters = inspect.signature(function).parameters
    return Method(str(name), function, "your own", tuple(n for n in (BASE, GRID_SIZE) if n in parameters), "–")
