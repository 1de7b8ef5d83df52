"""The glossary's entries on metrics, made from their docstrings: the two cannot drift apart."""

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "course/guide/glossary.md"
MODULES = ("_metrics", "criteria", "_individual", "_amplification", "_leakage")
FIELDS = ("Formula", "Range", "No disparity", "Does not say", "Source")
BEGIN = "<!-- metrics: made from the docstrings in utils/evaluation by `make glossary`; do not edit here -->"
END = "<!-- end of metrics -->"


def metric_functions() -> dict[str, Callable]:
    """Name → function, of every public function in `utils.evaluation` whose docstring has a field "Formula"."""
    metrics = {}
    for file in MODULES:
        module = importlib.import_module(f"utils.evaluation.{file}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__ and not name.startswith("_")
            if own and "\nFormula: " in (inspect.getdoc(function) or ""):
                metrics[name] = function
    return metrics


def entry(function: Callable) -> tuple[str, str]:
    """The heading and the text of a metric's entry.

    Raises
    ------
    ValueError : the docstring lacks a field, or has them in another order
    """
    name = f"{re.sub(r'[.]_.*', '', function.__module__)}.{function.__name__}"  # as its room shows it
    summary, *rest = inspect.getdoc(function).split("\n\n")
    heading, _, definition = " ".join(summary.split()).partition(": ")
    fields = dict(re.findall(rf"^({'|'.join(FIELDS)}): (.*?)(?=^(?:{'|'.join(FIELDS)}): |\Z)", rest[0], re.M | re.S))
    if tuple(fields) != FIELDS or not definition:
        raise ValueError(f"{name} has the fields {', '.join(fields)}; an entry needs {', '.join(FIELDS)}.")
    lines = [_wrap(definition[0].upper() + definition[1:]), ""]
    for field in FIELDS:
        lines.append(_wrap(f"- **{field}:** {' '.join(fields[field].split())}", "  "))
    return heading, "\n".join([*lines, f"- **In code:** `{name}`"])


def _wrap(text: str, indent: str = "") -> str:
    text = re.sub(r"(?<=\w)\*(?=[,.; ])", r"\\*", text)  # FAT* is no emphasis
    return textwrap.fill(text, 110, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def page(text: str) -> str:
    """The glossary with its part on metrics made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"The glossary has no lines {BEGIN!r} and {END!r} to put the metrics between.")
    entries = sorted(map(entry, metric_functions().values()), key=lambda pair: pair[0].casefold())
    made = "\n\n".join(f"### {heading}\n\n{text}" for heading, text in entries)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def write() -> None:
    """Make the entries on metrics in course/guide/glossary.md anew."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
