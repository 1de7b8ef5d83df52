"""The Pareto front, against a loop over all pairs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.evaluation._pareto import non_dominated

value = st.one_of(st.integers(0, 3).map(float), st.floats(-1, 1), st.just(np.nan), st.just(np.inf))
models = st.lists(st.tuples(value, value, value), max_size=25)


def by_brute_force(rows):
    """Rows (a, b, c): a and b are better when higher, c when lower."""
    points = [(a, b, -c) for a, b, c in rows]

    def beats(p, q):
        return all(x >= y for x, y in zip(p, q, strict=True)) and any(x > y for x, y in zip(p, q, strict=True))

    known = [p for p in points if not np.isnan(p).any()]
    return [not np.isnan(p).any() and not any(beats(q, p) for q in known) for p in points]


@given(models)
@settings(deadline=None, max_examples=200)
def test_front_agrees_with_brute_force(rows):
    table = pd.DataFrame(rows, columns=["a", "b", "c"], dtype=float)
    assert non_dominated(table, maximise=["a", "b"], minimise=["c"]).tolist() == by_brute_force(rows)


def test_equal_models_are_all_kept_and_missing_values_never():
    table = pd.DataFrame({"accuracy": [0.9, 0.9, 0.8, 0.95, 0.7], "gap": [0.1, 0.1, 0.1, np.nan, 0.0]})
    assert non_dominated(table, maximise=["accuracy"], minimise=["gap"]).tolist() == [True, True, False, False, True]
    assert non_dominated(table, maximise="accuracy").tolist() == [False, False, False, True, False]
    assert non_dominated(table[:0], minimise=["gap"]).tolist() == []
    whole = table.astype("Float64")
    assert non_dominated(whole, "accuracy", "gap").tolist() == [True, True, False, False, True]


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({}, ValueError, "No column is named"),
        ({"maximise": ["auc"]}, KeyError, "'auc'.*accuracy, name"),
        ({"maximise": ["name"]}, ValueError, "'name' holds 'm1'"),
        ({"maximise": ["accuracy"], "minimise": ["accuracy"]}, ValueError, "'accuracy' stands in maximise and in min"),
    ],
)
def test_bad_input_gets_a_sentence(options, error, words):
    with pytest.raises(error, match=words):
        non_dominated(pd.DataFrame({"accuracy": [0.5], "name": ["m1"]}), **options)
