"""Comparisons: nulls, corrections, paired and nested intervals, right by hand, by simulation and against libraries."""

import gc
import itertools
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, xlogy
from scipy.stats import binom, binomtest, chisquare, norm, t
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from utils.evaluation._audit import audit
from utils.evaluation._comparison import (
    benjamini_hochberg,
    group_against_rest,
    holm,
    null_gap,
    null_gap_test,
    null_p_value,
    paired_bootstrap,
    paired_comparison,
    paired_difference_interval,
    power_of_gap,
    sample_size_for_gap,
    seeds_and_rows_interval,
)
from utils.evaluation._counting import COUNT_METRICS


@pytest.fixture
def table():
    """Eight rows: a is right on 3 of 5, b on 3 of 3."""
    return pd.DataFrame({"label": [1, 2, 3, 4, 5, 6, 7, 8], "pred1": [1, 2, 3, 0, 0, 6, 7, 8], "who": list("aaaaabbb")})


def two_models(rows, seed=0, differ=0.1):
    """Labels, groups, and two models' predictions on the same rows: right on about 80 %, often on the same ones."""
    rng = np.random.default_rng(seed)
    before = pd.DataFrame({"label": rng.integers(0, 2, rows), "sex": rng.choice(["f", "m"], rows, p=[0.3, 0.7])})
    before["race"] = rng.choice(list("xyz"), rows)
    before["pred1"] = np.where(rng.random(rows) < 0.8, before["label"], 1 - before["label"])
    after = before.assign(pred1=np.where(rng.random(rows) < differ, rng.integers(0, 2, rows), before["pred1"]))
    return before, after


# --- gaps between groups ---


def test_twenty_equal_groups_show_a_gap_of_four_points():
    gaps = null_gap([500] * 20, 0.93, draws=20_000, seed=1)
    assert gaps.mean() == pytest.approx(0.043, abs=0.002)
    assert np.array_equal(null_gap([500] * 20, 0.93, draws=20_000, seed=1), gaps)
    assert not np.array_equal(null_gap([500] * 20, 0.93, draws=20_000, seed=2), gaps)
    assert null_p_value(gaps.max() + 1, gaps) == 1 / 20_001
    assert null_p_value(0, gaps) == 1
    assert null_p_value(0.3, [0.1, 0.1 + 0.2, 0.3, 0.4, 0.1]) == 4 / 6  # ties count, whatever their last bit
    assert null_p_value(0.1 + 0.2, [0.1, 0.3]) == 2 / 3


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


@pytest.mark.parametrize("n, p", [([3, 5], 0.7), ([2, 3, 3], 0.4), ([1, 1, 1, 1], 0.5), ([6, 6], 0.95)])
def test_null_gaps_have_exactly_the_distribution_of_binomial_counts(n, p):
    exact = {}
    for counts in itertools.product(*(range(m + 1) for m in n)):
        rates = np.array(counts) / n
        gap = round(rates.max() - rates.min(), 9)
        exact[gap] = exact.get(gap, 0) + math.prod(binom.pmf(counts, n, p))
    drawn, times = np.unique(null_gap(n, p, 100_000).round(9), return_counts=True)
    assert set(drawn) <= set(exact)
    gaps = sorted(g for g in exact if exact[g] > 1e-4)
    seen = np.array([times[drawn == g].sum() for g in gaps])
    expected = np.array([exact[g] for g in gaps])
    assert chisquare(seen, expected / expected.sum() * seen.sum()).pvalue > 1e-3


def test_null_gap_of_many_rows_and_of_rates_at_the_ends():
    gaps = null_gap([10**7, 10**7], 0.93, 40_000)
    assert gaps.mean() == pytest.approx(2 / math.sqrt(math.pi) * math.sqrt(0.93 * 0.07 / 10**7), rel=0.02)
    rare = null_gap([2000, 1000], 0.001, 100_000)
    assert np.mean(rare == 0.0) == pytest.approx(
        sum(binom.pmf(2 * k, 2000, 0.001) * binom.pmf(k, 1000, 0.001) for k in range(20)), abs=0.005
    )
    assert not null_gap([5, 9], 0, 100).any() and not null_gap([5, 9], 1, 100).any()


def test_gaps_of_counts_that_were_drawn_under_another_null():
    assert null_gap([4, 8], None, [[4, 4], [1, 8], [2, 4]]).tolist() == [0.5, 0.75, 0]


def rates_table(count, of, metric="accuracy"):
    count, of = np.asarray(count, float), np.asarray(of, float)
    return pd.DataFrame(
        {"g": [f"g{i}" for i in range(len(of))], "metric": metric, "value": count / of, "count": count, "of": of}
    )


def test_null_gap_test_is_the_null_of_the_audits_own_denominators():
    before, _ = two_models(600)
    metrics = ["accuracy", "true_positive_rate", "f1_score"]
    found = audit(before, groups=["sex", ("sex", "race")], metrics=metrics, interval=None, problems="ignore")
    tests = null_gap_test(found, "true_positive_rate", draws=500, rng=3)
    assert tests[["by", "metric", "groups"]].values.tolist() == [
        ["sex", "true_positive_rate", 2],
        ["sex × race", "true_positive_rate", 6],
    ]
    row = tests.iloc[0]
    positives = before[before["label"] == 1]
    rates = positives.groupby("sex")["pred1"].mean()
    null = null_gap(positives["sex"].value_counts().sort_index(), positives["pred1"].mean(), 500, 3)
    assert row["rate"] == pytest.approx(positives["pred1"].mean())
    assert row["gap"] == pytest.approx(rates.max() - rates.min())
    assert (row["null_mean"], row["null_95"]) == pytest.approx((null.mean(), np.quantile(null, 0.95)))
    assert row["p_value"] == null_p_value(row["gap"], null)
    assert null_gap_test(found, draws=50)["metric"].tolist() == ["accuracy", "true_positive_rate"] * 2


def test_null_gap_test_by_class_and_with_groups_that_have_no_value():
    found = audit(
        pd.DataFrame({"label": [0, 1, 2] * 4, "pred1": [0, 1, 1] * 4, "g": ["x"] * 6 + ["y"] * 6}),
        groups=["g"],
        metrics=["accuracy", "precision"],
        problems="ignore",
    )
    tests = null_gap_test(found, draws=50)
    assert tests["class"].tolist()[1:] == [0, 1, 2] and tests["metric"].tolist() == ["accuracy"] + ["precision"] * 3
    assert tests["groups"].tolist() == [2, 2, 2, 0] and tests["p_value"].isna().tolist() == [False] * 3 + [True]


def test_null_gap_test_raises_as_many_false_alarms_as_it_says():
    """600 studies in one table, each as a class of its own: a call for each would mostly handle tables."""
    rng = np.random.default_rng(0)
    of = np.tile([40, 60, 100, 150, 300], 600)
    studies = rates_table(rng.binomial(of, 0.85), of).assign(**{"class": np.repeat(np.arange(600), 5)})
    p_values = null_gap_test(studies, draws=400, rng=rng)["p_value"]
    assert len(p_values) == 600
    assert 0.02 < np.mean(p_values <= 0.05) < 0.07
    assert 0.42 < np.mean(p_values <= 0.5) < 0.58
    assert null_gap_test(rates_table([20, 55, 90, 140, 280], of[:5]), draws=400)["p_value"][0] < 0.01


def test_group_against_rest_agrees_with_statsmodels():
    k, n = np.array([90, 45, 190]), np.array([100, 60, 200])
    p = group_against_rest(k, n)
    for i in range(3):
        rest = np.arange(3) != i
        assert p[i] == pytest.approx(proportions_ztest([k[i], k[rest].sum()], [n[i], n[rest].sum()])[1])
    assert group_against_rest([5, 6], [5, 6]).tolist() == [1, 1]


def power_exact(rate_a, rate_b, n_a, n_b, level=0.05):
    """How often the two-proportion z-test rejects, summed over all counts."""
    a, b = np.arange(n_a + 1)[:, None], np.arange(n_b + 1)
    pooled = (a + b) / (n_a + n_b)
    with np.errstate(invalid="ignore"):
        z = np.nan_to_num(np.abs(a / n_a - b / n_b) / np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b)))
    return np.sum((binom.pmf(a, n_a, rate_a) * binom.pmf(b, n_b, rate_b))[z > norm.isf(level / 2)])


@pytest.mark.parametrize(
    "case",
    [(0.9, 0.8, 200, 200), (0.8, 0.9, 200, 200), (0.93, 0.9, 1500, 500), (0.6, 0.4, 60, 240), (0.5, 0.5, 99, 99)],
)
def test_power_is_how_often_the_z_test_rejects(case):
    assert power_of_gap(*case) == pytest.approx(power_exact(*case), abs=0.012)
    assert power_of_gap(*case, level=0.01) == pytest.approx(power_exact(*case, level=0.01), abs=0.02)


@pytest.mark.parametrize("a, b, power, ratio", [(0.9, 0.8, 0.8, 1), (0.8, 0.7, 0.9, 3), (0.7, 0.8, 0.9, 0.25)])
def test_sample_size_gives_the_wanted_power_in_whole_rows(a, b, power, ratio):
    n_a, n_b = sample_size_for_gap(a, b, power, ratio)
    assert isinstance(n_a, int) and isinstance(n_b, int) and n_b == pytest.approx(ratio * n_a, rel=0.005)
    assert power <= power_of_gap(a, b, n_a, n_b) < power + 0.01
    assert power_of_gap(a, b, n_a - 4, n_b - 4 * ratio) < power
    assert power_exact(a, b, n_a, n_b) == pytest.approx(power, abs=0.015)


def test_power_of_many_sizes_at_once():
    n = np.array([50, 100, 400])
    assert power_of_gap(0.9, 0.8, n, n).tolist() == [power_of_gap(0.9, 0.8, k, k) for k in n]


# --- many comparisons ---


@pytest.fixture(scope="module")
def little_garbage():
    """statsmodels' multipletests collects all garbage at each call: 0.2 s, unless what is there is out of its sight."""
    gc.freeze()
    yield
    gc.unfreeze()


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_benjamini_hochberg_by_hand():
    assert benjamini_hochberg([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert benjamini_hochberg([0.2]).tolist() == [0.2]


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(deadline=None, max_examples=40)
def test_both_corrections_agree_with_statsmodels_and_benjamini_hochberg_is_milder(little_garbage, p):
    corrected = benjamini_hochberg(p)
    assert np.allclose(corrected, multipletests(p, method="fdr_bh")[1], atol=1e-12)
    assert np.allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)
    assert (corrected >= np.array(p) - 1e-12).all() and (corrected <= holm(p) + 1e-12).all()


def false_findings(correction, cuts, level, nulls, real):
    """The expected share of false ones among the findings, and the chance of any: exactly.

    What is found depends only on the cuts between which each p-value lies, so one just above each cut stands for all up
    to the next. All ways in which they can lie are summed: p-values of true nulls are uniform, the real ones come from
    a normal test statistic with mean 3.
    """
    ends = np.unique([0, *cuts, 1])
    z = norm.isf(ends / 2)
    chances = np.diff(ends), np.diff(norm.sf(z - 3) + norm.cdf(-z - 3))
    ways = [Counter(), Counter()]
    for way, chance, count in zip(ways, chances, (nulls, real), strict=True):
        for cells in itertools.product(range(len(chance)), repeat=count):
            way[tuple(sorted(cells))] += math.prod(chance[list(cells)])
    share = any_false = 0
    for (of_nulls, a), (of_real, b) in itertools.product(*(way.items() for way in ways)):
        found = correction(ends[[*of_nulls, *of_real]] + 1e-9) <= level
        share += a * b * found[:nulls].sum() / max(found.sum(), 1)
        any_false += a * b * found[:nulls].any()
    return share, any_false


def test_benjamini_hochberg_keeps_the_share_of_false_findings_and_holm_the_chance_of_any():
    level, counts = 0.2, np.arange(1, 6)
    share, any_false = false_findings(benjamini_hochberg, level * counts / 5, level, nulls=3, real=2)
    assert share == pytest.approx(level * 3 / 5, abs=1e-12)  # the level times the share of true nulls
    assert any_false > 0.3  # which it does not promise to keep low, and Holm does:
    assert 0.15 < false_findings(holm, level / counts, level, nulls=3, real=2)[1] < level
    # With true nulls only, Holm has a false finding where the smallest p-value is under level / 5.
    assert false_findings(holm, level / counts, level, 5, 0)[1] == pytest.approx(1 - (1 - level / 5) ** 5, abs=1e-12)


# --- two models on the same rows ---


def test_paired_comparison_is_the_exact_binomial_test(table):
    after = table.assign(pred1=[1, 2, 0, 4, 5, 6, 7, 8])
    out = paired_comparison(table, after)
    assert (out["gained"], out["lost"], out["n"]) == (2, 1, 8)
    assert out["difference"] == pytest.approx(1 / 8)
    assert out["p_value"] == pytest.approx(binomtest(2, 3).pvalue)
    with pytest.raises(ValueError, match="same rows"):
        paired_comparison(table, after.iloc[::-1])


def test_paired_difference_interval_agrees_with_published_examples():
    # statpsych 1.9, ci.prop.ps(.05, 12, 4, 26, 6): LL 0.2548067, UL 0.6251933
    assert paired_difference_interval(26, 4, 48) == pytest.approx((0.2548067, 0.6251933), abs=1e-7)
    low, high = paired_difference_interval([26, 0, 0], [4, 0, 0], [48, 30, 0])
    assert low[0] == pytest.approx(0.2548067, abs=1e-7) and low[1] == pytest.approx(-high[1])
    assert np.isnan(low[2]) and np.isnan(high[2])
    assert paired_difference_interval(5, 0, 5)[1] == 1


@pytest.mark.parametrize("n", [30, 100, 300])
@pytest.mark.parametrize("gain, loss", [(0.05, 0.01), (0.1, 0.05), (0.1, 0.1), (0.3, 0.2), (0.01, 0.001)])
def test_paired_difference_interval_holds_its_coverage(n, gain, loss):
    g, k = (x.ravel() for x in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    g, k = g[g + k <= n], k[g + k <= n]
    same = n - g - k
    chance = gammaln(n + 1) - gammaln(g + 1) - gammaln(k + 1) - gammaln(same + 1)
    chance = np.exp(chance + xlogy(g, gain) + xlogy(k, loss) + xlogy(same, 1 - gain - loss))
    low, high = paired_difference_interval(g, k, n)
    covered = chance[(low <= gain - loss) & (gain - loss <= high)].sum()
    assert covered > 0.949
    if n * (gain + loss) > 20:
        assert covered < 0.962


def test_paired_bootstrap_has_the_audits_values_and_the_pairs_variance():
    before, after = two_models(2000)
    metrics = list(COUNT_METRICS)
    groups = ["sex", ("sex", "race")]
    out = paired_bootstrap(before, after, metrics, groups=groups, draws=4000)
    by = ["sex", "race", "metric"]
    for name, frame in (("before", before), ("after", after)):
        theirs = audit(frame, groups=groups, metrics=metrics, interval=None, problems="ignore")
        both = out.merge(theirs, on=by, suffixes=("", "_audit"))
        assert len(both) == len(out) == len(theirs)
        assert np.allclose(both[name], both["value"], atol=1e-12) and (both["n"] == both["n_audit"]).all()
    assert np.allclose(out["difference"], out["after"] - out["before"], atol=1e-12)
    # The variance of a paired difference, on all rows, on one group's and on its label positives.
    for sex, metric, kept in [
        (None, "accuracy", before["label"] >= 0),
        ("m", "error_rate", before["sex"] == "m"),
        ("f", "true_positive_rate", (before["sex"] == "f") & (before["label"] == 1)),
        ("m", "selection_rate", before["sex"] == "m"),
    ]:
        d = (after["pred1"] - before["pred1"])[kept].astype(float)
        if metric in ("accuracy", "error_rate"):
            d *= 2 * before["label"][kept] - 1
        margin = 1.96 * d.std(ddof=0) / math.sqrt(kept.sum())
        at = out["metric"].eq(metric) & out["race"].isna() & (out["sex"].isna() if sex is None else out["sex"].eq(sex))
        row = out[at].iloc[0]
        assert (row["high"] - row["low"]) / 2 == pytest.approx(margin, rel=0.06)
    alone = 1.96 * math.sqrt(2 * 0.8 * 0.2 / 2000)
    first = out.iloc[0]
    assert first["high"] - first["low"] < 0.6 * 2 * alone  # as if the rows were others


def test_paired_bootstrap_draws_rows_with_both_predictions():
    before, after = two_models(300, seed=5)
    rng = np.random.default_rng(0)
    y, p, q = (x.to_numpy() for x in (before["label"], before["pred1"], after["pred1"]))
    slow = []
    for _ in range(3000):
        i = rng.integers(0, 300, 300)
        slow.append(y[i][q[i] == 1].mean() - y[i][p[i] == 1].mean())
    row = paired_bootstrap(before, after, "precision", draws=3000).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=0.003)


def test_paired_bootstrap_covers():
    """Studies of 300 rows as groups of one table: one call in place of many, and the groups' intervals are checked."""
    rng = np.random.default_rng(0)
    studies, rows = 500, 500 * 300
    y = rng.integers(0, 2, rows)
    p = np.where(rng.random(rows) < 0.7, y, 1 - y)
    q = np.where(rng.random(rows) < 0.15, y, p)  # gains 0.15 of 0.3
    frame = pd.DataFrame({"label": y, "pred1": p, "study": np.repeat(np.arange(studies), 300)})
    out = paired_bootstrap(frame, frame.assign(pred1=q), ["accuracy", "f1_score"], groups="study", draws=400, rng=rng)
    out = out[out["study"].notna()]
    inside = ((out["low"] <= 0.045) & (out["high"] >= 0.045)).groupby(out["metric"]).agg(["mean", "size"])
    assert inside["size"].tolist() == [studies] * 2 and 0.92 < inside["mean"].min() and inside["mean"].max() < 0.98


def test_few_differing_rows_get_an_interval_that_has_a_width():
    before, _ = two_models(400)
    after = before.assign(pred1=before["pred1"].where(np.arange(400) >= 6, before["label"]))
    gained = int((after["pred1"] != before["pred1"]).sum())
    metrics = ["accuracy", "error_rate", "precision", "base_rate"]
    out = paired_bootstrap(before, after, metrics, draws=100).set_index("metric")
    low, high = paired_difference_interval(gained, 0, 400)
    assert out.loc["accuracy", ["low", "high"]].tolist() == pytest.approx([low, high])
    assert out.loc["error_rate", ["low", "high"]].tolist() == pytest.approx([-high, -low])
    assert "Bonett" in out.loc["accuracy", "note"] and "too narrow" in out.loc["precision", "note"]
    assert out.loc["base_rate", ["low", "high", "note"]].tolist() == [0, 0, ""]
    same = paired_bootstrap(before, before, "false_positive_rate").iloc[0]
    assert same["low"] == pytest.approx(paired_difference_interval(0, 0, (before["label"] == 0).sum())[0])


def test_paired_bootstrap_of_other_labels_and_of_many_classes(table):
    before, after = two_models(500)
    mine = paired_bootstrap(before, after, ["precision", "accuracy"], groups="sex")
    words = [f.replace({"label": {1: "yes", 0: "no"}, "pred1": {1: "yes", 0: "no"}}) for f in (before, after)]
    pd.testing.assert_frame_equal(
        mine, paired_bootstrap(*words, ["precision", "accuracy"], groups="sex", positive="yes")
    )
    order = np.random.default_rng(1).permutation(500)
    pd.testing.assert_frame_equal(
        mine, paired_bootstrap(before.iloc[order], after.iloc[order], ["precision", "accuracy"], groups="sex")
    )
    many = paired_bootstrap(table, table.assign(pred1=table["label"]), groups="who")
    assert many["difference"].tolist() == pytest.approx([0.25, 0.4, 0]) and many["n"].tolist() == [8, 5, 3]
    with pytest.raises(ValueError, match="positive="):
        paired_bootstrap(table, table, "precision")


def test_a_metric_that_is_undefined_in_a_group_has_no_interval():
    before = pd.DataFrame({"label": [1] * 20 + [0] * 20, "pred1": [1, 0] * 20, "g": ["x"] * 20 + ["y"] * 20})
    out = paired_bootstrap(before, before.assign(pred1=before["label"]), "true_positive_rate", groups="g")
    assert out["difference"].isna().tolist() == [False, False, True]
    assert out[["low", "high"]].isna().all(axis=1).tolist() == [False, False, True]


# --- many training runs on the same rows ---


def trained(rng, seeds, rows, spread_seeds, spread_rows, middle=2.0):
    """Right or wrong of models whose skill varies on rows whose ease varies: a logistic model with both at random."""
    logit = middle + rng.normal(0, spread_seeds, (seeds, 1)) + rng.normal(0, spread_rows, rows)
    return rng.random((seeds, rows)) < 1 / (1 + np.exp(-logit))


def true_mean(spread_seeds, spread_rows, middle=2.0):
    x, w = np.polynomial.hermite_e.hermegauss(80)
    return np.sum(w / (1 + np.exp(-middle - math.hypot(spread_seeds, spread_rows) * x))) / w.sum()


@pytest.mark.parametrize("seeds, rows, spread, gap", [(5, 150, 0.4, False), (30, 400, 0.6, False), (5, 150, 0.4, True)])
def test_the_nested_interval_covers_where_one_over_seeds_or_over_rows_does_not(seeds, rows, spread, gap):
    rng = np.random.default_rng(seeds)
    truth, masks, inside = true_mean(spread, 1.5), (), []
    if gap:
        truth -= true_mean(spread, 1.5, middle=1.0)
        masks = (np.arange(2 * rows) < rows, np.arange(2 * rows) >= rows)
    quantile = t.isf(0.025, seeds - 1)
    for _ in range(1000):
        correct = trained(rng, seeds, rows, spread, 1.5)
        if gap:
            correct = np.hstack([correct, trained(rng, seeds, rows, spread, 1.5, middle=1.0)])
        out = seeds_and_rows_interval(correct, *masks)
        away = abs(out["mean"] - truth)
        only_seeds = away <= quantile * out["se_seeds"]
        inside.append((out["low"] <= truth <= out["high"], only_seeds, away <= 1.96 * out["se_rows"]))
    both, only_seeds, only_rows = np.mean(inside, axis=0)
    assert 0.93 <= both < 0.975
    assert only_seeds < 0.92 and only_rows < 0.88


def test_the_variance_is_neither_counted_twice_nor_left_out():
    rng = np.random.default_rng(0)
    outs = [seeds_and_rows_interval(trained(rng, 8, 60, 0.4, 1.0)) for _ in range(1500)]
    found = np.mean([o["se"] ** 2 for o in outs])
    assert found == pytest.approx(np.var([o["mean"] for o in outs]), rel=0.1)
    independent = [seeds_and_rows_interval(rng.random((10, 100)) < 0.8) for _ in range(300)]
    # Nothing but noise: each of the two standard errors is the whole of it, and their sum would be twice too much.
    assert np.mean([o["se"] ** 2 for o in independent]) == pytest.approx(0.8 * 0.2 / 1000, rel=0.45)


def test_nested_interval_by_hand():
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]], bool)
    out = seeds_and_rows_interval(correct)
    assert out["mean"] == pytest.approx(9 / 12) and (out["seeds"], out["n_a"], out["n_b"]) == (3, 4, None)
    assert out["sd_seeds"] == pytest.approx(0.25) and out["se_seeds"] == pytest.approx(0.25 / math.sqrt(3))
    assert out["se_rows"] == pytest.approx(np.std([1, 2 / 3, 1 / 3, 1], ddof=1) / 2)
    residual = (9 / 4 - 4 * 2 * 0.25**2 - 3 * 3 * np.var([1, 2 / 3, 1 / 3, 1], ddof=1)) / 6
    variance = out["se_seeds"] ** 2 + out["se_rows"] ** 2 - residual / 12
    assert out["se"] == pytest.approx(math.sqrt(variance))
    below = out["se_seeds"] ** 4 / 2 + out["se_rows"] ** 4 / 3 + (residual / 12) ** 2 / 6
    margin = t.isf(0.025, variance**2 / below) * out["se"]
    assert (out["low"], out["high"]) == pytest.approx((0.75 - margin, 0.75 + margin))
    a, b = np.array([True, True, False, False]), np.array([False, False, True, True])
    gap = seeds_and_rows_interval(correct, a, b)
    assert gap["mean"] == pytest.approx(5 / 6 - 4 / 6) and (gap["n_a"], gap["n_b"]) == (2, 2)
    assert gap["sd_seeds"] == pytest.approx(np.std([0.5, 0, 0], ddof=1))
    mirrored = seeds_and_rows_interval(correct, b, a)
    assert (mirrored["low"], mirrored["high"]) == pytest.approx((-gap["high"], -gap["low"]))
    certain = seeds_and_rows_interval(np.ones((3, 4)))
    assert (certain["low"], certain["high"]) == (1, 1)


HALF = np.array([True, True, False, False])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda t: null_gap([500], 0.9), "at least two groups"),
        (lambda t: null_gap([5, 5], 1.2), "accuracy is 1.2"),
        (lambda t: null_gap([5, 5], None), "accuracy is None"),
        (lambda t: null_gap([5, 5], 0.9, 0), "draws is 0"),
        (lambda t: null_gap([5, 5], None, [[6, 1]]), "shape \\(1, 2\\)"),
        (lambda t: null_gap([5, 5], None, [[1, 1, 1]]), "2 columns"),
        (lambda t: null_gap_test(rates_table([1, 2], [5, 5]), "precision"), "precision cannot.* are accuracy"),
        (lambda t: null_gap_test(rates_table([1, 2], [5, 5], "f1_score")), "are none"),
        (lambda t: null_gap_test(rates_table([1, 2], [5, 5]).assign(g=np.nan)), "overall rows only"),
        (lambda t: group_against_rest([5], [4, 5]), "as many"),
        (lambda t: power_of_gap(1.2, 0.5, 10, 10), "rates are 1.2 and 0.5"),
        (lambda t: power_of_gap(1, 1, 10, 10), "nothing that varies"),
        (lambda t: power_of_gap(0.9, 0.8, 0, 10), "1 row or more"),
        (lambda t: power_of_gap(0.9, 0.8, 10, 10, level=5), "level is 5"),
        (lambda t: sample_size_for_gap(0.8, 0.8), "no gap to find"),
        (lambda t: sample_size_for_gap(0.8, 0.9, power=80), "power is 80"),
        (lambda t: sample_size_for_gap(0.8, 0.9, ratio=0), "ratio is 0"),
        (lambda t: holm([0.1, math.nan]), "hold nan"),
        (lambda t: benjamini_hochberg([0.1, 1.5]), "hold 1.5"),
        (lambda t: benjamini_hochberg([[0.1]]), "shape \\(1, 1\\)"),
        (lambda t: paired_difference_interval(5, 6, 10), "exceed n"),
        (lambda t: paired_difference_interval(5, 2, 10, level=95), "level is 95"),
        (lambda t: paired_bootstrap(t, t[::-1]), "same rows"),
        (lambda t: paired_bootstrap(t, t.assign(label=1)), "same rows"),
        (lambda t: paired_bootstrap(t, t, "auc"), "auc.*accuracy, error_rate"),
        (lambda t: paired_bootstrap(t, t, positive=9), "No 'label' and no 'pred1' is 9"),
        (lambda t: paired_bootstrap(t, t, draws=10), "draws is 10"),
        (lambda t: seeds_and_rows_interval(np.ones(5)), "shape \\(5,\\)"),
        (lambda t: seeds_and_rows_interval(np.ones((1, 5))), "two seeds"),
        (lambda t: seeds_and_rows_interval([[1, math.nan], [1, 1]]), "missing"),
        (lambda t: seeds_and_rows_interval(np.ones((2, 4)), HALF, HALF), "2 rows belong to both"),
        (lambda t: seeds_and_rows_interval(np.ones((2, 4)), None, HALF), "without group_a"),
        (lambda t: seeds_and_rows_interval(np.ones((2, 4)), HALF[:3]), "each of 4 rows"),
        (lambda t: seeds_and_rows_interval(np.ones((2, 4)), np.arange(4) < 1), "1 rows"),
    ],
)
def test_bad_input_gets_a_sentence(table, call, words):
    with pytest.raises(ValueError, match=words):
        call(table)


def test_an_unknown_column_is_named(table):
    with pytest.raises(KeyError, match="'size'.*label, pred1, who"):
        paired_bootstrap(table, table, groups="size")
