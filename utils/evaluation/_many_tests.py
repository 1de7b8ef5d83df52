"""Many tests at once: p-values corrected for how many there are."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import false_discovery_control


def holm(p_values: ArrayLike) -> np.ndarray:
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


def benjamini_hochberg(p_values: ArrayLike) -> np.ndarray:
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
        problem = f"they hold {wrong[0]}" if wrong.size else f"they have the shape {p.shape}"
        raise ValueError(f"p-values are a list of numbers between 0 and 1, none missing; {problem}.")
    return p
