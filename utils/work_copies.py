"""The student's own copies: handed out without ever overwriting an edit."""

import hashlib
import json
import shutil
from pathlib import Path

MEMORY = ".handed_out.json"


def hand_out(release: Path, work: Path) -> list[str]:
    """Copy what is new in `release` to `work`; a copy that was edited stays as it is.

    `work/.handed_out.json` remembers the hash of every file as it was handed out. A copy that still has that hash was
    not edited and may be replaced by a newer version. An edited one stays, and the newer version is put beside it.

    Returns
    -------
    list of str : one sentence for each file that was copied; empty when there was nothing to do
    """
    memory = _read_memory(work / MEMORY)
    news = []
    for new in sorted(path for path in release.rglob("*") if path.is_file() and not _is_hidden(path, release)):
        name = new.relative_to(release).as_posix()
        mine, version = work / name, _hash(new)
        if memory.get(name) == version and mine.exists():
            continue  # this version was handed out before; whatever became of it is the student's
        if not mine.exists():
            news.append(f"{name} is new.")
        elif _hash(mine) == version:
            memory[name] = version
            continue
        elif _hash(mine) == memory.get(name):
            news.append(f"{name} was updated (you had not changed it).")
        else:
            beside = _free_name(mine, version)
            if beside is not None:
                shutil.copyfile(new, beside)
                news.append(
                    f"{name} has a new version. You worked in yours, so it stays; the new one is {beside.name}."
                )
            memory[name] = version
            continue
        mine.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(new, mine)
        memory[name] = version
    work.mkdir(parents=True, exist_ok=True)
    (work / MEMORY).write_text(json.dumps(memory, indent=1, sort_keys=True), encoding="utf-8")
    return news


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
