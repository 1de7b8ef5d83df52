"""Bias amplification: both measures by hand, and what the first does not see."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.evaluation._amplification import bias_amplification, directional_bias_amplification


def rows(counts, columns):
    """A table with the rows that `counts` says: (values of the columns) → how many."""
    return pd.DataFrame([key for key, n in counts.items() for _ in range(n)], columns=columns)


TRAINING = rows({("f", 1): 60, ("m", 1): 30, ("f", 0): 40, ("m", 0): 70}, ["group", "label"])
# Labelled as in training; of the 60 + 30 labelled 1, twelve men are predicted 0; of the others, ten women 1.
EVALUATION = rows(
    {("f", 1, 1): 60, ("m", 1, 1): 18, ("m", 1, 0): 12, ("f", 0, 0): 30, ("f", 0, 1): 10, ("m", 0, 0): 70},
    ["group", "label", "pred1"],
)


def test_zhao_by_hand():
    found = bias_amplification(TRAINING, EVALUATION)
    # Class 1 goes with f: 60/90 in training, 70/88 predicted. Class 0 with m: 70/110, predicted 82/112.
    assert found["value"] == pytest.approx((70 / 88 - 60 / 90 + 82 / 112 - 70 / 110) / 2)
    assert found["low"] < found["value"] < found["high"] and found["n"] == 200


def test_directional_by_hand():
    found = directional_bias_amplification(TRAINING, EVALUATION)
    assert set(found["direction"]) == {"attribute to task"}
    value = found.set_index(["group", "class"])["value"]
    # Of 100 women 60 are labelled 1 and 70 predicted; together more often than independent: +0.10
    assert value["f", 1] == pytest.approx(0.10) and value["f", 0] == pytest.approx(0.10)
    # Of 100 men 30 are labelled 1 and 18 predicted; together less often: the sign is turned, +0.12
    assert value["m", 1] == pytest.approx(0.12) and value["m", 0] == pytest.approx(0.12)
    assert found.loc[0, "value"] == pytest.approx(0.11) and math.isnan(found.loc[0, "group"])
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()


def test_from_task_to_attribute():
    evaluation = EVALUATION.assign(seen=np.where(EVALUATION["label"] == 1, "f", EVALUATION["group"]))
    found = directional_bias_amplification(TRAINING, evaluation, attribute_prediction="seen")
    value = found[found["direction"] == "task to attribute"].set_index(["group", "class"])["value"]
    # Of the 90 labelled 1, 60 are women and 90 are taken for women; of those labelled 0 all are told correctly.
    assert value["f", 1] == pytest.approx(1 - 60 / 90) and value["m", 1] == pytest.approx(30 / 90)
    assert value["f", 0] == 0 and value["m", 0] == 0


def test_right_predictions_amplify_nothing():
    evaluation = TRAINING.assign(pred1=TRAINING["label"])
    assert bias_amplification(TRAINING, evaluation)["value"] == pytest.approx(0)
    assert directional_bias_amplification(TRAINING, evaluation)["value"].tolist() == pytest.approx([0] * 5)


def test_what_zhaos_measure_does_not_see_where_one_group_is_most_of_the_rows():
    """Nine in ten are men. Class 1 goes with women (40 of 100, against 90 of 900 men), yet most of its rows are men's.
    A model that gives class 1 to every woman labelled so and to many more lowers the men's share, which counts as less
    bias. The directional measure sees more."""
    training = rows({("f", 1): 40, ("f", 0): 60, ("m", 1): 90, ("m", 0): 810}, ["group", "label"])
    evaluation = rows(
        {("f", 1, 1): 40, ("f", 0, 1): 40, ("f", 0, 0): 20, ("m", 1, 1): 90, ("m", 0, 0): 810},
        ["group", "label", "pred1"],
    )
    assert bias_amplification(training, evaluation)["value"] < 0
    assert directional_bias_amplification(training, evaluation).loc[0, "value"] > 0.1


def test_names_and_order_do_not_matter_and_the_seed_decides():
    new = {"f": "x", "m": "a"}
    one = directional_bias_amplification(TRAINING, EVALUATION)
    other = directional_bias_amplification(
        TRAINING.assign(group=TRAINING["group"].map(new)).sample(frac=1, random_state=1),
        EVALUATION.assign(group=EVALUATION["group"].map(new)).sample(frac=1, random_state=2),
    )
    assert sorted(one["value"]) == pytest.approx(sorted(other["value"]))
    pd.testing.assert_frame_equal(
        one, directional_bias_amplification(TRAINING, EVALUATION, rng=np.random.default_rng(0))
    )


def test_more_than_two_classes_and_values():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"group": rng.choice(list("abc"), 600), "label": rng.integers(0, 4, 600)})
    table["pred1"] = np.where(rng.random(600) < 0.7, table["label"], rng.integers(0, 4, 600))
    found = directional_bias_amplification(table, table)
    assert len(found) == 1 + 12
    assert found.loc[0, "value"] == pytest.approx(found.loc[1:, "value"].mean())
    assert -1 < bias_amplification(table, table)["value"] < 1


def random_tables(seed, groups=3, classes=3):
    rng = np.random.default_rng(seed)
    made = [
        pd.DataFrame(
            {
                "group": rng.choice(list("abc")[:groups], n),
                "label": rng.integers(0, classes, n),
                "pred1": rng.integers(0, classes, n),
                "seen": rng.choice(list("abc")[:groups], n),
            }
        )
        for n in (90, 120)
    ]
    return [pd.concat([t, *made], ignore_index=True) for t in made]  # so that every value is in both


@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.integers(2, 4))
@settings(deadline=None, max_examples=12)
def test_both_measures_as_the_papers_write_them(seed, groups, classes):
    training, evaluation = random_tables(seed, groups, classes)
    a_values, t_values = sorted(set(training["group"])), sorted(set(training["label"]))
    a_to_t, t_to_a, zhao = {}, {}, 0.0
    for a in a_values:
        for t in t_values:
            of_a, of_t = training["group"] == a, training["label"] == t
            sign = np.sign(round((of_a & of_t).mean() - of_a.mean() * of_t.mean(), 12))
            given_a, given_t = evaluation[evaluation["group"] == a], evaluation[evaluation["label"] == t]
            a_to_t[a, t] = sign * ((given_a["pred1"] == t).mean() - (given_a["label"] == t).mean())
            t_to_a[a, t] = sign * ((given_t["seen"] == a).mean() - (given_t["group"] == a).mean())
            b = (training.loc[of_t, "group"] == a).mean()
            if b > 1 / len(a_values):
                zhao += (evaluation.loc[evaluation["pred1"] == t, "seen"] == a).mean() - b
    found = directional_bias_amplification(training, evaluation, attribute_prediction="seen", draws=5)
    for direction, expected in (("attribute to task", a_to_t), ("task to attribute", t_to_a)):
        part = found[found["direction"] == direction]
        assert part.iloc[0]["value"] == pytest.approx(np.mean(list(expected.values())))
        assert part.iloc[1:].set_index(["group", "class"])["value"].to_dict() == pytest.approx(expected)
    measured = bias_amplification(training, evaluation, attribute_prediction="seen", draws=5)["value"]
    assert measured == pytest.approx(zhao / len(t_values))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=8)
def test_values_lie_in_range_and_order_and_names_change_none(seed):
    training, evaluation = random_tables(seed)
    names, numbers = {"a": "z", "b": "y", "c": "x"}, {0: "two", 1: "one", 2: "none"}
    maps = {"group": names, "seen": names, "label": numbers, "pred1": numbers}
    other = [
        t.assign(**{c: t[c].map(m) for c, m in maps.items()}).sample(frac=1, random_state=1)
        for t in (training, evaluation)
    ]
    one = directional_bias_amplification(training, evaluation, attribute_prediction="seen", draws=50)
    two = directional_bias_amplification(*other, attribute_prediction="seen", draws=50)
    renamed = one.assign(group=one["group"].replace(names), **{"class": one["class"].replace(numbers)})
    by_name = [
        {tuple(map(str, key)): value for *key, value in t[["direction", "group", "class", "value"]].to_numpy(object)}
        for t in (renamed, two)
    ]
    assert by_name[0] == pytest.approx(by_name[1])
    assert one["value"].between(-1, 1).all() and (one["low"] <= one["high"]).all()
    assert bias_amplification(training, evaluation, draws=5)["value"] == pytest.approx(
        bias_amplification(*other, draws=5)["value"]
    )


def test_pairs_that_are_independent_in_training_count_0():
    """Balanced data hold no association that a model could amplify, whatever it does with the groups."""
    balanced = rows({("f", 1): 3, ("m", 1): 3, ("f", 0): 7, ("m", 0): 7}, ["group", "label"])
    evaluation = balanced.assign(pred1=(balanced["group"] == "f").astype(int))
    assert directional_bias_amplification(balanced, evaluation)["value"].tolist() == [0] * 5


def test_a_class_that_is_never_predicted_counts_as_unchanged():
    found = bias_amplification(TRAINING, EVALUATION.assign(pred1=1))
    assert found["value"] == pytest.approx((100 / 200 - 60 / 90) / 2)


def test_the_interval_is_as_wide_as_draws_of_rows_make_it():
    seeds = range(120)
    drawn = [
        bias_amplification(TRAINING, EVALUATION.sample(frac=1, replace=True, random_state=s), draws=1)["value"]
        for s in seeds
    ]
    found = bias_amplification(TRAINING, EVALUATION)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found["low"] == pytest.approx(low, abs=0.03) and found["high"] == pytest.approx(high, abs=0.03)


def test_true_and_1_are_one_class():
    found = bias_amplification(TRAINING.assign(label=TRAINING["label"] == 1), EVALUATION)
    assert found["value"] == bias_amplification(TRAINING, EVALUATION)["value"]


def test_bad_input():
    with pytest.raises(KeyError, match="no column 'pred1'"):
        bias_amplification(TRAINING, TRAINING)
    with pytest.raises(ValueError, match="'group' is 'f' in every row"):
        bias_amplification(TRAINING.assign(group="f"), EVALUATION.assign(group="f"))
    with pytest.raises(ValueError, match="'label' and 'pred1' hold text and numbers"):
        bias_amplification(TRAINING, EVALUATION.astype({"pred1": str}))
    with pytest.raises(ValueError, match="1 of 200 values in 'pred1' are missing"):
        directional_bias_amplification(
            TRAINING, EVALUATION.assign(pred1=EVALUATION["pred1"].where(EVALUATION.index > 0))
        )
