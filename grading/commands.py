"""The instructor's commands: release, solutions, collect, grade, export, student-edition."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .course import ROOT, GradingError

if TYPE_CHECKING:  # each command loads what it needs
    from .collect import Collection

app = typer.Typer(no_args_is_help=True)
Labs = Annotated[list[str] | None, typer.Argument(help="Labs, such as lab1_handwritten_numbers. Without any: all.")]
Source = Annotated[
    Path | None, typer.Option("--from", help="A folder or a bulk download (zip); by default nbgrader's exchange.")
]
Kind = Annotated[str, typer.Option(help="Of --from: auto, exchange, folder, moodle, canvas or zip_collect.")]
Roster = Annotated[
    Path | None, typer.Option(help="A CSV table of the class: student, and name, moodle_id, canvas_id, email.")
]


@app.command()
def release(labs: Labs = None):
    """Generate the students' copies in course/release from course/source."""
    from .handout import release

    for path in release(labs or None):
        print(f"{path.relative_to(ROOT)}  written")


@app.command()
def solutions(labs: Labs = None):
    """Generate and execute the solved notebooks in solutions/ from course/source."""
    from .handout import solutions

    solutions(labs or None)


@app.command()
def collect(
    lab: Annotated[str, typer.Argument(help="The lab, such as lab1_handwritten_numbers.")],
    source: Source = None,
    kind: Kind = "auto",
    roster: Roster = None,
):
    """Bring submissions into submitted/<student>/<lab>/; nothing of anyone is lost or overwritten by an older one."""
    from .collect import collect

    _say_collected(collect(lab, source=source, kind=kind, roster=roster))


def _say_collected(collection: "Collection") -> None:
    for submission in collection.collected:
        notes = f"  ({'; '.join(submission.notes)})" if submission.notes else ""
        print(f"{submission.student}: collected{notes}")
    for item in collection.set_aside:
        print(f"SET ASIDE {item.what}: {item.why}")
    print(
        f"{len(collection.collected)} collected, {len(collection.unchanged)} as before, "
        f"{len(collection.set_aside)} set aside."
    )


@app.command()
def grade(
    lab: Annotated[str, typer.Argument(help="The lab to grade, such as lab1_handwritten_numbers.")],
    source: Source = None,
    kind: Kind = "auto",
    roster: Roster = None,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; can be given several times.")] = None,
    workers: Annotated[int | None, typer.Option(help="Notebooks at once on this machine; default one a core.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://..., to run on.")] = None,
    db: Annotated[str | None, typer.Option(help="The gradebook, such as postgresql+psycopg://user@host/name.")] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run strangers' code as you; every result is marked.")
    ] = False,
):
    """Collect, run and test every submission of a lab; write marks, feedback pages and a class report."""
    from tqdm import tqdm

    from .collect import collect, exchange_has
    from .marks import grade
    from .submission import FAILED, LOOK

    if source is not None or exchange_has(lab):
        _say_collected(collect(lab, source=source, kind=kind, roster=roster))
    rows = grade(
        lab, workers=workers, scheduler=scheduler, db=db, unsafe=unsafe, students=student, progress=True, say=tqdm.write
    )
    print(f"Feedback: feedback/<student>/{lab}/   Marks: marks/{lab}.csv   Class report: marks/{lab}/report.html")
    look = [row["student"] for row in rows if row["status"] == LOOK]
    if look:
        print(f"{len(look)} of {len(rows)} need a look: {', '.join(look)} (reasons above).")
    failed = [row["student"] for row in rows if row["status"] == FAILED]
    if failed:
        raise GradingError(
            f"{len(failed)} of {len(rows)} could not be graded: {', '.join(failed)} (reasons above). "
            "They have no marks; the others are done."
        )


@app.command()
def export(
    lab: Annotated[str, typer.Argument(help="The lab, graded before.")],
    to: Annotated[str, typer.Option(help="moodle or canvas.")],
    roster: Roster = None,
    partial: Annotated[bool, typer.Option(help="Also totals in which marks by hand are still missing.")] = False,
):
    """Write a table that the gradebook of Moodle or Canvas imports; no mark stays an empty cell, never a zero."""
    from .marks import export

    print(export(lab, to, roster, partial))


@app.command()
def sandbox():
    """Say whether students' code can be run in a sandbox on this machine, and what holds its limits."""
    from .sandbox import Sandbox, check

    check()
    with Sandbox() as cage:
        print(f"There is a sandbox here: {cage.held()}.")


@app.command("student-edition")
def student_edition(to: Annotated[Path, typer.Argument(help="The folder to write.")] = ROOT / "build/student-edition"):
    """Write the folder to publish to a class: no sources, no solutions, no grading."""
    from .student_edition import student_edition

    print(f"The student edition is in {student_edition(to)}")
