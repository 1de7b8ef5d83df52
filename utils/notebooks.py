"""Notebooks as files: hand a student's copies out without ever overwriting an edit, and execute notebooks headless."""

import hashlib
import json
import shutil
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

MEMORY = ".handed_out.json"
WIDGET = "application/vnd.jupyter.widget-view+json"


class NotebookError(RuntimeError):
    """A notebook cannot be run; the message says which, where and why."""


def hand_out(release: Path, work: Path) -> list[str]:
    """Copy what is new in `release` to `work`; a copy that was edited stays as it is.

    `work/.handed_out.json` remembers the hash of every file as it was handed out. A copy that still has that hash was
    not edited and may be replaced by a newer version. An edited one stays, and the newer version is put beside it.

    Returns
    -------
    list of str : one sentence for each file that was copied; empty when there was nothing to do
    """
    memory = _read_memory(work / MEMORY)
    done = []
    for new in sorted(path for path in release.rglob("*") if path.is_file() and not _is_hidden(path, release)):
        name = new.relative_to(release).as_posix()
        mine, version = work / name, _hash(new)
        if memory.get(name) == version and mine.exists():
            continue  # this version was handed out before; whatever became of it is the student's
        if not mine.exists():
            done.append(f"{name} is new.")
        elif _hash(mine) == version:
            memory[name] = version
            continue
        elif _hash(mine) == memory.get(name):
            done.append(f"{name} was updated (you had not changed it).")
        else:
            beside = _free_name(mine, version)
            if beside is not None:
                shutil.copyfile(new, beside)
                done.append(
                    f"{name} has a new version. You worked in yours, so it stays; the new one is {beside.name}."
                )
            memory[name] = version
            continue
        mine.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(new, mine)
        memory[name] = version
    work.mkdir(parents=True, exist_ok=True)
    (work / MEMORY).write_text(json.dumps(memory, indent=1, sort_keys=True), encoding="utf-8")
    return done


def _read_memory(path: Path) -> dict[str, str]:
    """What was handed out; nothing when the file is lost or damaged, and then every copy counts as edited."""
    try:
        memory = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)


def _free_name(mine: Path, version: str) -> Path | None:
    """A name beside the student's file that is not taken; None when this version already lies there."""
    number = 1
    while True:
        beside = mine.with_stem(f"{mine.stem}_new_version" + (f"_{number}" if number > 1 else ""))
        if not beside.exists():
            return beside
        if _hash(beside) == version:
            return None
        number += 1


def execute(path: Path, to: Path, timeout: int = 600) -> dict:
    """Execute one notebook, leave the executed copy and an HTML page of it in the folder `to`.

    A question without an answer yet is no mistake: as long as a notebook has the line that stands in for an answer
    (`raise NotImplementedError`), its answer and test cells may fail. Every other cell has to run.

    Returns
    -------
    dict with `name`, `seconds`, `cells` (executed code cells) and `open` (questions without an answer)

    Raises
    ------
    NotebookError : a cell failed, with its error
    """
    notebook = nbformat.read(path, as_version=4)
    unanswered = [
        cell for cell in notebook.cells if _of(cell, "solution") and "raise NotImplementedError" in cell.source
    ]
    may_fail = [cell for cell in notebook.cells if unanswered and (_of(cell, "solution") or _of(cell, "grade"))]
    for cell in may_fail:
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "raises-exception"]
    client = NotebookClient(
        notebook,
        timeout=timeout,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # or each kernel warns that it talks over a local port
        resources={"metadata": {"path": str(path.parent)}},
    )
    start = time.perf_counter()
    try:
        client.execute()
    except CellExecutionError as problem:
        raise NotebookError(f"{path} stops at a cell that should run.\n{problem}") from None
    finally:
        for cell in may_fail:
            cell.metadata["tags"].remove("raises-exception")
        to.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, to / path.name)  # after an error too: it shows how far the notebook came
    seconds = time.perf_counter() - start
    for cell in notebook.cells:  # a progress bar lives as long as its kernel: on a page it would stand at 0 % for ever
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
    (to / path.name).with_suffix(".html").write_text(page, encoding="utf-8")
    cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
    return {"name": f"{path.parent.name}/{path.stem}", "seconds": seconds, "cells": cells, "open": len(unanswered)}


def _of(cell, key: str):
    return cell.metadata.get("nbgrader", {}).get(key, False)
