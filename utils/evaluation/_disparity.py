"""How far groups are apart: the disparities of an audit, corrected for having picked the best and the worst; and
differences and ratios of two numbers."""

import math
from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm, studentized_range

from utils.evaluation._coding import attributes_of, reference_groups, splits_in
from utils.evaluation._intervals import rate_interval, ratio_interval
from utils.evaluation._metrics import better
from utils.evaluation._registry import divide
from utils.evaluation.criteria import CRITERIA
from utils.tables import group_name


def disparities(audit: pd.DataFrame, reference: Hashable | Mapping = None, level: float | None = None) -> pd.DataFrame:
    """How far groups are apart, for every metric of an audit: worst to best, and each to a named reference group.

    Worst and best were picked because they lie apart in noisy estimates. Their difference is therefore too large on
    average, and an interval made for two groups named beforehand covers too little. Two columns make up for it:

    - `corrected`, the difference of the two groups after each group's value was drawn towards the mean of all, by as
      much as its noise makes up of the variance (empirical Bayes: Morris 1983; why that undoes the picking: Efron
      2011).
    - `corrected_low`, `corrected_high`: an interval for the largest true difference between any two groups. The
      intervals of all pairs hold together at Tukey's critical value, the studentised range; the largest of their ends
      hold the largest difference. A pair's interval is put together from two score intervals as Newcombe's is. For
      comparisons with a reference the critical value is Šidák's, since only groups − 1 pairs are looked at.

    Parameters
    ----------
    audit : what `audit` returned, or some of its rows
    reference : a group's value, or a dict column → value; None takes the one named in the audit, if any
    level : nominal coverage; None takes the audit's

    Returns
    -------
    DataFrame, one row a comparison:
    `by` (the columns of the split), `metric`, with more than two classes `class`, `comparison` ("worst to best" or
    "to reference"), `group`, `reference`, `value`, `reference_value`;
    `difference` = value − reference_value and `ratio` = value / reference_value, with intervals `…_low`, `…_high` as
    for two groups named before looking (rates: Newcombe and Katz; others: ± standard errors from the bootstrap);
    `corrected`, `corrected_low`, `corrected_high` as above; `groups` (how many were compared), `note`.
    "Worst" is the lowest value, for errors the highest; where neither is better, as for selection rates, the lowest.
    Where an audit has both rates of it, a row each for `equalized_odds` (true and false positive rate) and
    `conditional_use_accuracy_equality` (precision and negative predictive value) gives the larger of the two
    differences, without sign.

    Raises
    ------
    ValueError : no group is called like the reference; a metric that is not registered, whose better end nobody knows

    Sources: Newcombe (1998), Statistics in Medicine; Katz et al. (1978), Biometrics; Tukey's studentised range as in
    Hochberg and Tamhane (1987), Multiple Comparison Procedures; Morris (1983), Parametric Empirical Bayes Inference,
    JASA; Efron (2011), Tweedie's Formula and Selection Bias, JASA; Šidák (1967), JASA.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit, disparities
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "label": 8 * [1], "pred1": [1, 1, 1, 1, 1, 1, 1, 0]})
    >>> gaps = disparities(audit(people, groups=["group"], problems="ignore"))
    >>> gaps[["comparison", "group", "reference", "difference", "corrected"]].round(2)
          comparison group reference  difference  corrected
    0  worst to best     b         a       -0.25      -0.03
    """
    level = level or audit.attrs.get("level", 0.95)
    reference = audit.attrs.get("reference") if reference is None else reference
    named = reference_groups(audit, attributes_of(audit), reference) if reference is not None else {}
    kinds = ["metric", "class"] if "class" in audit else ["metric"]
    rows = []
    for split, part in splits_in(audit):
        part = part.assign(group=[group_name(v) for v in part[list(split)].itertuples(index=False)])
        cuts = {kind: cut[cut["value"].notna()] for kind, cut in part.groupby(kinds, sort=False, dropna=False)}
        for kind, cut in cuts.items():
            head = {"by": group_name(split), **dict(zip(kinds, kind, strict=True))}
            rows.append(head | _worst_to_best(cut, kind[0], level))
            if split in named:
                rows += [head | row for row in _to_reference(cut, named[split], level)]
        for name, pair in composites().items():
            for kind in [k for k in cuts if k[0] == pair[0] and (pair[1], *k[1:]) in cuts]:
                head = {"by": group_name(split), **dict(zip(kinds, (name, *kind[1:]), strict=True))}
                rows.append(head | _larger([cuts[(metric, *kind[1:])] for metric in pair], pair, level))
    order = ["by", *kinds, "comparison", "group", "reference", "value", "reference_value"]
    order += [a + b for a in ("difference", "ratio", "corrected") for b in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*order, "groups", "note"])


def composites() -> dict[str, tuple[str, ...]]:
    """Criterion → its two metrics, for the criteria that compare two."""
    return {c.name: c.metrics for c in CRITERIA.values() if len(c.metrics) == 2}


def _worst_to_best(cut, metric, level):
    row = {"comparison": "worst to best", "groups": len(cut), "note": ""}
    if len(cut) < 2:
        return row | {"note": "fewer than two groups have a value"}
    value = cut["value"].to_numpy()
    lower = better(metric) == "lower"
    worst, best = (value.argmax(), value.argmin()) if lower else (value.argmin(), value.argmax())
    row |= _pair(cut, worst, best, level)
    row["corrected"] = _difference_after_shrinkage(cut, worst, best)
    if cut["of"].isna().any() and cut["se"].isna().any():
        row["note"] = "no interval: the audit has no standard errors (interval=None)"
    low, high = _range_interval(cut, level)
    row["corrected_low"], row["corrected_high"] = (low, high) if lower else (-high, 0.0 - low)
    return row


def _to_reference(cut, reference, level):
    names = cut["group"].tolist()
    if reference not in names:
        return []
    at = names.index(reference)
    others = [i for i in range(len(names)) if i != at]
    z = norm.isf((1 - level ** (1 / max(len(others), 1))) / 2)
    low, high = _pair_differences(cut, z)
    shrunk = shrink(*_noise(cut))
    return [
        {"comparison": "to reference", "groups": len(cut), "note": ""}
        | _pair(cut, i, at, level)
        | {"corrected": shrunk[i] - shrunk[at], "corrected_low": low[i, at], "corrected_high": high[i, at]}
        for i in others
    ]


def _larger(cuts, pair, level):
    """A criterion on two rates: the larger of their two best-to-worst differences."""
    if any(len(cut) < 2 for cut in cuts):
        return {"comparison": "worst to best", "note": f"{pair[0]} or {pair[1]} has fewer than two groups with a value"}
    each = [_worst_to_best(cut, metric, level) for cut, metric in zip(cuts, pair, strict=True)]
    larger = each[int(abs(each[1]["difference"]) > abs(each[0]["difference"]))]
    sign = np.sign(larger["difference"]) or 1.0
    ends = [_range_interval(cut, 1 - (1 - level) / 2) for cut in cuts]  # Bonferroni: two metrics were looked at
    row = larger | {"difference": abs(larger["difference"]), "corrected": max(abs(e["corrected"]) for e in each)}
    if sign < 0:
        row["difference_low"], row["difference_high"] = -larger["difference_high"], -larger["difference_low"]
    row["corrected_low"], row["corrected_high"] = max(e[0] for e in ends), max(e[1] for e in ends)
    row["note"] = "; ".join(filter(None, [f"the larger of two: {pair[each.index(larger)]}", larger["note"]]))
    return row


def _pair(cut, i, j, level):
    """One group against another as if both had been named before looking."""
    one, other = cut.iloc[i], cut.iloc[j]
    row = {"group": one["group"], "reference": other["group"], "value": one["value"], "reference_value": other["value"]}
    row |= {"difference": one["value"] - other["value"], "ratio": float(divide(one["value"], other["value"]))}
    if other["value"] == 0:
        row["note"] = "no ratio: the reference's value is 0"
    z = norm.isf((1 - level) / 2)
    low, high = _pair_differences(cut.iloc[[i, j]], z)
    row["difference_low"], row["difference_high"] = low[0, 1], high[0, 1]
    row["ratio_low"], row["ratio_high"] = _ratio_ends(one, other, level)
    return row


def _ratio_ends(one, other, level):
    if not np.isnan(one["of"]):
        return ratio_interval(one["count"], one["of"], other["count"], other["of"], level)
    if not (one["value"] > 0 and other["value"] > 0):
        return np.nan, np.nan
    margin = norm.isf((1 - level) / 2) * np.hypot(one["se"] / one["value"], other["se"] / other["value"])
    ratio = one["value"] / other["value"]
    return ratio * np.exp(-margin), ratio * np.exp(margin)


def _pair_differences(cut, z):
    """Ends of the intervals of all differences, group i minus group j, at a critical value: two (groups, groups)."""
    value = cut["value"].to_numpy()
    if cut["of"].notna().all():
        low, high = rate_interval(cut["count"].to_numpy(), cut["of"].to_numpy(), "wilson", 1 - 2 * norm.sf(z))
    else:
        low, high = value - z * cut["se"].to_numpy(), value + z * cut["se"].to_numpy()
    d = value[:, None] - value
    down, up = value - low, high - value
    return d - np.hypot(down[:, None], up), d + np.hypot(up[:, None], down)


def _range_interval(cut, level):
    """Interval of the largest true difference between any two groups, at least 0: from intervals of all pairs."""
    z = studentized_range.ppf(level, len(cut), np.inf) / np.sqrt(2)
    low, high = _pair_differences(cut, z)
    np.fill_diagonal(low, 0)
    np.fill_diagonal(high, 0)
    return np.maximum(0.0, low.max()), high.max()


def _noise(cut):
    """Values and their variances; of rates at the pooled rate, since that of a rate of 1 would be 0."""
    value = cut["value"].to_numpy()
    if cut["of"].notna().all():
        of = cut["of"].to_numpy()
        pooled = cut["count"].sum() / of.sum()
        return value, pooled * (1 - pooled) / of
    return value, cut["se"].to_numpy() ** 2


def shrink(value: ArrayLike, variance: ArrayLike) -> np.ndarray:
    """Each value drawn towards their weighted mean, by the share of noise in its variance (empirical Bayes).

    The variance of the true values is what the values' spread has beyond their noise, by DerSimonian and Laird's
    method of moments; where the spread is not more than noise, all become the mean.

    Parameters
    ----------
    value, variance : float arrays (groups,), each group's estimate and the variance of its noise

    Returns
    -------
    float array (groups,)

    Source: Morris (1983), Parametric Empirical Bayes Inference: Theory and Applications, JASA; DerSimonian and Laird
    (1986), Meta-Analysis in Clinical Trials, Controlled Clinical Trials.

    Examples
    --------
    >>> from utils.evaluation import shrink
    >>> shrink([0.5, 0.75, 1.0], [0.01, 0.01, 0.01]).round(2).tolist()
    [0.54, 0.75, 0.96]
    >>> shrink([0.5, 0.75, 1.0], [0.1, 0.1, 0.1]).round(2).tolist()
    [0.75, 0.75, 0.75]
    """
    value, variance = np.asarray(value, float), np.asarray(variance, float)
    if not np.all(variance > 0):
        return value.copy()
    w = 1 / variance
    mean = np.sum(w * value) / w.sum()
    excess = np.sum(w * (value - mean) ** 2) - (len(value) - 1)
    between = max(0.0, excess / (w.sum() - np.sum(w**2) / w.sum()))
    w = 1 / (variance + between)
    mean = np.sum(w * value) / w.sum()
    return mean + between / (between + variance) * (value - mean)


def _difference_after_shrinkage(cut, i, j):
    shrunk = shrink(*_noise(cut))
    return shrunk[i] - shrunk[j]


# --- two numbers ---


def absolute_disparity(value: float, reference: float) -> float:
    """Difference value − reference; negative where the group is served worse than the reference. 0: no difference.

    Examples
    --------
    >>> from utils.evaluation import absolute_disparity
    >>> absolute_disparity(0.75, 1.0)
    -0.25
    """
    return value - reference


def relative_disparity(value: float, reference: float) -> float:
    """Ratio value / reference; below 1 where the group's accuracy is lower. NaN where the reference is 0.

    Examples
    --------
    >>> from utils.evaluation import relative_disparity
    >>> relative_disparity(0.5, 0.8)
    0.625
    >>> relative_disparity(0.5, 0.0)
    nan
    """
    return value / reference if reference else math.nan


def error_ratio(accuracy: float, reference: float) -> float:
    """Ratio of error rates, (1 − accuracy) / (1 − reference); above 1 where the group meets more errors.

    NaN where the reference makes no error: nothing can be divided by zero, and "infinitely more errors" would be said
    of one error.

    Examples
    --------
    >>> from utils.evaluation import error_ratio
    >>> round(error_ratio(0.98, 0.99), 2)
    2.0
    >>> error_ratio(0.98, 1.0)
    nan
    """
    return (1 - accuracy) / (1 - reference) if reference < 1 else math.nan


def disparity_table(accuracies: Mapping[str, float], reference: str | None = None) -> pd.DataFrame:
    """Each group against a reference group, with the direction kept and nothing rounded.

    Parameters
    ----------
    accuracies : group → accuracy in [0, 1]
    reference : a group's name; None takes the group with the highest accuracy

    Returns
    -------
    DataFrame, one row a group in the given order, with `group`, `accuracy`, `difference`, `ratio`, `error_ratio`, each
    against the reference, whose name is in `reference`

    Raises
    ------
    ValueError : no groups, an accuracy outside [0, 1] or missing, or an unknown reference

    Examples
    --------
    >>> from utils.evaluation import disparity_table
    >>> disparity_table({"a": 0.75, "b": 0.5}).round(2)
      group  accuracy  difference  ratio  error_ratio reference
    0     a      0.75        0.00   1.00          1.0         a
    1     b      0.50       -0.25   0.67          2.0         a
    """
    if not accuracies:
        raise ValueError("There are no groups: the dict of accuracies is empty.")
    wrong = {g: a for g, a in accuracies.items() if not 0 <= a <= 1}
    if wrong:
        raise ValueError(f"Accuracies lie between 0 and 1 and none may be missing; given were {wrong}.")
    if reference is None:
        reference = max(accuracies, key=accuracies.get)
    elif reference not in accuracies:
        raise ValueError(f"There is no group {reference!r}; the groups are {', '.join(map(str, accuracies))}.")
    ref = accuracies[reference]
    return pd.DataFrame(
        [
            (group, a, absolute_disparity(a, ref), relative_disparity(a, ref), error_ratio(a, ref), reference)
            for group, a in accuracies.items()
        ],
        columns=["group", "accuracy", "difference", "ratio", "error_ratio", "reference"],
    )
