"""Before a submission runs: what students may not change is put back from the release, and changes are noted."""

import copy
import json
import re
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath

import nbformat
from nbformat import NotebookNode

from .course import GradingError
from .htmlclean import PICTURES
from .text import storable

MOST_BYTES = 25 * 2**20
MOST_CELLS = 5000
NBGRADER = ("grade_id", "points", "grade", "locked", "solution", "task", "schema_version", "cell_type", "checksum")
# What lies beside a notebook and is only read. Everything else could be imported or run in place of something else.
HARMLESS = set(
    ".csv .tsv .txt .json .md .png .jpg .jpeg .gif .svg .pdf .html .xlsx .parquet .npy .npz .gz .bz2 .dat".split()
)


class Unreadable(GradingError):
    """The file is no notebook that can be graded; the message says why."""


@dataclass(frozen=True)
class Change:
    """Something in a submission that is other than in the release. `serious`: a person should look at it."""

    cell: str
    what: str
    serious: bool


@dataclass(frozen=True)
class _Chosen:
    """The cell that counts for a grade_id, between further cells that keep what else the student wrote."""

    before: list[NotebookNode]
    kept: NotebookNode
    after: list[NotebookNode]
    changes: list[Change]


def read_notebook(data: bytes) -> NotebookNode:
    """A notebook from the bytes of a file; raises Unreadable with one sentence for everything that is none."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"It has {len(data) / 2**20:.0f} MB; at most {MOST_BYTES / 2**20:.0f} MB are read.")
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("It is not a text file in UTF-8, so it is no notebook.") from None
    except RecursionError:
        raise Unreadable("Its JSON is nested too deep.") from None
    except ValueError:
        why = "It is empty." if not data.strip() else "It is not JSON: the file is damaged or cut off."
        raise Unreadable(f"{why} Ask for it again.") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise Unreadable("It is JSON, and no notebook.")
    if raw["nbformat"] < 4 and isinstance(raw.get("worksheets"), list):
        raw = {"cells": _cells_of_old(raw["worksheets"])}
    if not isinstance(raw.get("cells"), list):
        raise Unreadable("It is JSON, and no notebook: it has no list of cells.")
    if len(raw["cells"]) > MOST_CELLS:
        raise Unreadable(f"It has {len(raw['cells']):,} cells; at most {MOST_CELLS:,} are read.")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [cell for cell in map(_cell, raw["cells"]) if cell is not None]
    return notebook


def _cells_of_old(worksheets: list) -> list[dict]:
    """The cells of a notebook of format 2 or 3 in the words of format 4, as far as they count (`_cell`).

    nbformat's own conversion believes what it reads: a heading of level 10⁹ would become a gigabyte of signs.
    """
    cells = []
    for sheet in worksheets:
        old = sheet.get("cells") if isinstance(sheet, dict) else None
        for cell in old if isinstance(old, list) else []:
            kind = cell.get("cell_type") if isinstance(cell, dict) else None
            if kind == "code":
                cells.append(cell | {"source": cell.get("input", "")})
            elif kind == "heading":
                level = cell.get("level")
                signs = "#" * level if type(level) is int and 1 <= level <= 6 else "#"
                words = " ".join(_joined(cell.get("source", "")).splitlines())
                cells.append(cell | {"cell_type": "markdown", "source": f"{signs} {words}"})
            elif kind is not None:
                cells.append(cell | {"cell_type": "markdown"} if kind == "html" else cell)
    return cells


def _joined(source) -> str:
    """A cell's text, which may be written as a list of lines."""
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return _text(source)


def _cell(raw) -> NotebookNode | None:
    """What counts of a cell: its type, its text, its id, and what nbgrader wrote about it."""
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }
    cell = make[raw["cell_type"]](source=_joined(raw.get("source", "")))
    if raw["cell_type"] == "markdown" and isinstance(raw.get("attachments"), dict):
        cell["attachments"] = _pasted(raw["attachments"])
    cell["given_id"] = raw.get("id") if isinstance(raw.get("id"), str) else ""
    metadata = raw.get("metadata")
    of_nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(of_nbgrader, dict) and isinstance(of_nbgrader.get("grade_id"), str):
        cell.metadata["nbgrader"] = {name: _short(of_nbgrader[name]) for name in NBGRADER if name in of_nbgrader}
    return cell


def _pasted(attachments: dict) -> dict:
    """The pictures that were pasted into a text."""
    return {
        storable(name): {kind: data for kind, data in kinds.items() if kind in PICTURES and isinstance(data, str)}
        for name, kinds in attachments.items()
        if isinstance(kinds, dict)
    }


def _short(value):
    """A value of nbgrader's metadata, which has numbers, words and yes or no; of others only their kind."""
    if isinstance(value, str):
        return _text(value[:200])
    return value if value is None or isinstance(value, bool | int | float) else f"({type(value).__name__})"


def _text(source) -> str:
    return storable(source) if isinstance(source, str) else ""


def mend(submitted: NotebookNode, release: NotebookNode) -> tuple[NotebookNode, list[Change]]:
    """The submission with everything from the release that a student may not change.

    Every cell of the release with nbgrader's metadata is there once, in order, with its metadata; locked ones with
    the release's text, answers with the student's. The student's other cells keep their place behind the cell that
    they followed.

    Returns
    -------
    the notebook, without outputs, and what was changed
    """
    fixed = {cell.metadata.nbgrader.grade_id: cell for cell in release.cells if "nbgrader" in cell.metadata}
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in submitted.cells]
    owners, changes = _with_lost_answers(submitted, fixed, [name if name in fixed else None for name in names])
    groups = {grade_id: [] for grade_id in fixed}
    for cell, owner in zip(submitted.cells, owners, strict=True):
        if owner is not None:
            groups[owner].append(cell)
    chosen = {grade_id: _choose(grade_id, fixed[grade_id], candidates) for grade_id, candidates in groups.items()}
    changes += [change for choice in chosen.values() for change in choice.changes]

    first = {}
    for place, owner in enumerate(owners):
        if owner is not None:
            first.setdefault(owner, place)
    there = [grade_id for grade_id in fixed if grade_id in first]
    if [first[grade_id] for grade_id in there] != sorted(first[grade_id] for grade_id in there):
        changes.append(Change("", "the order of the cells was changed (and restored)", True))

    own = {None: []}
    behind = None
    for cell, owner in zip(submitted.cells, owners, strict=True):
        if owner is not None:
            behind = owner
        else:
            own.setdefault(behind, []).append(cell)
    cells = [*own[None]]
    for grade_id in fixed:
        choice = chosen[grade_id]
        cells += [*choice.before, choice.kept, *choice.after, *own.get(grade_id, [])]
    mended = nbformat.v4.new_notebook(cells=_with_ids(cells, release), metadata=copy.deepcopy(release.metadata))
    mended.metadata.pop("widgets", None)
    return mended, changes


def _with_lost_answers(
    submitted: NotebookNode, fixed: dict[str, NotebookNode], owners: list[str | None]
) -> tuple[list[str | None], list[Change]]:
    """Whose the cells are, with answer cells whose name was lost or changed; and which these are.

    They are known by the cell's id, by the function that they define, or by their place.
    """
    owners, changes = list(owners), []
    missing = [g for g, cell in fixed.items() if g not in owners and cell.metadata.nbgrader.get("solution")]
    order = list(fixed)
    for grade_id in missing:
        free = [
            place for place, owner in enumerate(owners) if owner is None and submitted.cells[place].cell_type == "code"
        ]
        wanted = _defines(fixed[grade_id].source)
        by_id = [place for place in free if submitted.cells[place].get("given_id") == fixed[grade_id].get("id")]
        by_name = [place for place in free if wanted and wanted & _defines(submitted.cells[place].source)]
        at = order.index(grade_id)
        before = next((g for g in reversed(order[:at]) if g in owners), None)
        after = next((g for g in order[at + 1 :] if g in owners), None)
        start = max(p for p, g in enumerate(owners) if g == before) if before else -1
        end = min(p for p, g in enumerate(owners) if g == after) if after else len(owners)
        renamed = [p for p in free if start < p < end and "nbgrader" in submitted.cells[p].metadata]
        for places in (by_id, by_name, renamed):
            if places:
                owners[places[-1]] = grade_id
                was = submitted.cells[places[-1]].metadata.get("nbgrader", {}).get("grade_id")
                how = f"was renamed to {was[:60]!r}" if was else "had lost its marking"
                changes.append(Change(grade_id, f"the answer cell {grade_id} {how} (and was found again)", True))
                break
    return owners, changes


def _defines(code: str) -> set[str]:
    """The names that a cell defines at its top level, also where it is no valid Python."""
    return {a or b for a, b in re.findall(r"(?m)^(?:async\s+)?def\s+(\w+)|^(\w+)\s*=(?!=)", code)}


def _kind(of_nbgrader: NotebookNode) -> str:
    kinds = {"solution": "answer cell", "grade": "test", "task": "task"}
    return next((word for flag, word in kinds.items() if of_nbgrader.get(flag)), "cell")


def _choose(grade_id: str, original: NotebookNode, candidates: list[NotebookNode]) -> _Chosen:
    """What counts of the cells that a submission has for a grade_id, none to many."""
    of_nbgrader, changes = original.metadata.nbgrader, []
    kind = _kind(of_nbgrader)
    kept = copy.deepcopy(original)
    kept.pop("outputs", None)
    if kept.cell_type == "code":
        kept["outputs"], kept["execution_count"] = [], None
    if not candidates:
        matters = original.cell_type == "code" or kind != "cell"
        return _Chosen([], kept, [], [Change(grade_id, f"the {kind} {grade_id} was deleted (and put back)", matters)])
    answer = of_nbgrader.get("solution") and original.cell_type == "code"
    if len(candidates) > 1:
        how = "the last is the answer" if answer else "one was kept"
        changes.append(Change(grade_id, f"the {kind} {grade_id} appears {len(candidates)} times ({how})", True))
    for name in ("points", "grade", "locked", "solution", "task"):
        given = {
            json.dumps(cell.metadata.get("nbgrader", {}).get(name), default=str)[:40]
            for cell in candidates
            if "nbgrader" in cell.metadata
        }
        wanted = json.dumps(of_nbgrader.get(name))
        if given - {wanted, "null"}:
            changes.append(
                Change(grade_id, f"{name} of {grade_id} was set to {', '.join(sorted(given))} (and restored)", True)
            )
    if answer:
        edited = [cell for cell in candidates if cell.source.strip() != original.source.strip()]
        kept["source"] = (edited or candidates)[-1].source
        # Who splits a cell gets two with its name, and what the second needs stands in the first.
        own = nbformat.v4.new_code_cell
        parts = [own(cell.source) if cell.cell_type == "code" else _as_text(cell) for cell in edited[:-1]]
        return _Chosen(parts, kept, [], changes)
    extra = []
    for cell in candidates:
        if _plain(cell.source) == _plain(original.source) and cell.cell_type == original.cell_type:
            continue
        if of_nbgrader.get("task") or original.cell_type == "markdown":
            what = "was written into; the text stands below it" if cell.source.strip() else "was emptied (and put back)"
            changes.append(Change(grade_id, f"the locked text {grade_id} {what}", False))
            if cell.source.strip():
                extra.append(_as_text(cell, markdown=True))
        else:
            changes.append(Change(grade_id, f"the {kind} {grade_id} was edited (and restored)", True))
            if cell.source.strip():
                extra.append(_as_text(cell))
    return _Chosen([], kept, extra, changes)


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _as_text(cell: NotebookNode, markdown: bool = False) -> NotebookNode:
    """A cell that is kept to be read, and not run."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", cell.source)), default=0))
    text = cell.source if markdown else f"{fence}python\n{cell.source}\n{fence}"
    moved = nbformat.v4.new_markdown_cell(f"*(moved here from a cell that cannot be changed)*\n\n{text}")
    if cell.get("attachments"):
        moved["attachments"] = cell["attachments"]
    return moved


def _with_ids(cells: list[NotebookNode], release: NotebookNode) -> list[NotebookNode]:
    """Unique ids: the release's for its cells, new ones for the student's."""
    released = {
        cell.metadata.nbgrader.grade_id: cell.get("id") for cell in release.cells if "nbgrader" in cell.metadata
    }
    taken = {given for given in released.values() if given}
    numbered = []
    for number, cell in enumerate(cells):
        cell.pop("given_id", None)
        of_nbgrader = cell.metadata.get("nbgrader", {})
        if of_nbgrader.get("grade_id") in released and of_nbgrader.get("schema_version"):
            cell["id"] = released[of_nbgrader["grade_id"]] or f"cell-{number}"
        else:
            cell.metadata = NotebookNode()
            cell["id"] = f"own-{number}"
            while cell["id"] in taken:
                cell["id"] += "x"
        taken.add(cell["id"])
        numbered.append(cell)
    return numbered


def set_aside(files: dict[str, bytes], wanted: set[str]) -> tuple[dict[str, bytes], list[Change]]:
    """Of the files beside a notebook those that are only data; the others, with the reason, are left out."""
    kept, aside = {}, []
    modules = sys.stdlib_module_names | {
        "utils",
        "grading",
        "datasets",
        "numpy",
        "pandas",
        "torch",
        "matplotlib",
        "scipy",
    }
    for name, data in files.items():
        path = PurePosixPath(name)
        if any(part.startswith(".") for part in path.parts) or "__pycache__" in path.parts:
            if ".ipynb_checkpoints" not in path.parts and path.name != ".DS_Store":
                aside.append(Change(name, f"the hidden file {name} was left out", True))
        elif path.suffix.lower() not in HARMLESS:
            aside.append(Change(name, f"the file {name} was left out: code belongs into the notebook", True))
        elif len(path.parts) > 1 and path.parts[0] in modules:
            aside.append(Change(name, f"the file {name} was left out: its folder is named like a library", True))
        else:
            kept[name] = data
    return kept, aside
