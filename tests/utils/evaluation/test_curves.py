"""Reliability and ROC tables: by hand, against scikit-learn on random tables, and at the edges."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.evaluation._counting import score_bins
from utils.evaluation._curves import reliability_table, roc_table
from utils.evaluation._intervals import rate_interval
from utils.evaluation._metrics import calibration_error


@pytest.fixture
def table():
    """Two groups: a has two positives and two negatives with a tie at 0.5; b is positive throughout."""
    return pd.DataFrame(
        {
            "label": [1, 1, 0, 0, 1, 1],
            "score": [0.9, 0.5, 0.5, 0.1, 0.35, 1.0],
            "who": list("aaaabb"),
            "size": ["s", "l", "s", "l", "s", "s"],
        }
    )


# Few distinct scores, so that ties are common.
drawn = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]), st.floats(0, 1)),
        st.sampled_from(["x", "y", None]),
    ),
    min_size=1,
    max_size=60,
)


@given(drawn, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_roc_agrees_with_scikit_learn_whatever_the_order(rows, random):
    from sklearn.metrics import roc_auc_score, roc_curve

    frame = pd.DataFrame(rows, columns=["label", "score", "who"]).astype({"who": object})
    frame["who"] = frame["who"].where(frame["who"].notna(), "z")
    out = roc_table(frame, groups="who")
    for name, part in frame.groupby("who"):
        mine = out[out["who"] == name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of groups with one class
            fpr, tpr, thresholds = roc_curve(part["label"], part["score"], drop_intermediate=False)
        assert np.allclose(mine["false_positive_rate"], fpr, rtol=0, atol=1e-12, equal_nan=True)
        assert np.allclose(mine["true_positive_rate"], tpr, rtol=0, atol=1e-12, equal_nan=True)
        assert np.array_equal(mine["threshold"], thresholds)
        assert mine["auc"].nunique(dropna=False) == 1
        if part["label"].nunique() == 2:
            assert abs(mine["auc"].iloc[0] - roc_auc_score(part["label"], part["score"])) <= 1e-12
        else:
            assert np.isnan(mine["auc"].iloc[0])
    order = random.sample(range(len(frame)), len(frame))
    pd.testing.assert_frame_equal(out, roc_table(frame.iloc[order], groups="who"))


@given(drawn, st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_reliability_agrees_with_counting_bin_by_bin(rows, bins):
    frame = pd.DataFrame([(1, 0.5, "x"), *rows], columns=["label", "score", "who"])
    out = reliability_table(frame, groups="who", bins=bins)
    assert out["n"].sum() == len(frame) and len(out) == bins * frame["who"].fillna("(missing)").nunique()
    named = frame.assign(who=frame["who"].astype(object).where(frame["who"].notna(), "(missing)"))
    for row in out.itertuples():
        above = named["score"] >= row.low_edge - 1e-7  # so near to an edge a score lies on it
        below = (named["score"] < row.high_edge - 1e-7) | (row.bin == bins - 1)
        part = named[above & below & (named["who"] == row.who)]
        assert row.n == len(part) and row.small == (row.n < 30)
        if len(part):
            assert row.mean_score == pytest.approx(part["score"].mean(), abs=1e-12)
            assert row.observed == pytest.approx(part["label"].mean(), abs=1e-12)
            assert (row.low, row.high) == pytest.approx(rate_interval(part["label"].sum(), len(part)))
        else:
            assert np.isnan([row.mean_score, row.observed, row.low, row.high]).all()


def test_roc_by_hand(table):
    out = roc_table(table, groups="who")
    a = out[out["who"] == "a"]
    assert a["threshold"].tolist() == [np.inf, 0.9, 0.5, 0.1]
    assert a["false_positive_rate"].tolist() == [0, 0, 0.5, 1]
    assert a["true_positive_rate"].tolist() == [0, 0.5, 1, 1]
    assert a["auc"].tolist() == [0.875] * 4 and a["n"].tolist() == [4] * 4 and a["positives"].tolist() == [2] * 4
    rates = ["false_positive_rate", "true_positive_rate"]
    assert list(out) == ["who", "threshold", *rates, "auc", "n", "positives", "small"]


@pytest.mark.filterwarnings("error")
def test_a_group_with_one_class_has_no_auc_and_raises_nothing(table):
    b = roc_table(table, groups="who").query("who == 'b'")
    assert b["false_positive_rate"].isna().all() and b["auc"].isna().all()
    assert b["true_positive_rate"].tolist() == [0, 0.5, 1]
    assert roc_table(table[:1], groups="who")["auc"].isna().all()


def test_reliability_by_hand(table):
    out = reliability_table(table, groups="who", bins=2)
    assert list(out) == ["who", "bin", "low_edge", "high_edge", "mean_score", "observed", "low", "high", "n", "small"]
    assert out["who"].tolist() == list("aabb") and out["bin"].tolist() == [0, 1, 0, 1]
    assert out["low_edge"].tolist() == [0, 0.5, 0, 0.5] and out["high_edge"].tolist() == [0.5, 1, 0.5, 1]
    assert out["n"].tolist() == [1, 3, 1, 1] and out["observed"].tolist() == [0, 2 / 3, 1, 1]
    assert out["mean_score"].tolist() == pytest.approx([0.1, 1.9 / 3, 0.35, 1.0])
    wide = reliability_table(table, groups="who", bins=2, level=0.99)
    assert wide["low"][1] < out["low"][1]


def test_thirty_rows_in_a_bin_are_not_small():
    frame = pd.DataFrame({"label": 1, "score": [0.2] * 29 + [0.8] * 30})
    assert reliability_table(frame, bins=2)["small"].tolist() == [True, False]


def test_no_groups_crossed_groups_and_missing_groups(table):
    assert list(roc_table(table))[0] == "threshold" and len(roc_table(table)) == 6
    crossed = reliability_table(table, groups=["who", "size"], bins=1)
    assert list(zip(crossed["who"], crossed["size"], crossed["n"], strict=True)) == [
        ("a", "l", 2),
        ("a", "s", 2),
        ("b", "s", 2),
    ]
    table["who"] = [None, 2.0, 2.0, 1.0, 1.0, np.nan]
    assert roc_table(table, groups="who")["who"].unique().tolist() == ["(missing)", 1.0, 2.0]
    table["who"] = pd.Categorical(["mid", "low"] * 3, ["low", "mid", "top"], ordered=True)
    assert roc_table(table, groups="who")["who"].unique().tolist() == ["low", "mid"]  # in their order, none empty


def test_bool_labels_any_index_and_32_bit_scores(table):
    plain = roc_table(table, groups="who")
    other = table.assign(label=table["label"].astype(bool)).set_index(pd.Index([7, 7, 1, 2, 3, 9]))
    pd.testing.assert_frame_equal(plain, roc_table(other, groups="who"))
    pd.testing.assert_frame_equal(plain, roc_table(other.astype({"label": object}), groups="who"))
    assert reliability_table(table.astype({"score": np.float32}))["n"].sum() == 6


@pytest.mark.parametrize("curve", [reliability_table, roc_table])
@pytest.mark.parametrize(
    "change, options, error, words",
    [
        ({}, {"groups": "race"}, KeyError, "'race'.*label, score, who, size"),
        ({}, {"score": "logit"}, KeyError, "'logit'"),
        ({"label": [0, 1, 2, 1, 0, 3]}, {}, ValueError, "'label' holds .*2.*2 values in all that are not 0 or 1"),
        ({"label": list("010101")}, {}, ValueError, "'label' holds '0'"),
        ({"label": [1, None, 0, 1, 0, 1]}, {}, ValueError, "1 of 6 values in 'label' are missing"),
        ({"score": [0.1, 1.2, 0.3, -2, 0, 1]}, {}, ValueError, r"'score' holds 1.2, and 2 values outside \[0, 1\]"),
        ({"score": [0.1, np.nan, 0.3, 0.2, 0, 1]}, {}, ValueError, "1 of 6 values in 'score' are missing"),
        ({"score": list("abcdef")}, {}, ValueError, "'score' holds 'a'"),
        ({"who": None}, {"groups": "who"}, ValueError, "'who' holds no value at all"),
        ({}, {"groups": ["who", "who"]}, ValueError, "'who' is named twice"),
        ({"n": 1}, {"groups": "n"}, ValueError, "'n' has the name of a column of the result"),
    ],
)
def test_bad_input_gets_a_sentence(table, curve, change, options, error, words):
    with pytest.raises(error, match=words):
        curve(table.assign(**change), **options)


@pytest.mark.parametrize("bins", [5, 10, 20, 100])
@pytest.mark.parametrize("parts", [10, 20, 100])
def test_a_score_on_an_edge_is_in_the_bin_above_however_it_was_computed(bins, parts):
    k = np.arange(parts + 1)
    wanted = np.minimum(k * bins // parts, bins - 1)
    ways = {
        "divided": k / parts,
        "multiplied": k * (1 / parts),
        "stepped": np.arange(0, 1 + 0.5 / parts, 1 / parts),
        "added up": np.cumsum(np.full(parts + 1, 1 / parts)) - 1 / parts,
        "spaced": np.linspace(0, 1, parts + 1),
        "the rest": 1 - (parts - k) / parts,
        "32 bits": (k / parts).astype(np.float32).astype(float),
        "32 bits as they are": (k / parts).astype(np.float32),
        "32 bits multiplied": (k.astype(np.float32) * np.float32(1 / parts)).astype(float),
    }
    for way, scores in ways.items():
        assert np.array_equal(score_bins(scores, bins), wanted), way
    on_edge = k * bins % parts == 0
    just_under = score_bins(np.maximum(k / parts - 1e-6, 0), bins)
    assert np.array_equal(just_under, np.where(on_edge & (k > 0) & (k < parts), wanted - 1, wanted))
    assert np.array_equal(score_bins(np.minimum(k / parts + 1e-6, 1), bins), wanted)


@given(st.lists(st.floats(0, 1), min_size=1), st.sampled_from([1, 3, 7, 10, 10**6, 10**9]))
@settings(deadline=None, max_examples=100)
def test_bins_of_rising_scores_rise(scores, bins):
    place = score_bins(np.sort(scores), bins)
    assert (np.diff(place) >= 0).all() and place.min() >= 0 and place.max() < bins


def test_tables_and_errors_count_scores_on_edges_alike():
    frame = pd.DataFrame({"label": [0, 1, 0, 1], "score": [0.2, 0.3, 0.6, 0.7]})
    out = reliability_table(frame)
    assert out.loc[out["n"] > 0, "bin"].tolist() == [2, 3, 6, 7]
    assert (out.loc[out["n"] > 0, "low_edge"] == out.loc[out["n"] > 0, "mean_score"]).all()
    assert calibration_error([1, 1, 0], [0.65, 0.7, 0.7]) == pytest.approx((0.35 + abs(1.4 - 1)) / 3)


def test_no_rows_and_no_bins_get_a_sentence(table):
    with pytest.raises(ValueError, match="empty"):
        roc_table(table[:0])
    for bins in (0, 2.5, True):
        with pytest.raises(ValueError, match="bins is"):
            reliability_table(table, bins=bins)
