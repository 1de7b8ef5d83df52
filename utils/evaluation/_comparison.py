"""Comparisons that say what chance alone would give: gaps between groups, two models on the same rows, many seeds."""

import math

import numpy as np
import pandas as pd
from scipy.stats import binom, false_discovery_control, norm, t
from statsmodels.stats.contingency_tables import mcnemar

from utils.evaluation._accuracy import correct
from utils.evaluation._coding import check_table, cross, group_codes, group_name
from utils.evaluation._counting import COUNT_METRICS, RATES, as_binary, is_binary, rate_counts
from utils.evaluation._intervals import bootstrap_interval

FEW = 10  # rows on which two models differ, under which the bootstrap covers too little

# --- gaps between groups ---


def null_gap(n, accuracy: float | None, draws=10_000, seed=0) -> np.ndarray:
    """Best-to-worst gaps that chance alone gives: every group has the same true accuracy (or other rate).

    Of n rows with the same rate the right ones are binomial, so no row is simulated. Nor is a count drawn by itself:
    how many of all draws show 0, 1, 2, … right rows is one multinomial draw, and what is left to chance is the order.
    That is the same distribution, exactly, for 1/7 of the time.

    Parameters
    ----------
    n : int array (groups,), rows in each group
    accuracy : the true accuracy of every group, between 0 and 1; None where `draws` holds counts
    draws : how many evaluations are simulated; or an int array (draws, groups) of right rows that were simulated under
        any other null, whose gaps are then returned
    seed : int or numpy Generator

    Returns
    -------
    float array (draws,): highest minus lowest observed accuracy of each simulated evaluation

    Raises
    ------
    ValueError : fewer than two groups, a group without rows, an accuracy outside [0, 1], counts that do not fit n

    It does not say how likely it is that groups are alike: it says what would be seen if they were.

    Examples
    --------
    >>> from utils.evaluation import null_gap
    >>> null_gap([10, 10], accuracy=0.8).mean().round(2).item()
    0.14
    >>> null_gap([1000, 1000], accuracy=0.8).mean().round(2).item()
    0.01
    """
    n = np.asarray(n, dtype=int)
    if n.ndim != 1 or len(n) < 2 or (n < 1).any():
        raise ValueError(f"n is {n.tolist()}; give the rows of each of at least two groups, each 1 or more.")
    if np.ndim(draws):
        rates = np.asarray(draws) / n if np.shape(draws)[-1] == len(n) else np.array(np.nan)
        if rates.ndim != 2 or not ((rates >= 0) & (rates <= 1)).all():
            raise ValueError(
                f"The array of draws has the shape {np.shape(draws)}; give a row a draw and one of {len(n)} columns a "
                "group, each with counts between 0 and the group's rows."
            )
        return np.ptp(rates, axis=1)
    if accuracy is None or not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy is {accuracy}; it must lie between 0 and 1.")
    if draws < 1:
        raise ValueError(f"draws is {draws}; simulate at least one evaluation.")
    rng = np.random.default_rng(seed)
    high, low = np.full(draws, -np.inf), np.full(draws, np.inf)
    for rows, groups in zip(*(a.tolist() for a in np.unique(n, return_counts=True)), strict=True):
        # Counts further away than this have a probability under 1e-20, less than a double resolves.
        away = 10 * math.sqrt(rows * accuracy * (1 - accuracy)) + 50
        counts = np.arange(max(0, int(rows * accuracy - away)), min(rows, int(rows * accuracy + away) + 1) + 1)
        chance = binom.pmf(counts, rows, accuracy)
        for times in rng.multinomial(draws, chance / chance.sum(), size=groups):
            rates = np.repeat(counts / rows, times)
            rng.shuffle(rates)
            np.maximum(high, rates, out=high)
            np.minimum(low, rates, out=low)
    return high - low


def null_p_value(observed: float, null) -> float:
    """Share of null draws at least as large as the observed value; (k + 1) / (draws + 1), so that it is never 0.

    Source: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 4.2.

    Examples
    --------
    >>> from utils.evaluation import null_p_value
    >>> null_p_value(0.3, [0.1, 0.2, 0.3, 0.4])
    0.6
    >>> null_p_value(0.5, [0.1, 0.2, 0.3, 0.4])
    0.2
    """
    null = np.asarray(null)
    # Gaps are differences of fractions: equal ones may differ in the last bit.
    return float((np.sum(null >= observed - 1e-12) + 1) / (len(null) + 1))


def null_gap_test(audit: pd.DataFrame, metric=None, draws: int = 10_000, rng=0) -> pd.DataFrame:
    """The best-to-worst gap of an audit's groups, beside the gaps that chance alone gives.

    The null: all groups of a split have the same true rate. It is simulated with the pooled rate (all that is counted
    out of all that it is counted of) and each group's real denominator: for a true positive rate the label positives,
    for precision the predicted positives, which are taken as they are.

    Parameters
    ----------
    audit : what `utils.evaluation.audit` returned
    metric : name or names of rates; None takes every rate of the audit. Metrics that are no rates, such as F1, are not
        binomial and have no such null
    draws : simulated evaluations for each row of the result
    rng : numpy Generator, or a seed

    Returns
    -------
    DataFrame, one row a split and metric (and class): `by`, `metric`, with more than two classes `class`, `groups` (how
    many have a value), `rate` (pooled), `gap` (observed, highest minus lowest), `null_mean` and `null_95` (mean and
    95 % quantile of the null's gaps), `p_value` (share of the null's gaps that are as large); NaN with under two groups

    Raises
    ------
    ValueError : the audit lacks the metric, or has no groups; the metric is no rate

    It does not say which groups differ, nor that groups are alike where p is large: few rows show nothing. The p-values
    are not corrected for how many splits and metrics were tested, see `holm`. The pooled rate is itself estimated; with
    a few rows in all, p is approximate.

    Source: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 4.2 (parametric tests).

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit, null_gap_test
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "label": 8 * [1], "pred1": [1, 1, 1, 1, 1, 1, 0, 0]})
    >>> found = audit(people, groups=["group"], problems="ignore")
    >>> null_gap_test(found)[["by", "rate", "gap", "null_mean", "p_value"]].round(2)
          by  rate  gap  null_mean  p_value
    0  group  0.75  0.5       0.23     0.22
    """
    columns = list(audit.columns)
    attributes = columns[: columns.index("metric")]
    there = audit["metric"].unique().tolist()
    rates = [m for m in there if m in RATES]
    asked = rates if metric is None else [metric] if isinstance(metric, str) else list(metric)
    wrong = [m for m in asked if m not in rates]
    if wrong or not asked:
        raise ValueError(
            f"{', '.join(map(str, wrong)) or 'Nothing'} cannot be tested: the rates of this audit are "
            f"{', '.join(rates) or 'none'}."
        )
    split_of = audit[attributes].notna().to_numpy() @ (1 << np.arange(len(attributes)))
    if not (split_of > 0).any():
        raise ValueError("The audit has overall rows only: name columns in its groups=... to compare groups.")
    kinds = ["metric", "class"] if "class" in columns else ["metric"]
    rng = np.random.default_rng(rng)
    rows = []
    for pattern in pd.unique(split_of[split_of > 0]):
        by = group_name(a for i, a in enumerate(attributes) if pattern >> i & 1)
        part = audit[(split_of == pattern) & audit["metric"].isin(asked)]
        for kind, cut in part.groupby(kinds, sort=False, dropna=False):
            if len(kind) > 1 and kind[1] == "macro":
                continue  # a mean of rates is no rate
            cut = cut[cut["of"] > 0]
            row = {"by": by, **dict(zip(kinds, kind, strict=True)), "groups": len(cut)}
            if len(cut) > 1:
                row["rate"] = cut["count"].sum() / cut["of"].sum()
                row["gap"] = cut["value"].max() - cut["value"].min()
                null = null_gap(cut["of"], row["rate"], draws, rng)
                row |= {"null_mean": null.mean(), "null_95": np.quantile(null, 0.95)}
                row["p_value"] = null_p_value(row["gap"], null)
            rows.append(row)
    out = pd.DataFrame(rows, columns=["by", *kinds, "groups", "rate", "gap", "null_mean", "null_95", "p_value"])
    for kind in kinds:  # classes as they came, not 1.0 for 1
        out[kind] = pd.Series([row[kind] for row in rows], dtype=object)
    return out


def group_against_rest(correct_counts, n) -> np.ndarray:
    """Two-sided p-value, for each group, of "its accuracy equals that of all other rows".

    A two-proportion z-test with pooled variance.

    Parameters
    ----------
    correct_counts, n : int arrays (groups,), correct rows and rows

    Returns
    -------
    float array (groups,); 1 where all rows are right or all wrong, since then nothing differs

    Examples
    --------
    >>> from utils.evaluation import group_against_rest
    >>> group_against_rest([80, 80, 60], [100, 100, 100]).round(4).tolist()
    [0.0648, 0.0648, 0.0002]
    """
    k, n = np.asarray(correct_counts, float), np.asarray(n, float)
    if k.shape != n.shape or n.ndim != 1 or len(n) < 2 or (n < 1).any() or (k > n).any() or (k < 0).any():
        raise ValueError(
            "Give the correct rows and the rows of at least two groups: as many of the one as of the other, "
            "0 ≤ correct ≤ n, n ≥ 1."
        )
    rest_k, rest_n = k.sum() - k, n.sum() - n
    pooled = k.sum() / n.sum()
    se = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / rest_n))
    if not se.all():
        return np.ones(len(n))
    return 2 * norm.sf(np.abs(k / n - rest_k / rest_n) / se)


def power_of_gap(rate_a, rate_b, n_a, n_b, level: float = 0.05):
    """How often a two-proportion z-test would find a gap of this size: its power.

    Formula: the normal approximation, with the pooled variance under "no gap" and the separate variances under the gap.

    Parameters
    ----------
    rate_a, rate_b : the true rates of two groups, between 0 and 1; floats or arrays
    n_a, n_b : rows of the two groups (for a true positive rate: the label positives)
    level : the test's level, two-sided; the chance of a false alarm

    Returns
    -------
    float or array, between `level` (no gap) and 1

    Raises
    ------
    ValueError : rates outside [0, 1] or both 0 or 1, fewer than one row, a level outside (0, 1)

    It does not say what a gap found in data is: power computed from an observed gap only repeats its p-value. With few
    rows or rates near 0 or 1 (under 5 expected of either outcome in a group) it is off by several points. It holds for
    two groups named beforehand; the best and worst of many have another null, see `null_gap`.

    Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, chapter 4; computed by
    statsmodels.

    Examples
    --------
    >>> from utils.evaluation import power_of_gap
    >>> round(power_of_gap(0.8, 0.9, 200, 200), 2)
    0.8
    >>> round(power_of_gap(0.8, 0.9, 380, 20), 2)
    0.13
    """
    from statsmodels.stats.proportion import power_proportions_2indep

    a, b, n_a, n_b = (np.asarray(x, float) for x in (rate_a, rate_b, n_a, n_b))
    _check_rates(a, b, level)
    if not (np.all(n_a >= 1) and np.all(n_b >= 1)):
        raise ValueError(f"n_a and n_b are {n_a.tolist()} and {n_b.tolist()}; each group needs 1 row or more.")
    power = power_proportions_2indep(a - b, b, n_a, n_b / n_a, alpha=level, return_results=False)
    return float(power) if np.ndim(power) == 0 else power


def sample_size_for_gap(
    rate_a: float, rate_b: float, power: float = 0.8, ratio: float = 1.0, level: float = 0.05
) -> tuple[int, int]:
    """How many rows two groups need, so that a two-proportion z-test finds a gap of this size with the wanted power.

    Formula: that of `power_of_gap` solved for n, rounded up to whole rows.

    Parameters
    ----------
    rate_a, rate_b : the true rates of the two groups, such that the gap is the smallest that matters
    power : the wanted chance to find it, above `level`
    ratio : rows of b for each row of a; data often has 10 rows of one group for 1 of the other
    level : the test's level, two-sided

    Returns
    -------
    n_a, n_b : ints. For a true positive rate they count label positives: divide by the base rate to get rows

    Raises
    ------
    ValueError : equal rates, which no number of rows tells apart; rates, power, level or ratio out of their range

    It does not say how precisely the gap is then known: with a power of 0.8 one study in five misses it.

    Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, chapter 4; computed by
    statsmodels.

    Examples
    --------
    >>> from utils.evaluation import sample_size_for_gap
    >>> sample_size_for_gap(0.8, 0.9)
    (199, 199)
    >>> sample_size_for_gap(0.8, 0.9, ratio=10)
    (98, 974)
    """
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

    _check_rates(rate_a, rate_b, level)
    if rate_a == rate_b:
        raise ValueError(f"Both rates are {rate_a}: there is no gap to find; give the smallest gap that matters.")
    if not level < power < 1:
        raise ValueError(f"power is {power}; it must lie between the level, {level}, and 1, as 0.8 does.")
    if not 0 < ratio < math.inf:
        raise ValueError(f"ratio is {ratio}; it is the rows of b for each row of a, above 0.")
    n_a = samplesize_proportions_2indep_onetail(rate_a - rate_b, rate_b, power, ratio, level)
    # A hair is taken off: 1.1 × 10 is 11.000000000000002, and needs no twelfth row.
    return max(1, math.ceil(n_a - 1e-9)), max(1, math.ceil(ratio * n_a - 1e-9))


def _check_rates(a, b, level):
    a, b = np.asarray(a, float), np.asarray(b, float)
    if not (np.all((a >= 0) & (a <= 1)) and np.all((b >= 0) & (b <= 1))):
        raise ValueError(f"The rates are {a.tolist()} and {b.tolist()}; they must lie between 0 and 1.")
    if np.any((a == b) & ((a == 0) | (a == 1))):
        raise ValueError(f"The rates are {a.tolist()} and {b.tolist()}; both 0 or both 1 leaves nothing that varies.")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, as 0.05 does.")


# --- many comparisons ---


def holm(p_values) -> np.ndarray:
    """p-values corrected for the number of comparisons: the chance of any false alarm among them stays below the level.

    Parameters
    ----------
    p_values : float array (comparisons,), each between 0 and 1

    Returns
    -------
    float array (comparisons,), none smaller than before: compare it with the level, as 0.05

    Raises
    ------
    ValueError : a p-value is missing or outside [0, 1]

    It does not say that what stays above the level is no difference. It holds whatever the dependence between the
    comparisons; the price is that with many of them only large differences are found.

    Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics.

    Examples
    --------
    >>> from utils.evaluation import holm
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    # Not statsmodels' `multipletests`: it collects all of Python's garbage at each call, which takes up to 0.2 s.
    p = _checked_p(p_values)
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected


def benjamini_hochberg(p_values) -> np.ndarray:
    """p-values corrected so that, of the comparisons called differences, the expected share of false ones stays low.

    Where each corrected value of at most 0.05 is called a difference, the false discovery rate is at most 5 %: over
    many studies, false alarms make up at most 5 % of the findings on average (a study without findings counts as 0).

    Parameters
    ----------
    p_values : float array (comparisons,), each between 0 and 1

    Returns
    -------
    float array (comparisons,), none smaller than before and none larger than `holm` gives

    Raises
    ------
    ValueError : a p-value is missing or outside [0, 1]

    It does not say that any one finding is false with a chance of 5 %, nor that this study's share is below 5 %, nor
    that a false alarm is unlikely: with 100 findings 5 false ones are to be expected. To accuse one group's treatment,
    use `holm`; to make a list of what is to be looked into, this. It holds for independent comparisons and for
    positively dependent ones (Benjamini and Yekutieli 2001), such as groups that overlap in part.

    Source: Benjamini and Hochberg (1995), Controlling the False Discovery Rate: A Practical and Powerful Approach to
    Multiple Testing, Journal of the Royal Statistical Society B; computed by scipy.

    Examples
    --------
    >>> from utils.evaluation import benjamini_hochberg
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    return false_discovery_control(_checked_p(p_values), method="bh")


def _checked_p(p_values):
    p = np.asarray(p_values, float)
    wrong = p[~((p >= 0) & (p <= 1))]
    if p.ndim != 1 or wrong.size:
        found = f"they hold {wrong[0]}" if wrong.size else f"they have the shape {p.shape}"
        raise ValueError(f"p-values are a list of numbers between 0 and 1, none missing; {found}.")
    return p


# --- two models on the same rows ---


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


def paired_difference_interval(gained, lost, n, level: float = 0.95):
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
    _check_level(level)
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
    metric="accuracy",
    label: str = "label",
    prediction: str = "pred1",
    groups=None,
    *,
    positive=None,
    draws: int = 1000,
    rng=0,
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
    metric : name or names of metrics that counts determine, see `COUNT_METRICS` in `_counting.py`
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
    >>> found = paired_bootstrap(before, after, groups="group", draws=100)
    >>> found[["group", "before", "after", "difference", "low", "high", "n"]].round(2)
      group  before  after  difference   low  high  n
    0   NaN    0.17   0.67        0.50 -0.22  0.97  6
    1     a    0.33   0.67        0.33 -0.66  1.00  3
    2     b    0.00   0.67        0.67 -0.30  1.00  3
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    wrong = [m for m in metrics if m not in COUNT_METRICS]
    if wrong or not metrics:
        raise ValueError(
            f"{', '.join(map(str, wrong)) or 'Nothing'} was asked for; the metrics that counts determine are "
            f"{', '.join(COUNT_METRICS)}."
        )
    _check_level(level)
    if draws < 100:
        raise ValueError(f"draws is {draws}; the ends of an interval need at least 100.")
    groups = [] if groups is None else [groups] if isinstance(groups, str) else groups
    splits = [(), *((g,) if isinstance(g, str) else tuple(g) for g in groups)]
    attributes = list(dict.fromkeys(column for split in splits for column in split))
    right = _same_rows(before, after, label, prediction)
    check_table(before, *attributes)
    keys = {column: group_codes(before[column], column)[:2] for column in attributes}
    y, p, q = _paired_codes(before, after, right, metrics, label, prediction, positive)
    rng = np.random.default_rng(rng)
    parts = []
    for split in splits:
        codes, names = cross(len(before), [keys[c] for c in split])
        shape = (len(names), 2, 2, 2)  # group, label, prediction before, prediction after
        cells = np.bincount(((codes * 2 + y) * 2 + p) * 2 + q, minlength=8 * len(names)).reshape(shape)
        drawn = rng.multinomial(len(before), cells.ravel() / len(before), size=draws).reshape(draws, *shape)
        for m in metrics:
            part = pd.DataFrame(_paired_change(m, cells, drawn, level))
            for column in attributes:
                where = split.index(column) if column in split else None
                part[column] = pd.Series([np.nan if where is None else name[where] for name in names], dtype=object)
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
    if positive is None and set(metrics) <= {"accuracy", "error_rate"} and not all(map(is_binary, columns)):
        return np.ones(len(before), np.int64), *(r.astype(np.int64) for r in right)
    if positive is not None and not any((c == positive).any() for c in columns):
        raise ValueError(f"No {label!r} and no {prediction!r} is {positive!r}: positive names one of their values.")
    names = (label, prediction, prediction)
    return [as_binary(c, name, positive).astype(np.int64) for c, name in zip(columns, names, strict=True)]


def _paired_change(metric, cells, drawn, level):
    """A metric before and after for each group: cells (groups, 2, 2, 2), drawn (draws, groups, 2, 2, 2)."""
    value = COUNT_METRICS[metric]
    first, second = (value(*_four(cells, side)) for side in (-1, -2))
    low, high = bootstrap_interval((value(*_four(drawn, -2)) - value(*_four(drawn, -1))).T, level)
    note = np.full(len(cells), "", dtype=object)
    gained, lost, of = _gained_and_lost(metric, cells)
    few = (gained + lost < FEW) & ~np.isnan(second - first) & (metric != "base_rate")  # which no model changes
    if of is None:
        note[few] = f"under {FEW} rows differ between the models: the interval is likely too narrow"
    else:
        note[few] = f"Bonett and Price's interval: under {FEW} rows differ, too few for the bootstrap"
        low[few], high[few] = paired_difference_interval(gained[few], lost[few], of[few], level)
    found = {"before": first, "after": second, "difference": second - first, "low": low, "high": high}
    return found | {"n": cells.sum((1, 2, 3)), "note": note}


def _four(cells, summed):
    """tp, fp, fn, tn of one model: (…, label, before, after) summed over the other model's predictions."""
    one = cells.sum(summed)
    return one[..., 1, 1], one[..., 0, 1], one[..., 1, 0], one[..., 0, 0]


def _gained_and_lost(metric, cells):
    """Rows that a rate counts only after and only before, out of how many.

    For metrics whose "out of" depends on the predictions, such as precision: rows on which the models differ, and None.
    """
    if metric in RATES:
        tn, fp, fn, tp = np.eye(4).reshape(4, 2, 2)  # label, prediction
        counted, of = rate_counts(metric, tp, fp, fn, tn)
        change = counted[:, None, :] - counted[:, :, None]  # label, before, after
        if (of[:, 0] == of[:, 1]).all() and change.any():
            gained, lost = ((cells * (side * change > 0)).sum((1, 2, 3)) for side in (1, -1))
            return gained, lost, (cells * of[:, :, None]).sum((1, 2, 3))
    return cells[:, :, 0, 1].sum(1), cells[:, :, 1, 0].sum(1), None


# --- many training runs on the same rows ---


def seeds_and_rows_interval(correct, group_a=None, group_b=None, level: float = 0.95) -> dict:
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
    >>> found = seeds_and_rows_interval(np.array([[1, 1, 1, 0], [1, 1, 0, 0]]))
    >>> {name: round(found[name], 3) for name in ("mean", "se_seeds", "se_rows", "se")}
    {'mean': 0.625, 'se_seeds': 0.125, 'se_rows': 0.239, 'se': 0.239}
    """
    correct = np.asarray(correct)
    _check_level(level)
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


def _check_level(level):
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, as 0.95 does.")
