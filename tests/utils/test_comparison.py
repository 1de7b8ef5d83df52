"""Comparisons: nulls, corrections, paired and nested intervals, right by hand, by simulation and against libraries."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportions_ztest

from utils.evaluation.comparison import (
    group_against_rest,
    holm,
    null_gap,
    null_p_value,
    paired_comparison,
)


@pytest.fixture
def table():
    """Eight rows: a is right on 3 of 5, b on 3 of 3."""
    return pd.DataFrame({"label": [1, 2, 3, 4, 5, 6, 7, 8], "pred1": [1, 2, 3, 0, 0, 6, 7, 8], "who": list("aaaaabbb")})


def test_twenty_equal_groups_show_a_gap_of_four_points():
    gaps = null_gap([500] * 20, 0.93, draws=20_000, seed=1)
    assert gaps.mean() == pytest.approx(0.043, abs=0.002)
    assert null_gap([500] * 20, 0.93, draws=50, seed=1).tolist() == gaps[:50].tolist()
    assert null_p_value(gaps.max() + 1, gaps) == 1 / 20_001
    assert null_p_value(0, gaps) == 1


def test_null_gap_agrees_with_simulated_rows():
    rng = np.random.default_rng(0)
    n = [40, 100, 400]
    slow = []
    for _ in range(3000):
        rates = [(rng.random(m) < 0.9).mean() for m in n]
        slow.append(max(rates) - min(rates))
    fast = null_gap(n, 0.9, draws=30_000)
    assert fast.mean() == pytest.approx(np.mean(slow), abs=0.003)
    assert np.quantile(fast, 0.9) == pytest.approx(np.quantile(slow, 0.9), abs=0.006)


def test_group_against_rest_agrees_with_statsmodels():
    k, n = np.array([90, 45, 190]), np.array([100, 60, 200])
    p = group_against_rest(k, n)
    for i in range(3):
        rest = np.arange(3) != i
        assert p[i] == pytest.approx(proportions_ztest([k[i], k[rest].sum()], [n[i], n[rest].sum()])[1])
    assert group_against_rest([5, 6], [5, 6]).tolist() == [1, 1]


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_paired_comparison_is_the_exact_binomial_test(table):
    after = table.assign(pred1=[1, 2, 0, 4, 5, 6, 7, 8])
    out = paired_comparison(table, after)
    assert (out["gained"], out["lost"], out["n"]) == (2, 1, 8)
    assert out["difference"] == pytest.approx(1 / 8)
    assert out["p_value"] == pytest.approx(binomtest(2, 3).pvalue)
    with pytest.raises(ValueError, match="same rows"):
        paired_comparison(table, after.iloc[::-1])
