"""What a single column tells about an attribute."""

import numpy as np
import pandas as pd
import pytest

from utils.datasets._adult import FEATURES, load_adult
from utils.evaluation._proxies import proxy_table


def test_a_case_by_hand():
    known = pd.DataFrame({"word": ["red", "red", "red", "blue", "blue", "blue", None], "is": [1, 1, 0, 1, 0, 0, 1]})
    new = pd.DataFrame({"word": ["red", "green", "green", "blue"], "is": [1, 0, 1, 0]})
    # Scores: red 2/3, green (never seen) 4/7, blue 1/3; pairs (1, 0): red-green, red-blue, green-green, green-blue.
    found = proxy_table(known, new, ["word"], "is", 1)
    assert found["auc"].tolist() == [pytest.approx(3.5 / 4)] and found["values"].tolist() == [3]


def test_names_of_rows_tell_nothing_about_new_rows():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": range(400), "coin": rng.integers(0, 2, 400), "a": rng.choice(list("xy"), 400)})
    table["copy"] = table["a"]
    found = proxy_table(table[:200], table[200:], ["id", "coin", "copy"], "a").set_index("column")["auc"]
    assert found["id"] == 0.5 and found["copy"] == 1 and abs(found["coin"] - 0.5) < 0.1


def test_on_adult_relationship_tells_most_about_sex():
    table = load_adult()
    known, new = table[table["split"] == "train"], table[table["split"] == "test"]
    found = proxy_table(known, new, FEATURES, "sex")
    assert found["column"][0] == "relationship" and found["auc"][0] > 0.8
    flipped = proxy_table(known, new, FEATURES, "sex", "Female")  # the other of two values: the same
    assert np.allclose(found["auc"], flipped["auc"])


def test_what_cannot_be_answered_is_refused():
    table = pd.DataFrame({"a": ["x", "x"], "b": [1, 2]})
    with pytest.raises(ValueError, match="2 of 2 new rows have 'x'"):
        proxy_table(table, table, ["b"], "a")
    with pytest.raises(KeyError, match="'c'"):
        proxy_table(table, table, ["c"], "a")
    with pytest.raises(ValueError, match="empty"):
        proxy_table(table[:0], table, ["b"], "a")
