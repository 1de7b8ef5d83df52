"""A student's feedback page, as a function of plain data, so that any process and any machine can make it.

It is nbgrader's page, from nbgrader's template: its `GenerateFeedback` opens the gradebook three times a page, compiles
the template anew, and parses the finished page for pictures without words. A class's pages differ in little, so what
they have in common (the template, the coloured code of the course's cells) is made once in a process.
"""

import functools
import json
import re

import nbformat
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.html import WidgetsDataTypeFilter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from traitlets.config import Config

from .safe import MOST_SOURCE

NO_TEST = "(The test of this question.)"
NO_WORDS = "No description has been provided for this image"  # as nbconvert says it
# A formula, a style or a script that got in all the same fetches nothing but MathJax, and sends nothing anywhere.
MATHJAX = "https://cdnjs.cloudflare.com"
POLICY = (
    f"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' {MATHJAX}; style-src 'unsafe-inline' {MATHJAX}; "
    f"font-src data: {MATHJAX}; img-src data:; base-uri 'none'; form-action 'none'"
)
PICTURE = re.compile(r"""<img\b((?:[^<>"']|"[^"]*"|'[^']*')*)>""")


def page(notebook: str, name: str, marks: dict, released: dict[str, str], settings: dict | None = None) -> str:
    """The HTML of a feedback page: no hidden tests, no mark schemes.

    Parameters
    ----------
    notebook : the autograded notebook, as JSON
    name : of the notebook, without `.ipynb`
    marks : as in `grading.gradebook.shown`: `score`, `max_score`, `late_penalty`, and `cells`, grade_id → `score`,
        `points`, `comment`
    released : grade_id → the text of a cell as the students know it
    settings : of nbconvert's `HTMLExporter`, from the course's configuration
    """
    graded = nbformat.reads(notebook, as_version=4)
    for cell in graded.cells:
        of_nbgrader = cell.metadata.get("nbgrader", {})
        if of_nbgrader.get("task") or (of_nbgrader.get("grade") and cell.cell_type == "code"):
            cell.source = released.get(of_nbgrader["grade_id"], NO_TEST)
        if of_nbgrader.get("task") or of_nbgrader.get("grade") or of_nbgrader.get("solution"):
            of_nbgrader.update(marks["cells"].get(of_nbgrader["grade_id"], {}))
    resources = {"unique_key": name, "metadata": {"name": name, "path": ""}}
    resources["nbgrader"] = {"notebook": name, **{k: v for k, v in marks.items() if k != "cells"}}
    html = _exporter(json.dumps(settings or {}, sort_keys=True)).from_notebook_node(graded, resources)[0]
    return html.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">', 1)


class Page(HTMLExporter):
    """nbconvert's page: without parsing it once more when it is done, and each text turned into HTML once."""

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        if context.get("cell", {}).get("attachments") or len(source) > MOST_SOURCE:  # with pictures in it
            return super().markdown2html(context, source)
        if source not in self._texts:
            if len(self._texts) > 1000:  # a class's written answers; those of the course are few
                self._texts.clear()
            self._texts[source] = super().markdown2html(context, source)
        return self._texts[source]

    def __init__(self, **kw: object):
        self._texts = {}
        super().__init__(**kw)

    def from_notebook_node(self, nb: NotebookNode, resources: dict | None = None, **kw: object) -> tuple[str, dict]:
        resources = self._init_resources(resources)
        language = nb.metadata.get("language_info", {})
        self.register_filter("highlight_code", _coloured(language.get("pygments_lexer", language.get("name"))))
        kinds = WidgetsDataTypeFilter(self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", kinds)
        html, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return PICTURE.sub(_with_words, html), resources


def _with_words(tag: re.Match) -> str:
    bare = re.sub(r""""[^"]*"|'[^']*'""", "", tag[1])
    return tag[0] if re.search(r"\balt\b", bare) else f'<img alt="{NO_WORDS}"{tag[1]}>'


@functools.cache
def _exporter(settings: str) -> Page:
    config = Config({"HTMLExporter": json.loads(settings)})
    return Page(config=GenerateFeedback(config=config).config)


@functools.cache
def _coloured(lexer: str | None):
    """nbconvert's colouring of code, which does the same code once."""
    colour = Highlight2HTML(pygments_lexer=lexer)
    once = functools.lru_cache(1000)(lambda source, language, other: colour(source, language, other and dict(other)))

    def highlight(source, language=None, metadata=None):
        magics = (metadata or {}).get("magics_language")
        return once(source, language, (("magics_language", magics),) if magics else None)

    return highlight
