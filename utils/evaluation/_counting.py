"""How metrics are counted: rates as sums of cells, metrics of scores under weights, and the checks of what comes in.

A rate is undefined, NaN, where its denominator is zero: no number is made up.
"""

import numpy as np
import pandas as pd

# Rates as sums of cells: what stands above the line, and what below it. T: the prediction is right; P: it is positive.
RATES = {
    "accuracy": ("tp tn", "tp fp fn tn"),
    "error_rate": ("fp fn", "tp fp fn tn"),
    "selection_rate": ("tp fp", "tp fp fn tn"),
    "base_rate": ("tp fn", "tp fp fn tn"),
    "true_positive_rate": ("tp", "tp fn"),
    "false_positive_rate": ("fp", "fp tn"),
    "true_negative_rate": ("tn", "fp tn"),
    "false_negative_rate": ("fn", "tp fn"),
    "precision": ("tp", "tp fp"),
    "negative_predictive_value": ("tn", "tn fn"),
    "false_discovery_rate": ("fp", "tp fp"),
    "false_omission_rate": ("fn", "tn fn"),
}
# What is missing where a metric is undefined.
WITHOUT = {
    "tp fp fn tn": "no rows",
    "tp fn": "no row has a positive label",
    "fp tn": "no row has a negative label",
    "tp fp": "no row is predicted positive",
    "tn fn": "no row is predicted negative",
    "balanced_accuracy": "not both labels occur",
    "f1_score": "no positive, neither label nor prediction",
    "treatment_ratio": "no false positive",
    "auc": "not both labels occur",
    "calibration_error": "no rows",
    "mean_score": "no rows",
}
# The groups that are served worse have the higher value.
LOWER_IS_BETTER = {
    "error_rate",
    "false_positive_rate",
    "false_negative_rate",
    "false_discovery_rate",
    "false_omission_rate",
    "calibration_error",
}


def rate_counts(metric: str, tp, fp, fn, tn):
    """What a rate counts, and out of how many: two arrays of the shape of the cells."""
    cells = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    above, below = RATES[metric]
    return sum(cells[c] for c in above.split()), sum(cells[c] for c in below.split())


def _rate(metric):
    def value(tp, fp, fn, tn):
        return divide(*rate_counts(metric, tp, fp, fn, tn))

    return value


def divide(above, below):
    """Quotient of two arrays; NaN where the divisor is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)


def _balanced_accuracy(tp, fp, fn, tn):
    return (divide(tp, tp + fn) + divide(tn, tn + fp)) / 2


def _f1_score(tp, fp, fn, tn):
    return divide(2 * tp, 2 * tp + fp + fn)


def _treatment_ratio(tp, fp, fn, tn):
    return divide(fn, fp)


# Every metric that the four counts of a group determine: name → function(tp, fp, fn, tn) of arrays of one shape.
COUNT_METRICS = {name: _rate(name) for name in RATES} | {
    "balanced_accuracy": _balanced_accuracy,
    "f1_score": _f1_score,
    "treatment_ratio": _treatment_ratio,
}


def weighted_auc(weights, label, score):
    """AUC under each row of weights: (draws, rows) → (draws,). Rows sorted by score; ties count one half."""
    positive = weights * label
    negative = weights - positive
    starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    if len(starts) < len(score):  # ties
        positive, negative = (np.add.reduceat(w, starts, axis=1) for w in (positive, negative))
    below = np.cumsum(negative, axis=1)
    pairs = np.einsum("ij,ij->i", positive, below) - np.einsum("ij,ij->i", positive, negative) / 2
    return divide(pairs, positive.sum(axis=1) * below[:, -1])


def weighted_calibration_error(weights, label, score, bins: int = 10):
    """Calibration error under each row of weights: (draws, rows) → (draws,). Rows sorted by score."""
    place = score_bins(score, bins)
    starts = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
    away = np.add.reduceat(weights * (score - label), starts, axis=1)
    return divide(np.abs(away).sum(axis=1), weights.sum(axis=1))


def weighted_mean_score(weights, label, score):
    """Mean score under each row of weights: (draws, rows) → (draws,)."""
    return divide(weights @ score, weights.sum(axis=1))


def score_bins(score, bins: int = 10):
    """The bin, 0 to bins − 1, of each score: equal widths on [0, 1], closed below; the last one holds 1 as well."""
    edges = np.linspace(0, 1, bins + 1)
    return np.minimum(np.searchsorted(edges, score, side="right") - 1, bins - 1)


# Every metric that needs the rows: name → function(weights, label, score) on rows sorted by score.
SCORE_METRICS = {
    "auc": weighted_auc,
    "calibration_error": weighted_calibration_error,
    "mean_score": weighted_mean_score,
}


def checked(values, name: str, rows: int | None = None) -> pd.Series:
    """A one-dimensional column without gaps, or an error that names it."""
    values = pd.Series(np.asarray(values) if not isinstance(values, pd.Series) else values.array)
    if rows is not None and len(values) != rows:
        raise ValueError(f"{name} has {len(values)} values and the labels {rows}: give one for each row.")
    if len(values) == 0:
        raise ValueError(f"{name} is empty: nothing can be computed from no rows.")
    gaps = int(values.isna().sum())
    if gaps:
        raise ValueError(f"{gaps} of {len(values)} values in {name!r} are missing; drop or fill these rows first.")
    return plain(values)


def plain(values: pd.Series) -> pd.Series:
    """A categorical column as a column of its categories' type; others as they are."""
    return values.astype(values.cat.categories.dtype) if isinstance(values.dtype, pd.CategoricalDtype) else values


def is_binary(values: pd.Series) -> bool:
    """Whether all values are 0 or 1 (or False or True)."""
    if values.dtype == object:  # a column of True and False that once had gaps
        values = values.infer_objects()
    if not (pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype)):
        return False
    v = values.to_numpy()
    return bool(((v == 0) | (v == 1)).all())


def as_binary(values: pd.Series, name: str, positive=None) -> np.ndarray:
    """Bool array: which values are the positive class; an error where that cannot be known."""
    if positive is not None:
        return (values == positive).to_numpy(bool)
    if is_binary(values):
        return (values == 1).to_numpy(bool)
    other = next((v for v in values.unique().tolist() if not (isinstance(v, int | float) and v in (0, 1))), None)
    raise ValueError(
        f"{name!r} holds {other!r}: it must be 0 or 1; name the positive class with positive=..., the rest is negative."
    )


def check_scores(score: pd.Series, name: str) -> np.ndarray:
    """Scores as a float array in [0, 1], or an error that names a wrong one."""
    if not pd.api.types.is_numeric_dtype(score.dtype):
        raise ValueError(f"{name!r} holds {score.head(1).tolist()[0]!r}: scores are numbers between 0 and 1.")
    values = score.to_numpy(float)
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        raise ValueError(
            f"{name!r} holds {values[outside][0]:g}, and {int(outside.sum())} values outside [0, 1] in all: "
            "scores are probabilities; turn others into such first."
        )
    return values
