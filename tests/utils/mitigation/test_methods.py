"""Methods for pictures and for tables are registered in one way, and a record says what is true of its function."""

import functools
import inspect

import numpy as np
import pandas as pd
import pytest

from utils.mitigation._compare import compare
from utils.mitigation._group_thresholds import group_thresholds
from utils.mitigation._method import FAMILIES, Method, as_method, by_name
from utils.mitigation._methods import METHODS
from utils.mitigation._plain import plain
from utils.mitigation._tabular import TABULAR_METHODS, fit_tabular

EVERY = [*METHODS.values(), *TABULAR_METHODS.values()]
RIGHT = {"function": plain, "family": "in training", "needs": (), "source": "Nobody 2000"}


def hands(n=400):
    """A table of which no column says much by itself."""
    rng = np.random.default_rng(0)
    group = np.where(rng.random(n) < 0.6, "a", "b")
    number = rng.normal(size=n) + (group == "a")
    return pd.DataFrame({"number": number, "group": group, "label": (number + rng.normal(size=n) > 0.6).astype(int)})


@pytest.mark.parametrize("table", [METHODS, TABULAR_METHODS], ids=["pictures", "tables"])
def test_a_table_has_its_methods_under_their_names(table):
    assert all(name == method.name for name, method in table.items())
    assert table == by_name(*table.values())
    assert next(iter(table.values())).family == "none"  # the first is what the others are compared with


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.name)
def test_a_record_says_what_is_true_of_its_function(method):
    parameters = inspect.signature(method.function).parameters
    for handed in ("base", "grid_size"):
        assert (handed in method.needs) == (handed in parameters)
    assert list(parameters)[:2] == ["train", "validation"] and {"groups", "seed"} <= set(parameters)
    if method.source != "–":
        assert method.source.split()[0] in inspect.getdoc(getattr(method.function, "func", method.function))


@pytest.mark.parametrize("name", TABULAR_METHODS)
def test_a_method_for_tables_has_the_call_of_one_for_pictures(name):
    table, method = hands(), TABULAR_METHODS[name]
    grid = {"grid_size": 5} if "grid_size" in method.needs else {}
    fitted = method(table, table, groups="group", features=["number"], seed=1, **grid)
    decided = fitted.predict(table)
    assert decided.shape == (len(table),) and set(np.unique(decided)) <= {0, 1}
    assert fitted.uses_attribute == ("groups in prediction" in method.needs)
    same = fit_tabular(name, table, table, features=["number"], groups=["group"], seed=1, grid_size=5)
    assert np.array_equal(decided, same(table))
    blind = table.drop(columns="group")
    if fitted.uses_attribute:
        with pytest.raises(KeyError, match="no column 'group'"):
            fitted.predict(blind)
    else:
        assert np.array_equal(decided, fitted.predict(blind))


@pytest.mark.parametrize("name", TABULAR_METHODS)
@pytest.mark.parametrize("missing", ["number", "label", "group"])
def test_a_column_that_is_missing_is_named(name, missing):
    table = hands(60)
    with pytest.raises(KeyError, match=f"no column '{missing}'; it has"):
        fit_tabular(name, table, table.drop(columns=missing), features=["number"], groups="group", grid_size=5)


@pytest.mark.parametrize("field", RIGHT)
def test_a_method_without_a_field_cannot_be_registered(field):
    given = {name: value for name, value in RIGHT.items() if name != field}
    with pytest.raises(ValueError, match=f"'mine' cannot be registered: {field} is None; give "):
        Method("mine", **given)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"family": "after tea"}, f"family is 'after tea'; give one of '{FAMILIES[0]}'"),
        ({"needs": "base"}, "needs is 'base'; give a tuple with some of"),
        ({"needs": ("luck",)}, "needs is .'luck',.; give a tuple with some of .*'base'"),
        ({"source": ""}, "source is ''; give author and year"),
        ({"function": 3}, "function is 3; give a function of .train, validation"),
        ({"function": lambda train: None}, "cannot be called as .train, validation, groups=…, seed=…"),
        ({"function": lambda train, validation, *, groups: None}, "unexpected keyword argument 'seed'"),
        ({"needs": ("base",)}, "does not take 'base'; needs must say the same"),
        ({"function": group_thresholds}, "takes 'base'; needs must say the same"),
        ({"family": None, "source": None}, "family is None; .*; source is None"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(changes, words):
    with pytest.raises(ValueError, match=words):
        Method("mine", **RIGHT | changes)


def test_two_methods_of_one_name_cannot_be_registered():
    with pytest.raises(ValueError, match="two methods 'plain'"):
        by_name(METHODS["plain"], METHODS["grey"], METHODS["plain"])


def test_a_function_of_ones_own_is_a_method_too():
    assert as_method("mine", METHODS["grey"]) is METHODS["grey"]
    assert as_method("mine", group_thresholds).needs == ("base",)
    assert as_method("mine", functools.partial(plain, choose="last")).needs == ()


def test_what_needs_a_base_is_given_the_plain_model_of_its_seed(monkeypatch):
    black = np.zeros((32, 32, 3), np.uint8)
    table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    bases = []

    def mine(train, validation, *, groups, seed, base):
        bases.append((seed, base))
        return base

    record = Method("a name", mine, "after training", ("base",), "–")
    settings = {"groups": "sex", "seeds": [0, 1], "probe": False, "progress": False, "epochs": 1}
    compare(table, table, table, methods={"record": record, "function": mine}, **settings)
    assert sorted(seed for seed, _ in bases) == [0, 0, 1, 1]
    assert len({id(base) for _, base in bases}) == 2


@pytest.mark.parametrize("name", [*METHODS, *TABULAR_METHODS])
def test_a_method_shows_the_help_and_the_parameters_of_its_function(name):
    method = METHODS.get(name) or TABULAR_METHODS[name]
    assert inspect.getdoc(method) == inspect.getdoc(method.function)
    assert inspect.signature(method) == inspect.signature(method.function)


def test_a_function_of_ones_own_may_ask_for_settings_that_it_will_be_given():
    def mine(train, validation, *, groups, seed=0, strength, model, epochs, **training): ...

    method = as_method(0.1, mine)
    assert method.name == "0.1" and method.family == "your own" and method.function is mine
    with pytest.raises(ValueError, match="The method 'x' is 3; give a function of"):
        as_method("x", 3)
