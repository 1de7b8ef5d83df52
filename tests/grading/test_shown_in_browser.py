"""Markup in every string and key of a notebook file and of its outputs: no page runs, fetches or marks anything.

Each place is tried by itself and its pages are read by a parser that reads as browsers do; what differs from the page
without markup must be text. Then everything that came through stands on one page of each kind, and Chromium opens it,
clicks on all of it, and reports what it asked its server for.
"""

import base64
import copy
import functools
import json
import re
import shutil
import subprocess
import tempfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import nbgrader.server_extensions.formgrader.handlers as formgrader
import pytest
from bleach._vendor import html5lib
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from grading import pages
from grading.integrity import Unreadable, mend, read_notebook
from grading.report import class_report
from grading.results import executed
from grading.safe import clean_outputs
from grading.submission import Mark, NotebookResult, Result, not_run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 20).decode()
ATTACKS = [
    "1 onerror=fetch('/pwned')",
    "\"'><script>fetch('/pwned')</script><img src=x onerror=\"fetch('/pwned')\"><img src=http://evil.example/x>",
    "\n\n# test_q1\n\n<div class='nbgrader_cell modal-backdrop full-credit'><h4 id='test_q1'>x</h4></div></div></div>\n\n",
]
ATTACK_ON_MARKS = "<div class='nbgrader_cell'><h4 id='test_q1'>x</h4><b class='full-credit'>x</b></div>\n\n"


def about(grade_id: str, **more) -> dict:
    common = {"grade": False, "locked": False, "points": 0, "schema_version": 3, "solution": False, "task": False}
    return {"nbgrader": common | {"grade_id": grade_id} | more}


def released() -> nbformat.NotebookNode:
    cells = [
        nbformat.v4.new_markdown_cell("# Lab", id="head", metadata=about("head", locked=True)),
        nbformat.v4.new_code_cell("x = 1", id="q1", metadata=about("q1", solution=True)),
        nbformat.v4.new_code_cell("assert x", id="t1", metadata=about("test_q1", grade=True, locked=True, points=1)),
        nbformat.v4.new_markdown_cell("Write.", id="q2", metadata=about("q2", grade=True, solution=True, points=2)),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def handed_in() -> dict:
    """A file in which everything occurs that a notebook may hold."""
    cells = copy.deepcopy(released().cells)
    cells[1].update(outputs=outputs(), execution_count=1)
    cells[3].source = "An answer."
    picture = {"x.png": {"image/png": PNG}}
    cells += [
        nbformat.v4.new_markdown_cell("![x](attachment:x.png) text", attachments=picture, metadata={"tags": ["x"]}),
        nbformat.v4.new_raw_cell("raw", metadata={"raw_mimetype": "text/html", "format": "text/html"}),
        nbformat.v4.new_code_cell("y = 2", metadata={"magics_language": "html", "alt": "x", "tags": ["t"]}),
    ]
    metadata = {
        "title": "x",
        "authors": [{"name": "x"}],
        "language_info": {"name": "python", "pygments_lexer": "ipython3", "mimetype": "text/x-python"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"model_name": "x"}}}},
    }
    return json.loads(json.dumps(nbformat.v4.new_notebook(cells=cells, metadata=metadata)))


def outputs() -> list:
    texts = {"text/plain": "p", "text/html": "<b title='t'>h</b>", "text/markdown": "*m*", "text/latex": "$l$"}
    more = {"image/svg+xml": "<svg/>", "application/javascript": "1", "application/json": "{}"}
    size = {"width": "10", "height": "20%", "alt": "a", "unconfined": "u"}
    metadata = {"image/png": size, "text/html": {"isolated": "x"}, "filenames": {"image/png": "f"}, "alt": "a"}
    return [
        {"output_type": "stream", "name": "stdout", "text": "s"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mt\x1b[0m"]},
        {"output_type": "execute_result", "execution_count": 1, "data": texts | more, "metadata": metadata},
        *(
            {"output_type": "display_data", "data": {mime: value}, "metadata": metadata}
            for mime, value in [*texts.items(), *more.items(), ("image/png", PNG), ("image/jpeg", "/9j/")]
        ),
    ]


def attacked(value, attack: str):
    """The value with the attack put in place of, or behind, each string and key in it, in turn."""
    if isinstance(value, str):
        yield attack
        yield value + attack
    elif isinstance(value, list):
        for place, part in enumerate(value):
            for other in attacked(part, attack):
                yield [*value[:place], other, *value[place + 1 :]]
    elif isinstance(value, dict):
        for key, part in value.items():
            for other in attacked(part, attack):
                yield value | {key: other}
            yield {k: v for k, v in value.items() if k != key} | {key + attack: part}
    elif value is not None:
        yield attack


def recorded(notebook: nbformat.NotebookNode, shown: list) -> str:
    """The copy that the gradebook keeps of a mended notebook, whose answer cell showed this."""
    test = {"test_q1": {"passed": False, "message": "AssertionError: x"}}
    place = answer_in(notebook)
    return json.dumps(executed(notebook, replace(not_run(""), outputs={place: shown}, counts={place: 1}, tests=test)))


def answer_in(notebook) -> int:
    return next(p for p, cell in enumerate(notebook.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == "q1")


@pytest.fixture(scope="module")
def copies() -> list[str]:
    """All copies that differ from each other; the first is that of the file without an attack."""
    files, shown = {}, {}  # what they come to → itself: most places are dropped, and come to the same
    for attack in ATTACKS:
        for file in [handed_in(), *attacked(handed_in(), attack)]:
            try:
                notebook, _ = mend(read_notebook(json.dumps(file).encode()), released())
            except Unreadable:
                continue
            files.setdefault(json.dumps(notebook), notebook)
        for found in [outputs(), *attacked(outputs(), attack)]:
            cleaned = clean_outputs(found, 10**6)
            shown.setdefault(json.dumps(cleaned), cleaned)
    files, shown = list(files.values()), list(shown.values())
    made = [recorded(file, shown[0]) for file in files] + [recorded(files[0], other) for other in shown]
    return list(dict.fromkeys(made))


def feedback_page(copy_: str) -> str:
    cells = {name: {"score": 0, "points": 2, "comment": None} for name in ("test_q1", "q2")}
    return pages.page(copy_, "lab", {"score": 0, "max_score": 3, "late_penalty": 0, "cells": cells}, {})


@functools.cache
def formgrader_exporter() -> HTMLExporter:
    config = Config({"HTMLExporter": {"template_name": "formgrade"}})
    config.HTMLExporter.extra_template_basedirs = [formgrader.template_path]
    return HTMLExporter(config=config)


def formgrader_page(copy_: str) -> str:
    told = {"assignment_id": "lab", "notebook_id": "lab", "submission_id": "s1", "index": 0, "total": 1, "base_url": ""}
    told |= {"student": "eve", "last_name": None, "first_name": None, "notebook_path": "x"}
    return formgrader_exporter().from_notebook_node(nbformat.reads(copy_, as_version=4), resources=told)[0]


def active(page: str) -> list[str]:
    """What a browser would run or fetch, and what the marking page could take for its own."""
    page = page[page.index("<body") :]
    found = []
    for element in html5lib.parse(page, namespaceHTMLElements=False).iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in ("script", "iframe", "object", "embed", "svg", "form", "button", "input", "style", "link"):
            found.append(element.tag)
        for name, value in element.attrib.items():
            address = name in ("src", "href") and not value.startswith(("data:image/", "#"))
            if name in ("id", "name") or str(name).startswith(("on", "data-")) or address:
                found.append(f"{name}={value}")
            if name == "class" and re.search("nbgrader|modal|credit|score|panel|comment", value):
                found.append(value)
    return [re.sub("cell-id=own-[0-9]+", "cell-id=own", mark) for mark in found]


def test_no_place_of_a_file_or_an_output_becomes_a_part_of_the_page(copies):
    assert 30 < len(copies) < 300  # a good many attacks are seen on the page, as text
    for make in (feedback_page, formgrader_page):
        quiet = set(active(make(copies[0])))
        for other in copies[1:]:
            assert set(active(make(other))) <= quiet, other


def test_there_is_something_to_find():
    raw = nbformat.v4.new_markdown_cell(ATTACK_ON_MARKS + ATTACKS[1])
    bad = nbformat.v4.new_notebook(cells=[raw, *released().cells], metadata=released().metadata)
    quiet = active(formgrader_page(nbformat.writes(released())))
    marks = set(active(formgrader_page(nbformat.writes(bad)))) - set(quiet)
    assert {"onerror=fetch('/pwned')", "nbgrader_cell", "src=http://evil.example/x"} <= marks


# --- in a browser -------------------------------------------------------------------------------------------------

GRADES = [{"id": "g1", "name": "test_q1", "max_score": 1}, {"id": "g2", "name": "q2", "max_score": 2}]
GRADES = [grade | {"auto_score": 0, "manual_score": None, "extra_credit": None} for grade in GRADES]
CLICKS = """<script>
setTimeout(() => {
  for (const part of document.querySelectorAll('.rendered_html *, .output *, details, summary'))
    if (!part.closest('a')) part.click();
  document.title = 'clicked';
}, 1500);
</script>"""


class _Server(BaseHTTPRequestHandler):
    """Stands in for the formgrader's server, and for every other: it is the browser's proxy too."""

    pages: dict[str, str] = {}
    asked: list[str] = []

    def do_GET(self):
        address = re.sub("^http://127.0.0.1:[0-9]+", "", self.path).partition("?")[0]
        file = Path(formgrader.static_path) / address.removeprefix("/formgrader/static/")
        if address in self.pages:
            self.answer(self.pages[address], "text/html; charset=utf-8")
        elif address.startswith("/formgrader/static/") and file.is_file():
            self.answer(file.read_bytes(), "text/css" if file.suffix == ".css" else "text/javascript")
        elif address == "/formgrader/api/grades":
            self.answer(json.dumps(GRADES), "application/json")
        elif address == "/formgrader/api/comments":
            self.answer("[]", "application/json")
        else:
            self.asked.append(f"{self.command} {self.path}")
            self.send_error(404)

    do_PUT = do_POST = do_DELETE = do_PATCH = do_GET

    def do_CONNECT(self):
        if not self.path.startswith("cdnjs.cloudflare.com:"):  # MathJax, which nbconvert's page asks for
            self.asked.append(f"CONNECT {self.path}")
        self.send_error(502)

    def answer(self, content: str | bytes, kind: str):
        data = content.encode() if isinstance(content, str) else content
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def opened(page: str) -> tuple[str, list[str]]:
    """The page as Chromium has it after clicking on everything, and what it asked for beyond its own parts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (_Server,), {"asked": [], "pages": {"/x": page}}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as home:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
        ]
        options += [f"--user-data-dir={home}", f"--proxy-server=http://{address}", "--proxy-bypass-list=127.0.0.1"]
        command = [BROWSER, *options, "--virtual-time-budget=4000", "--dump-dom", f"http://{address}/x"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={"HOME": home, "PATH": "/usr/bin:/bin"}
        )
    server.shutdown()
    server.server_close()
    own = ("google.com", "gstatic.com", "googleapis.com", "favicon.ico")  # the browser's own affairs
    return done.stdout, [line for line in server.RequestHandlerClass.asked if not any(name in line for name in own)]


def gathered(copies: list[str]) -> str:
    """One notebook that holds every cell and output of all copies which is not in the first, the quiet one."""
    first = nbformat.reads(copies[0], as_version=4)
    sources = {cell.source for cell in first.cells}
    shown = {json.dumps(output) for output in first.cells[answer_in(first)].outputs}
    cells, outputs_ = [], []
    for text in copies[1:]:
        for cell in nbformat.reads(text, as_version=4).cells:
            for output in cell.get("outputs", []):
                if json.dumps(output) not in shown:
                    shown.add(json.dumps(output))
                    outputs_.append(output)
            if cell.source not in sources:
                sources.add(cell.source)
                make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
                cells.append(make(cell.source))
    first.cells[answer_in(first)].outputs += outputs_
    first.cells[:0] = cells
    return nbformat.writes(first)


@pytest.mark.skipif(BROWSER is None, reason="install a browser: sudo apt-get install chromium")
def test_a_browser_runs_nothing_asks_for_nothing_and_marks_nothing(copies, tmp_path):
    all_in_one = gathered(copies)
    marks = {ATTACKS[1]: Mark(0.0, 1.0, by_hand=False, message=ATTACKS[1])}
    notebook = NotebookResult(ATTACKS, answers={ATTACKS[0]: "\n".join(ATTACKS * 30)}, marks=marks)
    result = Result(
        ATTACKS[1], "lab", "", "needs a look", ATTACKS, None, 0.0, ATTACKS[1], 1.0, "", {ATTACKS[1]: notebook}
    )
    results = [result, replace(result, student="bo"), replace(result, student="cy")]
    report = class_report("lab", results, tmp_path, {})["report"]
    for page in (formgrader_page(all_in_one), feedback_page(all_in_one), report.read_text(encoding="utf-8")):
        assert page.count("pwned") > 5
        dom, asked = opened(page.replace("</body>", f"{CLICKS}</body>"))
        assert asked == []
        if (
            "Content-Security-Policy\" content=\"default-src 'none'; style-src" not in page
        ):  # the report allows no script
            assert "<title>clicked</title>" in dom


@pytest.mark.skipif(BROWSER is None, reason="install a browser: sudo apt-get install chromium")
def test_the_browser_would_have_told():
    raw = nbformat.v4.new_markdown_cell(ATTACK_ON_MARKS + ATTACKS[1])
    bad = nbformat.writes(nbformat.v4.new_notebook(cells=[raw, *released().cells], metadata=released().metadata))
    _, asked = opened(formgrader_page(bad).replace("</body>", f"{CLICKS}</body>"))
    assert any("/pwned" in line for line in asked) and any("evil.example" in line for line in asked)
    assert any(line.startswith("PUT") and "/api/grade/" in line for line in asked)
