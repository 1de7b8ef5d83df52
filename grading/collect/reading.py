"""Read what strangers left in a folder: nothing is followed (links) or opened (devices), and all of it has an end."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .candidates import File, Refused, in_words
from .names import MOST_DEPTH, path_problem, plain
from .times import modified

MOST_BYTES = 64 * 2**20  # of a whole submission
MOST_FILE = 32 * 2**20
MOST_FILES = 200
MOST_ENTRIES = 5000  # files and folders that are looked at in one submission
SKIPPED = {".ipynb_checkpoints", "__pycache__", "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}


def files_of(folder: Path, most_bytes: int = MOST_BYTES) -> tuple[dict[str, bytes], list[str]]:
    """The ordinary files of a folder, and what was left out.

    Links are not followed and devices not opened, wherever in the folder they are; hard links are left out, since
    their content may be somebody else's. Notebooks come first, so that no other file takes their room.

    Parameters
    ----------
    folder : a student's
    most_bytes : of all files together; a single one has at most MOST_FILE

    Returns
    -------
    dict of str to bytes : path within the folder → content
    list of str : a sentence for each thing that was left out, with the reason

    Raises
    ------
    OSError : the folder itself cannot be read, or is a link
    """
    entries, _, refused = look(Path(folder))
    contents, further = read_all(entries, most_bytes, MOST_FILES)
    return contents, [f"{plain(name)} was left out: {why}." for name, why in [*refused, *further]]


def look(folder: Path, owner: int | None = None) -> tuple[list[File], list[os.stat_result], list[tuple[str, str]]]:
    """What lies in a folder, unread: the ordinary files, the `stat` of all there is, and what was refused and why.

    With an `owner` (a user's number) files are read only as long as they belong to that user.
    """
    entries, stats, refused = [], [], []
    waiting = [()]
    while waiting:
        parts = waiting.pop()
        try:
            at = _open_folder(folder, parts)
        except OSError as problem:
            if not parts:
                raise
            refused.append(("/".join(parts), in_words(problem)))
            continue
        try:
            if not parts:
                stats.append(os.fstat(at))
            with os.scandir(at) as listing:
                names = sorted(entry.name for entry in islice(listing, MOST_ENTRIES + 1))
            for name in names:
                path = "/".join([*parts, name])
                if len(stats) > MOST_ENTRIES:
                    refused.append((path, f"there are more than {MOST_ENTRIES} files and folders"))
                    return entries, stats, refused
                try:
                    status = os.stat(name, dir_fd=at, follow_symlinks=False)
                except OSError as problem:
                    refused.append((path, in_words(problem)))
                    continue
                stats.append(status)
                if name in SKIPPED:
                    continue
                why = path_problem(path) or no_file(status)
                if stat.S_ISDIR(status.st_mode) and not path_problem(path):
                    if len(parts) < MOST_DEPTH:
                        waiting.append((*parts, name))
                    else:
                        refused.append((path, f"it lies more than {MOST_DEPTH} folders deep"))
                elif why:
                    refused.append((path, why))
                else:
                    entries.append(file_below(folder, (*parts, name), status, owner))
        finally:
            os.close(at)
    return entries, stats, refused


def file_below(folder: Path, parts: tuple[str, ...], status: os.stat_result, owner: int | None = None) -> File:
    """A file below a folder, unread."""
    name = unicodedata.normalize("NFC", "/".join(parts))
    read, opens = partial(_read_below, folder, parts, owner), partial(_opened, folder, parts, owner)
    return File(name, modified(status), read, opens)


def _open_folder(folder: Path, parts: tuple[str, ...]) -> int:
    """Open a folder below another one step by step, so that no link on the way is followed."""
    how = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    at = os.open(folder, how)
    for part in parts:
        above = at
        try:
            at = os.open(part, how, dir_fd=above)
        finally:
            os.close(above)
    return at


def _read_below(folder: Path, parts: tuple[str, ...], owner: int | None, most: int) -> bytes:
    """A file's bytes. What it is is decided on the opened file, so that it cannot be exchanged in between."""
    with _opened(folder, parts, owner) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(most + 1) if size <= most else b""
    if size > most or len(data) > most:
        raise Refused(too_large(max(size, len(data))))
    return data


@contextmanager
def _opened(folder: Path, parts: tuple[str, ...], owner: int | None) -> Iterator[BinaryIO]:
    at = _open_folder(folder, parts[:-1])
    try:
        why = no_file(os.stat(parts[-1], dir_fd=at, follow_symlinks=False))
        if why:
            raise Refused(why)  # a device is not even opened
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        why = no_file(status)
        if not why and owner is not None and status.st_uid != owner:
            why = "it changed hands while it was read"
        if why:
            raise Refused(why)
        yield file


def no_file(status: os.stat_result) -> str:
    """Why something on the disk is no file that is taken; empty where it is one."""
    if stat.S_ISLNK(status.st_mode):
        return "it is a link, which is not followed"
    if not stat.S_ISREG(status.st_mode):
        return "it is no ordinary file"
    if status.st_nlink > 1:
        return "it is a hard link, so its content may be another file's"
    return ""


def read_all(entries: list[File], most_bytes: int, most_files: int) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """Read files, notebooks first, as far as the limits go; also a list of (name, why) of what was left out.

    What cannot be read counts as a file: to unpack something damaged takes as long as if it were whole.
    """
    contents, refused, total, tried = {}, [], 0, 0
    folders = {str(above) for entry in entries for above in PurePosixPath(entry.name).parents}
    order = sorted(entries, key=lambda e: (not e.name.endswith(".ipynb"), e.name.count("/"), e.name))
    for place, entry in enumerate(order):
        if tried >= most_files:
            further = len(order) - place - 1
            and_more = f", and so were {further} more" if further else ""
            refused.append((entry.name, f"there are more than {most_files} files{and_more}"))
            break
        if entry.name in contents or entry.name in folders:
            refused.append((entry.name, "something else has the same name"))
            continue
        tried += 1
        try:
            data = entry.read(min(MOST_FILE, most_bytes - total))
        except Exception as problem:
            refused.append((entry.name, in_words(problem)))
            continue
        contents[entry.name] = data
        total += len(data)
    return contents, refused


def too_large(size: int) -> str:
    """Why a file of so many bytes is not taken."""
    most = f"a file has at most {MOST_FILE / 2**20:.0f} MB and a submission {MOST_BYTES / 2**20:.0f} MB"
    return f"it is too large ({size / 2**20:.0f} MB; {most})"
