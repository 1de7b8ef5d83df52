"""How metrics of scores are counted under weights, and the checks of the labels and scores that come in."""

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from utils.evaluation._registry import divide


def weighted_auc(weights: np.ndarray, label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """AUC under each row of weights: (draws, rows) → (draws,). Rows sorted by score; ties count one half."""
    positive = weights * label
    negative = weights - positive
    starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    if len(starts) < len(score):  # ties
        positive, negative = (np.add.reduceat(w, starts, axis=1) for w in (positive, negative))
    below = np.cumsum(negative, axis=1)
    pairs = np.einsum("ij,ij->i", positive, below) - np.einsum("ij,ij->i", positive, negative) / 2
    return divide(pairs, positive.sum(axis=1) * below[:, -1])


def weighted_calibration_error(weights: np.ndarray, label: np.ndarray, score: np.ndarray, bins: int = 10) -> np.ndarray:
    """Calibration error under each row of weights: (draws, rows) → (draws,). Rows sorted by score."""
    place = score_bins(score, bins)
    starts = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
    away = np.add.reduceat(weights * (score - label), starts, axis=1)
    return divide(np.abs(away).sum(axis=1), weights.sum(axis=1))


def weighted_mean_score(weights: np.ndarray, label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Mean score under each row of weights: (draws, rows) → (draws,)."""
    return divide(weights @ score, weights.sum(axis=1))


def score_bins(score: np.ndarray, bins: int = 10) -> np.ndarray:
    """The bin, 0 to bins − 1, of each score: equal widths on [0, 1], closed below; the last one holds 1 as well.

    A score within 1e-7 of an edge lies on it, since neither 3 / 10 nor 3 * 0.1, and no float32, is the number 0.3.
    """
    place = np.asarray(score, float) * bins
    edge = np.round(place)
    on_edge = np.abs(place - edge) <= min(1e-7 * bins, 0.1)  # 0.1: with a great many bins no bin is all edge
    return np.clip(np.where(on_edge, edge, np.floor(place)), 0, bins - 1).astype(int)


def checked(values: ArrayLike, name: str, rows: int | None = None) -> pd.Series:
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


def as_binary(values: pd.Series, name: str, positive: Hashable = None) -> np.ndarray:
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
