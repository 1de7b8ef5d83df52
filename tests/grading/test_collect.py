"""Collecting: whose it is and when it came is what the server knows; what is odd is set aside, and nothing is lost."""

import os
import stat
import time
import zipfile

import nbformat
import pytest

from grading.collect import collect, exchange_has, files_of, reading, store
from grading.course import GradingError
from tests.grading.test_marks import START, course

NOTEBOOK = nbformat.writes(nbformat.v4.new_notebook())
FILE = "0_start_here.ipynb"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course folder with an exchange of its own."""
    made = course(tmp_path / "course", START) if (tmp_path / "course").mkdir() is None else None
    with (made / "nbgrader_config.py").open("a") as file:
        file.write(f"\nc.Exchange.root = {str(tmp_path / 'exchange')!r}\n")
    (tmp_path / "exchange/datalab/inbound").mkdir(parents=True)
    return made


def hand_in(root, student, when="2026-11-23 10:00:00 UTC", text=NOTEBOOK, secret="x"):
    """As nbgrader's submit leaves it."""
    folder = root.parent / f"exchange/datalab/inbound/{student}+{START}+{when}+{secret}"
    folder.mkdir()
    (folder / FILE).write_text(text)
    (folder / "timestamp.txt").write_text(when)
    return folder


def submitted(root, student):
    return files_of(root / "submitted" / student / START)[0]


def why(done, what=""):
    return " ".join(row.why for row in done.set_aside if what in row.what)


def test_from_the_exchange_under_the_owners_name(root):
    hand_in(root, "ada")
    assert exchange_has(START, root) and not exchange_has("lab1", root)
    done = collect(START, root, name_of=lambda uid: "ada")
    assert [row.student for row in done.collected] == ["ada"] and not done.set_aside
    assert submitted(root, "ada")[FILE].decode() == NOTEBOOK
    again = collect(START, root, name_of=lambda uid: "ada")
    assert again.unchanged == ["ada"] and not again.collected


def test_a_file_under_another_students_name_is_set_aside(root):
    hand_in(root, "ada")
    done = collect(START, root, name_of=lambda uid: "mallory")
    assert not done.collected and "filed under ada, and its files belong to mallory" in why(done)
    assert not (root / "submitted/ada").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give files to other users")
def test_a_folder_in_which_one_file_is_somebody_elses_is_set_aside(root):
    good, bad = hand_in(root, "ada"), hand_in(root, "bo")
    for path in [good, *good.iterdir()]:
        os.chown(path, 12001, 12001)
    for path in [bad, *bad.iterdir()]:
        os.chown(path, 12002, 12002)
    os.chown(bad / FILE, 12001, 12001)
    done = collect(START, root, name_of={12001: "ada", 12002: "bo"}.get)
    assert [row.student for row in done.collected] == ["ada"] and "ada, bo" in why(done, "bo")


def test_the_time_is_the_servers_and_a_backdated_one_is_noted(root):
    folder = hand_in(root, "ada", "2020-01-01 00:00:00 UTC")
    os.utime(folder / FILE, (0, 0))
    (row,) = collect(START, root, name_of=lambda uid: "ada").collected
    arrived = time.strftime("%Y-%m-%d", time.gmtime())
    assert row.time.startswith(arrived[:4]) and row.time > "2026"
    assert "says that it was handed in at 2020-01-01" in " ".join(row.notes)
    assert submitted(root, "ada")["timestamp.txt"].decode() == row.time


def test_the_newest_of_several_counts_and_the_replaced_one_is_kept(root):
    hand_in(root, "ada", text=NOTEBOOK + " ")
    collect(START, root, name_of=lambda uid: "ada")
    time.sleep(1.1)
    hand_in(root, "ada", "2026-11-23 09:00:00 UTC", text=NOTEBOOK + "  ")  # its name says earlier; it came later
    done = collect(START, root, name_of=lambda uid: "ada")
    assert submitted(root, "ada")[FILE].decode() == NOTEBOOK + "  "
    assert "newer submission" in why(done)
    (kept,) = (root / "collected-before/ada" / START).iterdir()
    assert (kept / FILE).read_text() == NOTEBOOK + " "


def test_an_older_one_never_replaces_a_newer_one(root, tmp_path):
    hand_in(root, "ada")
    collect(START, root, name_of=lambda uid: "ada")
    old = tmp_path / "old/ada"
    old.mkdir(parents=True)
    (old / FILE).write_text(NOTEBOOK + "   ")
    os.utime(old / FILE, (10**9, 10**9))
    done = collect(START, root, source=tmp_path / "old")
    assert (
        "newer submission of ada was collected before" in why(done)
        and submitted(root, "ada")[FILE].decode() == NOTEBOOK
    )


def test_links_devices_and_hard_links_are_never_followed(root):
    folder = hand_in(root, "ada")
    (folder / "link.csv").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    secret = root.parent / "secret.txt"
    secret.write_text("swordfish")
    os.link(secret, folder / "hard.txt")
    (row,) = collect(START, root, name_of=lambda uid: "ada").collected
    assert set(submitted(root, "ada")) == {FILE, "timestamp.txt"}
    notes = " ".join(row.notes)
    for name in ("link.csv", "up", "pipe", "hard.txt"):
        assert name in notes


def test_an_entry_that_is_a_link_is_set_aside(root):
    (root.parent / f"exchange/datalab/inbound/ada+{START}+2026-11-23 10:00:00 UTC").symlink_to("/etc")
    assert "it is no folder" in why(collect(START, root, name_of=lambda uid: "ada"))


def test_sizes_and_numbers_are_capped(root, monkeypatch):
    monkeypatch.setattr(reading, "MOST_FILE", 1000)
    monkeypatch.setattr(reading, "MOST_FILES", 5)
    folder = hand_in(root, "ada")
    (folder / "big.csv").write_bytes(b"x" * 2000)
    files, left_out = files_of(folder)
    assert "big.csv" not in files and "too large" in " ".join(left_out)
    for i in range(9):
        (folder / f"{i}.txt").write_text("x")
    files, left_out = files_of(folder)
    assert len(files) == 5 and "more than 5 files" in left_out[-1]


@pytest.mark.parametrize("student", ["*", "a{b}", "[x]", "", ".hidden", "a\nb", "x" * 250, "a+b"])
def test_names_that_can_be_no_students_are_set_aside(root, student, tmp_path):
    archive = zipped(tmp_path, {f"{student}/{FILE}": NOTEBOOK, f"bo/{FILE}": NOTEBOOK})
    done = collect(START, root, source=archive, kind="folder")
    assert [row.student for row in done.collected] == ["bo"] and done.set_aside


def test_names_beyond_ascii_are_names(root, tmp_path):
    done = collect(
        START, root, source=zipped(tmp_path, {f"Ju\u0308rgen Groß/{FILE}": NOTEBOOK, f"林/{FILE}": NOTEBOOK})
    )
    assert [row.student for row in done.collected] == ["Jürgen Groß", "林"]


def zipped(tmp_path, files: dict):
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_from_a_moodle_download_with_and_without_folders(root, tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text("student,name,moodle_id\nada,Ada Lovelace,17\nbo,Bo Diddley,\n")
    archive = zipped(
        tmp_path,
        {
            f"Ada Lovelace_17_assignsubmission_file/{FILE}": NOTEBOOK,
            f"Bo Diddley_18_assignsubmission_file_{FILE}": NOTEBOOK,
            f"Cy Young_19_assignsubmission_file_/{FILE}": NOTEBOOK,
            "Di_20_assignsubmission_onlinetext/onlinetext.html": "x",
        },
    )
    done = collect(START, root, source=archive, roster=roster)
    assert {row.student: row.time for row in done.collected} == {"ada": None, "bo": None, "19": None}
    assert FILE in submitted(root, "19") and "timestamp.txt" not in submitted(root, "19")
    assert "does not tell whose" in why(done, "onlinetext")


def test_from_a_canvas_download_the_newest_attachment_counts(root, tmp_path):
    stem = FILE.removesuffix(".ipynb")
    archive = zipped(
        tmp_path,
        {
            f"lovelaceada_17_100_{stem}.ipynb": NOTEBOOK,
            f"lovelaceada_17_105_{stem}-1.ipynb": NOTEBOOK + " ",
            f"diddleybo_LATE_18_101_{stem}.ipynb": NOTEBOOK,
        },
    )
    done = collect(START, root, source=archive)
    notes = {row.student: " ".join(row.notes) for row in done.collected}
    assert submitted(root, "17")[FILE].decode() == NOTEBOOK + " " and "more than once" in notes["17"]
    assert "late" in notes["18"]


def test_with_the_pattern_of_zip_collect(root, tmp_path):
    archive = zipped(tmp_path, {f"ada_attempt_1_{FILE}": NOTEBOOK})
    with pytest.raises(GradingError, match="named_regexp"):
        collect(START, root, source=archive, kind="zip_collect")
    with (root / "nbgrader_config.py").open("a") as file:
        file.write("\nc.FileNameCollectorPlugin.named_regexp = r'(?P<student_id>\\w+?)_attempt_\\d+_(?P<file_id>.+)'\n")
    collect(START, root, source=archive, kind="zip_collect")
    assert FILE in submitted(root, "ada")


def test_a_zip_that_leads_out_holds_links_or_lies_about_its_size(root, tmp_path):
    path = zipped(
        tmp_path, {f"ada/{FILE}": NOTEBOOK, "../../evil/x.ipynb": "x", "/abs/x.ipynb": "x", "a\\..\\b/x.ipynb": "x"}
    )
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo(f"bo/{FILE}")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("cy/bomb.csv", b"0" * (reading.MOST_FILE + 1))
    done = collect(START, root, source=path)
    assert [row.student for row in done.collected] == ["ada"]
    assert {"a link" in row.why or "leads out" in row.why or "too large" in row.why for row in done.set_aside} == {True}
    assert len(done.set_aside) == 5 and not (tmp_path / "evil").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut off"])
def test_a_broken_download_is_said(root, tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(GradingError, match="no zip file that can be read"):
        collect(START, root, source=tmp_path / "x.zip")


def test_two_notebooks_of_one_name_and_a_renamed_one(root, tmp_path):
    stem = FILE.removesuffix(".ipynb")
    archive = zipped(
        tmp_path,
        {f"ada/{FILE}": "1", f"ada/{stem} (1).ipynb": "2", f"bo/{stem} (1).ipynb": "3", f"cy/work/{FILE}": "4", f"di/{START}/{FILE}": "5",
         f"ed/a/{FILE}": "6", f"ed/b/{FILE}": "7"},
    )  # fmt: skip
    done = collect(START, root, source=archive)
    notes = {row.student: " ".join(row.notes) for row in done.collected}
    assert {s: submitted(root, s).get(FILE, b"").decode() for s in "ada bo cy di ed".split()} == {
        "ada": "1",
        "bo": "3",
        "cy": "4",
        "di": "5",
        "ed": "",
    }
    assert "does not count" in notes["ada"] and "was taken for" in notes["bo"] and "rename one" in notes["ed"]


def test_what_is_not_there_or_unknown_is_said(root, tmp_path):
    with pytest.raises(GradingError, match="There is no .*nowhere"):
        collect(START, root, source=tmp_path / "nowhere")
    with pytest.raises(GradingError, match="no kind 'email'"):
        collect(START, root, kind="email")
    (tmp_path / "r.csv").write_text("name\nAda\n")
    with pytest.raises(GradingError, match="no column 'student'"):
        collect(START, root, source=zipped(tmp_path, {"a/b.ipynb": ""}), roster=tmp_path / "r.csv")


def test_interrupted_in_the_middle_nothing_half_is_left(root, tmp_path, monkeypatch):
    archive = zipped(tmp_path, {f"ada/{FILE}": NOTEBOOK, f"bo/{FILE}": NOTEBOOK})
    real, calls = os.replace, []

    def stops(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(store.os, "replace", stops)
    with pytest.raises(KeyboardInterrupt):
        collect(START, root, source=archive)
    monkeypatch.undo()
    assert sorted(path.name for path in (root / "submitted").iterdir() if not path.name.startswith(".")) == [
        "ada",
        "bo",
    ]
    assert not any((root / "submitted/bo").iterdir()) and not list((root / "submitted").glob(".collecting-*"))
    collect(START, root, source=archive)
    assert FILE in submitted(root, "bo")
