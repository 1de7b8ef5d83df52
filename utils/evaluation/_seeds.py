"""Many training runs on the same rows: an interval for other seeds and other rows."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from utils.evaluation._intervals import check_level


def seeds_and_rows_interval(
    correct: ArrayLike, group_a: ArrayLike | None = None, group_b: ArrayLike | None = None, level: float = 0.95
) -> dict:
    """Accuracy of a way of training, or its gap between two groups, with an interval for other seeds and other rows.

    Many models (seeds of the same training) were each evaluated on the same rows. Two things could have come out
    otherwise: the training runs and the rows. An interval over the seeds takes these rows for the whole world; one over
    the rows takes these models for all that training can give. This one holds for new seeds on new rows.

    Formula: in the two-way layout with random seeds and random rows, the variance of the mean is (variance of the
    seeds' values) / seeds + (variance of the rows' means) / rows − (residual variance) / (seeds · rows), since the
    residual is part of both of the others. For a gap, the seeds' values are their gaps, and the parts of the rows are
    summed over the two groups. It is at least the larger of the seeds' and the rows' part. The interval is the mean ± a
    quantile of Student's t, with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    correct : bool or float array (seeds, rows), whether each model is right on each row (or any score of it)
    group_a, group_b : bool arrays (rows,), without rows in common. The value is the mean in a (None: in all rows),
        minus that in b if given
    level : nominal coverage, between 0 and 1

    Returns
    -------
    dict: `mean`; `sd_seeds` (standard deviation of the seeds' values); `se_seeds`, `se_rows` (standard errors if only
    the seeds, or only the rows, were drawn anew: each holds the residual), `se` (both); `low`, `high`; `seeds`, `n_a`,
    `n_b` (None without group b)

    Raises
    ------
    ValueError : a wrong shape, missing values, fewer than two seeds or than two rows in a group, groups that overlap

    It does not say what other training data would give: every seed saw the same. With few seeds it is wide, since t has
    about seeds − 1 degrees of freedom where the seeds' part prevails; and with few seeds that differ much (accuracies
    from 0.6 to 0.95) it covers about 90 % instead of 95 %, since such accuracies are skewed.

    Source: Searle, Casella and McCulloch (1992), Variance Components, chapter 4; Satterthwaite (1946), An Approximate
    Distribution of Estimates of Variance Components, Biometrics Bulletin; Owen (2007), The Pigeonhole Bootstrap, Annals
    of Applied Statistics, on why resampling one of the two ways is not enough.

    Examples
    --------
    >>> import numpy as np
    >>> from utils.evaluation import seeds_and_rows_interval
    >>> accuracy = seeds_and_rows_interval(np.array([[1, 1, 1, 0], [1, 1, 0, 0]]))
    >>> {name: round(accuracy[name], 3) for name in ("mean", "se_seeds", "se_rows", "se")}
    {'mean': 0.625, 'se_seeds': 0.125, 'se_rows': 0.239, 'se': 0.239}
    """
    correct = np.asarray(correct)
    check_level(level)
    if correct.ndim != 2 or len(correct) < 2:
        raise ValueError(f"correct has the shape {correct.shape}; it must be (seeds, rows) with at least two seeds.")
    groups = _masks(group_a, group_b, correct.shape[1])
    seeds = len(correct)
    values, part_rows, part_residual, below = np.zeros(seeds), 0.0, 0.0, 0.0
    for sign, mask in zip((1, -1), groups, strict=False):
        y = correct[:, mask].astype(float)
        n = y.shape[1]
        if not np.isfinite(y).all():
            raise ValueError("correct holds missing or infinite values; each model needs a value on each row.")
        of_seed, of_row = y.mean(axis=1), y.mean(axis=0)
        residual = np.sum((y - of_seed[:, None] - of_row + y.mean()) ** 2) / ((seeds - 1) * (n - 1))
        rows_part, residual_part = of_row.var(ddof=1) / n, residual / (seeds * n)
        values += sign * of_seed
        part_rows += rows_part
        part_residual += residual_part
        below += rows_part**2 / (n - 1) + residual_part**2 / ((seeds - 1) * (n - 1))
    part_seeds = values.var(ddof=1) / seeds
    variance = max(part_seeds + part_rows - part_residual, part_seeds, part_rows)
    below += part_seeds**2 / (seeds - 1)
    se = math.sqrt(variance)
    margin = t.isf((1 - level) / 2, variance**2 / below) * se if below else 0.0
    mean = float(values.mean())
    return {
        "mean": mean,
        "sd_seeds": float(values.std(ddof=1)),
        "se_seeds": math.sqrt(part_seeds),
        "se_rows": math.sqrt(part_rows),
        "se": se,
        "low": float(mean - margin),
        "high": float(mean + margin),
        "seeds": seeds,
        "n_a": int(groups[0].sum()),
        "n_b": int(groups[1].sum()) if len(groups) == 2 else None,
    }


def _masks(group_a, group_b, rows):
    if group_b is not None and group_a is None:
        raise ValueError("group_b is given without group_a: a gap needs two groups.")
    given = {"group_a": group_a if group_a is not None else np.ones(rows, bool), "group_b": group_b}
    masks = {name: np.asarray(mask) for name, mask in given.items() if mask is not None}
    for name, mask in masks.items():
        if mask.shape != (rows,) or mask.dtype != bool:
            raise ValueError(
                f"{name} holds {mask.dtype} and has the shape {mask.shape}; it must be a bool for each of {rows} rows."
            )
        if mask.sum() < 2:
            raise ValueError(f"{name} has {mask.sum()} rows; a variance needs at least two.")
    if len(masks) == 2 and np.any(masks["group_a"] & masks["group_b"]):
        raise ValueError(
            f"{np.sum(masks['group_a'] & masks['group_b'])} rows belong to both groups; leave them out of one."
        )
    return list(masks.values())
