"""Kept results in grading: the course's own trainings are kept, submissions read them, and none is kept for another."""

import hashlib
import json
import os
import textwrap
from pathlib import Path

import nbformat
import pytest

from grading.marks import grade
from grading.run import run_notebook
from grading.sandbox import environment
from grading.warm import close_stages
from tests.grading.hostile import CASES, NAME
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_marks import START, course, solution_cells, submit
from tests.grading.test_trusted import lab

SETUP = """
import numpy as np
from utils import kept

def train(seed):
    # What utils.training does: the same answer for the same seed, computed once.
    return float(kept.recall("a training", [seed], lambda: {"value": 10.0 * seed})["value"])
"""
ANSWER = "def f(seed):\n    return train(seed)"
TEST = "for seed in (1, 2):\n    assert f(seed) == 10 * seed, f(seed)"
AFTER = "last = train(3)"


def bytes_of(folder: Path) -> dict[str, tuple]:
    """Every file: what it holds, its permissions, and when it was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        found[path.relative_to(folder).as_posix()] = (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            about.st_mode,
            about.st_mtime_ns if path.is_file() else 0,
        )
    return found


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of kept results that is the instructor's, and empty."""
    monkeypatch.setenv("DATALAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DATALAB_KEEP", raising=False)
    yield tmp_path / "cache/kept"
    close_stages()


def attempt(answer: str, **more) -> dict:
    release, source = lab(SETUP, ANSWER, TEST)
    release, source = (nbformat.reads(text, as_version=4) for text in (release, source))
    for notebook in (release, source):
        notebook.cells.append(nbformat.v4.new_code_cell(AFTER, id="after"))
    submitted = nbformat.from_dict(release)
    submitted.cells[1].source = textwrap.dedent(answer)
    return run_notebook(*map(nbformat.writes, (submitted, release, source)), **more)


def passed(done: dict) -> bool:
    return done["tests"]["test_q1_hidden"]["passed"]


@needs_sandbox
@pytest.mark.parametrize("cold", [False, True])
def test_submissions_read_what_the_course_trained_to_the_end_of_the_notebook(store, cold):
    says = f"{ANSWER}\nfor seed in (1, 2, 3, 4):\n    print(seed, kept.look('a training', [seed]) is not None)"
    done = attempt(says, cold=cold)
    assert passed(done)
    (said,) = [output["text"] for output in done["outputs"][1] if output["output_type"] == "stream"]
    # 1 and 2 are of the test, 3 of a cell after the last test; nobody trained with 4
    assert said.split("\n")[:4] == ["1 True", "2 True", "3 True", "4 False"]
    assert len(list(store.glob("*.safetensors"))) == 3


@needs_sandbox
def test_what_a_submission_trains_is_kept_for_nobody(store):
    attempt(ANSWER)
    before = bytes_of(store)
    own = """
    import os
    os.environ["DATALAB_KEEP"] = "on"
    def f(seed):
        return train(seed)
    kept.recall("a training", [7], lambda: {"value": -1.0})
    seeds = [train(seed) for seed in range(20)]
    os.environ["DATALAB_CACHE"] = "/tmp/cache"  # its own, which ends with it
    kept.recall("a training", [7], lambda: {"value": -1.0})
    print("own:", kept.look("a training", [7]))
    """
    done = attempt(own)
    assert passed(done) and "own: {'value': -1.0}" in json.dumps(done["outputs"])
    assert bytes_of(store) == before
    done = attempt(f"{ANSWER}\nprint('found:', kept.look('a training', [7]))")
    assert passed(done) and "found: None" in json.dumps(done["outputs"])


@needs_sandbox
def test_what_is_kept_already_is_not_trained_again_and_can_be_switched_off(store, monkeypatch):
    attempt(ANSWER)
    before = bytes_of(store)
    close_stages()
    assert passed(attempt(ANSWER))
    assert {name: about[:2] for name, about in bytes_of(store).items()} == {n: a[:2] for n, a in before.items()}
    close_stages()
    monkeypatch.setenv("DATALAB_CACHE", str(store.parents[1] / "other"))
    monkeypatch.setenv("DATALAB_KEEP", "off")
    assert passed(attempt(ANSWER)) and not (store.parents[1] / "other").exists()


@needs_sandbox
def test_a_hostile_submission_changes_nothing_in_the_store_and_nobodys_marks(tmp_path, store):
    (attack,) = [case for case in CASES if case.name == "kept_results"]
    attempt(ANSWER)
    (store / "dummy.safetensors").write_bytes(b"an entry of the instructor")
    before = bytes_of(store)
    root = course(tmp_path, START)
    folder = root / "submitted" / "attacker" / START
    folder.mkdir(parents=True)
    attack.write(folder, nbformat.read(root / "course/release" / START / f"{NAME}.ipynb", as_version=4))
    submit(root, "honest", START, solution_cells(root, START))
    rows = {row["student"]: row for row in grade(START, root, say=lambda line: None, workers=1)}
    written = nbformat.read(root / "autograded/attacker" / START / f"{NAME}.ipynb", as_version=4)
    printed = "".join(o.get("text", "") for cell in written.cells for o in cell.get("outputs", []))
    assert "FOUND" not in printed and "overwrite OSError" in printed and "new entry OSError" in printed, printed
    assert bytes_of(store) == before
    assert (rows["attacker"]["total"], rows["honest"]["total"]) == (0, 1)
    assert passed(attempt(ANSWER))


def test_who_may_keep(monkeypatch):
    monkeypatch.setenv("DATALAB_CACHE", "cache")
    monkeypatch.delenv("DATALAB_KEEP", raising=False)
    assert [environment(trusted)["DATALAB_KEEP"] for trusted in (True, False)] == ["on", "read"]
    assert environment()["DATALAB_CACHE"] == os.path.abspath("cache")
    monkeypatch.setenv("DATALAB_KEEP", "read")
    assert [environment(trusted)["DATALAB_KEEP"] for trusted in (True, False)] == ["read", "read"]
    monkeypatch.setenv("DATALAB_KEEP", "off")
    assert [environment(trusted)["DATALAB_KEEP"] for trusted in (True, False)] == ["off", "off"]
    steering = {name: value for name, value in environment(True).items() if name not in ("DATALAB_KEEP",)}
    assert steering == {name: value for name, value in environment().items() if name not in ("DATALAB_KEEP",)}


@needs_sandbox
def test_without_a_sandbox_nothing_is_kept_either(store):
    attempt(ANSWER)
    before = set(bytes_of(store))
    assert passed(attempt(f"{ANSWER}\ntrain(9)", unsafe=True))
    assert set(bytes_of(store)) == before
