"""What values hold and how the process is set, written down so that it can be compared later."""

import dataclasses
import decimal
import enum
import locale
import logging
import os
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import PurePath

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import requests
import sklearn
import torch
from matplotlib.artist import Artist
from sklearn.base import BaseEstimator
from sklearn.tree._tree import Tree
from torch import nn
from tqdm.auto import tqdm

from utils.datasets._scene_canvas import Canvas
from utils.training._tabular import Counted

PLAIN = (str, bytes, int, bool, complex, type(None), PurePath, range, slice, np.dtype, enum.Enum)
OPEN = (BaseEstimator, Tree, Canvas, Counted)  # objects that are looked into
# Compared as a whole: a generator is there to be drawn from, a session to be used, a bar to move on, a figure's parts
# to be drawn.
CLOSED = (np.random.Generator, torch.Generator, requests.Session, Artist, tqdm)


def state(x):
    """All that a value holds, in tuples and bytes: two of them are equal if nothing about the value changed."""
    kind = type(x).__name__
    if isinstance(x, PLAIN):
        return kind, x
    if isinstance(x, float):
        return kind, repr(x)  # NaN is like NaN
    if isinstance(x, np.generic):
        return kind, x.tobytes()
    if isinstance(x, np.ndarray):
        values = [state(v) for v in x.ravel()] if x.dtype == object else x.tobytes()
        return kind, str(x.dtype), x.shape, x.strides, x.flags.writeable, values
    if isinstance(x, torch.Tensor):
        return kind, x.requires_grad, state(x.grad), x.stride(), state(x.detach().numpy())
    if isinstance(x, pd.DataFrame):
        return (
            kind,
            state(x.columns),
            state(x.index),
            state(x.attrs),
            [_column(x.iloc[:, i]) for i in range(x.shape[1])],
        )
    if isinstance(x, pd.Series):
        return kind, state(x.name), state(x.index), state(x.attrs), _column(x)
    if isinstance(x, pd.Index):
        return kind, state(list(x.names)), _column(x)
    if isinstance(x, nn.Module):
        modes = [(name, part.training) for name, part in x.named_modules()]
        return kind, modes, [(name, state(p)) for name, p in [*x.named_parameters(), *x.named_buffers()]]
    if isinstance(x, Mapping):
        return kind, [(state(k), state(v)) for k, v in x.items()]
    if isinstance(x, list | tuple):
        return kind, [state(v) for v in x]
    if isinstance(x, set | frozenset):
        return kind, sorted(map(repr, x))
    if callable(x) and not isinstance(x, OPEN) or isinstance(x, CLOSED):
        return kind, id(x)
    if dataclasses.is_dataclass(x) or isinstance(x, OPEN):
        return kind, state(vars(x) if hasattr(x, "__dict__") else x.__getstate__())
    raise TypeError(f"There is no way yet to compare a {kind}: write one into tests/utils/snapshots.py.")


def _column(x):
    values = [state(v) for v in x] if x.dtype == object else repr(x.tolist())
    return str(x.dtype), repr(list(getattr(x.dtype, "categories", []))), values


def parts(x, cells: bool = False) -> Iterator:
    """A value and all that it is made of, without what is inside of tables; with `cells` the arrays there too."""
    yield x
    inside = ()
    if isinstance(x, Mapping):
        inside = x.values()
    elif isinstance(x, list | tuple | set | frozenset):
        inside = x
    elif isinstance(x, nn.Module):
        inside = [p for module in x.modules() for p in vars(module)["_parameters"].values() if p is not None]
    elif (dataclasses.is_dataclass(x) and not isinstance(x, type)) or isinstance(x, OPEN):
        inside = vars(x).values() if hasattr(x, "__dict__") else ()
    elif isinstance(x, pd.DataFrame) and cells:
        inside = [x[c] for c in x]
    elif isinstance(x, pd.Series) and cells:
        inside = x if x.dtype == object else [x.to_numpy()]
    for part in inside:
        yield from parts(part, cells)


def changeable(x) -> bool:
    """Whether a value could be changed by whoever holds it."""
    frozen = dataclasses.is_dataclass(x) and x.__dataclass_params__.frozen
    kinds = (np.ndarray, torch.Tensor, pd.DataFrame, pd.Series, nn.Module, dict, list, set, OPEN)
    return (dataclasses.is_dataclass(x) and not frozen) or isinstance(x, kinds)


def shared(result, given) -> list[str]:
    """What a result has in common with what was given: the same object, or the memory of an array."""
    held = {id(x) for x in parts(given) if changeable(x)}
    theirs = [a for x in parts(given, cells=True) if (a := _memory(x)) is not None]
    found = []
    for x in parts(result):
        own = _memory(x)
        if id(x) in held:
            found.append(f"the same {type(x).__name__}")
        elif own is not None and own.flags.writeable and any(np.may_share_memory(own, a) for a in theirs):
            found.append(f"the memory of {type(x).__name__}")
    return found


def _memory(x):
    return x.detach().numpy() if isinstance(x, torch.Tensor) else x if isinstance(x, np.ndarray) else None


def locked(x):
    """A copy whose arrays cannot be written to, neither those in the cells of tables."""
    if isinstance(x, np.ndarray):
        x = x.copy()
        x.flags.writeable = False
        return x
    if isinstance(x, pd.DataFrame):
        return x.assign(**{c: locked(x[c]) for c in x if x[c].dtype == object})
    if isinstance(x, pd.Series) and x.dtype == object:
        return pd.Series([locked(v) for v in x], index=x.index, name=x.name, dtype=object)
    if isinstance(x, dict):
        return {k: locked(v) for k, v in x.items()}
    if type(x) in (list, tuple):
        return type(x)(locked(v) for v in x)
    return x


def settings() -> dict:
    """How the process is set: the random state and the settings of Python and of the libraries, by name."""
    loggers = {n: x for n, x in logging.root.manager.loggerDict.items() if isinstance(x, logging.Logger)}
    return {
        "random": random.getstate(),
        "numpy.random": state(np.random.get_state()),  # noqa: NPY002
        "numpy": (np.geterr(), np.geterrcall(), np.get_printoptions(), np.getbufsize()),
        "torch.random": state(torch.get_rng_state()),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch": (
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.is_anomaly_enabled(),
            torch.get_float32_matmul_precision(),
            torch.backends.mkldnn.enabled,
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            repr(torch._tensor_str.PRINT_OPTS),
        ),
        "denormal numbers": bool(torch.tensor([1e-40]).mul(1.0) == 0),
        "pandas": pd.describe_option(_print_desc=False),
        "polars": pl.Config.state(),
        "scikit-learn": sklearn.get_config(),
        "matplotlib": (dict(plt.rcParams), plt.get_backend(), plt.isinteractive()),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": repr(decimal.getcontext()),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "loggers": {name: (x.level, x.propagate, x.disabled) for name, x in loggers.items() if x.level or x.handlers},
        "sys": (sys.stdout, sys.stderr, sys.excepthook, sys.displayhook, sys.getrecursionlimit(), list(sys.path)),
    }


def constants() -> dict:
    """Full name → value, of the constants of `utils` that could be changed."""
    modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "utils"}
    return {
        f"{name}.{constant}": value
        for name, module in modules.items()
        for constant, value in vars(module).items()
        if constant.isupper() and changeable(value)
    }
