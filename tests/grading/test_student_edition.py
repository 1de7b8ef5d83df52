"""The student edition gives nothing away, and works by itself."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from grading.course import GradingError
from grading.student_edition import student_edition

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "course/source").glob("*/*.ipynb"))
# Shorter lines, such as `return rates`, are in any program; an answer cannot be put together from them.
SHORTEST = 12


@pytest.fixture(scope="module")
def edition(tmp_path_factory) -> Path:
    return student_edition(tmp_path_factory.mktemp("class") / "edition")


def secret_and_public_lines(path: Path) -> tuple[set[str], set[str]]:
    """The lines of a source notebook that students must not get, and those that they do get."""
    secret, public = set(), set()
    for cell in nbformat.read(path, as_version=4).cells:
        inside = False
        # An answer cell without marks around its solution is a solution as a whole.
        whole = cell.metadata.get("nbgrader", {}).get("solution") and "BEGIN SOLUTION" not in cell.source
        for line in map(str.strip, cell.source.splitlines()):
            if re.search(r"\bBEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)\b", line):
                inside = True
            elif re.search(r"\bEND (SOLUTION|HIDDEN TESTS|MARK SCHEME)\b", line):
                inside = False
            else:
                (secret if inside or whole else public).add(line)
    return secret, public


def all_secrets() -> dict[str, str]:
    """Every line that must appear nowhere → the notebook it comes from."""
    lines = [(path, *secret_and_public_lines(path)) for path in SOURCES]
    public = set().union(*(shown for _, _, shown in lines))
    return {
        line: path.name
        for path, secret, _ in lines
        for line in secret
        # An import, a line that only opens a bracket, or one that names an error to catch answers nothing by itself.
        if len(line) >= SHORTEST and line not in public and not re.match(r"(from|import) |except \w+:$|.*[(\[{]$", line)
    }


def text_of(path: Path) -> str | None:
    """What a file says; in a notebook also what stands in its metadata and outputs. None for a file that is no text."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    if path.suffix != ".ipynb":
        return text
    parts = []

    def collect(value):
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, list):
            # A text is stored as a list of its lines, a list of cells as a list of tables.
            parts.append("".join(value)) if all(isinstance(v, str) for v in value) else [collect(v) for v in value]
        elif isinstance(value, dict):
            for inner in value.values():
                collect(inner)

    collect(json.loads(text))
    return "\n".join(parts)


def test_the_search_would_find_a_leak(tmp_path):
    assert len(all_secrets()) > 10
    text = text_of(ROOT / "course/source/lab0_start_here/0_start_here.ipynb")
    assert any(line in text for line in all_secrets())


def test_no_secret_line_is_anywhere(edition):
    secrets = all_secrets()
    leaks = []
    for path in sorted(p for p in edition.rglob("*") if p.is_file()):
        text = text_of(path)
        if text is None:
            continue
        # In a program the whole line has to be the same: utils computes what questions ask for, in its own words.
        lines = {line.strip() for line in text.splitlines()} if path.suffix == ".py" else text
        leaks += [f"{path.relative_to(edition)}: {line}  ({secrets[line]})" for line in secrets if line in lines]
    assert not leaks, "\n".join(leaks)


def test_nothing_for_instructors_is_in_it(edition):
    names = {path.name for path in edition.rglob("*")}
    assert not names & {
        "source",
        "solutions",
        "trusted.py",
        "stand_ins.py",
        "marks.py",
        "gradebook.py",
        "results.py",
        "tests",
        "gradebook.db",
        "nbgrader_config.py",
        "submitted",
    }
    assert not names & {"instructor_guide.md", "rubrics.md", "__pycache__"}
    assert (edition / "course/release/lab0_start_here/0_start_here.ipynb").exists()


def test_its_check_needs_nothing_that_stays_at_home(edition):
    """Without what an installation of the whole course lends it."""
    modules = "grading.check, grading.stage, grading.inside, grading.bounded_process"
    code = f"import sys; sys.meta_path = [f for f in sys.meta_path if 'ditable' not in repr(f)]; import {modules}"
    environment = os.environ | {"PYTHONPATH": str(edition)}
    done = subprocess.run([sys.executable, "-c", code], cwd=edition, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_make_lists_only_what_works_there(edition):
    listed = subprocess.run(["make"], cwd=edition, capture_output=True, text=True, check=True).stdout
    assert " lab " in listed
    assert not re.search(r"^  (grade|release|solutions|test) ", listed, re.MULTILINE), listed


def test_its_make_lab_sets_up_and_executes_the_start_page(edition):
    stamps = list(Path(sys.prefix).glob(".installed-*"))
    assert stamps, "this test uses the environment that `make test` sets up; start it with `make test`"
    done = subprocess.run(
        ["make", "lab", "HEADLESS=1", f"VENV={sys.prefix}", f"STAMP={sys.prefix}/pyvenv.cfg"],
        cwd=edition,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"lab0_start_here/0_start_here +[\d.]+ s +\d+ cells +1 without an answer yet", done.stdout)
    assert (edition / "work/lab0_start_here/0_start_here.ipynb").exists()
    assert (edition / "build/lab0_start_here/0_start_here.html").exists()
    assert "Installing" not in done.stdout


def test_an_older_edition_is_replaced_and_its_git_folder_kept(tmp_path):
    edition = student_edition(tmp_path / "edition")
    (edition / ".git").mkdir()
    (edition / "course/release/old_lab").mkdir()
    student_edition(edition)
    assert (edition / ".git").exists()
    assert not (edition / "course/release/old_lab").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(GradingError, match="OUT="):
        student_edition(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_students_can_check_their_notebooks_in_it(edition, tmp_path):
    """As a student who has answered nothing, and then the practice question."""
    work = tmp_path / "work"
    shutil.copytree(edition / "course/release/lab0_start_here", work / "lab0_start_here")

    def check():
        command = [sys.executable, "-m", "utils.commands", "check", "lab0_start_here", "--work", str(work)]
        environment = os.environ | {"PYTHONPATH": str(edition)}
        return subprocess.run(command, cwd=edition, env=environment, capture_output=True, text=True)

    first = check()
    assert first.returncode == 1 and "Question 1 has no answer yet" in first.stdout, first.stdout + first.stderr
    path = work / "lab0_start_here/0_start_here.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = "def share(table, column, value):\n    return (table[column].dropna() == value).mean()"
    nbformat.write(notebook, path)
    second = check()
    assert second.returncode == 0 and "Ready to hand in." in second.stdout, second.stdout + second.stderr
