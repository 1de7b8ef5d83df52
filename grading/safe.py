"""What a student's notebook shows, made safe to look at: capped, and without anything that a browser would run."""

import functools
import re
import time
from html import escape
from urllib.parse import unquote

import nbformat
from mistune import HTMLRenderer
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.utils import compute_checksum

from .bounded import Spent, TooMuch, call, left, take
from .htmlclean import PICTURES, SIZE, clean, decoded, picture
from .text import in_order, storable

NOTE = "[left out: this notebook shows more than may be kept]"
UNSEEN = "[left out: an output that only a script could show]"
LONG = "[left out here: {:,} further characters; the file that was handed in has them]"
MOST_OUTPUT = 200_000  # characters of one text, table or error in an output
MOST_OUTPUTS = 1000  # of a cell
MOST_PICTURE = 8 * 2**20  # characters in base64
MOST_SOURCE = 50_000  # characters of a cell's text
MOST_SOURCES = 400_000  # of all cells that a student may write
MOST_TEXT = 1_000_000  # of all outputs, without pictures
MOST_PICTURES = 16 * 2**20
# CPU seconds for a text: those of ordinary text by its length, several times over. A text that takes longer is shown
# as it was written, so that no text costs more than twice as much when it is twice as long.
SECONDS, SECONDS_A_SIGN = 0.25, 20e-6
SECONDS_IN_ALL = 10  # for what the cells of a notebook show, and again for its texts; see `bounded.at_most`
# Where Markdown, HTML and LaTeX begin. What has none of these is shown as it is.
SPECIAL = re.compile(r"[^\w\s.,;'\"()!?…]")
ANCHOR = re.compile(r'<a class="anchor-link" href="#[^"<>]*">¶</a>')  # nbconvert's, to an id that is not kept
# Macros of MathJax that fetch, load, or give an element its id, class, style or address; and those that define others,
# which holds for the whole page: the formulas of the question, and of the mark scheme, would read otherwise.
ACTIVE_TEX = re.compile(
    r"\\(?:mmlToken|require|href|cssId|class|style|includegraphics|[egx]?def|(?:future)?let|global|mathchardef"
    r"|(?:re)?new(?:command|environment)|providecommand|DeclareMathOperator)(?![a-zA-Z])"
)
# Those that put something beside its place. What they draw beyond the text around them is cut off.
PLACING_TEX = re.compile(
    r"\\(?:raise|lower|move(?:left|right)|m?kern|[hm]skip|[hmv]space|[rl]lap|math[rlc]lap|smash|[rR]ule|Space|above"
    r"|buildrel|\\\s*\[)"
)
BOX = '<div style="contain: paint; overflow: auto">'
# A picture within a text; where the rendered page wants one that was pasted; the box of a list of things to do.
DRAWN = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]+")
PASTED = re.compile(r"""(<img\b[^<>]*?\bsrc\s*=\s*["']?)attachment:([^"'\s<>]+)""")
TICK = re.compile(r'<input class="task-list-item-checkbox" type="checkbox" disabled( checked)?/>')


def clean_html(text: str) -> str:
    """HTML without scripts, handlers, ids, the page's own classes, styles that cover it, and pictures from elsewhere.

    Formulas for MathJax that would do more than show a formula are shown as they were written.
    """
    text = _cut(text, MOST_OUTPUT)
    if left() <= 0:
        return f"<pre>{escape(text, quote=False)}</pre>"
    began = time.thread_time()
    cleaned = clean(text)
    take(time.thread_time() - began)
    if _has_tex(ACTIVE_TEX, cleaned):
        return f"<pre>{escape(decoded(cleaned), quote=False)}</pre>"
    return f"{BOX}{cleaned}</div>" if _has_tex(PLACING_TEX, cleaned) else cleaned


def _has_tex(macros: re.Pattern, page: str) -> bool:
    # What MathJax reads is the text of the page, in which it takes a line break for a space.
    return bool(macros.search(decoded(re.sub(r"<[^<>]*>", "", page))))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n{LONG.format(len(text) - most)}"


def clean_markdown(source: str, attached: dict[str, dict[str, str]] | None = None) -> str:
    """Markdown that renders to nothing active; what cannot be made so is shown as the text it is.

    Text that renders to what may be shown stays as it was written. Of other text the page is made here, in a process
    that can be ended, and cleaned; what is returned is that page as one line of HTML, which Markdown passes on as it
    is. So headings have no id, and no version of a renderer adds what was not looked at. Pictures that were pasted into
    the text are a part of that page; their length counts for themselves.

    Parameters
    ----------
    attached : the cell's attachments, name → type → picture in base64
    """
    source, pictures = _apart(storable(source), attached)
    if len(source) > MOST_SOURCE:
        return _as_written(_cut(source, MOST_SOURCE))
    if not SPECIAL.search(source):
        return source
    try:
        return _clean_markdown.__wrapped__(source, pictures) if pictures else _clean_markdown(source)
    except Spent:  # of another notebook the same text may be shown as it is meant
        return _as_written(source)


def _apart(source: str, attached) -> tuple[str, dict[str, str]]:
    """The text with names in place of the pictures that are written into it; and name → picture, as an address."""
    pictures = {}
    for name, kinds in attached.items() if isinstance(attached, dict) else ():
        for kind in PICTURES:
            data = kinds.get(kind) if isinstance(kinds, dict) else None
            address = f"data:{kind};base64,{''.join(data.split())}" if isinstance(data, str) else ""
            if len(address) <= MOST_PICTURE and DRAWN.fullmatch(address):
                pictures[name] = address

    def named(address: re.Match) -> str:
        name = f"pasted-{len(pictures)}"
        while name in pictures:
            name += "x"
        pictures[name] = address[0]
        return f"attachment:{name}"

    return DRAWN.sub(named, source), pictures


@functools.lru_cache(2000)  # most of a class hand in the same lists and headings that they were given
def _clean_markdown(source: str, pictures=None) -> str:
    try:
        page = call("safe.rendered", source, seconds=_seconds(source))
    except Spent:
        raise
    except TooMuch:
        return _as_written(source)
    cleaned = clean(page := _drawn(page, pictures) if pictures else page)
    if _has_tex(ACTIVE_TEX, cleaned) or _has_tex(ACTIVE_TEX, page):
        return _as_written(source)
    if _has_tex(PLACING_TEX, cleaned):
        return _one_line(cleaned, BOX)
    return source if not pictures and _tags(page) == _tags(cleaned) else _one_line(cleaned)


def _drawn(page: str, pictures: dict[str, str]) -> str:
    """The page with pictures in place of their names; one of them may be asked for a thousand times."""
    room = MOST_PICTURES

    def drawn(pasted: re.Match) -> str:
        nonlocal room
        name = decoded(pasted[2])
        address = pictures.get(name) or pictures.get(unquote(name), "")
        if not address or len(address) > room:
            return pasted[0]
        room -= len(address)
        return pasted[1] + address

    return PASTED.sub(drawn, page)


def _seconds(text: str) -> float:
    return SECONDS + SECONDS_A_SIGN * len(text)


def rendered(source: str) -> str:
    """The page of a Markdown text, as nbconvert makes it; called in a process of its own, see `grading.bounded`."""
    page = ANCHOR.sub("", MarkdownWithMath(renderer=_Renderer(escape=False)).render(source))
    return TICK.sub(lambda box: "☑ " if box[1] else "☐ ", page)


class _Renderer(IPythonRenderer):
    """nbconvert's, which would stop where a picture was not attached; here its address stays as it is."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return HTMLRenderer.image(self, text, url, title)


def _as_written(source: str) -> str:
    return _one_line(f"<pre>{escape(source, quote=False)}</pre>")


def _one_line(page: str, box: str = "<div>") -> str:
    """HTML that Markdown takes for one block, and in which it looks for nothing."""
    page = re.sub("[\r\v\f\x1c-\x1e\x85\u2028\u2029]", " ", page.replace("\r\n", "\n")).replace("\n", "&#10;")
    return f"{box}{page}</div>"


def _tags(page: str) -> list[str]:
    return [re.sub(r"[\s\"';/]", "", decoded(tag)) for tag in re.findall(r"<[a-zA-Z!/][^<>]*>?", page)]


def clean_code(source: str) -> str:
    """A cell's code as it is shown: in the order in which it is run, cut where it is long, or slow to colour."""
    source = in_order(storable(source))
    if len(source) > MOST_SOURCE:
        source = f"{source[:MOST_SOURCE]}\n# {LONG.format(len(source) - MOST_SOURCE)}"
    if len(source) > 2000:
        try:
            call("safe.coloured", source, seconds=_seconds(source))
        except TooMuch:
            return f"{source[:1000]}\n# {LONG.format(len(source) - 1000)}"
    return source


def coloured(source: str) -> int:
    """The length of the page of some code; called in a process of its own, see `grading.bounded`."""
    return len(Highlight2HTML(pygments_lexer="ipython3")(source))


# --- outputs ------------------------------------------------------------------------------------------------------


def clean_outputs(outputs: object, budget: int) -> list[dict]:
    """The outputs of a cell as a student's Python reported them: valid, harmless, and at most `budget` bytes.

    Of each only what is known is taken, of the type that it must have, and of the metadata nothing but a picture's size
    and words: a template may write a value without quotes.
    """
    kept = []
    for number, output in enumerate(outputs if isinstance(outputs, list) else []):
        if number == MOST_OUTPUTS:
            kept.append(_note())
            break
        cleaned = _output(output) if isinstance(output, dict) else None
        if cleaned is None:
            continue
        budget -= _size(cleaned)
        if budget < 0:
            kept.append(_note())
            break
        kept.append(cleaned)
    return kept


def _note() -> dict:
    return {"output_type": "stream", "name": "stderr", "text": NOTE}


def _size(output: dict) -> int:
    if "data" in output:
        return sum(map(len, output["data"].values()))
    return sum(len(part) for value in output.values() for part in (value if isinstance(value, list) else [value]))


def _output(output: dict) -> dict | None:
    kind = output.get("output_type")
    if kind == "stream":
        return {
            "output_type": "stream",
            "name": "stderr" if output.get("name") == "stderr" else "stdout",
            "text": _overwritten(_text(output.get("text"))),
        }
    if kind == "error":
        trace = output.get("traceback") if isinstance(output.get("traceback"), list) else []
        lines = _text("\n".join(line for line in trace[:200] if isinstance(line, str)))
        return {
            "output_type": "error",
            "ename": _text(output.get("ename"), 200),
            "evalue": _text(output.get("evalue"), 5000),
            "traceback": lines.split("\n") if lines else [],
        }
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data = {}
        for mime in ("text/plain", "text/html", "text/markdown", "text/latex", *PICTURES):
            value = output["data"].get(mime)
            value = _data(mime, value) if isinstance(value, str) else None
            if mime == "text/latex" and value is not None and PLACING_TEX.search(value):
                mime, value = "text/html", data.get("text/html", f"{BOX}{escape(value, quote=False)}</div>")
            if value is not None:
                data[mime] = value
        if not data and isinstance(output["data"].get("text/html"), str):
            return {"output_type": "stream", "name": "stderr", "text": UNSEEN}
        if not data:
            return None
        cleaned = {"output_type": str(kind), "data": data, "metadata": _picture_metadata(output.get("metadata"), data)}
        if kind == "execute_result":
            count = output.get("execution_count")
            cleaned["execution_count"] = count if type(count) is int and 0 <= count < 10**6 else None
        return cleaned
    return None


def _text(value, most: int = MOST_OUTPUT) -> str:
    return _cut(storable(value), most) if isinstance(value, str) else ""


def _overwritten(text: str) -> str:
    """What a terminal shows of it: of the states of a progress bar, between which a `\r` stands, the last."""
    if "\r" not in text:
        return text
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return "\n".join(line[line.rfind("\r") + 1 :] for line in lines)


def _data(mime: str, value: str) -> str | None:
    if mime in PICTURES:
        return value if len(value) <= MOST_PICTURE and value.isascii() and picture(mime, value) else None
    value = _text(value)
    if mime == "text/html":
        cleaned = clean_html(value)
        seen = "<img " in cleaned or not value.strip() or decoded(re.sub("<[^<>]*>", "", cleaned)).strip()
        return cleaned if seen else None  # what only a script would draw: the words for it are shown instead
    if mime == "text/markdown":
        return clean_markdown(value)
    if mime == "text/latex":
        return None if ACTIVE_TEX.search(value) else value
    return value


def _picture_metadata(metadata, data: dict) -> dict:
    """Size and words of the pictures among the data."""
    kept = {}
    for mime in PICTURES:
        given = metadata.get(mime) if isinstance(metadata, dict) and mime in data else None
        if not isinstance(given, dict):
            continue
        kept[mime] = {}
        for name in ("width", "height"):
            value = given.get(name)
            if type(value) is int and 0 <= value < 10**5 or isinstance(value, str) and SIZE.fullmatch(value):
                kept[mime][name] = value
        if isinstance(given.get("alt"), str):
            kept[mime]["alt"] = " ".join(storable(given["alt"])[:1000].split())
    return kept


# --- the whole notebook -------------------------------------------------------------------------------------------


def presentable(notebook: NotebookNode) -> NotebookNode:
    """The notebook, changed in place: what a student wrote and what it shows is cleaned, and capped over all cells.

    Outputs are cleaned already, where they came in. A cell that is locked, and an answer that is still the release's,
    stay as they are.
    """
    sources, texts, pictures = MOST_SOURCES, MOST_TEXT, MOST_PICTURES
    for cell in notebook.cells:
        of_nbgrader = cell.metadata.get("nbgrader", {})
        if not (of_nbgrader.get("locked") or of_nbgrader and of_nbgrader.get("checksum") == compute_checksum(cell)):
            if cell.cell_type == "raw":  # a template would take some of its HTML
                cell = _become_text(cell)
            elif cell.cell_type == "markdown":
                written = cell.source
                cell.source = clean_markdown(written, cell.pop("attachments", None))
                drawn = sum(map(len, DRAWN.findall(cell.source)))
                if drawn > pictures:
                    cell.source, drawn = clean_markdown(DRAWN.sub("left-out", written)), 0
                pictures, sources = pictures - drawn, sources + drawn
            else:
                cell.source = clean_code(cell.source)
            if len(cell.source) > sources:
                cell.source = f"# {NOTE}" if cell.cell_type == "code" else NOTE
            sources -= len(cell.source)
        outputs = []
        for output in cell.get("outputs", []):
            seen = sum(len(value) for mime, value in output.get("data", {}).items() if mime in PICTURES)
            read = _size(output) - seen
            if seen > pictures or read > texts:
                outputs.append(nbformat.from_dict(_note()))
                break
            pictures, texts = pictures - seen, texts - read
            outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def _become_text(cell: NotebookNode) -> NotebookNode:
    cell["cell_type"], cell["source"] = "markdown", _as_written(_cut(storable(cell.source), MOST_SOURCE))
    return cell
