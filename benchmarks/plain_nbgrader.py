"""What becomes of hostile, unlucky and honest submissions: plain `nbgrader autograde` beside `datalab grade`.

    python benchmarks/plain_nbgrader.py            # all, about 15 minutes; writes the table in grading/README.md
    python benchmarks/plain_nbgrader.py --quick    # five of them, printed

Each case gets a gradebook of its own and one honest student who is graded after it. Plain nbgrader runs with its own
defaults and a time limit of 10 s for a cell, in a temporary folder, with limits on memory; still, **run it on a machine
that holds nothing of value**: it runs hostile code as you, which is the point.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import nbformat  # noqa: E402
import psutil  # noqa: E402
from nbgrader.api import Gradebook  # noqa: E402

from grading.marks import grade  # noqa: E402
from tests.grading.hostile import CASES, NAME, RIGHT, code  # noqa: E402
from tests.grading.test_hostile import LIMITS  # noqa: E402
from tests.grading.test_marks import START, course  # noqa: E402

README = ROOT / "grading/README.md"
START_MARK, END_MARK = "<!-- table:start -->", "<!-- table:end -->"
CONFIG = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.source_directory = "course/source"
c.CourseDirectory.release_directory = "plain_release"
c.Execute.timeout = 10
"""
SECONDS = 90
LAST = "zoe"


def plain(case) -> str:
    """What plain nbgrader makes of one case, in a few words."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = course(Path(folder), START)
        for student, write in ((case.name, case.write), (LAST, code(RIGHT))):
            to = root / "submitted" / student / START
            to.mkdir(parents=True)
            write(to, nbformat.read(root / "course/release" / START / f"{NAME}.ipynb", as_version=4))
        (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)))
        mark = f"DATALAB_PLAIN_{os.getpid()}"
        environment = os.environ | {
            mark: "1",
            "DATALAB_SECRET": "swordfish",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        call(root, environment, "generate_assignment", START)
        hung = call(root, environment, "autograde", START)
        time.sleep(3 if case.name == "left_behind" else 0)
        words = outcome(case, root, hung)
        clear(mark)
        return words


def call(root: Path, environment: dict, *step: str) -> bool:
    """Run a step of nbgrader; whether it had to be stopped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", *step, "--log-level=CRITICAL"],
        cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        start_new_session=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (6 * 2**30,) * 2),
    )  # fmt: skip
    try:
        process.wait(SECONDS)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass


def clear(mark: str) -> None:
    """End whatever the case has left running."""
    for process in psutil.process_iter():
        try:
            if mark in process.environ():
                process.kill()
        except psutil.Error:
            continue


def outcome(case, root: Path, hung: bool) -> str:
    """From the gradebook and the files, as an instructor would find them."""
    found = {}
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        for student in (case.name, LAST):
            try:
                grades = gradebook.find_submission(START, student).notebooks[0].grades
                found[student] = next(grade for grade in grades if grade.name == "test_q1_hidden")
            except Exception:
                found[student] = None
        own, last = found[case.name], found[LAST]
        said = []
        if own is None or (own.auto_score is None and own.manual_score is None):
            said.append("no mark, exported as 0.0")
        else:
            said.append(f"{own.score:g} {'point' if own.score == 1 else 'points'}")
        if last is None or (last.auto_score is None and last.manual_score is None):
            said.append("**stops the class**")
        elif last.score != 1:
            said.append("**changes others' marks**")
    if hung:
        said.append("**hangs**")
    place = root / "autograded" / case.name / START / f"{NAME}.ipynb"
    if place.is_file():
        text = place.read_text(errors="replace")
        if len(text) > 10**7:
            said.append(f"a page of {len(text) / 1e6:.0f} MB")
        if case.name in ("reads_the_source", "network", "reads_neighbours", "reads_secrets"):
            notebook = nbformat.reads(text, as_version=4)
            printed = "".join(o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", []))
            if any(sign in printed for sign in ("FOUND", "CONNECTED", "READ", "swordfish")):
                said.append("**succeeds**")
        if case.name == "active_content" and "onerror" in text:
            said.append("**script in the formgrader**")
    return ", ".join(said)


def ours(cases) -> dict[str, str]:
    """All cases in one class through `datalab grade`: name → outcome."""
    with tempfile.TemporaryDirectory() as folder:
        root = course(Path(folder), START)
        for case in cases:
            to = root / "submitted" / case.name / START
            to.mkdir(parents=True)
            case.write(to, nbformat.read(root / "course/release" / START / f"{NAME}.ipynb", as_version=4))
        rows = grade(START, root, say=lambda line: None, limits=LIMITS)
    return {row["student"]: describe(row) for row in rows}


def describe(row: dict) -> str:
    if row["status"] == "failed":
        return "failed, no mark"
    points = f"{row['total']:g} {'point' if row['total'] == 1 else 'points'}"
    return points if row["status"] == "graded" else f"{points}, needs a look"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    given = options.parse_args()
    chosen = (
        [c for c in CASES if c.name in ("right", "wrong", "patched_numpy", "test_twice", "exits")]
        if given.quick
        else CASES
    )
    here = ours(chosen)
    lines = [
        f"| submission | | earned | plain nbgrader {version('nbgrader')} | here |",
        "| --- | --- | --- | --- | --- |",
    ]
    for case in chosen:
        earned = "none" if case.points is None else f"{case.points:g}"
        lines.append(f"| {case.about} | {case.kind} | {earned} | {plain(case)} | {here[case.name]} |")
        print(lines[-1], flush=True)
    if given.quick or shutil.which("bwrap") is None:
        return
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(START_MARK)
    _, _, tail = rest.partition(END_MARK)
    README.write_text(f"{head}{START_MARK}\n" + "\n".join(lines) + f"\n{END_MARK}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
