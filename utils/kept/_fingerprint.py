"""A hash of a value's content, in which all that a computation could notice has a part."""

import dataclasses
import functools
import hashlib
import inspect
import json
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOMS = ("datasets", "evaluation", "mitigation", "training")  # whose functions and classes have a fingerprint
# Networks of these layers are the same function every time. Others may draw by lot (Dropout), or do what we cannot see.
LAYERS = (
    "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ELU", "Flatten", "GELU",
    "GroupNorm", "Identity", "LayerNorm", "LeakyReLU", "Linear", "MaxPool2d", "ReLU", "ReLU6", "Sequential", "SiLU",
    "Sigmoid", "Softplus", "Tanh", "Unflatten", "ZeroPad2d",
)  # fmt: skip
# Subclasses of others' making may do something else with the same content.
NUMBERS = frozenset(np.dtype(kind).type for kind in [*np.typecodes["All"]])
INDEXES = (pd.Index, pd.RangeIndex, pd.CategoricalIndex, pd.DatetimeIndex, pd.TimedeltaIndex)
WORD, OTHER = 0, 4  # kinds of objects, see `_kind_of_object`


class NoKey(TypeError):
    """A value about which a hash cannot say all that could matter."""


def fingerprint(value: Any) -> str:
    """A hash of a value's content: SHA-256, 64 hexadecimal digits.

    Values that differ in anything that a computation could notice have other fingerprints, also where they compare
    equal (1 and 1.0, an int32 and an int64 array, a dict in another order).

    Parameters
    ----------
    value : None, bool, number, text, bytes, Path; tuple, list, dict and range of such; numpy arrays and numbers; pandas
        tables, columns and indexes; torch tensors, and networks of the layers in `LAYERS`; functions and classes of
        this project, functools.partial of them, and its dataclasses

    Raises
    ------
    NoKey : anything else
    """
    digest = hashlib.sha256()
    try:
        _feed(digest, value)
    except RecursionError:
        raise NoKey("a value that holds itself, or is nested too deep, has no key") from None
    return digest.hexdigest()


def _feed(digest, value: Any) -> None:
    """Add a value to a hash: a mark for its kind, how long it is, and its content, so that no two values look alike."""

    def put(kind: str, content: bytes = b"") -> None:
        digest.update(f"{kind}:{len(content)}:".encode())
        digest.update(content)

    def several(kind: str, values) -> None:
        put(f"{kind} {len(values)}")
        for each in values:
            _feed(digest, each)

    torch = sys.modules.get("torch")
    match value:
        case None | bool():
            put(repr(value))
        case int() if type(value) is int:
            put("int", str(value).encode())
        case float() if type(value) is float:
            put("float", struct.pack("<d", value))
        case str() if type(value) is str:
            put("str", value.encode("utf-8", "surrogatepass"))
        case bytes() if type(value) is bytes:
            put("bytes", value)
        case Path():
            put("path", str(value).encode())
        case range():
            put("range", repr(value).encode())
        case list() | tuple() if type(value) in (list, tuple):
            several(type(value).__name__, value)
        case dict() if type(value) is dict:
            several("dict", [item for pair in value.items() for item in pair])
        # A subclass may do something else with the same content (a mask, a method of its own).
        case np.ndarray() | np.generic() if type(value) in (np.ndarray, np.memmap) or type(value) in NUMBERS:
            _feed_array(digest, put, np.asarray(value), type(value).__name__)
        case pd.DataFrame() if type(value) is pd.DataFrame:
            columns = [value.iloc[:, i] for i in range(value.shape[1])]
            unique = value.flags.allows_duplicate_labels
            several("table", [value.columns, value.index, value.attrs, unique, *columns])
        case pd.Series() if type(value) is pd.Series:
            unique = value.flags.allows_duplicate_labels
            several("column", [value.name, value.index, value.attrs, unique, repr(value.dtype), _values(value)])
        case pd.MultiIndex() if type(value) is pd.MultiIndex:
            several("multiindex", [list(value.names), *value.levels, *map(np.asarray, value.codes)])
        case pd.Index() if type(value) in INDEXES:
            every = str(getattr(value, "freq", None))
            several("index", [type(value).__name__, value.name, every, repr(value.dtype), _values(value)])
        case functools.partial():
            several("partial", [value.func, list(value.args), value.keywords])
        case _ if torch and type(value) in (torch.Tensor, torch.nn.Parameter):
            if value._backward_hooks or getattr(value, "_post_accumulate_grad_hooks", None):
                raise NoKey("a tensor with a hook has no key")
            put(f"tensor {type(value).__name__} {value.requires_grad}")
            try:
                _feed(digest, value.detach().numpy())
            except (RuntimeError, TypeError):
                raise NoKey(f"a {value.dtype} tensor on {value.device} has no key") from None
        case _ if torch and isinstance(value, torch.nn.Module):
            _feed_network(digest, put, value, {})
        case _ if inspect.isfunction(value) or inspect.isclass(value):
            if not _is_ours(value):
                raise NoKey(f"{value!r} is not a function of this project: what it does cannot be told from its name")
            put("ours", f"{value.__module__}.{value.__qualname__}".encode())
        case _ if dataclasses.is_dataclass(value) and _is_ours(type(value)):
            several("dataclass", [type(value), *(getattr(value, field.name) for field in dataclasses.fields(value))])
        case Mapping() | _:
            raise NoKey(f"a {type(value).__name__} has no key")


def _feed_array(digest, put, array: np.ndarray, kind: str) -> None:
    if array.dtype.hasobject:
        flat = array.ravel().tolist() if array.dtype == object else None
        if flat is None:
            raise NoKey(f"an array of {array.dtype} has no key")
        put(f"objects {kind} {array.shape}")
        kinds = bytes(map(_kind_of_object, flat))
        if not kinds.count(OTHER):  # words, some of them missing: many at a time
            places, words = pd.factorize(array.ravel(), use_na_sentinel=True)
            put("words", json.dumps(words.tolist()).encode())
            put("places", kinds)
            digest.update(np.ascontiguousarray(places, np.int64))
            return
        shapes = {(item.shape, item.dtype.str) if type(item) is np.ndarray else None for item in flat}
        if len(shapes) == 1 and None not in shapes and not flat[0].dtype.hasobject:
            put("arrays")
            _feed_array(digest, put, np.stack(flat), kind)
            return
        for item in flat:
            _feed(digest, "missing" if item is pd.NA else item)
            put(str(item is pd.NA))
        return
    # Sums over other strides add up in another order, and differ in the last bits.
    put(f"array {kind} {array.dtype.descr} {array.shape} {'' if array.flags.c_contiguous else array.strides}")
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _kind_of_object(item) -> int:
    """What an element of an array of objects is: a word, one of three that mean missing, or something else."""
    if type(item) is str:
        return WORD
    return 1 if item is None else 2 if item is pd.NA else 3 if item is np.nan else OTHER


def _values(column):
    """The values of a column or index as an array, and as objects where numpy has no type for them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes if isinstance(column, pd.Series) else column.codes
        return [np.asarray(codes), column.dtype.categories, bool(column.dtype.ordered)]
    values = column.to_numpy()
    if values.dtype.kind in "mM":
        return [values.dtype.str, values.view(np.int64)]
    if getattr(column.dtype, "kind", "O") in "iub" and not isinstance(
        column.dtype, np.dtype
    ):  # whole numbers with gaps
        missing = np.asarray(column.isna())
        return [column.array.to_numpy(column.dtype.numpy_dtype, na_value=0), missing]
    return values if isinstance(column.dtype, np.dtype) else column.to_numpy(object)


def _feed_network(digest, put, network, seen: dict) -> None:
    """A network: its layers with all that they hold, and which of them share their weights."""
    kind = type(network)
    if not kind.__module__.startswith("torch.nn.modules.") or kind.__name__ not in LAYERS:
        raise NoKey(f"a layer of kind {kind.__qualname__} has no key: it may draw by lot, or do more than it shows")
    if kind.forward.__module__ != kind.__module__:
        raise NoKey(f"the layers of kind {kind.__qualname__} were given another `forward`")
    everywhere = vars(sys.modules["torch.nn.modules.module"]).items()
    if any(hooks for name, hooks in everywhere if name.startswith("_global_") and name.endswith("_hooks")):
        raise NoKey("there is a hook on all networks, and what it does has no key")
    put("network", kind.__name__.encode())
    if id(network) in seen:
        put("seen before", str(seen[id(network)]).encode())
        return
    seen[id(network)] = len(seen)
    for name, value in sorted(vars(network).items()):
        if name in ("_parameters", "_buffers"):
            for key, tensor in value.items():
                _feed(digest, [name, key])
                if tensor is not None and id(tensor) in seen:
                    put("seen before", str(seen[id(tensor)]).encode())
                elif tensor is None:
                    _feed(digest, None)
                else:
                    seen[id(tensor)] = len(seen)
                    _feed(digest, tensor)
                    # Two weights may be one memory: whoever trains the one changes the other.
                    memory = ("memory", tensor.untyped_storage().data_ptr())
                    put("memory", f"{seen.setdefault(memory, len(seen))} {tensor.storage_offset()}".encode())
        elif name == "_modules":
            for key, part in value.items():
                _feed(digest, [name, key])
                _feed_network(digest, put, part, seen)
        elif name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called")) and not value:
            continue
        elif isinstance(value, set | frozenset):
            _feed(digest, [name, sorted(value)])
        else:
            _feed(digest, [name, value])  # a hook, or a `forward` of its own, has no key


def _is_ours(thing) -> bool:
    """Whether this is a function or class of this project, under its own name (and not put in place of one)."""
    package, _, name = (getattr(thing, "__module__", None) or "").partition(".")
    if package != "utils" or name.partition(".")[0] not in ROOMS:  # what else there is in `utils` has no part in a key
        return False
    current = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        current = getattr(current, part, None)
    return current is thing
