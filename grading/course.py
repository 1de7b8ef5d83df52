"""The course folder: which labs it has, what each question is worth, and how nbgrader is called on it."""

import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Question:
    """A cell that is worth points, and whether a person gives them or a test."""

    notebook: str
    grade_id: str
    points: float
    by_hand: bool

    @property
    def column(self) -> str:
        """The name of its column in the table of marks."""
        return f"{self.notebook}/{self.grade_id}"


def questions(lab: str, root: Path = ROOT) -> list[Question]:
    """Every cell of a lab that is worth points, in order."""
    asked = []
    for name, notebook in source_notebooks(lab, root).items():
        for cell in notebook.cells:
            of_nbgrader = cell.metadata.get("nbgrader", {})
            if of_nbgrader.get("points", 0) > 0:
                by_test = of_nbgrader["grade"] and not of_nbgrader["solution"] and cell.cell_type == "code"
                asked.append(Question(name, of_nbgrader["grade_id"], of_nbgrader["points"], not by_test))
    return asked


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
