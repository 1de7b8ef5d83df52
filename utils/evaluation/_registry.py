"""What every metric and criterion is: registered in one place, where its function and its docstring stand.

`audit`, `disparities`, the figures and the glossary read from here. So a new metric is one decorated function in
`_metrics.py`, and one without a direction cannot be registered: nothing could say which group is served worse.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

CELLS = ("tp", "fp", "fn", "tn")
COLUMNS = ("label", "prediction", "score")
BETTER = ("higher", "lower", "neither")
# What is missing where the cells below the line of a rate hold no row.
NO_ROWS = {
    "tp fp fn tn": "no rows",
    "tp fn": "no row has a positive label",
    "fp tn": "no row has a negative label",
    "tp fp": "no row is predicted positive",
    "tn fn": "no row is predicted negative",
}


@dataclass(frozen=True)
class Metric:
    """One metric, as the audit needs to know it.

    Attributes
    ----------
    name : as in `audit(metrics=[name])`
    function : the public function (label, prediction or score, …) → float
    better : which value serves a group better: "higher", "lower", or "neither", as for selection rates
    undefined : what is missing where it has no value, in words
    needs : the columns that it looks at, of "label", "prediction", "score"
    above, below : of a rate, the cells (tp, fp, fn, tn) whose sum it counts, and out of which; else empty
    of_counts : function(tp, fp, fn, tn) of arrays of one shape; None where the counts do not determine the metric
    of_rows : function(weights (draws, rows), label, score) → (draws,), on rows sorted by score; None for the others
    by_class : with more than two classes, whether it is taken for each class against the rest
    """

    name: str
    function: Callable
    better: str
    undefined: str
    needs: tuple[str, ...]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    of_counts: Callable | None = None
    of_rows: Callable | None = None
    by_class: bool = True

    @property
    def is_rate(self) -> bool:
        """Whether it is a share of rows, so that its interval is that of a binomial rate."""
        return bool(self.above)

    def counts(self, tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, tn: ArrayLike) -> tuple:
        """What a rate counts, and out of how many: two arrays of the shape of the cells."""
        cells = dict(zip(CELLS, (tp, fp, fn, tn), strict=True))
        return sum(cells[c] for c in self.above), sum(cells[c] for c in self.below)


@dataclass(frozen=True)
class Criterion:
    """One group fairness criterion: which metrics it asks to be equal in all groups.

    Attributes
    ----------
    name : what it is called, as in the rows of `disparities`
    function : the public function (table, groups, …) → float
    metrics : the metrics that it compares; of two, the larger difference counts
    """

    name: str
    function: Callable
    metrics: tuple[str, ...]


def rate(
    above: str, below: str, *, better: str, needs: tuple[str, ...] = ("label", "prediction"), by_class: bool = True
) -> Callable:
    """Decorator: a metric that is a share of rows. `above` and `below` the line: cells, as in rate("tp", "tp fn")."""
    known = isinstance(above, str) and below in NO_ROWS
    counted = above.split() if known else []
    if not counted or not set(counted) <= set(below.split()) or len(set(counted)) < len(counted):
        raise ValueError(
            f"A rate counts some of the cells {', '.join(CELLS)}, each once, out of those below the line, which are "
            f"one of {', '.join(map(repr, NO_ROWS))}; given were {above!r} and {below!r}."
        )
    parts = {"above": tuple(counted), "below": tuple(below.split())}

    def of_counts(tp, fp, fn, tn):
        cells = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
        return divide(sum(cells[c] for c in parts["above"]), sum(cells[c] for c in parts["below"]))

    made = {"of_counts": of_counts, "needs": needs, "by_class": by_class, "undefined": NO_ROWS[below], **parts}
    return lambda function: _register(function, better=better, **made)


def of_counts(formula: Callable, *, better: str, undefined: str) -> Callable:
    """Decorator: a metric that the four counts of a group determine, by `formula(tp, fp, fn, tn)`."""
    made = {"of_counts": formula, "undefined": undefined, "needs": ("label", "prediction")}
    return lambda function: _register(function, better=better, **made)


def of_rows(formula: Callable, *, better: str, undefined: str, needs: tuple[str, ...] = ("label", "score")) -> Callable:
    """Decorator: a metric of scores, by `formula(weights, label, score)` on rows sorted by score."""
    made = {"of_rows": formula, "undefined": undefined, "needs": needs}
    return lambda function: _register(function, better=better, **made)


def _register(function, better, **parts):
    name = function.__name__
    if better not in BETTER:
        raise ValueError(
            f"{name} cannot be registered with better={better!r}: say which value serves a group better, "
            f"{', '.join(map(repr, BETTER))}; disparities() calls the other group the worst."
        )
    needs, formula = parts["needs"], parts.get("of_counts") or parts.get("of_rows")
    if not isinstance(needs, tuple) or not needs or not set(needs) <= {*COLUMNS}:
        raise ValueError(
            f"{name} cannot be registered with needs={needs!r}: give a tuple of {', '.join(map(repr, COLUMNS))}."
        )
    if not callable(formula):
        raise ValueError(f"{name} cannot be registered with the formula {formula!r}: give a function.")
    _need_definition(function)
    function.metric = Metric(name, function, better, **parts)
    return function


def _need_definition(function):
    if "\nFormula: " not in (inspect.getdoc(function) or ""):
        raise ValueError(
            f"{function.__name__} cannot be registered without a docstring that has a field Formula, as the others."
        )


def criterion(name: str, *metrics: str) -> Callable:
    """Decorator: a criterion that asks these metrics to be equal in all groups."""

    def register(function: Callable) -> Callable:
        _need_definition(function)
        function.criterion = Criterion(name, function, metrics)
        return function

    return register


def metrics_of(module: dict[str, Any]) -> dict[str, Metric]:
    """Name → metric, of all functions of a module (its `globals()`) that a decorator stands above."""
    return {name: f.metric for name, f in module.items() if isinstance(getattr(f, "metric", None), Metric)}


def criteria_of(module: dict[str, Any], metrics: dict[str, Metric]) -> dict[str, Criterion]:
    """Function's name → criterion, of all functions of a module (its `globals()`) that a decorator stands above.

    Raises
    ------
    ValueError : a criterion asks for a metric that there is not, or two of one name ask for different ones
    """
    criteria = {name: f.criterion for name, f in module.items() if isinstance(getattr(f, "criterion", None), Criterion)}
    asked = {}
    for each in criteria.values():
        unknown = [m for m in each.metrics if m not in metrics]
        if unknown or not each.metrics:
            raise ValueError(
                f"{each.name} asks for {', '.join(unknown) or 'no metric'}; there are {', '.join(metrics)}."
            )
        if asked.setdefault(each.name, each.metrics) != each.metrics:
            raise ValueError(
                f"{each.name} is the criterion of {', '.join(asked[each.name])} already: give yours another name."
            )
    return criteria


def divide(above: ArrayLike, below: ArrayLike) -> np.ndarray:
    """Quotient of two arrays; NaN where the divisor is 0: no number is made up."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
