"""What the benchmarks share: processes of their own, CPU time, peak memory, a table.

Only the standard library is imported here: a process takes over the peak memory of the one that started it, so the one
that starts the others is to stay small.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
os.environ["DATALAB_KEEP"] = "off"  # what is measured is to be computed


def cpu_and_wall(function, *args, **kwargs):
    """Call the function: its result, the CPU seconds of all threads, and the seconds on the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.process_time() - cpu, time.perf_counter() - wall


def peak_megabytes() -> float:
    """The most memory this process has held so far, with all its libraries."""
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def in_own_process(script: str, *args: str) -> dict:
    """Run a script of this folder in a fresh Python on one thread; its last line, a JSON object, is returned."""
    settings = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # On a virtual machine the first touch of a huge page takes anything from 0.3 to 6 ms of system time.
    settings["NUMPY_MADVISE_HUGEPAGE"] = "0"
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), *args],
        env=os.environ | settings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def medians(runs: list[dict]) -> dict:
    """The median of each measure over the runs that have it."""
    return {name: median(run[name] for run in runs if name in run) for name in {n: 0 for run in runs for n in run}}


def print_table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table with aligned columns, the first to the left and the others to the right."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    print(f"\n{title}\n")
    for line in [head, rule, *rows]:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        print(f"| {' | '.join(cells)} |")
