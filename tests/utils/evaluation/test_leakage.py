"""Leakage: nothing where there is nothing, all where there is all, and the amplification that the paper describes."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.evaluation._intervals import rate_interval
from utils.evaluation._leakage import leakage, leakage_amplification


@pytest.fixture
def attribute():
    return np.repeat(["f", "m"], [150, 250])


def test_nothing_leaks_from_noise(attribute):
    found = pd.DataFrame([leakage(np.random.default_rng(s).normal(size=(400, 3)), attribute, rng=s) for s in range(25)])
    assert abs(found["value"].mean() - 0.5) < 0.02 and abs(found["auc"].mean() - 0.5) < 0.03
    assert ((found["low"] < 0.5) & (0.5 < found["high"])).mean() > 0.75  # too seldom, as the docstring says
    assert (found["chance"] == 0.5).all() and (found["most_common"] == 250 / 400).all() and (found["n"] == 400).all()


def test_all_leaks_from_the_attribute_itself(attribute):
    found = leakage(pd.DataFrame({"word": attribute}), attribute)
    assert found["value"] == 1 and found["auc"] == 1 and found["accuracy"] == 1
    assert found["low"] < 0.99 and found["high"] == pytest.approx(1)  # no certainty from 400 rows


def test_by_hand():
    """A column that says "x" for 80 of 100 women and 30 of 100 men: the attacker takes x for women, and is right for
    80 and 70 of 100. The interval is put together from the Wilson intervals of the two."""
    who = np.repeat(["f", "m"], 100)
    word = np.r_[np.repeat(["x", "y"], [80, 20]), np.repeat(["x", "y"], [30, 70])]
    found = leakage(word, who)
    assert found["value"] == pytest.approx(0.75) and found["accuracy"] == pytest.approx(0.75)
    assert (found["accuracy_low"], found["accuracy_high"]) == pytest.approx(rate_interval(150, 200))
    (low_f, high_f), (low_m, high_m) = rate_interval(80, 100), rate_interval(70, 100)
    assert found["low"] == pytest.approx(0.75 - math.hypot(0.8 - low_f, 0.7 - low_m) / 2)
    assert found["high"] == pytest.approx(0.75 + math.hypot(high_f - 0.8, high_m - 0.7) / 2)


def test_balanced_accuracy_is_not_fooled_by_the_common_value():
    rare = np.repeat(["a", "b"], [20, 380])
    found = leakage(np.zeros((400, 1)), rare)
    assert found["accuracy"] == 0.95 and found["value"] == 0.5


def test_what_leaks_of_a_lopsided_attribute_is_found():
    """One row in twenty has the value "a". An attacker that names the likeliest value names "b" nearly always: its
    balanced accuracy is near a guess although the feature tells much."""
    rng = np.random.default_rng(5)
    rare = np.repeat(["a", "b"], [100, 1900])
    found = leakage(rng.normal(size=2000) + 1.5 * (rare == "a"), rare)
    assert found["auc"] > 0.8 and found["low"] > 0.65
    assert found["accuracy"] == pytest.approx(found["most_common"], abs=0.01)


def test_one_column_of_class_numbers_is_taken_as_classes():
    """Odd and even digits: no line through the numbers tells them apart, yet the digit says all."""
    digits = np.random.default_rng(6).integers(0, 10, 500)
    assert leakage(digits, digits % 2)["value"] == 1
    assert leakage(pd.Series(digits, dtype="Int64"), digits % 2)["value"] == 1
    assert leakage(pd.DataFrame({"digit": digits}), digits % 2)["value"] < 0.7  # a table's numbers stay numbers


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=8)
def test_leakage_is_a_share_and_knows_no_names(seed):
    rng = np.random.default_rng(seed)
    who, words = rng.integers(0, 3, 120), rng.choice(list("xyz"), 120)
    one = leakage(words, who)
    other = leakage(pd.Series(words).map({"x": "c", "y": "d", "z": "e"}), pd.Series(who).map({0: "k", 1: "l", 2: "m"}))
    assert one.to_dict() == pytest.approx(other.to_dict(), nan_ok=True)
    assert -1e-12 <= one["low"] <= one["value"] <= one["high"] <= 1 + 1e-12


def test_three_values():
    rng = np.random.default_rng(2)
    who = rng.integers(0, 3, 600)
    found = leakage(np.eye(3)[who] + rng.normal(scale=0.3, size=(600, 3)), who)
    assert found["value"] > 0.9 and found["chance"] == pytest.approx(1 / 3) and math.isnan(found["auc"])


def test_predictions_that_follow_the_attribute_amplify():
    """Labels go with the attribute in 70 of 100 rows. A model that errs towards the attribute gives away more than
    labels of its accuracy; one that errs at random gives away as much."""
    rng = np.random.default_rng(3)
    who = rng.integers(0, 2, 1500)
    label = np.where(rng.random(1500) < 0.7, who, 1 - who)
    wrong = (label != who) & (rng.random(1500) < 0.6)
    towards = np.where(wrong, who, label)
    at_random = label.copy()
    lot = rng.choice(1500, int(wrong.sum()), replace=False)
    at_random[lot] = 1 - at_random[lot]
    found = leakage_amplification(label, towards, who, flips=3)
    assert found["value"] > 0.15 and found["model"] > found["labels"] > found["dataset"]
    assert abs(leakage_amplification(label, at_random, who, flips=3)["value"]) < 0.06
    again = leakage_amplification(label, towards, who, flips=3, rng=np.random.default_rng(0))
    pd.testing.assert_series_equal(found, again)


def test_a_lopsided_attribute_hides_no_amplification():
    rng = np.random.default_rng(7)
    who = (rng.random(3000) < 0.05).astype(int)
    label = (rng.random(3000) < np.where(who, 0.6, 0.3)).astype(int)
    towards = np.where(rng.random(3000) < 0.5, who, label)
    assert leakage_amplification(label, towards, who, flips=2)["value"] > 0.1


def test_amplification_of_many_classes():
    """Three classes, named or numbered; right predictions give away what the labels do."""
    rng = np.random.default_rng(8)
    who = rng.integers(0, 2, 900)
    label = np.where(rng.random(900) < 0.5, who, rng.integers(0, 3, 900))
    same = leakage_amplification(label, label, who, flips=2)
    assert same["value"] == 0 and same["sd"] == 0 and same["model"] == same["labels"] > 0.6
    towards = np.where(label == 2, who, label)
    found = leakage_amplification(label, towards, who, flips=2)
    assert found["value"] > 0.05
    named = leakage_amplification(pd.Series(label).map(dict(enumerate("xyz"))), np.array(list("xyz"))[towards], who)
    assert named["model"] == pytest.approx(found["model"])


def test_replaced_labels_are_wrong_as_often_as_the_model_and_in_many_ways(monkeypatch):
    """What the attacker gets to see: the predictions, each draw of replaced labels, and the labels as they are."""
    import utils.evaluation._leakage as module

    rng = np.random.default_rng(9)
    who, label = rng.integers(0, 2, 400), rng.choice(list("wxyz"), 400)
    prediction = np.where(rng.random(400) < 0.3, "w", label)
    seen = []
    monkeypatch.setattr(module, "leakage", lambda features, *_, **__: seen.append(features[0]) or {"value": 0.0})
    leakage_amplification(label, prediction, who, flips=3)
    assert (seen[0] == prediction).all() and (seen[-1] == label).all()
    for replaced in seen[1:-1]:
        wrong = replaced != label
        assert wrong.sum() == (prediction != label).sum()
        assert pd.crosstab(label[wrong], replaced[wrong]).to_numpy().min(where=~np.eye(4, dtype=bool), initial=9) > 0
    assert (seen[1] != seen[2]).any()


def test_amplification_names_bad_input():
    who = [0, 1] * 10
    with pytest.raises(ValueError, match="label holds 0 and prediction holds '0'"):
        leakage_amplification(who, list("01") * 10, who)
    with pytest.raises(ValueError, match="flips is 0"):
        leakage_amplification(who, who, who, flips=0)
    with pytest.raises(ValueError, match="prediction has 3 values and the labels 20"):
        leakage_amplification(who, [0, 1, 0], who)


def test_the_seed_decides(attribute):
    x = np.random.default_rng(1).normal(size=(400, 2))
    pd.testing.assert_series_equal(leakage(x, attribute, rng=4), leakage(x, attribute, rng=np.random.default_rng(4)))


@pytest.mark.parametrize(
    ("features", "who", "says"),
    [
        (np.zeros((3, 1)), ["a", "b"], "features have 3 rows and the attribute 2 values"),
        (np.zeros((6, 1)), ["a"] * 6, "'a' in every row"),
        (np.zeros((8, 1)), ["a"] * 6 + ["b"] * 2, "Only 2 rows have the attribute 'b'"),
        (pd.DataFrame({"x": [1.0, None]}), ["a", "b"], "missing values in x"),
        (np.r_[np.inf, np.zeros(11)], ["a", "b"] * 6, "1 values of the features are infinite"),
    ],
)
def test_bad_input(features, who, says):
    with pytest.raises(ValueError, match=says):
        leakage(features, who)


def test_one_part_is_none():
    with pytest.raises(ValueError, match="folds is 1"):
        leakage(np.zeros(6), list("ababab"), folds=1)
