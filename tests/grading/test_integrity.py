"""Whatever a student's file holds: the release's cells come back, written work is kept, and changes are said."""

import copy
import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading import integrity
from grading.integrity import Unreadable, mend, read_notebook, set_aside
from tests.grading.test_marks import solution_cells

ROOT = Path(__file__).resolve().parents[2]
RELEASES = sorted((ROOT / "course/release").glob("*/*.ipynb"))
LAB0 = nbformat.read(ROOT / "course/release/lab0_start_here/0_start_here.ipynb", as_version=4)
ANSWER = "def share(table, column, value):\n    return 1"


def mended(notebook, release=LAB0):
    done, changes = mend(read_notebook(nbformat.writes(notebook).encode()), release)
    return done, " | ".join(change.what for change in changes), any(change.serious for change in changes)


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def solved():
    notebook = copy.deepcopy(LAB0)
    cell_of(notebook, "q1_share").source = ANSWER
    return notebook


def holds(done, release=LAB0):
    """The promise: every cell of the release once, in order, with its metadata, locked ones with its text."""
    nbformat.validate(done)
    have = [cell for cell in done.cells if "nbgrader" in cell.metadata]
    want = [cell for cell in release.cells if "nbgrader" in cell.metadata]
    assert [cell.metadata for cell in have] == [cell.metadata for cell in want]
    assert [cell.id for cell in have] == [cell.id for cell in want]
    for cell, original in zip(have, want, strict=True):
        assert cell.cell_type == original.cell_type
        assert cell.source == original.source or original.metadata.nbgrader.solution
    assert len({cell.id for cell in done.cells}) == len(done.cells)
    assert all(not cell.get("outputs") for cell in done.cells)


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_untouched_and_solved_notebooks_stay_as_they_are(path):
    release = nbformat.read(path, as_version=4)
    answered = copy.deepcopy(release)
    answers = solution_cells(ROOT, path.parent.name)
    for cell in answered.cells:
        cell.source = answers.get(f"{path.stem}/{grade_id(cell)}", cell.source)
    for notebook in (release, answered):
        done, changes, _ = mended(notebook, release)
        assert changes == ""
        assert [cell.source for cell in done.cells] == [cell.source for cell in notebook.cells]
        holds(done, release)


def change(notebook, name, **values):
    cell_of(notebook, name).metadata.nbgrader.update(values)


def drop(notebook, *names):
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in names]


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda n: change(n, "test_q1_hidden", points=50), "points of test_q1_hidden was set to 50"),
        (lambda n: change(n, "test_q1_hidden", grade=False), "grade of test_q1_hidden was set to false"),
        (lambda n: change(n, "q1_share", locked=True, solution=False), "locked of q1_share"),
        (lambda n: change(n, "test_q1_hidden", grade_id="x"), "the test test_q1_hidden was deleted"),
        (lambda n: drop(n, "test_q1_visible"), "the test test_q1_visible was deleted"),
        (lambda n: drop(n, "q1_share"), "the answer cell q1_share was deleted"),
        (lambda n: n.cells.append(copy.deepcopy(cell_of(n, "test_q1_hidden"))), "test_q1_hidden appears 2 times"),
        (lambda n: n.cells.insert(0, n.cells.pop()), "the order of the cells"),
        (lambda n: cell_of(n, "test_q1_visible").update(source="pass"), "the test test_q1_visible was edited"),
        (lambda n: cell_of(n, "practice_data").update(source="numbers = 1"), "the cell practice_data was edited"),
        (lambda n: cell_of(n, "test_q1_visible").update(cell_type="raw"), "the test test_q1_visible was edited"),
    ],
)
def test_tampering_is_undone_and_said(tamper, words):
    notebook = solved()
    tamper(notebook)
    done, changes, serious = mended(notebook)
    assert words in changes and serious
    holds(done)


def test_words_in_a_locked_text_are_kept_below_it_and_no_offence():
    notebook = solved()
    cell_of(notebook, "explain").source += "\n\nMy own thought."
    done, changes, serious = mended(notebook)
    assert "was written into" in changes and not serious
    place = done.cells.index(cell_of(done, "explain"))
    assert "My own thought." in done.cells[place + 1].source
    holds(done)


@pytest.mark.parametrize(
    "lose",
    [
        lambda cell: cell.metadata.pop("nbgrader"),
        lambda cell: (cell.metadata.pop("nbgrader"), cell.update(id="other")),
        lambda cell: cell.metadata.nbgrader.update(grade_id="mine"),
        lambda cell: (cell.metadata.nbgrader.update(grade_id="mine"), cell.update(id="other")),
    ],
)
def test_an_answer_that_lost_its_name_is_found_again(lose):
    notebook = solved()
    lose(cell_of(notebook, "q1_share"))
    done, changes, _ = mended(notebook)
    assert cell_of(done, "q1_share").source == ANSWER and "found again" in changes
    holds(done)


def test_of_two_answer_cells_the_edited_one_counts_and_the_other_runs_before_it():
    notebook = copy.deepcopy(LAB0)
    place = notebook.cells.index(cell_of(notebook, "q1_share"))
    notebook.cells.insert(place + 1, nbformat.from_dict(cell_of(solved(), "q1_share")))
    done, changes, serious = mended(notebook)
    assert cell_of(done, "q1_share").source == ANSWER and "appears 2 times" in changes and serious
    cell_of(notebook, "q1_share").source = "def share():\n    first"
    done, *_ = mended(notebook)
    place = done.cells.index(cell_of(done, "q1_share"))
    assert done.cells[place].source == ANSWER
    assert done.cells[place - 1].cell_type == "code" and "first" in done.cells[place - 1].source
    holds(done)


def test_an_answer_that_was_split_runs_as_it_did():
    """Jupyter gives both halves the name of the whole."""
    notebook = solved()
    answer = cell_of(notebook, "q1_share")
    place = notebook.cells.index(answer)
    parts = ["def half(x):\n    return x / 2", "# a note", ANSWER]
    notebook.cells[place : place + 1] = [nbformat.from_dict(answer | {"source": part}) for part in parts]
    done, changes, _ = mended(notebook)
    place = done.cells.index(cell_of(done, "q1_share"))
    assert [(cell.cell_type, cell.source) for cell in done.cells[place - 2 : place + 1]] == [("code", p) for p in parts]
    assert "appears 3 times (the last is the answer)" in changes
    holds(done)


def test_what_was_written_into_a_locked_cell_of_code_can_be_read():
    notebook = solved()
    cell_of(notebook, "practice_data").source = "import itertools\n```\n"
    done, _, serious = mended(notebook)
    text = done.cells[done.cells.index(cell_of(done, "practice_data")) + 1]
    assert text.cell_type == "markdown" and "````python\nimport itertools" in text.source and serious
    holds(done)


def test_pictures_that_were_pasted_into_a_text_come_along_and_nothing_else():
    notebook = solved()
    picture = {"a b.png": {"image/png": "iVBORw0KGgo=", "image/svg+xml": "<svg/>", "text/html": "<b>"}, "x": 5}
    own = nbformat.v4.new_markdown_cell("![a](attachment:a%20b.png)")
    own["attachments"] = picture
    notebook.cells.insert(3, own)
    locked = cell_of(notebook, "explain")
    locked.source += "\n\n![a](attachment:a%20b.png)"
    locked["attachments"] = picture
    raw = json.dumps(notebook).encode()
    done, _ = mend(read_notebook(raw), LAB0)
    assert [c["attachments"] for c in done.cells if "attachments" in c] == [
        {"a b.png": {"image/png": "iVBORw0KGgo="}}
    ] * 2
    assert "attachments" not in cell_of(done, "explain")
    holds(done)


def test_a_students_own_cells_keep_their_place():
    notebook = solved()
    place = notebook.cells.index(cell_of(notebook, "q1_share"))
    notebook.cells.insert(place, nbformat.v4.new_code_cell("before = 1"))
    notebook.cells.insert(place + 2, nbformat.v4.new_markdown_cell("after"))
    done, changes, _ = mended(notebook)
    sources = [cell.source for cell in done.cells]
    assert changes == "" and sources == [cell.source for cell in notebook.cells]


operations = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=8)


@given(operations)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_any_mixture_of_changes_the_promise_holds_and_no_answer_is_lost(steps):
    notebook = solved()
    for number, (what, one, two) in enumerate(steps):
        if not notebook.cells:
            break
        cell = notebook.cells[one % len(notebook.cells)]
        about = cell.metadata.get("nbgrader")
        match what:
            case 0:
                notebook.cells.remove(cell)
            case 1:
                notebook.cells.insert(two % len(notebook.cells), copy.deepcopy(cell))
            case 2:
                notebook.cells.insert(two % len(notebook.cells), notebook.cells.pop(one % len(notebook.cells)))
            case 3:
                cell.source += f"\n# written {number}"
            case 4:
                cell.metadata.pop("nbgrader", None)
            case 5 if about:
                about["grade_id"] = f"x{two}"
            case 6 if about:
                about.update(points=two, grade=True, locked=False)
    done, changes, _ = mended(notebook)
    holds(done)
    text = "\n".join(cell.source for cell in done.cells)
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            if line.startswith("# written") and cell.cell_type == "markdown":
                assert line in text or changes
    for cell in notebook.cells:  # an answer is found wherever it stands
        if grade_id(cell) == "q1_share" and ANSWER in cell.source:
            assert ANSWER in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b'{"cells": [', "not JSON"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"[]", "no notebook"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": 5}', "no list of cells"),
        (b"[" * 100_000, "nested too deep|not JSON"),
        (json.dumps({"nbformat": 4, "cells": [{}] * 6000}).encode(), "6,000 cells"),
    ],
)
def test_what_is_no_notebook_is_said_in_one_sentence(data, words):
    with pytest.raises(Unreadable, match=words):
        read_notebook(data)


def test_a_notebook_of_an_old_format_is_read():
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["A\n", "heading"], "metadata": {}},
        {"cell_type": "heading", "level": 10**12, "source": "x"},
        {"cell_type": "code", "input": ["x = 1\n", "x"], "outputs": [], "metadata": {"nbgrader": {"grade_id": "q1"}}},
        {"cell_type": "html", "source": "<b>"},
        {"cell_type": ["code"]},
        5,
    ]
    old = {"nbformat": 3, "worksheets": [{"cells": cells[:2]}, {"cells": 5}, 5, {"cells": cells[2:]}]}
    read = read_notebook(json.dumps(old).encode()).cells
    assert [(cell.cell_type, cell.source) for cell in read] == [
        ("markdown", "## A heading"), ("markdown", "# x"), ("code", "x = 1\nx"), ("markdown", "<b>")]  # fmt: skip
    assert read[2].metadata.nbgrader.grade_id == "q1"


def test_a_file_too_large_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(integrity, "MOST_BYTES", 1000)
    with pytest.raises(Unreadable, match="MB are read"):
        read_notebook(b"[" * 1001)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "metadata", "nbgrader", "grade_id", "source", "cell_type", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values, json_values, st.sampled_from(["code", "markdown", "raw", 5]))
@settings(max_examples=300, deadline=None)
def test_any_json_is_mended_or_refused_with_a_sentence(cells, odd, kind):
    known = {"cell_type": kind, "source": odd, "metadata": {"nbgrader": odd}, "id": odd}
    named = {
        "cell_type": kind,
        "source": "x",
        "metadata": {"nbgrader": {"grade_id": "q1_share", "points": odd, "solution": odd}},
    }
    for raw in (cells, {"nbformat": 4, "cells": cells}, {"nbformat": 4, "cells": [cells, odd, known, named]}):
        try:
            notebook = read_notebook(json.dumps(raw).encode())
        except Unreadable:
            continue
        holds(mend(notebook, LAB0)[0])


def test_files_that_could_be_run_are_set_aside_and_data_stays():
    bad = [
        "utils.py",
        "numpy.pyc",
        "x.pth",
        "a/__init__.py",
        ".ipython/x.csv",
        "utils/data.csv",
        "conftest.py",
        "lib.so",
        "helpers.py",
        "x.zip",
        "pyvenv.cfg",
        "matplotlibrc",
    ]
    good = ["data.csv", "mein bild.png", "notes.md", "data/table.json"]
    kept, aside = set_aside(dict.fromkeys([*bad, *good], b"x"), {"0_start_here"})
    assert sorted(kept) == sorted(good)
    assert {name for change in aside for name in bad if name in change.what} == set(bad) and all(
        c.serious for c in aside
    )


def test_what_jupyter_leaves_beside_is_no_offence():
    assert set_aside({".ipynb_checkpoints/x-checkpoint.ipynb": b"", ".DS_Store": b""}, set()) == ({}, [])
