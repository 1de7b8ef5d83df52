"""Put submissions into `submitted/<student>/<lab>/`, in one step each; what they replace goes to `collected-before`."""

import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..files import alone, write_whole
from .candidates import Candidate, Collected, Collection, Refused, SetAside, in_words, joined
from .names import plain, student_problem
from .reading import MOST_BYTES, MOST_FILES, look, read_all
from .times import time_in


@contextmanager
def collecting(root: Path) -> Iterator[None]:
    """Keep a second collecting away while this one writes."""
    (root / "submitted").mkdir(parents=True, exist_ok=True)
    with alone(root / "submitted", "Submissions are being collected right now: wait until that is done."):
        yield


def by_student(candidates: list[Candidate]) -> tuple[dict[str, list[Candidate]], list[SetAside]]:
    """Student → the candidates of that name, and those whose name can be no student's."""
    students, set_aside = {}, []
    for candidate in candidates:
        student = unicodedata.normalize("NFC", candidate.student)
        problem = student_problem(student)
        if problem:
            set_aside.append(SetAside(candidate.what, problem))
        else:
            students.setdefault(student, []).append(candidate)
    return students, set_aside


def store_newest(lab: str, student: str, candidates: list[Candidate], wanted: set[str], root: Path) -> Collection:
    """Put the newest submission of a student that can be taken into `submitted/`. A problem with one ends here.

    Parameters
    ----------
    candidates : all of this student
    wanted : the names of the lab's notebooks
    """
    never = datetime.min.replace(tzinfo=UTC)
    parts, taken = [], False
    for candidate in sorted(candidates, key=lambda c: (c.time or never, c.what), reverse=True):
        if taken:
            why = f"a newer submission of {student} is there"
            parts.append(Collection(set_aside=[SetAside(candidate.what, why)]))
            continue
        try:
            parts.append(_store(lab, student, candidate, wanted, root))
        except OSError as problem:
            why = f"it cannot be written here ({problem})"
            parts.append(Collection(set_aside=[SetAside(candidate.what, why)]))
        except Exception as problem:
            parts.append(Collection(set_aside=[SetAside(candidate.what, in_words(problem))]))
        taken = bool(parts[-1].collected or parts[-1].unchanged)
    return joined(parts)


def _store(lab: str, student: str, candidate: Candidate, wanted: set[str], root: Path) -> Collection:
    handed_in = [file for file in candidate.files if file.name != "timestamp.txt"]  # its words about time do not count
    contents, refused = read_all(handed_in, MOST_BYTES, MOST_FILES)
    refused = [*candidate.refused, *refused]
    aside = [SetAside(f"{candidate.what}: {plain(name)}", why) for name, why in refused]
    if not contents:
        why = f"{plain(refused[0][0])}: {refused[0][1]}" if refused else "there is no file in it"
        return Collection(set_aside=[*aside[1:], SetAside(candidate.what, why)])
    contents, renamed = _named(contents, wanted)
    notes = [*candidate.notes, *renamed, *(f"{plain(name)} was left out: {why}" for name, why in refused)]
    time = candidate.time.replace(microsecond=0) if candidate.time else None
    to = root / "submitted" / student / lab
    old = None
    if os.path.lexists(to):
        there, _ = read_all(look(to)[0], 2 * MOST_BYTES, 2 * MOST_FILES)
        before = time_in(there.pop("timestamp.txt", b"").decode("utf-8", "replace"))
        if there == contents or (before and before == time):
            return Collection(unchanged=[student], set_aside=aside)
        if before and time and before > time:
            raise Refused(f"a newer submission of {student} was collected before")
        old = root / "collected-before" / student / lab / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        notes.append(f"the one collected before is in {old.relative_to(root)}")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S %Z") if time else None
    _write(contents | ({"timestamp.txt": stamp.encode()} if stamp else {}), to, old, root)
    return Collection(collected=[Collected(student, stamp, notes)])


def _write(contents: dict[str, bytes], to: Path, old: Path | None, root: Path) -> None:
    """Write a folder as a whole or not at all; what is there goes to `old`."""
    if old is not None:
        old.parent.mkdir(parents=True, exist_ok=True)
        write_whole(root / "collected-before/.gitignore", "*\n")  # people's work never belongs into the repository
    to.parent.mkdir(parents=True, exist_ok=True)
    for left in to.parent.glob(".collecting-*"):  # by an interrupted run
        shutil.rmtree(left, ignore_errors=True)
    part = to.parent / f".collecting-{uuid.uuid4().hex}"  # no lab has such a name, so nothing reads it as a submission
    try:
        part.mkdir()
        for name, data in contents.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(data)
        if old is not None:
            shutil.move(to, old)
        part.replace(to)
    except BaseException:  # also an interruption from the keyboard
        if old is not None and old.exists() and not to.exists():
            shutil.move(old, to)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _named(contents: dict[str, bytes], wanted: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """The files under the lab's names; `x (1).ipynb` or `folder/x.ipynb` stand in where there is no `x.ipynb`."""
    contents, notes = dict(contents), []
    exact_names = {f"{name}.ipynb" for name in wanted}
    for name in sorted(wanted):
        exact = f"{name}.ipynb"
        stem = re.sub(r"\\?[ +_-]", "[ +_-]", re.escape(name))
        copy = r"(?:[ _-]*\(\d+\)|[ _-]+copy[ _-]*(?:\(?\d+\)?)?|-\d+)?"
        like = re.compile(rf"(?:.*/)?(?:copy of )?{stem}{copy}\.ipynb", re.IGNORECASE)
        others = sorted(other for other in contents if other not in exact_names and like.fullmatch(other))
        shown = plain(", ".join(others))
        if not others:
            continue
        if exact in contents:
            notes.append(f"beside {exact} there is {shown}, which does not count")
        elif len(others) == 1:
            contents[exact] = contents.pop(others[0])
            notes.append(f"{shown} was taken for {exact}")
        else:
            notes.append(f"{exact} is missing, and {shown} could each be it: rename one")
    return contents, notes
