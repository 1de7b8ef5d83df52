"""What is known of one submission on its way: as handed in, what running a notebook gave, what came of it all."""

from dataclasses import asdict, dataclass, field

from nbformat import NotebookNode

from .course import GradingError
from .text import storable

GRADED, LOOK, FAILED = "graded", "needs a look", "failed"
MOST_WORDS = 1000  # characters about what went wrong


def why_not(problem: Exception) -> str:
    """What went wrong, as it can be written down and shown anywhere: a problem may quote what a student wrote."""
    words = str(problem) if isinstance(problem, GradingError) else f"{type(problem).__name__}: {problem}"
    return storable(words.strip(": ")[:MOST_WORDS])


@dataclass(frozen=True)
class Submission:
    """What a student handed in, mended and ready to run.

    Attributes
    ----------
    fingerprint : changes with anything that could change a mark
    notebooks : name → the mended notebook
    files : what lies beside the notebooks, name → bytes
    flags : notebook → what was put right
    answers : notebook → answer cell → code, to be compared with others
    reasons : what a person should see
    failed : why it cannot be graded; empty where it can
    time : when it was handed in, in nbgrader's format; None if nobody knows
    """

    student: str
    fingerprint: str
    notebooks: dict[str, NotebookNode]
    files: dict[str, bytes]
    flags: dict[str, list[str]]
    answers: dict[str, dict[str, str]]
    reasons: list[str]
    failed: str
    time: str | None


@dataclass(frozen=True)
class Outcome:
    """What running one notebook gave, as `grading.run.run_notebook` describes it: plain values for any machine."""

    outputs: dict[int, list[dict]]
    counts: dict[int, int | None]
    tests: dict[str, dict]
    reasons: list[str]
    failed: str
    seconds: float
    cpu_seconds: float | None
    memory: int | None
    sandbox: str

    @classmethod
    def of_json(cls, value: dict) -> "Outcome":
        """The outcome again that `asdict` and JSON made this of, in which places are texts."""
        outcome = cls(**value)
        outputs, counts = (
            {int(place): shown for place, shown in by.items()} for by in (outcome.outputs, outcome.counts)
        )
        return cls(**value | {"outputs": outputs, "counts": counts})


def not_run(why: str) -> Outcome:
    """The outcome of a notebook that could not be run."""
    return Outcome({}, {}, {}, [], why, seconds=0.0, cpu_seconds=None, memory=None, sandbox="")


@dataclass(frozen=True)
class Mark:
    """The points of one question (None: no mark yet), and the message of its test."""

    points: float | None
    max: float
    by_hand: bool
    message: str | None = None


@dataclass(frozen=True)
class NotebookResult:
    """Of one notebook what was put right, its answers, its tests and what it used; `marks` as they stand now."""

    flags: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    tests: dict[str, dict] = field(default_factory=dict)
    seconds: float | None = None
    cpu_seconds: float | None = None
    memory: int | None = None
    marks: dict[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of a submission: its status (GRADED, LOOK or FAILED) with the reasons, and its notebooks.

    It is kept in `marks/<lab>/results/`, without the marks, which stand in the gradebook and may change there.
    """

    student: str
    lab: str
    fingerprint: str
    status: str
    reasons: list[str]
    time: str | None
    late_seconds: float
    sandbox: str
    seconds: float
    graded: str
    notebooks: dict[str, NotebookResult]

    def to_json(self) -> dict:
        """What is kept of it."""
        value = asdict(self)
        for notebook in value["notebooks"].values():
            del notebook["marks"]
        return value

    @classmethod
    def of_json(cls, value: dict) -> "Result":
        """The result again that was kept; an exception for anything else."""
        notebooks = {name: NotebookResult(**notebook) for name, notebook in value["notebooks"].items()}
        return cls(**value | {"notebooks": notebooks})
