"""Metrics: the same numbers as fairlearn, scikit-learn and torchmetrics where they define the same; where they do not,
a test says which library differs, and why."""

import math
import warnings

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional import classification as tm

from utils.evaluation import _metrics as metrics
from utils.evaluation import criteria
from utils.evaluation._metrics import METRICS
from utils.evaluation.criteria import CRITERIA

COUNTED = [name for name, metric in METRICS.items() if metric.of_counts]

bits = st.integers(0, 1)
scores = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]))  # with ties and ends
pairs = st.lists(st.tuples(bits, bits), min_size=1, max_size=60)
scored = st.lists(st.tuples(bits, scores), min_size=1, max_size=60)
quick = settings(deadline=None, max_examples=120)


def same(mine, theirs):
    assert math.isclose(mine, theirs, rel_tol=0, abs_tol=1e-12), f"{mine} is not {theirs}"


@given(pairs)
@quick
def test_every_count_metric_is_that_of_the_libraries_or_undefined(drawn):
    y, p = map(np.array, zip(*drawn, strict=True))
    tn, fp, fn, tp = sk.confusion_matrix(y, p, labels=[0, 1]).ravel()
    same(metrics.accuracy(y, p), sk.accuracy_score(y, p))
    same(metrics.error_rate(y, p), sk.zero_one_loss(y, p))
    same(metrics.selection_rate(y, p), fl.selection_rate(y, p, pos_label=1))
    same(metrics.base_rate(y, p), np.mean(y))
    theirs = {  # name → the value, and whether it is defined
        "true_positive_rate": (fl.true_positive_rate(y, p, pos_label=1), tp + fn),
        "false_positive_rate": (fl.false_positive_rate(y, p, pos_label=1), fp + tn),
        "true_negative_rate": (fl.true_negative_rate(y, p, pos_label=1), fp + tn),
        "false_negative_rate": (fl.false_negative_rate(y, p, pos_label=1), tp + fn),
        "precision": (sk.precision_score(y, p, zero_division=np.nan), tp + fp),
        "false_discovery_rate": (1 - sk.precision_score(y, p, zero_division=np.nan), tp + fp),
        "negative_predictive_value": (sk.precision_score(1 - y, 1 - p, zero_division=np.nan), tn + fn),
        "false_omission_rate": (1 - sk.precision_score(1 - y, 1 - p, zero_division=np.nan), tn + fn),
        "f1_score": (sk.f1_score(y, p, zero_division=np.nan), tp + fp + fn),
        "treatment_ratio": (fn / max(fp, 1), fp),
    }
    for name, (value, defined) in theirs.items():
        mine = getattr(metrics, name)(y, p)
        if defined:
            same(mine, value)
        else:
            assert math.isnan(mine), name
    if len(set(y)) == 2:
        same(metrics.balanced_accuracy(y, p), sk.balanced_accuracy_score(y, p))
    counted = tm.binary_stat_scores(torch.tensor(p), torch.tensor(y)).tolist()
    assert counted == [tp, fp, tn, fn, tp + fn]  # whole numbers; torchmetrics' rates are rounded to 32 bits
    assert math.isclose(metrics.accuracy(y, p), tm.binary_accuracy(torch.tensor(p), torch.tensor(y)), abs_tol=1e-6)


@given(scored)
@quick
def test_metrics_of_scores_are_those_of_the_libraries(drawn):
    y, s = map(np.array, zip(*drawn, strict=True))
    same(metrics.mean_score(y, s), s.mean())
    if len(set(y)) == 2:
        same(metrics.auc(y, s), sk.roc_auc_score(y, s))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = float(tm.binary_auroc(torch.tensor(s), torch.tensor(y)))
        assert math.isclose(metrics.auc(y, s), theirs, abs_tol=1e-6)  # torchmetrics rounds to 32 bits
    else:
        assert math.isnan(metrics.auc(y, s))
    # torchmetrics keeps the edges of its bins in 32 bits, which puts 0.6 into the bin below; and 1 has its own bin.
    inside = (np.abs(10 * s - np.round(10 * s)) > 1e-5) | (s == 0)
    if inside.any():
        theirs = tm.binary_calibration_error(torch.tensor(s[inside]), torch.tensor(y[inside]), n_bins=10, norm="l1")
        # torchmetrics adds up in 32 bits
        assert math.isclose(metrics.calibration_error(y[inside], s[inside]), theirs, abs_tol=1e-6)


@given(pairs, st.randoms(use_true_random=False))
@quick
def test_order_and_names_of_the_labels_do_not_matter(drawn, random):
    y, p = map(np.array, zip(*drawn, strict=True))
    order = random.sample(range(len(y)), len(y))
    words = np.array(["no", "yes"])
    for name in COUNTED:
        function = getattr(metrics, name)
        value = function(y, p)
        if name not in ("accuracy", "error_rate"):
            assert np.array_equal(function(words[y], words[p], positive="yes"), value, equal_nan=True)
        assert np.array_equal(function(y[order], p[order]), value, equal_nan=True)
        assert np.array_equal(function(y.astype(bool), p.astype(bool)), value, equal_nan=True)


def test_true_and_false_in_a_column_of_objects_are_labels():
    y, p = pd.Series([True, False, True], dtype=object), [1, 0, 0]
    assert metrics.true_positive_rate(y, p) == 0.5


def test_by_hand():
    y, p = [1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0]  # TP 3, FN 1, FP 1, TN 1
    expected = {
        "accuracy": 4 / 6,
        "error_rate": 2 / 6,
        "balanced_accuracy": (3 / 4 + 1 / 2) / 2,
        "selection_rate": 4 / 6,
        "base_rate": 4 / 6,
        "true_positive_rate": 3 / 4,
        "false_positive_rate": 1 / 2,
        "true_negative_rate": 1 / 2,
        "false_negative_rate": 1 / 4,
        "precision": 3 / 4,
        "negative_predictive_value": 1 / 2,
        "false_discovery_rate": 1 / 4,
        "false_omission_rate": 1 / 2,
        "f1_score": 6 / 8,
        "treatment_ratio": 1.0,
    }
    assert {name: getattr(metrics, name)(y, p) for name in COUNTED} == pytest.approx(expected)
    # 2 positive, 2 negative rows; of the 4 pairs 2 are in order, 1 is tied.
    assert metrics.auc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.6]) == 2.5 / 4
    # Bin 0.2 to 0.3: mean score 0.25, none positive; bin 0.9 to 1: mean 0.95, all positive.
    assert metrics.calibration_error([0, 0, 1, 1], [0.2, 0.3 - 1e-9, 0.9, 1.0]) == pytest.approx((0.25 + 0.05) / 2)


# --- where a popular library says something else ---


def test_libraries_make_up_a_number_where_a_rate_is_undefined():
    """No positive label, or nothing predicted positive: scikit-learn, fairlearn and torchmetrics return 0, which reads
    as "all were missed". Here it is NaN, and `audit` says why."""
    none, one = [0, 0, 0], [0, 1, 0]
    assert fl.true_positive_rate(none, one, pos_label=1) == 0
    assert tm.binary_recall(torch.tensor(one), torch.tensor(none)) == 0
    assert math.isnan(metrics.true_positive_rate(none, one))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sk.precision_score(one, none) == 0
        assert sk.f1_score(none, none) == 0
        assert sk.balanced_accuracy_score([1, 1], [1, 0]) == 0.5  # the mean over the one class that occurs
    assert tm.binary_precision(torch.tensor(none), torch.tensor(one)) == 0
    assert math.isnan(metrics.precision(one, none)) and math.isnan(metrics.f1_score(none, none))
    assert math.isnan(metrics.balanced_accuracy([1, 1], [1, 0]))


def test_an_undefined_group_gives_fairlearn_the_largest_difference_there_is():
    """Group b has no positive label. fairlearn counts its true positive rate as 0, and the difference becomes 1."""
    table = pd.DataFrame({"label": [1, 1, 0, 0, 0], "pred1": [1, 1, 0, 0, 1], "who": list("aaabb")})
    theirs = fl.equal_opportunity_difference(table["label"], table["pred1"], sensitive_features=table["who"])
    assert theirs == 1
    assert math.isnan(criteria.equal_opportunity_difference(table, "who"))


@pytest.mark.filterwarnings("ignore:The task demographic_parity does not require a target")
def test_torchmetrics_calls_a_ratio_of_nothing_0():
    """Nobody is selected in either group: torchmetrics' demographic parity is 0, the worst there is; fairlearn and we
    say that it is undefined."""
    table = pd.DataFrame({"pred1": [0, 0, 0, 0], "who": [0, 0, 1, 1]})
    theirs = tm.binary_fairness(
        torch.tensor(table["pred1"]), torch.tensor([0, 1, 1, 1]), torch.tensor(table["who"]), task="demographic_parity"
    )
    assert list(theirs.values()) == [0]
    assert math.isnan(fl.demographic_parity_ratio([0, 1, 1, 1], table["pred1"], sensitive_features=table["who"]))
    assert math.isnan(criteria.demographic_parity_ratio(table, "who"))


def test_torchmetrics_gives_a_score_of_1_a_bin_of_its_own():
    """So that 0.95 and 1.0 are not averaged, and its error is at least ours. We put 1 into the last bin, as its
    definition by equal widths has it."""
    y, s = [0, 1], [0.9, 1.0]
    theirs = tm.binary_calibration_error(torch.tensor(s, dtype=torch.float64), torch.tensor(y), n_bins=10, norm="l1")
    assert float(theirs) == pytest.approx((0.9 + 0.0) / 2)
    assert metrics.calibration_error(y, s) == pytest.approx(0.95 - 0.5)


# --- criteria ---


rows = st.lists(st.tuples(bits, bits, st.sampled_from("xyz")), min_size=2, max_size=60)


@given(rows)
@quick
def test_criteria_are_fairlearns_where_every_group_has_both_labels(drawn):
    table = pd.DataFrame([*drawn, *[(y, p, g) for g in "xy" for y in (0, 1) for p in (0, 1)]])
    table.columns = ["label", "pred1", "who"]
    table = table[table["who"].isin([g for g, part in table.groupby("who") if part["label"].nunique() == 2])]
    args = (table["label"], table["pred1"])
    who = table["who"]
    same(
        criteria.demographic_parity_difference(table, "who"),
        fl.demographic_parity_difference(*args, sensitive_features=who),
    )
    same(criteria.demographic_parity_ratio(table, "who"), fl.demographic_parity_ratio(*args, sensitive_features=who))
    same(
        criteria.equal_opportunity_difference(table, "who"),
        fl.equal_opportunity_difference(*args, sensitive_features=who),
    )
    same(criteria.equalized_odds_difference(table, "who"), fl.equalized_odds_difference(*args, sensitive_features=who))
    frame = fl.MetricFrame(
        metrics={"accuracy": sk.accuracy_score, "fpr": fl.false_positive_rate},
        y_true=args[0],
        y_pred=args[1],
        sensitive_features=who,
    )
    same(criteria.overall_accuracy_difference(table, "who"), frame.difference()["accuracy"])
    same(criteria.predictive_equality_difference(table, "who"), frame.difference()["fpr"])


def test_criteria_by_hand():
    """Group a: TP 3, FN 1, FP 1, TN 1. Group b: TP 1, FN 1, FP 2, TN 2."""
    a = {"label": [1, 1, 1, 1, 0, 0], "pred1": [1, 1, 1, 0, 1, 0], "who": "a"}
    b = {"label": [1, 1, 0, 0, 0, 0], "pred1": [1, 0, 1, 1, 0, 0], "who": "b"}
    table = pd.concat([pd.DataFrame(a), pd.DataFrame(b)])
    expected = {
        "demographic_parity_difference": 4 / 6 - 3 / 6,
        "demographic_parity_ratio": (3 / 6) / (4 / 6),
        "equal_opportunity_difference": 3 / 4 - 1 / 2,
        "predictive_equality_difference": 0,
        "equalized_odds_difference": 1 / 4,
        "predictive_parity_difference": 3 / 4 - 1 / 3,
        "conditional_use_accuracy_difference": 3 / 4 - 1 / 3,
        "overall_accuracy_difference": 4 / 6 - 3 / 6,
        "treatment_equality_difference": 1 - 1 / 2,
    }
    assert {name: getattr(criteria, name)(table, "who") for name in CRITERIA} == pytest.approx(expected)


# --- docstrings and errors ---


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_says_what_it_is_and_is_not(name):
    text = getattr(metrics, name).__doc__
    places = [
        text.index(f"\n    {field}: ") for field in ("Formula", "Range", "No disparity", "Does not say", "Source")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("label", "prediction", "says"),
    [
        ([1, 0], [1, 0, 1], "prediction has 3 values and the labels 2"),
        ([1, 2], [1, 0], "'label' holds 2"),
        ([1, 0], ["yes", "no"], "'prediction' holds 'yes'"),
        ([1, None], [1, 0], "1 of 2 values in 'label' are missing"),
        ([], [], "label is empty"),
    ],
)
def test_bad_input_is_named(label, prediction, says):
    with pytest.raises(ValueError, match=says):
        metrics.true_positive_rate(label, prediction)


@pytest.mark.parametrize("wrong", [-0.1, 1.2, math.inf])
def test_scores_outside_0_and_1_are_named(wrong):
    with pytest.raises(ValueError, match=f"'score' holds {wrong:g}"):
        metrics.auc([0, 1], [0.5, wrong])
