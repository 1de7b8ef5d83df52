"""The audit: every number by hand or by another library, whatever the order and the names; and what it warns of."""

import math
import warnings

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from utils.evaluation import _metrics as one_group
from utils.evaluation._audit import AuditError, AuditWarning, audit
from utils.evaluation._disparity import disparities
from utils.evaluation._intervals import rate_interval
from utils.evaluation._metrics import METRICS
from utils.evaluation._null_gaps import null_gap_test

ALL = list(METRICS)
quick = settings(deadline=None, max_examples=60)
row = st.tuples(
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]),
    st.sampled_from("xyz"),
    st.sampled_from("uv"),
)
tables = st.lists(row, min_size=1, max_size=50).map(
    lambda rows: pd.DataFrame(rows, columns=["label", "pred1", "score", "who", "where"])
)


def quiet(table, **settings):
    return audit(table, **{"problems": "ignore", "interval": None, **settings})


@pytest.fixture
def people():
    """Two groups of 200 and 100 rows, half of each with a positive label, and scores."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"sex": ["F"] * 200 + ["M"] * 100, "race": rng.choice(["a", "b"], 300)})
    table["label"] = rng.integers(0, 2, 300)
    table["score"] = np.clip(0.3 * table["label"] + 0.7 * rng.random(300), 0, 1)
    return table.assign(pred1=(table["score"] > 0.5).astype(int))


# --- values ---


@given(tables)
@quick
def test_every_metric_in_every_group_is_the_metric_of_the_groups_rows(table):
    found = quiet(table, score="score", groups=["who", ("who", "where")], metrics=ALL)
    groups = [(None, None), *((who, None) for who in table["who"].unique())]
    groups += table[["who", "where"]].drop_duplicates().itertuples(index=False, name=None)
    lines = {}
    for line in found.to_dict("records"):
        lines[*(line[c] if isinstance(line[c], str) else None for c in ("who", "where")), line["metric"]] = line
    assert len(lines) == len(found) == len(groups) * len(ALL)
    for who, where in groups:
        rows = (table["who"] == (who or table["who"])) & (table["where"] == (where or table["where"]))
        label, prediction, score = (table.loc[rows, c].to_numpy() for c in ("label", "pred1", "score"))
        for metric in ALL:
            line = lines[who, where, metric]
            expected = getattr(one_group, metric)(label, score if METRICS[metric].of_rows else prediction)
            assert math.isclose(line["value"], expected, abs_tol=1e-12) or (
                math.isnan(expected) and math.isnan(line["value"])
            )
            n = len(label)
            assert line["n"] == n and line["positives"] == label.sum() and line["small"] == (n < 30)
            assert math.isnan(line["value"]) == (line["note"] != "")


@given(tables)
@quick
def test_by_group_as_fairlearns_metric_frame(table):
    frame = fl.MetricFrame(
        metrics={"accuracy": sk.accuracy_score, "selection_rate": fl.selection_rate},
        y_true=table["label"],
        y_pred=table["pred1"],
        sensitive_features=table[["who", "where"]],
    )
    found = quiet(table, groups=[("who", "where")], metrics=["accuracy", "selection_rate"])
    crossed = found[found["who"].notna()].pivot(index=["who", "where"], columns="metric", values="value")
    theirs = frame.by_group.dropna()  # fairlearn lists crossings without rows as well
    assert np.allclose(crossed, theirs.loc[crossed.index].astype(float), rtol=0, atol=1e-12)
    assert len(crossed) == len(theirs)
    for metric, value in frame.overall.items():
        assert math.isclose(
            found.loc[found["who"].isna() & (found["metric"] == metric), "value"].item(), value, abs_tol=1e-12
        )


@given(tables, st.randoms(use_true_random=False))
@quick
def test_order_and_names_do_not_matter(table, random):
    given_ = {"score": "score", "groups": ["who", ("who", "where")], "metrics": ALL}
    found = quiet(table, **given_)
    shuffled = table.iloc[random.sample(range(len(table)), len(table))]
    pd.testing.assert_frame_equal(quiet(shuffled, **given_), found, rtol=1e-12)
    assume(table[["label", "pred1"]].to_numpy().any())  # positive="yes" wants a yes somewhere, lest it be a misprint
    words = {0: "no", 1: "yes"}
    renamed = table.assign(
        label=table["label"].map(words),
        pred1=table["pred1"].map(words),
        who="group " + table["who"],
        where=table["where"] == "v",
    )
    again = quiet(renamed, positive="yes", **given_)
    numbers = ["value", "n", "positives", "small"]
    pd.testing.assert_frame_equal(again[numbers], found[numbers], rtol=1e-12)


def test_the_table_is_tidy(people):
    found = audit(people, groups=["sex", ("sex", "race")], metrics=["accuracy", "selection_rate"])
    columns = ["sex", "race", "metric", "value", "low", "high", "n", "positives", "small", "count", "of", "se", "note"]
    assert list(found.columns) == columns
    assert found.index.tolist() == list(range(2 * (1 + 2 + 4)))
    assert found["sex"].isna().sum() == 2 and found["race"].isna().sum() == 6
    assert found.loc[found["race"].isna() & (found["metric"] == "accuracy"), "n"].tolist() == [300, 200, 100]


def test_groups_keep_their_names(people):
    table = people.assign(old=people.index % 2 == 0, kind=people.index % 3)
    table["made"] = pd.Categorical(np.where(people.index % 2, "x", "y"), ["y", "x"])  # in the order of the categories
    found = audit(table, groups=["old", "kind", "made", ("old", "kind")], problems="ignore", reference=True)
    assert found["old"].dropna().unique().tolist() == [False, True]
    assert found["kind"].dropna().tolist()[:3] == [0, 1, 2] and isinstance(found["kind"].dropna().iloc[0], int)
    assert found["made"].dropna().tolist() == ["y", "x"]
    assert disparities(found).set_index("comparison").loc["to reference", ["group", "reference"]].tolist() == [
        "False",
        "True",
    ]


def test_crossed_groups_are_named_in_the_order_of_the_columns(people):
    found, messages = said(people, groups=["sex", ("race", "sex")], metrics=["accuracy"])
    assert list(found.columns[:2]) == ["sex", "race"] and messages == []
    few = said(people.head(210), groups=["sex", ("race", "sex")])[1]
    assert any("M × " in message and "of sex × race" in message for message in few)


def test_more_classes_each_against_the_rest():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"label": rng.choice(["cat", "cow", "dog"], 300), "who": rng.choice(list("ab"), 300)})
    table["pred1"] = np.where(rng.random(300) < 0.6, table["label"], rng.choice(["cat", "cow", "dog"], 300))
    found = quiet(
        table, groups=["who"], metrics=["accuracy", "precision", "true_positive_rate", "f1_score", "base_rate"]
    )
    for who, part in [(None, table), *table.groupby("who")]:
        rows = found[found["who"].isna() if who is None else found["who"] == who]
        value = rows.set_index(["metric", "class"])["value"]
        y, p = part["label"], part["pred1"]
        assert value["accuracy"].item() == pytest.approx(sk.accuracy_score(y, p), abs=1e-12)
        names = ["cat", "cow", "dog"]
        assert np.allclose(value["precision"][names], sk.precision_score(y, p, average=None), atol=1e-12)
        assert np.allclose(value["true_positive_rate"][names], sk.recall_score(y, p, average=None), atol=1e-12)
        assert value["true_positive_rate", "macro"] == pytest.approx(sk.balanced_accuracy_score(y, p), abs=1e-12)
        assert value["f1_score", "macro"] == pytest.approx(sk.f1_score(y, p, average="macro"), abs=1e-12)
        assert rows.set_index(["metric", "class"]).loc[("base_rate", "cow"), "positives"] == (y == "cow").sum()
        assert "macro" not in value["base_rate"].index  # always 1 / 3
    one = quiet(table, groups=["who"], metrics=["precision"], positive="cow")
    assert (
        one["value"].tolist()
        == found.loc[(found["metric"] == "precision") & (found["class"] == "cow"), "value"].tolist()
    )


def test_macro_says_over_how_many_classes():
    table = pd.DataFrame({"label": list("aab"), "pred1": list("aac")})
    found = quiet(table, metrics=["true_positive_rate"]).set_index("class")
    assert found.loc["macro", "value"] == 0.5
    assert found.loc["macro", "note"] == "over the 2 of 3 classes for which it is defined"
    assert found.loc["c", "note"] == "no row has a positive label"


# --- intervals ---


@pytest.mark.parametrize("method", ["wilson", "wald", "clopper-pearson", "jeffreys"])
def test_a_rates_interval_comes_from_its_own_denominator(people, method):
    found = audit(people, groups=["sex"], metrics=["true_positive_rate"], interval=method, level=0.9)
    part = people[(people["sex"] == "M") & (people["label"] == 1)]
    line = found[found["sex"] == "M"].iloc[0]
    assert (line["count"], line["of"]) == (part["pred1"].sum(), len(part))
    assert (line["low"], line["high"]) == rate_interval(part["pred1"].sum(), len(part), method, 0.9)


def ends_of_the_bootstrap(count, of, rows, level=0.95):
    """The percentile interval of count / of when `rows` rows are drawn anew, `of` of which count: from its exact law.

    How many of the drawn rows are among the `of` is binomial, and given that, how many of them are among the `count`.
    """
    sizes = np.arange(*binom.interval(1 - 1e-12, rows, of / rows), dtype=int)[:, None]
    counts = np.arange(sizes.max() + 1)
    chance = (binom.pmf(sizes, rows, of / rows) * binom.pmf(counts, sizes, count / of)).ravel()
    values = (counts / sizes).ravel()
    order = np.argsort(values)
    return values[order][np.searchsorted(chance[order].cumsum(), [(1 - level) / 2, (1 + level) / 2])]


def test_the_bootstrap_of_counts_is_the_bootstrap_of_rows():
    """Rows of the whole table drawn anew, as fairlearn does it, and metrics computed from them."""
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"label": rng.integers(0, 2, 900), "who": rng.choice(list("ab"), 900, p=[0.8, 0.2])})
    table["pred1"] = np.where(rng.random(900) < 0.7, table["label"], 1 - table["label"])
    right = table["label"] == table["pred1"]
    kept = {"accuracy": table["label"] >= 0, "true_positive_rate": table["label"] == 1}
    found = audit(table, groups=["who"], metrics=list(kept), interval="bootstrap", draws=20_000, problems="ignore")
    for metric, of in kept.items():
        for who in "ab":
            line = found[(found["who"] == who) & (found["metric"] == metric)].iloc[0]
            rows = of & (table["who"] == who)
            ends = ends_of_the_bootstrap((right & rows).sum(), rows.sum(), 900)
            # 20,000 draws leave an end uncertain by about 0.005 widths.
            width = line["high"] - line["low"]
            assert np.allclose([line["low"], line["high"]], ends, atol=0.02 * width), (metric, who)
    frame = fl.MetricFrame(
        metrics=fl.count, y_true=table["label"], y_pred=table["pred1"], sensitive_features=table["who"],
        n_boot=30, ci_quantiles=[0.01, 0.99], random_state=1,
    )  # fmt: skip
    (least, most), (n, _) = frame.by_group_ci, frame.overall_ci
    assert n == 900 and (least < frame.by_group).all() and (frame.by_group < most).all()  # the groups' sizes vary


@pytest.mark.parametrize("metric", ["auc", "calibration_error", "mean_score"])
def test_metrics_of_scores_are_drawn_from_rows(people, metric):
    found = audit(people, score="score", groups=["sex"], metrics=[metric], draws=4000, problems="ignore")
    line = found[found["sex"] == "M"].iloc[0]
    label, score = (people.loc[people["sex"] == "M", column].to_numpy() for column in ("label", "score"))
    rng = np.random.default_rng(4)
    samples = []
    for _ in range(1000):
        again = rng.integers(0, len(label), len(label))
        samples.append(getattr(one_group, metric)(label[again], score[again]))
    se = np.std(samples)
    assert line["se"] == pytest.approx(se, rel=0.1)
    assert np.allclose([line["low"], line["high"]], np.quantile(samples, [0.025, 0.975]), atol=0.3 * se)


def test_equal_scores_are_drawn_as_counts():
    """Ten different scores in 4,000 rows, as a tree gives: the same interval as from rows that all differ a little."""
    rng = np.random.default_rng(6)
    table = pd.DataFrame({"label": rng.integers(0, 2, 4000)})
    table["score"] = (rng.integers(0, 8, 4000) + 2 * table["label"]) / 10 + 0.05
    close = table.assign(score=table["score"] + 1e-9 * rng.random(4000))
    one, other = (audit(t, score="score", metrics=["auc"], draws=2000).iloc[0] for t in (table, close))
    assert one["se"] == pytest.approx(other["se"], rel=0.1)


def test_bca_of_a_count_metric_is_that_of_its_rows(people):
    found = audit(people, metrics=["f1_score"], interval="bca", draws=20_000).iloc[0]
    plain = audit(people, metrics=["f1_score"], draws=20_000).iloc[0]
    from scipy.stats import bootstrap

    def f1(y, p, axis=-1):
        return 2 * (y * p).sum(axis) / (y.sum(axis) + p.sum(axis))

    columns = (people["label"].to_numpy(), people["pred1"].to_numpy())
    theirs = bootstrap(columns, f1, paired=True, method="BCa", n_resamples=20_000, rng=np.random.default_rng(0))
    assert np.allclose([found["low"], found["high"]], theirs.confidence_interval, atol=0.15 * theirs.standard_error)
    assert found["low"] != plain["low"]


def test_bca_moves_the_interval_of_a_skewed_metric():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"label": rng.integers(0, 2, 500), "score": rng.beta(0.3, 3, 500)})
    bca, plain = (
        audit(table, score="score", metrics=["mean_score"], interval=i, draws=4000).iloc[0]
        for i in ("bca", "bootstrap")
    )
    assert bca["low"] > plain["low"] and bca["high"] > plain["high"]


def test_where_the_bootstrap_would_fail_wilson_stands_in_and_says_so():
    table = pd.DataFrame({"label": 1, "pred1": [1] * 195 + [0] * 5, "who": ["a"] * 100 + ["b"] * 100})
    found = audit(table, groups=["who"], interval="bootstrap", problems="ignore")
    assert found["note"].str.startswith("Wilson interval: n·p·(1 − p) is under 10").all()
    assert (found.loc[1, "low"], found.loc[1, "high"]) == rate_interval(100, 100)


def test_simultaneous_intervals_hold_for_all_groups_together():
    """20 groups of 200 rows with a true rate of 0.8: exactly, from what every possible count of one group gets."""
    table = pd.DataFrame({"who": np.repeat(np.arange(20), 200), "label": 1})
    counts = np.arange(120, 200).reshape(-1, 20)  # all others together have a chance under 1e-9
    held = {True: 0, False: 0}
    for some in counts:
        table["pred1"] = (np.arange(200) < some[:, None]).astype(int).ravel()
        for together in held:
            found = quiet(table, groups=["who"], interval="wilson", simultaneous=together).loc[1:]
            held[together] += binom.pmf(some, 200, 0.8)[(found["low"] <= 0.8) & (found["high"] >= 0.8)].sum()
    assert 0.94 < held[True] ** 20 < 0.97 and held[False] ** 20 < 0.6


def test_the_generator_decides_and_nothing_else(people):
    def intervals(rng):
        return audit(people, score="score", groups=["sex"], metrics=["f1_score", "auc"], rng=rng)

    pd.testing.assert_frame_equal(intervals(3), intervals(np.random.default_rng(3)))
    assert not intervals(3)["low"].equals(intervals(4)["low"])


# --- what is easily misread ---


def said(table, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = audit(table, **settings)
    assert all(w.category is AuditWarning and w.filename == __file__ for w in caught)
    return found, [str(w.message) for w in caught]


def test_a_clean_audit_says_nothing(people):
    assert said(people, score="score", groups=["sex"], metrics=ALL)[1] == []


def test_few_rows(people):
    table = pd.concat([people, people.head(29).assign(sex="X")])
    _, messages = said(table, groups=["sex"])
    assert messages == ["Few rows: X of sex has fewer than 30; what is measured there says little."]
    found, messages = said(pd.concat([people, people.head(30).assign(sex="X")]), groups=["sex"])
    assert messages == [] and not found["small"].any()


def test_a_group_that_is_the_label(people):
    table = people.assign(kind=np.where(people["label"] == 1, "round", "straight"))
    assert "class recall" in said(table, groups=["kind"])[1][0]
    digits = pd.DataFrame({"label": np.arange(400) % 10, "pred1": 3})
    digits["curvy"] = digits["label"].isin([0, 3, 8])
    digits.loc[::2, "pred1"] = digits["label"]
    assert "class recall" in said(digits, groups=["curvy"])[1][0]
    assert said(digits.assign(curvy=np.arange(400) < 200), groups=["curvy"])[1] == []
    digits["colour"] = np.arange(400) // 200
    crossed = said(digits, groups=[("label", "colour")], simultaneous=True)[1]
    assert any(m.startswith("Every group of label × colour holds one label only") for m in crossed)


def test_a_model_that_predicts_one_class(people):
    _, messages = said(people.assign(pred1=0), groups=["sex"], metrics=["selection_rate"])
    assert messages == ["The model predicts 0 for all 300 rows: a difference of 0 between groups then shows nothing."]


def test_rows_without_a_group_are_a_group(people):
    table = people.assign(sex=people["sex"].where(people.index % 3 > 0))
    found, messages = said(table, groups=["sex"])
    assert found["sex"].tolist()[1:] == ["(missing)", "F", "M"]
    assert messages[0].startswith("100 of 300 rows have no value in 'sex'; they form the group (missing).")


def test_a_denominator_of_zero_is_a_reason_and_not_an_exception(people):
    table = people.assign(label=people["label"].where(people["sex"] == "F", 0))
    found, messages = said(table, groups=["sex"], metrics=["true_positive_rate"])
    assert math.isnan(found.loc[2, "value"]) and found.loc[2, "note"] == "no row has a positive label"
    assert messages == ["true_positive_rate is undefined in M of sex: no row has a positive label."]


def test_many_groups_without_a_correction(people):
    table = pd.concat([people] * 4).assign(door=np.arange(1200) % 11)
    assert "11 groups of door are compared" in said(table, groups=["door"])[1][0]
    assert said(table, groups=["door"], simultaneous=True)[1] == []


def test_a_switch_makes_them_errors(people):
    table = people.assign(pred1=1)
    with pytest.raises(AuditError, match="predicts 1 for all 300 rows"):
        audit(table, groups=["sex"], problems="raise")
    assert said(table, groups=["sex"], problems="ignore")[1] == []


# --- bad input ---


@pytest.mark.parametrize(
    ("change", "settings", "error", "says"),
    [
        ({}, {"groups": ["sexx"]}, KeyError, "no column 'sexx'; it has sex, race"),
        ({}, {"label": "y"}, KeyError, "no column 'y'"),
        ({}, {"metrics": ["acuracy"]}, ValueError, "Unknown metrics: acuracy; there are accuracy"),
        ({}, {"metrics": []}, ValueError, "none given"),
        ({}, {"interval": "wilsn"}, ValueError, "interval is 'wilsn'; it must be one of wilson"),
        ({}, {"level": 95}, ValueError, "level is 95"),
        ({}, {"draws": 3}, ValueError, "draws is 3"),
        ({}, {"problems": "loud"}, ValueError, "problems is 'loud'"),
        ({}, {"metrics": ["auc"]}, ValueError, "auc needs a score"),
        ({}, {"metrics": ["precision"], "prediction": None}, ValueError, "precision needs a prediction"),
        ({}, {"metrics": ["precision"], "label": None}, ValueError, "precision needs the label"),
        ({"score": 1.5}, {"metrics": ["auc"], "score": "score"}, ValueError, "'score' holds 1.5, and 300 values"),
        ({"score": "high"}, {"metrics": ["auc"], "score": "score"}, ValueError, "'score' holds 'high'"),
        ({"label": "yes"}, {}, ValueError, "'label' holds 'yes' and 'pred1' holds 0: the two must"),
        ({"label": "no", "pred1": "yes"}, {"metrics": ["precision"]}, ValueError, "name the positive class with"),
        ({"label": 2}, {"metrics": ["auc"], "score": "score"}, ValueError, "'label' holds 2: it must be 0 or 1"),
        ({}, {"positive": "yes"}, ValueError, "is 'yes': positive names one of their values"),
        ({"sex": None}, {"groups": ["sex"]}, ValueError, "Column 'sex' holds no value at all"),
        ({}, {"groups": ["sex"], "reference": "Q"}, ValueError, "There is no group 'Q'; there are F, M"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(people, change, settings, error, says):
    with pytest.raises(error, match=says):
        audit(people.assign(**change), **settings)


def test_missing_labels_are_counted_and_placed(people):
    people["label"] = people["label"].astype(float)
    people.loc[people["sex"] == "M", "label"] = np.nan
    with pytest.raises(ValueError, match=r"100 of 300 values in 'label' are missing \(among them every row of sex M\)"):
        audit(people, groups=["sex"])


def test_an_empty_table(people):
    with pytest.raises(ValueError, match="The table is empty"):
        audit(people.head(0), groups=["sex"])


def test_a_category_without_rows_has_no_value(people):
    people["sex"] = pd.Categorical(people["sex"], ["F", "M", "X"])
    found = quiet(people, groups=["sex"], interval="wilson")
    assert found["n"].tolist() == [300, 200, 100, 0]
    assert math.isnan(found.loc[3, "value"]) and found.loc[3, "note"] == "no rows" and math.isnan(found.loc[3, "low"])


def test_without_labels_what_can_be_measured_is(people):
    found = audit(people, label=None, score="score", groups=["sex"], metrics=["selection_rate", "mean_score"])
    assert found.loc[found["metric"] == "selection_rate", "value"].iloc[0] == people["pred1"].mean()
    assert found["positives"].isna().all()


def test_a_group_column_that_is_called_like_one_of_the_result_is_refused_by_name():
    people = pd.DataFrame({"label": [0, 1] * 4, "pred1": [0, 1, 1, 1] * 2})
    for name in set(audit(people, problems="ignore").columns) | {"class"}:
        with pytest.raises(ValueError, match=f"A group column is called '{name}'.*rename.columns=.'{name}': '{name}_'"):
            audit(people.assign(**{name: list("ab") * 4}), groups=[("label", name)])
    assert (
        len(audit(people.assign(group=list("aabb") * 2), groups=["group", ("group", "label")], problems="ignore")) == 7
    )


def test_gaps_of_a_table_that_is_no_audit_are_refused():
    for of_audit in (disparities, null_gap_test):
        with pytest.raises(ValueError, match="no result of audit.*no column 'metric', but a; give what audit"):
            of_audit(pd.DataFrame({"a": [1]}))
