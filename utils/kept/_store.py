"""The files in which results are kept: one an entry, in the format safetensors, which holds numbers and no code."""

import json
import os
import re
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from utils.files import write_whole
from utils.kept._fingerprint import fingerprint
from utils.kept._settings import folder

SUFFIX = ".safetensors"
WAIT = 900  # seconds to wait for another process that computes the same; then it is computed here too
ABANDONED = 86_400  # seconds after which a file that was begun and never finished is removed
# What `recall` keeps, and what it looks like in a file's name: nothing else in the folder is touched.
KINDS = frozenset(
    ["bool", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)), "float16", "float32", "float64"]
)
OWN_NAME = re.compile(r"[0-9a-f]{40}\.(safetensors|lock)|\.[0-9a-f]{40}\.safetensors\.[0-9a-f]{32}\.partial")
RETURNS = "arrays of numbers, bools or text, tensors, and what comes back from JSON as it was"
MOST_HEAD = 10_000_000  # bytes of what an entry says of itself


def entries() -> pd.DataFrame:
    """What is kept: one row an entry, the one used last first.

    Returns
    -------
    DataFrame with `what` (str, the function), `bytes` (int), `used` (datetime, UTC, when last)
    """
    rows = []
    for file in _files(SUFFIX):
        header = header_of(_content(file.path, float("inf"), MOST_HEAD))
        if header is not None:
            rows.append([header.what, file.stat().st_size, pd.Timestamp(file.stat().st_mtime, unit="s")])
    table = pd.DataFrame(rows, columns=["what", "bytes", "used"])
    return table.sort_values("used", ascending=False, ignore_index=True)


def clear() -> int:
    """Remove everything that is kept, and say how many entries there were. Downloads stay."""
    removed = 0
    for file in _files():
        removed += _remove(file.path) and file.name.endswith(SUFFIX)
    return removed


def as_kept(name: str, result: dict) -> dict:
    """What was computed, in the form in which it would come back from a file: so it makes no difference which it is.

    Raises
    ------
    TypeError : something in it would not come back as it was; `name` is that of the function in this sentence
    """
    own = {}
    for part, value in result.items():
        tensor = "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)
        if tensor and value.device.type == "cpu" and str(value.dtype).removeprefix("torch.") in KINDS:
            # A Parameter or a view would come back as a tensor of its own.
            own[part] = value.detach().clone(memory_format=sys.modules["torch"].contiguous_format)
        elif type(value) is np.ndarray and value.dtype.isnative and (value.dtype.name in KINDS or _is_text(value)):
            own[part] = np.require(value, requirements=["C", "O", "W"])
        elif tensor or isinstance(value, np.ndarray) or not isinstance(part, str):
            raise TypeError(f"{name} is to return, by name, {RETURNS}; {part!r} is {type(value).__name__}.")
        else:
            own[part] = json.loads(json.dumps(value))
            if fingerprint(own[part]) != fingerprint(value):
                raise TypeError(f"{name} is to return {RETURNS}; {part!r} does not come back as it was.")
    return own


def _is_text(array: np.ndarray) -> bool:
    return array.dtype.kind == "U" and array.dtype.itemsize > 0


def _path(key: str) -> Path:
    return folder() / f"{key[:40]}{SUFFIX}"


def _files(ending: str = "") -> list[os.DirEntry]:
    """The files of the store. Whatever else lies in the folder, and what a link leads to, is not its own."""
    try:
        with os.scandir(folder()) as there:
            return [
                file
                for file in there
                if OWN_NAME.fullmatch(file.name) and file.name.endswith(ending) and file.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []


def _content(path: str | Path, most: float, head: int = -1) -> bytes:
    """A file's first bytes, or all; b"" for what cannot be read, is no file of its own, or larger than `most`."""
    # Not through a link, and a pipe is not waited for.
    flags = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    try:
        with open(os.open(path, os.O_RDONLY | flags), "rb") as file:
            status = os.fstat(file.fileno())
            return file.read(head) if stat.S_ISREG(status.st_mode) and status.st_size <= most else b""
    except (OSError, MemoryError):
        return b""


@dataclass(frozen=True)
class Header:
    """What an entry says of itself.

    Attributes
    ----------
    what : name of the function
    key : under which it is kept
    seconds : of the processor that computing took
    names : of all values, in order
    kinds : name → of an array of text its dtype, "tensor" of a tensor, "" of other arrays
    values : name → value, of those that are no arrays
    check : a hash of all that an entry holds, which tells a damaged one
    """

    what: str
    key: str
    seconds: float
    names: list[str]
    kinds: dict[str, str]
    values: dict
    check: str = ""


@dataclass(frozen=True)
class Entry:
    """A kept result with its header."""

    header: Header
    result: dict


def header_of(content: bytes) -> Header | None:
    """What an entry says of itself; None if it is none.

    Parameters
    ----------
    content : of the file, or as much of its beginning as holds the header
    """
    try:
        metadata = content[8 : 8 + struct.unpack("<Q", content[:8])[0]]
        header = Header(**json.loads(json.loads(metadata)["__metadata__"]["about"]))
        is_known = header.what.isprintable() and 0 <= header.seconds < 1e9
        return header if is_known and header.check else None
    except Exception:  # noqa: BLE001  whatever is wrong with a file that something else wrote: it is no entry
        return None


def read(key: str, most: float) -> Entry | None:
    """A kept result; None where there is none, or a damaged one, or that of something else.

    Parameters
    ----------
    key : see `key_of`
    most : bytes; a larger file is none of ours
    """
    path = _path(key)
    content = _content(path, most)
    header = header_of(content)
    if header is None or header.key != key:
        return None
    from safetensors.numpy import load

    try:
        arrays = load(content)
        if header.check != check_of(header, arrays):
            return None
        result = {name: _value(name, header, arrays) for name in header.names}
    except Exception:  # noqa: BLE001  as above
        return None
    try:
        os.utime(path)  # the time of its last use
    except OSError:  # a folder that can only be read; or it has gone meanwhile
        pass
    return Entry(header, result)


def _value(name: str, header: Header, arrays: dict[str, np.ndarray]):
    if name in header.values:
        return header.values[name]
    array = np.require(arrays[name], requirements=["C", "O", "W"])
    kind = header.kinds[name]
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    return array.view(kind)[..., 0].copy() if kind else array


def write(key: str, name: str, result: dict, seconds: float, most: float) -> None:
    """Write an entry as a whole, or not at all; and remove old ones, until all fit.

    Parameters
    ----------
    key, name, seconds : see `Header`
    result : what `as_kept` gave
    most : bytes that all entries together may have
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save

    arrays, kinds, values = {}, {}, {}
    for part, value in result.items():
        if isinstance(value, np.ndarray):
            is_text = value.dtype.kind == "U"
            arrays[part] = value[..., None].view(np.uint32) if is_text else value  # characters as numbers
            kinds[part] = value.dtype.str if is_text else ""
        elif "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor):
            arrays[part], kinds[part] = value.numpy(), "tensor"
        else:
            values[part] = value
    header = Header(name, key, seconds, list(result), kinds, values)
    header = replace(header, check=check_of(header, arrays))
    try:
        content = save(arrays, {"about": json.dumps(vars(header))})
        if len(content) > most or struct.unpack("<Q", content[:8])[0] > MOST_HEAD:
            return
        write_whole(_path(key), content)
    except (OSError, MemoryError, SafetensorError):  # a full disk, a read-only folder: it will be computed again
        pass
    _make_room(most)


def check_of(header: Header, arrays: dict[str, np.ndarray]) -> str:
    """A hash of all that an entry holds."""
    stated = [value for name, value in vars(header).items() if name != "check"]
    return fingerprint([stated, [[name, arrays[name]] for name in sorted(arrays)]])


def _make_room(most: float) -> None:
    """Remove the entries that were used longest ago, until the others fit; and what was begun and left behind."""
    files = []
    for file in _files():
        try:
            files.append((file.stat().st_mtime, file.stat().st_size, file))
        except OSError:  # another process has removed it
            continue
    now, total = time.time(), sum(size for _, size, _ in files)
    for used, size, file in sorted(files, key=lambda row: row[0]):
        is_old = now - used > ABANDONED
        if (total > most and file.name.endswith(SUFFIX)) or (is_old and not file.name.endswith(SUFFIX)):
            _remove(file.path)
            total -= size


def _remove(path: str | Path) -> bool:
    try:
        os.unlink(path)
        return True
    except OSError:  # another process has removed it, or holds it open (Windows)
        return False


@contextmanager
def alone(key: str) -> Iterator[None]:
    """While one computes an entry, others that want the same wait. If it dies, the system gives the place free.

    Where the folder allows no locks nobody waits: the same is then computed more than once, which harms nothing.
    """
    from filelock import FileLock, Timeout

    path, held = folder() / f"{key[:40]}.lock", None
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=WAIT, thread_local=False)
        lock.acquire()
        held = lock
    except (OSError, NotImplementedError, RuntimeError, Timeout):
        pass
    try:
        yield
    finally:
        if held is not None:
            _remove(path)  # before it is given free: who waits for it finds the entry and needs no lock
            held.release()
