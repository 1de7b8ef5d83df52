"""Every function at a front door has an example in its docstring, and the example runs."""

import doctest
import importlib
import inspect

import matplotlib.pyplot as plt
import pytest

from tests.utils.test_doors import DOORS

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BEHIND = [f"utils.{room}" for room in DOORS] + ["utils.evaluation.criteria"]
SHOWN = [
    pytest.param(shown, id=f"{module.removeprefix('utils.')}.{name}")
    for module in BEHIND
    for door in [importlib.import_module(module)]
    for name in getattr(door, "__all__", vars(door))
    for shown in [getattr(door, name)]
    if module in BEHIND[:-1] or (getattr(shown, "__module__", "") == module and not name.startswith("_"))
    if inspect.isroutine(shown) or (inspect.isclass(shown) and not issubclass(shown, Exception))
]


@pytest.mark.parametrize("shown", SHOWN)
def test_an_example_runs(shown):
    """Names are those that the example imports itself, from the front door, as a reader would."""
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(shown), {}, shown.__name__, None, None)
    assert example.examples, f"{shown.__name__} has no example"
    complaints = []
    doctest.DocTestRunner(optionflags=FLAGS).run(example, out=complaints.append)
    plt.close("all")
    assert not complaints, "".join(complaints)
