"""Bias amplification: both measures by hand, and what the first does not see."""

import math

import numpy as np
import pandas as pd
import pytest

from utils.evaluation.amplification import bias_amplification, directional_bias_amplification


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


def test_bad_input():
    with pytest.raises(KeyError, match="no column 'pred1'"):
        bias_amplification(TRAINING, TRAINING)
    with pytest.raises(ValueError, match="'group' is 'f' in every row"):
        bias_amplification(TRAINING.assign(group="f"), EVALUATION.assign(group="f"))
