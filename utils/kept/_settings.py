"""What the environment says about results that are kept: where, whether, and how many."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where results and downloads are kept: the environment's DATALAB_CACHE, or `.cache` in the folder `datasets`."""
    chosen = os.path.expanduser(os.environ.get("DATALAB_CACHE", ""))  # no shell has read a `~` in a file of settings
    return Path(chosen or Path(__file__).resolve().parents[2] / "datasets/.cache")


def folder() -> Path:
    """Where the entries lie."""
    return cache_folder() / "kept"


def mode() -> str:
    """What DATALAB_KEEP says: "on", "read" or "off".

    Raises
    ------
    ValueError : it says something else
    """
    switch = os.environ.get("DATALAB_KEEP", "") or "on"
    if switch not in ("on", "read", "off"):
        raise ValueError(f"DATALAB_KEEP is {switch!r}; it must be 'on', 'read' (keep nothing new) or 'off'.")
    return switch


def most_bytes() -> float:
    """How large all entries together may become: what DATALAB_KEEP_MB says, in bytes.

    Raises
    ------
    ValueError : it says no number, or one below 0
    """
    megabytes = os.environ.get("DATALAB_KEEP_MB", "") or "1000"
    try:
        most = float(megabytes) * 1e6
    except ValueError:
        most = float("nan")
    if not most >= 0:
        raise ValueError(f"DATALAB_KEEP_MB is {megabytes!r}; it must be a number of megabytes, such as 1000.")
    return most
