"""Co-occurrence: PMI by its definition, intervals, pairs that never meet; and its figures."""

import numpy as np
import pandas as pd
import pytest

from utils.evaluation._association import co_occurrence
from utils.plotting._association import (
    describe_co_occurrence,
    describe_shares_below,
    plot_co_occurrence,
    plot_shares_below,
)


def random_table(seed, n=400):
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    thing = np.where(rng.random(n) < 0.5, rng.choice(["cup", "dog"], n), np.where(group == "a", "cup", "dog"))
    return pd.DataFrame({"group": group, "thing": thing, "size": rng.random(n)})


@pytest.mark.parametrize("seed", range(3))
def test_pmi_is_its_definition(seed):
    table = random_table(seed)
    found = co_occurrence(table, "group", "thing")
    assert found["count"].sum() == len(table)
    for row in found.itertuples():
        is_group, is_thing = table["group"] == row.group, table["thing"] == row.thing
        both = (is_group & is_thing).mean()
        assert row.count == (is_group & is_thing).sum()
        assert row.expected == pytest.approx(is_group.mean() * is_thing.mean() * len(table))
        assert row.pmi == pytest.approx(np.log2(both / (is_group.mean() * is_thing.mean())))
        assert row.share == pytest.approx(both / is_thing.mean())
        assert row.low <= row.pmi <= row.high


def test_independent_columns_have_intervals_around_zero():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(60):
        table = pd.DataFrame({"x": rng.choice(["a", "b"], 500, p=[0.3, 0.7]), "y": rng.integers(0, 2, 500)})
        found = co_occurrence(table, "x", "y", draws=400, rng=rng)
        held += ((found["low"] <= 0) & (found["high"] >= 0)).tolist()
    assert 0.88 < np.mean(held) <= 1


def test_pairs_that_never_meet_are_said_and_have_no_interval():
    table = pd.DataFrame({"x": ["a"] * 30 + ["b"] * 10, "y": ["u"] * 20 + ["v"] * 20})
    found = co_occurrence(table, "x", "y").set_index(["x", "y"])
    row = found.loc[("b", "u")]
    assert row["count"] == 0 and np.isneginf(row["pmi"]) and row["note"] == "never together"
    assert np.isnan(row["low"]) and np.isnan(row["high"])
    assert found.loc[("b", "v"), "pmi"] == pytest.approx(1)


def test_a_pair_met_once_has_an_interval_without_a_lower_end():
    table = pd.DataFrame({"x": ["a"] * 50 + ["b"] * 50, "y": ["u"] * 49 + ["v"] * 51})
    found = co_occurrence(table, "x", "y").set_index(["x", "y"]).loc[("a", "v")]
    assert np.isneginf(found["low"]) and -10 < found["high"] < -2


def test_missing_values_are_a_group():
    table = random_table(0)
    table["group"] = table["group"].where(table["group"] != "c")
    assert "(missing)" in set(co_occurrence(table, "group", "thing")["group"])


def test_wrong_input_is_named():
    with pytest.raises(KeyError, match="'place'.*group"):
        co_occurrence(random_table(0), "group", "place")
    with pytest.raises(ValueError, match="both 'group'"):
        co_occurrence(random_table(0), "group", "group")
    with pytest.raises(ValueError, match="empty"):
        co_occurrence(random_table(0)[:0], "group", "thing")


def test_the_heat_map_prints_every_value_and_its_rows():
    table = random_table(1)
    table = table[(table["group"] != "c") | (table["thing"] != "cup")]
    found = co_occurrence(table, "group", "thing")
    ax = plot_co_occurrence(found)
    texts = [t.get_text() for t in ax.texts]
    assert len(texts) == len(found) == 6
    for row in found.itertuples():
        printed = "never\n0" if row.count == 0 else f"{row.pmi:+.1f}"
        assert any(t.startswith(printed) for t in texts)
    said = describe_co_occurrence(found)
    assert "c with cup never (0 rows)" in said and "Above chance: " in said


def test_shares_below_has_a_step_line_for_each_group():
    table = random_table(2)
    table.loc[:3, "size"] = np.nan
    ax = plot_shares_below(table, "size", "group")
    assert len(ax.lines) == 3
    for line, (name, part) in zip(ax.lines, table.groupby("group"), strict=True):
        assert f"{name} (n = {part['size'].notna().sum()}" in line.get_label()
        assert np.allclose(line.get_xdata(), np.sort(part["size"].dropna())) and line.get_ydata()[-1] == 1
    assert f"a: {table.loc[table['group'] == 'a', 'size'].quantile(0.25):.2f}" in describe_shares_below(
        table, "size", "group"
    )
