"""Answers that are made from the course's own, and earn nothing: what a test lets pass that looks too little.

Each kind is a function of the course's answer, its result or its arguments. `code_of` writes the answer cell.
"""

import ast

KINDS = {
    "empty": "the result without any entry: an array of length 0, a table without rows, no keys",
    "hollow": "the right labels and keys, and an empty array in every other place",
    "nan": "a bare NaN",
    "all nan": "the right shape, labels and keys, and NaN in every other place",
    "boxed": "each number, text or list in an array of one, each array with one dimension more; no table",
    "first argument": "hands back the first argument",
    "last argument": "hands back the last argument",
    "arguments made constant": "makes every entry of its arguments like the first known one, and answers for that",
    "arguments emptied": "empties its arguments, and answers for that",
    "arguments changed afterwards": "answers, and then makes every entry of its arguments like the first known one",
}
UNCHANGED = "the course's own"  # made in the same way, and right: what the others lose is not lost by how they are made

PRELUDE = '''
import functools as _functools
import sys as _sys

import numpy as _np
import pandas as _pd

_torch = _sys.modules.get("torch")


def _hole():
    return _np.empty((0, 1))  # this shape is broadcast to nothing against whatever stands on the other side


def _keys(table):
    """How many columns from the left name the rows, up to the first measured value; none where the index does."""
    measured = [dtype.kind == "f" for dtype in table.dtypes]
    return measured.index(True) if isinstance(table.index, _pd.RangeIndex) and any(measured) else 0


def _known(value):
    """The first entry of a Series or array of objects that is not missing."""
    return next((item for item in value if not (_pd.api.types.is_scalar(item) and _pd.isna(item))), None)


def _map(value, leaf):
    """The same table, array or dict with another thing in every place."""
    if isinstance(value, dict):
        return {key: _map(item, leaf) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_map(item, leaf) for item in value)
    if isinstance(value, _pd.DataFrame):
        keys = _keys(value)
        columns = {i: value.iloc[:, i] if i < keys else [leaf() for _ in value.index] for i in range(value.shape[1])}
        new = _pd.DataFrame(columns, index=value.index)
        new.columns = value.columns
        return new
    if isinstance(value, _pd.Series):
        return _pd.Series([leaf() for _ in range(len(value))], index=value.index)
    if isinstance(value, _np.ndarray) and value.ndim:
        new = _np.empty(value.shape, dtype=object)
        for place in _np.ndindex(value.shape):
            new[place] = leaf()
        return new.astype(float) if new.size and isinstance(new.flat[0], float) else new
    if _torch is not None and isinstance(value, _torch.Tensor):
        there = leaf()
        if isinstance(there, float):
            return _torch.full(value.shape, there)
        return _torch.empty((*value.shape, *there.shape))
    return leaf()


def _boxed(value):
    if isinstance(value, dict):
        return {key: _boxed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_boxed(item) for item in value)
    if isinstance(value, _pd.DataFrame | _pd.Series):
        raise TypeError("a table is in no box")
    return value[None] if _torch is not None and isinstance(value, _torch.Tensor) else _np.asarray([value])


def _emptied(value):
    if isinstance(value, tuple):
        return tuple(_emptied(item) for item in value)
    if isinstance(value, _pd.DataFrame | _pd.Series):
        return value.iloc[:0]
    if isinstance(value, (dict, list)):
        return type(value)()
    if isinstance(value, _np.ndarray) and value.ndim or _torch is not None and isinstance(value, _torch.Tensor):
        return value[:0]
    return _np.empty(0)


def _change(value, empty):
    """Change a value in place; says whether values of this kind can be changed."""
    if isinstance(value, _pd.DataFrame):
        if empty:
            value._update_inplace(value.iloc[:0])
        else:
            for i in range(value.shape[1]):
                if value.dtypes.iloc[i] != object or isinstance(_known(value.iloc[:, i]), str):
                    value.isetitem(i, _pd.Series([_known(value.iloc[:, i])] * len(value), value.index))
    elif isinstance(value, _pd.Series):
        if empty:
            value._update_inplace(value.iloc[:0])
        else:
            value.iloc[:] = _known(value)
    elif isinstance(value, _np.ndarray) and value.ndim:
        if value.dtype == object:
            value[:] = None if empty else _known(value)
        else:
            value[:] = _np.zeros_like(value) if empty else value[:1].copy()
    elif _torch is not None and isinstance(value, _torch.Tensor) and value.ndim:
        with _torch.no_grad():
            value.copy_(_torch.zeros_like(value) if empty else value[:1].clone().expand_as(value))
    elif isinstance(value, list):
        value[:] = [] if empty else value[:1] * len(value)
    elif isinstance(value, dict):
        value.clear() if empty else value.update(dict.fromkeys(value, next(iter(value.values()), None)))
    else:
        return False
    return True


_changed = []  # a question may hand over arrays, and in its last lines numbers: these are answered rightly


def _change_all(arguments, empty=False):
    _changed.extend(True for value in arguments if _change(value, empty))
    if not _changed:
        raise TypeError("nothing that could be changed was handed over")


_inside = []  # an answer's functions may call each other: only the outermost is another


def _made(kind):
    def around(function):
        @_functools.wraps(function)
        def answer(*arguments, **named):
            if _inside:
                return function(*arguments, **named)
            given = [*arguments, *named.values()]
            _inside.append(True)
            try:
                if kind == "first argument":
                    return given[0]
                if kind == "last argument":
                    return given[-1]
                if kind == "nan":
                    return float("nan")
                if kind == "arguments made constant" or kind == "arguments emptied":
                    _change_all(given, kind == "arguments emptied")
                result = function(*arguments, **named)
                if kind == "arguments changed afterwards":
                    _change_all(given)
                if kind == "empty":
                    return _emptied(result)
                if kind == "boxed":
                    return _boxed(result)
                if kind == "hollow":
                    return _map(result, _hole)
                if kind == "all nan":
                    return _map(result, lambda: float("nan"))
                return result
            finally:
                _inside.pop()

        return answer

    return around
'''


def code_of(kind: str, solution: str) -> str:
    """An answer cell: the course's own answer, of which every function is made another of this kind."""
    names = [node.name for node in ast.parse(solution).body if isinstance(node, ast.FunctionDef)]
    assert kind in [*KINDS, UNCHANGED] and names
    return "\n\n".join([solution, PRELUDE, *(f"{name} = _made({kind!r})({name})" for name in names)])
