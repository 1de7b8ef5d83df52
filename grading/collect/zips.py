"""The files of a zip, unread: nothing is unpacked to the disk, and what the zip says of its files is not believed."""

import lzma
import stat
import struct
import unicodedata
import zipfile
import zlib
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..course import GradingError
from .candidates import File, Refused, SetAside
from .names import path_problem, plain
from .reading import SKIPPED, too_large

MOST_IN_ZIP = 200_000
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,  # also: encrypted, or packed in a way that is not known
    ValueError,
    EOFError,
    OSError,
)


def zipped(path: Path | BinaryIO, shown: str, stack: ExitStack) -> tuple[list[File], list[SetAside]]:
    """The files of a zip, without a time (it holds the packer's clock), and what was set aside.

    Parameters
    ----------
    path : of the zip, or the opened zip
    shown : its name for a report
    stack : keeps the zip open until its files are read
    """
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = archive.infolist()
    except BROKEN_ZIP as problem:
        raise GradingError(f"{shown} is no zip file that can be read ({problem}). Download it again.") from None
    if len(members) > MOST_IN_ZIP:
        raise GradingError(f"{shown} holds {len(members):,} files; at most {MOST_IN_ZIP:,} are looked at. Split it.")
    entries, set_aside = [], []
    for member in members:
        if member.is_dir() or SKIPPED & set(member.filename.split("/")):
            continue
        mode = stat.S_IFMT(member.external_attr >> 16)
        why = path_problem(member.orig_filename) or path_problem(member.filename)
        if mode not in (0, stat.S_IFREG):
            why = "it is a link, which is not followed" if mode == stat.S_IFLNK else "it is no ordinary file"
        name = unicodedata.normalize("NFC", PurePosixPath(member.filename).as_posix())
        if why or name == ".":
            set_aside.append(SetAside(f"{shown}: {plain(member.orig_filename)}", why or "it has no name"))
        else:
            entries.append(File(name, None, partial(_read_zipped, archive, member)))
    return entries, set_aside


def _read_zipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """A file out of a zip. What the zip says of its size is not believed: reading ends at the limit."""
    if member.file_size > most:
        raise Refused(too_large(member.file_size))
    try:
        with archive.open(member) as file:
            data = file.read(most + 1)
    except BROKEN_ZIP as problem:
        raise Refused(f"it cannot be unpacked ({problem})") from None
    if len(data) > most:
        raise Refused(too_large(len(data)))
    return data
