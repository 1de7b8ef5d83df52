"""Figures of an audit: positions, labels and words are what the tables say."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from utils.evaluation._audit import audit
from utils.evaluation._curves import reliability_table, roc_table
from utils.evaluation._disparity import disparities
from utils.plotting._audit import (
    describe_differences,
    describe_forest,
    describe_small_multiples,
    plot_differences,
    plot_forest,
    plot_small_multiples,
)
from utils.plotting._before_after import describe_before_after, plot_before_after
from utils.plotting._curves import describe_reliability, describe_roc, plot_reliability, plot_roc
from utils.plotting._pareto import describe_pareto, plot_pareto

matplotlib.use("Agg")
NAN = np.nan


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def rows_of(metric, rows, attributes=("sex", "race")):
    """Rows of an audit by hand: names of the group, value, low, high, n, note."""
    table = pd.DataFrame(rows, columns=[*attributes, "value", "low", "high", "n", "note"])
    table.insert(len(attributes), "metric", metric)
    table["positives"] = pd.array([10] * len(table), dtype="Int64")
    table["small"], table["count"], table["of"], table["se"] = table["n"] < 30, NAN, NAN, NAN
    order = ["metric", "value", "low", "high", "n", "positives", "small", "count", "of", "se", "note"]
    return table[[*attributes, *order]].astype(dict.fromkeys(attributes, object))


@pytest.fixture
def table():
    """Overall, by sex, and crossed with race; one crossed group is small, one undefined."""
    accuracy = [
        (NAN, NAN, 0.80, 0.78, 0.82, 1000, ""),
        ("Female", NAN, 0.70, 0.66, 0.74, 500, ""),
        ("Male", NAN, 0.90, 0.87, 0.92, 500, ""),
        ("Male", "White", 0.92, 0.89, 0.94, 480, ""),
        ("Female", "Black", 0.40, 0.22, 0.61, 20, ""),
        ("Male", "Black", NAN, NAN, NAN, 20, "no row has a positive label"),
    ]
    errors = [(s, r, 1 - v, 1 - h, 1 - low, n, note) for s, r, v, low, h, n, note in accuracy]
    out = pd.concat([rows_of("accuracy", accuracy), rows_of("error_rate", errors)], ignore_index=True)
    out.attrs = {"level": 0.95, "reference": None}
    return out


def labels(ax):
    return [t.get_text().replace("\n", " ") for t in ax.get_yticklabels()]


def place(ax, name):
    return next(y for y, text in zip(ax.get_yticks(), labels(ax), strict=True) if text == name)


def texts(ax):
    return [t.get_text().replace("\n", " ") for t in ax.texts]


def points(ax, face=None):
    """Every drawn marker, as x, y; of one face colour if asked."""
    lines = [p for p in ax.lines if p.get_marker() not in (None, "None", "")]
    lines = [p for p in lines if face is None or p.get_markerfacecolor() == face]
    return [(float(x), float(y)) for p in lines for x, y in zip(p.get_xdata(), p.get_ydata(), strict=True)]


def intervals(ax):
    return [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]


def legend(ax):
    return [t.get_text().replace("\n", " ") for t in ax.get_legend().get_texts()]


# --- forest ---


def test_forest_draws_every_group_where_the_table_says(table):
    ax = plot_forest(table, "accuracy")
    assert labels(ax) == [
        "overall",
        "sex",
        "Female",
        "Male",
        "sex × race",
        "Male × White",
        "Female × Black (under 30 rows)",
        "Male × Black (under 30 rows)",
    ]
    assert (0.70, place(ax, "Female")) in points(ax)
    assert points(ax, "white") == [(0.40, place(ax, "Female × Black (under 30 rows)"))]
    assert len(points(ax)) == len(intervals(ax)) == 5
    segment = next(s for s in intervals(ax) if s[0, 1] == place(ax, "Male"))
    assert segment[:, 0].tolist() == [0.87, 0.92]
    assert [t for t in texts(ax) if t.startswith("n = ")] == [f"n = {n}" for n in ("1,000", 500, 500, 480, 20, 20)]
    assert "undefined: no row has a positive label" in texts(ax)
    assert ax.get_xlim()[0] < 0.22 and ax.get_xlim()[1] > 0.94
    assert legend(ax) == ["value with 95 % interval", "hollow: under 30 rows", "overall 0.800"]
    assert ax.get_xlabel() == "accuracy"


def test_forest_sorted_within_its_splits_undefined_last(table):
    assert labels(plot_forest(table, "accuracy", sort=True)) == [
        *["overall", "sex", "Female", "Male", "sex × race", "Female × Black (under 30 rows)", "Male × White"],
        "Male × Black (under 30 rows)",
    ]
    assert labels(plot_forest(table, "error_rate", sort=True))[1:4] == ["sex", "Male", "Female"]


def test_forest_reference_is_overall_a_number_or_none(table):
    def dashed(ax):
        return [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]

    assert dashed(plot_forest(table, "accuracy")) == [0.8]
    ax = plot_forest(table, "accuracy", reference=0.1)
    assert dashed(ax) == [0.1] and ax.get_xlim()[0] < 0.1 and "reference 0.1" in legend(ax)
    assert dashed(plot_forest(table, "accuracy", reference=None)) == []
    assert dashed(plot_forest(table[table["sex"].notna()], "accuracy")) == []  # no overall row to take
    with pytest.raises(ValueError, match="'Male'.*overall"):
        plot_forest(table, "accuracy", reference="Male")


def test_forest_words(table):
    words = describe_forest(table, "accuracy")
    assert words.startswith("Accuracy by sex and sex × race with 95 % intervals, 5 groups; overall 0.800")
    assert "lowest Female × Black (sex × race) at 0.400 (interval 0.220 to 0.610, n = 20, under 30 rows)" in words
    assert "highest Male × White (sex × race) at 0.920" in words
    assert words.endswith("undefined: Male × Black (sex × race) (no row has a positive label).")


def test_forest_without_intervals_with_some_and_without_any_value(table):
    table.loc[1, ["low", "high"]] = NAN
    ax = plot_forest(table, "accuracy")
    assert texts(ax).count("no interval") == 1 and len(intervals(ax)) == 4
    table[["low", "high"]] = NAN
    ax = plot_forest(table, "accuracy")
    assert "no interval" not in texts(ax) and legend(ax)[0] == "value"
    table["value"] = NAN
    ax = plot_forest(table, "accuracy")
    assert points(ax) == [] and sum(t.startswith("undefined") for t in texts(ax)) == 6
    assert "overall undefined" in describe_forest(table, "accuracy")


def test_one_group_and_forty_groups_with_long_names():
    one = rows_of("auc", [(NAN, NAN, 0.8, 0.7, 0.9, 100, "")])
    ax = plot_forest(one, "auc")
    assert labels(ax) == ["overall"] and ax.get_xlabel() == "AUC"
    assert describe_forest(one, "auc") == "AUC with interval; overall 0.800 (interval 0.700 to 0.900, n = 100)."
    name = "a group with a name that is longer than any line of a figure, "
    many = rows_of("accuracy", [(f"{name}{i}", NAN, 0.5, 0.4, 0.6, 100, "") for i in range(40)])
    ax = plot_forest(many, "accuracy")
    assert labels(ax)[1:] == [f"{name}{i}" for i in range(40)]
    assert ax.figure.get_figheight() > 15 and ax.figure.get_figwidth() == 8
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in zip(boxes, boxes[1:], strict=False))


def test_names_are_drawn_as_they_are_written():
    ax = plot_forest(rows_of("accuracy", [("$a$ and $b$", "_x", 0.5, 0.4, 0.6, 100, "")]), "accuracy")
    assert labels(ax)[1] == "$a$ and $b$ × _x" and not ax.get_yticklabels()[1].get_parse_math()


# --- small multiples ---


def test_a_panel_a_metric_with_the_same_groups(table):
    axes = plot_small_multiples(table, by="sex")
    assert [ax.get_title().split("\n")[0] for ax in axes] == ["accuracy", "error rate"]
    assert [ax.get_title().split("\n")[1] for ax in axes] == ["overall 0.800", "overall 0.200"]
    assert labels(axes[0]) == ["overall", "sex", "Female", "Male"]
    y = place(axes[0], "Female")
    for ax, value, overall in zip(axes, (0.7, 0.3), (0.8, 0.2), strict=True):
        assert any(x == pytest.approx(value) and at == y for x, at in points(ax))
        assert any(line.get_xdata()[0] == pytest.approx(overall) for line in ax.lines if line.get_linestyle() == "--")
    assert texts(axes[-1]) == ["n = 1,000", "n = 500", "n = 500"]
    assert plot_small_multiples(table, ["error_rate"], by=["sex", "race"])[0].get_title().startswith("error rate")
    assert "undefined" in texts(plot_small_multiples(table)[0])


def test_small_multiples_fill_in_groups_that_a_metric_lacks(table):
    axes = plot_small_multiples(table.drop(index=7))  # the error rate of Female
    assert "undefined" in texts(axes[1]) and texts(axes[0]).count("undefined") == 1
    assert "undefined: Female (sex) (not in the audit)" in describe_small_multiples(table.drop(index=7))


def test_small_multiples_take_axes_and_say_what_they_show(table):
    _, axes = plt.subplots(1, 2)
    assert plot_small_multiples(table, axes=axes).tolist() == axes.tolist()
    words = describe_small_multiples(table, by="sex")
    assert words.startswith(
        "2 panels with 95 % intervals by sex, 2 groups. Accuracy overall 0.800; lowest Female at 0.70"
    )
    with pytest.raises(ValueError, match="1 axes for 2 metrics"):
        plot_small_multiples(table, axes=axes[0])
    with pytest.raises(ValueError, match="no split by 'age'; there are 'sex', 'sex × race'"):
        plot_small_multiples(table, by="age")
    with pytest.raises(ValueError, match="metrics is empty"):
        plot_small_multiples(table, [])


# --- differences ---


@pytest.fixture
def paired():
    """What a paired bootstrap returns: group columns, a difference and its interval, rows."""
    return pd.DataFrame(
        {
            "sex": [NAN, "Female", "Male", "Other", "Unknown"],
            "difference": [0.01, 0.05, -0.08, 0.20, NAN],
            "low": [-0.01, 0.02, -0.12, -0.10, NAN],
            "high": [0.03, 0.08, -0.04, 0.50, NAN],
            "n": [1020, 500, 500, 12, 8],
        }
    )


def test_differences_go_below_zero_and_the_marker_tells_the_side(paired):
    ax = plot_differences(paired)
    assert labels(ax) == ["overall", "Female", "Male", "Other (under 30 rows)", "Unknown (under 30 rows)"]
    where = {p.get_marker(): p.get_xdata().tolist() for p in ax.lines if p.get_marker() not in ("None", None)}
    assert where["<"] == [-0.08] and where[">"] == [0.05]
    assert points(ax, "white") == [(0.20, place(ax, "Other (under 30 rows)"))]
    assert ax.get_xlim()[0] < -0.12 and ax.get_xlim()[1] > 0.5
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] == [0]
    assert "undefined" in texts(ax) and "n = 1,020" in texts(ax)
    assert legend(ax)[:3] == ["interval holds 0", "lies below 0", "lies above 0"]
    words = describe_differences(paired)
    assert "lowest Male at -0.080 (interval -0.120 to -0.040, n = 500)" in words
    assert "highest Other at 0.200 (interval -0.100 to 0.500, n = 12, under 30 rows)" in words
    assert words.endswith("intervals that do not hold 0: Female (above), Male (below).")


def test_names_of_differences_can_be_chosen(paired):
    paired["what"] = list("abcde")
    assert labels(plot_differences(paired, names="what"))[:3] == list("abc")
    assert labels(plot_differences(paired, names=["sex", "what"]))[:2] == ["a", "Female × b"]
    with pytest.raises(KeyError, match="'who'"):
        plot_differences(paired, names="who")
    with pytest.raises(KeyError, match="'lower'"):
        plot_differences(paired, low="lower")
    with pytest.raises(ValueError, match="empty"):
        plot_differences(paired[:0])


def comparisons(differences):
    """A result of `disparities` by hand: (by, metric, comparison, group, reference, difference)."""
    head = ["by", "metric", "comparison", "group", "reference", "difference"]
    out = pd.DataFrame(differences, columns=head)
    out["difference_low"], out["difference_high"] = out["difference"] - 0.05, out["difference"] + 0.05
    out["corrected"] = out["difference"] / 2
    out["corrected_low"], out["corrected_high"] = out["difference"] - 0.3, out["difference"] + 0.3
    out["ratio"], out["ratio_low"], out["ratio_high"] = 0.8, 0.7, 0.9
    return out.assign(note="")


@pytest.fixture
def gaps():
    return comparisons(
        [
            ("sex", "accuracy", "worst to best", "Female", "Male", -0.20),
            ("sex", "false_positive_rate", "worst to best", "Male", "Female", 0.10),
            ("sex × race", "accuracy", "worst to best", "Female × Black", "Male × White", -0.50),
        ]
    )


def test_disparities_are_named_by_metric_and_groups(gaps):
    ax = plot_differences(gaps, low="difference_low", high="difference_high")
    assert labels(ax) == [
        "sex",
        "accuracy: Female − Male",
        "false positive rate: Male − Female",
        "sex × race",
        "accuracy: Female × Black − Male × White",
    ]
    assert (-0.20, place(ax, "accuracy: Female − Male")) in points(ax)
    assert ax.get_xlabel() == "difference" and "lies below 0" in legend(ax)
    wide = plot_differences(gaps)  # the corrected interval, since worst and best were picked
    assert wide.get_xlim()[0] < -0.8 and legend(wide)[0] == "interval holds 0" and "corrected" in wide.get_xlabel()
    assert [round(x, 3) for x, _ in points(plot_differences(gaps, "corrected"))] == [-0.1, 0.05, -0.25]
    ax = plot_differences(gaps[gaps["metric"] == "accuracy"], "ratio")
    assert labels(ax)[1] == "Female / Male" and ax.get_xlabel() == "ratio in accuracy"
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] == [1]
    assert "lies below 1" in legend(ax)


# --- before and after ---


def arrows(ax):
    """(start, end, height) of every arrow."""
    return [(t.xyann[0], t.xy[0], t.xy[1]) for t in ax.texts if getattr(t, "arrow_patch", None) is not None]


def changed(table, values):
    after = table.copy()
    cut = after["metric"] == "accuracy"
    after.loc[cut, "value"] = values
    after.loc[~cut, "value"] = 1 - np.array(values)
    return after


def test_arrows_run_from_before_to_after_sorted_by_before(table):
    after = changed(table, [0.82, 0.85, 0.88, 0.92, 0.5, NAN])
    ax = plot_before_after(table, after, "accuracy", names=("baseline", "reweighed"))
    assert labels(ax)[:5] == ["overall", "sex", "Female", "Male", "sex × race"]
    assert labels(ax)[5:7] == ["Female × Black (under 30 rows)", "Male × White"]
    assert (0.70, 0.85, place(ax, "Female")) in arrows(ax) and (0.90, 0.88, place(ax, "Male")) in arrows(ax)
    assert len(arrows(ax)) == 4  # one is unchanged, one undefined
    said = {t.xy[1]: t.get_text() for t in ax.texts if hasattr(t, "xy") and t.get_text()}
    assert said[place(ax, "Female")] == "+0.150 better" and said[place(ax, "Male")] == "−0.020 worse"
    assert said[place(ax, "Male × White")] == "no change"
    assert "undefined (baseline, reweighed): no row has a positive label" in texts(ax)
    assert legend(ax) == ["baseline (bar)", "reweighed (arrow head)", "better", "worse", "no change"]
    words = describe_before_after(table, after, "accuracy")
    assert "3 better, the largest change Female (sex), 0.700 to 0.850 (+0.150 better)" in words
    assert "1 worse, the largest change Male (sex), 0.900 to 0.880" in words
    assert "no arrow: Male × Black (sex × race) (undefined (before, after): no row has a positive label)" in words


def test_fewer_errors_are_better_and_other_selection_rates_are_neither(table):
    after = changed(table, [0.82, 0.85, 0.88, 0.92, 0.5, NAN])
    ax = plot_before_after(table, after, "error_rate")
    assert "−0.150 better" in texts(ax) and "+0.020 worse" in texts(ax)
    before, after = (t.replace({"metric": {"accuracy": "selection_rate"}}) for t in (table, after))
    ax = plot_before_after(before, after, "selection_rate")
    assert "+0.150 higher" in texts(ax) and "−0.020 lower" in texts(ax)
    assert legend(ax)[2:] == ["neither better nor worse"]


def test_gaps_before_and_after(gaps):
    after = gaps.assign(difference=[0.05, 0.20, -0.50])
    ax = plot_before_after(gaps, after)
    assert labels(ax) == ["sex", "false positive rate", "accuracy", "sex × race", "accuracy"]
    assert [(s, e) for s, e, _ in arrows(ax)] == [(0.1, 0.2), (0.2, 0.05)]
    assert {"+0.100 larger gap", "−0.150 smaller gap", "no change"} <= set(texts(ax))
    one = plot_before_after(gaps, after, "accuracy")
    assert labels(one) == ["sex", "sex × race"] and one.get_xlabel().endswith("in accuracy, without its sign")
    assert "1 smaller gap, the largest change accuracy (sex), 0.200 to 0.050" in describe_before_after(gaps, after)


def test_before_and_after_must_fit(table, gaps):
    with pytest.raises(ValueError, match=r"only one of them has Female \(sex\)"):
        plot_before_after(table, table.drop(index=1), "accuracy")
    with pytest.raises(ValueError, match="compare two of a kind"):
        plot_before_after(table, gaps)
    with pytest.raises(ValueError, match="metric is None"):
        plot_before_after(table, table)
    with pytest.raises(ValueError, match="no worst-to-best gap of 'auc'.*accuracy"):
        plot_before_after(gaps, gaps, "auc")


# --- curves ---


def scored(k, rows=120, seed=0):
    """k groups of equal size, the last with one class only."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"group {i}" for i in range(k)], rows)
    label = rng.integers(0, 2, len(who))
    label[who == f"group {k - 1}"] = 1
    score = 1 / (1 + np.exp(-rng.normal(1.5 * (2 * label - 1), 1)))
    return pd.DataFrame({"who": who, "label": label, "pred1": (score > 0.5).astype(int), "score": score})


def audited(frame):
    return audit(frame, groups=["who"], metrics=["false_positive_rate", "true_positive_rate"], problems="ignore")


def test_roc_draws_the_table_and_names_the_operating_points():
    frame = scored(3)
    table, points_of = roc_table(frame, groups="who"), audited(frame)
    ax = plot_roc(table, points_of)
    for i, name in enumerate(["group 0", "group 1"]):
        part = table[table["who"] == name]
        assert any(np.array_equal(line.get_ydata(), part["true_positive_rate"]) for line in ax.lines)
        own = points_of[points_of["who"] == name].set_index("metric")["value"]
        assert (own["false_positive_rate"], own["true_positive_rate"]) in points(ax)
        assert legend(ax)[i] == f"{name} (AUC {part['auc'].iloc[0]:.3f}, n = 120)"
    assert len({line.get_linestyle() for line in ax.lines if len(line.get_xdata()) > 2}) == 3
    assert texts(ax).count("group 0") == 1 and "group 2" not in texts(ax)
    assert legend(ax)[2] == "group 2 (no curve: one class only, n = 120)"
    assert legend(ax)[3:] == ["chance: both rates equal", "operating point, with the group's name"]
    words = describe_roc(table, points_of)
    aucs = table.groupby("who")["auc"].first()
    assert f"lowest {aucs.idxmin()} (AUC {aucs.min():.3f}" in words and f"highest {aucs.idxmax()}" in words
    assert "only one class occurs: group 2" in words and "Operating points: group 0 FPR 0." in words


def test_roc_of_all_rows_of_many_groups_and_on_given_axes():
    frame = scored(9)
    overall = plot_roc(roc_table(frame), audited(frame))
    assert "all rows" in texts(overall) and legend(overall)[0].startswith("all rows (AUC")
    table = roc_table(frame, groups="who")
    axes = plot_roc(table, audited(frame))
    assert len(axes) == 9 and [ax.get_title().split("\n")[0] for ax in axes] == [f"group {i}" for i in range(9)]
    assert len(points(axes[0])) == 1 and len(points(axes[8])) == 0
    _, ax = plt.subplots()
    assert plot_roc(table, ax=ax) is ax and len(legend(ax)) == 10
    looks = {(p.get_color(), p.get_linestyle()) for p in ax.lines if len(p.get_xdata()) > 2}
    assert len(looks) == 9
    with pytest.raises(ValueError, match="no rows by 'size'"):
        plot_roc(table.rename(columns={"who": "size"}), audited(frame))
    with pytest.raises(ValueError, match="no metric 'false_positive_rate'"):
        plot_roc(table, audited(frame)[lambda t: t["metric"] == "true_positive_rate"])
    with pytest.raises(KeyError, match="'threshold'"):
        plot_roc(table.drop(columns="threshold"))


def test_reliability_draws_bins_that_have_rows_and_hollow_small_ones():
    frame = scored(2, rows=400)
    table = reliability_table(frame, groups="who", bins=5)
    ax = plot_reliability(table)
    filled = table[table["n"] > 0]
    drawn = {(round(x, 9), round(y, 9)) for x, y in points(ax)}
    assert drawn == {(round(m, 9), round(o, 9)) for m, o in zip(filled["mean_score"], filled["observed"], strict=True)}
    assert len(points(ax, "white")) == filled["small"].sum() > 0
    assert len(intervals(ax)) == len(filled)
    assert legend(ax) == [
        "group 0 (n = 400)",
        "group 1 (n = 400)",
        "calibrated: observed = mean score",
        "bin under 30 rows",
    ]
    large = filled[~filled["small"]]
    far = large.loc[(large["observed"] - large["mean_score"]).abs().idxmax()]
    assert f"Furthest from it: {far['who']} {far['observed']:.2f} observed" in describe_reliability(table)


def test_reliability_of_many_groups_has_a_panel_each():
    table = reliability_table(scored(6), groups="who")
    axes = plot_reliability(table)
    assert len(axes) == 6 and axes[3].get_title() == "group 3\nn\u00a0=\u00a0120"
    _, ax = plt.subplots()
    assert plot_reliability(table, ax=ax) is ax
    with pytest.raises(ValueError, match="empty"):
        plot_reliability(table[:0])


# --- models ---


@pytest.fixture
def models():
    return pd.DataFrame(
        {
            "model": ["a", "b", "c", "d", "e"],
            "accuracy": [0.90, 0.80, 0.85, 0.95, 0.99],
            "difference": [-0.05, 0.02, 0.30, -0.20, NAN],
        }
    )


def test_pareto_rings_and_joins_the_front(models):
    ax = plot_pareto(models)
    [rings] = [line for line in ax.lines if line.get_markersize() == 14]
    assert rings.get_xydata().tolist() == [[0.80, 0.02], [0.90, 0.05], [0.95, 0.20]]
    [steps] = [line for line in ax.lines if line.get_drawstyle() == "steps-pre"]
    assert steps.get_xdata().tolist() == [0.80, 0.90, 0.95]
    assert (0.85, 0.30) in points(ax)
    assert {t.get_text(): tuple(t.xy) for t in ax.texts} == {
        "a": (0.90, 0.05),
        "b": (0.80, 0.02),
        "c": (0.85, 0.30),
        "d": (0.95, 0.20),
    }
    assert {t.get_text() for t in ax.texts if t.get_fontweight() == "bold"} == set("abd")
    assert legend(ax)[-1] == "not drawn, a value is missing: e"
    words = describe_pareto(models)
    assert "of 4 models. Not beaten in both by any other: b (0.800 and 0.020); a (0.900 and 0.050); d" in words
    assert words.endswith("a value is missing: e.")


def test_pareto_of_errors_and_ratios(models):
    models = models.assign(error_rate=1 - models["accuracy"], ratio=[0.9, 1.05, 0.5, 1.3, 1.0])
    ax = plot_pareto(models, "error_rate", "ratio", no_disparity=1)
    [rings] = [line for line in ax.lines if line.get_markersize() == 14]
    assert rings.get_xydata() == pytest.approx(np.array([[0.01, 0.0]]))
    assert "distance from 1" in ax.get_ylabel() and "less is better" in ax.get_xlabel()
    one = plot_pareto(models[:1], ax=plt.subplots()[1])
    assert [t.get_text() for t in one.texts] == ["a"]
    assert "of 1 model." in describe_pareto(models[:1])
    assert "No model has both values" in describe_pareto(models[4:])
    plot_pareto(models[4:])
    with pytest.raises(ValueError, match="'model' holds 'a'"):
        plot_pareto(models, x="model")
    with pytest.raises(KeyError, match="'auc'"):
        plot_pareto(models, x="auc")


# --- all of them ---


@pytest.mark.parametrize("draw", [plot_forest, describe_forest])
def test_bad_audits_get_a_sentence(table, draw):
    with pytest.raises(ValueError, match="no metric 'auc' in the audit; there are accuracy, error_rate"):
        draw(table, "auc")
    with pytest.raises(KeyError, match="'small'"):
        draw(table.drop(columns="small"), "accuracy")
    with pytest.raises(ValueError, match="empty"):
        draw(table[:0], "accuracy")
    table.insert(3, "class", ["a", "b"] * 6)
    with pytest.raises(ValueError, match=r"for the classes 'a', 'b'.*audit\[audit\[\"class\"\] == 'b'\]"):
        draw(table, "accuracy")
    assert "(class a)" in describe_forest(table[table["class"] == "a"], "accuracy")


def test_real_audits_go_through_every_figure():
    rng = np.random.default_rng(1)
    frame = scored(3, rows=200).assign(age=rng.choice(["young", "old", None], 600, p=[0.5, 0.48, 0.02]))
    names = ["accuracy", "true_positive_rate", "false_positive_rate", "auc"]
    groups = ["who", "age", ("who", "age")]
    options = {"score": "score", "groups": groups, "metrics": names, "draws": 100, "problems": "ignore"}
    first = audit(frame, **options, reference="group 0")
    second = audit(frame.assign(pred1=(frame["score"] > 0.3).astype(int)), **options, reference="group 0")
    assert len(labels(plot_forest(first, "auc", sort=True))) == 1 + 3 + 3 + 9 + 3
    assert len(plot_small_multiples(first)) == 4
    assert "group 2" in describe_forest(first, "false_positive_rate").split("undefined")[1]
    plot_before_after(first, second, "false_positive_rate")
    before, after = disparities(first), disparities(second)
    ax = plot_differences(before)
    assert "who, to reference" in labels(ax) and "accuracy: group 1 − group 0" in labels(ax)
    assert "equalized odds" in labels(plot_before_after(before, after))
    digits = pd.DataFrame(
        {"label": rng.integers(0, 3, 300), "pred1": rng.integers(0, 3, 300), "hand": ["l", "r"] * 150}
    )
    many = audit(digits, groups=["hand"], metrics=["precision"], problems="ignore")
    assert plot_forest(many[many["class"] == "macro"], "precision").get_xlabel() == "precision (macro)"
