"""The directions in which modules import each other, and what the workshop's notebooks find."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
