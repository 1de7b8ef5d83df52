"""What a function is given stays as it is, and so do the settings of the whole process; results are new objects.

Every public function of `utils` is called (`public_calls.py`). Tables, arrays, dicts, lists, networks and Axes are
compared before and after, as are the random state and the settings of Python and of the libraries. What is allowed is
written down here, with its reason.
"""

import inspect
import random
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from tests.utils import public_calls
from tests.utils.public_calls import public_functions
from tests.utils.snapshots import constants, locked, settings, shared, state

FUNCTIONS = public_functions()

# Functions that change an argument, and why they may.
CHANGED = {
    "utils.training._fit.fit": "the network is there to be trained; its docstring says so",
    "utils.training._tabular.Counted.fit": "as in scikit-learn, `fit` fits the model itself",
    "utils.training._loop.train_epochs": "the network is trained where it is, as its docstring says",
    "utils.training._models.load_weights": "puts numbers into a network, as its docstring says",
    "utils.datasets._scene_canvas.Canvas.paint": "a canvas is there to be painted on",
}
# Results that are, or hold, what was given.
SHARED = {
    "utils.training._fit.fit": "the same model, as its docstring says",
    "utils.training._tabular.Counted.fit": "as in scikit-learn, `fit` gives the model itself",
    "utils.training._tabular.tabular_pipeline": "as in scikit-learn, a pipeline holds its steps",
    "utils.training._models.load_weights": "the network that was filled",
    "utils.datasets._images.stack_images": "a view of the table's pictures, as its docstring says",
    "utils.datasets._handwritten_numbers.image_array": "see stack_images",
    "utils.mitigation._tables.as_tensors": "the table's pictures, only to be read, as the docstring of Data says",
    "utils.mitigation._tables.both_as_tensors": "see as_tensors",
    "utils.datasets._scene_canvas.Canvas.images": "a view of the canvas, as its docstring says",
    "utils.datasets._scene_canvas.ellipse": "the window is the numbers given, which are only read",
    "utils.datasets._scene_canvas.rectangle": "see ellipse",
    "utils.datasets._scene_plan.with_cues": "all else of the figures, as its docstring says",
    "utils.evaluation._coding.cross": "the codes of the only key, as its docstring says; they are many",
    "utils.evaluation._counting.plain": "others as they are, says its docstring",
    "utils.mitigation._fitted.Fitted.after_last_epoch": "the same method with the other of its networks",
    "utils.kept._store.as_kept": "arrays that are as they would come back: nobody else has what was just computed",
    "utils.mitigation._group_thresholds.group_thresholds": "decides otherwise with the network of its base",
    "utils.mitigation._reject_option.reject_option": "see group_thresholds",
    "utils.mitigation._threshold_optimizer.threshold_optimizer": "see group_thresholds",
    "utils.mitigation._last_layer_retraining.last_layer_retraining": "a new network with the history of its base",
}
# Functions after which an Axes is not there any more.
CLOSED = {"utils.plotting._style.show": "shows a figure and closes it, as its docstring says"}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untouched")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATALAB_KEEP", "off")
        patch.setenv("DATALAB_CACHE", str(folder / "cache"))
        torch.set_num_threads(2)  # tests start with one; then a function that leaves one behind would not be noticed
        yield public_calls.calls(public_calls.made(folder), folder)
    torch.set_num_threads(threads)


def test_every_public_function_is_called(calls):
    called = {id(function) for function in calls}
    missing = [name for name, function in FUNCTIONS.items() if id(function) not in called]
    assert not missing, f"add a call of each to tests/utils/public_calls.py: {', '.join(missing)}"
    listed = {*CHANGED, *SHARED, *CLOSED}
    assert listed <= set(FUNCTIONS), f"these exceptions are of functions that are gone: {listed - set(FUNCTIONS)}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_given_stays_as_it_is(name, calls):
    function, around = FUNCTIONS[name], surroundings()
    parameters = inspect.signature(function).parameters
    axes = [p for p in ("ax", "axes") if p in parameters]
    changes, common = [], []
    for args, kwargs in calls[function] if isinstance(calls[function], list) else [calls[function]]:
        if not axes or parameters[axes[0]].default is None:
            once(function, args, kwargs, changes, common)
            without_leave = locked((args, kwargs))
            if state(without_leave) != state((args, kwargs)):  # else there are no arrays in it
                once(function, *without_leave, changes, [])
        if axes:
            on_axes(name, args, kwargs, axes[0])
        plt.close("all")
        assert changed(around) == []
    assert bool(changes) == (name in CHANGED), changes
    assert bool(common) == (name in SHARED), common


def surroundings() -> dict:
    """The settings of the process, and what the constants of `utils` hold."""
    return settings() | {name: state(value) for name, value in constants().items()}


def changed(before: dict) -> list[str]:
    now = surroundings()
    return [name for name in before if now.get(name) != before[name]]


def once(function, args, kwargs, changes, common):
    """Call a function; which arguments did it change, and what has the result in common with them?"""
    given = dict(enumerate(args)) | kwargs
    before = {argument: state(value) for argument, value in given.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # torch, of locked arrays
        result = function(*args, **kwargs)
        if inspect.isgenerator(result):
            result = list(result)
        elif inspect.isgeneratorfunction(inspect.unwrap(function)):  # for a `with`
            with result as inside:
                if isinstance(inside, Path):  # that is to be written
                    inside.touch()
    changes += [argument for argument, value in given.items() if state(value) != before[argument]]
    common += shared(result, given)
    common += [f"the constant {constant}" for constant, value in constants().items() if result is value]


def on_axes(name, args, kwargs, parameter):
    """Draw on Axes that hold something: it stays there, their neighbour stays as it is, no other figure appears."""
    figure, (ax, second, neighbour) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
    for one in (ax, second, neighbour):
        one.plot([0.2, 0.4], [0.3, 0.1], label="mine")
        one.text(0.1, 0.1, "mine")
    neighbour.set(xlim=(0, 3), ylim=(0, 3), title="mine", xlabel="mine")
    figure.suptitle("mine")
    plt.sca(neighbour)

    def others():
        about = neighbour.get_xlim(), neighbour.get_ylim(), neighbour.get_title(), neighbour.get_xlabel()
        of_figure = figure.get_suptitle(), figure.get_size_inches().tolist(), figure.dpi
        return about, neighbour.get_children(), of_figure, plt.get_fignums(), plt.gca()

    mine, points = set(ax.get_children()), ax.lines[0].get_xydata().tolist()
    given, before = state((args, kwargs)), others()
    on = ax if parameter == "ax" else np.array([ax, second])
    if next(iter(inspect.signature(FUNCTIONS[name]).parameters)) == parameter:
        FUNCTIONS[name](on, *args, **kwargs)
    else:
        FUNCTIONS[name](*args, **kwargs, **{parameter: on})
    assert state((args, kwargs)) == given
    if name not in CLOSED:
        assert mine <= set(ax.get_children()) and ax.lines[0].get_xydata().tolist() == points
        assert others() == before


# The comparison itself: each of these changes has to be noticed.


def table():
    pictures = pd.Series(list(np.zeros((2, 4, 4, 3), np.uint8)), dtype=object)
    made = pd.DataFrame({"img": pictures, "n": [1, 2], "kind": pd.Categorical(["a", "b"])})
    made.attrs["source"] = {"name": "made up"}
    return made


CHANGES = {
    "a new column": (table, lambda t: t.insert(3, "pred1", 0)),
    "a value": (table, lambda t: t.__setitem__("n", [1, 3])),
    "a type": (table, lambda t: t.__setitem__("n", t["n"].astype(float))),
    "the index": (table, lambda t: setattr(t, "index", [1, 0])),
    "the name of the index": (table, lambda t: setattr(t.index, "name", "row")),
    "the order of the columns": (table, lambda t: t.insert(0, "n", t.pop("n"))),
    "a pixel": (table, lambda t: t["img"][1].__setitem__((0, 0, 0), 1)),
    "the attrs": (table, lambda t: t.attrs["source"].update(name="other")),
    "a category": (table, lambda t: t.__setitem__("kind", t["kind"].cat.rename_categories(["a", "c"]))),
    "an array": (lambda: [{"x": np.arange(3.0)}], lambda x: x[0]["x"].sort() or x[0]["x"].__imul__(2)),
    "leave to write": (lambda: np.zeros(2), lambda x: setattr(x.flags, "writeable", False)),
    "an element of a tuple in a dict": (lambda: {"a": ([1],)}, lambda x: x["a"][0].append(2)),
    "the order of a dict": (lambda: {"a": 1, "b": 2}, lambda x: x.update(a=x.pop("a"))),
    "a mode": (torch.nn.Sequential, lambda x: x.eval()),
    "a weight": (lambda: torch.nn.Linear(1, 1), lambda x: x.bias.data.add_(1)),
    "a running mean": (lambda: torch.nn.BatchNorm1d(1), lambda x: x.running_mean.add_(1)),
    "a gradient": (lambda: torch.nn.Linear(1, 1), lambda x: x(torch.ones(1)).backward()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_argument_is_noticed(what):
    make, change = CHANGES[what]
    value = make()
    before = state(value)
    assert state(value) == before
    change(value)
    assert state(value) != before


def a_result_that_is(what):
    return {
        "the argument": lambda t, x: t,
        "in the argument": lambda t, x: {"found": x[0]},
        "a view": lambda t, x: x[0][1:],
        "a tensor over an array": lambda t, x: torch.from_numpy(x[0]),
        "a picture of a table": lambda t, x: [t["img"][1][:2]],
    }[what]


@pytest.mark.parametrize(
    "what", ["the argument", "in the argument", "a view", "a tensor over an array", "a picture of a table"]
)
def test_a_result_that_is_what_was_given_is_noticed(what):
    given = table(), [np.arange(3.0)]
    assert shared(a_result_that_is(what)(*given), given)
    assert not shared([given[0].assign(pred1=0), given[1][0] + 1, given[0]["n"].to_numpy()], given)


SETTINGS = {
    "random": (random.random, lambda: None),
    "numpy.random": (np.random.rand, lambda: None),  # noqa: NPY002
    "torch.random": (lambda: torch.rand(1), lambda: None),
    "torch threads": (lambda: torch.set_num_threads(3), lambda: torch.set_num_threads(2)),
    "torch": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "denormal numbers": (lambda: torch.set_flush_denormal(True), lambda: torch.set_flush_denormal(False)),
    "numpy": (lambda: np.seterr(all="raise"), lambda: np.seterr(all="warn", under="ignore")),
    "pandas": (lambda: pd.set_option("display.max_rows", 7), lambda: pd.reset_option("display.max_rows")),
    "matplotlib": (lambda: plt.rc("font", size=3), lambda: plt.rc("font", size=plt.rcParamsDefault["font.size"])),
    "warnings": (lambda: warnings.simplefilter("error"), lambda: warnings.filters.pop(0)),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_a_changed_setting_is_noticed(what, calls):
    change, undo = SETTINGS[what]
    before = settings()
    assert settings() == before
    change()
    now = settings()
    undo()
    assert [name for name in before if now[name] != before[name]] == [what]
