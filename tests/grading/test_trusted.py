"""Tests and a student's functions in two Pythons: what passes between them, and what does not."""

import json
import textwrap

import nbformat
import pytest

from grading.course import GradingError
from grading.run import run_notebook
from grading.trusted import defined, names_tested
from grading.warm import close_stages
from tests.grading.sandboxed import needs_sandbox

FEW = {"cell_seconds": 5}


def lab(setup: str, answer: str, test: str) -> tuple[str, str]:
    """A release and a source with one question."""

    def cell(code, grade_id, **about):
        flags = {"grade": False, "solution": False, "locked": True, "schema_version": 3, "task": False}
        made = nbformat.v4.new_code_cell(textwrap.dedent(code), id=grade_id)
        made.metadata["nbgrader"] = flags | {"grade_id": grade_id} | about
        return made

    def notebook(answer, test):
        cells = [
            cell(setup, "setup"),
            cell(answer, "q1_f", solution=True, locked=False),
            cell(test, "test_q1_hidden", grade=True, points=1),
        ]
        return nbformat.writes(nbformat.v4.new_notebook(cells=cells))

    return notebook("raise NotImplementedError", "# hidden"), notebook(answer, test)


@pytest.fixture
def attempt(request):
    """Run a student's answer against a test: passed, its message, and the reasons for a look."""

    def run(answer, setup="import numpy as np\nimport pandas as pd", reference="", test="", **limits):
        release, source = lab(setup, reference, test)
        submitted = nbformat.reads(release, as_version=4)
        submitted.cells[1].source = textwrap.dedent(answer)
        done = run_notebook(nbformat.writes(submitted), release, source, limits=FEW | limits)
        assert len(done["tests"]) == 1
        found = done["tests"]["test_q1_hidden"]
        return found["passed"], found["message"], done["reasons"]

    yield run
    close_stages()


DOUBLE = {
    "reference": "def f(x):\n    return 2 * x",
    "test": "for x in [1, 5, 77]:\n    assert f(x) == 2 * x, f'{x}: {f(x)}'",
}


@needs_sandbox
def test_a_right_answer_passes_and_a_wrong_one_hears_the_tests_words(attempt):
    assert attempt("def f(x):\n    return x + x", **DOUBLE) == (True, "", [])
    assert attempt("def f(x):\n    return x + 2", **DOUBLE) == (False, "AssertionError: 1: 3", [])


@needs_sandbox
@pytest.mark.parametrize(
    "attack",
    [
        "class Same(float):\n    def __eq__(self, other): return True\n    __hash__ = None\ndef f(x): return Same(1)",
        "class Same:\n    def __eq__(self, other): return True\ndef f(x): return Same()",
        "import ast\nclass Strip(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Strip())\ndef f(x): return 0",
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])\ndef f(x): return 0",
        "import builtins\nbuiltins.AssertionError = Exception\nint.__eq__\nf = lambda x: 0",
        "import gc, grading.channel as p\nC = next(type(o) for o in gc.get_objects() if type(o).__name__ == 'Calls')\nC.call = lambda self, h, b: p.send(self.channel, {'ok': True, 'changed': [None]})\ndef f(x): return 0",
        "import json\njson.dumps = lambda *a, **k: '{\"ok\": true, \"changed\": [null], \"passed\": true}'\ndef f(x): return 0",
        "import inspect\ndef f(x):\n    for frame in inspect.stack():\n        if 'test' in str(frame.frame.f_globals.keys()): return 2 * x\n    return 0",
        "def f(x):\n    import gc\n    return next((o for o in gc.get_objects() if isinstance(o, str) and 'assert f(x)' in o), 0)",
        "import sys\nsys.modules['numpy'].isclose = lambda *a, **k: True\ndef f(x): return 0",
    ],
)  # fmt: skip
def test_no_trick_passes_a_test(attempt, attack):
    passed, _, _ = attempt(attack, **DOUBLE)
    assert not passed


@needs_sandbox
def test_a_python_that_answers_everything_is_caught_by_a_canary(attempt):
    attack = """
    import gc, grading.channel as p
    C = next(type(o) for o in gc.get_objects() if type(o).__name__ == "Calls")
    C.call = lambda self, head, body: p.send(self.channel, {"ok": 2 * body.count(1), "changed": []})
    """
    passed, _, reasons = attempt(attack, **DOUBLE)
    assert not passed and any("canary" in reason for reason in reasons)


@needs_sandbox
@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f(x): os._exit(0)",
        "def f(x):\n    while True: pass",
        "def f(x):\n    import ctypes; ctypes.string_at(0)",
    ],
)
def test_a_function_that_never_answers_fails_and_is_named(attempt, code):
    passed, message, reasons = attempt(code, cell_seconds=2, **DOUBLE)
    assert not passed and message and "test_q1_hidden" in reasons[0]


@needs_sandbox
def test_what_a_function_prints_in_a_test_is_not_kept(attempt):
    release, source = lab("", DOUBLE["reference"], DOUBLE["test"])
    submitted = nbformat.reads(release, as_version=4)
    submitted.cells[
        1
    ].source = "def f(x):\n    print('argument', x)\n    import os; os.system('echo argument')\n    return 2 * x"
    done = run_notebook(nbformat.writes(submitted), release, source)
    close_stages()
    assert done["tests"]["test_q1_hidden"]["passed"] and "argument" not in json.dumps(done["outputs"])


CHANGES = """
table, array, items = pd.DataFrame({"a": [1, 2]}), np.arange(3), [1, 2]
before = table.copy(), array.copy(), list(items)
f(table, array, items)
pd.testing.assert_frame_equal(table, before[0])
assert np.array_equal(array, before[1]), "the array was changed"
assert items == before[2], "the list was changed"
"""


@needs_sandbox
@pytest.mark.parametrize(
    "change",
    ["table['b'] = 1", "table.loc[0, 'a'] = 9", "array += 1", "items.append(3)", "table.drop(index=0, inplace=True)"],
)
def test_a_changed_argument_is_seen_by_the_test(attempt, change):
    reference = "def f(table, array, items):\n    return 1"
    assert attempt(reference, reference=reference, test=CHANGES)[0]
    assert not attempt(f"def f(table, array, items):\n    {change}", reference=reference, test=CHANGES)[0]


@needs_sandbox
def test_generators_go_over_and_come_back_with_their_state(attempt):
    reference = "def f(rng):\n    return rng.random(3)"
    test = """
    rng, twin = np.random.default_rng(1), np.random.default_rng(1)
    first, second = f(rng), f(rng)
    assert not np.array_equal(first, second), "copied"
    assert np.array_equal(first, twin.random(3)) and np.array_equal(second, twin.random(3))
    """
    test = textwrap.dedent(test)
    assert attempt(
        "def f(rng):\n    return np.array([rng.random() for _ in range(3)])", reference=reference, test=test
    )[0]
    assert not attempt("def f(rng):\n    return np.random.random(3)", reference=reference, test=test)[0]


@needs_sandbox
def test_functions_as_arguments_are_called_back(attempt):
    reference = "def f(g, n):\n    return sum(g(np.arange(n), n)[1])"
    test = "def pair(k, n):\n    return k / n, k * n\nassert f(pair, 4) == 24\nassert f(lambda k, n: (k, k), 3) == 3"
    assert attempt(reference, reference=reference, test=test)[0]
    assert not attempt("def f(g, n):\n    return 24", reference=reference, test=test)[0]


@needs_sandbox
def test_gradients_flow_through_a_students_function(attempt):
    setup = "import torch"
    reference = "def f(x, w):\n    return (x * w).sum(), x > 0"
    test = """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    value, positive = f(x, w)
    (2 * value).backward()
    assert torch.equal(x.grad, torch.tensor([6.0, 8.0])) and torch.equal(w.grad, torch.tensor([2.0, 4.0])), x.grad
    assert positive.dtype == torch.bool
    """
    test = textwrap.dedent(test)
    assert attempt(reference, setup=setup, reference=reference, test=test)[0]
    cut = "def f(x, w):\n    return (x.detach() * w).sum(), x > 0"
    assert not attempt(cut, setup=setup, reference=reference, test=test)[0]


@needs_sandbox
@pytest.mark.parametrize("error", ["ValueError", "KeyError", "ZeroDivisionError"])
def test_an_expected_error_is_the_same_kind_over_here(attempt, error):
    reference = f"def f(x):\n    raise {error}('no')"
    test = f"try:\n    f(1)\nexcept {error}:\n    pass\nelse:\n    raise AssertionError('no error')"
    assert attempt(reference, reference=reference, test=test)[0]
    assert attempt(f"class Own({error}): pass\ndef f(x):\n    raise Own('no')", reference=reference, test=test)[0]
    assert not attempt("def f(x):\n    return 1", reference=reference, test=test)[0]
    assert not attempt("def f(x):\n    raise OSError('no')", reference=reference, test=test)[0]


@needs_sandbox
def test_variables_are_answers_too(attempt):
    test = "assert limit == 0.25, limit"
    assert attempt("limit = 1 / 4", reference="limit = 0.25", test=test)[0]
    assert not attempt("limit = 1 / 3", reference="limit = 0.25", test=test)[0]
    assert "not defined" in attempt("other = 1", reference="limit = 0.25", test=test)[1]


@needs_sandbox
def test_a_wrong_answer_to_one_question_does_not_reach_the_state_of_another():
    release, source = lab("", "def f(x):\n    return 2 * x", "shared = [1]\nassert f(2) == 4")
    submitted = nbformat.reads(release, as_version=4)
    submitted.cells[1].source = "def f(x):\n    return 2 * x\nshared = None"
    for _ in range(2):  # the second time the waiting test is as fresh as the first time
        done = run_notebook(nbformat.writes(submitted), release, source)
        assert done["tests"]["test_q1_hidden"]["passed"]
    close_stages()


def test_a_source_that_fails_its_own_test_stops_with_the_cell():
    release, source = lab("", "def f(x):\n    return x", "assert f(2) == 4, 'wrong test'")
    with pytest.raises(GradingError, match="source notebook itself fails in its cell 'test_q1_hidden'.*wrong test"):
        run_notebook(release, release, source)
    close_stages()


def test_which_names_a_test_is_about():
    assert defined("def f(): pass\na, (b, c) = 1, (2, 3)\nclass D: pass\nx: int = 1\nimport os") == [
        "f",
        "a",
        "b",
        "c",
        "D",
        "x",
    ]
    answers = {"q1_one": ["f"], "q10_ten": ["g"], "q1_two": ["h"]}
    assert names_tested("test_q1_hidden", answers) == ["f", "h"]
    assert names_tested("test_q10_hidden", answers) == ["g"]
    assert names_tested("final", answers) == ["f", "g", "h"]


@needs_sandbox
@pytest.mark.parametrize(
    "more",
    ["pd.cut(table['a'], 2)", "pd.period_range('2026', periods=2, freq='D')", "table['a'] * 1j", "[object(), len]"],
)
def test_what_cannot_be_checked_in_a_changed_argument_is_seen_only_by_a_test_that_looks_at_it(attempt, more):
    reference = "def f(table):\n    return table['a'].sum()"
    answer = f"def f(table):\n    table['more'] = {more}\n    return table['a'].sum()"
    test = "table = pd.DataFrame({'a': [1, 2]})\nassert f(table) == 3\nassert list(table['a']) == [1, 2]"
    assert attempt(answer, reference=reference, test=test) == (True, "", [])
    looks = f"{test}\nassert list(table.columns) == ['a'], 'changed'"
    assert attempt(answer, reference=reference, test=looks) == (False, "AssertionError: changed", [])
    of_it = f"{test}\nassert list(table.get('more', [3, 4])) == [3, 4], 'other values'"
    assert attempt(answer, reference=reference, test=of_it) == (False, "AssertionError: other values", [])


@needs_sandbox
def test_a_test_has_limits_of_its_own(attempt):
    """A test is run with the reference too, in a Python without these limits: there it asks for nothing."""
    ask = "import resource\nmemory, seconds = (resource.getrlimit(w)[0] for w in (resource.RLIMIT_DATA, resource.RLIMIT_CPU))"
    test = f"{ask}\nassert f(1) == 1 or (2**31 < memory < 2**33 and seconds == 900), (memory, seconds)"
    reference = "def f(x):\n    return 1"
    assert attempt("def f(x):\n    return 2", reference=reference, test=test) == (True, "", [])


@needs_sandbox
@pytest.mark.parametrize("code", ["limit = object()", "limit = [len]"])
def test_a_variable_that_cannot_be_sent_fails_its_test_and_nothing_else(attempt, code):
    passed, message, reasons = attempt(code, reference="limit = 0.25", test="assert limit == 0.25")
    assert not passed and "nothing that can be checked" in message and reasons == []
