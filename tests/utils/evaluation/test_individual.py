"""Individual fairness and the spread of benefits: by hand, and what other libraries do otherwise."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from utils.evaluation._individual import (
    consistency,
    counterfactual_flip_rate,
    entropy_between_groups,
    generalised_entropy,
    theil_index,
)
from utils.evaluation._intervals import rate_interval

LINE = np.array([[0.0], [1.0], [2.5], [10.0], [11.0]])
bits = st.integers(0, 1)


def test_consistency_by_hand():
    # Nearest other row: 0→1, 1→0, 2.5→1, 10→11, 11→10. Predictions differ in the pairs of 2.5 and 1 only.
    assert consistency(LINE, [0, 0, 1, 1, 1], neighbours=1) == pytest.approx(1 - 1 / 5)
    # With two: rows 0 (0, 1/2), 1 (0, 1/2), 2.5 (1, 0), 10 (1, 1), 11 (1, 1)
    assert consistency(LINE, [0, 0, 1, 1, 1], neighbours=2) == pytest.approx(1 - (0.5 + 0.5 + 1) / 5)


def test_aif360_counts_each_row_as_its_own_neighbour():
    """Its `consistency` asks for the neighbours of the rows themselves, so that the first of k is the row: with k = 1
    it is 1 for every model."""
    p = np.array([0, 1, 0, 1, 0])
    itself = NearestNeighbors(n_neighbors=1).fit(LINE).kneighbors(LINE, return_distance=False)
    assert 1 - np.abs(p - p[itself].mean(axis=1)).mean() == 1
    assert consistency(LINE, p, neighbours=1) == 0


def test_equal_rows_are_neighbours_and_not_themselves():
    assert consistency(np.zeros((2, 1)), [0, 1], neighbours=1) == 0
    assert consistency(np.zeros((30, 2)), [1] * 30, neighbours=5) == 1


@pytest.mark.parametrize(
    ("features", "prediction", "k", "says"),
    [
        (LINE, [0, 1], 1, r"features have the shape \(5, 1\)"),
        (LINE, [0, 1, 0, 1, 0], 5, "neighbours is 5; with 5 rows it must be from 1 to 4"),
        (pd.DataFrame({"x": list("abc")}), [0, 1, 0], 1, "features hold text"),
        ([[1.0], [math.nan], [2.0]], [0, 1, 0], 1, "1 values of the features are missing"),
        (pd.DataFrame({"x": pd.array([1, None, 2], dtype="Int64")}), [0, 1, 0], 1, "1 values of the features are miss"),
        (LINE, [0, 9, 3, 9, 1], 1, "'prediction' holds 9, and 3 values outside"),
        (LINE, list("abcde"), 1, "'prediction' holds 'a'"),
    ],
)
def test_consistency_names_bad_input(features, prediction, k, says):
    with pytest.raises(ValueError, match=says):
        consistency(features, prediction, k)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(deadline=None, max_examples=25)
def test_consistency_is_a_share_and_knows_no_order_names_or_sides(seed, k):
    rng = np.random.default_rng(seed)
    x, p = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"]), rng.integers(0, 2, 30)
    value, order = consistency(x, p, k), rng.permutation(30)
    assert 0 <= value <= 1
    assert consistency(x.iloc[order, ::-1].set_axis(["c", "d"], axis=1), p[order], k) == pytest.approx(value)
    assert consistency(x, 1 - p, k) == pytest.approx(value)


def test_who_is_near_depends_on_the_scale():
    x = np.array([[0, 0], [0, 1], [10, 0], [10, 1]])
    assert consistency(x, [0, 1, 0, 1], 1) == 0  # nearest by the second feature's step
    assert consistency(x / [100, 1], [0, 1, 0, 1], 1) == 1


def test_flip_rate_by_hand():
    found = counterfactual_flip_rate([1, 1, 0, 0, 1], [1, 0, 0, 1, 0])
    assert found["value"] == 0.6 and found["n"] == 5 and found["flips"] == 3
    assert (found["low"], found["high"]) == rate_interval(3, 5)
    assert (found["to_positive"], found["to_negative"]) == (1, 2)


def test_flips_between_many_classes_have_no_direction():
    found = counterfactual_flip_rate(list("abc"), list("abd"))
    assert found["flips"] == 1 and math.isnan(found["to_positive"])
    with pytest.raises(ValueError, match="counterfactual_prediction has 2 values"):
        counterfactual_flip_rate([0, 1, 1], [0, 1])
    with pytest.raises(ValueError, match="prediction holds 0 and counterfactual_prediction holds '0'"):
        counterfactual_flip_rate([0, 1], ["0", "1"])
    with pytest.raises(ValueError, match="empty"):
        counterfactual_flip_rate([], [])


@given(st.lists(st.tuples(bits, bits), min_size=1, max_size=40))
@settings(deadline=None, max_examples=40)
def test_swapping_the_pair_turns_the_direction_only(drawn):
    y, z = map(list, zip(*drawn, strict=True))
    one, other = counterfactual_flip_rate(y, z), counterfactual_flip_rate(z, y)
    assert -1e-12 <= one["low"] <= one["value"] + 1e-12 <= one["high"] + 2e-12 <= 1 + 3e-12
    assert one["value"] == other["value"] and one["to_positive"] == other["to_negative"]
    assert one["to_positive"] + one["to_negative"] == one["flips"]


def test_entropy_by_hand():
    """Benefits 2, 1, 1, 0: mean 1. Half the variance over the squared mean is 0.25; Theil is 2 ln 2 / 4."""
    y, p = [0, 1, 0, 1], [1, 1, 0, 0]
    assert generalised_entropy(y, p) == pytest.approx(0.25)
    assert theil_index(y, p) == pytest.approx(2 * math.log(2) / 4)
    assert generalised_entropy([0, 1, 0], [1, 1, 0], alpha=0) == pytest.approx(
        -np.log(np.array([2, 1, 1]) * 3 / 4).mean()
    )
    assert math.isnan(generalised_entropy(y, p, alpha=0))  # a benefit of 0: infinite
    assert math.isnan(generalised_entropy([1, 1], [0, 0]))  # no benefit at all


@given(st.lists(st.tuples(bits, bits), min_size=2, max_size=40), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_entropy_is_0_for_right_predictions_and_never_below(drawn, random):
    y, p = map(np.array, zip(*drawn, strict=True))
    assert generalised_entropy(y, y) == 0
    value = generalised_entropy(y, p)
    if not math.isnan(value):
        assert value >= -1e-12
        order = random.sample(range(len(y)), len(y))
        assert generalised_entropy(y[order], p[order]) == pytest.approx(value)
        for alpha in (0.999999, 1.000001):  # Theil is the limit
            assert generalised_entropy(y, p, alpha) == pytest.approx(theil_index(y, p), abs=1e-4)


def test_entropy_between_and_within_add_up():
    table = pd.DataFrame({"label": [0, 1, 0, 1], "pred1": [1, 1, 0, 0], "who": list("aabb")})
    found = entropy_between_groups(table, "who")  # means 1.5 and 0.5
    assert found["between"] == pytest.approx(((1.5**2 + 0.5**2) / 2 - 1) / 2)
    assert found["total"] == pytest.approx(0.25) and found["between"] + found["within"] == pytest.approx(found["total"])
    assert entropy_between_groups(table.assign(who="a"), "who")["between"] == 0
    with pytest.raises(KeyError, match="no column 'whom'"):
        entropy_between_groups(table, ["who", "whom"])


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
@given(st.lists(st.tuples(st.sampled_from([(0, 0), (0, 1)]), st.sampled_from("abc")), min_size=1, max_size=40))
@settings(deadline=None, max_examples=20)
def test_within_is_the_weighted_sum_of_the_groups_own_indices(alpha, drawn):
    """As Speicher et al. write it: each group's index times its share of the rows and a power of its mean benefit. The
    benefits here are 1 and 2, so that the index is defined for every alpha."""
    table = pd.DataFrame([(y, p, g) for (y, p), g in drawn], columns=["label", "pred1", "who"])
    found = entropy_between_groups(table, "who", alpha=alpha)
    b = table["pred1"] - table["label"] + 1
    within = 0.0
    for _, part in table.groupby("who"):
        weight = len(part) / len(b) * (b[part.index].mean() / b.mean()) ** alpha
        within += weight * generalised_entropy(part["label"], part["pred1"], alpha)
    assert found["within"] == pytest.approx(within, abs=1e-12)
    assert -1e-12 <= found["between"] <= found["total"] + 1e-12
