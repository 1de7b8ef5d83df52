"""Random generators as plain data: their states, which are looked at before numpy takes one."""

import numpy as np

from .channel import ChannelError

_UINT32 = {"has_uint32": 1, "uinteger": 2**32 - 1}
_PCG = {"state": {"state": 2**128 - 1, "inc": 2**128 - 1}, **_UINT32}
# Each kind of generator → what its state holds: numbers with their largest value, arrays with type and length.
STATES = {
    "PCG64": _PCG,
    "PCG64DXSM": _PCG,
    "MT19937": {"state": {"key": ("uint32", 624), "pos": 624}},
    "Philox": {
        "state": {"counter": ("uint64", 4), "key": ("uint64", 2)},
        "buffer": ("uint64", 4),
        "buffer_pos": 4,
        **_UINT32,
    },
    "SFC64": {"state": {"state": ("uint64", 4)}, **_UINT32},
}


def generator(state: dict) -> np.random.Generator:
    """A generator of random numbers in this state.

    Raises
    ------
    ChannelError : no generator of numpy has such a state (numpy itself would read beyond the end of its memory)
    """
    kind = state.get("bit_generator") if isinstance(state, dict) else None
    if kind not in STATES or not _holds({k: v for k, v in state.items() if k != "bit_generator"}, STATES[kind]):
        raise ChannelError("a generator of an unknown kind, or in a state that there is not")
    bits = getattr(np.random, kind)(0)
    bits.state = state
    return np.random.Generator(bits)


def _holds(state, wanted) -> bool:
    """Whether a part of a state has what STATES says."""
    if isinstance(wanted, dict):
        return (
            isinstance(state, dict)
            and state.keys() == wanted.keys()
            and all(_holds(state[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, int):
        return type(state) is int and 0 <= state <= wanted
    dtype, length = wanted
    return isinstance(state, np.ndarray) and state.dtype == dtype and state.shape == (length,)


def state_of(generator: np.random.Generator) -> dict:
    """The state of a generator, in dicts of the built-in type."""
    return _as_dicts(generator.bit_generator.state)


def _as_dicts(state) -> dict:
    return {k: _as_dicts(v) if isinstance(v, dict) else v for k, v in state.items()}
