"""Chouldechova's relation holds for every confusion matrix; its figure."""

import numpy as np
import pandas as pd
import pytest

from utils.evaluation._impossibility import required_false_positive_rate
from utils.plotting._impossibility import describe_impossibility, plot_impossibility


@pytest.mark.parametrize("seed", range(20))
def test_the_relation_holds_for_every_confusion_matrix(seed):
    tp, fp, fn, tn = np.random.default_rng(seed).integers(1, 500, 4)
    base_rate, precision, tpr = (tp + fn) / (tp + fp + fn + tn), tp / (tp + fp), tp / (tp + fn)
    assert required_false_positive_rate(base_rate, precision, tpr) == pytest.approx(fp / (fp + tn))


def test_arrays_broadcast_and_a_perfect_precision_needs_none():
    found = required_false_positive_rate(np.array([[0.2], [0.5]]), 0.8, np.array([0.4, 0.8]))
    assert found.shape == (2, 2) and np.allclose(found, [[0.025, 0.05], [0.1, 0.2]])
    assert required_false_positive_rate(0.9, 1.0, 0.9) == 0


@pytest.mark.parametrize(
    "values, words", [((0, 0.8, 0.5), "base_rate is 0"), ((0.5, 0, 0.5), "precision"), ((0.5, 0.8, 1.2), "true_pos")]
)
def test_wrong_values_are_named(values, words):
    with pytest.raises(ValueError, match=words):
        required_false_positive_rate(*values)


def test_the_figure_has_a_line_a_group_and_the_models_points():
    rates = pd.Series({"b": 0.3, "a": 0.6})
    observed = pd.DataFrame({"true_positive_rate": [0.7], "false_positive_rate": [0.2]}, index=["a"])
    ax = plot_impossibility(rates, 0.75, observed)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert len(lines) == 2 and len(ax.lines) == 3
    assert lines[0].get_ydata()[-1] == pytest.approx(0.3 / 0.7 / 3)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["b: base rate 30%", "a: base rate 60%", "a: this model"]
    said = describe_impossibility(pd.Series({"b": 0.3, "a": 0.95}), 0.75)
    assert "b (base rate 30%) 11%" in said and "more than 100 %" in said
