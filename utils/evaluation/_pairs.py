"""Two models on the same rows: what changed, with intervals that know that the rows are the same."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar

from utils.evaluation._coding import Groups, check_table, correct, cross, group_codes, splits_of
from utils.evaluation._counting import as_binary, is_binary
from utils.evaluation._intervals import bootstrap_interval, check_level
from utils.evaluation._metrics import METRICS

FEW = 10  # rows on which two models differ, under which the bootstrap covers too little


def paired_comparison(
    before: pd.DataFrame, after: pd.DataFrame, label: str = "label", prediction: str = "pred1"
) -> dict:
    """Two models on the same rows: which rows did the second gain and lose, and can chance explain the balance?

    McNemar's exact test: if neither model were better, a row on which they differ would go either way with equal
    chance.

    Parameters
    ----------
    before, after : tables with the same index and labels, and each model's predictions

    Returns
    -------
    dict with `n` (rows), `gained` (wrong before, right after), `lost` (right before, wrong after), `difference` (of
    the accuracies, after − before), `p_value`

    Source: McNemar (1947), Note on the Sampling Error of the Difference between Correlated Proportions or Percentages,
    Psychometrika; computed by statsmodels.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import paired_comparison
    >>> before = pd.DataFrame({"label": 6 * [1], "pred1": [1, 0, 0, 0, 0, 0]})
    >>> paired_comparison(before, before.assign(pred1=[0, 1, 1, 1, 1, 0]))
    {'n': 6, 'gained': 4, 'lost': 1, 'difference': 0.5, 'p_value': 0.375}
    """
    first, second = _same_rows(before, after, label, prediction)
    gained, lost = int((~first & second).sum()), int((first & ~second).sum())
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    p = mcnemar([[both, lost], [gained, neither]], exact=True).pvalue
    return {
        "n": len(first),
        "gained": gained,
        "lost": lost,
        "difference": (gained - lost) / len(first),
        "p_value": float(p),
    }


def paired_difference_interval(gained: ArrayLike, lost: ArrayLike, n: ArrayLike, level: float = 0.95):
    """Confidence interval of the difference of two rates on the same rows, (gained − lost) / n.

    Formula: Wald's interval after one row was added to gained and one to lost. With g = (gained + 1) / (n + 2) and
    l = (lost + 1) / (n + 2): g − l ± z √((g + l − (g − l)²) / (n + 2)), cut at −1 and 1.

    Parameters
    ----------
    gained : int or array, rows that only the second model has right (or, for other rates, counts)
    lost : rows that only the first has right
    n : all rows, also those on which the two agree
    level : nominal coverage, between 0 and 1

    Returns
    -------
    low, high : floats or arrays; NaN where n is 0

    Raises
    ------
    ValueError : negative or missing counts, more gained and lost rows than rows, a level outside (0, 1)

    It is not centred on (gained − lost) / n, but drawn a little towards 0. It does not say what another training run
    would give: see `seeds_and_rows_interval`.

    Source: Bonett and Price (2012), Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on
    Paired Data, Journal of Educational and Behavioral Statistics.

    Examples
    --------
    >>> from utils.evaluation import paired_difference_interval
    >>> [round(end, 2) for end in paired_difference_interval(gained=4, lost=1, n=6)]
    [-0.22, 0.97]
    >>> [round(end, 2) for end in paired_difference_interval(gained=400, lost=100, n=600)]
    [0.44, 0.56]
    """
    gained, lost, n = (np.asarray(x, float) for x in (gained, lost, n))
    check_level(level)
    if not np.all((gained >= 0) & (lost >= 0) & (gained + lost <= n)):
        raise ValueError(
            "A count of gained or lost rows is missing or below 0, or together they exceed n: count rows, not shares."
        )
    g, k = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    margin = norm.isf((1 - level) / 2) * np.sqrt((g + k - (g - k) ** 2) / (n + 2))
    low, high = (np.where(n > 0, np.clip(g - k + side, -1, 1), np.nan) for side in (-margin, margin))
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def paired_bootstrap(
    before: pd.DataFrame,
    after: pd.DataFrame,
    metric: str | Sequence[str] = "accuracy",
    label: str = "label",
    prediction: str = "pred1",
    groups: str | Sequence[str | Sequence[str]] | None = None,
    *,
    positive: Hashable = None,
    draws: int = 1000,
    rng: int | np.random.Generator = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Two models on the same rows: the change of a metric, overall and by group, with bootstrap intervals.

    A row is drawn with its label and both predictions, so that rows which are hard for both models do not widen the
    interval. Rows are counted once, by group, label and the two predictions; a draw of as many rows as the table has
    is a multinomial draw on these counts. The groups' sizes vary as well, as in `audit`.

    Where fewer than 10 rows differ between the models, the percentile bootstrap covers too little (with none, it has no
    width). Rates out of all rows, label positives or label negatives then get `paired_difference_interval`; other
    metrics keep the bootstrap, and `note` says so.

    Parameters
    ----------
    before, after : tables with the same index and labels, and each model's predictions
    metric : name or names of metrics that counts determine: all but those of scores
    label, prediction : columns of both tables. With more than two classes: accuracy and error rate only
    groups : columns of `before`; a tuple of columns stands for their crossed groups, as in `audit`
    positive : the positive class; None for 0 and 1
    draws : bootstrap draws
    rng : numpy Generator, or a seed
    level : nominal coverage of each interval by itself

    Returns
    -------
    DataFrame, one row a group and metric, overall first: a column for each attribute (missing where a row is not split
    by it), `metric`, `before`, `after`, `difference` (after − before), `low`, `high`, `n` (rows), `note`

    Raises
    ------
    KeyError, ValueError : unknown columns or metrics; tables that do not hold the same rows; missing values; labels
        that are not binary where they must be

    It does not say what another training run would give: both models are taken as they are, see
    `seeds_and_rows_interval`.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 and 13.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import paired_bootstrap
    >>> before = pd.DataFrame({"group": list("aaabbb"), "label": 6 * [1], "pred1": [1, 0, 0, 0, 0, 0]})
    >>> after = before.assign(pred1=[0, 1, 1, 1, 1, 0])
    >>> changes = paired_bootstrap(before, after, groups="group", draws=100)
    >>> changes[["group", "before", "after", "difference", "low", "high", "n"]].round(2)
      group  before  after  difference   low  high  n
    0   NaN    0.17   0.67        0.50 -0.22  0.97  6
    1     a    0.33   0.67        0.33 -0.66  1.00  3
    2     b    0.00   0.67        0.67 -0.30  1.00  3
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    wrong = [m for m in metrics if m not in METRICS or not METRICS[m].of_counts]
    if wrong or not metrics:
        raise ValueError(
            f"{', '.join(map(str, wrong)) or 'Nothing'} was asked for; the metrics that counts determine are "
            f"{', '.join(m for m in METRICS if METRICS[m].of_counts)}."
        )
    check_level(level)
    if draws < 100:
        raise ValueError(f"draws is {draws}; the ends of an interval need at least 100.")
    splits, attributes = splits_of(() if groups is None else groups)
    right = _same_rows(before, after, label, prediction)
    check_table(before, *attributes)
    keys = {column: group_codes(before[column], column)[:2] for column in attributes}
    y, p, q = _paired_codes(before, after, right, metrics, label, prediction, positive)
    rng = np.random.default_rng(rng)
    parts = []
    for split in splits:
        by = Groups(split, *cross(len(before), [keys[c] for c in split]))
        shape = (len(by.names), 2, 2, 2)  # group, label, prediction before, prediction after
        cells = np.bincount(((by.codes * 2 + y) * 2 + p) * 2 + q, minlength=8 * len(by.names)).reshape(shape)
        drawn = rng.multinomial(len(before), cells.ravel() / len(before), size=draws).reshape(draws, *shape)
        for m in metrics:
            part = pd.DataFrame(_paired_change(m, cells, drawn, level))
            for column in attributes:
                part[column] = by.column(column, range(len(by.names)))
            parts.append(part[part["n"] > 0].assign(metric=m))
    order = [*attributes, "metric", "before", "after", "difference", "low", "high", "n", "note"]
    return pd.concat(parts, ignore_index=True)[order]


def _same_rows(before, after, label, prediction):
    first, second = correct(before, label, prediction), correct(after, label, prediction)
    if not first.index.equals(second.index) or not before[label].equals(after[label]):
        raise ValueError(
            "The two tables do not hold the same rows in the same order: a paired comparison needs the same examples."
        )
    return first.to_numpy(), second.to_numpy()


def _paired_codes(before, after, right, metrics, label, prediction, positive):
    """Labels and both predictions as 0 and 1; where only right or wrong is asked, right is 1 and every label is 1."""
    columns = [before[label], before[prediction], after[prediction]]
    if positive is None and not any(METRICS[m].by_class for m in metrics) and not all(map(is_binary, columns)):
        return np.ones(len(before), np.int64), *(r.astype(np.int64) for r in right)
    if positive is not None and not any((c == positive).any() for c in columns):
        raise ValueError(f"No {label!r} and no {prediction!r} is {positive!r}: positive names one of their values.")
    names = (label, prediction, prediction)
    return [as_binary(c, name, positive).astype(np.int64) for c, name in zip(columns, names, strict=True)]


def _paired_change(metric, cells, drawn, level):
    """A metric before and after for each group: cells (groups, 2, 2, 2), drawn (draws, groups, 2, 2, 2)."""
    value = METRICS[metric].of_counts
    first, second = (value(*_four(cells, side)) for side in (-1, -2))
    low, high = bootstrap_interval((value(*_four(drawn, -2)) - value(*_four(drawn, -1))).T, level)
    note = np.full(len(cells), "", dtype=object)
    gained, lost, of = _gained_and_lost(metric, cells)
    few = (gained + lost < FEW) & ~np.isnan(second - first) & ("prediction" in METRICS[metric].needs)
    if of is None:
        note[few] = f"under {FEW} rows differ between the models: the interval is likely too narrow"
    else:
        note[few] = f"Bonett and Price's interval: under {FEW} rows differ, too few for the bootstrap"
        low[few], high[few] = paired_difference_interval(gained[few], lost[few], of[few], level)
    columns = {"before": first, "after": second, "difference": second - first, "low": low, "high": high}
    return columns | {"n": cells.sum((1, 2, 3)), "note": note}


def _four(cells, summed):
    """tp, fp, fn, tn of one model: (…, label, before, after) summed over the other model's predictions."""
    cells_of_one = cells.sum(summed)
    return cells_of_one[..., 1, 1], cells_of_one[..., 0, 1], cells_of_one[..., 1, 0], cells_of_one[..., 0, 0]


def _gained_and_lost(metric, cells):
    """Rows that a rate counts only after and only before, out of how many.

    For metrics whose "out of" depends on the predictions, such as precision: rows on which the models differ, and None.
    """
    if METRICS[metric].is_rate:
        tn, fp, fn, tp = np.eye(4).reshape(4, 2, 2)  # label, prediction
        counted, of = METRICS[metric].counts(tp, fp, fn, tn)
        change = counted[:, None, :] - counted[:, :, None]  # label, before, after
        if (of[:, 0] == of[:, 1]).all() and change.any():
            gained, lost = ((cells * (side * change > 0)).sum((1, 2, 3)) for side in (1, -1))
            return gained, lost, (cells * of[:, :, None]).sum((1, 2, 3))
    return cells[:, :, 0, 1].sum(1), cells[:, :, 1, 0].sum(1), None
