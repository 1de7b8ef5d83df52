"""What a student's notebook shows, made safe to look at: capped, and without anything that a browser would run."""

import base64
import binascii
import html
import re
import threading

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import ALLOWED_PROTOCOLS, Cleaner
from nbconvert.filters import markdown2html

TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol "
    "p pre s samp small span strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var".split()
)
ATTRIBUTES = {
    "*": ["class", "style", "title", "align", "colspan", "rowspan", "scope"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
}
CSS = CSSSanitizer(
    allowed_css_properties=[
        "text-align",
        "color",
        "background-color",
        "font-weight",
        "font-style",
        "width",
        "white-space",
    ]
)
PICTURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff"}
NOTE = "[left out: this notebook shows more than may be kept]"


def _attribute(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":  # a picture from elsewhere would tell its server who looks, and when
        return bool(re.fullmatch(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*", value))
    if tag == "a" and name == "href":  # to a page, a letter or a place on this page; never to something that runs
        return bool(re.match(r"(?i)https?://|mailto:|[#?\w./%=&-]*$", html.unescape(value).strip()))
    return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, [])


_one_at_a_time = threading.Lock()  # a cleaner keeps its state in itself, and several threads grade
_cleaner = Cleaner(
    tags=TAGS, attributes=_attribute, protocols={*ALLOWED_PROTOCOLS, "data"}, css_sanitizer=CSS, strip=True
)


def clean_html(text: str) -> str:
    """HTML without scripts, event handlers, styles that cover the page, frames, and pictures from elsewhere."""
    text = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|\Z)", "", text)  # strip=True would leave their content as text
    with _one_at_a_time:
        return _cleaner.clean(text)


def clean_markdown(source: str) -> str:
    """Markdown that renders to nothing active; what cannot be made so is shown as the text it is.

    A browser may run what is HTML in the source, and what Markdown makes out of harmless-looking text, such as a link
    to `javascript:`. So the source is cleaned, rendered, and kept only if cleaning the page changes no tag of it.
    """
    if "<" not in source and "](" not in source and "]:" not in source:
        return source
    # An address in angle brackets is a link, which the cleaner would take for a tag.
    cleaned = re.sub(r"<(https?://[^\s<>\"'`]+)>", r"[\1](\1)", source)
    cleaned = clean_html(cleaned) if _tags(cleaned) else cleaned
    try:
        page = markdown2html(cleaned)
    except Exception:  # whatever a strange text does to the parser
        page = None
    if page is not None and _tags(page) == _tags(_clean_page(page)):
        return cleaned
    fence = "`" * (2 + max((len(run) for run in re.findall("`+", source)), default=1))
    return f"{fence}text\n{source}\n{fence}"


# Rendered pages hold anchors and code colouring of nbconvert's own.
_page_cleaner = Cleaner(
    tags=TAGS | {"button"},
    attributes=lambda tag, name, value: _attribute(tag, name, value) or name in ("id", "rel"),
    protocols={*ALLOWED_PROTOCOLS, "data"},
    css_sanitizer=CSS,
)


def _clean_page(page: str) -> str:
    with _one_at_a_time:
        return _page_cleaner.clean(page)


def _tags(page: str) -> list[str]:
    return [re.sub(r"\s+|[\"';]", "", html.unescape(tag)) for tag in re.findall(r"<[a-zA-Z!/][^>]*>?", page)]


def clean_outputs(outputs, budget: int) -> list[dict]:
    """The outputs of a cell as a student's Python reported them: valid, harmless, and at most `budget` bytes."""
    kept = []
    for output in outputs if isinstance(outputs, list) else []:
        cleaned = _output(output) if isinstance(output, dict) else None
        if cleaned is None:
            continue
        budget -= _size(cleaned)
        if budget < 0:
            kept.append({"output_type": "stream", "name": "stderr", "text": NOTE})
            break
        kept.append(cleaned)
    return kept


def _size(output: dict) -> int:
    return (
        sum(len(str(value)) for value in [*output.values(), *output.get("data", {}).values()])
        if "data" not in output
        else sum(len(value) for value in output["data"].values())
    )


def _output(output: dict) -> dict | None:
    kind = output.get("output_type")
    if kind == "stream":
        return {
            "output_type": kind,
            "name": "stderr" if output.get("name") == "stderr" else "stdout",
            "text": _text(output.get("text")),
        }
    if kind == "error":
        trace = output.get("traceback")
        lines = [_text(line) for line in trace[:200]] if isinstance(trace, list) else []
        return {
            "output_type": kind,
            "ename": _text(output.get("ename")),
            "evalue": _text(output.get("evalue")),
            "traceback": lines,
        }
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data = {mime: _data(mime, value) for mime, value in output["data"].items() if isinstance(value, str)}
        data = {mime: value for mime, value in data.items() if value is not None}
        if not data:
            return None
        cleaned = {"output_type": kind, "data": data, "metadata": _alt(output.get("metadata"))}
        if kind == "execute_result":
            count = output.get("execution_count")
            cleaned["execution_count"] = count if type(count) is int else None
        return cleaned
    return None


def _text(value) -> str:
    return value if isinstance(value, str) else ""


def _data(mime: str, value: str) -> str | None:
    if mime in ("text/plain", "text/latex"):
        return value
    if mime == "text/html":
        return clean_html(value)
    if mime == "text/markdown":
        return clean_markdown(value)
    if mime in PICTURES:
        try:
            return value if base64.b64decode(value).startswith(PICTURES[mime]) else None
        except binascii.Error:
            return None
    return None


def _alt(metadata) -> dict:
    """Of the metadata only what describes a picture: its size and its words."""
    kept = {}
    for mime, about in metadata.items() if isinstance(metadata, dict) else []:
        if mime in PICTURES and isinstance(about, dict):
            kept[mime] = {
                k: v for k, v in about.items() if k in ("width", "height", "alt") and isinstance(v, str | int)
            }
    return kept
