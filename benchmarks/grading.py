"""Grading a class in sandboxes against plain `nbgrader autograde`, on the same submissions and cores.

    python benchmarks/grading.py                 # 60 submissions of Lab 1's first notebook; about 25 minutes
    python benchmarks/grading.py --class-of 300  # 300 of Lab 0, one worker killed in the middle; about 5 minutes
    python benchmarks/grading.py --quick         # a try with few submissions of Lab 0

Half of the submissions are the course's own answers, the others are untouched. Plain nbgrader does less: it writes no
feedback pages, no report, and has no sandbox.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import nbformat  # noqa: E402
import psutil  # noqa: E402

from grading import gradebook, marks, parallel, run  # noqa: E402
from grading.course import configuration  # noqa: E402

PLAIN = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.source_directory = "course/source"
c.CourseDirectory.release_directory = "plain_release"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__"]
c.Execute.timeout = 120
"""


def class_of(folder: Path, lab: str, notebooks: list[str], students: int) -> Path:
    """A course folder with one lab (or some notebooks of it) and this many submissions."""
    for part in ("course/source", "course/release"):
        (folder / part / lab).mkdir(parents=True)
        for name in notebooks:
            shutil.copy(ROOT / part / lab / f"{name}.ipynb", folder / part / lab)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    for number in range(students):
        to = folder / "submitted" / f"student{number:03}" / lab
        to.mkdir(parents=True)
        for name in notebooks:
            notebook = nbformat.read(folder / "course/release" / lab / f"{name}.ipynb", as_version=4)
            if number % 2:
                answers = nbformat.read(folder / "course/source" / lab / f"{name}.ipynb", as_version=4)
                solved = {c.metadata.nbgrader.grade_id: c.source for c in answers.cells if "nbgrader" in c.metadata}
                for cell in notebook.cells:
                    if cell.metadata.get("nbgrader", {}).get("solution"):
                        cell.source = solved[cell.metadata.nbgrader.grade_id]
            nbformat.write(notebook, to / f"{name}.ipynb")
    return folder


class Watch:
    """Seconds, and the peak memory of this process and all that it starts (what processes share counts once)."""

    def __enter__(self):
        self.peak, self.stop = 0, threading.Event()
        self.start = time.perf_counter()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def _look(self):
        me = psutil.Process()
        while not self.stop.wait(1.0):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.start
        self.stop.set()
        self.thread.join()


def plain(folder: Path, lab: str) -> Watch:
    """`nbgrader autograde` with nothing set but the folders."""
    config = folder / "plain_config.py"
    config.write_text(PLAIN.format(root=str(folder)))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    nbgrader = [sys.executable, "-m", "nbgrader"]

    def call(*step):
        done = subprocess.run(
            [*nbgrader, *step, lab, f"--config={config}", "--log-level=ERROR"],
            cwd=folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])

    call("generate_assignment", "--force")
    with Watch() as watch:
        call("autograde")
    return watch


def ours(folder: Path, lab: str, workers: int, kill_one: bool = False) -> tuple[Watch, list[dict]]:
    killed = []
    if kill_one:
        threading.Thread(target=_kill_a_worker, args=[folder, lab, killed], daemon=True).start()
    with Watch() as watch:
        rows = marks.grade(lab, folder, workers=workers, say=lambda line: None)
    if kill_one and not killed:
        raise SystemExit("No worker was killed: there were too few submissions.")
    return watch, rows


def _kill_a_worker(folder: Path, lab: str, killed: list) -> None:
    """Once a third of the class is done."""
    everyone = len(list((folder / "submitted").iterdir()))
    while len(list((folder / "marks" / lab / "results").glob("*.json"))) < everyone // 3:
        time.sleep(0.2)
    for child in psutil.Process().children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
            killed.append(child.pid)
            return


def fixed_cost(folder: Path, lab: str, name: str, repeats: int) -> tuple[float, float, float]:
    """Seconds of a submission besides its own cells and tests: with a warm Python, a cold one, and for the writing."""
    notebooks = gradebook.needed(lab, folder)
    release, source = notebooks[name]
    bare = nbformat.reads(release, as_version=4)
    bare.cells = run.prefix(bare)  # what the warm Python has run already; a cold one has to run it
    text = nbformat.writes(bare)

    def median(cold):
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            run.run_notebook(text, release, None, cold=cold)
            seconds.append(time.perf_counter() - start)
        return sorted(seconds)[len(seconds) // 2]

    run.run_notebook(text, release, None)
    warm, cold = median(False), median(True)
    run.close_stages()
    config = configuration(folder)
    config.BaseConverter.force = True
    gradebook.fill(lab, config)
    seconds = []
    for student in sorted(path.name for path in (folder / "submitted").iterdir())[:repeats]:
        start = time.perf_counter()
        submission = marks.read_submission(lab, student, notebooks, folder)
        outcome = parallel.nothing("") | {"sandbox": "none"}
        result = marks._finish(lab, submission, {name: outcome}, config, folder)
        if result["status"] == marks.FAILED:
            raise SystemExit(f"{student} could not be written: {result['reasons']}")
        seconds.append(time.perf_counter() - start)
    return warm, cold, sorted(seconds)[len(seconds) // 2]


def table(rows: list[tuple]) -> None:
    print("| | s on the clock | submissions a minute | peak MB | ratio | target |")
    print("| --- | --: | --: | --: | --: | --: |")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def line(name: str, watch: Watch, students: int, ratio="", target="") -> tuple:
    speed = 60 * students / watch.seconds
    return (
        name,
        f"{watch.seconds:.1f}",
        f"{speed:.1f}",
        f"{watch.peak / 2**20:.0f}",
        ratio,
        target,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--students", type=int, default=60)
    options.add_argument("--class-of", type=int, default=0)
    given = options.parse_args()
    if given.class_of:
        with tempfile.TemporaryDirectory() as folder:
            made = class_of(Path(folder), "lab0_start_here", ["0_start_here"], given.class_of)
            watch, rows = ours(made, "lab0_start_here", 2, kill_one=True)
        right = sum(row["status"] == "graded" and row["total"] == i % 2 for i, row in enumerate(rows))
        table([line(f"{given.class_of} of Lab 0, a worker killed", watch, given.class_of)])
        print(f"\n{len(rows)} of {given.class_of} came through, {right} with exactly their points.")
        return
    lab, name = ("lab0_start_here", "0_start_here") if given.quick else ("lab1_handwritten_numbers", "1_measure_bias")
    students = 4 if given.quick else given.students
    with tempfile.TemporaryDirectory() as folder:
        made = class_of(Path(folder), lab, [name], students)
        warm, cold, writing = fixed_cost(made, lab, name, 3 if given.quick else 7)
    found = {}
    for way, workers in (("ours, two workers", 2), ("ours, one worker", 1), ("nbgrader autograde", 0)):
        with tempfile.TemporaryDirectory() as folder:
            made = class_of(Path(folder), lab, [name], students)
            found[way] = ours(made, lab, workers)[0] if workers else plain(made, lab)
        print(f"{way}: {found[way].seconds:.1f} s", file=sys.stderr, flush=True)
    two, one, other = found["ours, two workers"], found["ours, one worker"], found["nbgrader autograde"]
    table(
        [
            line("nbgrader autograde", other, students),
            line("ours, one worker", one, students, f"{other.seconds / one.seconds:.2f}"),
            line("ours, two workers", two, students, f"{other.seconds / two.seconds:.2f}", "at least 3"),
        ]
    )
    print(f"\nTwo workers are {one.seconds / two.seconds:.2f} times as fast as one (target 1.7).")
    print(
        f"Fixed cost of a submission: {warm:.2f} s with a warm Python (target under 1), {cold:.2f} s with a cold one; "
        f"reading, writing marks and feedback {writing:.2f} s."
    )


if __name__ == "__main__":
    main()
