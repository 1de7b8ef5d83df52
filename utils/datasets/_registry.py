"""The embedded data files: where they are, whether they are whole, and how to get a damaged one back.

`datasets/registry.toml` has a section for each dataset (source, licence, citation) and a row for each of its files.
"""

import gzip
import hashlib
import os
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

from utils.files import write_whole

FOLDER = Path(os.environ.get("DATALAB_DATASETS", Path(__file__).resolve().parents[2] / "datasets"))
RESTORE = "datalab data restore"


class DataError(RuntimeError):
    """An embedded data file is missing or not what it should be."""


@cache
def registry() -> dict:
    """The whole of `registry.toml`: dataset name → its fields, with `files` a list of rows."""
    try:
        return tomllib.loads((FOLDER / "registry.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"There is no registry.toml in {FOLDER}. Run from a clone of the project, or set DATALAB_DATASETS to its "
            "folder `datasets`."
        ) from None


def _problem(row: dict) -> str | None:
    """What is wrong with a file, in a sentence; None when it is whole."""
    path = FOLDER / row["path"]
    if not path.is_file():
        return f"The data file {path} is missing."
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() == row["sha256"]:
        return None
    try:  # packed by another zlib, the file differs but what is in it does not
        unpacked = gzip.decompress(content)
    except (OSError, EOFError, gzip.zlib.error):
        unpacked = b""
    if hashlib.sha256(unpacked).hexdigest() == row["sha256_content"]:
        return None
    return (
        f"The data file {path} is damaged: {len(content):,} bytes, where {row['bytes']:,} with another SHA-256 belong."
    )


@cache
def verified(path: str) -> Path:
    """The full path of an embedded file, after its hash was compared with the registry's (once a process).

    Parameters
    ----------
    path : str, as in the registry, below the folder `datasets`

    Raises
    ------
    DataError : the file is missing or damaged; the message names it and the command that restores it
    """
    rows = {row["path"]: row for dataset in registry().values() for row in dataset["files"]}
    if path not in rows:
        raise DataError(f"{path} is not in {FOLDER / 'registry.toml'}; it has {', '.join(rows)}.")
    problem = _problem(rows[path])
    if problem:
        raise DataError(f"{problem} Restore it with: {RESTORE}")
    return FOLDER / path


def pack(content: bytes, target: Path) -> None:
    """Write a file packed, whole or not at all, and print what belongs into its row of `registry.toml`.

    For build scripts. The time is left out, so that the same content gives the same file.

    Parameters
    ----------
    content : what is to be packed
    target : path that ends in .gz
    """
    packed = gzip.compress(content, compresslevel=9, mtime=0)
    write_whole(target, packed)
    print(f"{target.name}\nbytes = {len(packed)}")
    print(f'sha256 = "{hashlib.sha256(packed).hexdigest()}"')
    print(f'sha256_content = "{hashlib.sha256(content).hexdigest()}"')


def data_problems() -> list[str]:
    """One sentence for each embedded file that is missing or damaged; an empty list when all are whole.

    Examples
    --------
    >>> from utils.datasets import data_problems
    >>> data_problems()
    []
    """
    problems = (_problem(row) for dataset in registry().values() for row in dataset["files"])
    return [p for p in problems if p]


def restore() -> list[str]:
    """Bring missing and damaged files back: from git where this is a clone, else by the dataset's build script.

    Returns
    -------
    list of str : the datasets that were restored; empty when nothing was wrong

    Raises
    ------
    DataError : a file is still not whole afterwards, with what was tried

    Examples
    --------
    No file is damaged, so that there is nothing to restore:

    >>> from utils.datasets import data_problems, restore
    >>> data_problems() or restore()
    []
    """
    restored = []
    for name, dataset in registry().items():
        broken = [row["path"] for row in dataset["files"] if _problem(row)]
        if not broken:
            continue
        subprocess.run(["git", "checkout", "--", *broken], cwd=FOLDER, capture_output=True, check=False)
        if any(_problem(row) for row in dataset["files"]):  # no clone, or never committed: build anew (needs network)
            built = subprocess.run(
                [sys.executable, FOLDER / dataset["build"]], capture_output=True, text=True, check=False
            )
        still = [p for row in dataset["files"] if (p := _problem(row))]
        if still:
            last = (built.stderr.strip().splitlines() or ["no message"])[-1]
            raise DataError(
                f"{still[0]} Neither git nor {dataset['build']} could bring it back ({last}). Check the network and "
                "try again, or copy the file from a whole clone."
            )
        restored.append(name)
    verified.cache_clear()
    return restored
