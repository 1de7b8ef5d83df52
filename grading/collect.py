"""Bring submissions into `submitted/<student>/<lab>/`: from nbgrader's exchange, a folder, or a bulk download.

A submission counts for the student who owns its files, at the time the server saw it. Nothing of a stranger is
followed (links), opened (devices) or trusted (names, times); what cannot be taken is set aside with the reason.

Times: in the exchange the newest `ctime` of the files and folders, which a student cannot set (a backup that is put
back sets it anew); in a folder the newest `mtime` of its files, since copies keep it; a bulk download has no time.
"""

import csv
import fcntl
import logging
import lzma
import os
import pwd
import re
import shutil
import stat
import struct
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from nbgrader.exchange.default import Exchange
from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.utils import parse_utc
from traitlets.utils.importstring import import_item

from .course import ROOT, GradingError, configuration, labs, need_lab
from .text import name_problem

MOST_BYTES = 64 * 2**20  # of a whole submission
MOST_FILE = 32 * 2**20
MOST_FILES = 200
MOST_ENTRIES = 5000  # files and folders that are looked at in one submission
MOST_DEPTH = 20
MOST_IN_ZIP = 200_000
KINDS = ("auto", "exchange", "folder", "moodle", "canvas", "zip_collect")
SKIPPED = {".ipynb_checkpoints", "__pycache__", "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
# <full name>_<number>_assignsubmission_file[_/]<file>, as Moodle packs them; with or without a folder for each student.
# The name is as short as can be: what follows the first number may be a file name that a student made up.
MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_file(?:_/|_|/)(?P<file>.+)")
# <name>[_LATE]_<user>_<attachment>_<file>, as Canvas packs them; a second upload of one file gets -1 behind its name.
CANVAS = re.compile(r"(?P<name>[^/]+?)_(?:(?P<late>LATE)_)?(?P<id>\d+)_(?P<attachment>\d+)_(?P<file>[^/]+)")
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?: (?:[A-Z]{1,5}|[+-]\d{4}))?")
NO_TIME = "the download does not tell when it was handed in"
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


class _Refused(Exception):
    """Why something of a student is not taken, as the second half of a sentence."""


@dataclass(frozen=True)
class _File:
    """A file that somebody handed in and that nobody read yet; `read(most)` raises _Refused beyond `most` bytes."""

    name: str
    time: datetime | None
    read: Callable[[int], bytes]


def collect(
    lab: str,
    root: Path = ROOT,
    source: Path | None = None,
    kind: str = "auto",
    roster: Path | None = None,
    name_of: Callable[[int], str | None] | None = None,
) -> dict:
    """Bring the submissions of a lab into `submitted/`.

    Of several by one student the newest counts, and an older one never replaces a newer one. What is replaced is kept
    in `collected-before/<student>/<lab>/`. Each student's folder changes in one step, so an interruption loses nothing.

    Parameters
    ----------
    lab : such as lab1_handwritten_numbers
    root : the course folder
    source : a folder or a zip file; when None the exchange that `nbgrader_config.py` names (for the kind
        "zip_collect": nbgrader's own folder `downloaded/<lab>/archive`)
    kind : one of KINDS; "auto" looks what the source is
    roster : a CSV table of the class with the column `student`, and `moodle_id`, `canvas_id` or `name`
    name_of : user number → user name, None for a number that nobody has; that of this machine when not given

    Returns
    -------
    dict : `kind`, what the source was taken for; `collected`, a list of {"student", "time", "notes"}, the time as in
        `timestamp.txt` or None; `unchanged`, students; `set_aside`, a list of {"what", "why"}

    Raises
    ------
    GradingError : the source is not there or cannot be read, the roster cannot be used, or somebody else is collecting
    """
    need_lab(lab, root)
    if kind not in KINDS:
        raise GradingError(f"There is no kind '{kind}' of download. Choose one of: {', '.join(KINDS)}.")
    done = {"kind": kind, "collected": [], "unchanged": [], "set_aside": []}
    wanted = {path.stem for path in (root / "course/source" / lab).glob("*.ipynb")}
    with ExitStack() as stack:
        if source is None and kind == "zip_collect":
            source = _downloaded(lab, root)
        if source is None:
            if kind not in ("auto", "exchange"):
                raise GradingError(f"Name the folder or the zip file of the kind '{kind}' with --from.")
            inbound = _inbound(root)
        else:
            source = Path(source)
            inbound = _inbound_of(source, lab, kind, root)
        if inbound is not None:
            done["kind"] = "exchange"
            found = _from_exchange(lab, inbound, name_of or _user, done)
        else:
            found = _from_download(lab, source, kind, wanted, _roster(roster), root, done, stack)
        stack.enter_context(_alone(root))
        for student, all_of_one in sorted(_by_student(found, done).items()):
            _newest(lab, student, all_of_one, wanted, root, done)
    return done


def exchange_has(lab: str, root: Path = ROOT) -> bool:
    """Whether nbgrader's exchange holds submissions of this lab."""
    try:
        with os.scandir(_inbound(root)) as entries:
            return any(f"+{lab}+" in entry.name for entry in entries)
    except OSError:
        return False


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
    entries, _, refused = _look(Path(folder))
    files, further = _read_all(entries, most_bytes, MOST_FILES)
    return files, [f"{_plain(name)} was left out: {why}." for name, why in [*refused, *further]]


# --- reading what strangers left ----------------------------------------------------------------------------------


def _look(folder: Path, owner: int | None = None) -> tuple[list[_File], list[os.stat_result], list[tuple[str, str]]]:
    """What lies in a folder, unread: the ordinary files, the `stat` of all there is, and what was refused and why."""
    entries, stats, refused = [], [], []
    waiting = [()]
    while waiting:
        parts = waiting.pop()
        try:
            at = _open_folder(folder, parts)
        except OSError as problem:
            if not parts:
                raise
            refused.append(("/".join(parts), _words(problem)))
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
                    about = os.stat(name, dir_fd=at, follow_symlinks=False)
                except OSError as problem:
                    refused.append((path, _words(problem)))
                    continue
                stats.append(about)
                if name in SKIPPED:
                    continue
                why = _bad_path(path) or _no_file(about)
                if stat.S_ISDIR(about.st_mode) and not _bad_path(path):
                    if len(parts) < MOST_DEPTH:
                        waiting.append((*parts, name))
                    else:
                        refused.append((path, f"it lies more than {MOST_DEPTH} folders deep"))
                elif why:
                    refused.append((path, why))
                else:
                    time = _modified(about)
                    read = partial(_read_below, folder, (*parts, name), owner)
                    entries.append(_File(unicodedata.normalize("NFC", path), time, read))
        finally:
            os.close(at)
    return entries, stats, refused


def _modified(about: os.stat_result) -> datetime:
    """When a file was changed last, as far as there is such a day: whoever owns it sets this, and 9999 is no limit."""
    return datetime.fromtimestamp(min(max(about.st_mtime, 0), datetime.now(UTC).timestamp()), UTC)


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
        raise _Refused(_too_large(max(size, len(data))))
    return data


@contextmanager
def _opened(folder: Path, parts: tuple[str, ...], owner: int | None):
    at = _open_folder(folder, parts[:-1])
    try:
        why = _no_file(os.stat(parts[-1], dir_fd=at, follow_symlinks=False))
        if why:
            raise _Refused(why)  # a device is not even opened
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)
    with os.fdopen(fd, "rb") as file:
        about = os.fstat(fd)
        why = _no_file(about)
        if not why and owner is not None and about.st_uid != owner:
            why = "it changed hands while it was read"
        if why:
            raise _Refused(why)
        yield file


def _no_file(about: os.stat_result) -> str:
    if stat.S_ISLNK(about.st_mode):
        return "it is a link, which is not followed"
    if not stat.S_ISREG(about.st_mode):
        return "it is no ordinary file"
    if about.st_nlink > 1:
        return "it is a hard link, so its content may be another file's"
    return ""


def _read_all(entries: list[_File], most_bytes: int, most_files: int) -> tuple[dict[str, bytes], list]:
    """Read files, notebooks first, as far as the limits go; also a list of (name, why) of what was left out.

    What cannot be read counts as a file: to unpack something damaged takes as long as if it were whole.
    """
    files, refused, total, tried = {}, [], 0, 0
    folders = {str(above) for entry in entries for above in PurePosixPath(entry.name).parents}
    order = sorted(entries, key=lambda e: (not e.name.endswith(".ipynb"), e.name.count("/"), e.name))
    for place, entry in enumerate(order):
        if tried >= most_files:
            further = len(order) - place - 1
            and_more = f", and so were {further} more" if further else ""
            refused.append((entry.name, f"there are more than {most_files} files{and_more}"))
            break
        if entry.name in files or entry.name in folders:
            refused.append((entry.name, "something else has the same name"))
            continue
        tried += 1
        try:
            data = entry.read(min(MOST_FILE, most_bytes - total))
        except Exception as problem:
            refused.append((entry.name, _words(problem)))
            continue
        files[entry.name] = data
        total += len(data)
    return files, refused


def _words(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    if isinstance(problem, _Refused | GradingError | OSError):
        return str(problem)
    return f"it cannot be processed ({_plain(f'{type(problem).__name__}: {problem}')})"


def _too_large(size: int) -> str:
    most = f"a file has at most {MOST_FILE / 2**20:.0f} MB and a submission {MOST_BYTES / 2**20:.0f} MB"
    return f"it is too large ({size / 2**20:.0f} MB; {most})"


def _plain(name: str) -> str:
    """A name for a report: no control characters, nothing that turns the line around, not endlessly long."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name[:200])


def _bad_path(name: str) -> str:
    try:
        parts = [part.encode("utf-8") for part in name.split("/")]
    except UnicodeEncodeError:
        return "its name is not written in UTF-8"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or b".." in parts or "\\" in name:
        return "its name leads out of the folder"
    if re.search(r"[\0-\x1f\x7f-\x9f]", name):
        return "its name holds control characters"
    if any(len(part) > 200 for part in parts) or len(name.encode()) > 1000 or len(parts) > MOST_DEPTH + 2:
        return "its name is too long"
    return ""


def _bad_name(student: str) -> str:
    if (
        not student
        or student.startswith(".")
        or student != student.strip()
        or set(student) & set("+/")
        or name_problem(student)
        or _bad_path(student)
    ):
        return (
            f"'{_plain(student)}' can be no student's name here: "
            "it must not be empty, long, begin with a dot or hold one of "
            '[ ] { } * ? + / \\ < > & " or an invisible sign'
        )
    return ""


# --- nbgrader's exchange ------------------------------------------------------------------------------------------


def _inbound(root: Path) -> Path:
    config = configuration(root)
    return Path(Exchange(config=config).root) / config.CourseDirectory.course_id / "inbound"


def _inbound_of(source: Path, lab: str, kind: str, root: Path) -> Path | None:
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
    with os.scandir(source) as entries:
        return source if any(f"+{lab}+" in entry.name for entry in entries) else None


def _user(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _from_exchange(lab: str, inbound: Path, name_of, done: dict) -> list[dict]:
    try:
        with os.scandir(inbound) as listing:
            names = sorted(entry.name for entry in listing)
    except OSError as problem:
        raise GradingError(
            f"The exchange at {inbound} cannot be read ({_words(problem)}): "
            "name a folder or a bulk download with --from."
        ) from None
    found = []
    for name in names:
        what = f"exchange: {_plain(name)}"
        student, _, said = name.partition(f"+{lab}+")
        if not said:
            if f"+{lab}" in name and name.split("+")[1:2] == [lab]:
                done["set_aside"].append({"what": what, "why": "its name has no time, so nbgrader did not write it"})
            continue
        try:
            if _bad_name(unicodedata.normalize("NFC", student)):
                raise _Refused(_bad_name(student))
            about = os.lstat(inbound / name)
            if not stat.S_ISDIR(about.st_mode):
                raise _Refused("it is no folder")
            files, stats, refused = _look(inbound / name, about.st_uid)
            owners = {name_of(each.st_uid) or f"nobody known (number {each.st_uid})" for each in stats}
            if {unicodedata.normalize("NFC", owner) for owner in owners} != {unicodedata.normalize("NFC", student)}:
                raise _Refused(f"it is filed under {student}, and its files belong to {', '.join(sorted(owners))}")
            time = datetime.fromtimestamp(max(each.st_ctime for each in stats), UTC)
            notes = _claims([said, *_own_words(files)], time)
        except Exception as problem:  # whatever it is, it ends with this one
            done["set_aside"].append({"what": what, "why": _words(problem)})
            continue
        found.append(
            {"student": student, "files": files, "time": time, "notes": notes, "what": what, "refused": refused}
        )
    return found


def _own_words(files: list[_File]) -> list[str]:
    for file in files:
        if file.name == "timestamp.txt":
            try:
                return [file.read(200).decode("utf-8", "replace").strip()]
            except (_Refused, OSError):
                return []
    return []


def _claims(claims: list[str], time: datetime) -> list[str]:
    for claim in claims:
        claimed = _parsed(claim.partition("+")[0] if not TIME.fullmatch(claim) else claim)
        if claimed and abs((claimed - time).total_seconds()) > 60:
            says, arrived = f"{claimed:%Y-%m-%d %H:%M}", f"{time:%Y-%m-%d %H:%M} UTC"
            return [f"it says that it was handed in at {says}; it arrived at {arrived}"]
    return []


def _parsed(text: str) -> datetime | None:
    """A time as nbgrader writes it. Other texts are not tried: a zone can be the name of a file for the parser."""
    if not TIME.fullmatch(text.strip()):
        return None
    try:
        return parse_utc(text.strip()).replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None


# --- folders and bulk downloads -----------------------------------------------------------------------------------


def _from_download(lab, source: Path, kind: str, wanted, roster, root: Path, done, stack: ExitStack) -> list[dict]:
    if not source.exists():
        raise GradingError(f"There is no {source}: name the folder or the zip file with the submissions.")
    if source.is_dir():
        entries = _unpacked(source, done)
    else:
        entries = _zipped(source, source.name, done, stack)
    if kind == "zip_collect":
        entries = _archives(source, entries, done, stack)
    if not entries and not done["set_aside"]:
        raise GradingError(f"There is nothing in {source}: name the folder or the zip file with the submissions.")
    done["kind"], entries = _guess(entries, kind, lab, root)
    if done["kind"] == "zip_collect":
        return _by_plugin(entries, lab, root, done)
    if done["kind"] == "folder":
        return _by_folder(entries, lab, root, done)
    return _by_pattern(entries, done["kind"], wanted, roster, done)


def _guess(entries: list[_File], kind: str, lab: str, root: Path) -> tuple[str, list[_File]]:
    """What a download is, by the names of most of its files; a folder around all of it is taken away."""
    tops = {entry.name.partition("/")[0] for entry in entries}
    inner = [replace(entry, name=entry.name.partition("/")[2]) for entry in entries] if len(tops) == 1 else []
    for one, pattern in {"moodle": r"[^/]+_\d+_assignsubmission_", "canvas": CANVAS}.items():
        for some in (entries, inner):
            fit = sum(bool(re.match(pattern, entry.name)) for entry in some)
            if kind in ("auto", one) and some and fit > len(some) / 2:
                return one, some
    if kind == "auto" and configuration(root).get("FileNameCollectorPlugin", {}).get("named_regexp"):
        tell = _plugin(root)
        if sum(bool(tell(_as_extracted(entry.name, lab, root))) for entry in entries) > len(entries) / 2:
            return "zip_collect", entries
    return ("folder" if kind == "auto" else kind), entries


def _unpacked(folder: Path, done) -> list[_File]:
    """The files of a folder, unread. What students call their folders within is not known yet."""
    entries = []
    with os.scandir(folder) as listing:
        tops = sorted(entry.name for entry in listing)
    for top in tops:
        if top in SKIPPED or top.startswith("."):
            continue
        try:
            if _bad_path(top):
                raise _Refused(_bad_path(top))
            about = os.lstat(folder / top)
            if stat.S_ISDIR(about.st_mode):
                within, _, refused = _look(folder / top)
                done["set_aside"] += [{"what": _plain(f"{top}/{name}"), "why": why} for name, why in refused]
                entries += [
                    replace(file, name=unicodedata.normalize("NFC", f"{top}/{file.name}"), time=file.time)
                    for file in within
                ]
            else:
                if _no_file(about):
                    raise _Refused(_no_file(about))
                time = _modified(about)
                read = partial(_read_below, folder, (top,), None)
                entries.append(_File(unicodedata.normalize("NFC", top), time, read))
        except Exception as problem:
            done["set_aside"].append({"what": _plain(top), "why": _words(problem)})
    return entries


def _zipped(path, shown: str, done, stack: ExitStack) -> list[_File]:
    """The files of a zip, unread and without a time (it holds the packer's clock). Nothing is unpacked to the disk."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = archive.infolist()
    except BROKEN_ZIP as problem:
        raise GradingError(f"{shown} is no zip file that can be read ({problem}). Download it again.") from None
    if len(members) > MOST_IN_ZIP:
        raise GradingError(f"{shown} holds {len(members):,} files; at most {MOST_IN_ZIP:,} are looked at. Split it.")
    entries = []
    for about in members:
        if about.is_dir() or SKIPPED & set(about.filename.split("/")):
            continue
        mode = stat.S_IFMT(about.external_attr >> 16)
        why = _bad_path(about.orig_filename) or _bad_path(about.filename)
        if mode not in (0, stat.S_IFREG):
            why = "it is a link, which is not followed" if mode == stat.S_IFLNK else "it is no ordinary file"
        name = unicodedata.normalize("NFC", PurePosixPath(about.filename).as_posix())
        if why or name == ".":
            what = f"{shown}: {_plain(about.orig_filename)}"
            done["set_aside"].append({"what": what, "why": why or "it has no name"})
        else:
            entries.append(_File(name, None, partial(_read_zipped, archive, about)))
    return entries


def _read_zipped(archive: zipfile.ZipFile, about: zipfile.ZipInfo, most: int) -> bytes:
    """A file out of a zip. What the zip says of its size is not believed: reading ends at the limit."""
    if about.file_size > most:
        raise _Refused(_too_large(about.file_size))
    try:
        with archive.open(about) as file:
            data = file.read(most + 1)
    except BROKEN_ZIP as problem:
        raise _Refused(f"it cannot be unpacked ({problem})") from None
    if len(data) > most:
        raise _Refused(_too_large(len(data)))
    return data


def _by_pattern(entries: list[_File], kind: str, wanted: set[str], roster: dict, done) -> list[dict]:
    """Moodle's and Canvas's downloads: the names of the files tell whose they are."""
    found = {}
    for entry in entries:
        try:
            told = (MOODLE if kind == "moodle" else CANVAS).match(entry.name)
            if told is None:
                raise _Refused(_why_nobodys(entry.name, kind))
            if entry.name.partition("/")[0].count("_assignsubmission_file") > 1:
                raise _Refused("its name says twice whose it is")
        except _Refused as problem:
            done["set_aside"].append({"what": _plain(entry.name), "why": str(problem)})
            continue
        one = found.setdefault(told["id"], {"name": told["name"], "files": {}, "order": {}, "notes": []})
        file, order = told["file"], (0, 0)
        if kind == "canvas":
            file, again = _canvas_file(file, wanted)
            order = (int(told["attachment"]), again)
            if told["late"]:
                one["notes"].append("the platform says that it is late")
        if file in one["files"]:
            one["notes"].append(f"{_plain(file)} was handed in more than once; the newest one counts")
            if order < one["order"][file]:
                continue
        one["files"][file], one["order"][file] = replace(entry, name=file, time=None), order
    who = {number: _who(kind, number, one["name"], roster) for number, one in found.items()}
    rows = []
    for number, one in found.items():
        what = f"{_plain(one['name'])} ({number})"
        student, how = who[number]
        twins = sorted(other for other in found if other != number and who[other][0] == student)
        if student is None:
            done["set_aside"].append({"what": what, "why": how})
        elif twins:
            numbers = ", ".join(sorted([number, *twins]))
            why = f"the numbers {numbers} would all be {student}: tell them apart in the roster"
            done["set_aside"].append({"what": what, "why": why})
        else:
            notes = [*dict.fromkeys(one["notes"]), *([how] if how else []), NO_TIME]
            files = list(one["files"].values())
            rows.append({"student": student, "files": files, "time": None, "notes": notes, "what": what, "refused": []})
    return rows


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


def _who(kind: str, number: str, name: str, roster: dict) -> tuple[str | None, str]:
    """The student that a platform's number is, and a note; or None and the reason."""
    if not roster:
        return number, f"{_plain(name)} in the download; without a roster the number stands for the student"
    student = roster[f"{kind}_id"].get(number)
    if student is not None:
        return student, ""
    student = roster["name"].get(_letters(name))
    # Names can be changed on a platform: they count only for somebody whose number the roster does not give.
    if student is not None and student not in roster[f"{kind}_id"].values():
        return student, f"found in the roster by the full name {_plain(name)}"
    if number in roster["student"]:
        return None, f"the roster does not have this number as a {kind}_id, and has a student called {number}: add it"
    return number, f"the roster has no {kind}_id {number} ({_plain(name)}), so the number stands for the student"


def _letters(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _by_folder(entries: list[_File], lab: str, root: Path, done) -> list[dict]:
    """A folder for each student, with the notebooks in it or in a folder of the lab's name."""
    found, others = {}, set(labs(root)) - {lab}
    for entry in entries:
        student, _, rest = entry.name.partition("/")
        if not rest:
            done["set_aside"].append({"what": _plain(entry.name), "why": "it lies in no student's folder"})
        elif rest.split("/")[0] not in others:
            one = found.setdefault(student, {"lab": [], "top": []})
            inside = rest.startswith(f"{lab}/")
            one["lab" if inside else "top"].append(replace(entry, name=rest.removeprefix(f"{lab}/")))
    rows = []
    for student, one in found.items():
        taken = {file.name for file in one["lab"]}
        files = [*one["lab"], *(file for file in one["top"] if file.name not in taken)]
        times = [file.time for file in files if file.time is not None]
        notes = [] if times else [NO_TIME]
        time = max(times, default=None)
        what = _plain(student)
        rows.append({"student": student, "files": files, "time": time, "notes": notes, "what": what, "refused": []})
    return rows


# --- nbgrader's zip_collect ---------------------------------------------------------------------------------------


def _downloaded(lab: str, root: Path) -> Path:
    """Where nbgrader wants the downloads of a lab: as they were packed, or unpacked."""
    given = configuration(root).get("ZipCollectApp", {})
    folder = root / given.get("downloaded_directory", "downloaded") / lab
    steps = (given.get("archive_directory", "archive"), given.get("extracted_directory", "extracted"))
    for step in steps:
        if (folder / step).is_dir():
            return folder / step
    raise GradingError(f"There is no {folder / steps[0]}: put the download there, or name it with --from.")


def _as_extracted(name: str, lab: str, root: Path) -> str:
    """The whole path that nbgrader's plugin gets to see, after nbgrader unpacked the downloads."""
    given = configuration(root).get("ZipCollectApp", {})
    parts = (given.get("downloaded_directory", "downloaded"), lab, given.get("extracted_directory", "extracted"))
    return str(root.absolute().joinpath(*parts, name))


def _archives(source: Path, entries: list[_File], done, stack: ExitStack) -> list[_File]:
    """With the content of each zip in the folder, under the zip's name, as nbgrader unpacks them."""
    if source.is_file():
        return [replace(entry, name=f"{source.stem}/{entry.name}") for entry in entries]
    found = []
    for entry in entries:
        if not entry.name.endswith(".zip"):
            found.append(entry)
            continue
        try:
            # `entry.read` is a partial of `_read_below`: the same checks, and a file to read from instead of its bytes
            file = stack.enter_context(_opened(*entry.read.args))
            within = _zipped(file, entry.name, done, stack)
        except Exception as problem:
            done["set_aside"].append({"what": _plain(entry.name), "why": _words(problem)})
            continue
        found += [replace(file, name=f"{entry.name.removesuffix('.zip')}/{file.name}") for file in within]
    return found


def _plugin(root: Path) -> Callable[[str], dict | None]:
    """nbgrader's own reader of names, with what `nbgrader_config.py` says about it."""
    config = configuration(root)
    kind = config.get("ZipCollectApp", {}).get("collector_plugin", FileNameCollectorPlugin)
    kind = import_item(kind) if isinstance(kind, str) else kind
    if kind is FileNameCollectorPlugin:
        given = config.get("FileNameCollectorPlugin", {}).get("named_regexp", "")
        try:
            groups = re.compile(given).groupindex
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


def _by_plugin(entries: list[_File], lab: str, root: Path, done) -> list[dict]:
    """Files of which nbgrader's plugin tells the student, the notebook and perhaps the time."""
    tell, found = _plugin(root), {}
    for entry in sorted(entries, key=lambda entry: entry.name):
        try:
            told = tell(_as_extracted(entry.name, lab, root))
        except Exception as problem:  # the plugin may be the course's own
            done["set_aside"].append({"what": _plain(entry.name), "why": _words(problem)})
            continue
        if not told or not isinstance(told.get("student_id"), str) or not isinstance(told.get("file_id"), str):
            why = "nbgrader's plugin does not tell whose it is, or takes no such files"
            done["set_aside"].append({"what": _plain(entry.name), "why": why})
            continue
        file = os.path.splitext(told["file_id"])[0] + os.path.splitext(entry.name)[1]
        if _bad_path(file) or file.startswith("."):
            why = _bad_path(file) or "its name does not tell what it was called"
            done["set_aside"].append({"what": _plain(entry.name), "why": why})
            continue
        time = _time_in_name(told.get("timestamp"))
        student = told["student_id"]
        one = found.setdefault(
            student, {"student": student, "files": {}, "notes": [], "what": _plain(student), "refused": []}
        )
        before = one["files"].get(file)
        if before is not None:
            if time is None or before.time is None:
                why = f"{student} handed in {file} more than once, and no time tells which is newer; the first counts"
                done["set_aside"].append({"what": _plain(entry.name), "why": _plain(why)})
                continue
            one["notes"].append(f"{_plain(file)} was handed in more than once; the newest one counts")
            if time < before.time:
                continue
        one["files"][file] = replace(entry, name=file, time=time)
    for one in found.values():
        one["files"] = list(one["files"].values())
        one["time"] = max((file.time for file in one["files"] if file.time is not None), default=None)
        one["notes"] = [*dict.fromkeys(one["notes"]), *([NO_TIME] if one["time"] is None else [])]
    return list(found.values())


def _time_in_name(told) -> datetime | None:
    """A time as platforms write it into names, such as 2016-01-30-15-00-00."""
    if isinstance(told, datetime):
        return parse_utc(told).replace(tzinfo=UTC)
    digits = re.findall(r"\d+", told or "")
    if len(digits) >= 6 and len(digits[0]) == 4:
        told = "{}-{:0>2}-{:0>2} {:0>2}:{:0>2}:{:0>2}".format(*digits[:6])
    return _parsed(told or "")


def _roster(path: Path | None) -> dict[str, dict[str, str]]:
    """Column → value → student. A name that two students have is left out; a number that two have is an error."""
    if path is None:
        return {}
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        rows = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise GradingError(f"The roster {path} cannot be read ({problem}): give a CSV table in UTF-8.") from None
    columns = [column.strip().lower() for column in rows[0]] if rows else []
    if "student" not in columns or len(rows) < 2:
        raise GradingError(
            f"The roster {path} has no column 'student' with somebody in it: put the names there under which the class "
            "is graded."
        )
    found, twice = {column: {} for column in ("student", "name", "moodle_id", "canvas_id")}, set()
    for row in rows[1:]:
        cells = {c: unicodedata.normalize("NFC", v.strip()) for c, v in zip(columns, row, strict=False) if v.strip()}
        student = cells.get("student")
        found["student"][student] = student
        for column in ("moodle_id", "canvas_id", "name"):
            # "Lovelace, Ada" is lovelaceada for Canvas, and Ada Lovelace for Moodle
            name = cells.get(column, "")
            last, _, given = name.partition(",")
            keys = {name} if column != "name" else {_letters(name), _letters(given + last)} | _turned(name)
            for key in keys - {""}:
                if student and found[column].setdefault(key, student) != student:
                    twice.add((column, key))
    for column, key in twice:
        if column != "name":
            raise GradingError(f"The roster {path} gives the {column} {key} to two students: correct one of them.")
        del found[column][key]
    return found


def _turned(name: str) -> set[str]:
    """`Ada Lovelace` the way Canvas sorts it."""
    given, _, last = name.rpartition(" ")
    return {_letters(last + given)}


# --- where they go ------------------------------------------------------------------------------------------------


@contextmanager
def _alone(root: Path):
    """Keep a second collecting away while this one writes."""
    (root / "submitted").mkdir(parents=True, exist_ok=True)
    folder = os.open(root / "submitted", os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradingError("Submissions are being collected right now: wait until that is done.") from None
        yield
    finally:
        os.close(folder)


def _by_student(found: list[dict], done) -> dict[str, list[dict]]:
    students = {}
    for one in found:
        student = one["student"] = unicodedata.normalize("NFC", one["student"])
        problem = _bad_name(student)
        if problem:
            done["set_aside"].append({"what": one["what"], "why": problem})
        else:
            students.setdefault(student, []).append(one)
    return students


def _newest(lab: str, student: str, all_of_one: list[dict], wanted: set[str], root: Path, done) -> None:
    """Take the newest submission of a student that can be taken. A problem with one student ends here."""
    never = datetime.min.replace(tzinfo=UTC)
    taken = False
    for one in sorted(all_of_one, key=lambda one: (one["time"] or never, one["what"]), reverse=True):
        if taken:
            done["set_aside"].append({"what": one["what"], "why": f"a newer submission of {student} is there"})
            continue
        try:
            _take(lab, student, one, wanted, root, done)
            taken = True
        except _Refused as problem:
            done["set_aside"].append({"what": one["what"], "why": str(problem)})
        except OSError as problem:
            done["set_aside"].append({"what": one["what"], "why": f"it cannot be written here ({problem})"})
        except Exception as problem:
            done["set_aside"].append({"what": one["what"], "why": _words(problem)})


def _take(lab: str, student: str, one: dict, wanted: set[str], root: Path, done) -> None:
    handed_in = [file for file in one["files"] if file.name != "timestamp.txt"]  # its words about time do not count
    files, refused = _read_all(handed_in, MOST_BYTES, MOST_FILES)
    refused = [*one["refused"], *refused]
    aside = [{"what": f"{one['what']}: {_plain(name)}", "why": why} for name, why in refused]
    if not files:
        done["set_aside"] += aside[1:]
        raise _Refused(f"{_plain(refused[0][0])}: {refused[0][1]}" if refused else "there is no file in it")
    files, notes = _named(files, wanted)
    notes = [*one["notes"], *notes, *(f"{_plain(name)} was left out: {why}" for name, why in refused)]
    time = one["time"].replace(microsecond=0) if one["time"] else None
    to = root / "submitted" / student / lab
    old = None
    if os.path.lexists(to):
        there, _ = _read_all(_look(to)[0], 2 * MOST_BYTES, 2 * MOST_FILES)
        before = _parsed(there.pop("timestamp.txt", b"").decode("utf-8", "replace"))
        if there == files or (before and before == time):
            done["unchanged"].append(student)
            done["set_aside"] += aside
            return
        if before and time and before > time:
            raise _Refused(f"a newer submission of {student} was collected before")
        old = root / "collected-before" / student / lab / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        old.parent.mkdir(parents=True, exist_ok=True)
        (root / "collected-before/.gitignore").write_text("*\n")  # people's work never belongs into the repository
        notes.append(f"the one collected before is in {old.relative_to(root)}")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S %Z") if time else None
    if stamp:
        files["timestamp.txt"] = stamp.encode()
    to.parent.mkdir(parents=True, exist_ok=True)
    for left in to.parent.glob(".collecting-*"):  # by an interrupted run
        shutil.rmtree(left, ignore_errors=True)
    part = to.parent / f".collecting-{uuid.uuid4().hex}"  # no lab has such a name, so nothing reads it as a submission
    try:
        part.mkdir()
        for name, data in files.items():
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
    done["collected"].append({"student": student, "time": stamp, "notes": notes})


def _named(files: dict[str, bytes], wanted: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """The files under the lab's names; `x (1).ipynb` or `folder/x.ipynb` stand in where there is no `x.ipynb`."""
    files, notes = dict(files), []
    exact_names = {f"{name}.ipynb" for name in wanted}
    for name in sorted(wanted):
        exact = f"{name}.ipynb"
        stem = re.sub(r"\\?[ +_-]", "[ +_-]", re.escape(name))
        copy = r"(?:[ _-]*\(\d+\)|[ _-]+copy[ _-]*(?:\(?\d+\)?)?|-\d+)?"
        like = re.compile(rf"(?:.*/)?(?:copy of )?{stem}{copy}\.ipynb", re.IGNORECASE)
        others = sorted(other for other in files if other not in exact_names and like.fullmatch(other))
        shown = _plain(", ".join(others))
        if not others:
            continue
        if exact in files:
            notes.append(f"beside {exact} there is {shown}, which does not count")
        elif len(others) == 1:
            files[exact] = files.pop(others[0])
            notes.append(f"{shown} was taken for {exact}")
        else:
            notes.append(f"{exact} is missing, and {shown} could each be it: rename one")
    return files, notes
