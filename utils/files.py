"""Files that are there whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give the name of a temporary file to write; it becomes `path` in one step, or is gone if writing it fails.

    The temporary file lies beside `path` (within one disk a file gets its name in one step), and no other process or
    thread has its name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from utils.files import written_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder) / "numbers.txt") as partial:
    ...         _ = partial.write_text("1 2 3")
    ...     [path.name for path in Path(folder).iterdir()]
    ['numbers.txt']
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: another process finds the old content or the new, and never a part of it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from utils.files import write_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "new" / "numbers.txt", b"1 2 3")
    ...     [path.name for path in Path(folder, "new").iterdir()]
    ['numbers.txt']
    """
    with written_whole(path) as partial:
        partial.write_bytes(content)
