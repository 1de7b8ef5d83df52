"""Marks as the gradebooks of Moodle and Canvas import them; no mark is an empty cell, never a zero."""

from pathlib import Path

import pandas as pd

from .files import write_whole
from .report import totals
from .roster import read_roster
from .submission import Result
from .text import no_formula


def export_moodle(lab: str, results: list[Result], roster: Path | None, path: Path, partial: bool = False) -> None:
    """A table for Moodle's *Import grades*: `Username` (or the roster's `email` as `Email address`), and the points."""
    in_class = read_roster(roster)
    by_email = any(row.get("email") for row in in_class.rows)
    rows = []
    for student, points in _points(results, partial):
        who = in_class.of(student).get("email", "") if by_email else student
        rows.append({"Email address" if by_email else "Username": _safe(who), lab: points})
    write_whole(path, pd.DataFrame(rows).to_csv(index=False))


def export_canvas(lab: str, results: list[Result], roster: Path | None, path: Path, partial: bool = False) -> None:
    """A table for the *Import* of Canvas's gradebook, with its row of possible points."""
    in_class = read_roster(roster)
    most = max(
        (sum(m.max for notebook in result.notebooks.values() for m in notebook.marks.values()) for result in results),
        default=0,
    )
    empty = {
        "Student": "    Points Possible",
        "ID": "",
        "SIS User ID": "",
        "SIS Login ID": "",
        "Section": "",
        lab: f"{most:g}",
    }
    rows = [empty]
    for student, points in _points(results, partial):
        row = in_class.of(student)
        rows.append(
            {
                "Student": _safe(row.get("name", student)),
                "ID": _safe(row.get("canvas_id", "")),
                "SIS User ID": _safe(row.get("sis_id", "")),
                "SIS Login ID": _safe(student),
                "Section": _safe(row.get("section", "")),
                lab: points,
            }
        )
    write_whole(path, pd.DataFrame(rows).to_csv(index=False))


def _points(results: list[Result], partial: bool) -> list[tuple[str, str]]:
    """Student and total; an empty text where there is no total (yet)."""
    table = totals(results)
    known = table["total"].notna() & ((table["waiting"] == 0) | partial)
    return [(row.student, f"{row.total:g}" if ok else "") for row, ok in zip(table.itertuples(), known, strict=True)]


def _safe(text) -> str:
    return no_formula(str(text or ""))


EXPORTS = {"moodle": export_moodle, "canvas": export_canvas}  # platform → what writes its table
