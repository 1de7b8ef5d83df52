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


def test_audit_engine():
    rows = rows_of("audit_engine.py")
    for name in ("bootstrap, 3 metrics", "the same: scipy", "no interval", "null simulation"):
        found = [cells for row, cells in rows.items() if row.startswith(name)]
        assert found and all(float(cell.replace(",", "")) > 0 for cells in found for cell in cells[:-1])
    same = [cells for cells in rows.values() if cells[-1] == "1e-12"]
    assert len(same) == 3 and all(float(largest) <= 1e-12 for largest, _ in same)
    bounds = [float(cells[1]) for row, cells in rows.items() if row.startswith("bounds of ")]
    assert len(bounds) == 3 and max(bounds) < 2  # root mean square, in standard errors of drawing: about 1


def test_open_images_select():
    rows = rows_of("open_images_select.py")
    assert {"pandas", "ours, 3 columns", "ours, all columns", "pandas, 3 columns"} < set(rows)
    for name in ("ours, 3 columns", "ours, all columns"):
        clock, ratio, cpu, _, memory = map(float, rows[name][:5])
        assert clock > 0 and ratio > 0 and cpu > 0 and 50 < memory < 1500


def test_simulated_scenes():
    rows = rows_of("simulated_scenes.py")
    for name in ("96 px", "32 px"):
        assert all(float(cell) > 0 for cell in rows[name][:5])
    averages = {name: float(cells[0].split()[0]) for name, cells in rows.items() if "±" in cells[0]}
    assert len(averages) == 6 and all(50 < average <= 100 for average in averages.values())


def test_mitigation():
    rows = rows_of("mitigation.py")
    wanted = [("oracle: balanced data", "–"), ("plain", "–"), ("resampling", "T"), ("group thresholds", "VP")]
    for name, where in wanted:
        *measures, needs, seconds = rows[name]
        assert needs == where and float(seconds) > 0
        means = [float(cell.split(" ± ")[0]) for cell in measures]  # of the last task, the scenes
        assert len(means) == 6 and all(0 <= mean <= 100 for mean in [*means[:2], *means[3:]])
        assert means[2] == pytest.approx(means[0] - means[1], abs=0.11)
    assert all(float(cell) > 0 for cell in rows["seconds on the clock"])
