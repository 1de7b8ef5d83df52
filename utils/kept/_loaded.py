"""Whether the code that runs is the code in the files: kept results are found by what the files say.

It is another where a function was put in place of one of ours, a setting at the head of a module was changed, a file
was edited after it had been loaded (also while a notebook runs), or a library was upgraded under a running notebook.
"""

import dataclasses
import functools
import importlib.machinery
import inspect
import os
import sys
import types
from importlib import metadata
from operator import attrgetter, is_

import numpy as np

from utils.kept._fingerprint import NoKey, fingerprint

HERE = os.path.dirname(os.path.dirname(__file__))  # the folder `utils`
# Library → what it is imported as, where that has another name and says which version it is.
IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn"}
_seen = {}  # name of a module → (its file's stamp, what it held) when it was last looked through


def files(*places: str) -> dict[str, tuple]:
    """The Python files of some folders of `utils`, and single ones, in order.

    Returns
    -------
    path → stamp: what changes with the file's content, without reading it. Links to nowhere, as editors leave them,
    are none
    """
    stamps = {}
    for place in places:
        path = os.path.join(HERE, place)
        if place.endswith(".py"):
            stamps[path] = _stamp(os.stat(path))
            continue
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=attrgetter("name")):
                try:
                    if entry.is_dir() and not entry.name.startswith((".", "__")):
                        stamps |= files(os.path.join(place, entry.name))
                    elif entry.name.endswith(".py") and entry.is_file():
                        stamps[entry.path] = _stamp(entry.stat())
                except OSError:  # it has gone meanwhile
                    continue
    return stamps


def _stamp(status: os.stat_result) -> tuple:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def changed(stamps: dict[str, tuple]) -> str | None:
    """The name of a loaded module that holds something else than its file says; None if none of these files' does.

    Parameters
    ----------
    stamps : what `files` gave
    """
    for path, stamp in stamps.items():
        name = _module_name(path)
        module = sys.modules.get(name)
        if module is None:
            continue
        before, held = _seen.get(name, (None, None))
        if before == stamp and held.is_there():
            continue
        if getattr(module, "__file__", None) != path or not _is_as_written(module):
            return name
        _seen[name] = stamp, _Held(module)
    return None


@functools.cache
def _module_name(path: str) -> str:
    inside = os.path.relpath(path, HERE).removesuffix(".py").split(os.sep)
    return ".".join(["utils", *(part for part in inside if part != "__init__")])


def upgraded(versions: dict[str, str | None]) -> str | None:
    """The name of a library that is loaded in another version than is installed; None if none is."""
    for library, version in versions.items():
        module = sys.modules.get(IMPORTED_AS.get(library, library))
        loaded = getattr(module, "__version__", None)
        if loaded is not None and str(loaded).partition("+")[0] != str(version).partition("+")[0]:
            return library
    return None


def installed(libraries: tuple[str, ...]) -> dict[str, str | None]:
    """Library → version, None where it is not installed."""
    versions = {}
    for library in libraries:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = None
    return versions


def build(library: str) -> str | None:
    """For what the installed library was built: one version can be had from several hands, with other last bits."""
    try:
        return metadata.distribution(library).read_text("WHEEL")
    except metadata.PackageNotFoundError:
        return None


# --- a quick look: are the same objects there, with the same insides? ---------------------------------------------

INSIDES = [attrgetter(name) for name in ("__code__", "__defaults__", "__kwdefaults__")]


class _Held:
    """All that a module held, to be compared object by object: a thousandth of a second for all modules."""

    def __init__(self, module):
        self.functions, self.arrays, self.dicts, self.lists = [], [], [], []
        self._add(vars(module), module.__name__)
        self.insides = [list(map(get, self.functions)) for get in INSIDES]
        self.content = [array.tobytes() for array in self.arrays]
        self.copies = [(dict(each), list(each.values())) for each in self.dicts], [list(each) for each in self.lists]

    def _add(self, value, name):
        if isinstance(value, dict | types.MappingProxyType):
            self.dicts.append(value)
            for key, each in value.items():
                if not (isinstance(key, str) and key.startswith("__") and not isinstance(each, types.FunctionType)):
                    self._add(each, name)
        elif isinstance(value, list | tuple):
            self.lists.append(value)
            for each in value:
                self._add(each, name)
        elif isinstance(value, types.FunctionType):
            self.functions.append(value)
            if value.__kwdefaults__:
                self.dicts.append(value.__kwdefaults__)
            if hasattr(value, "__wrapped__"):
                self._add(value.__wrapped__, name)
        elif isinstance(value, functools.partial):
            self.dicts.append(value.keywords)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
            self._add(vars(value), name)  # a record, such as a method
        elif isinstance(value, type) and value.__module__ == name:
            self._add(vars(value), name)
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            self.arrays.append(value)
        elif type(value).__module__ == "torch" and type(value).__name__ == "Tensor":
            self.arrays.append(value.detach().numpy())

    def is_there(self) -> bool:
        return (
            all(map(_same_dict, self.dicts, self.copies[0]))
            and all(map(_same_list, self.lists, self.copies[1]))
            and all(map(_same_list, ([*map(get, self.functions)] for get in INSIDES), self.insides))
            and [array.tobytes() for array in self.arrays] == self.content
        )


def _same_dict(now, was) -> bool:
    keys, values = was
    return len(now) == len(keys) and all(map(is_, now, keys)) and all(map(is_, now.values(), values))


def _same_list(now, was) -> bool:
    return len(now) == len(was) and all(map(is_, now, was))


# --- a look at everything: is it what the file makes? -------------------------------------------------------------


def _is_as_written(module) -> bool:
    """Run the module's file once more, in a place of its own, and compare all that it defines."""
    name = module.__name__
    fresh = {"__name__": name, "__file__": module.__file__, "__package__": module.__package__}
    try:
        exec(importlib.machinery.SourceFileLoader(name, module.__file__).get_code(name), fresh)
        live = vars(module)
        # A folder's modules, what its front door has loaded (`credits`), or what hides one of Python's own functions
        added = set(live) - set(fresh) - set(fresh.get("__all__", ()))
        return not added & set(vars(sys.modules["builtins"])) - {"__doc__", "__loader__", "__spec__"} and all(
            value_name in live and _alike(live[value_name], value, set())
            for value_name, value in fresh.items()
            if not value_name.startswith("__")
        )
    except Exception:  # noqa: BLE001  a file that is being edited may do anything
        return False


def _alike(a, b, seen: set) -> bool:
    if a is b or (id(a), id(b)) in seen:
        return True
    if type(a) is not type(b) and _name(type(a)) != _name(type(b)):
        return False
    seen.add((id(a), id(b)))
    if isinstance(a, types.FunctionType):
        parts = [(f.__code__, f.__defaults__, f.__kwdefaults__, _cells(f), vars(f)) for f in (a, b)]
        return parts[0][0] == parts[1][0] and _alike(list(parts[0][1:]), list(parts[1][1:]), seen)
    if isinstance(a, type):
        return _name(a) == _name(b) and _alike(*map(_members, (a, b)), seen)
    if isinstance(a, staticmethod | classmethod):
        return _alike(a.__func__, b.__func__, seen)
    if isinstance(a, property):
        return _alike([a.fget, a.fset], [b.fget, b.fset], seen)
    if isinstance(a, functools.partial):
        return _alike([a.func, a.args, a.keywords], [b.func, b.args, b.keywords], seen)
    if isinstance(a, dict | types.MappingProxyType):
        return list(a) == list(b) and all(_alike(a[k], b[k], seen) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(_alike(x, y, seen) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__dict__") and (type(a).__module__ or "").partition(".")[0] == "utils" or hasattr(a, "__wrapped__"):
        return _alike(vars(a), vars(b), seen)
    try:
        return fingerprint(a) == fingerprint(b)
    except NoKey:  # a lock, a set, a pattern
        return not isinstance(a, set | frozenset) or a == b


def _members(kind: type) -> dict:
    """What a class defines, without what Python and torch number and cache in it."""
    plain = (types.FunctionType, staticmethod, classmethod, property)
    return {k: v for k, v in vars(kind).items() if not k.startswith("_") or isinstance(v, plain)}


def _name(kind: type) -> tuple[str, str]:
    return kind.__module__, kind.__qualname__


def _cells(function) -> list:
    return list(inspect.getclosurevars(function).nonlocals.values()) if function.__closure__ else []
