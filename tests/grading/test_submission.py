"""What the steps of grading hand to one another goes through files, threads and other machines, and comes back whole."""

import json
import pickle
from dataclasses import FrozenInstanceError, asdict, replace

import nbformat
import pytest

from grading.course import GradingError
from grading.results import keep_outcome, kept_outcome
from grading.submission import Mark, NotebookResult, Outcome, Result, Submission, not_run, why_not

OUTCOME = replace(
    not_run(""),
    outputs={2: [{"output_type": "stream", "name": "stdout", "text": "größer"}], 10: []},
    counts={2: 1, 10: None},
    tests={"test_q1": {"passed": False, "message": "AssertionError: \ufffd"}},
    memory=10**9,
)
NOTEBOOK = NotebookResult(
    ["put right"], {"q1": "x = 1"}, OUTCOME.tests, 1.5, 1.0, 10**9, {"test_q1": Mark(0.0, 1.0, False)}
)
RESULT = Result("Zoë", "lab", "abc", "graded", [], None, 0.0, "bubblewrap", 1.5, "now", {"1_x": NOTEBOOK})
SUBMISSION = Submission("Zoë", "abc", {"1_x": nbformat.v4.new_notebook()}, {"a.csv": b"1"}, {}, {}, [], "", None)


def through_json(value):
    return json.loads(json.dumps(value, ensure_ascii=False))


def test_an_outcome_is_the_same_after_a_file_and_after_another_process():
    assert Outcome.of_json(through_json(asdict(OUTCOME))) == OUTCOME == pickle.loads(pickle.dumps(OUTCOME))


def test_a_result_is_kept_without_the_marks_which_may_change():
    kept = through_json(RESULT.to_json())
    assert "marks" not in kept["notebooks"]["1_x"] and RESULT.notebooks["1_x"].marks  # nothing of the result is gone
    assert Result.of_json(kept) == replace(RESULT, notebooks={"1_x": replace(NOTEBOOK, marks={})})


@pytest.mark.parametrize(
    "damaged", [[], {}, None, "x", {"notebooks": {}}, RESULT.to_json() | {"notebooks": {"1_x": 1}}]
)
def test_what_is_no_result_is_none(damaged):
    with pytest.raises((TypeError, KeyError, AttributeError)):
        Result.of_json(damaged)


def test_an_outcome_counts_for_the_submission_it_was_made_of_and_for_no_other(tmp_path):
    keep_outcome("lab", SUBMISSION, "1_x", OUTCOME, tmp_path)
    assert kept_outcome("lab", SUBMISSION, "1_x", tmp_path) == OUTCOME
    assert kept_outcome("lab", replace(SUBMISSION, fingerprint="other"), "1_x", tmp_path) is None
    assert kept_outcome("lab", SUBMISSION, "2_y", tmp_path) is None
    (tmp_path / "marks/lab/unfinished/Zoë/1_x.json").write_text("[" * 5000)
    assert kept_outcome("lab", SUBMISSION, "1_x", tmp_path) is None


def test_nobody_changes_what_another_step_found_out():
    for value, name in (
        (OUTCOME, "failed"),
        (RESULT, "status"),
        (SUBMISSION, "reasons"),
        (Mark(1.0, 1.0, False), "points"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, "other")


def test_a_problem_in_words_can_be_written_down():
    assert why_not(GradingError("Put it right.")) == "Put it right."
    assert why_not(ValueError("\ud800")) == "ValueError: \ufffd" and why_not(MemoryError()) == "MemoryError"
    assert len(why_not(OSError("x" * 5000))) == 1000
