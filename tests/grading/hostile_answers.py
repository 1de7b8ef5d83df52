"""Submissions that try a test and not the sandbox: they do none of the work, and each returns or changes something that a
careless comparison takes for the right answer. The same and more for every question: `unearned.py`."""

from tests.grading.hostile import GRADED, RIGHT, Case, code

CASES = [
    Case(name, "hostile", about, code(text), frozenset(GRADED), 0, "")
    for name, about, text in [
        (
            "returns_nothing_in_it",
            "returns an array without entries",
            "import numpy as np\ndef share(table, column, value):\n    return np.empty((0, 2))\n",
        ),
        (
            "returns_a_share_for_each",
            "returns the right share, and again for each entry",
            f"{RIGHT}right = share\ndef share(table, column, value):\n    return [right(table, column, value)] * 3\n",
        ),
        (
            "returns_nan",
            "returns NaN for everything",
            "def share(table, column, value):\n    return float('nan')\n",
        ),
        (
            "returns_its_argument",
            "returns the column it was given",
            "def share(table, column, value):\n    return table[column]\n",
        ),
        (
            "asks_another_question",
            "fills its table with the value, and answers for that",
            f"{RIGHT}right = share\ndef share(table, column, value):\n    table[column] = value\n"
            "    return right(table, column, value)\n",
        ),
    ]
]
