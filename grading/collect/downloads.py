"""A folder or a bulk download: what it is, and the files in it, unread."""

import os
import re
import stat
import unicodedata
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ..course import GradingError, labs
from ..roster import Roster
from .candidates import NO_TIME, Candidate, File, Refused, SetAside, in_words
from .names import path_problem, plain
from .platforms import BEGINNINGS, by_pattern
from .plugin import by_plugin, knows_most, unpacked_archives
from .reading import SKIPPED, file_below, look, no_file
from .zips import zipped


def from_download(
    lab: str, source: Path, kind: str, wanted: set[str], roster: Roster, root: Path, stack: ExitStack
) -> tuple[str, list[Candidate], list[SetAside]]:
    """The submissions in a folder or a zip file: what it was taken for, they, and what was set aside.

    Parameters
    ----------
    wanted : the names of the lab's notebooks
    stack : keeps zips open until their files are read
    """
    if not source.exists():
        raise GradingError(f"There is no {source}: name the folder or the zip file with the submissions.")
    entries, set_aside = _unpacked(source) if source.is_dir() else zipped(source, source.name, stack)
    if kind == "zip_collect":
        entries, further = unpacked_archives(source, entries, stack)
        set_aside = [*set_aside, *further]
    if not entries and not set_aside:
        raise GradingError(f"There is nothing in {source}: name the folder or the zip file with the submissions.")
    kind, entries = _guess(entries, kind, lab, root)
    if kind == "zip_collect":
        candidates, further = by_plugin(entries, lab, root)
    elif kind == "folder":
        candidates, further = _by_folder(entries, lab, root)
    else:
        candidates, further = by_pattern(entries, kind, wanted, roster)
    return kind, candidates, [*set_aside, *further]


def _guess(entries: list[File], kind: str, lab: str, root: Path) -> tuple[str, list[File]]:
    """What a download is, by the names of most of its files; a folder around all of it is taken away."""
    tops = {entry.name.partition("/")[0] for entry in entries}
    inner = [replace(entry, name=entry.name.partition("/")[2]) for entry in entries] if len(tops) == 1 else []
    for platform, beginning in BEGINNINGS.items():
        for files in (entries, inner):
            fit = sum(bool(re.match(beginning, file.name)) for file in files)
            if kind in ("auto", platform) and files and fit > len(files) / 2:
                return platform, files
    if kind == "auto" and knows_most(entries, lab, root):
        return "zip_collect", entries
    return ("folder" if kind == "auto" else kind), entries


def _unpacked(folder: Path) -> tuple[list[File], list[SetAside]]:
    """The files of a folder, unread. What students call their folders within is not known yet."""
    entries, set_aside = [], []
    with os.scandir(folder) as listing:
        tops = sorted(entry.name for entry in listing)
    for top in tops:
        if top in SKIPPED or top.startswith("."):
            continue
        try:
            if path_problem(top):
                raise Refused(path_problem(top))
            status = os.lstat(folder / top)
            if stat.S_ISDIR(status.st_mode):
                within, _, refused = look(folder / top)
                set_aside += [SetAside(plain(f"{top}/{name}"), why) for name, why in refused]
                entries += [replace(file, name=unicodedata.normalize("NFC", f"{top}/{file.name}")) for file in within]
            elif no_file(status):
                raise Refused(no_file(status))
            else:
                entries.append(file_below(folder, (top,), status))
        except Exception as problem:
            set_aside.append(SetAside(plain(top), in_words(problem)))
    return entries, set_aside


def _by_folder(entries: list[File], lab: str, root: Path) -> tuple[list[Candidate], list[SetAside]]:
    """A folder for each student, with the notebooks in it or in a folder of the lab's name, which comes first."""
    students, set_aside, others = {}, [], set(labs(root)) - {lab}
    for entry in entries:
        student, _, rest = entry.name.partition("/")
        if not rest:
            set_aside.append(SetAside(plain(entry.name), "it lies in no student's folder"))
        elif rest.split("/")[0] not in others:
            file = replace(entry, name=rest.removeprefix(f"{lab}/"))
            students.setdefault(student, []).append((rest.startswith(f"{lab}/"), file))
    candidates = []
    for student, placed in students.items():
        files = [file for in_lab, file in placed if in_lab]
        taken = {file.name for file in files}
        files += [file for in_lab, file in placed if not in_lab and file.name not in taken]
        time = max((file.time for file in files if file.time is not None), default=None)
        candidates.append(Candidate(student, files, time, [] if time else [NO_TIME], plain(student)))
    return candidates, set_aside
