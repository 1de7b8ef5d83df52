"""HTML written anew from a list of what may stand in it, in one pass whose time grows with the length of the text.

What comes out is made of these tags and attributes only, closed in the order in which they were opened, so that it can
close nothing of the page around it. How a browser would read what came in does not matter: nothing of it is passed on
as it was. It has no id, no name, and no class that the page's own style or script knows.
"""

import base64
import binascii
import itertools
import re
from html import escape, unescape

from pygments.token import STANDARD_TYPES

from .text import storable

DEEPEST = 64  # tags within tags; browsers and parsers take more than linear time, or the stack, for what is deeper
INLINE = frozenset(
    "a abbr b br code del em i img kbd s samp small span strike strong sub sup tt u var".split()
)  # fmt: skip
BLOCKS = frozenset(
    "blockquote caption col colgroup dd details div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre summary "
    "table tbody td tfoot th thead tr ul".split()
)
TAGS = INLINE | BLOCKS
VOID = frozenset(("br", "col", "hr", "img"))
SILENT = frozenset("script style iframe noscript noembed noframes template title textarea xmp plaintext".split())
# What else HTML, SVG and MathML have: such a tag is left out, and what stands in it is shown. Other words in angle
# brackets are no tags but what somebody wrote (`vector<int>`, `<your name>`, `x<n and y>m`), and are shown.
OTHER_TAGS = frozenset(
    "abbr acronym address applet area article aside audio base basefont bdi bdo bgsound big blink body button canvas "
    "center cite data datalist dfn dialog dir embed fieldset figcaption figure font footer form frame frameset head "
    "header hgroup html image input ins isindex keygen label legend link listing main map mark marquee menu menuitem "
    "meta meter nav nextid nobr object optgroup option output param picture portal progress q rb rp rt rtc ruby search "
    "section select slot source spacer svg time track video wbr "
    "animate animatemotion animatetransform circle clippath defs desc ellipse feblend fecolormatrix fecomposite "
    "feflood fegaussianblur feimage femerge femergenode feoffset filter foreignobject g hatch line lineargradient "
    "marker mask metadata mpath path pattern polygon polyline radialgradient rect set solidcolor stop switch symbol "
    "text textpath tspan use view "
    "annotation maction maligngroup malignmark math menclose merror mfenced mfrac mglyph mi mlabeledtr mlongdiv "
    "mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstack mstyle msub msubsup msup "
    "mtable mtd mtext mtr munder munderover none semantics".split()
)
# Attributes that stand without a value. With another bare word `a<b and c>d` was meant, and no tag.
BARE = frozenset(
    "allowfullscreen async autofocus autoplay border checked compact contenteditable controls crossorigin default "
    "defer disabled download draggable hidden inert ismap itemscope loop mozallowfullscreen multiple muted nohref "
    "nomodule noresize noshade novalidate nowrap open playsinline readonly required reversed scoped seamless selected "
    "spellcheck webkitallowfullscreen".split()
)
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# A browser closes these by itself where such a tag opens, with all that is in them. So here they are closed first, and
# a tag that stands in another place than the one it belongs to is left out: else its end could close something else.
CLOSES = {
    "li": {"li", "p"},
    **dict.fromkeys(("dt", "dd"), {"dt", "dd", "p"}),
    "tr": {"td", "th", "tr", "p"},
    **dict.fromkeys(("td", "th"), {"td", "th", "p"}),
    **dict.fromkeys(("thead", "tbody", "tfoot"), {"caption", "colgroup", "td", "th", "tr", "thead", "tbody", "tfoot"}),
    **dict.fromkeys(HEADINGS, HEADINGS | {"p"}),
}
PARENTS = {
    "li": {"ul", "ol"},
    **dict.fromkeys(("dt", "dd"), {"dl"}),
    "summary": {"details"},
    **dict.fromkeys(("caption", "colgroup", "thead", "tbody", "tfoot"), {"table"}),
    "col": {"colgroup"},
    "tr": {"table", "thead", "tbody", "tfoot"},
    **dict.fromkeys(("td", "th"), {"tr"}),
}
ONLY_PARTS = frozenset("table thead tbody tfoot tr colgroup".split())  # nothing stands in these but parts of a table
# The classes that nbconvert and pandas give; those of code are pygments' short names.
CLASSES = frozenset({"dataframe", "highlight"} | {name for name in STANDARD_TYPES.values() if name})
SIZE = re.compile(r"[0-9]{1,5}(?:px|%)?")
WORD = (
    r"(?:#[0-9a-fA-F]{3,8}|[a-zA-Z][a-zA-Z-]{0,20}|[0-9]{1,4}(?:\.[0-9]{1,4})?(?:px|em|%|pt)?"
    r"|(?:rgb|hsl)a?\([0-9 .,%]{1,40}\))"
)
STYLE = re.compile(
    r"\s*(text-align|color|background-color|font-weight|font-style|width|white-space)\s*:\s*"
    rf"({WORD}(?:\s{{1,3}}{WORD}){{0,3}})\s*"
)
ATTRIBUTE = re.compile(r"""([a-zA-Z][\w-]{0,20})(?:\s*+=\s*+("[^"]*"|'[^']*'|[^\s"'>]+))?""")
PART = re.compile(r"""([^\s"'/=]++)(\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"']*+))?""")
TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})(?=[\s/>])((?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>""")
PLAIN_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})(?=[\s/>])([^<>]*+)>")
LEFT_OUT = "[a picture that is not shown here: {}]"
LONG_NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
LINK = re.compile(r"(?i)(?:https?://|mailto:)[^\s\0-\x20\"'<>`\\]{1,2000}")


def clean(text: str) -> str:
    """The HTML as far as it is harmless: text, tables, lists, links to other pages, pictures that come along.

    A link opens in a page of its own, and its address is written behind it where its words do not say it. In place of
    a picture from elsewhere stand its words and its address. What only looks like HTML is shown as it was written: a
    word that is no tag, and the beginning of a comment or a script that never ends, which would hide all that follows.
    """
    out, stack = [], []
    links = []  # for each open link: its address, and where its words begin in `out`
    place, endless = 0, set()  # what does not end from here on, and is not looked for again
    spanned, most_spanned = 0, 100 + len(text)  # a browser makes each column that a cell says it spans

    def shut(count: int) -> None:
        for _ in range(count):
            tag = stack.pop()
            if tag == "a":
                address, start = links.pop()
                if address.removeprefix("mailto:") not in decoded("".join(out[start:])):
                    out.append(f" [{escape(address)}]")
            out.append(f"</{tag}>")

    while True:
        start = text.find("<", place)
        if start < 0:
            out.append(escape(decoded(text[place:]), quote=False))
            break
        if start > place:
            out.append(escape(decoded(text[place:start]), quote=False))
        if text.startswith("<!--", start):
            end = -1 if "!" in endless else text.find("-->", start + 4)
            place = start + 1 if end < 0 else end + 3
            if end < 0:
                endless.add("!")
                out.append("&lt;")
            continue
        markup = TAG.match(text, start) or PLAIN_TAG.match(text, start)
        if markup is None:
            bogus = text[start + 1 : start + 2] in ("!", "?", "/")
            end = text.find(">", start, start + 1000) if bogus else -1
            place = end + 1 if end >= 0 else start + 1
            if end < 0:
                out.append("&lt;")
            continue
        place = markup.end()
        closing, tag, rest = markup[1], markup[2].lower(), markup[3]
        if tag in SILENT and not closing and tag not in endless:
            ended = re.compile(rf"(?i)</{tag}(?=[\s/>])[^>]*+>").search(text, place)
            if ended:
                place = ended.end()
                continue
            endless.add(tag)
        if tag in endless or _is_prose(tag, rest):
            out.append(escape(decoded(markup[0]), quote=False))
            continue
        if tag not in TAGS:
            continue
        if closing:
            if tag in stack and tag not in VOID:
                shut(stack[::-1].index(tag) + 1)
            continue
        while stack and stack[-1] in CLOSES.get(tag, {"p"} if tag in BLOCKS else ()):
            shut(1)
        above = stack[-1] if stack else None
        if above not in PARENTS[tag] if tag in PARENTS else above in ONLY_PARTS:
            continue
        if len(stack) >= DEEPEST or (tag == "a" and "a" in stack):
            continue
        attributes = _attributes(tag, rest)
        if tag == "img" and "src" not in attributes:
            out.append(escape(LEFT_OUT.format(_in_words(rest)), quote=False))
            continue
        if tag == "a" and "href" not in attributes:
            continue
        spanned += int(attributes.get("colspan", 0))
        if spanned > most_spanned:
            attributes.pop("colspan", None)
        out.append("".join([f"<{tag}", *(f' {name}="{escape(value)}"' for name, value in attributes.items()), ">"]))
        if tag not in VOID:
            stack.append(tag)
            if tag == "a":
                links.append((attributes["href"], len(out)))
    shut(len(stack))
    return "".join(out)


def decoded(text: str) -> str:
    """HTML's text with its signs in place of their names and numbers (`&lt;`, `&#60;`)."""
    return storable(unescape(LONG_NUMBER.sub("\ufffd", text)))  # Python reads no number of thousands of digits


def _is_prose(tag: str, rest: str) -> bool:
    """Whether what stands in angle brackets is no tag: no element has this name, or what follows are no attributes."""
    if tag not in TAGS | OTHER_TAGS | SILENT:
        return True
    parts = itertools.islice(PART.finditer(rest), 40)
    return any(not part[2] and part[1].isalnum() and part[1].lower() not in BARE for part in parts)


def _given(text: str):
    """The attributes that stand in a tag, the first 40: name and value (None: without one)."""
    for attribute in itertools.islice(ATTRIBUTE.finditer(text), 40):
        value = attribute[2]
        yield attribute[1].lower(), value and decoded(value[1:-1] if value[0] in ("'", '"') else value)


def _in_words(text: str) -> str:
    """What a picture shows and where it comes from, as far as its tag says it."""
    given = dict(_given(text))
    words = [given.get("alt"), given.get("title"), (given.get("src") or "").partition(",")[0]]
    return ", ".join(" ".join(word[:300].split()) for word in words if word and word.strip())


def _attributes(tag: str, text: str) -> dict[str, str]:
    kept = {}
    for name, value in _given(text):
        value = _attribute(tag, name, value or "")
        if value is not None and name not in kept:
            kept[name] = value
    if tag == "a" and "href" in kept:
        kept |= {"rel": "noopener noreferrer nofollow", "target": "_blank"}
    return kept


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute as it may be shown; None where it may not."""
    if name == "style":
        parts = [STYLE.fullmatch(part) for part in value[:1000].split(";")]
        return "; ".join(f"{part[1]}: {' '.join(part[2].split())}" for part in parts if part) or None
    if name == "class":
        return " ".join(word for word in value[:1000].split() if word in CLASSES) or None
    if name in ("title", "alt"):
        return " ".join(value[:1000].split()) if name == "title" or tag == "img" else None
    if name in ("colspan", "rowspan"):
        return value if tag in ("td", "th") and re.fullmatch("[0-9]{1,3}", value) else None
    if name == "align":
        return value if re.fullmatch("left|right|center", value) else None
    if name == "scope":
        return value if re.fullmatch("(row|col)(group)?", value) else None
    if tag == "img" and name in ("width", "height"):
        return value if SIZE.fullmatch(value) else None
    if tag == "img" and name == "src":  # a picture from elsewhere would tell its server who looks, and when
        address = re.match(r"data:(image/(?:png|jpeg));base64,", value)
        return value if address and picture(address[1], value[address.end() :]) else None
    if tag == "a" and name == "href":  # to a page or a letter; never to something that runs, or to the server's own
        return value.strip() if LINK.fullmatch(value.strip()) else None
    return None


def picture(kind: str, data: str) -> bool:
    """Whether this is a picture of that kind, in base64."""
    try:
        return kind in PICTURES and base64.b64decode(data, validate=False).startswith(PICTURES[kind])
    except (binascii.Error, ValueError):
        return False
