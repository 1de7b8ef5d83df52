"""Using what is kept: a result is read where it was kept, else computed, and kept for the next time."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from utils.kept import _store as store
from utils.kept._fingerprint import ROOMS, NoKey
from utils.kept._keys import key_of
from utils.kept._settings import mode, most_bytes

KEPT = "kept from before (%env DATALAB_KEEP=off computes anew)"


def recall(
    name: str, inputs: Any, compute: Callable[[], dict], shown: tuple | None = None, code: Sequence[str] = ROOMS
) -> dict:
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
    code : folders and files of `utils` that could have a part in the result, see `utils.kept._loaded.files`; a line
        changed in one of them means that it is computed anew. Default all rooms; what they share is always among them

    Returns
    -------
    dict : of the same names and values, whether computed or kept. They are the caller's own: arrays in C order that
        can be written to, tensors without a gradient, new lists

    Raises
    ------
    TypeError : `compute` returned something that would not come back as it was
    ValueError : DATALAB_KEEP or DATALAB_KEEP_MB says something that it cannot
    """
    switch, most = mode(), most_bytes()
    if switch == "off":
        return store.as_kept(name, compute())
    try:
        key = key_of(name, inputs, code)
    except NoKey:
        return store.as_kept(name, compute())
    kept = _read(key, most)
    if kept is None and switch == "on":
        with store.alone(key):
            kept = _read(key, most)  # another process may have written it while this one waited
            if kept is None:
                start = cpu_seconds()
                computed = store.as_kept(name, compute())
                store.write(key, name, computed, cpu_seconds() - start, most)
                return computed
    if kept is None:
        return store.as_kept(name, compute())
    if shown:
        show_kept(*shown)
    return kept


def look(name: str, inputs: Any) -> dict | None:
    """What `recall` would find kept; None where it would compute."""
    try:
        return None if mode() == "off" else _read(key_of(name, inputs), most_bytes())
    except NoKey:
        return None


_spared = threading.local()
_recalled = []  # names of the results that were read; appending needs no lock


def _read(key: str, most: float) -> dict | None:
    """A kept result, which is counted; None where there is none."""
    entry = store.read(key, most)
    if entry is None:
        return None
    _spared.seconds = getattr(_spared, "seconds", 0.0) + entry.header.seconds
    _recalled.append(entry.header.what)
    return entry.result


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
