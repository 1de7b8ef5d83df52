"""The instructor's commands, as `make` calls them: release, solutions, grade, student-edition."""

from pathlib import Path
from typing import Annotated

import typer

from .course import ROOT, GradingError

app = typer.Typer(no_args_is_help=True)
Labs = Annotated[list[str] | None, typer.Argument(help="Labs, such as lab1_handwritten_numbers. Without any: all.")]


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
def grade(lab: Annotated[str, typer.Argument(help="The lab to grade, such as lab1_handwritten_numbers.")]):
    """Grade the submissions of a lab; write feedback pages and a table of marks."""
    from .marks import grade

    rows = grade(lab)
    left_out = [row["student"] for row in rows if row["total"] == ""]
    print(f"Feedback: feedback/<student>/{lab}/   Marks: marks/{lab}.csv")
    if left_out:
        raise GradingError(
            f"{len(left_out)} of {len(rows)} could not be graded: {', '.join(left_out)} (reasons above). "
            "The others are done."
        )


@app.command("student-edition")
def student_edition(to: Annotated[Path, typer.Argument(help="The folder to write.")] = ROOT / "build/student-edition"):
    """Write the folder to publish to a class: no sources, no solutions, no grading."""
    from .student_edition import student_edition

    print(f"The student edition is in {student_edition(to)}")
