"""How the checks in the notebooks ask an answer and compare what comes back, those that you see and the hidden ones.

An answer is asked with copies, so that a function which changes its arguments cannot change the check. What it returns
is compared in order: is it the kind of thing that was wanted, has it that shape, those labels and no other missing
values? Only then are the values looked at. numpy's `allclose` would find an empty array close to everything.
"""

import numbers
import sys
from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np
import pandas as pd


def ask(function: Callable, *arguments: Any, **named: Any) -> Any:
    """Call an answer with copies of the arguments.

    Arrays, tables, Series, lists, dicts, sets and tensors are copied (a tensor's copy passes its gradient on).
    Functions and random generators are handed over as they are: an answer calls the ones and draws from the others.

    Returns
    -------
    what the function returns
    """
    return function(*map(copied, arguments), **{name: copied(value) for name, value in named.items()})


def ask_keeping(function: Callable, *arguments: Any, **named: Any) -> Any:
    """Call an answer that has to leave its arguments as they are; otherwise like `ask`.

    Raises
    ------
    AssertionError : the function changed an argument; the message says which
    """
    given, by_name = [copied(value) for value in arguments], {name: copied(value) for name, value in named.items()}
    returned = function(*given, **by_name)
    pairs = [*zip(range(1, 1 + len(given)), given, arguments, strict=True)]
    pairs += [(name, by_name[name], value) for name, value in named.items()]
    for name, after, before in pairs:
        try:
            kept = same(after, before)
        except AssertionError:
            kept = False
        assert kept, (
            f"{function.__name__} changed its argument {name}, which others need as it was: work on a copy (.copy())."
        )
    return returned


def copied(value: Any) -> Any:
    """A copy that shares nothing with `value`; what is neither data nor a collection of data comes back as it is."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, pd.DataFrame):
        new = value.copy()
        for place in range(value.shape[1]):  # pandas copies a column, and not the pictures in it
            new.isetitem(place, copied(value.iloc[:, place]))
        return new
    if isinstance(value, pd.Series) and value.dtype == object:
        return pd.Series(_objects([copied(item) for item in value]), value.index, dtype=object, name=value.name)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _objects([copied(item) for item in value.ravel()]).reshape(value.shape)
    if isinstance(value, pd.Series | pd.Index | np.ndarray | pd.api.extensions.ExtensionArray):
        return value.copy()
    if type(value) in (list, tuple, set):
        return type(value)(copied(item) for item in value)
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    return value


def close(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether an answer is what was wanted, but for rounding.

    Parameters
    ----------
    got : what came
    wanted : number, text, None, list, tuple, array, Series, DataFrame, tensor, set, or a dict of such
    rtol, atol : numbers may differ by `atol + rtol · |wanted|`

    Returns
    -------
    bool : False where a value differs, also where one is missing or infinite and the other is not

    Raises
    ------
    AssertionError : kind, shape, index, columns or keys are not those wanted; the message says what came and what was
        wanted. A list, a tuple, an array and a Series stand for each other, unless a Series with its index is wanted.
    """
    return _compare(got, wanted, rtol, atol, "")


def same(got: Any, wanted: Any) -> bool:
    """Whether an answer is exactly what was wanted; otherwise like `close`."""
    return _compare(got, wanted, 0.0, 0.0, "")


def _compare(got: Any, wanted: Any, rtol: float, atol: float, where: str) -> bool:
    torch = sys.modules.get("torch")
    if got is wanted:  # also things that cannot be compared in another way, such as a function
        return True
    if wanted is None or isinstance(wanted, str):
        return got is None if wanted is None else isinstance(got, str) and got == wanted
    _need(got is not None, got, wanted, where)
    for kinds in (Mapping, Set, pd.DataFrame, pd.Series, *([torch.Tensor] if torch else [])):
        if isinstance(wanted, kinds):
            _need(isinstance(got, kinds), got, wanted, where)
    if isinstance(wanted, Set):
        return got == wanted
    if isinstance(wanted, Mapping):
        _need_labels(sorted(got, key=str), sorted(wanted, key=str), "keys", where)
        return all(_compare(got[key], wanted[key], rtol, atol, f" under {key!r}") for key in wanted)
    if isinstance(wanted, pd.DataFrame | pd.Series):
        _need_labels(got.index, wanted.index, "index", where)
    if isinstance(wanted, pd.DataFrame):
        _need_labels(got.columns, wanted.columns, "columns", where)
        places = enumerate(wanted.columns)
        return all(
            _values(got.iloc[:, i], wanted.iloc[:, i], rtol, atol, f" in the column {name!r}") for i, name in places
        )
    return _values(got, wanted, rtol, atol, where)


def _values(got: Any, wanted: Any, rtol: float, atol: float, where: str) -> bool:
    """First the shape, then the entries."""
    came, asked = _entries(got), _entries(wanted)
    _need(came is not None and asked is not None and came.shape == asked.shape, got, wanted, where)
    numbers_came, numbers_asked = _as_numbers(came), _as_numbers(asked)
    if numbers_asked is None:
        return all(_entry(a, b, rtol, atol, where) for a, b in zip(came.ravel(), asked.ravel(), strict=True))
    _need(numbers_came is not None, got, wanted, where)
    return bool(np.isclose(numbers_came, numbers_asked, rtol=rtol, atol=atol, equal_nan=True).all())


def _entry(got: Any, wanted: Any, rtol: float, atol: float, where: str) -> bool:
    """One place of an array of objects: mostly a word, sometimes a picture."""
    if _is_entry(wanted):
        return _is_missing(got) and _is_missing(wanted) or _is_entry(got) and bool(got == wanted)
    return _compare(got, wanted, rtol, atol, where)


def _entries(value: Any) -> np.ndarray | None:
    """What a number, text, list, array, Series or tensor holds, in its shape; None where it is none of them."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return np.asarray(value, dtype=None if isinstance(value.dtype, np.dtype) else object)
    if isinstance(value, list | tuple):
        rows = [_entries(item) for item in value]
        if any(row is None or row.shape != rows[0].shape for row in rows):
            return None
        inner = rows[0].shape if rows else ()
        return _objects([item for row in rows for item in row.ravel()]).reshape(len(rows), *inner)
    return _objects([value]).reshape(()) if _is_entry(value) else None


def _as_numbers(entries: np.ndarray) -> np.ndarray | None:
    """The same as floats, missing ones as NaN; None where an entry is no number."""
    if entries.dtype.kind in "biuf":
        return entries.astype(float)
    items = [np.nan if _is_missing(item) else item for item in entries.ravel()]
    if not all(isinstance(item, numbers.Real | np.bool_) for item in items):
        return None
    return np.array([float(item) for item in items]).reshape(entries.shape)


def _objects(items: list) -> np.ndarray:
    """An array of these things, whatever they are; numpy by itself would make a block of numbers of equal lists."""
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _is_entry(value: Any) -> bool:
    return _is_missing(value) or isinstance(value, str | numbers.Real | np.bool_ | pd.Timestamp)


def _need(right: bool, got: Any, wanted: Any, where: str) -> None:
    assert right, f"Wanted{where}: {_in_words(wanted)}. What came: {_in_words(got)}."


def _need_labels(got: Any, wanted: Any, what: str, where: str) -> None:
    got, wanted = list(got), list(wanted)
    assert got == wanted, f"The {what}{where} should be {wanted[:20]}; they are {got[:20]}."


def _in_words(value: Any) -> str:
    """The kind of a value, for a message."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, numbers.Real | np.bool_):
        return "a number"  # not which: what is compared with may be a mistake that many make
    if isinstance(value, pd.DataFrame):
        return f"a DataFrame, {len(value)} rows and {len(value.columns)} columns"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} of {value.dtype}, shape {tuple(value.shape)}"
    size = f" of length {len(value)}" if hasattr(value, "__len__") else ""
    return f"{type(value).__name__}{size}"
