"""How the notebooks' checks compare: what came is looked at before its values, and nothing passes by being empty."""

import numpy as np
import pandas as pd
import pytest
import torch

from utils.checks import ask, ask_keeping, close, copied, same

TABLE = pd.DataFrame({"n": [3, 4], "share": [0.25, np.nan]}, index=["a", "b"])


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (0.25, 0.25),
        (np.float64(0.25 + 1e-9), 0.25),
        (np.array(0.25), 0.25),
        (torch.tensor(0.25), 0.25),
        (np.nan, np.nan),
        (-np.inf, -np.inf),
        ((1, 2.0), np.array([1, 2])),
        (pd.Series([1, 2], index=["x", "y"]), [1, 2]),
        (pd.Series([1, None], dtype="Int64"), [1, np.nan]),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        ([], np.empty(0)),
        (torch.tensor([1, 2]), torch.tensor([1.0, 2.0])),
        (TABLE.astype({"n": float}), TABLE),
        ({"b": [2], "a": 1}, {"a": 1, "b": np.array([2])}),
        (["x", None], ["x", np.nan]),
        ("x", "x"),
        (None, None),
        ({"x"}, {"x"}),
    ],
    ids=str,
)
def test_what_is_wanted_passes(got, wanted):
    assert close(got, wanted)


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (0.25, 0.26),
        (np.nan, 0.25),
        (0.25, np.nan),
        (np.inf, 0.25),
        ([1, np.nan], [1, 2]),
        (["x", "z"], ["x", "y"]),
        (3, None),
        (3, "3"),
        ({"x"}, set()),
        (TABLE.fillna(0), TABLE),
        ({"a": 1, "b": 3}, {"a": 1, "b": 2}),
    ],
    ids=str,
)
def test_another_value_is_seen(got, wanted):
    assert close(got, wanted) is False


@pytest.mark.parametrize(
    ("got", "wanted", "words"),
    [
        (np.empty((0, 2)), 0.25, r"a number\. What came.*shape \(0, 2\)"),
        (np.empty(0), [0.1, 0.2], r"list of length 2.*shape \(0,\)"),
        ([np.empty((0, 2))] * 2, [0.1, 0.2], "list of length 2"),
        (np.array([0.25]), 0.25, r"shape \(1,\)"),
        (pd.Series([0.25]), 0.25, "Series"),
        ([1, 1, 1], 1, "list of length 3"),
        (1, [1, 1, 1], r"What came: a number\."),
        (None, 0.25, r"nothing \(None\)"),
        (None, np.nan, r"nothing \(None\)"),
        ("0.25", 0.25, "str"),
        (0.25 + 0j, 0.25, "complex"),
        (np.array([[1, 2]]), [1, 2], r"shape \(1, 2\)"),
        (TABLE.iloc[:0], TABLE, r"index should be \['a', 'b'\]; they are \[\]"),
        (TABLE.iloc[::-1], TABLE, "index"),
        (TABLE[["share", "n"]], TABLE, "columns"),
        (TABLE.to_numpy(), TABLE, "DataFrame, 2 rows.*ndarray"),
        (TABLE.astype(object).map(lambda _: np.empty(0)), TABLE, "column 'n'"),
        ([1, 2], pd.Series([1, 2]), "Series"),
        (pd.Series([1, 2], index=[1, 0]), pd.Series([1, 2]), "index"),
        ({"a": 1}, {"a": 1, "b": 2}, "keys"),
        ({"a": np.empty(0), "b": 2}, {"a": 1, "b": 2}, "under 'a'"),
        ({}, {"a": 1}, "keys"),
        ([1, 2], torch.tensor([1, 2]), "Tensor"),
        ([], {"a"}, "set"),
    ],
    ids=str,
)
def test_another_kind_of_thing_is_said_before_its_values(got, wanted, words):
    with pytest.raises(AssertionError, match=words):
        close(got, wanted)


def test_same_allows_no_rounding():
    assert close(0.1 + 0.2, 0.3)
    assert not same(0.1 + 0.2, 0.3)
    assert same([1, 2], [1.0, 2.0])


def handed_over():
    images = np.empty(2, dtype=object)
    images[:] = [np.zeros(3), np.ones(3)]
    return [
        np.zeros((2, 3)),
        images,
        [np.zeros(3)],
        {"a": [1, 2]},
        pd.DataFrame({"img": list(images), "n": [1, 2]}),
        pd.Series(list(images)),
        torch.zeros(2, 3),
    ]


def spoil(value):
    """Change a value in place, and what is inside it."""
    if isinstance(value, pd.DataFrame):
        spoil(value["img"])
        value.insert(0, "new", 1)
    elif isinstance(value, pd.Series):
        value.iloc[0][:] = 9
    elif isinstance(value, dict):
        value["a"].append(3)
    else:
        value[0][:] = 9


@pytest.mark.parametrize("place", range(len(handed_over())))
def test_an_answer_cannot_change_what_the_check_holds(place):
    value, as_it_was = handed_over()[place], handed_over()[place]
    assert ask(lambda given: spoil(given), value) is None
    if isinstance(value, pd.DataFrame):
        assert list(value.columns) == ["img", "n"]
        value, as_it_was = value["img"], as_it_was["img"]
    if isinstance(value, dict):
        assert value == as_it_was
    else:
        assert all(np.array_equal(a, b) for a, b in zip(value, as_it_was, strict=True))
    with pytest.raises(AssertionError, match="changed its argument given"):
        ask_keeping(lambda given: spoil(given), given=handed_over()[place])
    assert ask_keeping(lambda given: 5, handed_over()[place]) == 5


def test_functions_and_generators_are_handed_over_as_they_are():
    rng = np.random.default_rng(0)
    first, second = (ask_keeping(lambda call, one: call(one), lambda one: one.random(), rng) for _ in range(2))
    assert first != second
    assert copied(rng) is rng


def test_gradients_pass_through_a_copy():
    given = torch.ones(3, requires_grad=True)
    ask(lambda values: (2 * values).sum(), given).backward()
    assert torch.equal(given.grad, torch.full((3,), 2.0))
