"""Bulk downloads of Moodle and Canvas: a file's name tells whose it is there, and the roster which student that is."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace

from ..roster import Roster
from .candidates import NO_TIME, Candidate, File, Refused, SetAside
from .names import plain

# <full name>_<number>_assignsubmission_file[_/]<file>, as Moodle packs them; with or without a folder for each student.
# The name is as short as can be: what follows the first number may be a file name that a student made up.
MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_file(?:_/|_|/)(?P<file>.+)")
# <name>[_LATE]_<user>_<attachment>_<file>, as Canvas packs them; a second upload of one file gets -1 behind its name.
CANVAS = re.compile(r"(?P<name>[^/]+?)_(?:(?P<late>LATE)_)?(?P<id>\d+)_(?P<attachment>\d+)_(?P<file>[^/]+)")
# What most names of a download begin with; Moodle's also where no file was handed in but a text.
BEGINNINGS = {"moodle": re.compile(r"[^/]+_\d+_assignsubmission_"), "canvas": CANVAS}


@dataclass(frozen=True)
class _Upload:
    """A file of a download, and what its name tells; of two uploads of one file the one of higher order counts."""

    number: str
    person: str
    file: File
    order: tuple[int, int] = (0, 0)
    late: bool = False


def by_pattern(
    entries: list[File], kind: str, wanted: set[str], roster: Roster
) -> tuple[list[Candidate], list[SetAside]]:
    """The submissions in Moodle's or Canvas's download; `wanted` are the names of the lab's notebooks."""
    uploads, set_aside = {}, []
    for entry in entries:
        try:
            upload = _upload(entry, kind, wanted)
        except Refused as problem:
            set_aside.append(SetAside(plain(entry.name), str(problem)))
            continue
        uploads.setdefault(upload.number, []).append(upload)
    who = _students({number: by_number[0].person for number, by_number in uploads.items()}, kind, roster)
    candidates = []
    for number, by_number in uploads.items():
        what = f"{plain(by_number[0].person)} ({number})"
        student, how = who[number]
        twins = sorted(other for other in uploads if other != number and who[other][0] == student)
        if student is None:
            set_aside.append(SetAside(what, how))
        elif twins:
            numbers = ", ".join(sorted([number, *twins]))
            why = f"the numbers {numbers} would all be {student}: tell them apart in the roster"
            set_aside.append(SetAside(what, why))
        else:
            files, notes = _newest_of_each(by_number)
            notes = [*notes, *([how] if how else []), NO_TIME]
            candidates.append(Candidate(student, files, None, notes, what))
    return candidates, set_aside


def _upload(entry: File, kind: str, wanted: set[str]) -> _Upload:
    match = (MOODLE if kind == "moodle" else CANVAS).match(entry.name)
    if match is None:
        raise Refused(_why_nobodys(entry.name, kind))
    if entry.name.partition("/")[0].count("_assignsubmission_file") > 1:
        raise Refused("its name says twice whose it is")
    if kind == "moodle":
        return _Upload(match["id"], match["name"], replace(entry, name=match["file"], time=None))
    name, again = _canvas_file(match["file"], wanted)
    order = (int(match["attachment"]), again)
    return _Upload(match["id"], match["name"], replace(entry, name=name, time=None), order, bool(match["late"]))


def _newest_of_each(uploads: list[_Upload]) -> tuple[list[File], list[str]]:
    """Of each file the upload that counts, and notes."""
    newest, notes = {}, []
    for upload in uploads:
        name = upload.file.name
        if upload.late:
            notes.append("the platform says that it is late")
        if name in newest:
            notes.append(f"{plain(name)} was handed in more than once; the newest one counts")
        if name not in newest or upload.order >= newest[name].order:
            newest[name] = upload
    return [upload.file for upload in newest.values()], list(dict.fromkeys(notes))


def _why_nobodys(name: str, kind: str) -> str:
    if "_assignsubmission_onlinetext" in name or re.fullmatch(r"[^/]+_\d+_(?:text|link)\.html", name):
        return "its name does not tell whose file it is: it is a text that was typed into the platform"
    return f"its name does not tell whose it is, as {kind.title()} writes it"


def _canvas_file(file: str, wanted: set[str]) -> tuple[str, int]:
    """What a file was called before Canvas put -1, -2 … behind its name, and that number."""
    again = re.fullmatch(r"(.+)-(\d{1,6})\.ipynb", file)
    if again and file.removesuffix(".ipynb") not in wanted and _same(again[1], wanted):
        return f"{_same(again[1], wanted)}.ipynb", int(again[2])
    stem = _same(file.removesuffix(".ipynb"), wanted) if file.endswith(".ipynb") else None
    return (f"{stem}.ipynb" if stem else file), 0


def _same(stem: str, wanted: set[str]) -> str | None:
    """The notebook of the lab whose name differs only in what Canvas changes: `_1_` becomes `-1-`."""
    return next((name for name in sorted(wanted) if re.sub(r"[ +_-]", "_", name) == re.sub(r"[ +_-]", "_", stem)), None)


def _students(people: dict[str, str], kind: str, roster: Roster) -> dict[str, tuple[str | None, str]]:
    """Which student each platform's number is, and a note; or None and the reason. `people`: number → full name."""
    if not roster.rows:
        without = "in the download; without a roster the number stands for the student"
        return {number: (number, f"{plain(name)} {without}") for number, name in people.items()}
    column = f"{kind}_id"
    by_number = {row[column]: row["student"] for row in roster.rows if row.get(column)}
    by_name = _by_full_name(roster)
    students = {}
    for number, name in people.items():
        student = by_name.get(_letters(name))
        if number in by_number:
            students[number] = by_number[number], ""
        # Names can be changed on a platform: they count only for somebody whose number the roster does not give.
        elif student is not None and student not in by_number.values():
            students[number] = student, f"found in the roster by the full name {plain(name)}"
        elif number in roster.students:
            why = f"the roster does not have this number as a {column}, and has a student called {number}: add it"
            students[number] = None, why
        else:
            note = f"the roster has no {column} {number} ({plain(name)}), so the number stands for the student"
            students[number] = number, note
    return students


def _by_full_name(roster: Roster) -> dict[str, str]:
    """The letters of a full name → the student. A name that two students have tells nothing, and is left out."""
    pairs = {(key, row["student"]) for row in roster.rows for key in _written(row.get("name", "")) - {""}}
    students_with = Counter(key for key, _ in pairs)
    return {key: student for key, student in pairs if students_with[key] == 1}


def _written(name: str) -> set[str]:
    """A full name in letters, as platforms write it: Ada Lovelace is lovelaceada for Canvas."""
    last, _, given = name.partition(",")
    first, _, surname = name.rpartition(" ")
    return {_letters(name), _letters(given + last), _letters(surname + first)}


def _letters(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())
