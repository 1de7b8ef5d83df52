"""Messages of plain data between the trusted tests and a student's functions: numbers, text, arrays, tables.

Both sides know this module, and neither trusts the other with more than data: nothing here can name a class or a
function of the receiver, so a message can be wrong but cannot run anything (pickle could). A message has a head (JSON)
and a body (the bytes of all arrays), and is sent by `grading.channel`.

In the head a plain JSON value stands for itself, and everything else is a list with its kind in front, such as
`["array", "<f8", [3, 2], 0, 48]` (dtype, shape, and from where to where in the body). What is not plain data is refused
by `encode` with a TypeError that says what came. What `Writer` writes `Reader` reads, kind for kind: that is why they
stand in one file.
"""

import datetime
import math
import re
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from .channel import DEEPEST, MOST_BYTES, ChannelError
from .generators import generator, state_of

MOST_MADE = 2 * MOST_BYTES  # bytes that are made out of one message
TABLE = 2000  # bytes that a table, an index or a generator takes without anything in it
# What is looked up by name on the receiver's side is on these lists. A type, a zone or a state that is made of other
# words could open files there, or be read beyond its end.
DTYPE = re.compile(
    r"[<>|=](b1|[iu][1248]|f(2|4|8|16)|c(8|16|32)|[US][1-9]\d{0,8}|[mM]8(\[\d{0,4}(Y|M|W|D|h|m|s|ms|us|ns)\])?)"
)
ZONE = re.compile(r"UTC[+-]\d\d:\d\d|(?!dateutil)[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")
FREQUENCY = re.compile(r"\d{0,4}[A-Za-z]{1,3}(-[A-Z]{3})?")
TIME = re.compile(r"-?\d{1,6}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([+-]\d\d:\d\d(:\d\d)?)?)?")
TEXTS = {"str", "string"}  # pandas's types of text
MASKED = {"b": pd.arrays.BooleanArray, "i": pd.arrays.IntegerArray, "u": pd.arrays.IntegerArray,
          "f": pd.arrays.FloatingArray}  # fmt: skip
CLOSED = {"left", "right", "both", "neither"}
TORCH_DTYPES = {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"}


class TooDeep(TypeError):
    """A value with others inside it, and in those others, further than anybody reads."""


class Opaque:
    """Stands for something that cannot be sent. It equals nothing but itself: a test that looks at it fails."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self):
        return f"<{self.name}: nothing that can be checked>"


# --- values into messages -----------------------------------------------------------------------------------------


class Writer:
    """Encodes several values into one head and one body.

    Parameters
    ----------
    callback : called with a function that stands among the values, returns a number for it; None refuses functions
    graph : called with a torch tensor that carries a gradient, returns a number for it; None sends the values alone
    """

    def __init__(self, callback: Callable | None = None, graph: Callable | None = None):
        self.body, self.callback, self.graph = bytearray(), callback, graph
        self.marking = False

    def mark(self, value: object, depth: int = 0):
        """As `encode`; where something cannot be sent, a mark stands in its place, and the rest goes over."""
        marking, self.marking = self.marking, True
        try:
            return self.encode(value, depth)
        except TooDeep:
            if depth:
                raise
            return ["opaque", type(value).__name__[:100]]
        except Exception:  # also what a class of the student's own raises when it is looked at
            return ["opaque", type(value).__name__[:100]]
        finally:
            self.marking = marking

    def encode(self, value: object, depth: int = 0):
        """The value as it stands in a head. What is no plain data is a TypeError; in the columns of a table, a mark."""
        if depth > DEEPEST:
            raise TooDeep(f"values nested more than {DEEPEST} deep cannot be checked")
        kind = type(value)
        if value is None or kind in (bool, str, int, float):
            return value
        inner = depth + 1
        item = self.mark if self.marking else self.encode
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), inner, item)
        if isinstance(value, np.generic):
            return ["scalar", self._array(np.asarray(value), inner, item)]
        if isinstance(value, pd.DataFrame):
            columns = [self._column(value.iloc[:, i].array, inner) for i in range(value.shape[1])]
            return ["frame", self.encode(value.index, inner), self.encode(value.columns, inner), columns]
        if isinstance(value, pd.Series):
            return [
                "series",
                self.encode(value.index, inner),
                self.mark(value.name, inner),
                self._column(value.array, inner),
            ]
        if isinstance(value, pd.MultiIndex):
            levels = [self._column(value.get_level_values(i).array, inner) for i in range(value.nlevels)]
            return ["levels", levels, self.mark(list(value.names), inner)]
        if isinstance(value, pd.Index):
            return ["index", self._column(value.array, inner), self.mark(value.name, inner)]
        if isinstance(value, pd.api.extensions.ExtensionArray):
            return ["column", self._column(value, inner)]
        if isinstance(value, list | tuple | set | frozenset):
            name = next(
                n for n, t in {"list": list, "tuple": tuple, "set": (set, frozenset)}.items() if isinstance(value, t)
            )
            return [name, [item(each, inner) for each in value]]
        if isinstance(value, dict):
            return ["dict", [[item(k, inner), item(v, inner)] for k, v in value.items()]]
        if value is pd.NA or value is pd.NaT:
            return ["missing", "NA" if value is pd.NA else "NaT"]
        if isinstance(value, bool | str | int | float):  # a subclass: only its value counts
            plain = next(t for t in (bool, str, int, float) if isinstance(value, t))
            return plain.__str__(value) if plain is str else plain(value)
        if isinstance(value, complex):
            return ["complex", value.real, value.imag]
        if isinstance(value, datetime.date | datetime.time | datetime.timedelta | pd.Period | pd.Interval):
            return self._moment(value, inner)
        if isinstance(value, np.random.Generator):
            return ["generator", self.encode(state_of(value), inner)]
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            number = self.graph(value) if self.graph and value.requires_grad else None
            values = self._array(value.detach().cpu().numpy(), inner, item)
            return ["tensor", values, bool(value.requires_grad), number]
        if isinstance(value, Opaque):
            return ["opaque", value.name]
        if callable(value) and self.callback is not None:
            return ["function", self.callback(value), str(getattr(value, "__name__", "function"))]
        raise TypeError(f"{kind.__name__} is nothing that can be checked: use numbers, text, lists, arrays or tables")

    def _moment(self, value, depth: int):
        """Times, days, spans of time, and intervals of numbers or times."""
        if isinstance(value, pd.Timestamp):
            zone = str(value.tz)
            return ["time", value.isoformat(), zone if value.tz is not None and ZONE.fullmatch(zone) else ""]
        if isinstance(value, pd.Timedelta):
            return ["span", value.days, value.seconds, value.microseconds, value.nanoseconds]
        if isinstance(value, pd.Period):
            return ["period", value.ordinal, value.freqstr]
        if isinstance(value, pd.Interval):
            return ["interval", self.encode(value.left, depth), self.encode(value.right, depth), value.closed]
        if isinstance(value, datetime.timedelta):
            return ["timedelta", value.days, value.seconds, value.microseconds]
        kind = next(kind for kind in (datetime.datetime, datetime.date, datetime.time) if isinstance(value, kind))
        return [kind.__name__, kind.isoformat(value)]

    def _array(self, value, depth: int, item):
        """`item` encodes what stands in an array of objects."""
        if value.dtype.kind == "O":
            return ["objects", list(value.shape), [item(each, depth + 1) for each in value.ravel().tolist()]]
        if not DTYPE.fullmatch(value.dtype.str):
            raise TypeError(f"an array of {value.dtype} cannot be checked: use numbers, text or true and false")
        data = np.ascontiguousarray(value).tobytes()
        start = len(self.body)
        self.body += data
        return ["array", value.dtype.str, list(value.shape), start, start + len(data)]

    def _column(self, values, depth: int):
        dtype, inner = values.dtype, depth + 1
        if type(values) is pd.arrays.NumpyExtensionArray:  # text has a subclass of it, which is no numpy dtype
            values = values.to_numpy()
            dtype = values.dtype
        if isinstance(dtype, np.dtype):
            return self._array(np.asarray(values), depth, self.mark)
        if isinstance(dtype, pd.CategoricalDtype):
            codes = self._array(np.asarray(values.codes), depth, self.mark)
            return ["categories", codes, self.encode(dtype.categories, inner), bool(dtype.ordered)]
        if isinstance(dtype, pd.IntervalDtype):
            ends = [self._column(end.array, inner) for end in (values.left, values.right)]
            return ["intervals", *ends, dtype.closed]
        if isinstance(dtype, pd.PeriodDtype) and FREQUENCY.fullmatch(_frequency(dtype)):
            return ["periods", self._array(values.asi8, depth, self.mark), _frequency(dtype)]
        if isinstance(dtype, pd.DatetimeTZDtype) and ZONE.fullmatch(str(dtype.tz)):
            times = values.tz_convert("UTC").tz_localize(None)
            return ["zoned", self._array(np.asarray(times), depth, self.mark), str(dtype.tz)]
        if isinstance(values, tuple(MASKED.values())):
            known = values.to_numpy(dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
            return [
                "masked",
                self._array(known, depth, self.mark),
                self._array(np.asarray(values.isna()), depth, self.mark),
            ]
        if str(dtype) in TEXTS:
            return ["typed", str(dtype), [None if pd.isna(each) else str(each) for each in values]]
        return self._array(np.asarray(values), depth, self.mark)  # the values of a type that is only pandas's


def _frequency(dtype: pd.PeriodDtype) -> str:
    return dtype.name.removeprefix("period[").removesuffix("]")


# --- messages into values -----------------------------------------------------------------------------------------


class Reader:
    """Decodes values out of one message; everything odd is a ChannelError.

    Parameters
    ----------
    body : bytes of the message
    function : called with the number and the name of a function, returns what stands for it; None refuses functions
    tensor : called with a tensor that requires a gradient and its number, returns the tensor to use; None leaves it
    """

    def __init__(self, body: bytes, function: Callable | None = None, tensor: Callable | None = None):
        self.body, self.function, self.tensor = body, function, tensor
        self.left = MOST_MADE

    def decode(self, head: object):
        try:
            return self._decode(head, 0)
        except ChannelError:
            raise
        except Exception as problem:  # whatever a wrong message brings about in numpy or pandas
            raise ChannelError(f"no valid value: {type(problem).__name__}: {str(problem)[:200]}") from None

    def _take(self, size: int) -> None:
        """Note that so many bytes are made. Two values may be made from the same bytes of a message."""
        self.left -= size
        if self.left < 0:
            raise ChannelError(f"values of more than {MOST_MADE:,} bytes in one message")

    def _decode(self, head, depth):
        if depth > 2 * DEEPEST:
            raise ChannelError("nested too deep")
        if not isinstance(head, list):
            if head is None or type(head) in (bool, str, int, float):
                return head
            raise ChannelError("an unknown kind of value")
        kind, *parts = head
        inner = depth + 1
        match kind, len(parts):
            case "array", 4:
                return self._array(*parts)
            case "objects", 2:
                return self._objects(*parts, inner)
            case "scalar", 1:
                return self._decode(parts[0], inner)[()]
            case "frame", 3:
                index, columns = self._index(parts[0], inner), self._index(parts[1], inner)
                values = {i: self._series(part, index, inner) for i, part in enumerate(parts[2])}
                frame = pd.DataFrame(values, index=index) if values else pd.DataFrame(index=index)
                frame.columns = columns
                return frame
            case "series", 3:
                series = self._series(parts[2], self._index(parts[0], inner), inner)
                series.name = self._decode(parts[1], inner)
                return series
            case (("index" | "levels"), 2):
                return self._index(head, depth)
            case "column", 1:
                return pd.array(self._column(parts[0], inner))
            case (("list" | "tuple" | "set"), 1):
                return {"list": list, "tuple": tuple, "set": set}[kind](self._decode(part, inner) for part in parts[0])
            case "dict", 1:
                return {self._decode(k, inner): self._decode(v, inner) for k, v in parts[0]}
            case "missing", 1:
                return {"NA": pd.NA, "NaT": pd.NaT}[parts[0]]
            case "complex", 2:
                return complex(*parts)
            case (("time" | "span" | "period" | "interval" | "timedelta" | "datetime" | "date"), _):
                return self._moment(kind, parts, inner)
            case "generator", 1:
                self._take(TABLE)
                return generator(self._decode(parts[0], inner))
            case "tensor", 3:
                return self._tensor(*parts)
            case "opaque", 1:
                return Opaque(str(parts[0])[:100])
            case "function", 2 if self.function is not None:
                return self.function(int(parts[0]), str(parts[1]))
        raise ChannelError("an unknown kind of value")

    def _moment(self, kind, parts, depth):
        match kind, parts:
            case "time", [str(text), str(zone)] if TIME.fullmatch(text) and (not zone or ZONE.fullmatch(zone)):
                time = pd.Timestamp(text)
                return time.tz_convert(zone) if zone else time
            case "time", [str(text)]:  # `datetime.time`
                return datetime.time.fromisoformat(text)
            case (("datetime" | "date"), [str(text)]):
                return getattr(datetime, kind).fromisoformat(text)
            case "span", [int(days), int(seconds), int(micro), int(nano)]:
                return pd.Timedelta(days=days, seconds=seconds, microseconds=micro, nanoseconds=nano)
            case "timedelta", [int(days), int(seconds), int(micro)]:
                return datetime.timedelta(days, seconds, micro)
            case "period", [int(ordinal), str(frequency)] if FREQUENCY.fullmatch(frequency):
                return pd.Period(ordinal=ordinal, freq=frequency)
            case "interval", [left, right, str(closed)] if closed in CLOSED:
                return pd.Interval(self._decode(left, depth), self._decode(right, depth), closed=closed)
        raise ChannelError("a time or an interval that is none")

    def _array(self, dtype, shape, start, end):
        if type(dtype) is not str or not DTYPE.fullmatch(dtype):
            raise ChannelError("an array of another type than numbers, text and times")
        dtype = np.dtype(dtype)
        if not all(type(n) is int and 0 <= n <= MOST_BYTES for n in shape):
            raise ChannelError("an array that is none")
        if not 0 <= start <= end <= len(self.body) or math.prod(shape) * dtype.itemsize != end - start:
            raise ChannelError("an array with another size than it says")
        # pandas makes an object of Python's out of each text
        self._take(end - start + (64 * math.prod(shape) if dtype.kind in "US" else 0))
        values = np.frombuffer(self.body[start:end], dtype).reshape(shape).copy()
        if dtype.kind == "b":
            return values.view("u1") != 0  # a byte of 2 would be true, and count twice
        if dtype.kind == "U" and values.size and values.ravel().view(dtype.byteorder + "u4").max() > sys.maxunicode:
            raise ChannelError("a text with signs that are none")
        return values

    def _objects(self, shape, items, depth):
        values = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            values[i] = self._decode(item, depth)
        return values.reshape(shape)

    def _column(self, head, depth):
        self._take(TABLE)
        match head:
            case ["categories", codes, categories, ordered]:
                values = pd.Categorical.from_codes(
                    self._column(codes, depth + 1), self._index(categories, depth + 1), ordered=bool(ordered)
                )
            case ["intervals", left, right, str(closed)] if closed in CLOSED:
                ends = self._column(left, depth + 1), self._column(right, depth + 1)
                values = pd.arrays.IntervalArray.from_arrays(*ends, closed=closed)
            case ["periods", ordinals, str(frequency)] if FREQUENCY.fullmatch(frequency):
                dtype = pd.PeriodDtype(frequency)
                values = pd.arrays.PeriodArray(self._column(ordinals, depth + 1), dtype=dtype)
            case ["zoned", times, str(zone)] if ZONE.fullmatch(zone):
                times = pd.DatetimeIndex(self._column(times, depth + 1)).tz_localize("UTC")
                values = times.tz_convert(zone).array
            case ["masked", known, missing]:
                known, missing = self._column(known, depth + 1), self._column(missing, depth + 1)
                values = MASKED[known.dtype.kind](known, missing)
            case ["typed", str(dtype), list(items)] if dtype in TEXTS:
                if not all(item is None or type(item) is str for item in items):
                    raise ChannelError("a column of text that is none")
                values = pd.array(items, dtype=dtype)
            case [("array" | "objects"), *_]:
                values = self._decode(head, depth)
            case _:
                raise ChannelError("a column of an unknown kind")
        if values.ndim != 1:
            raise ChannelError("a column that is none")
        return values

    def _index(self, head, depth):
        match head:
            case ["index", values, name]:
                return self._labelled(pd.Index, self._column(values, depth + 1), name=self._decode(name, depth + 1))
            case ["levels", list(levels), names]:
                levels = [self._column(level, depth + 1) for level in levels]
                return pd.MultiIndex.from_arrays(levels, names=self._decode(names, depth + 1))
        raise ChannelError("labels of an unknown kind")

    def _series(self, head, index, depth):
        values = self._column(head, depth)
        if len(values) != len(index):  # pandas would repeat or leave out some of them
            raise ChannelError("a column with another number of rows than its table")
        return self._labelled(pd.Series, values, index=index)

    def _labelled(self, kind, values, **labels):
        # Without a type pandas would guess another one for a column of objects.
        return kind(values, dtype=object if values.dtype == object else None, **labels)

    def _tensor(self, array, requires_grad, number):
        import torch

        self._take(TABLE)
        values = self._array(*array[1:])
        if str(values.dtype) not in TORCH_DTYPES:
            raise ChannelError("a tensor that is none")
        tensor = torch.from_numpy(values)
        if not requires_grad:
            return tensor
        return self.tensor(tensor, number) if self.tensor else tensor.requires_grad_()
