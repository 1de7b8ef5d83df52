"""nbgrader's `zip_collect`: its plugin, with the course's own pattern, tells whose a file is, which it is, and when."""

import logging
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin
from traitlets.utils.importstring import import_item

from ..course import GradingError, configuration
from .candidates import NO_TIME, Candidate, File, Refused, SetAside, in_words
from .names import path_problem, plain
from .times import time_in_name
from .zips import zipped


def downloaded(lab: str, root: Path) -> Path:
    """Where nbgrader wants the downloads of a lab: as they were packed, or unpacked."""
    settings = configuration(root).get("ZipCollectApp", {})
    folder = root / settings.get("downloaded_directory", "downloaded") / lab
    steps = (settings.get("archive_directory", "archive"), settings.get("extracted_directory", "extracted"))
    for step in steps:
        if (folder / step).is_dir():
            return folder / step
    raise GradingError(f"There is no {folder / steps[0]}: put the download there, or name it with --from.")


def unpacked_archives(source: Path, entries: list[File], stack: ExitStack) -> tuple[list[File], list[SetAside]]:
    """With the content of each zip in the folder, under the zip's name, as nbgrader unpacks them."""
    if source.is_file():
        return [replace(entry, name=f"{source.stem}/{entry.name}") for entry in entries], []
    files, set_aside = [], []
    for entry in entries:
        if not entry.name.endswith(".zip"):
            files.append(entry)
            continue
        try:
            members, problems = zipped(stack.enter_context(entry.open()), entry.name, stack)
        except Exception as problem:
            set_aside.append(SetAside(plain(entry.name), in_words(problem)))
            continue
        set_aside += problems
        files += [replace(member, name=f"{entry.name.removesuffix('.zip')}/{member.name}") for member in members]
    return files, set_aside


def knows_most(entries: list[File], lab: str, root: Path) -> bool:
    """Whether the course has a pattern for `zip_collect`, and it tells whose most of the files are."""
    if not configuration(root).get("FileNameCollectorPlugin", {}).get("named_regexp"):
        return False
    tell = _plugin(root)
    return sum(bool(tell(_as_extracted(entry.name, lab, root))) for entry in entries) > len(entries) / 2


def _as_extracted(name: str, lab: str, root: Path) -> str:
    """The whole path that nbgrader's plugin gets to see, after nbgrader unpacked the downloads."""
    settings = configuration(root).get("ZipCollectApp", {})
    parts = (settings.get("downloaded_directory", "downloaded"), lab, settings.get("extracted_directory", "extracted"))
    return str(root.absolute().joinpath(*parts, name))


def _plugin(root: Path) -> Callable[[str], dict | None]:
    """nbgrader's own reader of names, with what `nbgrader_config.py` says about it."""
    config = configuration(root)
    kind = config.get("ZipCollectApp", {}).get("collector_plugin", FileNameCollectorPlugin)
    kind = import_item(kind) if isinstance(kind, str) else kind
    if kind is FileNameCollectorPlugin:
        pattern = config.get("FileNameCollectorPlugin", {}).get("named_regexp", "")
        try:
            groups = re.compile(pattern).groupindex
        except re.error as problem:
            raise GradingError(
                f"FileNameCollectorPlugin.named_regexp in nbgrader_config.py is no pattern: {problem}. Correct it."
            ) from None
        if not {"student_id", "file_id"} <= set(groups):
            raise GradingError(
                "Set c.FileNameCollectorPlugin.named_regexp in nbgrader_config.py, with the groups student_id and "
                "file_id; nbgrader's documentation of `zip_collect` describes it."
            )
    quiet = logging.getLogger("grading.collect.plugin")  # what did not match is reported, and need not be logged too
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    plugin = kind(config=config, log=quiet)
    # nbgrader gives its plugin the whole path; a pattern that was written for the bare name works here too
    return lambda name: plugin.collect(name) or plugin.collect(os.path.basename(name))


def by_plugin(entries: list[File], lab: str, root: Path) -> tuple[list[Candidate], list[SetAside]]:
    """The submissions in files of which nbgrader's plugin tells the student, the notebook and perhaps the time."""
    tell, files, notes, set_aside = _plugin(root), {}, {}, []
    for entry in sorted(entries, key=lambda entry: entry.name):
        try:
            student, file = _told(tell(_as_extracted(entry.name, lab, root)), entry)
        except Exception as problem:  # the plugin may be the course's own
            set_aside.append(SetAside(plain(entry.name), in_words(problem)))
            continue
        by_name = files.setdefault(student, {})
        before = by_name.get(file.name)
        if before is not None:
            if file.time is None or before.time is None:
                why = f"{student} handed in {file.name} more than once, and no time tells which is newer"
                set_aside.append(SetAside(plain(entry.name), plain(f"{why}; the first counts")))
                continue
            note = f"{plain(file.name)} was handed in more than once; the newest one counts"
            notes.setdefault(student, {})[note] = None
            if file.time < before.time:
                continue
        by_name[file.name] = file
    candidates = []
    for student, by_name in files.items():
        time = max((file.time for file in by_name.values() if file.time is not None), default=None)
        remarks = [*notes.get(student, {}), *([NO_TIME] if time is None else [])]
        candidates.append(Candidate(student, list(by_name.values()), time, remarks, plain(student)))
    return candidates, set_aside


def _told(told: dict | None, entry: File) -> tuple[str, File]:
    """The student and the file as nbgrader's plugin tells them."""
    if not told or not isinstance(told.get("student_id"), str) or not isinstance(told.get("file_id"), str):
        raise Refused("nbgrader's plugin does not tell whose it is, or takes no such files")
    name = os.path.splitext(told["file_id"])[0] + os.path.splitext(entry.name)[1]
    if path_problem(name) or name.startswith("."):
        raise Refused(path_problem(name) or "its name does not tell what it was called")
    return told["student_id"], replace(entry, name=name, time=time_in_name(told.get("timestamp")))
