"""Leakage: nothing where there is nothing, all where there is all, and the amplification that the paper describes."""

import math

import numpy as np
import pandas as pd
import pytest

from utils.evaluation.leakage import leakage, leakage_amplification


@pytest.fixture
def attribute():
    return np.repeat(["f", "m"], [150, 250])


def test_nothing_leaks_from_noise(attribute):
    found = leakage(np.random.default_rng(1).normal(size=(400, 3)), attribute)
    assert found["low"] < 0.5 < found["high"] and found["chance"] == 0.5
    assert 0.4 < found["auc"] < 0.6 and found["most_common"] == 250 / 400 and found["n"] == 400


def test_all_leaks_from_the_attribute_itself(attribute):
    found = leakage(pd.DataFrame({"word": attribute}), attribute)
    assert found["value"] == 1 and found["auc"] == 1 and found["accuracy"] == 1


def test_balanced_accuracy_is_not_fooled_by_the_common_value():
    rare = np.repeat(["a", "b"], [20, 380])
    found = leakage(np.zeros((400, 1)), rare)
    assert found["accuracy"] == 0.95 and found["value"] == 0.5


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
    ],
)
def test_bad_input(features, who, says):
    with pytest.raises(ValueError, match=says):
        leakage(features, who)
