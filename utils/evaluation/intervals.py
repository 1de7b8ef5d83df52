"""Intervals for a rate, as statsmodels computes them."""

import numpy as np
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

METHODS = ("wilson", "wald")


def rate_interval(count, n, method: str = "wilson", level: float = 0.95):
    """Confidence interval of a rate, count out of n.

    Of the intervals computed in this way from many samples, a share of about `level` holds the true rate. It is not the
    probability that the true rate lies in this one.

    Parameters
    ----------
    count : int or array, how many of n; between 0 and n
    n : int or array of the same shape
    method : "wilson" (Wilson 1927; holds its coverage for small n and for rates near 0 and 1) or "wald" (rate ± 1.96
        standard errors; to be taught with, since it covers too little there, can leave [0, 1] and has no width at 0
        and 1)
    level : nominal coverage, between 0 and 1

    Returns
    -------
    low, high : floats or arrays; NaN where n is 0
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}.")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, as 0.95 does.")
    # Copies: statsmodels wants arrays that own their numbers, and warns of broadcast ones.
    count, n = (np.array(x) for x in np.broadcast_arrays(np.asarray(count, float), np.asarray(n, float)))
    if np.any((count < 0) | (count > n) | np.isnan(count) | np.isnan(n)):
        raise ValueError("A count is missing, below 0 or above its n: count successes out of n, not a share.")
    if method == "wald":  # statsmodels cuts it at 0 and 1; the textbook's does not, and that is the lesson
        with np.errstate(invalid="ignore", divide="ignore"):
            share = count / n
            margin = norm.isf((1 - level) / 2) * np.sqrt(share * (1 - share) / n)
        low, high = share - margin, share + margin
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = proportion_confint(count, n, alpha=1 - level, method="wilson")
    return (float(low), float(high)) if np.ndim(low) == 0 else (np.asarray(low), np.asarray(high))
