"""The benchmarks run and print their tables. What they measure is never tested: it depends on the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def rows_of(script):
    """Run a benchmark as a quick try; its tables as name of the row → cells."""
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip("| ").split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_lab1_pipeline():
    rows = rows_of("lab1_pipeline.py")
    for name in ("data preparation, CPU s", "whole pipeline, CPU s", "peak memory, MB"):
        obvious, ours, ratio, _ = rows[name]
        assert float(obvious) > 0 and float(ours) > 0 and float(ratio) > 0
    of_accuracy = [name for name in rows if name.startswith("mean accuracy over ")]
    assert len(of_accuracy) == 3
    for name in of_accuracy:
        obvious, ours = map(float, rows[name][:2])
        assert 0.5 < obvious < 0.95 and 0.5 < ours < 0.95  # both learn, from few digits


def test_many_seeds():
    rows = rows_of("many_seeds.py")
    assert {"one after another", "together, vary=both", "together, vary=start", "together, vary=order"} < set(rows)
    alone, together, _ = map(float, rows["mean accuracy"])
    assert alone == pytest.approx(together, abs=0.02) and alone > 0.6
