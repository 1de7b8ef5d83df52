"""Files of the course folder: written as a whole or not at all, by one process at a time."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .course import GradingError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to. It gets the file's name when all is written, and is removed after an error."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    except BaseException:  # also an interruption from the keyboard
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that is there as a whole or not at all.

    A text is written in UTF-8. What has no encoding (half of a pair of signs, in a folder's name) becomes `\\udcff`,
    which is also JSON's own way to write it.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with whole(path) as part:
        part.write_bytes(data)


def write_json(path: Path, value: object) -> None:
    """Write lists, dicts, texts and numbers as a whole or not at all, with the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=1))


@contextmanager
def alone(path: Path, otherwise: str) -> Iterator[None]:
    """Hold the lock of a file or folder; where another process has it, a GradingError that says `otherwise`."""
    held = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradingError(otherwise) from None
        yield
    finally:
        os.close(held)
