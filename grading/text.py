"""Text that strangers wrote, made fit for where it goes: a file, a page, a line of a table, the name of a folder."""

import re
import unicodedata

HALF = re.compile("[\ud800-\udfff]")  # halves of a pair: Python's strings may hold one, a file in UTF-8 may not
# Control characters, the signs that turn the direction of a line around, and those that take no room.
HIDDEN = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # of those the ones that turn what follows
# A spreadsheet splits a line at the sign that its country uses, and may pass over spaces, quotes and invisible signs.
BEFORE = r"[;\s\"\0-\x1f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
FORMULA = re.compile(rf"(?<!{BEFORE})({BEFORE}*+)([=+\-@＝＋－＠﹢﹣−])")
MOST_NAME = 200  # bytes; a file system mostly takes 255, and the files named after it have longer names
NO_NAME = set('[]{}*?<>"&\\')  # of a pattern for files, of HTML, of a text in a script: nbgrader's pages escape none


def storable(value: object) -> object:
    """A text, or lists and dicts of texts, as a file can hold it.

    A half of a pair of signs (`'\\ud800'`), which no encoding has, becomes the replacement character. Values of other
    kinds stay as they are.
    """
    if isinstance(value, str):
        return value if value.isascii() else HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


def visible(text: str) -> str:
    """The text with invisible and turning signs written as their numbers, so that it reads as what it is."""
    return HIDDEN.sub(lambda sign: ascii(sign[0])[1:-1], storable(text))


def in_order(code: str) -> str:
    """Code in which the signs stand in the order in which Python reads them: those that turn it are numbers."""
    return TURNING.sub(lambda sign: ascii(sign[0])[1:-1], code)


def no_formula(value: object) -> object:
    """A cell of a table that no spreadsheet takes for a formula, whichever sign it splits lines at.

    A text in which a formula could begin (`=`, `+`, `-`, `@` or their full-width forms, at the start or behind `;`,
    a tab or a line break) gets a `'` before that sign; invisible signs are written as their numbers. Values that are no
    text are returned as they are.
    """
    return FORMULA.sub(_marked, visible(value)) if isinstance(value, str) else value


def _marked(sign: re.Match) -> str:
    begins = sign.start() == 0 or re.search(r"[;\t\r\n]", sign[1])
    return f"{sign[1]}'{sign[2]}" if begins else sign[0]


def name_problem(student: str) -> str:
    """Why a folder's name can be no student's name here; empty where it can.

    The names stand on nbgrader's pages as they are, and in its file patterns.
    """
    bad = sorted({sign for sign in student if sign in NO_NAME or unicodedata.category(sign).startswith("C")})
    if not bad:
        too_long = f"The folder's name has more than {MOST_NAME} bytes: rename the folder."
        return too_long if len(student.encode()) > MOST_NAME else ""
    signs = " ".join(visible(sign) if sign.isprintable() else ascii(sign)[1:-1] for sign in bad)
    return (
        f"The folder's name holds {signs}, which nbgrader cannot read or would show as a part of its page: "
        "rename the folder."
    )
