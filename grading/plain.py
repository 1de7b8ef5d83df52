"""Messages of plain data between the trusted tests and a student's functions: numbers, text, arrays, tables.

Both sides know this module, and neither trusts the other with more than data: nothing here can name a class or a
function of the receiver, so a message can be wrong but cannot run anything (pickle could). A message is

    8 bytes length of the head · 8 bytes length of the body · head (JSON) · body (the bytes of all arrays)

In the head a plain JSON value stands for itself, and everything else is a list with its kind in front, such as
`["array", "<f8", [3, 2], 0, 48]` (dtype, shape, and from where to where in the body). What is not plain data is refused
by `encode` with a TypeError that says what came.
"""

import json
import math
import socket
import struct
import sys

import numpy as np
import pandas as pd

HEAD = struct.Struct("<QQ")
MOST_BYTES = 256 * 2**20
DEEPEST = 50
NUMERIC = "biufMmUS"  # the dtypes whose bytes are their meaning
BIT_GENERATORS = {"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"}
TORCH_DTYPES = {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"}


class ChannelError(Exception):
    """The other side sent no valid message, or is gone."""


# --- sending and receiving ----------------------------------------------------------------------------------------


def send(channel: socket.socket, head, body: bytes = b"") -> None:
    data = json.dumps(head).encode()
    channel.sendall(HEAD.pack(len(data), len(body)) + data + body)


def receive(channel: socket.socket, most_bytes: int = MOST_BYTES):
    """The next message: head and body.

    Raises
    ------
    ChannelError : the other side closed the channel, or what came is no message or too large
    TimeoutError : nothing came within the channel's timeout
    """
    head_size, body_size = HEAD.unpack(_exactly(channel, HEAD.size))
    if head_size + body_size > most_bytes:
        raise ChannelError(f"a message of {head_size + body_size:,} bytes; at most {most_bytes:,} are read")
    data = _exactly(channel, head_size + body_size)
    try:
        return json.loads(data[:head_size]), data[head_size:]
    except (ValueError, RecursionError) as problem:
        raise ChannelError(f"no valid message: {type(problem).__name__}") from None


def _exactly(channel, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            part = channel.recv(min(size - len(data), 2**20))
        except OSError as problem:
            if isinstance(problem, TimeoutError):
                raise
            raise ChannelError(f"the channel broke: {problem}") from None
        if not part:
            raise ChannelError("the other side has gone")
        data += part
    return bytes(data)


# --- values into messages -----------------------------------------------------------------------------------------


class Writer:
    """Encodes several values into one head and one body.

    Parameters
    ----------
    callback : called with a function that stands among the values, returns a number for it; None refuses functions
    graph : called with a torch tensor that carries a gradient, returns a number for it; None sends the values alone
    """

    def __init__(self, callback=None, graph=None):
        self.body, self.callback, self.graph = bytearray(), callback, graph

    def encode(self, value, depth: int = 0):
        if depth > DEEPEST:
            raise TypeError(f"values nested more than {DEEPEST} deep cannot be checked")
        kind = type(value)
        if value is None or kind in (bool, str, int, float):
            return value
        inner = depth + 1
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), inner)
        if isinstance(value, np.generic):
            return ["scalar", self._array(np.asarray(value), inner)]
        if isinstance(value, pd.DataFrame):
            columns = [self._column(value.iloc[:, i].array, inner) for i in range(value.shape[1])]
            return ["frame", self.encode(value.index, inner), self.encode(value.columns, inner), columns]
        if isinstance(value, pd.Series):
            return [
                "series",
                self.encode(value.index, inner),
                self.encode(value.name, inner),
                self._column(value.array, inner),
            ]
        if isinstance(value, pd.MultiIndex):
            levels = [self._column(value.get_level_values(i).array, inner) for i in range(value.nlevels)]
            return ["levels", levels, self.encode(list(value.names), inner)]
        if isinstance(value, pd.Index):
            return ["index", self._column(value.array, inner), self.encode(value.name, inner)]
        if isinstance(value, pd.api.extensions.ExtensionArray):
            return ["column", self._column(value, inner)]
        if isinstance(value, list | tuple | set | frozenset):
            name = next(
                n for n, t in {"list": list, "tuple": tuple, "set": (set, frozenset)}.items() if isinstance(value, t)
            )
            return [name, [self.encode(item, inner) for item in value]]
        if isinstance(value, dict):
            return ["dict", [[self.encode(k, inner), self.encode(v, inner)] for k, v in value.items()]]
        if value is pd.NA or value is pd.NaT:
            return ["missing", "NA" if value is pd.NA else "NaT"]
        if isinstance(value, pd.Timestamp):
            return ["time", value.isoformat()]
        if isinstance(value, bool | str | int | float):  # a subclass: only its value counts
            plain = next(t for t in (bool, str, int, float) if isinstance(value, t))
            return plain.__str__(value) if plain is str else plain(value)
        if isinstance(value, np.random.Generator):
            return ["generator", self.encode(_state(value.bit_generator.state), inner)]
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            number = self.graph(value) if self.graph and value.requires_grad else None
            return ["tensor", self._array(value.detach().cpu().numpy(), inner), bool(value.requires_grad), number]
        if callable(value) and self.callback is not None:
            return ["function", self.callback(value), str(getattr(value, "__name__", "function"))]
        raise TypeError(
            f"{type(value).__name__} is nothing that can be checked: use numbers, text, lists, arrays or tables"
        )

    def _array(self, value, depth: int):
        if value.dtype.kind == "O":
            return ["objects", list(value.shape), [self.encode(item, depth + 1) for item in value.ravel().tolist()]]
        if value.dtype.kind not in NUMERIC or value.dtype.fields:
            raise TypeError(f"an array of {value.dtype} cannot be checked: use numbers, text or true and false")
        data = np.ascontiguousarray(value).tobytes()
        start = len(self.body)
        self.body += data
        return ["array", value.dtype.str, list(value.shape), start, start + len(data)]

    def _column(self, values, depth: int):
        dtype = values.dtype
        if type(values) is pd.arrays.NumpyExtensionArray:  # text has a subclass of it, which is no numpy dtype
            values = values.to_numpy()
            dtype = values.dtype
        if isinstance(dtype, np.dtype):
            return self._array(np.asarray(values), depth)
        if isinstance(dtype, pd.CategoricalDtype):
            return [
                "categories",
                self._array(np.asarray(values.codes), depth),
                self.encode(dtype.categories, depth + 1),
                bool(dtype.ordered),
            ]
        items = [None if pd.isna(item) else item for item in values]
        return ["typed", str(dtype), [self.encode(item, depth + 1) for item in items]]


class Reader:
    """Decodes values out of one message; everything odd is a ChannelError.

    Parameters
    ----------
    body : bytes of the message
    function : called with the number and the name of a function, returns what stands for it; None refuses functions
    tensor : called with a tensor that requires a gradient and its number, returns the tensor to use; None leaves it
    """

    def __init__(self, body: bytes, function=None, tensor=None):
        self.body, self.function, self.tensor = body, function, tensor

    def decode(self, head):
        try:
            return self._decode(head, 0)
        except ChannelError:
            raise
        except Exception as problem:  # whatever a wrong message brings about in numpy or pandas
            raise ChannelError(f"no valid value: {type(problem).__name__}: {str(problem)[:200]}") from None

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
                index, columns = self._decode(parts[0], inner), self._decode(parts[1], inner)
                values = {i: self._labelled(pd.Series, part, inner, index=index) for i, part in enumerate(parts[2])}
                frame = pd.DataFrame(values, index=index) if values else pd.DataFrame(index=index)
                frame.columns = columns
                return frame
            case "series", 3:
                index, name = self._decode(parts[0], inner), self._decode(parts[1], inner)
                return self._labelled(pd.Series, parts[2], inner, index=index, name=name)
            case "index", 2:
                return self._labelled(pd.Index, parts[0], inner, name=self._decode(parts[1], inner))
            case "levels", 2:
                return pd.MultiIndex.from_arrays(
                    [self._column(part, inner) for part in parts[0]], names=self._decode(parts[1], inner)
                )
            case "column", 1:
                return pd.array(self._column(parts[0], inner))
            case (("list" | "tuple" | "set"), 1):
                return {"list": list, "tuple": tuple, "set": set}[kind](self._decode(part, inner) for part in parts[0])
            case "dict", 1:
                return {self._decode(k, inner): self._decode(v, inner) for k, v in parts[0]}
            case "missing", 1:
                return {"NA": pd.NA, "NaT": pd.NaT}[parts[0]]
            case "time", 1:
                return pd.Timestamp(parts[0])
            case "generator", 1:
                return generator(self._decode(parts[0], inner))
            case "tensor", 3:
                return self._tensor(*parts)
            case "function", 2 if self.function is not None:
                return self.function(int(parts[0]), str(parts[1]))
        raise ChannelError("an unknown kind of value")

    def _array(self, dtype, shape, start, end):
        dtype = np.dtype(dtype)
        if dtype.kind not in NUMERIC or not all(type(n) is int and n >= 0 for n in shape):
            raise ChannelError("an array that is none")
        if not 0 <= start <= end <= len(self.body) or math.prod(shape) * dtype.itemsize != end - start:
            raise ChannelError("an array with another size than it says")
        return np.frombuffer(self.body[start:end], dtype).reshape(shape).copy()

    def _objects(self, shape, items, depth):
        values = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            values[i] = self._decode(item, depth)
        return values.reshape(shape)

    def _column(self, head, depth):
        match head:
            case ["categories", codes, categories, ordered]:
                return pd.Categorical.from_codes(
                    self._decode(codes, depth), self._decode(categories, depth), ordered=bool(ordered)
                )
            case ["typed", str(dtype), list(items)]:
                return pd.array([self._decode(item, depth) for item in items], dtype=dtype)
        return self._decode(head, depth)

    def _labelled(self, kind, head, depth, **labels):
        values = self._column(head, depth)
        # Without a type pandas would guess another one for a column of objects.
        return kind(values, dtype=object if values.dtype == object else None, **labels)

    def _tensor(self, array, requires_grad, number):
        import torch

        values = self._array(*array[1:])
        if str(values.dtype) not in TORCH_DTYPES:
            raise ChannelError("a tensor that is none")
        tensor = torch.from_numpy(values)
        if not requires_grad:
            return tensor
        return self.tensor(tensor, number) if self.tensor else tensor.requires_grad_()


def generator(state: dict) -> np.random.Generator:
    """A generator of random numbers in this state."""
    if state["bit_generator"] not in BIT_GENERATORS:
        raise ChannelError("an unknown generator")
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)


def _state(state):
    return {k: _state(v) if isinstance(v, dict) else v for k, v in state.items()}


def change_in_place(value, new) -> None:
    """Give `value` the content of `new`, as a function does that changes what it was handed.

    Raises
    ------
    ChannelError : this kind of value cannot be changed in such a way
    """
    torch = sys.modules.get("torch")
    if isinstance(value, np.random.Generator):
        value.bit_generator.state = new.bit_generator.state
    elif isinstance(value, np.ndarray) and value.shape == np.shape(new):
        value[...] = new
    elif isinstance(value, pd.DataFrame | pd.Series) and isinstance(new, type(value)):
        value._update_inplace(new)
    elif isinstance(value, list) and isinstance(new, list):
        value[:] = new
    elif isinstance(value, dict | set) and isinstance(new, type(value)):
        value.clear()
        value.update(new)
    elif torch is not None and isinstance(value, torch.Tensor) and value.shape == new.shape:
        with torch.no_grad():
            value.copy_(new)
    else:
        raise ChannelError(f"an argument of the type {type(value).__name__} came back as another thing")
