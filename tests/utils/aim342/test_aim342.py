"""The workshop's notebook, call by call: every number that is printed and every point drawn is counted anew here.

The calls stand in the workshop's order and in our own words. What is expected comes from the tables by pandas and
statsmodels alone, at the moment of the call: so a table that a call changed under the reader's eyes is seen.
"""

import math
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

ROOT = Path(__file__).resolve().parents[3]
DOORS = ["dataset_utils", "eval_utils", "plotting_utils", "train_utils"]
NAMES = {"prediction_col": "pred1", "ground_truth_col": "label"}


@pytest.fixture(scope="module")
def workshop():
    """What `from utils.…_utils import *` puts into a notebook, for the four modules of the workshop."""
    matplotlib.use("Agg")
    namespace = {}
    for door in DOORS:
        exec(f"from utils.{door} import *", namespace)
    return namespace


@pytest.fixture(scope="module")
def stages(workshop):
    """The workshop's tables: evaluation digits read by the first model, the customer's, and by the second model."""
    training, evaluation = workshop["create_starting_data"]()
    untouched = evaluation.copy()
    model = workshop["train_baseline_model"](df=training)
    results = workshop["run_baseline_model"](model, evaluation)
    customer = workshop["get_val2"](evaluation)
    more = workshop["create_augmented_data_2"]()
    second = workshop["train_baseline_model"](df=more)
    tables = {
        "evaluation": results,
        "customer": workshop["run_baseline_model"](model, customer),
        "augmented": workshop["run_baseline_model"](second, evaluation),
    }
    pd.testing.assert_frame_equal(evaluation, untouched)  # the second run did not overwrite the first one's answers
    assert len(more) > len(training) > 0 and not results["pred1"].equals(tables["augmented"]["pred1"])
    return tables


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def rates(table, *columns):
    """Group → (accuracy, low, high, n), counted here; crossed groups are joined by ×."""
    right = (table["label"] == table["pred1"]).groupby([table[c].astype(str) for c in columns]).agg(["sum", "size"])
    low, high = proportion_confint(right["sum"], right["size"], method="wilson")
    names = [" × ".join(name) if isinstance(name, tuple) else name for name in right.index]
    return dict(zip(names, zip(right["sum"] / right["size"], low, high, right["size"], strict=True), strict=True))


def printed_rates(text):
    """The lines `group  accuracy  [low, high]  n = rows` of a text, as `rates` gives them."""
    lines = re.findall(r"^  (.+?) +(\d\.\d{3})  \[(\d\.\d{3}), (\d\.\d{3})\]  n = ([\d,]+)", text, re.M)
    return {name: (*map(float, numbers), int(n.replace(",", ""))) for name, *numbers, n in lines}


def assert_prints(text, expected):
    shown = printed_rates(text)
    assert list(shown) == list(expected)
    for name, values in expected.items():
        assert shown[name][3] == values[3]
        assert np.allclose(shown[name][:3], values[:3], atol=5.01e-4), name
    few = {line.split("  ")[1] for line in text.splitlines() if "few rows" in line}
    assert few == {name for name, values in expected.items() if values[3] < 30}


def assert_draws(ax, *series, intervals=True):
    """Every point and every interval of each series stands where the numbers say, at its group's place."""
    names = [tick.get_text().split("\n")[0] for tick in ax.get_xticklabels()]
    points = np.concatenate([np.column_stack(line.get_data()) for line in ax.lines])
    bars = [segment for lines in ax.collections for segment in lines.get_segments()]
    drawn = 0
    for i, expected in enumerate(series):
        assert set(names) == set(expected)
        for place, name in enumerate(names):
            accuracy, low, high, _ = expected[name]
            x = place + 0.22 * (i - (len(series) - 1) / 2)
            assert any(np.allclose(point, (x, accuracy)) for point in points), (name, accuracy)
            shown = any(np.allclose(bar, [(x, low), (x, high)]) for bar in bars)
            assert shown == intervals, (name, low, high)
            drawn += 1
    assert len(points) == drawn and (not intervals or len(bars) == drawn)
    assert ax.get_ylim()[0] <= min(v[1 if intervals else 0] for s in series for v in s.values())


def assert_compares(text, accuracies):
    """The two printed comparisons of the groups served best and worst: every number in them."""
    worst, best = min(accuracies, key=accuracies.get), max(accuracies, key=accuracies.get)
    low, high = accuracies[worst], accuracies[best]
    for heading, rest in re.findall(r"^(Accuracy|Error rate) by .*\n((?:  .*\n?)+)", text, re.M):
        first, second, difference, ratio = rest.splitlines()
        if heading == "Accuracy":
            assert first == f"  best   {best}: {high:.4f}" and second == f"  worst  {worst}: {low:.4f}"
            assert difference.endswith(f"{low - high:+.4f} ({100 * (low - high):+.1f} percentage points)")
            assert ratio.endswith(f": {low / high:.4f}")
        else:
            assert first == f"  lowest   {best}: {1 - high:.4f}" and second == f"  highest  {worst}: {1 - low:.4f}"
            assert difference.endswith(f"{high - low:+.4f} ({100 * (high - low):+.1f} percentage points)")
            assert ratio.endswith(f": {(1 - low) / (1 - high):.2f} to 1")
    assert text.count("Accuracy by") == 1 and text.count("Error rate by") == 1


@pytest.mark.parametrize("stage", ["evaluation", "customer", "augmented"])
def test_accuracy_and_its_interval_are_those_of_the_table(workshop, stages, stage):
    table = stages[stage]
    right = int((table["label"] == table["pred1"]).sum())
    assert workshop["compute_accuracy"](table, "label", "pred1") == right / len(table)
    bounds = workshop["compute_confidence_bounds"](table, "label", "pred1")
    assert np.allclose(bounds, proportion_confint(right, len(table), method="wilson"))


@pytest.mark.parametrize("stage", ["evaluation", "customer", "augmented"])
@pytest.mark.parametrize("column", ["digit", "color", "curviness"])
def test_accuracy_by_group_is_printed_and_drawn_as_it_is(workshop, stages, stage, column, capsys):
    table, expected = stages[stage], rates(stages[stage], column)
    workshop["print_accuracy_by_group"](table, group_col=column, **NAMES)
    assert_prints(capsys.readouterr().out, expected)
    ax = workshop["plot_confidence_intervals_from_df"](
        df_with_preds=table,
        label_col="label",
        pred_col="pred1",
        dataset_name=stage,
        group_name=column,
        show_error=True,
        marker="o",
        use_legend=False,
    )
    assert_draws(ax, expected)
    assert stage in ax.get_title() and column in ax.get_title() and ax.get_legend() is None


@pytest.mark.parametrize("stage", ["evaluation", "customer", "augmented"])
@pytest.mark.parametrize("column", ["digit", "color", "curviness"])
def test_best_and_worst_are_those_of_the_table(workshop, stages, stage, column, capsys):
    accuracies = workshop["get_group_accuracy_by_value"](stages[stage], group_col=column, **NAMES)
    assert accuracies == {name: values[0] for name, values in rates(stages[stage], column).items()}
    workshop["print_absolute_vs_relative_accuracy"](accuracies)
    workshop["print_absolute_vs_ratio_error"](accuracies, column)
    assert_compares(capsys.readouterr().out, accuracies)


def test_a_group_without_errors_has_no_ratio(workshop, capsys):
    workshop["print_absolute_vs_ratio_error"]({"1": 1.0, "3": 0.9})
    workshop["print_absolute_vs_relative_accuracy"]({"1": 0.0, "3": 0.0})
    out = capsys.readouterr().out
    assert "undefined: the best group makes no error" in out and "undefined: the best accuracy is 0" in out


def test_crossed_groups_keep_the_workshops_keys_and_are_shown_with_the_fields_sign(workshop, stages, capsys):
    table, expected = stages["evaluation"], rates(stages["evaluation"], "digit", "color")
    assert len(expected) == 20
    workshop["print_accuracy_by_intersection"](table, group1_col="digit", group2_col="color", **NAMES)
    assert_prints(capsys.readouterr().out, expected)
    ax = workshop["plot_intersectional_confidence_intervals_from_df"](
        table,
        label_col="label",
        pred_col="pred1",
        dataset_name="validation data",
        group_1="digit",
        group_2="color",
        use_legend=False,
    )
    assert_draws(ax, expected)
    crossed = workshop["get_accuracy_by_intersection"](table, group1_col="digit", group2_col="color", **NAMES)
    assert crossed == {name.replace(" × ", "-"): values[0] for name, values in expected.items()}
    assert "8-orange" in crossed
    workshop["print_absolute_vs_ratio_error"](crossed)
    workshop["print_absolute_vs_relative_accuracy"](crossed)
    assert_compares(capsys.readouterr().out, crossed)


def test_two_models_are_drawn_side_by_side(workshop, stages):
    first, second = stages["evaluation"], stages["augmented"]
    ax = workshop["plot_confidence_intervals_from_two_dfs"](
        first,
        second,
        label_col="label",
        pred_col="pred1",
        dataset_name_1="original data",
        dataset_name_2="augmented data",
        group_name="digit",
        use_legend=True,
        figsize=(12, 6),
        fontsize=16,
        tick_spacing=1,
        show_error=True,
        marker_1="o",
        marker_2="^",
    )
    assert_draws(ax, rates(first, "digit"), rates(second, "digit"))
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"original data", "augmented data"}


def test_without_intervals_only_points_are_drawn(workshop, stages):
    ax = workshop["plot_confidence_intervals_from_df"](
        stages["customer"], "label", "pred1", "customer", "digit", use_legend=False, show_error=False
    )
    assert_draws(ax, rates(stages["customer"], "digit"), intervals=False)
    assert "interval" not in ax.get_title()


def test_pictures_show_the_rows_that_were_given(workshop, stages):
    table = stages["evaluation"]
    axes = [ax for ax in workshop["plot_one_each"](table).flat if ax.images]
    first = table.drop_duplicates("digit").sort_values("digit")
    assert [ax.get_title() for ax in axes] == [f"digit {digit}" for digit in first["digit"]]
    for ax, image in zip(axes, first["img"], strict=True):
        assert np.array_equal(ax.images[0].get_array(), image)
    for wrong in (False, True):
        five = table.loc[(table["label"] != table["pred1"]) == wrong][:5]
        axes = [ax for ax in np.ravel(workshop["plot_five"](five)) if ax.images]
        for ax, (_, row) in zip(axes, five.iterrows(), strict=True):
            assert np.array_equal(ax.images[0].get_array(), row["img"])
            assert ax.get_title() == f"digit {row['digit']}\nread as {row['pred1']}"


def test_the_customers_fours_are_other_pictures_and_nothing_else_is(stages):
    before, after = stages["evaluation"], stages["customer"]
    same = [np.array_equal(a, b) for a, b in zip(before["img"], after["img"], strict=True)]
    assert set(before["digit"][[not s for s in same]]) == {"4"}
    others = before["digit"] != "4"
    assert before["pred1"][others].tolist() == after["pred1"][others].tolist()
    assert not math.isclose(rates(before, "digit")["4"][0], rates(after, "digit")["4"][0])


@pytest.mark.parametrize("door", DOORS)
def test_the_workshops_modules_only_point_to_the_one_place(door):
    code = f"import utils.{door} as door, utils.aim342 as place; import types\n"
    code += "ours = [n for n in door.__all__ if n not in ('np', 'pd', 'plt')]\n"
    code += "assert ours and all(getattr(door, n) is getattr(place, n) for n in ours)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("door", ["dataset_utils", "eval_utils", "plotting_utils"])
def test_only_training_loads_torch(door):
    code = f"import sys\nfrom utils.{door} import *\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
