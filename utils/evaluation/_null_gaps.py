"""Gaps between groups that chance alone gives, tests against it, and how many rows it takes to see a gap."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binom, norm

from utils.evaluation._coding import splits_in
from utils.evaluation._metrics import METRICS
from utils.tables import group_name


def null_gap(
    n: ArrayLike, accuracy: float | None, draws: int | np.ndarray = 10_000, seed: int | np.random.Generator = 0
) -> np.ndarray:
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


def null_p_value(observed: float, null: ArrayLike) -> float:
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


def null_gap_test(
    audit: pd.DataFrame,
    metric: str | Sequence[str] | None = None,
    draws: int = 10_000,
    rng: int | np.random.Generator = 0,
) -> pd.DataFrame:
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
    >>> rates = audit(people, groups=["group"], problems="ignore")
    >>> null_gap_test(rates)[["by", "rate", "gap", "null_mean", "p_value"]].round(2)
          by  rate  gap  null_mean  p_value
    0  group  0.75  0.5       0.23     0.22
    """
    splits = splits_in(audit)
    there = audit["metric"].unique().tolist()
    rates = [m for m in there if m in METRICS and METRICS[m].is_rate]
    asked = rates if metric is None else [metric] if isinstance(metric, str) else list(metric)
    wrong = [m for m in asked if m not in rates]
    if wrong or not asked:
        raise ValueError(
            f"{', '.join(map(str, wrong)) or 'Nothing'} cannot be tested: the rates of this audit are "
            f"{', '.join(rates) or 'none'}."
        )
    if not splits:
        raise ValueError("The audit has overall rows only: name columns in its groups=... to compare groups.")
    kinds = ["metric", "class"] if "class" in audit else ["metric"]
    rng = np.random.default_rng(rng)
    rows = []
    for split, part in splits:
        for kind, cut in part[part["metric"].isin(asked)].groupby(kinds, sort=False, dropna=False):
            if len(kind) > 1 and kind[1] == "macro":
                continue  # a mean of rates is no rate
            cut = cut[cut["of"] > 0]
            row = {"by": group_name(split), **dict(zip(kinds, kind, strict=True)), "groups": len(cut)}
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


def group_against_rest(correct_counts: ArrayLike, n: ArrayLike) -> np.ndarray:
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


def power_of_gap(rate_a: ArrayLike, rate_b: ArrayLike, n_a: ArrayLike, n_b: ArrayLike, level: float = 0.05):
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
