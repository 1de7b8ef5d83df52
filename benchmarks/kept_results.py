"""Whole runs of the solved notebooks: the first, which computes everything, against the second, which finds it kept.

    python benchmarks/kept_results.py            # Labs 1 to 4, one after another; about 12 minutes
    python benchmarks/kept_results.py --quick    # one short notebook

Each notebook is run by `jupyter nbconvert --execute`, with a folder of kept results that is empty at first. CPU seconds
are those of nbconvert, of the kernel and of all threads together.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, print_table

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TARGETS = {"lab3_debiasing": 0.25, "Labs 1 to 3": 0.35}


def run(notebook: Path, cache: str) -> tuple[float, float]:
    """Seconds on the clock and CPU seconds of one run."""
    settings = dict.fromkeys(THREADS, "1") | {"DATALAB_CACHE": cache, "DATALAB_KEEP": "on", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--stdout", str(notebook)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=os.environ | settings, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    given = options.parse_args()
    labs = sorted((ROOT / "solutions").glob("lab[1-9]*"))
    books = {lab.name: sorted(lab.glob("*.ipynb")) for lab in labs}
    if given.quick:
        books = {"lab1_handwritten_numbers": books["lab1_handwritten_numbers"][:1]}
    found, rows = {}, []
    with tempfile.TemporaryDirectory() as cache:
        for lab, notebooks in books.items():
            first = [run(notebook, cache) for notebook in notebooks]
            second = [run(notebook, cache) for notebook in notebooks]
            found[lab] = [sum(part) for part in (*zip(*first, strict=True), *zip(*second, strict=True))]
            print(f"{lab}: {found[lab][0]:.1f} s, then {found[lab][2]:.1f} s", file=sys.stderr, flush=True)
    first_three = [numbers for lab, numbers in found.items() if lab[:4] in ("lab1", "lab2", "lab3")]
    if len(first_three) == 3:
        found["Labs 1 to 3"] = [sum(numbers) for numbers in zip(*first_three, strict=True)]
    for name, (clock, cpu, clock_again, cpu_again) in found.items():
        target = f"at most {TARGETS[name]}" if name in TARGETS else ""
        numbers = [f"{clock:.1f}", f"{clock_again:.1f}", f"{clock_again / clock:.2f}"]
        rows.append([name, *numbers, f"{cpu:.1f}", f"{cpu_again:.1f}", f"{cpu_again / cpu:.2f}", target])
    head = ["", "first, s", "second, s", "ratio", "first, CPU s", "second, CPU s", "ratio", "target"]
    print_table("Whole runs of solved notebooks, nothing kept and everything kept", head, rows)


if __name__ == "__main__":
    main()
