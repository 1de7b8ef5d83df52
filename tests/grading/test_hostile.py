"""A class of hostile, unlucky and honest submissions, graded together: each ends as it must."""

import os
import re
import subprocess
import time

import nbformat
import pytest

from grading import gradebook as book
from grading.course import configuration
from grading.marks import grade
from tests.grading.hostile import CASES, NAME
from tests.grading.hostile_shown import PNG
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_marks import START, course

LIMITS = {"cell_seconds": 12, "memory": 2**30, "folder_bytes": 64 * 2**20, "file_bytes": 64 * 2**20, "processes": 40}
WORKERS = 6  # most of this class only waits for its time to be up
pytestmark = needs_sandbox


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole class, graded once: the course folder, and name → row."""
    root = course(tmp_path_factory.mktemp("class"), START)
    os.environ["DATALAB_SECRET"] = "swordfish"
    for case in CASES:
        folder = root / "submitted" / case.name / START
        folder.mkdir(parents=True)
        case.write(folder, nbformat.read(root / "course/release" / START / f"{NAME}.ipynb", as_version=4))
    rows = grade(START, root, say=lambda line: None, workers=WORKERS, limits=LIMITS)
    del os.environ["DATALAB_SECRET"]
    return root, {row["student"]: row for row in rows}


def test_there_are_enough_of_them():
    assert len(CASES) == len({case.name for case in CASES}) >= 45
    assert sum(case.kind == "honest" for case in CASES) >= 15


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_ends_as_it_must(graded, case):
    row = graded[1][case.name]
    assert row["status"] in case.status, row["reasons"]
    assert row["total"] == ("" if case.points is None else case.points), row["reasons"]
    assert re.search(case.words, row["reasons"]), row["reasons"]


def test_nobody_is_missing(graded):
    assert set(graded[1]) == {case.name for case in CASES}


def test_nothing_changes_after_the_grading_and_nothing_is_left_running(graded):
    root, rows = graded
    config = configuration(root)
    before = book.marks(config, START)
    time.sleep(3)
    assert book.marks(config, START) == before
    assert all(by_hand is None for _, by_hand, *_ in before.values())
    assert {key[1] for key in before} == {name for name, row in rows.items() if row["status"] != "failed"}
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "gradebook.db" not in running


def test_nothing_was_read_and_nothing_large_or_active_is_kept(graded):
    root, _ = graded
    written = [path for folder in ("autograded", "feedback") for path in (root / folder).rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in written) < 8 * 2**20
    for path in written:
        text = path.read_text()
        if path.suffix == ".ipynb":
            outputs = [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]
            printed = "".join(o["text"] for o in outputs if o["output_type"] == "stream")
            assert not re.search(r"swordfish|CONNECTED|FOUND|READ \S*submitted", printed), (path, printed)
            if "reads_secrets" in path.parts:
                assert "True" not in printed
        else:
            assert "<img src=x" not in text and "<script>alert" not in text and 'href="javascript:' not in text
            assert "known_entries" not in text


def test_pictures_survive(graded):
    pages = {
        who: (graded[0] / "feedback" / who / START / f"{NAME}.html").read_text() for who in ("plots", "pasted_pictures")
    }
    assert "data:image/png;base64" in pages["plots"]
    assert pages["pasted_pictures"].count(f'src="data:image/png;base64,{PNG}"') == 2
    assert "if a&lt;b and c&gt;d" in pages["pasted_pictures"]


def test_a_second_run_changes_nothing(graded):
    root, first = graded
    before = book.marks(configuration(root), START)
    again = {row["student"]: row for row in grade(START, root, say=lambda line: None, workers=1, limits=LIMITS)}
    assert again == first and book.marks(configuration(root), START) == before
