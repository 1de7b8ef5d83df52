"""What every notebook of the course keeps to, apart from running: see CONTRIBUTING.md."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "course/source").glob("*/*.ipynb"))
RELEASES = sorted((ROOT / "course/release").glob("*/*.ipynb"))
SOLVED = sorted((ROOT / "solutions").glob("*/*.ipynb"))
REGIONS = ["SOLUTION", "HIDDEN TESTS", "MARK SCHEME"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


hand_out = pytest.mark.parametrize("path", SOURCES + RELEASES, ids=name)
source = pytest.mark.parametrize("path", SOURCES, ids=name)
every = pytest.mark.parametrize("path", SOURCES + RELEASES + SOLVED, ids=name)


def cells(path: Path, of_type: str | None = None) -> list:
    every_cell = nbformat.read(path, as_version=4).cells
    return [cell for cell in every_cell if of_type in (None, cell.cell_type)]


def of_nbgrader(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def prose(cell) -> str:
    """Markdown without the code in it."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", cell.source, flags=re.DOTALL)


@hand_out
def test_no_outputs(path):
    for cell in cells(path, "code"):
        assert not cell.outputs, f"cell '{cell.id}' has outputs: run `make format`"
        assert cell.execution_count is None, f"cell '{cell.id}' has an execution count: run `make format`"


@every
def test_kernel_is_any_python_3(path):
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata.kernelspec.name == "python3"
    assert "version" not in metadata.get("language_info", {}), "the exact Python version is of no use: remove it"


@every
def test_ids_are_given_and_unique(path):
    ids = [cell.id for cell in cells(path)]
    assert len(set(ids)) == len(ids)
    # Ids that Jupyter makes up are 8 hex digits; one with a name says what the cell is for and survives a copy.
    made_up = [i for i in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}.*", i)]
    assert not made_up, f"give these cells a name as id: {made_up}"


@pytest.mark.parametrize("path", RELEASES, ids=name)
def test_release_has_the_ids_of_its_source(path):
    assert [c.id for c in cells(path)] == [c.id for c in cells(ROOT / "course/source" / path.parent.name / path.name)]


@source
def test_every_picture_has_alt_text(path):
    for cell in cells(path, "markdown"):
        for picture in re.findall(r"!\[(.*?)\]\(", prose(cell), re.DOTALL):
            assert picture.strip(), f"a picture in cell '{cell.id}' has no alt text"
        for picture in re.findall(r"<img\b[^>]*>", prose(cell), re.DOTALL | re.IGNORECASE):
            assert re.search(r"""alt=(["'])\s*\S.*?\1""", picture), f"{picture} in cell '{cell.id}' has no alt text"


@source
def test_headings_are_in_order(path):
    levels = [
        (len(marks), text)
        for cell in cells(path, "markdown")
        for marks, text in re.findall(r"(?m)^(#+) (.*)", prose(cell))
    ]
    assert levels, "a notebook starts with a heading"
    assert levels[0][0] == 1, f"the first heading has one #: {levels[0][1]}"
    assert [level for level, _ in levels].count(1) == 1, "one heading with a single #, the title"
    for (before, _), (level, text) in zip(levels, levels[1:], strict=False):
        assert level <= before + 1, f"'{text}' jumps from level {before} to {level}"


@source
def test_regions_are_balanced_and_in_the_right_cells(path):
    for cell in cells(path):
        for region in REGIONS:
            marks = re.findall(rf"\b(BEGIN|END) {region}\b", cell.source)
            assert marks == ["BEGIN", "END"] * (len(marks) // 2), f"{region} in cell '{cell.id}': {marks}"
        role = of_nbgrader(cell)
        if "BEGIN SOLUTION" in cell.source:
            assert role.get("solution"), f"cell '{cell.id}' has a solution and is no answer cell"
        if "BEGIN HIDDEN TESTS" in cell.source:
            assert role.get("grade"), f"cell '{cell.id}' has hidden tests and is no test cell"
        if "BEGIN MARK SCHEME" in cell.source:
            assert role.get("task") or (role.get("grade") and role.get("solution")), f"mark scheme in '{cell.id}'"


@source
def test_every_cell_of_nbgrader_is_one_of_five_kinds(path):
    kinds = {  # (grade, solution, task, locked, has points)
        (False, False, False, True, False): "text or code that students do not change",
        (False, True, False, False, False): "an answer in code",
        (True, False, False, True, True): "a test",
        (True, True, False, False, True): "a written answer",
        (False, False, True, True, True): "a task that is marked by hand",
    }
    for cell in cells(path):
        role = of_nbgrader(cell)
        if not role:
            continue
        kind = (role["grade"], role["solution"], role["task"], role["locked"], "points" in role)
        assert kind in kinds, f"cell '{cell.id}' is none of {sorted(kinds.values())}: {dict(role)}"
        assert role["schema_version"] == 3
        wanted = {"a test": "code", "a task that is marked by hand": "markdown"}.get(kinds[kind], cell.cell_type)
        assert cell.cell_type == wanted, f"cell '{cell.id}' is {kinds[kind]} and should be {wanted}"


@source
def test_grade_ids_are_unique_and_have_their_form(path):
    roles = [of_nbgrader(cell) for cell in cells(path) if of_nbgrader(cell)]
    ids = [role["grade_id"] for role in roles]
    assert len(set(ids)) == len(ids), "a grade_id appears twice"
    for role in roles:
        form = r"test_q\d+_[a-z0-9_]+" if role["grade"] and not role["solution"] else r"q\d+_[a-z0-9_]+"
        if role["grade"] or role["solution"] or role["task"]:
            assert re.fullmatch(form, role["grade_id"]), f"{role['grade_id']} should look like {form}"
        else:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", role["grade_id"]), f"{role['grade_id']}: lower case and underscores"


@source
def test_every_test_belongs_to_an_answer_before_it(path):
    asked = set()
    for role in map(of_nbgrader, cells(path)):
        if role.get("solution"):
            asked.add(role["grade_id"].split("_")[0])
        elif role.get("grade"):
            assert role["grade_id"].split("_")[1] in asked, f"{role['grade_id']} tests no answer before it"


@source
def test_tests_hand_over_copies_and_compare_with_the_helper(path):
    """`allclose` of nothing is true, and what an answer changed is not what the test believes: see utils/checks.py."""
    answers = {}
    for cell in cells(path, "code"):
        role = of_nbgrader(cell)
        if role.get("solution"):
            defined = [node.name for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
            answers.setdefault(role["grade_id"].split("_")[0], set()).update(defined)
        elif role.get("grade"):
            own = answers[role["grade_id"].split("_")[1]]
            for call in ast.walk(ast.parse(cell.source)):
                if isinstance(call, ast.Call):
                    function = ast.unparse(call.func)
                    assert function not in own, f"'{cell.id}' calls {function}(…): write ask({function}, …)"
                    compares = re.search(r"\b(isclose|allclose|array_equal|equal|assert_\w+_equal)$", function)
                    assert not compares, f"'{cell.id}' calls {function}: take `close` or `same` of utils.checks"


@source
def test_no_unpinned_randomness(path):
    for cell in cells(path, "code"):
        for call in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            if isinstance(call, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in call.names] if isinstance(call, ast.Import) else [call.module]
                assert "random" not in names, f"'{cell.id}' imports random: use np.random.default_rng(seed)"
            if isinstance(call, ast.Call):
                problem = unpinned(ast.unparse(call.func), call)
                assert not problem, f"line {call.lineno} of cell '{cell.id}', {ast.unparse(call)}: {problem}"


def test_a_function_that_many_notebooks_need_is_in_utils():
    notebooks = defaultdict(set)
    for path in SOURCES:
        for cell in cells(path, "code"):
            body = ast.parse(TransformerManager().transform_cell(cell.source)).body
            for function in (node for node in body if isinstance(node, ast.FunctionDef)):
                notebooks[ast.unparse(function)].add(name(path))
    repeated = {code: sorted(paths) for code, paths in notebooks.items() if len(paths) > 2}
    assert not repeated, f"write these functions once, in utils: {repeated}"


def unpinned(function: str, call: ast.Call) -> str | None:
    """Why a call gives other numbers each time, or changes what others draw; None when it does not."""
    given = {keyword.arg for keyword in call.keywords}
    if function.endswith("default_rng"):
        return None if call.args or "seed" in given else "give it a seed"
    if re.match(r"(np|numpy)\.random\.(?!Generator|SeedSequence|PCG64)", function):
        return "it uses the global random state: draw from np.random.default_rng(seed)"
    if re.match(r"torch\.(rand|randn|randint|randperm|normal|bernoulli|multinomial)$", function):
        return None if "generator" in given else "give it a generator"
    if function == "torch.manual_seed":
        return "it changes the global random state: use a torch.Generator"
    if function.endswith(".sample"):
        return None if "random_state" in given else "give it a random_state"
    return None


@pytest.mark.parametrize("lab", sorted({p.parent.name for p in SOURCES} - {"lab0_start_here"}))
def test_a_lab_is_worth_100_points(lab):
    points = [of_nbgrader(c).get("points", 0) for p in SOURCES if p.parent.name == lab for c in cells(p)]
    assert sum(points) == 100, f"the questions of {lab} are worth {sum(points)} points together"


@pytest.mark.parametrize("path", SOLVED, ids=name)
def test_solutions_have_clean_outputs(path):
    for cell in cells(path, "code"):
        assert cell.execution_count or not cell.source.strip(), f"cell '{cell.id}' was not executed: `make solutions`"
        for output in cell.outputs:
            assert output.output_type != "error", f"cell '{cell.id}' shows an error"
            assert output.get("name") != "stderr", f"cell '{cell.id}' shows a warning: {output.text[:300]}"
            assert str(ROOT) not in str(output), f"cell '{cell.id}' shows a path of one machine"
