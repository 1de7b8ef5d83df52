"""One answer to who is in a class, whichever program wrote the table and whoever asks."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from traitlets.config.loader import PyFileConfigLoader

from grading.course import GradingError
from grading.exports import export_canvas
from grading.roster import Roster, read_roster
from tests.grading.test_report import result, rows_of

SERVER = Path(__file__).resolve().parents[2] / "grading/server"
HEADERS = ["student,moodle_id,name", "Student,MOODLE_ID,Name", " student , moodle_id ,name"]
ROWS = [["ada", "17", "Lovelace, Ada"], ["bo", "", "Bo; Li"], ["王小明", "19", "王 小明"]]
CLASS = {"ada": ("17", "Lovelace, Ada"), "bo": ("", "Bo; Li"), "王小明": ("19", "王 小明")}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=ascii)
@pytest.mark.parametrize("start", ["", "\ufeff", "\n"], ids=ascii)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("sign", [",", ";", "\t"], ids=ascii)
def test_a_class_is_the_same_in_every_form_of_the_table(tmp_path, sign, header, start, end):
    table = io.StringIO()
    csv.writer(table, delimiter=sign, lineterminator=end).writerows([header.split(","), *ROWS])
    (tmp_path / "class.csv").write_bytes((start + table.getvalue()).encode())
    roster = read_roster(tmp_path / "class.csv")
    assert roster.students == set(CLASS)
    assert {student: (roster.of(student)["moodle_id"], roster.of(student)["name"]) for student in CLASS} == CLASS


def written(folder, text: str):
    (folder / "class.csv").write_text(text, encoding="utf-8")
    return folder / "class.csv"


def test_short_rows_empty_lines_and_spaces_are_no_trouble(tmp_path):
    roster = read_roster(written(tmp_path, "student,name,email\n\n  ada  , Ada L. \n,Nobody,x@y.org\nbo,,,more\n"))
    assert roster.rows == [
        {"student": "ada", "name": "Ada L.", "email": ""},
        {"student": "bo", "name": "", "email": ""},
    ]


def test_a_cell_may_hold_a_line_break_and_the_sign_between_cells(tmp_path):
    roster = read_roster(written(tmp_path, 'student;name\nada;"Ada;\nof Lovelace"\nbo;Bo\n'))
    assert roster.of("ada")["name"] == "Ada;\nof Lovelace" and roster.students == {"ada", "bo"}


def test_a_name_is_found_however_its_signs_are_put_together(tmp_path):
    roster = read_roster(written(tmp_path, "student,name\nZoe\u0308,Z\n"))
    assert roster.students == {"Zoë"} and roster.of("Zoe\u0308") == roster.of("Zoë") != {}
    assert roster.of("nobody") == {}


def test_of_two_rows_the_last_is_a_students_own_and_both_numbers_are(tmp_path):
    roster = read_roster(written(tmp_path, "student,moodle_id\nada,1\nada,2\n"))
    assert roster.of("ada")["moodle_id"] == "2" and [row["moodle_id"] for row in roster.rows] == ["1", "2"]


def test_without_a_table_nothing_is_known_and_an_empty_one_only_where_it_may_be(tmp_path):
    assert read_roster(None) == Roster([])
    path = written(tmp_path, "student,name\n")
    assert read_roster(path, may_be_empty=True).students == set()
    with pytest.raises(GradingError, match="no column 'student' with somebody in it"):
        read_roster(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no column 'student'"),
        (b"name\nAda\n", "no column 'student'"),
        (b"student,name\n,Ada\n", "no column 'student' with somebody"),
        (b"student,canvas_id\na,1\nb,1\n", "canvas_id 1 to two students"),
        ("student\nJürgen\n".encode("latin-1"), "cannot be read.*UTF-8"),
        ("student\nada\n".encode("utf-16"), "cannot be read.*UTF-8"),
        (b'student\n"' + b"x" * 200_000, "cannot be read"),
    ],
)
def test_a_table_that_is_no_class_is_explained(tmp_path, data, words):
    (tmp_path / "class.csv").write_bytes(data)
    with pytest.raises(GradingError, match=words):
        read_roster(tmp_path / "class.csv")
    with pytest.raises(GradingError, match="nowhere.csv cannot be read"):
        read_roster(tmp_path / "nowhere.csv")


def test_an_export_takes_the_table_that_collecting_takes(tmp_path):
    roster = written(tmp_path, "\ufeffStudent;Canvas_ID;Name;Section\nada;17;Ada L.;B\n")
    export_canvas("lab", [result("ada", [1.0], by_hand=2.0)], roster, tmp_path / "c.csv")
    row = rows_of(tmp_path / "c.csv")[1]
    assert (row["Student"], row["ID"], row["Section"], row["lab"]) == ("Ada L.", "17", "B", "3")


@pytest.mark.parametrize(
    ("text", "known"), [("\ufeffStudent;Name\nada;A\n bo ;B\n", {"ada", "bo"}), ("student,name\n", set())]
)
def test_the_class_server_lets_in_whom_the_same_table_names(tmp_path, monkeypatch, text, known):
    (tmp_path / "class").mkdir()
    (tmp_path / "class/roster.csv").write_text(text, encoding="utf-8")
    (tmp_path / "class/instructors.txt").write_text("grace\n")
    machine = {"course_id": "datalab", "course": "/course", "account": "grader", "environment": sys.prefix}
    (tmp_path / "server.json").write_text(json.dumps(machine))
    monkeypatch.setenv("DATALAB_SERVER", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    config = PyFileConfigLoader("jupyterhub_config.py", path=str(SERVER)).load_config()
    assert config.Authenticator.allowed_users == known | {"grace"}
    assert config.JupyterHub.load_groups["formgrade-datalab"] == {"users": ["grace"]}
