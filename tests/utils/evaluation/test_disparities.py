"""Disparities: by hand, against other libraries, and whether the corrected ones hold what they promise."""

import math

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import studentized_range
from statsmodels.stats.proportion import confint_proportions_2indep

from utils.evaluation import criteria
from utils.evaluation._audit import audit
from utils.evaluation._disparity import disparities, shrink
from utils.evaluation._intervals import difference_interval, ratio_interval


def table_of(counts):
    """Rows of groups: name → (TP, FN, FP, TN)."""
    parts = []
    for name, (tp, fn, fp, tn) in counts.items():
        cells = pd.DataFrame({"label": [1, 1, 0, 0], "pred1": [1, 0, 1, 0], "who": name})
        parts.append(cells.loc[np.repeat(cells.index, [tp, fn, fp, tn])])
    return pd.concat(parts, ignore_index=True)


THREE = table_of({"a": (30, 10, 10, 50), "b": (20, 30, 5, 45), "c": (35, 5, 20, 40)})


def audited(table, metrics, **settings):
    return audit(table, groups=["who"], metrics=metrics, problems="ignore", **settings)


def test_worst_to_best_by_hand():
    found = disparities(audited(THREE, ["accuracy", "false_positive_rate", "selection_rate"])).set_index("metric")
    line = found.loc["accuracy"]  # a 80, b 65, c 75 of 100
    assert (line["by"], line["comparison"], line["group"], line["reference"]) == ("who", "worst to best", "b", "a")
    assert (line["value"], line["reference_value"]) == (0.65, 0.8)
    assert line["difference"] == pytest.approx(-0.15) and line["ratio"] == pytest.approx(0.65 / 0.8)
    assert np.allclose(line[["difference_low", "difference_high"]].tolist(), difference_interval(65, 100, 80, 100))
    assert np.allclose(line[["ratio_low", "ratio_high"]].tolist(), ratio_interval(65, 100, 80, 100))
    line = found.loc["false_positive_rate"]  # an error: the highest is the worst. a 10/60, b 5/50, c 20/60
    assert (line["group"], line["reference"]) == ("c", "b") and line["difference"] == pytest.approx(1 / 3 - 0.1)
    line = found.loc["selection_rate"]  # neither is better: lowest to highest. a 40, b 25, c 55 of 100
    assert (line["group"], line["reference"]) == ("b", "c") and line["ratio"] == pytest.approx(25 / 55)


def test_each_to_a_named_group():
    found = disparities(audited(THREE, ["accuracy"], reference="c"))
    rows = found[found["comparison"] == "to reference"].set_index("group")
    assert rows.index.tolist() == ["a", "b"] and (rows["reference"] == "c").all()
    assert rows["difference"].tolist() == pytest.approx([0.05, -0.1])
    theirs = confint_proportions_2indep(65, 100, 75, 100, method="newcomb", compare="diff")
    assert np.allclose(rows.loc["b", ["difference_low", "difference_high"]].tolist(), theirs)
    wider = rows["corrected_high"] - rows["corrected_low"] > rows["difference_high"] - rows["difference_low"]
    assert wider.all()  # two comparisons
    pd.testing.assert_frame_equal(disparities(audited(THREE, ["accuracy"]), reference="c"), found)


def test_a_reference_for_every_split():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"sex": rng.choice(["F", "M"], 800), "race": rng.choice(["a", "b"], 800), "label": 1})
    table["pred1"] = rng.integers(0, 2, 800)
    groups = ["sex", "race", ("sex", "race")]
    found = disparities(audit(table, groups=groups, reference={"sex": "M", "race": "a"}))
    rows = found[found["comparison"] == "to reference"]
    assert rows.groupby("by", sort=False)["reference"].first().to_dict() == {
        "sex": "M",
        "race": "a",
        "sex × race": "M × a",
    }
    assert rows.groupby("by", sort=False).size().tolist() == [1, 1, 3]
    with pytest.raises(ValueError, match="There is no group 'Q'; there are F, M, a, b"):
        disparities(audit(table, groups=groups), reference="Q")


def test_criteria_on_two_rates_take_the_larger_difference():
    metrics = ["true_positive_rate", "false_positive_rate", "precision", "negative_predictive_value"]
    found = disparities(audited(THREE, metrics)).set_index("metric")
    assert found.loc["equalized_odds", "difference"] == pytest.approx(criteria.equalized_odds_difference(THREE, "who"))
    both = found.loc["conditional_use_accuracy_equality"]
    assert both["difference"] == pytest.approx(criteria.conditional_use_accuracy_difference(THREE, "who"))
    assert found.loc["equalized_odds", "note"] == "the larger of two: true_positive_rate"
    assert found.loc["equalized_odds", ["group", "reference"]].tolist() == ["b", "c"]
    args = (THREE["label"], THREE["pred1"])
    assert found.loc["equalized_odds", "difference"] == pytest.approx(
        fl.equalized_odds_difference(*args, sensitive_features=THREE["who"])
    )
    assert found.loc["equalized_odds", "difference_low"] < found.loc["equalized_odds", "difference"]


def test_two_groups_need_no_correction():
    line = disparities(audited(THREE[THREE["who"] != "c"], ["accuracy"])).iloc[0]
    assert (line["corrected_low"], line["corrected_high"]) == pytest.approx(
        (line["difference_low"], line["difference_high"])
    )


def test_zero_in_the_reference_has_no_ratio_and_says_so():
    table = table_of({"a": (0, 40, 10, 10), "b": (5, 35, 10, 10)})
    found = disparities(audited(table, ["true_positive_rate"]), reference="a")
    line = found[found["comparison"] == "to reference"].iloc[0]
    assert math.isnan(line["ratio"]) and math.isnan(line["ratio_low"]) and line["difference"] == 0.125
    assert line["note"] == "no ratio: the reference's value is 0"
    worst = found.iloc[0]
    assert worst["ratio"] == 0 and worst["ratio_low"] == 0 < worst["ratio_high"]


def test_groups_without_a_value_are_left_out():
    table = table_of({"a": (30, 10, 10, 10), "b": (20, 20, 10, 10), "c": (0, 0, 20, 20)})
    line = disparities(audited(table, ["true_positive_rate"])).iloc[0]
    assert (line["group"], line["reference"], line["groups"]) == ("b", "a", 2)
    line = disparities(audited(table[table["who"] != "a"], ["true_positive_rate"])).iloc[0]
    assert line["note"] == "fewer than two groups have a value" and math.isnan(line["difference"])


def test_metrics_without_counts_use_their_standard_errors():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"label": rng.integers(0, 2, 3000), "who": rng.choice(list("abc"), 3000)})
    table["score"] = np.clip(0.3 * table["label"] + 0.7 * rng.random(3000), 0, 1)
    found = audit(table, score="score", groups=["who"], metrics=["auc"], draws=400)
    line = disparities(found).iloc[0]
    se = found.loc[1:].set_index("who")["se"]
    margin = 1.959964 * math.hypot(se[line["group"]], se[line["reference"]])
    ends = line["difference"] - margin, line["difference"] + margin
    assert line[["difference_low", "difference_high"]].tolist() == pytest.approx(ends)
    assert line["corrected_low"] < line["difference_low"]


def test_an_audit_without_intervals_gives_none_where_they_cannot_be_had():
    line = disparities(audited(THREE, ["f1_score"], interval=None)).iloc[0]
    assert math.isnan(line["corrected_low"]) and line["note"].startswith("no interval") and line["difference"] < 0
    assert disparities(audited(THREE, ["accuracy"], interval=None)).loc[0, "corrected_low"] < 0  # from its counts


def test_more_classes():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"label": rng.choice(["cat", "cow", "dog"], 900), "who": rng.choice(list("ab"), 900)})
    table["pred1"] = np.where(rng.random(900) < 0.6, table["label"], rng.choice(["cat", "cow", "dog"], 900))
    found = disparities(audited(table, ["accuracy", "true_positive_rate", "false_positive_rate"]))
    assert found.loc[found["metric"] == "equalized_odds", "class"].tolist() == ["cat", "cow", "dog", "macro"]
    assert found.loc[found["metric"] == "accuracy", "class"].isna().all()


# --- what having picked the best and the worst does, and what makes up for it ---

WORLDS = {
    "20 equal groups": (np.full(20, 0.93), 500),
    "20 groups that differ": (np.linspace(0.85, 0.95, 20), 500),
    "one group apart": (np.r_[np.full(19, 0.93), 0.85], 500),
    "5 equal groups, few rows": (np.full(5, 0.7), 60),
}


@pytest.fixture(scope="module")
def worlds():
    """400 audits in each world: the true largest difference, that of the picked two, and what disparities says."""
    out = {}
    for name, (rates, n) in WORLDS.items():
        rng = np.random.default_rng(11)
        found = pd.DataFrame({"who": [np.nan, *map(str, range(len(rates)))], "metric": "accuracy", "of": float(n)})
        lines = []
        for _ in range(400):
            found["count"] = np.r_[0.0, rng.binomial(n, rates)]
            found["value"] = found["count"] / found["of"]
            line = disparities(found).iloc[0]
            own = rates[int(line["group"])] - rates[int(line["reference"])]
            lines.append({**line, "picked": own, "true": rates.min() - rates.max()})
        out[name] = pd.DataFrame(lines)
    return out


def holds(lines, truth, which):
    return ((lines[f"{which}_low"] <= lines[truth]) & (lines[truth] <= lines[f"{which}_high"])).mean()


@pytest.mark.parametrize("name", WORLDS)
def test_the_corrected_interval_holds_the_largest_true_difference(worlds, name):
    assert holds(worlds[name], "true", "corrected") >= 0.93


def test_the_uncorrected_interval_does_not(worlds):
    assert holds(worlds["20 equal groups"], "true", "difference") < 0.3
    assert holds(worlds["20 groups that differ"], "picked", "difference") < 0.9
    assert holds(worlds["one group apart"], "true", "difference") < 0.93


def test_the_corrected_value_is_nearer_to_the_picked_groups_true_difference(worlds):
    for name, most in {"20 equal groups": 0.2, "20 groups that differ": 0.5, "5 equal groups, few rows": 0.3}.items():
        lines = worlds[name]
        before = abs(lines["difference"].mean() - lines["picked"].mean())
        after = abs(lines["corrected"].mean() - lines["picked"].mean())
        assert after < most * before, name


def test_a_gap_that_is_real_is_found(worlds):
    assert (worlds["20 groups that differ"]["corrected_high"] < 0).mean() > 0.9


def test_tukeys_critical_value():
    """With equal rows and rates near one half, the pairs' intervals are those of Tukey's procedure for means."""
    n, k = 4000, 6
    rates = np.array([0.48, 0.5, 0.5, 0.5, 0.5, 0.53])
    found = pd.DataFrame({"who": range(k), "metric": "accuracy", "count": rates * n, "of": float(n), "value": rates})
    line = disparities(found).iloc[0]
    margin = studentized_range.ppf(0.95, k, np.inf) * 0.5 / math.sqrt(n)
    assert line["corrected_low"] == pytest.approx(-0.05 - margin, abs=3e-4)
    assert line["corrected_high"] == pytest.approx(-0.05 + margin, abs=3e-4)


def test_shrinkage():
    assert np.allclose(shrink([0.2, 0.4], [1.0, 1.0]), 0.3)  # all noise: the mean
    assert np.allclose(shrink([0.2, 0.4], [1e-9, 1e-9]), [0.2, 0.4])  # no noise
    half = shrink([0.0, 1.0, 2.0], [1.0, 1.0, 1.0])  # variance of the values 1, of the noise 1: nothing is left
    assert np.allclose(half, 1)
    some = shrink([0.0, 2.0, 4.0], [1.0, 1.0, 1.0])  # variance 4, noise 1: three quarters are left
    assert np.allclose(some, [0.5, 2, 3.5])
    assert shrink([0.2, 0.4], [0.0, 1.0]).tolist() == [0.2, 0.4]
