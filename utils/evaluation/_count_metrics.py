"""Metrics that counts determine, for every group of an audit: values, intervals and standard errors from the cells."""

import warnings

import numpy as np

from utils.evaluation._coding import Coded, Groups
from utils.evaluation._intervals import METHODS, bootstrap_interval, rate_interval
from utils.evaluation._metrics import METRICS
from utils.evaluation._registry import divide

ENOUGH = 10  # n·p·(1 − p) from which the bootstrap of a rate holds its coverage


def count_cells(coded: Coded, groups: Groups) -> np.ndarray:
    """Rows by group, label and prediction: float array (groups, classes, classes)."""
    k = len(coded.classes) if coded.classes else 2
    shape = (len(groups.names), k, k)
    if coded.label is None and coded.prediction is None:
        return np.zeros(shape)
    nothing = np.zeros_like(groups.codes)
    y, p = (nothing if c is None else c for c in (coded.label, coded.prediction))
    return np.bincount((groups.codes * k + y) * k + p, minlength=np.prod(shape)).reshape(shape).astype(float)


def draws_needed(metrics: list[str], interval: str | None, classes: list | None) -> bool:
    """Whether any of the metrics gets its interval from resamples of the counts."""

    def needs(metric):
        mean_of_classes = classes and metric.by_class  # the macro value has no closed form
        return metric.of_counts and (not metric.is_rate or mean_of_classes or interval in ("bootstrap", "bca"))

    return interval is not None and any(needs(METRICS[m]) for m in metrics)


def draw_cells(
    cells: np.ndarray, rows: int, draws: int, rng: np.random.Generator, by_class: bool, at_once: int = 20_000_000
) -> list[tuple]:
    """tp, fp, fn, tn in resamples of the whole table: (draws, groups), and by class (draws, groups, classes)."""
    step = max(1, at_once // cells.size)  # the cells of many classes are many
    parts = []
    for start in range(0, draws, step):
        some = rng.multinomial(rows, cells.ravel() / rows, size=min(step, draws - start)).reshape(-1, *cells.shape)
        parts.append((_binary_cells(some), _class_cells(some) if by_class else ()))
    return [tuple(np.concatenate(c) for c in zip(*kind, strict=True)) for kind in zip(*parts, strict=True)]


def count_columns(
    metrics: list[str],
    cells: np.ndarray,
    drawn: list[tuple] | None,
    classes: list | None,
    interval: str | None,
    level: float,
) -> dict[str, dict[str, np.ndarray]]:
    """Metric → columns of the audit, one entry a group, or a group and class; `drawn` as from `draw_cells`."""
    whole, each = drawn or (None, None)
    return {
        metric: _by_class(metric, classes, cells, each, interval, level)
        if classes and METRICS[metric].by_class
        else _counted(metric, _binary_cells(cells), whole, interval, level)
        for metric in metrics
    }


def _binary_cells(cells):
    """tp, fp, fn, tn of (…, groups, classes, classes); with more than two classes right is tp and wrong is fn."""
    if cells.shape[-1] == 2:
        return cells[..., 1, 1], cells[..., 0, 1], cells[..., 1, 0], cells[..., 0, 0]
    right = np.trace(cells, axis1=-2, axis2=-1)
    none = np.zeros_like(right)
    return right, none, cells.sum((-2, -1)) - right, none


def _class_cells(cells):
    """tp, fp, fn, tn of each class against the rest: (…, groups, classes)."""
    tp = np.diagonal(cells, axis1=-2, axis2=-1)
    fn, fp = cells.sum(-1) - tp, cells.sum(-2) - tp
    return tp, fp, fn, cells.sum((-2, -1))[..., None] - tp - fp - fn


def _counted(name, cells, drawn, interval, level):
    """One metric of arrays of cells of any shape, flattened, with the group in front."""
    metric, shape = METRICS[name], cells[0].shape
    value = metric.of_counts(*cells)
    low, high, se = (np.full(shape, np.nan) for _ in range(3))
    note = np.full(shape, "", dtype=object)
    count, of = metric.counts(*cells) if metric.is_rate else (np.full(shape, np.nan),) * 2
    note[np.isnan(value)] = metric.undefined
    if interval in METHODS and metric.is_rate:
        low, high = rate_interval(count, of, interval, level)
    elif interval is not None:
        samples = np.moveaxis(metric.of_counts(*drawn), 0, -1)
        low, high = _from_draws(metric, cells, value, samples, interval, level)
        if metric.is_rate:
            few = divide(count * (of - count), of) < ENOUGH
            if few.any():
                low[few], high[few] = rate_interval(count[few], of[few], "wilson", level)
                note[few] = f"Wilson interval: n·p·(1 − p) is under {ENOUGH}, too few for the bootstrap"
        else:
            se = standard_error(samples)
    unknown = np.isnan(value)
    low, high = np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
    group = np.broadcast_to(np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1)), shape)
    columns = {"group": group, "value": value, "low": low, "high": high, "count": count, "of": of, "se": se}
    return {column: np.ravel(values) for column, values in (columns | {"note": note}).items()}


def _from_draws(metric, cells, value, samples, interval, level):
    if interval != "bca":
        return bootstrap_interval(samples, level)
    # One row left out: there are four kinds of rows, so four values to compute, each standing for the rows of its cell.
    stacked = np.stack(cells, -1)
    left_out = np.stack(
        [metric.of_counts(*np.moveaxis(np.maximum(stacked - kind, 0), -1, 0)) for kind in np.eye(4)], -1
    )
    return bootstrap_interval(samples, level, "bca", value, left_out, stacked)


def standard_error(samples: np.ndarray) -> np.ndarray:
    """Standard deviation over the draws (last axis), as far as they are defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no draw is defined: the standard error is not, either
        return np.nanstd(samples, axis=-1, ddof=1)


def _by_class(name, classes, cells, drawn, interval, level):
    """A metric for each class against the rest, and their mean over the classes for which it is defined."""
    each = _class_cells(cells)
    groups, k = each[0].shape
    if name == "balanced_accuracy":  # with more classes it is the mean recall, and has no value for a single class
        metric, part = METRICS["true_positive_rate"], None
    else:
        metric, part = METRICS[name], _counted(name, each, drawn, interval, level)
        part["class"] = np.tile(np.array(classes, dtype=object), groups)
        if metric.is_rate and len(metric.needs) == 1:  # of one column: the mean over k classes is 1/k, whatever it is
            return part
    values = metric.of_counts(*each)
    defined = ~np.isnan(values)
    macro = divide(np.where(defined, values, 0).sum(-1), defined.sum(-1))
    note = np.array(
        ["" if d == k else f"over the {d} of {k} classes for which it is defined" for d in defined.sum(-1)],
        dtype=object,
    )
    low, high, se = (np.full(groups, np.nan) for _ in range(3))
    if interval is not None:
        samples = metric.of_counts(*drawn)
        known = ~np.isnan(samples)
        samples = np.moveaxis(divide(np.where(known, samples, 0).sum(-1), known.sum(-1)), 0, -1)
        (low, high), se = bootstrap_interval(samples, level), standard_error(samples)
    nothing = np.full(groups, np.nan)
    whole = {"group": np.arange(groups), "value": macro, "low": low, "high": high, "count": nothing, "of": nothing}
    whole |= {"se": se, "note": note, "class": np.full(groups, "macro", dtype=object)}
    return whole if part is None else {column: np.concatenate([part[column], whole[column]]) for column in part}
