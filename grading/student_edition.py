"""The folder an instructor publishes to a class: everything to work with, and nothing that gives answers away."""

import re
import shutil
from pathlib import Path

from .course import ROOT, GradingError

# What `datalab check` needs: running a notebook as the grader does. The tests and the gradebook stay at home.
CHECK = (
    "__init__ bounded bounded_process calls cgroups channel check course fence generators htmlclean inside integrity "
    "leftovers plain run safe sandbox session shell stage stopping syscalls text warm watch"
).split()
# Everything a student needs. What is not named here stays at home: the sources, the solutions, the grading, the tests.
CONTENTS = [
    ".gitignore",
    "LICENSE",
    "Makefile",
    "README.md",
    "course/guide",
    "course/release",
    "datasets",
    "environment.yml",
    *(f"grading/{name}.py" for name in CHECK),
    "pyproject.toml",
    "requirements.lock",
    "utils",
]
# In the folders above: pages for instructors, and what programs leave behind.
NOT_FOR_STUDENTS = ["instructor_guide.md", "rubrics.md"]
LEFT_BEHIND = ["__pycache__", "*.pyc", ".ipynb_checkpoints", "*-ubyte", ".cache"]
# In the README: what speaks of parts that stay at home.
LEFT_OUT = re.compile(r"<!-- not in the student edition -->.*?<!-- up to here -->\n", re.DOTALL)
MARK = ".student_edition"


def student_edition(to: Path, root: Path = ROOT) -> Path:
    """Write the student edition to the folder `to`, in place of an older one.

    Raises
    ------
    GradingError : the folder holds something else, which is not overwritten; or a part of the project is missing
    """
    to = to.resolve()
    if to.exists() and any(to.iterdir()) and not (to / MARK).exists():
        raise GradingError(f"{to} holds other files, which are kept. Choose an empty or a new folder: OUT=<folder>")
    missing = [name for name in CONTENTS if not (root / name).exists()]
    if missing:
        raise GradingError(f"The student edition needs {', '.join(missing)}, which is not in {root}. Restore it first.")
    if to.exists():
        for old in to.iterdir():
            # A published folder is often a git clone, and may have an environment of its own.
            if old.name not in (".git", ".venv"):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    to.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns(*NOT_FOR_STUDENTS, *LEFT_BEHIND)
    for name in CONTENTS:
        if (root / name).is_dir():
            shutil.copytree(root / name, to / name, ignore=ignore)
        else:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)
    readme = (to / "README.md").read_text(encoding="utf-8")
    (to / "README.md").write_text(LEFT_OUT.sub("", readme), encoding="utf-8")
    (to / MARK).write_text("Written by `make student-edition`, which replaces everything in this folder.\n")
    return to
