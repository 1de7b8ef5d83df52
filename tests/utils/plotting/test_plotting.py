"""Figures show every group, mark small ones, and say the same in words."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from utils.datasets._handwritten_numbers import evaluation_data
from utils.evaluation._accuracy import accuracy_by_group
from utils.plotting._digits import describe_images, plot_five, plot_images, plot_one_each
from utils.plotting._distributions import describe_null, describe_over_seeds, plot_null, plot_over_seeds
from utils.plotting._rates import (
    describe_accuracy,
    plot_accuracy,
    plot_confidence_intervals_from_df,
    plot_confidence_intervals_from_two_dfs,
    plot_intersectional_confidence_intervals_from_df,
)
from utils.plotting._style import show

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def table():
    """Three groups: low is right on 8 of 40, high on 38 of 40, few on 5 of 10."""
    who = ["low"] * 40 + ["high"] * 40 + ["few"] * 10
    right = [1] * 8 + [0] * 32 + [1] * 38 + [0] * 2 + [1, 0] * 5
    return pd.DataFrame({"label": 1, "pred1": right, "who": who, "color": ["blue", "orange"] * 45})


def test_low_accuracies_are_inside_the_axes_and_small_groups_are_marked(table):
    ax = plot_accuracy(accuracy_by_group(table, "who"), "who", reference=0.57)
    assert ax.get_ylim()[0] <= accuracy_by_group(table, "who")["low"].min()
    labels = [t.get_text() for t in ax.get_xticklabels()]
    assert labels == ["few\n(under 30 rows)", "high", "low"]
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 1 and len(hollow[0].get_xdata()) == 1


def test_sorting_goes_from_worst_to_best(table):
    ax = plot_confidence_intervals_from_df(table, "label", "pred1", "test", "who", sort_x=True)
    assert [t.get_text().split("\n")[0] for t in ax.get_xticklabels()] == ["low", "few", "high"]


def test_two_series_differ_in_marker_and_are_both_named(table):
    ax = plot_confidence_intervals_from_two_dfs(
        table, table[::2], "label", "pred1", "ours", "theirs", "who", marker_1="s", marker_2="v", use_legend=True
    )
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["ours", "theirs"]
    assert {line.get_marker() for line in ax.lines} == {"s", "v"}
    with pytest.raises(ValueError, match="different names"):
        plot_confidence_intervals_from_two_dfs(table, table, "label", "pred1", "x", "x", "who")
    with pytest.raises(ValueError, match="must be the same"):
        plot_confidence_intervals_from_two_dfs(table, table[:40], "label", "pred1", "x", "y", "who")


def test_options_of_the_workshop_are_taken(table):
    ax = plot_intersectional_confidence_intervals_from_df(
        table,
        "label",
        "pred1",
        "test",
        "who",
        "color",
        use_legend=False,
        show_error=False,
        marker="^",
        figsize=(6, 3),
        fontsize=9,
        tick_spacing=2,
        sort_x=True,
    )
    assert ax.get_legend() is None and not ax.collections
    assert len(ax.get_xticks()) == 3 and ax.figure.get_size_inches().tolist() == [6, 3]


def test_an_axes_can_be_passed(table):
    _, ax = plt.subplots()
    assert plot_accuracy(accuracy_by_group(table, "who"), "who", ax=ax) is ax
    assert plot_null(np.linspace(0, 1, 50), 0.5, ax=ax) is ax


def test_digits_are_drawn_with_their_names():
    data = evaluation_data()
    assert [ax.get_title() for ax in plot_one_each(data).flat] == [f"digit {d}" for d in range(10)]
    assert len(plot_five(data.loc[data["color"] == "blue"][:5]).flat) == 5
    assert plot_images(data[:7], columns=4).shape == (2, 4)
    assert describe_images(data[:1]).startswith("1 images of handwritten digits on black: 7 in ")
    with pytest.raises(KeyError, match="'size'"):
        plot_one_each(data, label_col="size")


def test_over_seeds_and_null_figures():
    table = pd.DataFrame({"gap": [-0.1, 0.1, 0.2, 0.4], "digit": ["3", "3", "6", "6"]})
    ax = plot_over_seeds(table, "gap", by="digit", zero=True)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["3", "6"]
    assert "3: 0.000 ± 0.141; 6: 0.300 ± 0.141" in describe_over_seeds(table, "gap", "digit")
    assert "at least as large as 50%" in describe_null([0.1, 0.2, 0.3, 0.4], 0.2)


def test_words_for_a_figure(table):
    words = describe_accuracy(accuracy_by_group(table, "who"), "who")
    assert "3 groups: lowest low at 0.20" in words and "highest high at 0.95" in words


def test_a_figure_is_shown_with_its_alt_text_and_not_without(table, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    ax = plot_accuracy(accuracy_by_group(table, "who"), "who")
    with pytest.raises(ValueError, match="alt is empty"):
        show(ax, " ")
    show(ax, 'three groups, "low" < "high"')
    [data] = shown
    assert data["text/plain"] == 'three groups, "low" < "high"'
    assert data["text/html"].startswith(
        '<img alt="three groups, &quot;low&quot; &lt; &quot;high&quot;" src="data:image/png;'
    )
    assert not plt.get_fignums()
