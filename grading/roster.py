"""Who is in a class: the one reader of the table that `--roster` names and that the class server lets people in by."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from .course import GradingError

NUMBERS = ("moodle_id", "canvas_id")  # of which each is one student's


@dataclass(frozen=True)
class Roster:
    """The class as the instructor wrote it down: rows with a cell for each column, some of them empty."""

    rows: list[dict[str, str]]

    @property
    def students(self) -> set[str]:
        """The names under which the class is graded."""
        return {row["student"] for row in self.rows}

    def of(self, student: str) -> dict[str, str]:
        """The (last) row of a student; empty for somebody who is not in the class."""
        name = unicodedata.normalize("NFC", student)
        return next((row for row in reversed(self.rows) if row["student"] == name), {})


def read_roster(path: Path | None, may_be_empty: bool = False) -> Roster:
    """Read a class from a CSV table with the column `student`.

    The table is in UTF-8, with or without a mark of its beginning (BOM), and its columns are separated by a comma, a
    semicolon or a tab. Names of columns may have capital letters, and spaces or hyphens in place of underscores
    ("Moodle ID", "E-Mail"); spaces around what stands in a cell make no difference.

    Parameters
    ----------
    path : None is a class of which nothing is known
    may_be_empty : a table in which nobody stands yet is one too

    Raises
    ------
    GradingError : the file cannot be read, has no column `student` with somebody in it, or gives a number of a platform
        (`moodle_id`, `canvas_id`) to two students
    """
    if path is None:
        return Roster([])
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        first = text.lstrip().partition("\n")[0]
        table = [cells for cells in csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count)) if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise GradingError(f"The roster {path} cannot be read ({problem}): give a CSV table in UTF-8.") from None
    columns = [_column(name) for name in table[0]] if table else []
    rows = [_row(columns, cells) for cells in table[1:]]
    roster = Roster([row for row in rows if row.get("student")])
    if "student" not in columns or not (roster.rows or may_be_empty):
        raise GradingError(
            f"The roster {path} has no column 'student' with somebody in it: put the names there under which the class "
            "is graded."
        )
    for column in NUMBERS:
        _need_one_student_for_each(column, roster, path)
    return roster


def _column(name: str) -> str:
    name = re.sub(r"[\s_-]+", "_", name.strip().lower())
    return "email" if name == "e_mail" else name


def _row(columns: list[str], cells: list[str]) -> dict[str, str]:
    filled = [*cells, *[""] * len(columns)]
    return {column: unicodedata.normalize("NFC", cell.strip()) for column, cell in zip(columns, filled, strict=False)}


def _need_one_student_for_each(column: str, roster: Roster, path: Path) -> None:
    owners = {}
    for row in roster.rows:
        number = row.get(column)
        if number and owners.setdefault(number, row["student"]) != row["student"]:
            raise GradingError(f"The roster {path} gives the {column} {number} to two students: correct one of them.")
