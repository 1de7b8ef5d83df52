"""Collecting: who a submission counts for, when it came, and that nothing in it leads anywhere else."""

import json
import os
import pwd
import re
import socket
import stat
import time
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeSubmit

from grading.collect import collect, exchange_has, files_of, reading, times
from grading.collect.candidates import File, Refused
from grading.collect.names import student_problem
from grading.collect.store import collecting
from grading.course import GradingError, configuration

LAB = "lab1_bias"
FIRST, SECOND = "1_measure_bias.ipynb", "2_noise.ipynb"
AT = "2026-11-23 09:00:00.123456 UTC"
MOODLE = "assignsubmission_file"
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to other users (os.chown)")


@pytest.fixture
def root(tmp_path) -> Path:
    """A course with two labs and an exchange of its own."""
    folder = tmp_path / "course folder"
    for lab in (LAB, "lab2_other"):
        (folder / "course/source" / lab).mkdir(parents=True)
        for name in (FIRST, SECOND):
            (folder / "course/source" / lab / name).write_text("{}")
    inbound(folder).mkdir(parents=True)
    configure(folder)
    return folder


def configure(root: Path, more: str = "") -> None:
    settings = f"c = get_config()\nc.CourseDirectory.course_id = 'datalab'\nc.Exchange.root = {str(root / 'x')!r}\n"
    (root / "nbgrader_config.py").write_text(settings + more)


def inbound(root: Path) -> Path:
    return root / "x/datalab/inbound"


def hand_in(root: Path, student="ada", files=None, at=AT, end="+Zm9v", uid=None) -> Path:
    """A submission in the exchange, as nbgrader writes it."""
    folder = inbound(root) / f"{student}+{LAB}+{at}{end}"
    put(folder, {FIRST: b"one", "timestamp.txt": at.encode()} if files is None else files)
    if uid is not None:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, uid, uid, follow_symlinks=False)
    return folder


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def packed(path: Path, files: dict) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def ada(_uid: int) -> str:
    return "ada"


def there(root: Path, student: str, lab: str = LAB) -> dict[str, bytes]:
    folder = root / "submitted" / student / lab
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def students(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "submitted").iterdir())


def clock(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)


def why(done: dict) -> str:
    return "\n".join(f"{row.what} | {row.why}" for row in done.set_aside)


def said(done: dict) -> str:
    return why(done) + "\n" + notes(done)


def notes(done: dict) -> str:
    return "\n".join(note for row in done.collected for note in row.notes)


# --- the exchange -------------------------------------------------------------------------------------------------


def test_a_submission_in_the_exchange_is_collected_with_the_servers_time(root):
    hand_in(
        root, files={FIRST: b"one", "data/x.csv": b"1,2", "timestamp.txt": AT.encode(), "submission_secret.txt": b"s"}
    )
    assert exchange_has(LAB, root) and not exchange_has("lab2_other", root)
    done = collect(LAB, root, name_of=ada)
    assert done.kind == "exchange" and not done.set_aside
    files = there(root, "ada")
    written = clock(files.pop("timestamp.txt").decode())
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)
    assert files == {FIRST: b"one", "data/x.csv": b"1,2", "submission_secret.txt": b"s"}
    assert [(row.student, clock(row.time)) for row in done.collected] == [("ada", written)]


def test_what_nbgraders_own_submit_leaves_is_collected(root, tmp_path):
    put(root / "x/datalab/outbound" / LAB, {FIRST: b"{}"})
    work = put(tmp_path / "home" / LAB, {FIRST: b"answered"}).parent
    config = configuration(root)
    config.Exchange.assignment_dir, config.Exchange.cache = str(work), str(tmp_path / "cache")
    course = CourseDirectory(config=config, assignment_id=LAB)
    ExchangeSubmit(coursedir=course, authenticator=Authenticator(config=config), config=config).start()
    done = collect(LAB, root)
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [(row.student, row.notes) for row in done.collected] == [(me, [])] and not done.set_aside
    assert set(there(root, me)) == {FIRST, "timestamp.txt", "submission_secret.txt"}


@pytest.mark.parametrize("lie", ["name", "timestamp.txt", "mtime"])
def test_a_student_cannot_set_the_time(root, lie):
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    folder = hand_in(root, at=AT if lie == "name" else now, files={FIRST: b"one"})
    (folder / "timestamp.txt").write_text(AT if lie == "timestamp.txt" else now)
    if lie == "mtime":
        os.utime(folder / FIRST, (0, 0))
        os.utime(folder, (0, 0))
    done = collect(LAB, root, name_of=ada)
    got = clock(done.collected[0].time)
    assert abs(datetime.now(UTC) - got) < timedelta(minutes=1)
    assert bool(re.search(r"handed in at 2026-11-23 09:00; it arrived at .* UTC", notes(done))) == (lie != "mtime")


def test_a_time_in_words_that_a_parser_would_open_as_a_file_is_not_parsed(root, tmp_path, monkeypatch):
    hand_in(root, files={FIRST: b"one", "timestamp.txt": b"2026-11-23 09:00:00 /etc/passwd"}, at="whenever")
    monkeypatch.setattr(times, "parse_utc", lambda text: pytest.fail(f"parsed {text}"))
    assert len(collect(LAB, root, name_of=ada).collected) == 1


def test_a_file_dropped_under_another_name_is_set_aside(root):
    hand_in(root, "ada")
    done = collect(LAB, root, name_of=lambda uid: "mallory")
    assert "filed under ada, and its files belong to mallory" in why(done)
    assert not done.collected and students(root) == []


def test_a_user_number_that_nobody_has_is_no_owner(root):
    hand_in(root, "ada")
    done = collect(LAB, root, name_of=lambda uid: None)
    assert "nobody known" in why(done) and not done.collected


@needs_root
def test_owners_on_the_disk_decide(root):
    names = {20001: "ada", 20002: "mallory"}
    hand_in(root, "ada", {FIRST: b"hers"}, uid=20001)
    time.sleep(0.05)
    hand_in(root, "ada", {FIRST: b"forged"}, end="+later", uid=20002)
    hand_in(root, "mallory", {FIRST: b"own"}, uid=20002)
    done = collect(LAB, root, name_of=names.get)
    assert there(root, "ada")[FIRST] == b"hers" and there(root, "mallory")[FIRST] == b"own"
    assert why(done).count("filed under ada, and its files belong to mallory") == 1


@needs_root
@pytest.mark.parametrize("part", [FIRST, "data", "data/x.csv"])
def test_one_file_or_folder_of_somebody_else_is_enough(root, part):
    folder = hand_in(root, "ada", {FIRST: b"1", "data/x.csv": b"2"}, uid=20001)
    os.chown(folder / part, 20002, 20002)
    done = collect(LAB, root, name_of={20001: "ada", 20002: "mallory"}.get)
    assert "belong to ada, mallory" in why(done) and not done.collected


@needs_root
def test_without_a_function_the_users_of_this_machine_are_asked(root):
    hand_in(root, "root", uid=0)
    hand_in(root, "nobody", uid=0)
    done = collect(LAB, root)
    assert students(root) == ["root"] and "belong to root" in why(done)


def test_the_newest_of_several_counts_by_the_servers_time(root):
    hand_in(root, files={FIRST: b"first"}, at="2026-11-23 23:00:00 UTC")  # says it is later, and came earlier
    time.sleep(0.05)
    hand_in(root, files={FIRST: b"second"}, at="2026-11-23 08:00:00 UTC")
    done = collect(LAB, root, name_of=ada)
    assert there(root, "ada")[FIRST] == b"second"
    assert "23:00:00" in why(done) and "a newer submission of ada is there" in why(done)


def test_an_empty_newer_submission_does_not_hide_the_one_before(root):
    hand_in(root, files={FIRST: b"good"})
    time.sleep(0.05)
    hand_in(root, files={}, end="+later")
    done = collect(LAB, root, name_of=ada)
    assert there(root, "ada")[FIRST] == b"good" and "there is no file in it" in why(done)


def test_an_entry_without_a_time_in_its_name_is_reported(root):
    put(inbound(root) / f"ada+{LAB}", {FIRST: b"x"})
    put(inbound(root) / "ada+lab2_other+2026-11-23 09:00:00 UTC", {FIRST: b"x"})
    done = collect(LAB, root, name_of=ada)
    assert len(done.set_aside) == 1 and "no time" in why(done)


def test_an_exchange_elsewhere_can_be_named(root, tmp_path):
    hand_in(root)
    for source, kind in [(root / "x", "exchange"), (inbound(root), "exchange"), (inbound(root), "auto")]:
        assert collect(LAB, root, source, kind, name_of=ada).kind == "exchange"
    assert students(root) == ["ada"]
    assert "mallory" in why(collect(LAB, root, inbound(root), name_of=lambda uid: "mallory"))


@pytest.mark.parametrize("entry", ["file", "link"])
def test_an_entry_that_is_no_folder_is_set_aside(root, entry, tmp_path):
    path = inbound(root) / f"ada+{LAB}+{AT}"
    secret = put(tmp_path / "secret", {FIRST: b"not hers"})
    path.write_text("x") if entry == "file" else path.symlink_to(secret)
    done = collect(LAB, root, name_of=ada)
    assert "it is no folder" in why(done) and students(root) == []


# --- again, and again ---------------------------------------------------------------------------------------------


def test_collecting_twice_changes_nothing(root):
    hand_in(root)
    collect(LAB, root, name_of=ada)
    folder = root / "submitted/ada" / LAB
    before = {path: path.stat().st_ino for path in [folder, *folder.iterdir()]}
    done = collect(LAB, root, name_of=ada)
    assert (done.unchanged, done.collected, done.set_aside) == (["ada"], [], [])
    assert {path: path.stat().st_ino for path in [folder, *folder.iterdir()]} == before
    assert not (root / "collected-before").exists()


def test_a_newer_one_replaces_the_older_which_is_kept(root):
    hand_in(root)
    put(root / "submitted/ada" / LAB, {FIRST: b"old", "gone.csv": b"1", "timestamp.txt": b"2026-01-01 09:00:00 UTC"})
    if datetime.now(UTC).year < 2026:
        pytest.skip("the clock of this machine is wrong")
    done = collect(LAB, root, name_of=ada)
    assert set(there(root, "ada")) == {FIRST, "timestamp.txt"} and there(root, "ada")[FIRST] == b"one"
    (kept,) = (root / "collected-before/ada" / LAB).iterdir()
    assert (kept / FIRST).read_bytes() == b"old" and (kept / "gone.csv").exists()
    assert str(kept.relative_to(root)) in notes(done)
    assert (root / "collected-before/.gitignore").read_text() == "*\n"
    assert students(root) == ["ada"]


def test_an_older_one_never_replaces_a_newer(root):
    hand_in(root)
    put(root / "submitted/ada" / LAB, {FIRST: b"newer", "timestamp.txt": b"2999-01-01 09:00:00 UTC"})
    done = collect(LAB, root, name_of=ada)
    assert there(root, "ada")[FIRST] == b"newer" and "was collected before" in why(done)


def test_what_the_instructor_mended_stays_until_something_newer_comes(root):
    hand_in(root)
    collect(LAB, root, name_of=ada)
    (root / "submitted/ada" / LAB / FIRST).write_bytes(b"mended by hand")
    assert collect(LAB, root, name_of=ada).unchanged == ["ada"]
    assert there(root, "ada")[FIRST] == b"mended by hand"


def test_an_interruption_leaves_the_old_one_and_no_half_one(root, monkeypatch):
    hand_in(root, files={FIRST: b"new", SECOND: b"new"})
    put(root / "submitted/ada" / LAB, {FIRST: b"old", "timestamp.txt": b"2020-01-01 09:00:00 UTC"})

    def interrupted(self, to):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        done = collect(LAB, root, name_of=ada)
    assert "no space left" in why(done) and there(root, "ada")[FIRST] == b"old"
    assert [path.name for path in (root / "submitted/ada").iterdir()] == [LAB]
    put(root / "submitted/ada/.collecting-left", {FIRST: b"half"})
    assert len(collect(LAB, root, name_of=ada).collected) == 1
    assert [path.name for path in (root / "submitted/ada").iterdir()] == [LAB]


def test_two_do_not_collect_at_once(root):
    hand_in(root)
    with collecting(root), pytest.raises(GradingError, match="collected right now"):
        collect(LAB, root, name_of=ada)
    assert len(collect(LAB, root, name_of=ada).collected) == 1


def test_one_students_trouble_is_not_the_others(root, tmp_path):
    put(root / "submitted", {"ada": b"a file where a folder should be"})
    source = tmp_path / "in"
    put(source / "ada", {FIRST: b"1"})
    put(source / "bo", {FIRST: b"1"})
    done = collect(LAB, root, source)
    assert [row.student for row in done.collected] == ["bo"] and "ada | it cannot be written" in why(done)


# --- what strangers put into a folder -----------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path) -> Path:
    """A notebook, and beside it everything that must not be followed or opened."""
    secret = put(tmp_path / "secrets", {"secret.txt": b"SECRET"})
    folder = put(tmp_path / "in/ada", {FIRST: b"honest", "sub/data.csv": b"1"})
    (folder / "link.txt").symlink_to(secret / "secret.txt")
    (folder / "links").symlink_to(secret)
    (folder / SECOND).symlink_to(secret / "secret.txt")
    (folder / "sub/up").symlink_to("../../..")
    (folder / "dangling").symlink_to("nowhere")
    os.link(secret / "secret.txt", folder / "hard.txt")
    os.mkfifo(folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)  # the path of a socket has to be short
        server.bind("socket")
        os.chdir(here)
    with open(folder / "large.ipynb", "wb") as file:
        file.truncate(200 * 2**20)
    (folder / "back\\slash").write_text("x")
    (folder / "line\nbreak").write_text("x")
    (folder / ("x" * 220)).write_text("x")
    Path(os.fsdecode(bytes(folder) + b"/\xff.txt")).write_text("x")
    deep = folder
    for _ in range(150):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "bottom").write_text("x")
    return folder


BAD = {
    "link.txt": "it is a link",
    "links": "it is a link",
    SECOND: "it is a link",
    "sub/up": "it is a link",
    "dangling": "it is a link",
    "hard.txt": "hard link",
    "pipe.ipynb": "no ordinary file",
    "socket": "no ordinary file",
    "large.ipynb": "too large (200 MB",
    "back\\slash": "leads out",
    "line\\nbreak": "control characters",
    "x" * 200: "too long",
    "\\udcff.txt": "UTF-8",
    "d/d/d/": "folders deep",
}


def test_files_of_takes_ordinary_files_only_and_says_what_it_left(hostile):
    files, left_out = files_of(hostile)
    assert files == {FIRST: b"honest", "sub/data.csv": b"1"}
    for name, reason in BAD.items():
        assert any(line.startswith(name) and reason in line for line in left_out), (name, left_out)
    assert len(left_out) == len(BAD)
    "\n".join(left_out).encode("utf-8")


def test_a_hostile_folder_costs_only_its_hostile_files(root, hostile):
    put(hostile.parent / "bo", {FIRST: b"bo's"})
    done = collect(LAB, root, hostile.parent, "folder")
    assert [row.student for row in done.collected] == ["ada", "bo"]
    assert {n: d for n, d in there(root, "ada").items() if n != "timestamp.txt"} == {
        FIRST: b"honest",
        "sub/data.csv": b"1",
    }
    for reason in BAD.values():
        assert reason in said(done)
    assert not any(path.is_symlink() for path in (root / "submitted").rglob("*"))


def test_the_same_in_the_exchange(root, hostile):
    hostile.rename(inbound(root) / f"ada+{LAB}+{AT}")
    done = collect(LAB, root, name_of=ada)
    assert set(there(root, "ada")) == {FIRST, "sub/data.csv", "timestamp.txt"}
    assert "it is a link" in notes(done) and "hard link" in notes(done)


@needs_root
def test_a_device_is_not_opened(tmp_path):
    folder = put(tmp_path / "ada", {FIRST: b"1"})
    try:
        os.mknod(folder / "zero.ipynb", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this machine lets nobody make devices")
    files, left_out = files_of(folder)
    assert set(files) == {FIRST} and "no ordinary file" in left_out[0]


def test_a_file_that_becomes_a_link_after_the_look_is_not_followed(tmp_path):
    folder = put(tmp_path / "ada", {"sub/x.txt": b"1", "y.txt": b"1"})
    put(tmp_path / "secrets", {"x.txt": b"SECRET"})
    entries, _, _ = reading.look(folder)
    (folder / "y.txt").unlink()
    (folder / "y.txt").symlink_to(tmp_path / "secrets/x.txt")
    (folder / "sub").rename(tmp_path / "moved")
    (folder / "sub").symlink_to(tmp_path / "secrets")
    files, refused = reading.read_all(entries, 1000, 10)
    assert files == {} and len(refused) == 2


def test_a_folder_that_is_a_link_is_an_error(tmp_path):
    put(tmp_path / "real", {FIRST: b"1"})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError):
        files_of(tmp_path / "link")


def test_notebooks_come_before_the_limits(tmp_path):
    folder = put(tmp_path / "ada", {f"a{number:03}.csv": b"x" * 10 for number in range(250)} | {FIRST: b"n"})
    files, left_out = files_of(folder)
    assert len(files) == reading.MOST_FILES and FIRST in files
    assert len(left_out) == 1 and "and so were 50 more" in left_out[0]
    files, left_out = files_of(folder, most_bytes=100)
    assert sum(map(len, files.values())) <= 100 and FIRST in files and "too large" in left_out[0]


def test_what_cannot_be_read_counts_as_a_file():
    tried = []

    def damaged(most):
        tried.append(most)
        raise Refused("it cannot be unpacked")

    entries = [File(f"{number}.csv", None, damaged) for number in range(3000)]
    files, refused = reading.read_all(entries, 1000, 10)
    assert files == {} and len(tried) == 10 and "and so were 2989 more" in refused[-1][1]


def test_checkpoints_are_no_part_of_a_submission(tmp_path):
    files, left_out = files_of(put(tmp_path / "ada", {FIRST: b"1", f".ipynb_checkpoints/{FIRST}": b"0"}))
    assert set(files) == {FIRST} and left_out == []


def test_more_entries_than_anybody_hands_in_end_the_look(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_ENTRIES", 50)
    folder = put(tmp_path / "ada", {f"{number:03}.txt": b"" for number in range(80)})
    files, left_out = files_of(folder)
    assert len(files) <= 50 and "more than 50 files and folders" in left_out[0]


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "student", ["[a-z]*", "{ada}", "a?", "a*", ".hidden", "ada+bo", "ada ", "ada\u202e", "ada\u200b"]
)
def test_names_that_a_pattern_or_an_eye_would_mistake_are_set_aside(root, tmp_path, student):
    put(tmp_path / "in" / student, {FIRST: b"1"})
    put(tmp_path / "in/bo", {FIRST: b"1"})
    hidden = student.startswith(".")  # no folder of a class list begins with a dot: .git, .ipynb_checkpoints
    done = collect(LAB, root, tmp_path / "in", "folder")
    assert students(root) == ["bo"] and bool(done.set_aside) != hidden
    put(inbound(root) / f"{student}+{LAB}+{AT}", {FIRST: b"1"})
    done = collect(LAB, root, name_of=lambda uid: student)
    assert students(root) == ["bo"] and "can be no student's name" in why(done)
    assert "\u202e" not in json.dumps(asdict(done), ensure_ascii=False)


@pytest.mark.parametrize("student", ["", ".", "..", "a/b", "a\\b", "a\0b", "a" * 300, "a\nb", "\udcff"])
def test_further_bad_names(student):
    assert student_problem(student)


def test_names_in_any_script_work_and_are_one_name_each(root, tmp_path):
    for student in ("Zoe\u0308", "王小明", "Łukasz O'Neil-Żak", "أحمد"):
        put(tmp_path / "in" / student, {FIRST: b"1", "Übung.csv": b"1"})
    done = collect(LAB, root, tmp_path / "in")
    assert students(root) == sorted(["Zoë", "王小明", "Łukasz O'Neil-Żak", "أحمد"]) and not done.set_aside


@pytest.mark.parametrize(
    "name", ["1_measure_bias (1).ipynb", "1_measure_bias-Copy1.ipynb", "sub/1_measure_bias.ipynb", "1 Measure bias.ipynb",
             "Copy of 1_measure_bias.ipynb", "1_measure_bias - Copy.ipynb", "1_measure_bias-3.ipynb"],
)  # fmt: skip
def test_a_renamed_notebook_stands_in_when_it_is_the_only_one(root, tmp_path, name):
    put(tmp_path / "in/ada", {name: b"mine", SECOND: b"2"})
    done = collect(LAB, root, tmp_path / "in", "folder")
    assert there(root, "ada")[FIRST] == b"mine" and f"{name} was taken for {FIRST}" in notes(done)
    put(tmp_path / "in/bo", {name: b"other", FIRST: b"exact"})
    done = collect(LAB, root, tmp_path / "in", "folder")
    assert there(root, "bo")[FIRST] == b"exact" and there(root, "bo")[name] == b"other"
    assert "which does not count" in notes(done)


def test_two_renamed_notebooks_are_not_guessed_between(root, tmp_path):
    put(tmp_path / "in/ada", {"1_measure_bias (1).ipynb": b"a", "1_measure_bias (2).ipynb": b"b"})
    done = collect(LAB, root, tmp_path / "in")
    assert FIRST not in there(root, "ada") and "could each be it" in notes(done)


# --- folders ------------------------------------------------------------------------------------------------------


def test_a_folder_for_each_student_with_or_without_the_lab(root, tmp_path):
    source = tmp_path / "in"
    put(source / "ada", {FIRST: b"a", "timestamp.txt": b"1999-01-01 00:00:00 UTC"})
    put(source / "bo" / LAB, {FIRST: b"b"})
    put(source / "bo/lab2_other", {FIRST: b"of the other lab"})
    put(source, {"stray.ipynb": b"whose?"})
    for path in source.rglob("*.*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    done = collect(LAB, root, source)
    assert done.kind == "folder" and "stray.ipynb | it lies in no student's folder" in why(done)
    assert {row.student: row.time for row in done.collected} == dict.fromkeys(["ada", "bo"], "2023-11-14 22:13:20 UTC")
    assert there(root, "ada") == {FIRST: b"a", "timestamp.txt": b"2023-11-14 22:13:20 UTC"}
    assert there(root, "bo") == {FIRST: b"b", "timestamp.txt": b"2023-11-14 22:13:20 UTC"}


def test_a_link_to_somebody_elses_folder_is_no_submission(root, tmp_path):
    put(tmp_path / "in/ada", {FIRST: b"a"})
    (tmp_path / "in/mallory").symlink_to("ada")
    done = collect(LAB, root, tmp_path / "in")
    assert students(root) == ["ada"] and "mallory | it is a link" in why(done)


def test_a_time_in_the_future_is_not_believed(root, tmp_path):
    put(tmp_path / "in/ada", {FIRST: b"a"})
    os.utime(tmp_path / "in/ada" / FIRST, (32_503_680_000, 32_503_680_000))
    got = collect(LAB, root, tmp_path / "in").collected[0].time
    assert clock(got) <= datetime.now(UTC)


# --- Moodle -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["_/", "/", "_"])
@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("around", ["", "download/"])
def test_moodles_download(root, tmp_path, layout, as_zip, around):
    files = {
        f"{around}Ada Lovelace_12345_{MOODLE}{layout}{FIRST}": b"a",
        f"{around}Zoë van Ü_678_{MOODLE}{layout}{FIRST}": b"z",
        f"{around}Zoë van Ü_678_{MOODLE}{layout}{SECOND}": b"z2",
    }
    source = packed(tmp_path / "m.zip", files) if as_zip else put(tmp_path / "m", files)
    done = collect(LAB, root, source)
    assert done.kind == "moodle" and students(root) == ["12345", "678"]
    assert there(root, "12345") == {FIRST: b"a"} and there(root, "678") == {FIRST: b"z", SECOND: b"z2"}
    assert all(row.time is None for row in done.collected)
    assert "Ada Lovelace in the download" in notes(done) and "does not tell when" in notes(done)
    assert collect(LAB, root, source).unchanged == ["12345", "678"]


@pytest.mark.parametrize(
    "name",
    [
        f"Mallory_99_{MOODLE}_Ada Lovelace_12345_{MOODLE}_{FIRST}",
        f"Mallory_99_{MOODLE}_/Ada Lovelace_12345_{MOODLE}_/{FIRST}",
        f"Mallory_99_{MOODLE}/Ada Lovelace_12345_{MOODLE}_{FIRST}",
    ],
)
def test_a_file_called_like_somebody_elses_download_is_not_theirs(root, tmp_path, name):
    files = {name: b"forged", f"Bo_7_{MOODLE}_{FIRST}": b"b", f"Cy_8_{MOODLE}_{FIRST}": b"c"}
    collect(LAB, root, packed(tmp_path / "m.zip", files))
    assert "12345" not in students(root)


def test_a_roster_tells_who_is_who(root, tmp_path):
    files = {f"{who}_{MOODLE}_/{FIRST}": who.encode() for who in ("Ada Lovelace_1", "Bo Li_2", "Cy Doe_3")}
    source = packed(tmp_path / "m.zip", files | {"Bo Li_2_assignsubmission_onlinetext_/onlinetext.html": b"hi"})
    roster = tmp_path / "class.csv"
    roster.write_text("\ufeffstudent;moodle_id;name\nada;1;Cy Doe\nbo;2;Bo Li\n", encoding="utf-8")
    done = collect(LAB, root, source, roster=roster)
    # Cy has taken ada's name on the platform: the number decides
    assert students(root) == ["3", "ada", "bo"] and there(root, "ada")[FIRST] == b"Ada Lovelace_1"
    assert "the roster has no moodle_id 3 (Cy Doe)" in notes(done) and "typed into the platform" in why(done)


def test_names_map_only_where_they_are_one_persons(root, tmp_path):
    files = {
        f"{who}_{MOODLE}_/{FIRST}": b"x" for who in ("Ada Lovelace_1", "Bo Li_2", "Zoe\u0308 Ü_3", "Al Li_4", "al li_5")
    }
    roster = tmp_path / "class.csv"
    roster.write_text('student,name\n2,Cy Doe\nada,"Lovelace, Ada"\nbo1,Bo Li\nbo2,Bo Li\nzoe,Zoë Ü\nal,Al Li\n')
    done = collect(LAB, root, packed(tmp_path / "m.zip", files), roster=roster)
    assert students(root) == ["ada", "zoe"]
    assert "Bo Li (2) | the roster does not have this number" in why(done)
    assert "the numbers 4, 5 would all be al" in why(done)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nAda\n", "no column 'student'"),
        ("", "no column 'student'"),
        ("student,moodle_id\na,1\nb,1\n", "two students"),
    ],
)
def test_a_roster_that_cannot_be_used_is_explained(root, tmp_path, text, words):
    (tmp_path / "class.csv").write_text(text)
    source = packed(tmp_path / "m.zip", {f"Ada_1_{MOODLE}_{FIRST}": b"x"})
    with pytest.raises(GradingError, match=words):
        collect(LAB, root, source, roster=tmp_path / "class.csv")


# --- Canvas -------------------------------------------------------------------------------------------------------


def test_canvas_download(root, tmp_path):
    files = {
        f"lovelaceada_LATE_1234_56789_{FIRST}": b"a",
        "lovelaceada_LATE_1234_56790_data.csv": b"1",
        "li_bo_55_100_1_measure_bias-1.ipynb": b"old",
        "li_bo_55_300_1_measure_bias-2.ipynb": b"newest",
        f"li_bo_55_200_{FIRST}": b"middle",
        "zoë_77_400_1-measure-bias.ipynb": b"z",
        "late_88_500_2_noise.ipynb": b"l",
        "doecy_99_text.html": b"typed",
    }
    done = collect(LAB, root, packed(tmp_path / "c.zip", files))
    assert done.kind == "canvas" and students(root) == ["1234", "55", "77", "88"]
    assert there(root, "1234") == {FIRST: b"a", "data.csv": b"1"}
    assert there(root, "55") == {FIRST: b"newest"} and there(root, "77") == {FIRST: b"z"}
    late = [row.student for row in done.collected if "the platform says that it is late" in row.notes]
    assert late == ["1234"] and "handed in more than once" in notes(done) and "typed into the platform" in why(done)


def test_a_canvas_file_called_like_somebody_elses_is_not_theirs(root, tmp_path):
    files = {f"mallory_9_1_lovelaceada_1234_56789_{FIRST}": b"forged", f"li_5_2_{FIRST}": b"b"}
    collect(LAB, root, packed(tmp_path / "c.zip", files))
    assert students(root) == ["5", "9"]


def test_canvas_with_a_roster(root, tmp_path):
    files = {f"lovelaceada_1_10_{FIRST}": b"a", f"libo_2_11_{FIRST}": b"b"}
    source = packed(tmp_path / "c.zip", files)
    (tmp_path / "ids.csv").write_text("student,canvas_id\nada,1\nbo,2\n")
    collect(LAB, root, source, "canvas", roster=tmp_path / "ids.csv")
    assert students(root) == ["ada", "bo"]
    (tmp_path / "names.csv").write_text("student,name\nada,Ada Lovelace\nbo,Bo Li\n")
    assert collect(LAB, root, source, roster=tmp_path / "names.csv").unchanged == ["ada", "bo"]


# --- zips ---------------------------------------------------------------------------------------------------------


def test_path_tricks_in_a_zip_stay_in_it(root, tmp_path):
    bad = [
        "../../evil.ipynb",
        "/abs/x.ipynb",
        "ada/../bo/x.ipynb",
        "ada\\..\\x.ipynb",
        "C:/x/y.ipynb",
        "ada/l\nb",
        "ada/" + "y" * 250,
    ]
    files = dict.fromkeys(bad, b"evil") | {
        f"ada/{FIRST}": b"good",
        f"./bo//{FIRST}": b"good",
        f"__MACOSX/ada/._{FIRST}": b"",
    }
    done = collect(LAB, root, packed(tmp_path / "z.zip", files), "folder")
    assert students(root) == ["ada", "bo"] and len(done.set_aside) == len(bad)
    assert there(root, "ada") == there(root, "bo") == {FIRST: b"good"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"evil"]


def test_links_and_clashes_in_a_zip_cost_only_themselves(root, tmp_path):
    link = zipfile.ZipInfo("ada/link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    pipe = zipfile.ZipInfo("ada/pipe")
    pipe.external_attr = (stat.S_IFIFO | 0o666) << 16
    files = {link: "/etc/passwd", pipe: "", "ada/x": b"1", "ada/x/y": b"2", f"ada/{FIRST}": b"3", f"bo/{FIRST}": b"4"}
    done = collect(LAB, root, packed(tmp_path / "z.zip", files))
    assert students(root) == ["ada", "bo"] and there(root, "ada") == {FIRST: b"3", "x/y": b"2"}
    for reason in ("it is a link", "no ordinary file", "something else has the same name"):
        assert reason in said(done)


def test_a_zip_bomb_ends_at_the_limit(root, tmp_path):
    files = {"ada/bomb.ipynb": bytes(60 * 2**20), f"ada/{FIRST}": b"a", f"bo/{FIRST}": b"b"}
    path = packed(tmp_path / "z.zip", files)
    assert path.stat().st_size < 2**20
    done = collect(LAB, root, path)
    assert students(root) == ["ada", "bo"] and "too large (60 MB" in said(done)
    # the same with a size in the zip's list that is a lie
    data, real = path.read_bytes(), (60 * 2**20).to_bytes(4, "little")
    lie = data.replace(real, (1000).to_bytes(4, "little"))
    assert lie != data
    path.write_bytes(lie)
    done = collect(LAB, root, path)
    assert done.unchanged == ["ada", "bo"] and "bomb.ipynb | it" in why(done)
    assert not list((root / "submitted").rglob("bomb*"))


def test_a_submission_of_many_files_is_cut_and_said_so(root, tmp_path):
    files = {f"ada/a{number}.csv": b"" for number in range(300)} | {f"ada/{FIRST}": b"n"}
    done = collect(LAB, root, packed(tmp_path / "z.zip", files))
    assert len(there(root, "ada")) == reading.MOST_FILES and FIRST in there(root, "ada") and "200 files" in notes(done)


def test_a_broken_file_in_a_zip_costs_only_itself(root, tmp_path):
    text = os.urandom(3000).hex().encode()
    path = packed(tmp_path / "z.zip", {f"ada/{FIRST}": text, f"bo/{FIRST}": b"fine", f"cy/{FIRST}": b"fine"})
    data = bytearray(path.read_bytes())
    start = data.index(FIRST.encode()) + len(FIRST)
    data[start : start + 400] = b"\xff" * 400
    path.write_bytes(data)
    done = collect(LAB, root, path)
    assert students(root) == ["bo", "cy"] and "cannot be unpacked" in why(done)


@pytest.mark.parametrize("data", [b"", b"this is no zip", b"PK\x03\x04 nor this"])
def test_what_is_no_zip_is_said(root, tmp_path, data):
    (tmp_path / "z.zip").write_bytes(data)
    with pytest.raises(GradingError, match="no zip file that can be read.*Download it again"):
        collect(LAB, root, tmp_path / "z.zip")


# --- nbgrader's zip_collect ---------------------------------------------------------------------------------------

PATTERN = r".*/ps_(?P<student_id>\w+?)_attempt_(?P<timestamp>[0-9\-]+)_(?P<file_id>\w+)"


@pytest.mark.parametrize("given", ["folder", "zip", "nbgrader's own place"])
def test_zip_collect_uses_nbgraders_pattern(root, tmp_path, given):
    configure(root, f"c.FileNameCollectorPlugin.named_regexp = {PATTERN!r}\n")
    files = {
        "ps_ada_attempt_2016-01-30-15-00-00_1_measure_bias.ipynb": b"old",
        "ps_ada_attempt_2016-01-30-16-00-00_1_measure_bias.ipynb": b"new",
        "ps_bo_attempt_2016-01-30-15-30-00_2_noise.ipynb": b"b",
        "readme.txt": b"?",
    }
    if given == "folder":
        done = collect(LAB, root, put(tmp_path / "in", files))  # "auto" finds out
    elif given == "zip":
        done = collect(LAB, root, packed(tmp_path / "in.zip", files), "zip_collect")
    else:
        archive = root / "downloaded" / LAB / "archive"
        archive.mkdir(parents=True)
        packed(archive / "all.zip", files)
        (archive / "broken.zip").write_bytes(b"no zip")
        (archive / "link.zip").symlink_to(archive / "all.zip")
        done = collect(LAB, root, kind="zip_collect")
        assert "broken.zip" in why(done) and "link.zip | it is a link" in why(done)
    assert done.kind == "zip_collect" and students(root) == ["ada", "bo"]
    assert there(root, "ada") == {FIRST: b"new", "timestamp.txt": b"2016-01-30 16:00:00 UTC"}
    assert there(root, "bo") == {SECOND: b"b", "timestamp.txt": b"2016-01-30 15:30:00 UTC"}
    assert "readme.txt | nbgrader's plugin" in why(done)


def test_zip_collect_without_times_takes_none_for_newer(root, tmp_path):
    configure(root, "c.FileNameCollectorPlugin.named_regexp = r'.*/(?P<student_id>\\w+?)-\\d+-(?P<file_id>\\w+)'\n")
    source = put(tmp_path / "in", {f"ada-1-{FIRST}": b"1", f"ada-2-{FIRST}": b"2"})
    done = collect(LAB, root, source, "zip_collect")
    assert there(root, "ada") == {FIRST: b"1"} and "no time tells which is newer" in why(done)


@pytest.mark.parametrize("pattern", ["", "(", "(?P<student_id>x)"])
def test_zip_collect_without_a_usable_pattern_says_what_to_set(root, tmp_path, pattern):
    configure(root, f"c.FileNameCollectorPlugin.named_regexp = {pattern!r}\n")
    with pytest.raises(GradingError, match="named_regexp in nbgrader_config.py"):
        collect(LAB, root, put(tmp_path / "in", {"x.ipynb": b""}), "zip_collect")


# --- what the instructor gets wrong -------------------------------------------------------------------------------


def test_mistakes_of_the_instructor_are_one_clear_sentence(root, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, words in {
        ("lab9",): "no lab named 'lab9'",
        (LAB, root, None, "blackboard"): "no kind 'blackboard'.*Choose one of",
        (LAB, root, None, "moodle"): "--from",
        (LAB, root, None, "zip_collect"): "put the download there",
        (LAB, root, tmp_path / "nowhere"): "There is no",
        (LAB, root, tmp_path / "nowhere", "exchange"): "no exchange",
        (LAB, root, tmp_path / "empty"): "nothing in",
    }.items():
        with pytest.raises(GradingError, match=words):
            collect(*arguments) if len(arguments) > 1 else collect(*arguments, root)
    inbound(root).rmdir()
    assert not exchange_has(LAB, root)
    with pytest.raises(GradingError, match="exchange at .* cannot be read"):
        collect(LAB, root)
