"""Grading a class in sandboxes against plain `nbgrader autograde`, on the same submissions and cores.

    python benchmarks/grading.py                    # 60 of Lab 1's first notebook and 20 of Lab 3's third; 1½ hours
    python benchmarks/grading.py --plain-sample 4   # plain nbgrader on 4 of each, scaled up; about 30 minutes
    python benchmarks/grading.py --class-of 300     # 300 of Lab 0, one worker killed in the middle; about 3 minutes
    python benchmarks/grading.py --quick            # a try with few submissions of Labs 0 and 1

Half of the submissions are the course's own answers, the others are untouched. Plain nbgrader does less: it writes no
feedback pages, no report, and has no sandbox. Kept results (`utils/kept`): each of our runs begins with an empty
store. Plain nbgrader runs without one, as before there was one, and a second time with one of its own, empty at the
start; its kernels then keep what submissions compute, for everyone after them, which ours never do.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import nbformat  # noqa: E402
import psutil  # noqa: E402

from grading import gradebook, marks, run  # noqa: E402
from grading.course import configuration  # noqa: E402
from grading.feedback import write_pages  # noqa: E402
from grading.handed_in import read_submission  # noqa: E402
from grading.results import finish  # noqa: E402
from grading.submission import FAILED, not_run  # noqa: E402
from grading.warm import close_stages, prefix  # noqa: E402

PLAIN = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.source_directory = "course/source"
c.CourseDirectory.release_directory = "plain_release"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__"]
c.Execute.timeout = 120
"""
CLASS = [("lab1_handwritten_numbers", "1_measure_bias", 60), ("lab3_debiasing", "3_train_for_the_worst_group", 20)]
QUICK = [("lab0_start_here", "0_start_here", 4), ("lab1_handwritten_numbers", "1_measure_bias", 2)]


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


def plain(folder: Path, lab: str, student: str = "*") -> Watch:
    """`nbgrader autograde` with nothing set but the folders."""
    config = folder / "plain_config.py"
    config.write_text(PLAIN.format(root=str(folder)))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    # The notebooks import `utils`: that of this folder, wherever the environment was installed from.
    environment["PYTHONPATH"] = str(ROOT)
    nbgrader = [sys.executable, "-m", "nbgrader"]

    def call(*step):
        done = subprocess.run(
            [*nbgrader, *step, lab, f"--config={config}", "--log-level=ERROR"],
            cwd=folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])

    if not (folder / "plain_release").exists():
        call("generate_assignment", "--force")
    with Watch() as watch:
        call("autograde", f"--student={student}")
    return watch


def plain_in_all(parts: list[tuple], sample: int, keep: str) -> Watch:
    """Plain nbgrader on every part of the class, one after another; seconds scaled up where only a sample was run.

    With a store (`keep` is "on") the first submission of a notebook computes what the others find, and is not scaled.
    """
    total = Watch()
    total.seconds, total.peak = 0.0, 0
    for lab, name, students in parts:
        run_of = min(sample or students, students)
        with tempfile.TemporaryDirectory() as folder, store(keep):
            made = class_of(Path(folder), lab, [name], run_of + (keep == "on"))
            watches = [plain(made, lab, f"student{run_of:03}")] if keep == "on" else []
            for path in (made / "submitted").glob(f"student{run_of:03}"):  # it was the first one of all
                shutil.rmtree(path)
            rest = plain(made, lab)
        rest.seconds *= (students - (keep == "on")) / run_of
        for watch in [*watches, rest]:
            total.seconds, total.peak = total.seconds + watch.seconds, max(total.peak, watch.peak)
    return total


@contextmanager
def store(keep: str):
    """An empty store of kept results for what is started meanwhile: "on", or "off"."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DATALAB_CACHE": folder, "DATALAB_KEEP": keep}
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def ours(folder: Path, lab: str, workers: int) -> tuple[Watch, list[dict]]:
    with Watch() as watch:
        rows = marks.grade(lab, folder, workers=workers, say=lambda line: None)
    close_stages()
    return watch, rows


def ours_while_a_worker_dies(folder: Path, lab: str) -> tuple[Watch, list[dict]]:
    """On the two workers of a scheduler, one of which is killed once a third of the class is done."""
    from distributed import LocalCluster

    everyone = len(list((folder / "submitted").iterdir()))
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        victim = next(iter(cluster.workers.values())).pid

        def kill():
            while len(list((folder / "marks" / lab / "results").glob("*.json"))) < everyone // 3:
                time.sleep(0.2)
            psutil.Process(victim).kill()

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        with Watch() as watch:
            rows = marks.grade(lab, folder, scheduler=cluster.scheduler_address, say=lambda line: None)
        if killer.is_alive():
            raise SystemExit("No worker was killed: there were too few submissions.")
    return watch, rows


def ours_in_all(parts: list[tuple], workers: int) -> Watch:
    """The whole class, lab after lab, beginning with an empty store; everyone must get exactly their points."""
    total = Watch()
    total.seconds, total.peak = 0.0, 0
    with store("on"):
        for lab, name, students in parts:
            with tempfile.TemporaryDirectory() as folder:
                watch, rows = ours(class_of(Path(folder), lab, [name], students), lab, workers)
            for number, row in enumerate(rows):
                if row["status"] != "graded" or row["automatic"] != number % 2 * row["automatic_max"]:
                    raise SystemExit(f"{lab}, {row['student']}: {row['automatic']} points by test. {row['reasons']}")
            print(f"  {students} of {lab}/{name}: {watch.seconds:.1f} s", file=sys.stderr, flush=True)
            total.seconds, total.peak = total.seconds + watch.seconds, max(total.peak, watch.peak)
    return total


def fixed_cost(folder: Path, lab: str, name: str, repeats: int) -> tuple[float, ...]:
    """Seconds of a submission besides its own cells and tests: with a warm Python, with a cold one, for reading it, for
    writing its marks, and for its feedback page."""
    notebooks = gradebook.needed(lab, folder)
    release, source = notebooks[name]
    bare = nbformat.reads(release, as_version=4)
    bare.cells = prefix(bare)  # what the warm Python has run already; a cold one has to run it
    text = nbformat.writes(bare)

    def median(function, over=range(repeats)):
        seconds = []
        for one in over:
            start = time.perf_counter()
            function(one)
            seconds.append(time.perf_counter() - start)
        return sorted(seconds)[len(seconds) // 2]

    run.run_notebook(text, release, None)
    warm = median(lambda _: run.run_notebook(text, release, None))
    cold = median(lambda _: run.run_notebook(text, release, None, cold=True))
    close_stages()
    config = configuration(folder)
    config.BaseConverter.force = True
    gradebook.fill(lab, config)
    chosen = sorted(path.name for path in (folder / "submitted").iterdir())[:repeats]
    submissions = {}

    def read(student):
        submissions[student] = read_submission(lab, student, notebooks, folder)

    def write(student):
        outcome = replace(not_run(""), sandbox="none")
        result = finish(lab, submissions[student], {name: outcome}, config, folder)
        if result.status == FAILED:
            raise SystemExit(f"{student} could not be written: {result.reasons}")

    reading, writing = median(read, chosen), median(write, chosen)
    return (
        warm,
        cold,
        reading,
        writing,
        median(lambda student: write_pages(lab, student, config, folder), chosen),
    )


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
    options.add_argument("--quick", action="store_true", help="few submissions of Labs 0 and 1")
    options.add_argument("--plain-sample", type=int, default=0, metavar="N", help="plain nbgrader on N of each only")
    options.add_argument("--class-of", type=int, default=0, metavar="N", help="N of Lab 0, one worker killed")
    given = options.parse_args()
    if given.plain_sample % 2:
        options.error("--plain-sample must be even: half of the submissions are solved")
    if given.class_of:
        with tempfile.TemporaryDirectory() as folder, store("on"):
            made = class_of(Path(folder), "lab0_start_here", ["0_start_here"], given.class_of)
            watch, rows = ours_while_a_worker_dies(made, "lab0_start_here")
        right = sum(row["status"] == "graded" and row["total"] == i % 2 for i, row in enumerate(rows))
        table([line(f"{given.class_of} of Lab 0, a worker killed", watch, given.class_of)])
        print(f"\n{len(rows)} of {given.class_of} came through, {right} with exactly their points.")
        return
    parts = QUICK if given.quick else CLASS
    students = sum(count for _, _, count in parts)
    lab, name, count = parts[0]
    with tempfile.TemporaryDirectory() as folder, store("on"):
        made = class_of(Path(folder), lab, [name], count)
        warm, cold, reading, writing, page = fixed_cost(made, lab, name, 3 if given.quick else 7)
    found = {}
    for way, measure in {
        "ours, two workers": lambda: ours_in_all(parts, 2),
        "ours, one worker": lambda: ours_in_all(parts, 1),
        "nbgrader autograde": lambda: plain_in_all(parts, given.plain_sample, "off"),
        "nbgrader autograde, with a store": lambda: plain_in_all(parts, given.plain_sample, "on"),
    }.items():
        found[way] = measure()
        print(f"{way}: {found[way].seconds:.1f} s", file=sys.stderr, flush=True)
    two, one, other, other_store = (found[way] for way in ("ours, two workers", "ours, one worker", *list(found)[2:]))
    print(", ".join(f"{count} submissions of {lab}/{name}" for lab, name, count in parts) + ", half of them solved:\n")

    def ratio(watch):
        return f"{other.seconds / watch.seconds:.2f}"

    table(
        [
            line("nbgrader autograde", other, students),
            line("nbgrader autograde, with a store", other_store, students, ratio(other_store)),
            line("ours, one worker", one, students, ratio(one)),
            line("ours, two workers", two, students, ratio(two), "at least 8"),
        ]
    )
    print(
        "\nThe store of kept results is empty at the start of each run. The first row has none, as before there was "
        f"one; against plain nbgrader with a store, two workers are {other_store.seconds / two.seconds:.2f} times as "
        "fast."
    )
    if given.plain_sample:
        print(
            f"Plain nbgrader ran {given.plain_sample} of each notebook; its seconds are scaled up to the whole class."
        )
    print(f"Two workers are {one.seconds / two.seconds:.2f} times as fast as one (target 1.7).")
    print(
        f"Fixed cost of a submission to {name}: {warm:.2f} s with a warm Python (target under 1), {cold:.2f} s with a "
        f"cold one; reading it {reading:.2f} s, writing its marks {writing:.2f} s. Its feedback page takes {page:.2f} "
        "s, when all marks are written."
    )


if __name__ == "__main__":
    main()
