"""Whatever goes wrong while one submission is processed ends this one, with its reason, and the class goes on."""

import csv
import json
import os
import re
from dataclasses import asdict

import nbformat
import pytest

from grading import feedback, gradebook, handed_in, marks, marks_table, parallel, results, run
from grading.collect import collect, downloads, reading, store, times
from grading.marks import export, grade
from grading.submission import not_run
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_marks import START, course, submit
from tests.grading.test_trusted import DOUBLE, attempt  # noqa: F401  a fixture

# Everything that is done for one submission, in order.
STEPS = [
    (marks, "read_submission"),
    (handed_in, "files_of"),
    (handed_in, "set_aside"),
    (handed_in, "read_notebook"),
    (handed_in, "mend"),
    (marks, "kept_result"),
    (marks, "kept_outcome"),
    (parallel, "run_notebook"),
    (marks, "finish"),
    (results, "executed"),
    (results, "presentable"),
    (gradebook, "record"),
    (gradebook, "_as_source"),
    (gradebook, "_mark"),
    (gradebook, "_penalize"),
    (gradebook, "_replace"),
    (results, "write_json"),
    (feedback, "write_pages"),
    (feedback, "secret_of"),
    (marks_table, "_row"),
    (marks_table, "_with_marks"),
]
PROBLEMS = [
    RuntimeError("no luck"),
    RecursionError("maximum recursion depth exceeded"),
    MemoryError(),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ValueError("\ud800 is half a sign"),
]
# Each step with two of the problems, each problem with eight or more of the steps.
CASES = [(name, PROBLEMS[(place + more) % 5]) for place, (_, name) in enumerate(STEPS) for more in (0, 2)]
HONEST = ["aaa", "zzz"]  # the first and the last of the class


def student_of(step: str, problem: Exception) -> str:
    return f"{step.strip('_')}-{type(problem).__name__}"


def outcome(**_) -> dict:
    """What `run_notebook` returns for a right answer."""
    return asdict(not_run("")) | {"tests": {"test_q1_hidden": {"passed": True, "message": ""}}}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A class in which each step fails for one submission with each problem: the folder, the rows, what was said."""
    root, said = course(tmp_path_factory.mktemp("broken"), START), []
    wanted = {student_of(name, problem): (name, problem) for name, problem in CASES}
    for student in [*wanted, *HONEST]:
        submit(root, student, START, {"0_start_here/q1_share": f"# by {student}"})
    at = [""]  # the student at whom the grading is

    def whose(arguments):
        for one in arguments:
            text = getattr(one, "student", one)  # a dict of notebooks has none
            by = re.search(r"# by ([\w-]+)", text) if isinstance(text, str) else None
            text = by[1] if by else text
            if isinstance(text, str) and (text in wanted or text in HONEST):
                at[0] = text
        return at[0]

    def failing(name, real):
        def step(*arguments, **more):
            failing, problem = wanted.get(whose([*arguments, *more.values()]), ("", None))
            if failing == name:
                raise problem
            return real(*arguments, **more)

        return step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "run_notebook", outcome)
        for module, name in STEPS:
            patch.setattr(module, name, failing(name, getattr(module, name)))
        rows = grade(START, root, say=said.append, workers=1, unsafe=True)
        exported = export(START, "canvas", root=root, partial=True).read_text()
    return root, {row["student"]: row for row in rows}, said, exported


def test_the_class_goes_on(broken):
    root, rows, said, _ = broken
    assert len(rows) == len(CASES) + len(HONEST) == len(said)
    for student in HONEST:
        assert (rows[student]["status"], rows[student]["total"]) == ("graded", 1)
    assert (root / "marks" / START / "report.html").exists()


@pytest.mark.parametrize(("step", "problem"), CASES, ids=[student_of(*case) for case in CASES])
def test_each_problem_ends_one_submission_with_its_reason(broken, step, problem):
    row = broken[1][student_of(step, problem)]
    assert row["status"] in ("failed", "needs a look")
    assert type(problem).__name__ in row["reasons"]
    assert row["reasons"].encode()  # it can be written down
    assert row["total"] == ("" if row["status"] == "failed" else 1)


def test_what_failed_is_in_no_export(broken):
    _, rows, _, exported = broken
    points = {line["Student"]: line[START] for line in csv.DictReader(exported.splitlines())}
    for name, row in rows.items():  # a result that cannot be written is in no export at all
        assert points.get(name, "") == ("" if row["status"] == "failed" else "1")


def test_the_next_run_grades_them_all(broken, monkeypatch):
    monkeypatch.setattr(parallel, "run_notebook", outcome)
    some = [name for name in broken[1] if name.endswith("RecursionError") or name in HONEST]
    rows = grade(START, broken[0], say=lambda line: None, workers=1, unsafe=True, students=some)
    assert {(row["status"], row["total"]) for row in rows} == {("graded", 1)}


def test_a_report_that_cannot_be_written_leaves_marks_and_table(tmp_path, monkeypatch):
    root, said = course(tmp_path, START), []
    submit(root, "ada", START)

    def fails(*_):
        raise RecursionError("too deep")

    monkeypatch.setattr(parallel, "run_notebook", outcome)
    monkeypatch.setattr(marks, "class_report", fails)
    (row,) = grade(START, root, say=said.append, workers=1, unsafe=True)
    assert row["total"] == 1 and "ada" in (root / "marks" / f"{START}.csv").read_text()
    assert "class report" in said[-1] and "RecursionError" in said[-1]


def test_a_name_that_no_file_and_no_terminal_takes_ends_one_submission(tmp_path, monkeypatch):
    root, said = course(tmp_path, START), []
    submit(root, "ada", START)
    os.makedirs(os.fsencode(root / "submitted") + b"/b\xff/" + START.encode())

    def say(line):
        said.append(line.encode("ascii"))

    monkeypatch.setattr(parallel, "run_notebook", outcome)
    submit(root, "jürgen", START)
    rows = grade(START, root, say=say, workers=1, unsafe=True)
    assert [row["status"] for row in rows] == ["graded", "failed", "graded"] and len(said) == 3
    assert "\\udcff" in (root / "marks" / f"{START}.csv").read_text()


def test_results_that_were_damaged_on_the_disk_are_found_out_anew(tmp_path, monkeypatch):
    root = course(tmp_path, START)
    students = ["ada", "bo", "cy"]
    for student in students:
        submit(root, student, START)
    monkeypatch.setattr(parallel, "run_notebook", outcome)
    grade(START, root, say=lambda line: None, workers=1, unsafe=True)
    for student, text in zip(students, ["[]", "{}", "[" * 5000 + "]" * 5000], strict=True):
        (root / "marks" / START / "results" / f"{student}.json").write_text(text)
    rows = grade(START, root, say=lambda line: None, workers=1, unsafe=True)
    assert [(row["status"], row["total"]) for row in rows] == [("graded", 1)] * 3
    (root / "marks" / START / "results/ada.json").write_text("[" * 5000)
    assert "bo" in export(START, "moodle", root=root).read_text()


@needs_sandbox
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)
def test_an_output_that_the_cleaner_fails_on_costs_no_mark(attempt, monkeypatch, problem):  # noqa: F811
    def fails(outputs, budget):
        raise problem

    monkeypatch.setattr(run, "clean_outputs", fails)
    passed, _, reasons = attempt("def f(x):\n    return 2 * x", **DOUBLE)
    assert passed and "What the cell 'q1_f' shows was left out" in reasons[-1]
    assert type(problem).__name__ in reasons[-1]


SIGNS = [
    "print('\\ud800')",
    "raise ValueError('\\udfff')",
    "from IPython.display import display\ndisplay({'text/plain': '\\ud800'}, raw=True)",
]


@needs_sandbox
@pytest.mark.parametrize("code", SIGNS)
def test_half_a_sign_is_replaced_wherever_it_was_shown(attempt, code):  # noqa: F811
    outputs = run_with_outputs(f"def f(x):\n    return 2 * x\n{code}")
    assert "\ufffd" in json.dumps(outputs, ensure_ascii=False) and json.dumps(outputs, ensure_ascii=False).encode()
    message = attempt("def f(x):\n    raise ValueError('\\ud800 as text')", **DOUBLE)[1]
    assert message == "ValueError: \ufffd as text"


def run_with_outputs(code: str) -> dict:
    from tests.grading.test_trusted import lab

    release, source = lab("", DOUBLE["reference"], DOUBLE["test"])
    submitted = nbformat.reads(release, as_version=4)
    submitted.cells[1].source = code
    done = run.run_notebook(nbformat.writes(submitted), release, source)
    assert done["tests"]["test_q1_hidden"]["passed"]
    return done["outputs"]


# --- collecting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)
@pytest.mark.parametrize(
    ("module", "step"),
    [(downloads, "look"), (reading, "_read_below"), (store, "_store"), (store, "read_all"), (store, "_named")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_collected_is_set_aside_and_the_rest_is_taken(tmp_path, monkeypatch, module, step, problem):
    root = course(tmp_path / "course", START)
    for student in ("ada", "eve", "zoe"):
        path = tmp_path / "handed-in" / student / START / "0_start_here.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"by": student}))
    real = getattr(module, step)

    def fails(*arguments):
        if "eve" in repr(arguments[:3]):  # whose it is; what comes behind holds what was noted on others
            raise problem
        return real(*arguments)

    monkeypatch.setattr(module, step, fails)
    done = collect(START, root=root, source=tmp_path / "handed-in")
    assert [submission.student for submission in done.collected] == ["ada", "zoe"]
    assert any(type(problem).__name__ in item.why for item in done.set_aside)


@pytest.mark.parametrize("time", [2**40, -(2**40)])
def test_a_file_from_the_far_future_or_past_stops_nobody(tmp_path, time):
    root = course(tmp_path / "course", START)
    about = os.stat_result((0o100644, 0, 0, 1, 0, 0, 0, time, time, time))
    assert times.modified(about).year in (1970, times.datetime.now().year)
    for student in ("ada", "eve"):
        path = tmp_path / "handed-in" / student / START / "0_start_here.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
        if student == "eve":
            os.utime(path, (time, time))  # as far as this file system goes
    done = collect(START, root=root, source=tmp_path / "handed-in")
    assert len(done.collected) == 2
