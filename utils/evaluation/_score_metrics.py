"""Metrics of scores, for every group of an audit: they go back to the rows, sorted by score."""

from collections.abc import Callable

import numpy as np

from utils.evaluation._coding import Coded, Groups
from utils.evaluation._count_metrics import standard_error
from utils.evaluation._intervals import bootstrap_interval
from utils.evaluation._metrics import METRICS


def score_columns(
    metrics: list[str],
    coded: Coded,
    groups: Groups,
    interval: str | None,
    level: float,
    draws: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, np.ndarray]]:
    """Metric → columns of the audit, one entry a group; intervals from rows (or counts of equal rows) drawn anew."""
    n = np.bincount(groups.codes, minlength=len(groups.names))
    names = ("value", "low", "high", "count", "of", "se")
    columns = {m: {name: np.full(len(n), np.nan) for name in names} for m in metrics}
    for m in metrics:
        columns[m] |= {"group": np.arange(len(n)), "note": np.full(len(n), "", dtype=object)}
    for g, (label, score, count) in enumerate(_sort_rows(coded, groups.codes, n)):
        if len(count) == 0:
            continue
        samples = {m: [] for m in metrics}
        if interval is not None:  # one draw of rows serves all metrics
            for weights in _weights(count, coded.rows, draws, rng):
                for m in metrics:
                    samples[m].append(METRICS[m].of_rows(weights, label, score))
        for m in metrics:
            column, of_rows = columns[m], METRICS[m].of_rows
            value = column["value"][g] = of_rows(count[None].astype(float), label, score)[0]
            if np.isnan(value):
                column["note"][g] = METRICS[m].undefined
            elif interval is not None:
                drawn = np.concatenate(samples[m])
                column["low"][g], column["high"][g] = _ends(of_rows, drawn, value, label, score, count, interval, level)
                column["se"][g] = standard_error(drawn)
    return columns


def _sort_rows(coded, codes, n):
    """Labels and scores of each group, sorted by score; equal rows are put together with how many they stand for."""
    y = np.zeros(coded.rows) if coded.label is None else coded.label.astype(float)
    order = np.lexsort((y, coded.score, codes))
    ends = np.cumsum(n)
    for start, end in zip(ends - n, ends, strict=True):
        label, score = y[order[start:end]], coded.score[order[start:end]]
        another = (score[1:] != score[:-1]) | (label[1:] != label[:-1])
        first = np.flatnonzero(np.r_[np.ones(min(1, end - start), bool), another])
        yield label[first], score[first], np.diff(np.r_[first, end - start])


def _ends(of_rows, samples, value, label, score, count, interval, level):
    if interval != "bca":
        return bootstrap_interval(samples, level)
    left_out, weights = _left_out(of_rows, label, score, count)
    return bootstrap_interval(samples, level, "bca", value, left_out, weights)


def _weights(count, rows, draws, rng, at_once=4_000_000):
    """How often each kind of row of a group is in each resample of the whole table: (draws, kinds), in parts."""
    size, kinds = int(count.sum()), len(count)
    for start in range(0, draws, step := max(1, at_once // max(size, kinds))):
        sizes = rng.binomial(rows, size / rows, min(step, draws - start))
        if kinds * 4 < size:
            yield rng.multinomial(sizes, count / size).astype(float)
        else:
            which = np.repeat(np.arange(kinds), count)[rng.integers(0, size, sizes.sum())]
            which += np.repeat(np.arange(len(sizes)) * kinds, sizes)
            yield np.bincount(which, minlength=len(sizes) * kinds).reshape(len(sizes), kinds).astype(float)


def _left_out(of_rows: Callable, label, score, count, parts: int = 200):
    """The metric with one kind of row, or one of at most 200 parts of the kinds, left out; and the parts' rows."""
    kinds = len(count)
    part = np.arange(kinds) % min(kinds, parts)
    if kinds <= parts:  # one row of each kind
        weights = np.maximum(count - np.eye(kinds), 0)
        return of_rows(weights, label, score), count.astype(float)
    weights = count * (part != np.arange(parts)[:, None])
    return of_rows(weights.astype(float), label, score), np.ones(parts)
