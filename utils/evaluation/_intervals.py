"""Intervals: for a rate, for the difference or the ratio of two rates, and from bootstrap draws."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

# Our names, and those of statsmodels. Wald is our own: statsmodels cuts it at 0 and 1, the textbook does not, and that
# is the lesson.
METHODS = {"wilson": "wilson", "wald": None, "clopper-pearson": "beta", "jeffreys": "jeffreys"}


def rate_interval(count: ArrayLike, n: ArrayLike, method: str = "wilson", level: float = 0.95):
    """Confidence interval of a rate, count out of n.

    Of the intervals computed in this way from many samples, a share of about `level` holds the true rate. It is not the
    probability that the true rate lies in this one.

    Parameters
    ----------
    count : int or array, how many of n; between 0 and n
    n : int or array of the same shape
    method : one of
        "wilson" (Wilson 1927): holds its coverage on average, for small n and for rates near 0 and 1 too;
        "wald": rate ± 1.96 standard errors; to be taught with, since it covers too little for small n and for rates
        near 0 and 1, can leave [0, 1], and has no width at 0 and 1;
        "clopper-pearson" (1934): never covers less than promised, and is wider for it;
        "jeffreys": equal tails of the posterior under Jeffreys' prior (Brown, Cai and DasGupta 2001); ends at 0 for a
        count of 0, and at 1 for a count of n
    level : nominal coverage, between 0 and 1

    Returns
    -------
    low, high : floats or arrays; NaN where n is 0

    Raises
    ------
    ValueError : an unknown method, a level outside (0, 1), a count that is missing, below 0 or above its n

    Examples
    --------
    >>> from utils.evaluation import rate_interval
    >>> [round(end, 2) for end in rate_interval(10, 10)]
    [0.72, 1.0]
    >>> [round(end, 2) for end in rate_interval(10, 10, "wald")]
    [1.0, 1.0]
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}.")
    check_level(level)
    # Copies: statsmodels wants arrays that own their numbers, and warns of broadcast ones.
    count, n = (np.array(x) for x in np.broadcast_arrays(np.asarray(count, float), np.asarray(n, float)))
    if np.any((count < 0) | (count > n) | np.isnan(count) | np.isnan(n)):
        raise ValueError("A count is missing, below 0 or above its n: count successes out of n, not a share.")
    with np.errstate(invalid="ignore", divide="ignore"):
        if method == "wald":
            share = count / n
            margin = norm.isf((1 - level) / 2) * np.sqrt(share * (1 - share) / n)
            low, high = share - margin, share + margin
        else:
            low, high = proportion_confint(count, n, alpha=1 - level, method=METHODS[method])
    low, high = np.asarray(low), np.asarray(high)
    if method != "wald":  # exactly: Wilson's ends by algebra, the others' by definition (Jeffreys as modified in 2001)
        low, high = np.where(count == 0, 0.0, low), np.where(count == n, 1.0, high)
    low, high = np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def difference_interval(
    count: ArrayLike, n: ArrayLike, reference_count: ArrayLike, reference_n: ArrayLike, level: float = 0.95
):
    """Confidence interval of the difference of two rates of separate rows: count / n − reference_count / reference_n.

    Newcombe's hybrid score interval: the Wilson intervals of the two rates, put together like the sides of a right
    angle. It makes sense for two groups that were named before looking; for the best and the worst of many see
    `disparities`. For two models on the same rows see `paired_difference_interval`.

    Parameters
    ----------
    count, n, reference_count, reference_n : ints or arrays of one shape
    level : nominal coverage, between 0 and 1

    Returns
    -------
    low, high : floats or arrays in [−1, 1]; NaN where one of the two has no rows

    Source: Newcombe (1998), Interval Estimation for the Difference between Independent Proportions, Statistics in
    Medicine; method 10.

    Examples
    --------
    >>> from utils.evaluation import difference_interval
    >>> [round(float(end), 2) for end in difference_interval(8, 10, 6, 10)]
    [-0.19, 0.52]
    >>> [round(float(end), 2) for end in difference_interval(800, 1000, 600, 1000)]
    [0.16, 0.24]
    """
    low, high = rate_interval(count, n, "wilson", level)
    ref_low, ref_high = rate_interval(reference_count, reference_n, "wilson", level)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate, ref = np.divide(count, n), np.divide(reference_count, reference_n)
    d = rate - ref
    return d - np.hypot(rate - low, ref_high - ref), d + np.hypot(high - rate, ref - ref_low)


def ratio_interval(
    count: ArrayLike, n: ArrayLike, reference_count: ArrayLike, reference_n: ArrayLike, level: float = 0.95
):
    """Confidence interval of the ratio of two rates of separate rows, (count / n) / (reference_count / reference_n).

    Katz's interval: the logarithm of the ratio ± 1.96 standard errors, with
    SE² = 1/count − 1/n + 1/reference_count − 1/reference_n. Where the count is 0, the ratio and the low end are 0 and
    the high end is computed with ½ added to both counts (Walter 1975).

    Parameters and returns as in `difference_interval`; NaN where the reference's count is 0: nothing is divided by
    zero.

    Source: Katz, Baptista, Azen and Pike (1978), Obtaining Confidence Intervals for the Risk Ratio in Cohort Studies,
    Biometrics.

    Examples
    --------
    >>> from utils.evaluation import ratio_interval
    >>> [round(end, 2) for end in ratio_interval(8, 10, 4, 10)]
    [0.88, 4.54]
    >>> ratio_interval(8, 10, 0, 10)
    (nan, nan)
    """
    check_level(level)
    k, n, k0, n0 = (np.asarray(x, float) for x in (count, n, reference_count, reference_n))
    z = norm.isf((1 - level) / 2)
    none = k == 0
    add = np.where(none, 0.5, 0.0)
    k, n, k0_, n0_ = k + add, n + add, k0 + add, n0 + add
    with np.errstate(invalid="ignore", divide="ignore"):
        log = np.log(k / n) - np.log(k0_ / n0_)
        margin = z * np.sqrt(1 / k - 1 / n + 1 / k0_ - 1 / n0_)
        low, high = np.where(none, 0.0, np.exp(log - margin)), np.exp(log + margin)
    undefined = (k0 == 0) | (n0 == 0) | (n - add == 0)
    low, high = np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def bootstrap_interval(
    draws: ArrayLike,
    level: float = 0.95,
    method: str = "percentile",
    value: ArrayLike | None = None,
    left_out: ArrayLike | None = None,
    weights: ArrayLike | None = None,
):
    """Interval from bootstrap draws of a statistic.

    Parameters
    ----------
    draws : float array (…, draws), the statistic in each resample; NaN where a resample leaves it undefined: such draws
        are left out
    method : "percentile", or "bca" (Efron 1987), which moves the percentiles to make up for the statistic's bias and
        for a standard error that changes with its value
    value : float array (…), the statistic in the sample; only for "bca"
    left_out : float array (…, parts), the statistic with one row (or one of equal parts) left out; only for "bca"
    weights : float array (…, parts), how many rows each of `left_out` stands for; None counts each once

    Returns
    -------
    low, high : float arrays (…); NaN where no draw is defined

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 14.

    Examples
    --------
    >>> import numpy as np
    >>> from utils.evaluation import bootstrap_interval
    >>> low, high = bootstrap_interval(np.linspace(0, 1, 101), level=0.9)
    >>> low.round(2).item(), high.round(2).item()
    (0.05, 0.95)
    """
    check_level(level)
    draws = np.sort(np.asarray(draws, float), axis=-1)  # NaN come last
    defined = draws.shape[-1] - np.isnan(draws[..., -1:]).astype(int)
    if np.any(defined != draws.shape[-1]):
        defined = np.sum(~np.isnan(draws), axis=-1, keepdims=True)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "percentile":
        shares = np.broadcast_to(tails, (*draws.shape[:-1], 2))
    elif method == "bca":
        shares = _bca_shares(draws, defined, tails, np.asarray(value, float), np.asarray(left_out, float), weights)
    else:
        raise ValueError(f"method is {method!r}; it must be percentile or bca.")
    last = np.maximum(defined - 1, 0)
    place = np.clip(np.nan_to_num(shares), 0, 1) * last
    below = place.astype(int)
    low_value = np.take_along_axis(draws, below, -1)
    ends = low_value + (place - below) * (np.take_along_axis(draws, np.minimum(below + 1, last), -1) - low_value)
    return ends[..., 0], ends[..., 1]


def _bca_shares(draws, defined, tails, value, left_out, weights):
    weights = np.ones_like(left_out) if weights is None else np.where(np.isnan(left_out), 0, weights)
    left_out = np.nan_to_num(left_out)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = np.sum(draws < value[..., None], -1) + 0.5 * np.sum(draws == value[..., None], -1)
        share = np.clip(below / defined[..., 0], 0.5 / draws.shape[-1], 1 - 0.5 / draws.shape[-1])
        bias = norm.ppf(share)[..., None]
        mean = np.sum(weights * left_out, -1, keepdims=True) / np.sum(weights, -1, keepdims=True)
        away = mean - left_out
        acceleration = np.sum(weights * away**3, -1) / (6 * np.sum(weights * away**2, -1) ** 1.5)
        z = bias + norm.ppf(tails)
        return norm.cdf(bias + z / (1 - np.nan_to_num(acceleration)[..., None] * z))


def check_level(level: float) -> None:
    """Raise a clear error unless a level lies between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, as 0.95 does.")
