"""The course folder: which labs it has, what each question is worth, and how nbgrader is called on it."""

import logging
import warnings
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.coursedir import CourseDirectory
from traitlets.config.loader import Config, PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[1]


class GradingError(RuntimeError):
    """Something an instructor can put right; the message says what and how."""


def labs(root: Path = ROOT) -> list[str]:
    """The names of all labs that have a source notebook, in order."""
    return sorted({notebook.parent.name for notebook in (root / "course/source").glob("*/*.ipynb")})


def need_lab(lab: str, root: Path = ROOT) -> None:
    """Raise a GradingError that lists the labs when there is none of this name."""
    known = labs(root)
    if lab not in known:
        raise GradingError(f"There is no lab named '{lab}'. Choose one of: {', '.join(known)}. Example: LAB={known[0]}")


def source_notebooks(lab: str, root: Path = ROOT) -> dict[str, nbformat.NotebookNode]:
    """The hand-edited notebooks of a lab: name without `.ipynb` → notebook."""
    folder = root / "course/source" / lab
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}


def questions(lab: str, root: Path = ROOT) -> list[dict]:
    """Every cell of a lab that is worth points: `notebook`, `grade_id`, `points`, and `by_hand` (True or False)."""
    found = []
    for name, notebook in source_notebooks(lab, root).items():
        for cell in notebook.cells:
            of_nbgrader = cell.metadata.get("nbgrader", {})
            if of_nbgrader.get("points", 0) > 0:
                by_test = of_nbgrader["grade"] and not of_nbgrader["solution"] and cell.cell_type == "code"
                found.append(
                    {
                        "notebook": name,
                        "grade_id": of_nbgrader["grade_id"],
                        "points": of_nbgrader["points"],
                        "by_hand": not by_test,
                    }
                )
    return found


def configuration(root: Path = ROOT) -> Config:
    """What `nbgrader_config.py` of this course says; further settings can be added to it."""
    return PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()


def run_nbgrader(step: type, config: Config, lab: str, student: str = "*") -> list[str]:
    """Run one step of nbgrader (a converter class such as Autograde) on a lab.

    Returns
    -------
    list of str : the warnings and errors nbgrader wrote while it ran

    Raises
    ------
    NbGraderException : the step failed; its attribute `messages` holds the same list
    """
    course = CourseDirectory(config=config, assignment_id=lab, student_id=student)
    with _messages() as messages, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbgrader about its own database calls: nothing a reader could act on
        try:
            step(coursedir=course, config=config).start()
        except Exception as problem:
            problem.messages = messages
            raise
    return messages


@contextmanager
def _messages():
    """Collect what nbgrader logs; outside its own program it logs to `traitlets`, which shows nothing."""
    collected = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: collected.append(record.getMessage())
    log = logging.getLogger("traitlets")
    log.addHandler(handler)
    try:
        yield collected
    finally:
        log.removeHandler(handler)
