"""Intervals: against statsmodels and scipy, and whether they cover what they promise, exactly."""

import math

import numpy as np
import pytest
from scipy.stats import binom, bootstrap, norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from utils.evaluation._intervals import bootstrap_interval, difference_interval, rate_interval, ratio_interval

SIZES = [30, 40, 50, 60, 100, 200, 500]
RATES = np.linspace(0.5, 0.98, 49)


def coverage(interval, sizes=SIZES, rates=RATES):
    """Probability that interval(count, n) holds the true rate, exactly: (sizes, rates)."""
    out = np.empty((len(sizes), len(rates)))
    for i, n in enumerate(sizes):
        k = np.arange(n + 1)
        low, high = interval(k, np.full(n + 1, n))
        for j, p in enumerate(rates):
            out[i, j] = binom.pmf(k, n, p)[(low <= p + 1e-12) & (p <= high + 1e-12)].sum()
    return out


def test_wilson_keeps_its_promise_on_average_and_hardly_ever_falls_under_92_percent():
    found = coverage(rate_interval, range(30, 101), np.linspace(0.5, 0.98, 97))
    assert found.mean() == pytest.approx(0.95, abs=0.005)
    assert (found < 0.92).mean() < 0.001  # single pairs of n and p, such as 41 and 0.975
    assert found.min() > 0.917


def test_wald_does_not():
    assert coverage(lambda k, n: rate_interval(k, n, "wald"))[0, -1] == pytest.approx(0.45, abs=0.01)


def test_clopper_pearson_never_covers_less_than_promised():
    assert coverage(lambda k, n: rate_interval(k, n, "clopper-pearson")).min() >= 0.95


def test_jeffreys_keeps_its_promise_on_average_only():
    found = coverage(lambda k, n: rate_interval(k, n, "jeffreys"))
    assert found.mean() == pytest.approx(0.95, abs=0.005)
    assert found.min() < 0.92


@pytest.mark.parametrize(("ours", "theirs"), [("wilson", "wilson"), ("clopper-pearson", "beta")])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_intervals_are_those_of_statsmodels(ours, theirs, level):
    k = np.arange(21.0)
    expected = proportion_confint(k, np.full(21, 20.0), alpha=1 - level, method=theirs)
    assert np.allclose(rate_interval(k, 20, ours, level), expected, atol=1e-12)


def test_jeffreys_ends_where_nothing_contradicts():
    low, high = rate_interval([0, 10, 20], 20, "jeffreys")
    assert low[0] == 0 and high[2] == 1
    assert np.allclose((low[1], high[1]), proportion_confint(10, 20, method="jeffreys"))


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson", "jeffreys"])
def test_an_interval_holds_its_own_rate(method):
    n = np.arange(1, 400)
    assert (rate_interval(n, n, method)[1] == 1).all() and (rate_interval(0 * n, n, method)[0] == 0).all()


def test_no_rows_no_interval():
    for method in ("wilson", "wald", "clopper-pearson", "jeffreys"):
        low, high = rate_interval([0, 3], [0, 4], method)
        assert math.isnan(low[0]) and math.isnan(high[0]) and low[1] < 0.75 < high[1]


@pytest.mark.parametrize(("k", "n", "k0", "n0"), [(12, 20, 30, 40), (0, 10, 4, 12), (10, 10, 7, 9), (3, 300, 5, 200)])
def test_difference_and_ratio_are_those_of_statsmodels(k, n, k0, n0):
    assert np.allclose(
        difference_interval(k, n, k0, n0),
        confint_proportions_2indep(k, n, k0, n0, method="newcomb", compare="diff"),
        atol=1e-12,
    )
    if k:
        theirs = confint_proportions_2indep(k, n, k0, n0, method="log", compare="ratio")
        assert np.allclose(ratio_interval(k, n, k0, n0), theirs, atol=1e-12)


def test_newcombes_example():
    """Newcombe (1998), table II, first column, method 10: 56/70 against 48/80 is 0.2, 0.0524 to 0.3339."""
    assert np.allclose(difference_interval(56, 70, 48, 80), (0.0524, 0.3339), atol=5e-5)


def test_a_ratio_with_a_zero():
    low, high = ratio_interval(0, 50, 5, 50)
    assert low == 0 and 0 < high < math.inf
    assert all(map(math.isnan, ratio_interval(5, 50, 0, 50)))
    assert all(map(math.isnan, ratio_interval(0, 0, 5, 50)))


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((5, 4), "above its n"),
        ((-1, 4), "below 0"),
        ((math.nan, 4), "missing"),
        ((1, 4, "wilsson"), "method is 'wilsson'; it must be one of wilson, wald, clopper-pearson, jeffreys"),
        ((1, 4, "wilson", 95), "level is 95"),
    ],
)
def test_bad_input(args, says):
    with pytest.raises(ValueError, match=says):
        rate_interval(*args)


# --- bootstrap ---


def test_percentiles_leave_out_undefined_draws():
    draws = np.array([[5.0, 1, 2, 3, 4], [np.nan, 1, 2, np.nan, 3], [np.nan] * 5])
    low, high = bootstrap_interval(draws, 0.5)
    assert low[:2].tolist() == [2, 1.5] and high[:2].tolist() == [4, 2.5]
    assert np.isnan(low[2]) and np.isnan(high[2])


def test_bca_is_scipys():
    rng = np.random.default_rng(3)
    sample = rng.exponential(size=80)
    theirs = bootstrap((sample,), np.mean, n_resamples=4000, method="BCa", rng=np.random.default_rng(1))
    left_out = (sample.sum() - sample) / 79
    ours = bootstrap_interval(theirs.bootstrap_distribution, 0.95, "bca", sample.mean(), left_out)
    assert np.allclose(ours, theirs.confidence_interval, atol=1e-3)
    plain = bootstrap_interval(theirs.bootstrap_distribution)
    assert ours[0] > plain[0] and ours[1] > plain[1]  # a skewed sample: BCa moves to the right


def test_the_percentile_bootstrap_of_a_rate_fails_as_wald_does():
    def percentile(k, n):
        return binom.ppf(0.025, n, k / n) / n, binom.ppf(0.975, n, k / n) / n

    assert coverage(percentile, [30], [0.98])[0, 0] == pytest.approx(0.45, abs=0.01)


def test_the_bootstrap_of_counts_holds_where_the_audit_uses_it():
    """The rule of the audit: the bootstrap where n·p·(1 − p) of the sample is 10 or more, else Wilson."""

    def rule(k, n):
        low, high = binom.ppf([[0.025], [0.975]], n, k / n) / n
        few = k * (n - k) / n < 10
        wilson = rate_interval(k, n)
        return np.where(few, wilson[0], low), np.where(few, wilson[1], high)

    found = coverage(rule)
    enough = np.array(SIZES)[:, None] * RATES * (1 - RATES) >= 10
    assert found[enough].min() >= 0.92
    assert found.min() >= 0.915


def test_level_and_width():
    for level in (0.5, 0.9, 0.99):
        low, high = bootstrap_interval(np.random.default_rng(0).normal(size=200_000), level)
        assert (low, high) == pytest.approx(norm.interval(level), abs=0.03)
