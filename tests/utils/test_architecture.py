"""The directions in which modules import each other, the shape of files, and what the workshop's notebooks find."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(file for room in ("utils", "grading") for file in (ROOT / room).rglob("*.py"))
MOST_LINES = 400
REASON = "One file, because "  # so begins the sentence, in the docstring of a longer module, that says why
MAY_NOT = {
    "utils/evaluation": ["torch", "utils.training", "utils.mitigation", "utils.plotting", "utils.datasets"],
    "utils/plotting": ["torch", "utils.training", "utils.mitigation", "utils.datasets"],
    "utils/datasets": ["torch", "utils.training", "utils.evaluation", "utils.plotting"],
    "utils/training": ["utils.evaluation", "utils.plotting", "utils.mitigation"],
    "utils/mitigation": ["utils.plotting"],
    "grading": ["utils"],
}


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("folder", MAY_NOT)
def test_imports_run_one_way(folder):
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for file in files:
        for name in imports(file):
            for other in MAY_NOT[folder]:
                assert name != other and not name.startswith(other + "."), f"{file.name} imports {name}"


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_imported(name: str, tree: ast.Module, modules: dict[str, Path], is_package: bool = False) -> set[str]:
    """The modules of ours that one may load: anywhere in it, in functions and for type checkers too, and those whose
    names it hands on, where it is a front door."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            inner = [f"{origin}.{alias.name}" for alias in node.names]
            names |= {name if name in modules else origin for name in inner}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy_loader.attach":
            handed_on = {argument.arg: ast.literal_eval(argument.value) for argument in node.keywords}
            names |= {f"{name}.{module}" for modules in handed_on.values() for module in modules}
    return (names & modules.keys()) - {name}


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Every set of modules that reach each other, as one line: each of them, and which others of the set it imports."""
    reached = {}
    for name in graph:
        reached[name], ahead = set(), [name]
        while ahead:
            new = graph[ahead.pop()] - reached[name]
            reached[name] |= new
            ahead += new
    rings = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph} - {frozenset()}
    return [
        "; ".join(f"{name} → {', '.join(sorted(graph[name] & ring))}" for name in sorted(ring))
        for ring in sorted(rings, key=sorted)
    ]


def test_no_modules_import_each_other_in_a_circle():
    modules = {name_of(file): file for file in FILES}
    graph = {}
    for name, file in modules.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        graph[name] = modules_imported(name, tree, modules, file.name == "__init__.py")
    rings = circles(graph)
    assert not rings, "\n".join(rings)


def test_a_circle_would_be_seen():
    late = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .c import C\ndef f():\n    from . import b"
    modules = dict.fromkeys(["p", "p.a", "p.b", "p.c", "p.q", "p.q.x", "p.q._y"], ROOT)
    assert modules_imported("p.a", ast.parse(late), modules) == {"p.c", "p.b"}
    assert modules_imported("p.q.x", ast.parse("from ..b import f\nimport p.c"), modules) == {"p.b", "p.c"}
    assert modules_imported("p.a", ast.parse("from p.q import x, f"), modules) == {"p.q.x", "p.q"}
    door = "import lazy_loader\nlazy_loader.attach(__name__, submodules=['x'], submod_attrs={'_y': ['f']})"
    assert modules_imported("p.q", ast.parse(door), modules, is_package=True) == {"p.q.x", "p.q._y"}
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == ["b → c; c → b"]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_a_long_file_says_why_it_is_one():
    long = [file for file in FILES if len(file.read_text(encoding="utf-8").splitlines()) > MOST_LINES]
    docstrings = {file: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "" for file in long}
    silent = [name_of(file) for file, words in docstrings.items() if REASON not in " ".join(words.split())]
    assert not silent, (
        f"more than {MOST_LINES} lines, and no sentence '{REASON}…' in the docstring: {', '.join(silent)}"
    )


def without_hint(body: list[ast.stmt], inside: str = "") -> list[tuple[int, str]]:
    """Parameters of public functions and methods that say no type: line, and function and parameter."""
    missing = []
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            missing += without_hint(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_") and node.name != "__init__":
                continue
            given = node.args
            parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            missing += [
                (node.lineno, f"{inside}{node.name} {parameter.arg}")
                for parameter in parameters
                if parameter is not None and parameter.annotation is None and parameter.arg not in ("self", "cls")
            ]
    return missing


def test_what_others_call_says_the_types_of_its_parameters():
    missing = [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in FILES
        for line, name in without_hint(ast.parse(file.read_text(encoding="utf-8")).body)
    ]
    assert not missing, "\n".join(missing)


def test_a_missing_hint_would_be_seen():
    code = "def f(a, b: int, *c, d=1): pass\ndef _g(a): pass\nclass K:\n    def __init__(self, x, y: int): pass"
    assert without_hint(ast.parse(code).body) == [(1, "f a"), (1, "f d"), (1, "f c"), (4, "K.__init__ x")]


def test_evaluation_does_not_load_torch():
    modules = ", ".join(f"utils.evaluation.{file.stem}" for file in (ROOT / "utils/evaluation").glob("_[a-z]*.py"))
    # scikit-learn is as slow to import: the few functions that need it load it when they are called.
    code = f"import sys, {modules}; sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("name", ["dataset_utils", "train_utils", "eval_utils", "plotting_utils"])
def test_the_workshops_modules_only_pass_names_on(name):
    tree = ast.parse((ROOT / "utils" / f"{name}.py").read_text(encoding="utf-8"))
    assert all(isinstance(n, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr) for n in tree.body)


WORKSHOP = """
from utils.dataset_utils import *
from utils.eval_utils import *
from utils.plotting_utils import *
from utils.train_utils import *

df, val = create_starting_data()
df = df.groupby("digit").head(200)
plot_one_each(df)
plot_five(df.loc[df["color"] == "orange"][:5])
df["curviness"].value_counts()
model = train_baseline_model(df=df)
val = run_baseline_model(model, val.copy())
compute_accuracy(val, "label", "pred1")
low, high = compute_confidence_bounds(val, "label", "pred1")
args = dict(prediction_col="pred1", ground_truth_col="label")
print_accuracy_by_group(val, group_col="digit", **args)
digits = get_group_accuracy_by_value(val, group_col="digit", **args)
print_accuracy_by_intersection(val, group1_col="digit", group2_col="color", **args)
crossed = get_accuracy_by_intersection(val, group1_col="digit", group2_col="color", **args)
assert "8-orange" in crossed and len(digits) == 10
print_absolute_vs_relative_accuracy(digits, "digit")
print_absolute_vs_ratio_error(crossed)
val2 = get_val2(val)
val2 = run_baseline_model(model, val2)
plot_confidence_intervals_from_df(val, "label", "pred1", "Validation", "digit", use_legend=False, show_error=True,
                                  marker="o", figsize=(9, 4), fontsize=12, tick_spacing=1, sort_x=True)
plot_intersectional_confidence_intervals_from_df(val, "label", "pred1", "Validation", "digit", "color")
plot_confidence_intervals_from_two_dfs(val, val2, "label", "pred1", "ours", "customer", "digit", use_legend=True,
                                       marker_1="o", marker_2="^")
pd.concat([df, create_augmented_data_2()[:100]])["digit"].value_counts()
"""


def test_a_notebook_of_the_workshop_runs_unchanged(tmp_path):
    code = "import matplotlib; matplotlib.use('Agg')\n" + WORKSHOP
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
