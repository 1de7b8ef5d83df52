"""What every room asks of a table, and how it calls groups."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

from utils.aim342 import accuracy_by_group, describe_accuracy, plot_accuracy
from utils.evaluation import audit, disparities
from utils.mitigation._tables import attribute_values
from utils.plotting import describe_forest, plot_forest
from utils.tables import crossed, group_name, require_columns

ROOT = Path(__file__).resolve().parents[2]

TABLE = pd.DataFrame({"label": [1], 3: [2]})


def test_columns_that_are_there_pass():
    require_columns(TABLE)
    require_columns(TABLE, "label", 3)


def test_all_that_are_missing_are_named_in_the_order_asked_for():
    with pytest.raises(KeyError) as problem:
        require_columns(TABLE, "group", "label", "age")
    assert problem.value.args == ("The table has no column 'group', 'age'; it has label, 3.",)


def test_an_empty_table_has_its_columns():
    require_columns(TABLE.head(0), "label")


PEOPLE = pd.DataFrame(
    {"sex": ["f", "m", "f", "m"] * 2, "age": ["old", "old", "young", "young"] * 2, "label": 1, "pred1": [1, 0] * 4}
)
NAMES = ["f × old", "f × young", "m × old", "m × young"]


def test_crossed_groups_are_called_alike_wherever_they_are_shown():
    assert sorted(set(crossed(PEOPLE, ["sex", "age"]))) == NAMES
    assert [group_name(name) for name in (("f", "old"), ("m", 3))] == ["f × old", "m × 3"]
    audited = audit(PEOPLE, groups=[("sex", "age")], problems="ignore")
    gaps = disparities(audited)
    assert gaps["by"].tolist() == ["sex × age"] and {*gaps["group"], *gaps["reference"]} <= set(NAMES)
    forest = [tick.get_text().split(" (")[0] for tick in plot_forest(audited, "accuracy").get_yticklabels()]
    assert forest == ["overall", "sex × age", *NAMES]
    rates = accuracy_by_group(PEOPLE, ["sex", "age"])
    ax = plot_accuracy(rates, ["sex", "age"])
    assert [tick.get_text().split("\n")[0] for tick in ax.get_xticklabels()] == NAMES and ax.get_xlabel() == "sex × age"
    assert "f × old" in describe_accuracy(rates, ["sex", "age"]) + describe_forest(audited, "accuracy")
    assert sorted(set(attribute_values(PEOPLE, ["sex", "age"]))) == NAMES
    plt.close("all")


def test_a_group_needs_a_column_that_is_there():
    with pytest.raises(KeyError, match="groups names no column: give one, or several"):
        crossed(PEOPLE, [])
    with pytest.raises(KeyError, match="no column 'race'; it has sex, age, label, pred1"):
        crossed(PEOPLE, ["sex", "race"])


@pytest.mark.parametrize("kind", ["str", "object", "category", "Float64", "float64", "boolean", "datetime64[ns]"])
def test_a_row_without_a_value_is_of_one_group_by_itself_whatever_the_column_holds(kind):
    values = {"Float64": [1.5, None], "float64": [1.5, None], "boolean": [True, None], "datetime64[ns]": ["2020", None]}
    table = pd.DataFrame({"a": pd.Series(values.get(kind, ["x", None]), dtype=kind), "b": ["f", "m"]})
    assert crossed(table, ["a", "b"]).iloc[1] == "(missing) × m" and crossed(table, "a").iloc[1] == "(missing)"
    audited = audit(table.assign(label=1, pred1=1), groups=["a", ("a", "b")], problems="ignore")
    assert set(audited["a"].dropna()) - {"(missing)"} and "(missing)" in set(audited["a"])


def test_names_are_joined_in_one_place():
    """The workshop's own keys, such as 8-orange, are the one exception, behind their door."""
    joins = re.compile(r"""["'](?: ?[×-] ?| [|x] )["']\.join|\.str\.cat\(|sep=["'] ?[×-]""")
    files = [file for file in (ROOT / "utils").rglob("*.py") if joins.search(file.read_text(encoding="utf-8"))]
    assert {str(file.relative_to(ROOT)) for file in files} == {"utils/tables.py", "utils/aim342/_accuracy.py"}
    other = re.compile(r"""["'](?: ?- ?| [|x] )["']\.join|\.str\.cat\(|sep=["'] ?-""")
    for notebook in (ROOT / "course/source").rglob("*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            assert cell.cell_type != "code" or not other.search(cell.source), f"{notebook.name}, {cell.id}"
