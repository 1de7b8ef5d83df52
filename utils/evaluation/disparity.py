"""How far groups are apart: differences and ratios, what chance alone would give, and corrected p-values."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from utils.evaluation.accuracy import correct


def absolute_disparity(value: float, reference: float) -> float:
    """Difference value − reference; negative where the group is served worse than the reference. 0: no difference."""
    return value - reference


def relative_disparity(value: float, reference: float) -> float:
    """Ratio value / reference; below 1 where the group's accuracy is lower. NaN where the reference is 0."""
    return value / reference if reference else math.nan


def error_ratio(accuracy: float, reference: float) -> float:
    """Ratio of error rates, (1 − accuracy) / (1 − reference); above 1 where the group meets more errors.

    NaN where the reference makes no error: nothing can be divided by zero, and "infinitely more errors" would be said
    of one error.
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


def print_absolute_vs_relative_accuracy(accuracies: Mapping[str, float], *names, **named) -> None:
    """Print how far the worst group's accuracy lies below the best group's, as a difference and as a ratio.

    Parameters
    ----------
    accuracies : group → accuracy, from `get_group_accuracy_by_value` or `get_accuracy_by_intersection`
    names, named : words for the heading, such as the group's name; all optional
    """
    worst, best = _worst_and_best(accuracies)
    print(_heading("Accuracy", names, named))
    print(f"  best   {best.group}: {best.accuracy:.4f}")
    print(f"  worst  {worst.group}: {worst.accuracy:.4f}")
    print(f"  difference, worst − best: {worst.difference:+.4f} ({100 * worst.difference:+.1f} percentage points)")
    ratio = "undefined: the best accuracy is 0" if math.isnan(worst.ratio) else f"{worst.ratio:.4f}"
    print(f"  ratio, worst / best: {ratio}")


def print_absolute_vs_ratio_error(accuracies: Mapping[str, float], *names, **named) -> None:
    """Print how much higher the worst group's error rate is than the best group's, as a difference and as a ratio.

    Parameters as in `print_absolute_vs_relative_accuracy`. Where the best group makes no error the ratio is undefined,
    and said to be.
    """
    worst, best = _worst_and_best(accuracies)
    print(_heading("Error rate", names, named))
    print(f"  lowest   {best.group}: {1 - best.accuracy:.4f}")
    print(f"  highest  {worst.group}: {1 - worst.accuracy:.4f}")
    print(
        f"  difference, highest − lowest: {-worst.difference:+.4f} ({-100 * worst.difference:+.1f} percentage points)"
    )
    ratio = (
        "undefined: the best group makes no error" if math.isnan(worst.error_ratio) else f"{worst.error_ratio:.2f} to 1"
    )
    print(f"  ratio, highest / lowest: {ratio}")


def _worst_and_best(accuracies):
    table = disparity_table(accuracies)
    return table.loc[table["accuracy"].idxmin()], table.loc[table["accuracy"].idxmax()]


def _heading(what, names, named):
    words = [str(w) for w in (*names, *named.values()) if isinstance(w, str)]
    return f"{what} by {' and '.join(words)}" if words else f"{what} by group"


def null_gap(n, accuracy: float, draws: int = 10_000, seed=0) -> np.ndarray:
    """Best-to-worst gaps that chance alone gives: every group has the same true accuracy.

    Parameters
    ----------
    n : int array (groups,), rows in each group
    accuracy : the true accuracy of every group, between 0 and 1
    draws : how many evaluations are simulated
    seed : int or numpy Generator

    Returns
    -------
    float array (draws,): highest minus lowest observed accuracy of each simulated evaluation
    """
    n = np.asarray(n, dtype=int)
    if n.ndim != 1 or len(n) < 2 or (n < 1).any():
        raise ValueError(f"n is {n.tolist()}; give the rows of each of at least two groups, each 1 or more.")
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy is {accuracy}; it must lie between 0 and 1.")
    # The number of correct rows of a group is binomial: no row needs to be simulated.
    rates = np.random.default_rng(seed).binomial(n, accuracy, (draws, len(n))) / n
    return rates.max(1) - rates.min(1)


def null_p_value(observed: float, null) -> float:
    """Share of null draws at least as large as the observed value; (k + 1) / (draws + 1), so that it is never 0.

    Source: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 4.2.
    """
    null = np.asarray(null)
    # Gaps are differences of fractions: equal ones may differ in the last bit.
    return float((np.sum(null >= observed - 1e-12) + 1) / (len(null) + 1))


def group_against_rest(correct_counts, n) -> np.ndarray:
    """Two-sided p-value, for each group, of "its accuracy equals that of all other rows".

    A two-proportion z-test with pooled variance.

    Parameters
    ----------
    correct_counts, n : int arrays (groups,), correct rows and rows

    Returns
    -------
    float array (groups,); 1 where all rows are right or all wrong, since then nothing differs
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


def holm(p_values) -> np.ndarray:
    """p-values corrected for the number of comparisons: the chance of any false alarm among them stays below the level.

    Source: Holm (1979); computed by statsmodels.
    """
    return multipletests(np.asarray(p_values, float), method="holm")[1]


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

    Source: McNemar (1947).
    """
    first, second = correct(before, label, prediction), correct(after, label, prediction)
    if not first.index.equals(second.index) or not before[label].equals(after[label]):
        raise ValueError(
            "The two tables do not hold the same rows in the same order: a paired comparison needs the same examples."
        )
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
