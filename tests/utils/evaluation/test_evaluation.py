"""Accuracies, intervals and disparities: right on small tables by hand, and against other libraries."""

import math

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import accuracy_score

from utils.evaluation._accuracy import (
    accuracy_by_group,
    compute_accuracy,
    compute_confidence_bounds,
    get_accuracy_by_intersection,
    get_group_accuracy_by_value,
    print_accuracy_by_group,
    print_accuracy_by_intersection,
)
from utils.evaluation._disparity import (
    disparity_table,
    error_ratio,
    print_absolute_vs_ratio_error,
    print_absolute_vs_relative_accuracy,
    relative_disparity,
)
from utils.evaluation._intervals import rate_interval

NAMES = {"label_col": "label", "pred_col": "pred1"}


@pytest.fixture
def table():
    """Eight rows: a is right on 3 of 5, b on 3 of 3."""
    return pd.DataFrame(
        {
            "label": [1, 2, 3, 4, 5, 6, 7, 8],
            "pred1": [1, 2, 3, 0, 0, 6, 7, 8],
            "who": list("aaaaabbb"),
            "color": ["blue", "blue", "orange", "orange", "orange", "blue", "orange", "orange"],
        }
    )


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("xyz")), min_size=1, max_size=60)


@given(rows, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_group_accuracy_agrees_with_fairlearn_whatever_the_order(drawn, random):
    frame = pd.DataFrame(drawn, columns=["label", "pred1", "who"])
    mine = accuracy_by_group(frame, "who").set_index("who")
    theirs = MetricFrame(
        metrics=accuracy_score, y_true=frame["label"], y_pred=frame["pred1"], sensitive_features=frame["who"]
    ).by_group
    assert np.allclose(mine["accuracy"], theirs.astype(float), atol=1e-12)
    order = random.sample(range(len(frame)), len(frame))
    pd.testing.assert_frame_equal(mine, accuracy_by_group(frame.iloc[order], "who").set_index("who"))


def test_accuracy_by_hand(table):
    out = accuracy_by_group(table, "who")
    assert out["who"].tolist() == ["a", "b"]
    assert out["n"].tolist() == [5, 3] and out["correct"].tolist() == [3, 3]
    assert out["accuracy"].tolist() == [0.6, 1.0]
    assert out["small"].all()
    assert compute_accuracy(table, **NAMES) == 0.75
    assert get_group_accuracy_by_value(table, group_col="who", prediction_col="pred1", ground_truth_col="label") == {
        "a": 0.6,
        "b": 1.0,
    }
    crossed = get_accuracy_by_intersection(
        table, group1_col="who", group2_col="color", prediction_col="pred1", ground_truth_col="label"
    )
    assert crossed == {"a-blue": 1.0, "a-orange": 1 / 3, "b-blue": 1.0, "b-orange": 1.0}


def test_thirty_rows_are_not_small():
    frame = pd.DataFrame({"label": 1, "pred1": 1, "who": ["few"] * 29 + ["many"] * 30})
    assert accuracy_by_group(frame, "who")["small"].tolist() == [True, False]


def test_missing_group_names_are_a_group_of_their_own(table):
    table.loc[0, "who"] = None
    assert accuracy_by_group(table, "who")["who"].tolist() == ["(missing)", "a", "b"]


def test_printing_says_what_the_table_says(table, capsys):
    print_accuracy_by_group(table, group_col="who", prediction_col="pred1", ground_truth_col="label")
    print_accuracy_by_intersection(
        table, group1_col="who", group2_col="color", prediction_col="pred1", ground_truth_col="label"
    )
    out = capsys.readouterr().out
    low, high = rate_interval(3, 5)
    assert f"0.600  [{low:.3f}, {high:.3f}]  n = 5   few rows" in out
    assert "a-orange" in out and "0.333" in out


@pytest.mark.parametrize("p", [0.5, 0.8, 0.93, 0.98])
@pytest.mark.parametrize("n", [30, 100, 500])
def test_wilson_holds_its_coverage_and_wald_does_not_where_it_is_known_not_to(n, p):
    k = np.arange(n + 1)
    low, high = rate_interval(k, np.full(n + 1, n))
    covered = binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum()
    assert covered > 0.92
    if n * (1 - p) < 5:
        low, high = rate_interval(k, np.full(n + 1, n), method="wald")
        assert binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() < 0.9


def test_wald_is_the_textbooks():
    assert rate_interval(20, 20, "wald") == (1.0, 1.0)
    low, high = rate_interval(19, 20, "wald")
    margin = 1.959964 * math.sqrt(0.95 * 0.05 / 20)
    assert (low, high) == pytest.approx((0.95 - margin, 0.95 + margin))
    assert high > 1


def test_intervals_at_the_ends_and_on_request(table):
    low, high = rate_interval(0, 10)
    assert low == pytest.approx(0) and 0.2 < high < 0.35
    assert rate_interval(5, 10, level=0.99)[0] < rate_interval(5, 10)[0]
    assert compute_confidence_bounds(table, **NAMES) == rate_interval(6, 8)
    assert compute_confidence_bounds(table, **NAMES, method="wald")[1] > 1
    assert all(math.isnan(x) for x in rate_interval(0, 0))


@pytest.mark.filterwarnings("error")
def test_intervals_of_many_counts_out_of_one_n():
    low, high = rate_interval(np.arange(6), 5)
    assert low == pytest.approx([rate_interval(k, 5)[0] for k in range(6)])
    assert high == pytest.approx([rate_interval(k, 5)[1] for k in range(6)])


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 1), min_size=1, max_size=8))
def test_disparities_keep_the_direction(accuracies):
    table = disparity_table(accuracies)
    assert (table["difference"] <= 0).all() and (table["difference"] == 0).any()
    assert not np.isinf(table[["ratio", "error_ratio"]].to_numpy()).any()
    best = max(accuracies.values())
    assert np.allclose(best + table["difference"], list(accuracies.values()), atol=1e-12)


def test_disparities_by_hand_and_against_a_named_group():
    out = disparity_table({"a": 0.6, "b": 0.9, "c": 1.0}, reference="b").set_index("group")
    assert out.loc["a", "difference"] == pytest.approx(-0.3)
    assert out.loc["c", "difference"] == pytest.approx(0.1)
    assert out.loc["a", "ratio"] == pytest.approx(2 / 3)
    assert out.loc["a", "error_ratio"] == pytest.approx(4)
    assert out.loc["c", "error_ratio"] == 0


def test_nothing_is_divided_by_zero(capsys):
    assert math.isnan(error_ratio(0.9, 1.0)) and math.isnan(relative_disparity(0.0, 0.0))
    print_absolute_vs_ratio_error({"a": 0.9, "b": 1.0}, "who")
    print_absolute_vs_relative_accuracy({"a": 0.0, "b": 0.0})
    out = capsys.readouterr().out
    assert out.count("undefined") == 2 and "by who" in out


def test_no_rounding_before_a_ratio(capsys):
    print_absolute_vs_ratio_error({"3": 0.7584, "0": 0.9751}, group_name="digit")
    assert "9.70 to 1" in capsys.readouterr().out  # rounded first it would be 0.24 / 0.02 = 12


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda t: accuracy_by_group(t, "size"), KeyError, "'size'.*label, pred1, who, color"),
        (lambda t: compute_accuracy(t, "label", "pred2"), KeyError, "'pred2'"),
        (lambda t: accuracy_by_group(t[:0], "who"), ValueError, "empty"),
        (lambda t: compute_accuracy(t.assign(label=[1.0, np.nan] * 4)), ValueError, "4 of 8 values in 'label'"),
        (
            lambda t: accuracy_by_group(t.assign(who=pd.Categorical(t["who"], ["a", "b", "c"])), "who"),
            ValueError,
            "to c",
        ),
        (lambda t: rate_interval(5, 3), ValueError, "above its n"),
        (lambda t: rate_interval(1, 3, method="exact"), ValueError, "'exact'.*wilson, wald"),
        (lambda t: rate_interval(1, 3, level=95), ValueError, "level is 95"),
        (lambda t: disparity_table({}), ValueError, "no groups"),
        (lambda t: disparity_table({"a": 1.2}), ValueError, "between 0 and 1"),
        (lambda t: disparity_table({"a": math.nan}), ValueError, "between 0 and 1"),
        (lambda t: disparity_table({"a": 0.5}, reference="b"), ValueError, "no group 'b'"),
    ],
)
def test_bad_input_gets_a_sentence(table, call, error, words):
    with pytest.raises(error, match=words):
        call(table)
