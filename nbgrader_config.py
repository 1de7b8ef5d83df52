"""The one grading configuration: read by `make release`, `make grade` and by every `nbgrader` command started here."""

import os
import sys
from pathlib import Path

c = get_config()  # traitlets puts `get_config` there when it reads this file

# nbgrader starts the program `alembic` when it makes a gradebook. Without the environment's own folder of programs on
# the path the first call of a fresh clone fails, and leaves a gradebook behind that no later call can use.
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")

c.CourseDirectory.course_id = "datalab"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.source_directory = "course/source"
c.CourseDirectory.release_directory = "course/release"
c.CourseDirectory.solution_directory = "solutions"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"
# `utils` stands here so that a submission cannot bring its own copy of the library that the tests call.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "utils", "utils.py"]

# What a student finds in place of the solution; the visible check then shows this sentence as its error.
c.ClearSolutions.code_stub = {
    "python": '# YOUR CODE HERE\nraise NotImplementedError("This question has no answer yet: replace this line.")'
}

# A cell of the course takes 20 s at most; the rest is for slow machines. An endless loop ends here.
c.Execute.timeout = 120
c.Execute.record_timing = False
c.Execute.extra_arguments = ["--log-level=ERROR"]  # or each kernel warns that it talks over a local port
# A deleted test comes back, so that removing a test removes no check.
c.OverwriteCells.add_missing_cells = True
# nbgrader gives a test cell 0 points when anything at all was written to stderr, a harmless warning too. A failed
# check is an error output, which is another thing and stays.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"[\s\S]"
