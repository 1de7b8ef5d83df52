"""The class of hostile, unlucky and honest submissions once more, graded by a user without rights on the machine."""

import json
import os
import re

import nbformat
import pytest

from tests.grading import ordinary_user
from tests.grading.hostile import CASES, NAME
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_hostile import LIMITS, WORKERS
from tests.grading.test_marks import START, course

pytestmark = [
    needs_sandbox,
    pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user grades already, in test_hostile.py"),
]
GRADE = """
import json, os
from pathlib import Path
from grading.marks import grade
rows = grade({lab!r}, Path({root!r}), say=lambda line: None, workers={workers}, limits={limits!r})
print(json.dumps([os.getuid(), rows], default=str))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return course(tmp_path_factory.mktemp("class"), START)


@pytest.fixture(scope="module")
def graded(folder):
    """The class, graded once: name → row."""
    root = folder
    for case in CASES:
        place = root / "submitted" / case.name / START
        place.mkdir(parents=True)
        case.write(place, nbformat.read(root / "course/release" / START / f"{NAME}.ipynb", as_version=4))
    code = GRADE.format(lab=START, root=str(root), limits=LIMITS, workers=WORKERS)
    done = ordinary_user.python(code, root)
    assert done.returncode == 0, done.stderr
    user, rows = json.loads(done.stdout.splitlines()[-1])
    assert user == ordinary_user.USER
    return {row["student"]: row for row in rows}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_ends_as_it_must(graded, case):
    row = graded[case.name]
    assert row["status"] in case.status, row["reasons"]
    assert row["total"] == ("" if case.points is None else case.points), row["reasons"]
    assert re.search(case.words, row["reasons"]), row["reasons"]


def test_the_report_says_what_held_and_what_did_not(graded, folder):
    page = (folder / "marks" / START / "report.html").read_text()
    assert "Run in: bubblewrap, " in page and "NO LIMIT for " in page and "a user of its own" not in page
