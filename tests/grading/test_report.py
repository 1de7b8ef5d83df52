"""The class report: numbers checked by hand, no mark as a zero, nothing of a student active."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from grading.exports import export_canvas, export_moodle
from grading.gradebook import log_changes
from grading.marks_table import in_words, write_table
from grading.report import class_report, pattern_of, question_table, scores
from grading.similarity import fingerprints, similar_pairs, tokens
from grading.submission import Mark, NotebookResult, Result

STUB = "def rate(table):\n    raise NotImplementedError"
EVIL = "<img src=x onerror=alert(1)>"


def result(student, points, status="graded", answer=STUB, message=None, by_hand=None):
    """A submission with these points in q1 to qn (of 1 each) and one question by hand of 5."""
    marks = {f"test_q{i}": Mark(p, 1.0, by_hand=False, message=message) for i, p in enumerate(points)}
    marks["q9"] = Mark(by_hand, 5.0, by_hand=True)
    if status == "failed":
        marks = {name: replace(mark, points=None) for name, mark in marks.items()}
    notebooks = {"1_x": NotebookResult(answers={"q1_rate": answer}, marks=marks)}
    reasons = [] if status == "graded" else [f"why {student}"]
    return Result(student, "lab", "", status, reasons, None, 0.0, "bubblewrap", 1.0, "", notebooks)


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    able = rng.normal(size=80)
    easy = np.ones(80)
    hard = np.zeros(80)
    telling = [(able + rng.normal(size=80) * 0.5 > 0).astype(float) for _ in range(4)]
    noise = (rng.random(80) < 0.5).astype(float)
    return [result(f"s{i:02}", [easy[i], hard[i], noise[i], *(t[i] for t in telling)]) for i in range(80)]


def test_questions_by_hand_computed(made):
    table = scores(made)
    found = question_table(table, np.random.default_rng(1)).set_index("question")
    wide = table.pivot_table(index="student", columns="question", values="points")
    right = wide["test_q3"].sum()
    low, high = proportion_confint(right, 80, method="wilson")
    row = found.loc["test_q3"]
    assert (row["n"], row["interval"]) == (80, "Wilson")
    assert np.allclose([row["mean"], row["low"], row["high"]], [right / 80, low, high])
    rest = wide[["test_q0", "test_q1", "test_q2", "test_q4", "test_q5", "test_q6"]].sum(axis=1)
    assert np.isclose(row["discrimination"], np.corrcoef(wide["test_q3"], rest)[0, 1])
    assert row["d_low"] < row["discrimination"] < row["d_high"]
    assert found.loc["test_q0", "remark"] == "too easy" and found.loc["test_q1", "remark"] == "too hard"
    assert np.isnan(found.loc["test_q0", "discrimination"])  # it does not vary
    assert found.loc["test_q2", "discrimination"] < 0.3 < found.loc["test_q3", "discrimination"]


def test_partial_credit_has_a_t_interval():
    table = scores([result(str(i), [p]) for i, p in enumerate([0.0, 0.5, 0.5, 1.0, 0.25])])
    row = question_table(table, np.random.default_rng(1)).iloc[0]
    values = np.array([0.0, 0.5, 0.5, 1.0, 0.25])
    half = 2.7764451 * values.std(ddof=1) / np.sqrt(5)
    wanted = [max(0, values.mean() - half), values.mean() + half]
    assert row["interval"] == "t" and np.allclose([row["low"], row["high"]], wanted)


def rows_of(path: Path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_no_mark_is_an_empty_cell_everywhere(tmp_path):
    results = [
        result("ada", [1.0], by_hand=4.0),
        result("bo", [0.0]),
        result("cy", [1.0], status="failed"),
        result("di", [0.0], by_hand=0.0),
    ]
    written = class_report("lab", results, tmp_path, {"1_x": {"q1_rate": STUB}})
    points = {(row["student"], row["question"]): row["points"] for row in rows_of(written["scores"])}
    assert (
        points["cy", "test_q0"] == points["cy", "q9"] == points["bo", "q9"] == "" and points["bo", "test_q0"] == "0.0"
    )
    assert "why cy" in written["report"].read_text()
    export_moodle("lab", results, None, tmp_path / "m.csv")
    assert {row["Username"]: row["lab"] for row in rows_of(tmp_path / "m.csv")} == {
        "ada": "5",
        "bo": "",
        "cy": "",
        "di": "0",
    }
    export_moodle("lab", results, None, tmp_path / "m.csv", partial=True)
    assert {row["Username"]: row["lab"] for row in rows_of(tmp_path / "m.csv")} == {
        "ada": "5",
        "bo": "0",
        "cy": "",
        "di": "0",
    }
    roster = tmp_path / "roster.csv"
    roster.write_text("student,name,canvas_id,email\nada,Ada L.,17,ada@x.org\n")
    export_canvas("lab", results, roster, tmp_path / "c.csv")
    rows = rows_of(tmp_path / "c.csv")
    assert list(rows[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "lab"]
    assert rows[0]["Student"].strip() == "Points Possible" and rows[0]["lab"] == "6"
    assert (rows[1]["Student"], rows[1]["ID"], rows[1]["lab"]) == ("Ada L.", "17", "5") and rows[3]["lab"] == ""
    export_moodle("lab", results, roster, tmp_path / "m.csv")
    assert rows_of(tmp_path / "m.csv")[0]["Email address"] == "ada@x.org"


def test_nothing_of_a_student_is_active_on_the_page_or_in_a_spreadsheet(tmp_path):
    results = [
        result(f"=cmd|{EVIL}", [0.0], answer=f"x = '{EVIL}'", message=f"AssertionError: {EVIL}", status="needs a look"),
        result("@b", [1.0]),
    ]
    written = class_report("lab", results, tmp_path, {"1_x": {}})
    page = written["report"].read_text()
    assert "<img" not in page and "&lt;img" in page and "<script" not in page
    assert all(row["student"].startswith("'") for row in rows_of(written["scores"]))


@pytest.mark.parametrize(
    "text", ["=1+1", "x;=1+1", "x\t+1", "x\n@A", "＝1+1", "x; ＋1", ' "=1', "a;\u200b-1", "\ufeff=1"]
)
def test_no_table_holds_a_formula_whichever_sign_a_spreadsheet_splits_at(tmp_path, text):
    write_table(tmp_path / "marks.csv", [{"student": text, "reasons": f"ok\n{text}", "total": -1.5}])
    log_changes({}, {("lab", text, "1_x", "q1"): (1.0, None, None, False)}, tmp_path / "changes.csv")
    export_moodle("lab", [result(text, [1.0], by_hand=1.0)], None, tmp_path / "moodle.csv")
    class_report("lab", [result(text, [0.0], message=f"AssertionError: {text}")], tmp_path, {})
    paths = sorted(tmp_path.glob("*.csv"))
    assert {path.name for path in paths} >= {"marks.csv", "changes.csv", "moodle.csv", "messages.csv", "scores.csv"}
    for path in paths:
        content = path.read_text(encoding="utf-8").replace("\ufeff", "")
        for cell in re.split("[,;\\t\\n]", content):
            start = cell.lstrip(' "')
            assert not start.startswith(tuple("=+@＝＋＠")) and not re.match("-[^0-9]", start), (path.name, cell)
    assert "-1.5" in (tmp_path / "marks.csv").read_text() and "'-1.5" not in (tmp_path / "marks.csv").read_text()


def test_signs_that_turn_a_line_around_and_halves_of_a_pair_are_written_as_what_they_are(tmp_path):
    name = "ada\u202ebda"
    results = [result(name, [0.0], status="needs a look", answer="x = 1  # \u2066", message="\ud800")] * 2
    written = class_report("lab", results, tmp_path, {})
    for path in written.values():
        content = path.read_text(encoding="utf-8")
        assert "\u202e" not in content and "\u2066" not in content
    assert "ada\\u202ebda" in written["report"].read_text(encoding="utf-8")
    assert in_words({"student": name, "status": "failed", "reasons": "\ud800"}).encode().startswith(b"ada\\u202ebda: ")


@pytest.mark.parametrize("results", [[], [result("a", [1.0])], [result("a", [1.0], status="failed")] * 2])
def test_a_report_comes_out_of_any_class(tmp_path, results):
    assert "<h1>" in class_report("lab", results, tmp_path, {})["report"].read_text()


def test_alike_messages_are_counted_together(tmp_path):
    results = [
        result(f"s{i}", [0.0], message=f"AssertionError: {i} of {i + 7} rows are 'ash{i}'; you have {i / 3}.")
        for i in range(9)
    ]
    results += [result("t", [0.0], message="KeyError: 'n'")]
    written = class_report("lab", results, tmp_path, {})
    rows = rows_of(written["messages"])
    assert [int(row["students"]) for row in rows] == [9, 1]
    assert rows[0]["pattern"] == "AssertionError: # of # rows are '…'; you have #." and "ash0" in rows[0]["example"]
    assert pattern_of("index [1, 2] and {'a': 3}") == "index […] and […]"


LONG = """
def rate(table):
    known = table[table["decision"].notna()]
    counts = known.groupby("branch", dropna=False)["decision"].agg(["sum", "count"])
    counts["rate"] = counts["sum"] / counts["count"].where(counts["count"] > 0)
    wanted = sorted(set(table["branch"].dropna()) | {"north", "south"})
    return counts["rate"].reindex(wanted).rename("share").round(12).fillna(float("nan"))
"""


def test_a_copy_with_other_names_and_comments_is_found_and_other_solutions_are_not():
    renamed = (
        LONG.replace("known", "rest")
        .replace("counts", "c")
        .replace("wanted", "groups")
        .replace("    c =", "    # mine\n    c =")
    )
    others = {
        "cy": "def rate(t):\n    out = {}\n    for row in t.itertuples():\n        out.setdefault(row.branch, []).append(row.decision)\n"
        "    return {k: sum(v) / len(v) for k, v in out.items() if len(v) > 0}",
        "di": "def rate(t):\n    names, inverse = np.unique(t['branch'], return_inverse=True)\n    total = np.bincount(inverse)\n"
        "    yes = np.bincount(inverse, weights=t['decision'])\n    return pd.Series(yes / np.maximum(total, 1), index=names)",
        "ed": STUB, "flo": STUB,
    }  # fmt: skip
    answers = {student: {"q1": code} for student, code in ({"ada": LONG, "bo": renamed} | others).items()}
    pairs = similar_pairs(answers, {"q1": STUB})
    assert list(pairs[["first", "second"]].itertuples(index=False, name=None)) == [("ada", "bo")]
    assert pairs["overlap"][0] > 0.9


def test_what_the_whole_class_wrote_is_no_evidence():
    answers = {f"s{i}": {"q1": LONG} for i in range(20)}
    assert similar_pairs(answers, {}).empty
    assert similar_pairs({"a": {"q1": LONG}, "b": {"q1": LONG}}, {"q1": LONG}).empty  # everyone's template


def test_tokens_of_broken_code_end_where_it_breaks():
    assert tokens("x = 1  # comment\ny = 'text") == tokens("a = 2\nb") + ["="] or tokens("x = 1")[:3] == [
        "NAME",
        "=",
        "NUMBER",
    ]
    assert fingerprints("") == set() == fingerprints("((((")


def test_three_hundred_submissions(tmp_path):
    rng = np.random.default_rng(3)
    names = [f"v{i}" for i in range(30)]
    results = [
        result(
            f"s{i}",
            list((rng.random(10) < 0.7).astype(float)),
            answer="\n".join(
                f"{a} = {b}.sum() + {c}[{k}] * len({a})" for k, (a, b, c) in enumerate(rng.choice(names, (20, 3)))
            ),
        )
        for i in range(300)
    ]
    written = class_report("lab", results, tmp_path, {})
    assert len(pd.read_csv(written["scores"])) == 300 * 11
