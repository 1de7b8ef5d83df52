"""Names that strangers chose: which of them can be a path or a student here, and how they look in a report."""

import re

from ..text import name_problem

MOST_DEPTH = 20  # folders inside one another


def plain(name: str) -> str:
    """A name for a report: no control characters, nothing that turns the line around, not endlessly long."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name[:200])


def path_problem(name: str) -> str:
    """Why a path within a submission is not taken; empty where it is."""
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


def student_problem(student: str) -> str:
    """Why a name can be no student's here; empty where it can."""
    if (
        not student
        or student.startswith(".")
        or student != student.strip()
        or set(student) & set("+/")
        or name_problem(student)
        or path_problem(student)
    ):
        return (
            f"'{plain(student)}' can be no student's name here: "
            "it must not be empty, long, begin with a dot or hold one of "
            '[ ] { } * ? + / \\ < > & " or an invisible sign'
        )
    return ""
