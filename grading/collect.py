"""Bring submissions into `submitted/<student>/<lab>/`: from nbgrader's exchange, a folder, or a bulk download.

A submission counts for the student who owns its files, at the time the server saw it. Nothing of a stranger is
followed (links), opened (devices) or trusted (names, times); what cannot be taken is set aside with the reason.
"""

import csv
import os
import pwd
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from nbgrader.exchange.default.exchange import Exchange
from nbgrader.utils import parse_utc

from .course import ROOT, GradingError, configuration, labs, need_lab

MOST_BYTES = 64 * 2**20  # of a whole submission
MOST_FILE = 32 * 2**20
MOST_FILES = 200
KINDS = ("auto", "exchange", "folder", "moodle", "canvas", "zip_collect")
SKIPPED = {".ipynb_checkpoints", "__pycache__", "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
# <full name>_<number>_assignsubmission_file[_/]<file>, as Moodle packs them; with or without a folder for each student.
MOODLE = re.compile(r"(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_file(?:_/?|/)(?P<file>[^/].*)")
# <name>[_LATE]_<user>_<attachment>_<file>, as Canvas packs them; a second upload of one file gets -1 behind its name.
CANVAS = re.compile(r"(?P<name>[^_/]+)_(?:(?P<late>LATE)_)?(?P<id>\d+)_(?P<attachment>\d+)_(?P<file>[^/]+)")


def collect(
    lab: str,
    root: Path = ROOT,
    source: Path | None = None,
    kind: str = "auto",
    roster: Path | None = None,
    name_of: Callable[[int], str] | None = None,
) -> dict:
    """Bring the submissions of a lab into `submitted/`.

    An older one never replaces a newer one; one that is replaced is kept in `collected-before/`.

    Parameters
    ----------
    source : a folder or a zip file; nbgrader's exchange when None
    kind : one of KINDS; "auto" looks what the source is
    roster : a CSV table of the class with the column `student`, and `name`, `moodle_id` or `canvas_id`
    name_of : uid → user name; that of this machine when None

    Returns
    -------
    dict : `collected`, a list of {"student", "time", "notes"}; `unchanged`, names; `set_aside`, a list of
        {"what", "why"}

    Raises
    ------
    GradingError : the source is not there, or of no kind that is known
    """
    need_lab(lab, root)
    if kind not in KINDS:
        raise GradingError(f"There is no kind '{kind}' of download. Choose one of: {', '.join(KINDS)}.")
    done = {"collected": [], "unchanged": [], "set_aside": []}
    wanted = {path.stem for path in (root / "course/source" / lab).glob("*.ipynb")}
    if source is None:
        found = _from_exchange(lab, root, name_of or _user, done)
    else:
        found = _from_download(lab, Path(source), kind, wanted, _roster(roster), root, done)
    newest = {}
    for one in found:
        problem = _bad_name(one["student"])
        if problem:
            done["set_aside"].append({"what": one["what"], "why": problem})
            continue
        before = newest.get(one["student"])
        if before is not None:
            older = min(before, one, key=_when)
            done["set_aside"].append({"what": older["what"], "why": f"a newer submission of {one['student']} is there"})
            one = max(before, one, key=_when)
        newest[one["student"]] = one
    for student, one in sorted(newest.items()):
        _take(lab, student, one, wanted, root, done)
    return done


def exchange_has(lab: str, root: Path = ROOT) -> bool:
    """Whether nbgrader's exchange holds submissions of this lab."""
    inbound = _inbound(root)
    try:
        return any(f"+{lab}+" in entry.name for entry in os.scandir(inbound))
    except OSError:
        return False


def files_of(folder: Path, most_bytes: int = MOST_BYTES) -> tuple[dict[str, bytes], list[str]]:
    """The ordinary files of a folder: path within it → bytes; and what was left out, with the reason.

    Links are not followed and devices not opened, wherever in the folder they are; hard links are left out, since
    their content may be somebody else's. Raises OSError where the folder itself cannot be read or is a link.
    """
    files, left_out, total = {}, [], 0
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for path, names, entries, at in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            names[:] = sorted(set(names) - SKIPPED)
            for name in [n for n in names if stat.S_ISLNK(os.lstat(n, dir_fd=at).st_mode)]:
                left_out.append(f"{_shown(path, name)} is a link and was not followed.")
                names.remove(name)
            for name in sorted(set(entries) - SKIPPED):
                shown = _shown(path, name)
                if len(files) >= MOST_FILES:
                    left_out.append(f"There are more than {MOST_FILES} files; {shown} and further ones were left out.")
                    return files, left_out
                try:
                    data = _read(name, at, min(MOST_FILE, most_bytes - total))
                    shown.encode("utf-8")
                except (_Refused, OSError, UnicodeEncodeError) as problem:
                    left_out.append(f"{ascii(shown)[1:-1]} was left out: {problem}.")
                    continue
                total += len(data)
                files[unicodedata.normalize("NFC", shown)] = data
    finally:
        os.close(top)
    return files, left_out


class _Refused(Exception):
    pass


def _read(name: str, at: int, most: int) -> bytes:
    """A regular file's bytes; what it is is decided on the opened file, so it cannot be exchanged in between."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    except OSError:
        if stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            raise _Refused("it is a link, which is not followed") from None
        raise
    with os.fdopen(fd, "rb") as file:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise _Refused("it is no ordinary file")
        if about.st_nlink > 1:
            raise _Refused("it is a hard link, so its content may be another file's")
        data = file.read(most + 1) if about.st_size <= most else b"x" * (most + 1)
    if len(data) > most:
        raise _Refused(f"it is too large ({about.st_size / 2**20:.0f} MB)")
    return data


def _shown(path: str, name: str) -> str:
    return PurePosixPath(os.path.relpath(os.path.join(path, name), ".")).as_posix()


# --- where submissions come from ----------------------------------------------------------------------------------


def _inbound(root: Path) -> Path:
    config = configuration(root)
    return Path(Exchange(config=config).root) / config.CourseDirectory.course_id / "inbound"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _from_exchange(lab: str, root: Path, name_of, done: dict) -> list[dict]:
    inbound = _inbound(root)
    if not inbound.is_dir():
        raise GradingError(f"There is no exchange at {inbound}: name a folder or a bulk download with --from.")
    found = []
    for entry in sorted(os.scandir(inbound), key=lambda entry: entry.name):
        parts = entry.name.split(f"+{lab}+")
        if len(parts) != 2:
            continue
        student = parts[0]
        what = f"exchange: {ascii(entry.name)[1:-1]}"
        try:
            if entry.is_symlink() or not entry.is_dir(follow_symlinks=False):
                raise _Refused("it is no folder")
            owners, time = _owners(Path(entry.path))
            names = {name_of(uid) for uid in owners}
            if names != {student}:
                raise _Refused(f"it is filed under {student}, and its files belong to {', '.join(sorted(names))}")
            files, left_out = files_of(Path(entry.path))
        except (_Refused, OSError) as problem:
            done["set_aside"].append({"what": what, "why": str(problem)})
            continue
        notes = list(left_out)
        said = re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", parts[1])
        for claim in [
            parts[1][: said.end()] if said else "",
            files.get("timestamp.txt", b"").decode("utf-8", "replace"),
        ]:
            claimed = _parsed(claim)
            if claimed and abs((claimed - time).total_seconds()) > 60:
                notes.append(
                    f"it says that it was handed in at {claimed:%Y-%m-%d %H:%M}, and arrived {time:%Y-%m-%d %H:%M} UTC"
                )
                break
        found.append({"student": student, "files": files, "time": time, "notes": notes, "what": what})
    return found


def _owners(folder: Path) -> tuple[set[int], datetime]:
    """Who owns the folder and all that is in it, and when the last of it changed (`mtime` can be set by its owner)."""
    owners, latest = set(), 0.0
    for path, names, files in os.walk(folder, followlinks=False):
        for name in [".", *names, *files]:
            about = os.lstat(os.path.join(path, name))
            owners.add(about.st_uid)
            if name in files:
                latest = max(latest, about.st_ctime)
    return owners, datetime.fromtimestamp(latest, UTC)


def _parsed(text: str) -> datetime | None:
    try:
        return parse_utc(text.strip()).replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def _from_download(lab, source: Path, kind: str, wanted, roster, root, done) -> list[dict]:
    if not source.exists():
        raise GradingError(f"There is no {source}: name the folder or the zip file with the submissions.")
    entries = _zipped(source, done) if source.is_file() else _unpacked(source, done)
    if kind == "auto":
        kind = _guess([name for name, *_ in entries], lab)
    if kind == "zip_collect":
        return _by_pattern(entries, _own_pattern(root), "id", roster, done, late=False)
    if kind == "moodle":
        return _by_pattern(entries, MOODLE, "moodle_id", roster, done)
    if kind == "canvas":
        return _by_pattern(entries, CANVAS, "canvas_id", roster, done)
    return _by_folder(entries, lab, root, done)


def _guess(names: list[str], lab: str) -> str:
    for kind, pattern in {"moodle": MOODLE, "canvas": CANVAS}.items():
        if names and sum(bool(pattern.search(name)) for name in names) > len(names) / 2:
            return kind
    return "folder"


def _own_pattern(root: Path):
    """The names that `nbgrader zip_collect` is configured for."""
    given = configuration(root).get("FileNameCollectorPlugin", {}).get("named_regexp", "")
    try:
        pattern = re.compile(given)
    except re.error as problem:
        raise GradingError(
            f"FileNameCollectorPlugin.named_regexp in nbgrader_config.py is no pattern: {problem}"
        ) from None
    if not {"student_id", "file_id"} <= set(pattern.groupindex):
        raise GradingError(
            "Set c.FileNameCollectorPlugin.named_regexp in nbgrader_config.py, with the groups student_id and file_id; "
            "nbgrader's documentation of `zip_collect` describes it."
        )
    return pattern


def _zipped(path: Path, done) -> list[tuple]:
    """The files of a zip: name, bytes, no time (a zip holds the packer's clock). Nothing is unpacked to the disk."""
    entries = []
    try:
        with zipfile.ZipFile(path) as archive:
            for about in archive.infolist():
                if about.is_dir():
                    continue
                why = _bad_path(about.filename)
                if stat.S_ISLNK(about.external_attr >> 16):
                    why = "it is a link"
                if not why and about.file_size > MOST_FILE:
                    why = f"it is too large ({about.file_size / 2**20:.0f} MB)"
                if not why:
                    try:
                        with archive.open(about) as file:
                            data = file.read(MOST_FILE + 1)
                        if len(data) > MOST_FILE:
                            why = "it is larger than the zip file says"
                    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as problem:
                        why = f"it cannot be unpacked ({problem})"
                if why:
                    done["set_aside"].append({"what": f"{path.name}: {ascii(about.filename)[1:-1][:200]}", "why": why})
                else:
                    entries.append((unicodedata.normalize("NFC", about.filename), data, None))
    except (zipfile.BadZipFile, OSError) as problem:
        raise GradingError(f"{path} is no zip file that can be read: {problem}. Download it again.") from None
    return entries


def _unpacked(folder: Path, done) -> list[tuple]:
    entries = []
    for top in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if top.name in SKIPPED or top.name.startswith("."):
            continue
        if top.is_dir(follow_symlinks=False):
            files, left_out = files_of(Path(top.path))
            done["set_aside"] += [{"what": f"{top.name}: {words.split(' ')[0]}", "why": words} for words in left_out]
            for name, data in files.items():
                when = (
                    datetime.fromtimestamp(os.lstat(Path(top.path) / name).st_mtime, UTC)
                    if (Path(top.path) / name).exists()
                    else None
                )
                entries.append((f"{top.name}/{name}", data, when))
        else:
            at = os.open(folder, os.O_RDONLY)
            try:
                entries.append(
                    (
                        top.name,
                        _read(top.name, at, MOST_FILE),
                        datetime.fromtimestamp(top.stat(follow_symlinks=False).st_mtime, UTC),
                    )
                )
            except (_Refused, OSError) as problem:
                done["set_aside"].append({"what": ascii(top.name)[1:-1], "why": str(problem)})
            finally:
                os.close(at)
    return entries


def _by_pattern(entries, pattern, id_column: str, roster: dict, done, late: bool = True) -> list[dict]:
    """Files whose names tell whose they are, and what they were called before the upload."""
    found = {}
    for name, data, _ in sorted(entries, key=lambda entry: entry[0]):
        match = pattern.search(name)
        if match is None:
            done["set_aside"].append({"what": ascii(name)[1:-1][:200], "why": "its name does not tell whose it is"})
            continue
        told = match.groupdict()
        number = told.get("id") or told.get("student_id")
        student = (
            roster.get((id_column, number))
            or roster.get(("name", told.get("name")))
            or told.get("student_id")
            or number
        )
        one = found.setdefault(
            student, {"student": student, "files": {}, "order": {}, "time": None, "notes": [], "what": name}
        )
        file = told.get("file") or told["file_id"]
        if told.get("student_id") and not file.endswith(".ipynb"):
            file += ".ipynb"
        repeated = re.fullmatch(r"(.+)-(\d+)(\.\w+)", file) if told.get("attachment") else None
        order = int(told.get("attachment") or 0)
        if repeated:
            file = repeated[1] + repeated[3]
        if file in one["files"]:
            one["notes"].append(f"{file} was handed in more than once; the newest one counts")
            if order < one["order"][file]:
                continue
        one["files"][file], one["order"][file] = data, order
        if told.get("late"):
            one["notes"].append("the platform says that it is late")
    for one in found.values():
        one["notes"] = list(dict.fromkeys(one["notes"]))
        one["notes"].append("the download does not tell when it was handed in")
    return list(found.values())


def _by_folder(entries, lab: str, root: Path, done) -> list[dict]:
    """A folder for each student, with the notebooks in it or in a folder of the lab's name."""
    found, others = {}, set(labs(root)) - {lab}
    for name, data, time in entries:
        student, _, rest = name.partition("/")
        if not rest:
            done["set_aside"].append({"what": ascii(name)[1:-1][:200], "why": "it lies in no student's folder"})
            continue
        first = rest.split("/")[0]
        if first in others:
            continue
        rest = rest.removeprefix(f"{lab}/")
        one = found.setdefault(student, {"student": student, "files": {}, "time": None, "notes": [], "what": student})
        one["files"][rest] = data
        if rest.endswith(".ipynb") and time is not None:
            one["time"] = max(time, one["time"] or time)
    return list(found.values())


def _roster(path: Path | None) -> dict[tuple[str, str], str]:
    """(column, value) → student."""
    if path is None:
        return {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise GradingError(f"The roster {path} cannot be read: {problem}") from None
    if not rows or "student" not in rows[0]:
        raise GradingError(f"The roster {path} has no column 'student': the names under which the class is graded.")
    return {(column, row[column].strip()): row["student"].strip() for row in rows for column in row if row.get(column)}


# --- where they go ------------------------------------------------------------------------------------------------


def _bad_path(name: str) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or re.search(r"[\0-\x1f\x7f]", name):
        return "its name leads out of the folder, or holds signs that no name should"
    if any(len(part.encode("utf-8", "replace")) > 200 for part in parts):
        return "its name is too long"
    return ""


def _bad_name(student: str) -> str:
    if (
        not student
        or student.startswith(".")
        or set(student) & set("[]{}*?+/\\")
        or _bad_path(student)
        or student != student.strip()
    ):
        return f"{ascii(student)} can be no student's name here: rename it, without [ ] {{ }} * ? + / and a leading dot"
    return ""


def _when(one: dict) -> datetime:
    return one["time"] or datetime.min.replace(tzinfo=UTC)


def _take(lab: str, student: str, one: dict, wanted: set[str], root: Path, done: dict) -> None:
    files, notes = _named(one["files"], wanted)
    notes = [*one["notes"], *notes]
    time = one["time"].strftime("%Y-%m-%d %H:%M:%S UTC") if one["time"] else None
    files.pop("timestamp.txt", None)
    total = sum(map(len, files.values()))
    if total > MOST_BYTES or len(files) > MOST_FILES:
        why = (
            f"it has {len(files)} files with {total / 2**20:.0f} MB; at most {MOST_FILES} files and "
            f"{MOST_BYTES / 2**20:.0f} MB are taken"
        )
        done["set_aside"].append({"what": one["what"], "why": why})
        return
    if time:
        files["timestamp.txt"] = time.encode()
    to = root / "submitted" / student / lab
    if to.is_dir() and not to.is_symlink():
        there, _ = files_of(to)
        if {n: d for n, d in there.items() if n != "timestamp.txt"} == {
            n: d for n, d in files.items() if n != "timestamp.txt"
        }:
            done["unchanged"].append(student)
            return
        before = _parsed(there.get("timestamp.txt", b"").decode("utf-8", "replace"))
        if before and one["time"] and before > one["time"].replace(microsecond=0):
            done["set_aside"].append(
                {"what": one["what"], "why": f"a newer submission of {student} was collected before"}
            )
            return
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        old = root / "collected-before" / student / lab / stamp
        old.parent.mkdir(parents=True, exist_ok=True)
        notes.append(f"the one collected before is in {old.relative_to(root)}")
    else:
        old = None
    to.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".collecting-", dir=root / "submitted"))
    try:
        for name, data in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(data)
        part.chmod(0o755)
        if old is not None:
            os.replace(to, old)
        os.replace(part, to)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    done["collected"].append({"student": student, "time": time, "notes": notes})


def _named(files: dict[str, bytes], wanted: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """The files under the lab's names; `x (1).ipynb` or `folder/x.ipynb` stands in where there is no `x.ipynb`."""
    files, notes = {name: data for name, data in files.items() if not _bad_path(name)}, []
    for name in wanted:
        exact = f"{name}.ipynb"
        like = re.compile(rf"(?:.*/)?{re.escape(name)}(?:[ _-]?\(\d+\)|[ _-]copy\d*|-\d+)?\.ipynb", re.IGNORECASE)
        others = sorted(other for other in files if other != exact and like.fullmatch(other))
        if not others:
            continue
        if exact in files:
            notes.append(f"beside {exact} there is {', '.join(others)}, which does not count")
        elif len(others) == 1:
            files[exact] = files.pop(others[0])
            notes.append(f"{others[0]} was taken for {exact}")
        else:
            notes.append(f"{exact} is missing, and {', '.join(others)} could each be it: rename one")
    return files, notes
