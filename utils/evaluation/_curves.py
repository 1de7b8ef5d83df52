"""Scores looked at as a whole, by group: are they as often right as they say (reliability), and do they rank (ROC)?"""

import numpy as np
import pandas as pd

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table, cross, group_codes
from utils.evaluation._counting import check_scores, checked, score_bins
from utils.evaluation._intervals import rate_interval
from utils.evaluation._registry import divide


def reliability_table(
    table: pd.DataFrame,
    label: str = "label",
    score: str = "score",
    groups: str | list[str] | None = None,
    bins: int = 10,
    level: float = 0.95,
) -> pd.DataFrame:
    """The share of positives among the rows whose score lies in a bin, for each bin and group.

    Scores are calibrated in a group when, of its rows with scores near 0.7, about 70 % are positive, and so on for
    every score. Where base rates differ between groups, scores that are calibrated in each of them cannot also have
    equal error rates, except when they make no error (Kleinberg, Mullainathan and Raghavan 2016).

    Parameters
    ----------
    table : DataFrame, one row an example
    label : column of 0 and 1, or of bool
    score : column of numbers in [0, 1]
    groups : column or columns with the groups' names, crossed where there are several; rows whose name is missing form
        the group "(missing)". None: all rows are one group, and there is no group column
    bins : how many bins of equal width; each is closed below, the last one on both sides. A score within 1e-7 of an
        edge lies on it, so that 0.3 does not depend on how it was computed
    level : nominal coverage of the Wilson interval of `observed`

    Returns
    -------
    DataFrame sorted by group and bin, every group with every bin: the group columns, `bin` (0, 1, …), `low_edge`,
    `high_edge`, `mean_score`, `observed` (share of positives), `low`, `high`, `n` (rows), `small` (fewer than 30 rows).
    A bin without rows has `n` 0 and NaN.

    Raises
    ------
    KeyError : a column is missing
    ValueError : the table is empty, a label is not 0 or 1, a score lies outside [0, 1], one of them is missing, or a
        group column holds no value at all

    Source: Niculescu-Mizil and Caruana (2005), Predicting Good Probabilities with Supervised Learning, ICML.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import reliability_table
    >>> scored = pd.DataFrame({"label": [1, 0, 0, 0, 1, 1, 0, 0], "score": 4 * [0.25] + 4 * [0.75]})
    >>> reliability_table(scored, bins=2)[["bin", "mean_score", "observed", "n", "small"]]
       bin  mean_score  observed  n  small
    0    0        0.25      0.25  4   True
    1    1        0.75      0.50  4   True
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins is {bins!r}; give a whole number, 1 or more.")
    y, s, code, names = _prepare(
        table, label, score, groups, ["bin", "low_edge", "high_edge", "mean_score", "observed"]
    )
    cell = code * bins + score_bins(s, bins)
    cells = len(names) * bins
    n = np.bincount(cell, minlength=cells)
    positives = np.bincount(cell, weights=y, minlength=cells)
    out = names.loc[names.index.repeat(bins)].reset_index(drop=True)
    edges = np.arange(bins + 1) / bins  # 7 / 10 is 0.7, which linspace misses by the last digit
    out["bin"] = np.tile(np.arange(bins), len(names))
    out["low_edge"], out["high_edge"] = np.tile(edges[:-1], len(names)), np.tile(edges[1:], len(names))
    out["mean_score"] = divide(np.bincount(cell, weights=s, minlength=cells), n)
    out["observed"] = divide(positives, n)
    out["low"], out["high"] = rate_interval(positives, n, "wilson", level)
    out["n"], out["small"] = n, n < SMALL
    return out


def roc_table(
    table: pd.DataFrame, label: str = "label", score: str = "score", groups: str | list[str] | None = None
) -> pd.DataFrame:
    """The ROC curve of each group: what every threshold on the score gives, "positive" meaning score ≥ threshold.

    One threshold for all groups lies at another place of each curve: the curves say what could be reached, the
    operating points (false and true positive rate of the model's predictions) what is.

    Parameters
    ----------
    table, label, score, groups : as in `reliability_table`

    Returns
    -------
    DataFrame sorted by group and by falling threshold: the group columns, `threshold` (infinity first, where no row is
    positive; then each distinct score of the group), `false_positive_rate`, `true_positive_rate`, and of the whole
    group, the same in all its lines: `auc`, `n` (rows), `positives` (label positives), `small` (fewer than 30 rows).
    In a group with one class only, `auc` and the rate that has no denominator are NaN.

    Raises
    ------
    KeyError, ValueError : as in `reliability_table`

    Source: Fawcett (2006), An Introduction to ROC Analysis, Pattern Recognition Letters.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import roc_table
    >>> scored = pd.DataFrame({"label": [1, 0, 1], "score": [0.9, 0.5, 0.1]})
    >>> roc_table(scored)[["threshold", "false_positive_rate", "true_positive_rate", "auc"]]
       threshold  false_positive_rate  true_positive_rate  auc
    0        inf                  0.0                 0.0  0.5
    1        0.9                  0.0                 0.5  0.5
    2        0.5                  1.0                 0.5  0.5
    3        0.1                  1.0                 1.0  0.5
    """
    added = ["threshold", "false_positive_rate", "true_positive_rate", "auc", "positives"]
    y, s, code, names = _prepare(table, label, score, groups, added)
    order = np.lexsort((-s, code))
    y, s, code = y[order], s[order], code[order]
    # A line for the last row of each run of ties, and one for "no row is positive" before each group.
    last = np.flatnonzero(np.r_[(s[1:] != s[:-1]) | (code[1:] != code[:-1]), True])
    n, positives = np.bincount(code), np.bincount(code, weights=y)
    start = np.cumsum(n) - n
    before = np.cumsum(positives) - positives
    hits = np.cumsum(y)[last] - before[code[last]]
    flagged = last + 1 - start[code[last]]
    first = np.searchsorted(code[last], np.arange(len(names)))
    group = np.insert(code[last], first, np.arange(len(names)))
    hits, flagged = np.insert(hits, first, 0.0), np.insert(flagged, first, 0)
    tpr = divide(hits, positives[group])
    fpr = divide(flagged - hits, (n - positives)[group])
    # Trapezia between neighbouring points of one group: ties count one half.
    step = np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2
    inside = group[1:] == group[:-1]
    auc = np.bincount(group[1:][inside], weights=step[inside], minlength=len(names))
    out = names.loc[group].reset_index(drop=True)
    out["threshold"] = np.insert(s[last], first, np.inf)
    out["false_positive_rate"], out["true_positive_rate"] = fpr, tpr
    out["auc"], out["n"] = auc[group], n[group]
    out["positives"], out["small"] = positives[group].astype(int), n[group] < SMALL
    return out


def _prepare(table, label, score, groups, added):
    """Labels (float 0, 1), scores, the group number of each row, and a table with the groups' names by number."""
    groups = [] if groups is None else [groups] if isinstance(groups, str) else list(groups)
    check_table(table, label, score, *groups)
    for column in groups:
        if groups.count(column) > 1:
            raise ValueError(f"The group column {column!r} is named twice: name each once.")
        if column in (*added, "low", "high", "n", "small"):
            raise ValueError(f"The group column {column!r} has the name of a column of the result: rename it first.")
    s = check_scores(checked(table[score], score), score)
    labels = checked(table[label], label)
    right = labels.isin([0, 1]).to_numpy()
    if not right.all():
        raise ValueError(
            f"{label!r} holds {labels[~right].tolist()[0]!r}, and {(~right).sum()} values in all that are not 0 or 1: "
            f"make it 1 for the positive class and 0 for the rest, as in (table[{label!r}] == …).astype(int)."
        )
    y = labels.to_numpy().astype(float)
    if not groups:
        return y, s, np.zeros(len(y), int), pd.DataFrame(index=[0])
    codes, names = cross(len(table), [group_codes(table[column], column)[:2] for column in groups])
    occurring, codes = np.unique(codes, return_inverse=True)  # a category may have no rows
    return y, s, codes, pd.DataFrame([names[g] for g in occurring], columns=groups)
