"""What a student shows is harmless when a page is made of it, and stays readable."""

import base64
from html.parser import HTMLParser

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.filters import markdown2html

from grading.safe import clean_html, clean_markdown, clean_outputs

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
        "See [the guide](https://example.org/x?y=1&z=2) and <https://example.org>.",
        "$a_1 < b$",
        "```python\nif a < b:\n    print('x')\n```",
    ],
)  # fmt: skip
def test_ordinary_answers_look_as_they_did(text):
    def words(page):
        return " ".join("".join(part.split(">")[-1] for part in page.split("<")).split())

    assert words(markdown2html(clean_markdown(text))) == words(markdown2html(text))


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
