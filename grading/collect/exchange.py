"""nbgrader's exchange: a submission counts for the user who owns its files, at the time the server saw it.

That time is the newest `ctime` of the files and folders, which a student cannot set (a backup that is put back sets it
anew). The name of a submission and its `timestamp.txt` are the student's words; where they differ, a note says so.
"""

import os
import pwd
import stat
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.exchange.default import Exchange

from ..course import ROOT, GradingError, configuration
from .candidates import Candidate, File, Refused, SetAside, in_words
from .names import plain, student_problem
from .reading import look
from .times import TIME, time_in


def inbound(root: Path) -> Path:
    """The folder of the exchange that `nbgrader_config.py` names, with what was handed in."""
    config = configuration(root)
    return Path(Exchange(config=config).root) / config.CourseDirectory.course_id / "inbound"


def exchange_has(lab: str, root: Path = ROOT) -> bool:
    """Whether nbgrader's exchange holds submissions of this lab."""
    try:
        return _has(lab, inbound(root))
    except OSError:
        return False


def inbound_of(source: Path, lab: str, kind: str, root: Path) -> Path | None:
    """The folder of the exchange that a source holds or is; None when it is something else."""
    if kind not in ("auto", "exchange") or not source.is_dir():
        if kind == "exchange":
            raise GradingError(f"There is no exchange at {source}: name its folder, or leave --from out.")
        return None
    if kind == "exchange":
        for below in (f"{configuration(root).CourseDirectory.course_id}/inbound", "inbound"):
            if (source / below).is_dir():
                return source / below
        return source
    return source if _has(lab, source) else None


def _has(lab: str, folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(f"+{lab}+" in entry.name for entry in entries)


def user_name(uid: int) -> str | None:
    """The name of a user of this machine; None for a number that nobody has."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def from_exchange(
    lab: str, folder: Path, name_of: Callable[[int], str | None]
) -> tuple[list[Candidate], list[SetAside]]:
    """The submissions of a lab in the folder of the exchange where nbgrader puts what was handed in."""
    try:
        with os.scandir(folder) as listing:
            names = sorted(entry.name for entry in listing)
    except OSError as problem:
        raise GradingError(
            f"The exchange at {folder} cannot be read ({in_words(problem)}): "
            "name a folder or a bulk download with --from."
        ) from None
    candidates, set_aside = [], []
    for name in names:
        what = f"exchange: {plain(name)}"
        student, _, rest = name.partition(f"+{lab}+")
        if not rest:
            if f"+{lab}" in name and name.split("+")[1:2] == [lab]:
                set_aside.append(SetAside(what, "its name has no time, so nbgrader did not write it"))
            continue
        try:
            candidates.append(_candidate(folder / name, student, rest, name_of, what))
        except Exception as problem:  # whatever it is, it ends with this one
            set_aside.append(SetAside(what, in_words(problem)))
    return candidates, set_aside


def _candidate(folder: Path, student: str, rest: str, name_of: Callable[[int], str | None], what: str) -> Candidate:
    """A submission in the exchange; `rest` stands behind the lab in its name, a time and what makes it unique."""
    why = student_problem(unicodedata.normalize("NFC", student))
    if why:
        raise Refused(why)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise Refused("it is no folder")
    files, stats, refused = look(folder, status.st_uid)
    owners = {name_of(each.st_uid) or f"nobody known (number {each.st_uid})" for each in stats}
    if {unicodedata.normalize("NFC", owner) for owner in owners} != {unicodedata.normalize("NFC", student)}:
        raise Refused(f"it is filed under {student}, and its files belong to {', '.join(sorted(owners))}")
    time = datetime.fromtimestamp(max(each.st_ctime for each in stats), UTC)
    return Candidate(student, files, time, _differing_claim([rest, *_own_words(files)], time), what, refused)


def _own_words(files: list[File]) -> list[str]:
    for file in files:
        if file.name == "timestamp.txt":
            try:
                return [file.read(200).decode("utf-8", "replace").strip()]
            except (Refused, OSError):
                return []
    return []


def _differing_claim(claims: list[str], time: datetime) -> list[str]:
    for claim in claims:
        claimed = time_in(claim.partition("+")[0] if not TIME.fullmatch(claim) else claim)
        if claimed and abs((claimed - time).total_seconds()) > 60:
            says, arrived = f"{claimed:%Y-%m-%d %H:%M}", f"{time:%Y-%m-%d %H:%M} UTC"
            return [f"it says that it was handed in at {says}; it arrived at {arrived}"]
    return []
