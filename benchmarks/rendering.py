"""Showing what a student wrote: text that is made to cost more than it is long, at one, two and four times its length.

    python benchmarks/rendering.py            # a minute
    python benchmarks/rendering.py --quick

Each text goes through the cleaning that is done before it is stored, and is then rendered by nbconvert as it was
stored, as the formgrader does. Beside it, in a process that is ended after a minute: the same text through bleach and
nbconvert without bounds. CPU seconds, of the process that works on the text too; the ratio is that of the largest step
from one length to its double.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from common import ROOT, print_table

sys.path.insert(0, str(ROOT))
TEXTS = {  # name → (kind, what is repeated, characters at the first length)
    "lists in lists": ("html", "<ul><li>", 16_000),
    "links": ("html", "<a href='https://example.org/x'>y</a> ", 50_000),
    "brackets in a style": ("html", "<p style='color:((((((((((", 16_000),
    "comments without an end": ("html", "<!--", 16_000),
    "formulas without an end": ("markdown", r"\\[", 12_000),
    "brackets": ("markdown", "[", 12_000),
    "quotes in quotes": ("markdown", "> ", 12_000),
    "ordinary text": ("markdown", "Some **bold** words, `code` and $p < 1$.\n\n- a list\n\n", 12_000),
    "ordinary table": ("html", "<table><tr><td>1</td><td>2</td></tr></table>", 50_000),
}
WITHOUT = """
import sys, time
from nbconvert.filters import clean_html, markdown2html
kind, text = sys.argv[1], sys.stdin.read()
start = time.process_time()
try:
    {"html": clean_html, "markdown": markdown2html}[kind](text)
except RecursionError:
    print("error")
else:
    print(time.process_time() - start)
"""


def ours(kind: str, text: str) -> float:
    """CPU seconds of cleaning and of rendering what was stored."""
    from nbconvert.filters import markdown2html

    from grading import bounded, safe

    safe._clean_markdown.cache_clear()
    before = _used(bounded)
    cleaned = {"html": safe.clean_html, "markdown": safe.clean_markdown}[kind](text)
    if kind == "markdown":
        markdown2html(cleaned)
    return _used(bounded) - before


def _used(bounded) -> float:
    """CPU seconds of this process and of the one that waits for text."""
    (worker,) = bounded._free
    fields = open(f"/proc/{worker.process.pid}/stat").read().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without(kind: str, text: str, most: float) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, kind], input=text, capture_output=True, text=True, timeout=most
        )
    except subprocess.TimeoutExpired:
        return f"over {most:.0f}"
    said = done.stdout.strip()
    return f"{float(said):.2f}" if said not in ("", "error") else "error"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    most = 5 if options.parse_args().quick else 60
    from grading import bounded

    bounded.call("safe.rendered", "*x* `y`", seconds=30)
    rows, found = [], {}
    for name, (kind, part, length) in TEXTS.items():
        texts = [part * (times * length // len(part)) for times in (1, 2, 4)]
        seconds = [min(ours(kind, text) for _ in range(3)) for text in texts]
        # A clock of the system counts in hundredths: what takes less says nothing about a ratio.
        step = max(later / max(earlier, 0.02) for earlier, later in zip(seconds, seconds[1:], strict=False))
        found[name] = seconds
        cells = [f"{value:.2f}" for value in seconds]
        rows.append([name, f"{len(texts[-1]):,}", *cells, f"{step:.1f}", without(kind, texts[-1], most)])
    head = ["", "characters", "quarter, s", "half, s", "whole, s", "largest step", "without bounds, s"]
    print_table("Text at one, two and four times its length, CPU seconds (target: a step of at most 2)", head, rows)
    print(json.dumps(found), file=sys.stderr)


if __name__ == "__main__":
    main()
