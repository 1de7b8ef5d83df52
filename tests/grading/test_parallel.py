"""Many submissions at once: on this machine's cores, on a scheduler's workers, and with a worker that dies."""

import fcntl
import shutil
import threading
import time

import psutil
import pytest
from distributed import LocalCluster

from grading import run
from grading.course import GradingError
from grading.marks import grade
from grading.parallel import run_all
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_marks import START, course, solution_cells, submit

pytestmark = needs_sandbox


@pytest.fixture
def many(tmp_path):
    """Twelve submissions; every second one is right."""
    root = course(tmp_path, START)
    solved = solution_cells(root, START)
    for number in range(12):
        submit(root, f"s{number:02}", START, solved if number % 2 else None)
    return root


def right(rows) -> bool:
    return [(row["status"], row["total"]) for row in rows] == [("graded", number % 2) for number in range(12)]


def test_two_processes_give_the_same_as_one(many):
    rows = grade(START, many, say=lambda line: None, workers=2)
    assert right(rows)


def test_a_scheduler_elsewhere_and_a_worker_that_dies(many):
    """Real processes that talk over TCP; one is killed while it has work, and nothing is lost."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        workers = [worker.pid for worker in cluster.workers.values()]

        def kill_one():
            while len(list((many / "marks" / START / "results").glob("*.json"))) < 3:
                time.sleep(0.05)
            psutil.Process(workers[0]).kill()

        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        rows = grade(START, many, say=lambda line: None, scheduler=cluster.scheduler_address)
        killer.join(10)
    assert not killer.is_alive() and not psutil.pid_exists(workers[0])
    assert right(rows)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("grading.parallel.PATIENCE", "1s")
    with pytest.raises(GradingError, match="tcp://127.0.0.1:9 does not answer.*dask scheduler"):
        list(run_all([("a", {})], scheduler="tcp://127.0.0.1:9"))


def test_a_python_that_does_not_start_is_tried_once_more(many, monkeypatch):
    real, tries = run.Session._started, []

    def fails_first(session):
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no luck")
        return real(session)

    monkeypatch.setattr(run.Session, "_started", fails_first)
    assert grade(START, many, say=lambda line: None, workers=1, students=["s01"])[0]["total"] == 1
    assert len(tries) == 2


def test_what_never_starts_fails_with_the_reason_and_has_no_mark(many, monkeypatch):
    def fails(session):
        raise OSError("no luck")

    monkeypatch.setattr(run.Session, "_started", fails)
    (row,) = grade(START, many, say=lambda line: None, workers=1, students=["s01"])
    assert row["status"] == "failed" and row["total"] == "" and "no luck" in row["reasons"]
    monkeypatch.undo()
    assert grade(START, many, say=lambda line: None, workers=1, students=["s01"])[0]["total"] == 1


def grade_until_stopped(root, monkeypatch, most: int):
    """Grade as somebody does who interrupts it when so many notebooks have run."""
    real, ran = run.run_notebook, []

    def stops(**arguments):
        if len(ran) == most:
            raise KeyboardInterrupt
        ran.append(1)
        return real(**arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("grading.parallel.run_notebook", stops)
        grade(START, root, say=lambda line: None, workers=1)


def test_interrupted_and_started_again_it_goes_on_where_it_was(many, monkeypatch):
    grade_until_stopped(many, monkeypatch, 5)
    again, real = [], run.run_notebook
    monkeypatch.setattr("grading.parallel.run_notebook", lambda **a: again.append(1) or real(**a))
    assert right(grade(START, many, say=lambda line: None, workers=1))
    assert len(again) == 12 - 5
    before = {
        path: path.read_bytes() for path in [*many.rglob("autograded/**/*.ipynb"), *many.glob("marks/*/changes.csv")]
    }
    assert right(grade(START, many, say=lambda line: None, workers=1))
    assert before == {path: path.read_bytes() for path in before}
    assert len(again) == 12 - 5


def test_of_a_submission_with_several_notebooks_the_finished_ones_are_kept(tmp_path, monkeypatch):
    root = course(tmp_path, START)
    for part in ("course/source", "course/release"):
        folder = root / part / START
        shutil.copy(folder / "0_start_here.ipynb", folder / "1_again.ipynb")
    submit(root, "ada", START, {f"{name}/{cell}": code for name in ("0_start_here", "1_again")
                                for cell, code in [("q1_share", solution_cells(root, START)["0_start_here/q1_share"])]})  # fmt: skip
    grade_until_stopped(root, monkeypatch, 1)
    again, real = [], run.run_notebook
    monkeypatch.setattr("grading.parallel.run_notebook", lambda **a: again.append(1) or real(**a))
    (row,) = grade(START, root, say=lambda line: None, workers=1)
    assert len(again) == 1 and row["total"] == row["automatic_max"] == 2
    assert not list((root / "marks" / START / "unfinished").glob("*"))


def test_two_gradings_at_once_are_refused(many):
    with (many / "marks").mkdir() or (many / "marks/.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(GradingError, match="is grading .* already"):
            grade(START, many, say=lambda line: None, workers=1)
