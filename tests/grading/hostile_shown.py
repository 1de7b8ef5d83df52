"""Submissions that attack through what is shown: outputs, text, metadata, names; see `hostile.py`, which takes them in."""

import base64

import nbformat

from tests.grading.hostile import ANSWER, FAILED, GRADED, LOOK, RIGHT, WRONG, Case, attack, cell_of, code, edit

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 60).decode()
POSE = """<div class="nbgrader_cell"><h4 id="test_q1_hidden">More</h4>
<details class="full-credit"><summary class="full-credit">Show</summary>x</details></div>
<div class="modal-backdrop full-credit">x</div>

# test_q1_hidden

### q1_share-comment
"""

CASES: list[Case] = []


def case(name, about, write, status=GRADED, points=0, kind="hostile", words=""):
    CASES.append(Case(name, kind, about, write, frozenset(status), points, words))


def shows(what: str, answer: str = WRONG):
    """The answer cell displays something, and holds this answer."""
    return code(f"from IPython.display import HTML, Latex, Markdown, display\n{what}\n{answer}")


def picture(about: str):
    return shows(f"display({{'image/png': {PNG!r}, 'text/plain': 'x'}}, raw=True, metadata={about})")


def text_cells(*texts: str, kind=nbformat.v4.new_markdown_cell):
    """Further cells stand before all others."""

    def change(notebook):
        notebook.cells[:0] = [kind(text) for text in texts]

    return edit(change)


def _pasted():
    cell = nbformat.v4.new_markdown_cell("Look: ![mine](attachment:my%20shot.png)")
    cell["attachments"] = {"my shot.png": {"image/png": PNG}}
    return cell


def nested(deep: int):
    value = "x"
    for _ in range(deep):
        value = {"a": value}
    return value


def metadata(change):
    """The file's metadata is other, written without nbformat, which would not take it."""

    def write(notebook):
        notebook = dict(notebook) | {"cells": [dict(cell) for cell in notebook.cells]}
        for cell in notebook["cells"]:
            cell["metadata"] = dict(cell["metadata"])
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"] = dict(cell["metadata"]["nbgrader"])
        change(
            notebook, next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == ANSWER)
        )
        return notebook

    return edit(write)


# --- values that a template writes without quotes -----------------------------------------------------------------

SCRIPT = "fetch(`/formgrader/api/grade/1`)"
case(
    "picture_width", "a picture's width holds a script", picture(f"{{'image/png': {{'width': '1 onerror={SCRIPT}'}}}}")
)
case(
    "picture_height",
    "a picture's height holds a script, behind a line break",
    picture(f"{{'image/png': {{'height': '1\\nonerror={SCRIPT}', 'width': ['1 onerror={SCRIPT}']}}}}"),
)
case(
    "picture_names",
    "metadata name other files, a frame, and a class",
    picture("{'image/png': {'unconfined': 'x onerror=1'}, 'filenames': {'image/png': 'https://evil.example/x'}, "
            "'text/html': {'isolated': True}, 'x onerror=1': {'alt': '1'}}"),
)  # fmt: skip

# --- text that poses as the marking page --------------------------------------------------------------------------

case("poses_in_text", "Markdown with the ids and classes of the marking page", text_cells(POSE))
case("poses_in_output", "an output with the ids and classes of the marking page",
     shows(f"display(HTML({POSE!r}), Markdown({POSE!r}))"))  # fmt: skip
case("poses_in_raw", "a raw cell with the ids and classes of the marking page",
     text_cells(POSE, kind=nbformat.v4.new_raw_cell))  # fmt: skip
case("ends_its_cell", "text that ends the element around it", text_cells(
    "<ul><li><div><li></li></div></li></ul></div></div></div></div><div>x",
    "<table><tr><td></td></tr><div><table></table></div></table></div></div><p>x"))  # fmt: skip
case("formula_fetches", "a formula that fetches a picture", text_cells(
    r"$\mmlToken{mglyph}[src=https://evil.example/x.png]{}$", r"$\mml&#84;oken{mglyph}[src=//evil.example/x]{}$"))  # fmt: skip
case("formula_output", "an output in LaTeX that fetches, and takes an id",
     shows(r"display(Latex(r'$\mmlToken{mglyph}[src=//evil.example/x]{}\cssId{test_q1_hidden}{x}$'))"))  # fmt: skip

case("formula_defines", "a formula that changes those of the question and of the mark scheme, and one that leaves its place",
     text_cells(r"$\gdef\frac#1#2{\text{full marks}}\renewcommand{\text}[1]{5}$", r"$\smash{\raise-40em{\text{5 of 5}}}$"))  # fmt: skip

# --- what stopped the class ---------------------------------------------------------------------------------------

case("half_printed", "prints half of a pair", attack("print('\\ud800')"))
case("half_raised", "an error and an HTML output with half of a pair",
     shows("display(HTML('<b title=\"\\udfff\">\\ud800</b>'))\nraise ValueError('\\udc00')"))  # fmt: skip
case("half_returned", "the function returns half of a pair",
     code("def share(table, column, value):\n    return '\\ud800'\n"))  # fmt: skip
case("half_in_test", "the function raises half of a pair",
     code("def share(table, column, value):\n    raise ValueError('\\ud800')\n"))  # fmt: skip
case("half_in_text", "Markdown and an id with half of a pair", metadata(
    lambda n, a: n["cells"].append({"cell_type": "markdown", "id": "\ud800", "metadata": {}, "source": "# \udcff <b>"})))  # fmt: skip
case("deep_points", "points nested 500 deep", metadata(
    lambda n, a: a["metadata"]["nbgrader"].update(points=nested(500))), LOOK, words="points of q1_share")  # fmt: skip
case("deep_metadata_everywhere", "metadata nested 900 deep, of a cell and of the notebook", metadata(
    lambda n, a: [a["metadata"].update(x=nested(900)), n.update(metadata=nested(900))]))  # fmt: skip
case("deep_unknown", "nbgrader's metadata with something unknown, nested 900 deep", metadata(
    lambda n, a: a["metadata"]["nbgrader"].update(x=nested(900), checksum=nested(900))))  # fmt: skip
case("brackets_in_css", "a style of 1,500 brackets",
     shows("display(HTML(\"<p style='color:\" + '(' * 1500 + \"'>x\"), HTML(\"<p style='\" + '{[(' * 9000))"))  # fmt: skip

# --- text that costs more than it is long -------------------------------------------------------------------------

case("lists_in_lists", "64 kB of lists in lists", text_cells("<ul><li>" * 8000, "<b><i>" * 8000))
case(
    "formulas_without_end",
    "48 kB of formulas that never end",
    text_cells("\\\\[" * 16000, "\\\\[" * 23000, "*a _b " * 8000),
)
case("megabyte_of_links", "a megabyte of links",
     shows("t = \"<a href='https://example.org/x'>y</a> \" * 25000\ndisplay(HTML(t), Markdown(t))"))  # fmt: skip
case("twelve_million_columns", "a table of twelve million columns in a quarter of a megabyte",
     shows("display(HTML('<table><tr>' + '<td colspan=999>x</td>' * 12_000 + '</tr></table>'))"))  # fmt: skip
case("many_slow_texts", "hundreds of short texts, each slow to render",
     text_cells(*("\\\\[" * 2300 + str(i) for i in range(300))))  # fmt: skip
case("many_slow_outputs", "as many outputs, each slow to render, and HTML of which nothing is left",
     shows(r"for i in range(150): display(Markdown(r'\\[' * 2300 + str(i)))" "\nfor i in range(9): display(HTML('<script>x</script>' * 10_000))"))  # fmt: skip
case("answer_of_5_mb", "an answer cell of 5 MB", attack("x = 1  # " + "<b> a=[{( " * 500_000), GRADED | LOOK)
case("displays_without_end", "100,000 outputs in one cell",
     shows("for _ in range(100_000):\n    display(HTML('<ul><li>'))"), GRADED | LOOK)  # fmt: skip

# --- honest -------------------------------------------------------------------------------------------------------

case("pictures_with_sizes", "a picture with its size, a table, and text with a link",
     shows(f"import pandas as pd\ndisplay({{'image/png': {PNG!r}}}, raw=True, metadata={{'image/png': {{'width': 300}}}})\n"
           "display(pd.DataFrame({'a': range(200)}), Markdown('# Mine\\n\\n[x](https://example.org)'))", RIGHT),
     points=1, kind="honest")  # fmt: skip
case("pasted_pictures", "a picture that was pasted into a text, one that Colab wrote into it, and prose like `a<b and c>d`",
     edit(lambda n: n.cells.extend([_pasted(), nbformat.v4.new_markdown_cell(f"![c](data:image/png;base64,{PNG}) if a<b and c>d")]), RIGHT),
     points=1, kind="honest")  # fmt: skip
case("long_text", "a long text with headings and formulas", edit(
    lambda n: n.cells.append(nbformat.v4.new_markdown_cell("# Mine\n\nText with $p < 1$ and `code`.\n\n- x\n" * 200)), RIGHT),
    points=1, kind="honest")  # fmt: skip

# --- names --------------------------------------------------------------------------------------------------------


def plain(folder, notebook):
    cell_of(notebook, ANSWER).source = WRONG
    nbformat.write(notebook, folder / "0_start_here.ipynb")


case("<img src=x onerror=alert(1)>", "a folder named like HTML", plain, FAILED, None, words="name holds < >")
case('x"y\\z', "a folder's name with a quote and a backslash", plain, FAILED, None, words="name holds")
case("x" * 230, "a name that leaves no room for those of files", plain, FAILED, None, words="more than 200 bytes")
case("ada\u202ebda", "a folder's name that turns the line around", plain, FAILED, None, words=r"name holds \\u202e")
