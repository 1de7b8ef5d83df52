"""The audit engine against fairlearn, scipy.stats.bootstrap and a loop over simulated rows: seconds, and same numbers.

All in this process, in turn, on made-up rows; the tables show medians of the seconds on the clock and of the CPU
seconds. fairlearn's 1,000 bootstrap samples take many minutes, so a few are measured and the seconds of the larger
number scaled up; --full runs the 1,000 once. The imports are measured in processes of their own.

    python benchmarks/audit_engine.py [--quick] [--full]
"""

import argparse
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import scipy.stats
from common import ROOT, cpu_and_wall, medians, print_table
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score

from utils.evaluation._audit import AuditWarning, audit
from utils.evaluation._null_gaps import null_gap

METRICS = {"accuracy": accuracy_score, "true_positive_rate": true_positive_rate, "selection_rate": selection_rate}
ENDS = [0.025, 0.975]
ATTRIBUTES = {"sex": 2, "race": 5, "age": 4}  # how many groups each has
MANY_DRAWS = 100_000  # so that what a peer's bounds differ by is the peer's sampling noise
PEER_IMPORTS = "pandas, scipy.stats, statsmodels"
OUR_IMPORTS = (
    "utils.evaluation._audit, utils.evaluation._disparity, utils.evaluation._null_gaps, utils.evaluation._pairs"
)


def made_up(rows: int, groups: dict, seed: int = 0) -> pd.DataFrame:
    """Rows with a label, a prediction that is right for 85 % of them, and columns of group names."""
    rng = np.random.default_rng(seed)
    table = {c: np.array([f"{c} {i}" for i in range(k)])[rng.integers(k, size=rows)] for c, k in groups.items()}
    label = rng.random(rows) < 0.4
    prediction = label ^ (rng.random(rows) < 0.15)
    return pd.DataFrame(table | {"label": label.astype(int), "pred1": prediction.astype(int)})


def ours(table, by, interval="bootstrap", draws=1000):
    return audit(table, groups=[by], metrics=list(METRICS), interval=interval, draws=draws)


def fairlearn(table, by, samples=None):
    """fairlearn's metrics by group; with samples also its bootstrap of rows of the whole table."""
    by = [by] if isinstance(by, str) else list(by)
    boot = {"n_boot": samples, "ci_quantiles": ENDS, "random_state": 0} if samples else {}
    true, predicted = table["label"].to_numpy(), table["pred1"].to_numpy()
    return MetricFrame(metrics=METRICS, y_true=true, y_pred=predicted, sensitive_features=table[by], **boot)


def scipy_bootstrap(table, by, samples=1000):
    """Percentile bounds (groups, metrics, 2) by scipy, which draws the rows of each denominator by themselves."""
    rng = np.random.default_rng(0)
    label, prediction, group = (table[c].to_numpy() for c in ("label", "pred1", by))
    bounds = []
    for name in sorted(set(group)):
        y, p = label[group == name], prediction[group == name]
        for counted in (y == p, p[y == 1] == 1, p == 1):
            found = scipy.stats.bootstrap(
                (counted,), np.mean, n_resamples=samples, vectorized=True, method="percentile", rng=rng
            )
            bounds.append(found.confidence_interval)
    return np.reshape(bounds, (-1, len(METRICS), 2))


def null_loop(groups, rows, accuracy, draws):
    """Best-to-worst gaps by chance as one would write it first: every row of every draw is simulated."""
    rng = np.random.default_rng(0)
    gaps = np.empty(draws)
    for i in range(draws):
        rates = (rng.random((groups, rows)) < accuracy).mean(axis=1)
        gaps[i] = rates.max() - rates.min()
    return gaps


def in_turn(ways: dict, repeats: dict):
    """Call each way as often as asked, in turn; medians of its seconds, and its last result."""
    runs, results = {name: [] for name in ways}, {}
    for i in range(max(repeats.values())):
        for name, way in ways.items():
            if i < repeats[name]:
                results[name], cpu, wall = cpu_and_wall(way)
                runs[name].append({"cpu": cpu, "wall": wall})
    return {name: medians(some) for name, some in runs.items()}, results


def by_group(audited, columns):
    """An audit's rows of its groups, in order, and its metrics, as asked: (groups, metrics, columns)."""
    attributes = audited.columns[: audited.columns.get_loc("metric")]
    rows = audited[audited[attributes].notna().all(axis=1)]
    return rows[columns].to_numpy(float).reshape(len(METRICS), -1, len(columns)).swapaxes(0, 1)


def away(audited, bounds, samples):
    """How far percentile bounds lie from those of an audit with many draws, in standard errors of both.

    The end of an interval is a quantile of draws, so its error is √(q·(1 − q) / samples) over the draws' density there.
    """
    value, low, high, of = np.moveaxis(by_group(audited, ["value", "low", "high", "of"]), -1, 0)
    density = scipy.stats.norm.pdf(scipy.stats.norm.ppf(ENDS)) / np.sqrt(value * (1 - value) / of)[..., None]
    error = np.sqrt(ENDS[0] * ENDS[1] * (1 / samples + 1 / MANY_DRAWS)) / density
    distance = (np.stack([low, high], -1) - bounds) / error
    return [f"{abs(distance).max():.2f}", f"{np.sqrt((distance**2).mean()):.2f}", f"{distance.size}"]


def fairlearn_bounds(frame):
    return np.stack([ends.to_numpy(float) for ends in frame.by_group_ci], -1)


def largest_difference(audited, frame):
    return f"{np.abs(by_group(audited, ['value'])[..., 0] - frame.by_group.to_numpy(float)).max():.0e}"


def imports(repeats):
    """Seconds that the imports take in fresh processes, in turn: the peer's and ours."""
    runs = {PEER_IMPORTS: [], OUR_IMPORTS: []}
    settings = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(repeats):
        for modules, some in runs.items():
            code = f"""
import json, time
cpu, wall = time.process_time(), time.perf_counter()
import {modules}
print(json.dumps({{"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}}))
"""
            done = subprocess.run([sys.executable, "-c", code], env=settings, check=True, stdout=subprocess.PIPE)
            some.append(json.loads(done.stdout))
    return {modules: medians(some) for modules, some in runs.items()}


def seconds(x):
    return f"{x:.4f}" if x < 0.1 else f"{x:.2f}"


def against(name, peer, own, target):
    """A row of the table: the seconds of both, and how many times ours are in the peer's."""
    cells = [name]
    for key in ("wall", "cpu"):
        ratio = peer[key] / own[key]
        cells += [seconds(peer[key]), seconds(own[key]), f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"]
    return [*cells, target]


def measure_bootstrap(rows, groups, samples, repeats, few, full):
    """Rows of the tables of speeds, of equal numbers and of bounds; what is to be said of fairlearn's growth."""
    table = made_up(rows, {"group": groups})
    fewer, more = samples
    measured, found = in_turn(
        {
            "ours": lambda: ours(table, "group"),
            fewer: lambda: fairlearn(table, "group", fewer),
            more: lambda: fairlearn(table, "group", more),
            "scipy": lambda: scipy_bootstrap(table, "group"),
        },
        {"ours": 5 * repeats, fewer: few, more: few, "scipy": repeats},
    )
    own = measured["ours"]
    scaled = {key: took * 1000 / more for key, took in measured[more].items()}
    name = f"bootstrap, 3 metrics by {groups} groups, {rows:,} rows: fairlearn"
    speeds = [against(f"{name}, scaled from {more} samples", scaled, own, "2,000")]
    speeds.append(against("the same: scipy.stats.bootstrap within groups", measured["scipy"], own, "20"))
    reference = ours(table, "group", draws=MANY_DRAWS)
    drawn = {"scipy": found["scipy"], "ours": by_group(found["ours"], ["low", "high"])}
    if full:
        frame, cpu, wall = cpu_and_wall(fairlearn, table, "group", 1000)
        speeds.insert(1, against(f"{name}, 1,000 samples, once", {"cpu": cpu, "wall": wall}, own, "2,000"))
        drawn["fairlearn"] = fairlearn_bounds(frame)
    bounds = [
        [f"bounds of {who}, {groups} groups, {rows:,} rows, 1,000 samples", *away(reference, ends, 1000)]
        for who, ends in drawn.items()
    ]
    same = [f"fairlearn, {groups} groups, {rows:,} rows", largest_difference(found["ours"], found[more])]
    per_sample = [measured[s]["cpu"] / s for s in samples]
    said = (
        f"fairlearn: {per_sample[0]:.3f} CPU s a sample with {fewer} samples, {per_sample[1]:.3f} with {more}, "
        f"{per_sample[1] / per_sample[0]:.2f} times as much."
    )
    return speeds, same, bounds, said


def measure_crossed(rows, repeats, few):
    by, crossed = tuple(ATTRIBUTES), made_up(rows, ATTRIBUTES)
    speeds, same = [], []
    tables = {"strings": crossed, "categories": crossed.astype(dict.fromkeys(by, "category"))}
    for kind, table in tables.items():
        measured, found = in_turn(
            {"ours": lambda t=table: ours(t, by, None), "fairlearn": lambda t=table: fairlearn(t, by)},
            {"ours": repeats, "fairlearn": few},
        )
        groups = " × ".join(map(str, ATTRIBUTES.values()))
        name = f"no interval, {groups} crossed groups as {kind}, {rows:,} rows: fairlearn"
        speeds.append(against(name, measured["fairlearn"], measured["ours"], "5"))
        name = f"fairlearn, {groups} crossed groups as {kind}, {rows:,} rows"
        same.append([name, largest_difference(found["ours"], found["fairlearn"])])
    return speeds, same


def measure_null(draws, repeats):
    measured, gaps = in_turn(
        {"ours": lambda: null_gap([500] * 20, 0.8, draws), "loop": lambda: null_loop(20, 500, 0.8, draws)},
        {"ours": 5 * repeats, "loop": repeats},
    )
    name = f"null simulation, 20 groups of 500, {draws:,} draws: loop over simulated rows"
    error = np.sqrt((gaps["ours"].var() + gaps["loop"].var()) / draws)
    distance = abs(gaps["ours"].mean() - gaps["loop"].mean()) / error
    return against(name, measured["loop"], measured["ours"], "50"), [
        "mean gap of the null simulation, ours and the loop",
        f"{distance:.2f}",
        f"{distance:.2f}",
        "1",
    ]


def measure_growth(sizes, groups, repeats):
    growth = []
    for size in sizes:
        table = made_up(size, {"group": groups})
        measured, _ = in_turn(
            {"none": lambda t=table: ours(t, "group", None), "drawn": lambda t=table: ours(t, "group")},
            dict.fromkeys(("none", "drawn"), repeats if size >= 10**6 else 5 * repeats),
        )
        cells = []
        for key in ("wall", "cpu"):
            none, drawn = (measured[way][key] for way in ("none", "drawn"))
            cells += [f"{none:.4f}", f"{drawn:.4f}", f"{drawn - none:+.4f}"]
        growth.append([f"{size:,} rows", *cells])
    return growth


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, once: a try, no result")
    parser.add_argument("--full", action="store_true", help="run fairlearn's 1,000 bootstrap samples, once")
    parser.add_argument("--repeats", type=int, default=5, help="times each way is run (5); fairlearn at most 3 times")
    args = parser.parse_args()
    warnings.simplefilter("ignore", AuditWarning)
    repeats, few = (1, 1) if args.quick else (args.repeats, min(args.repeats, 3))
    rows, groups, samples = (3_000, 4, (2, 4)) if args.quick else (60_000, 20, (10, 20))
    crossed_rows, draws = (20_000, 500) if args.quick else (1_000_000, 10_000)
    small_rows, small_samples = (1_000, 100) if args.quick else (8_000, 1_000)
    sizes = (10**3, 10**4) if args.quick else (10**4, 10**5, 10**6, 10**7)

    for way in (ours, fairlearn, scipy_bootstrap):  # what only the first call pays is not measured
        way(made_up(500, {"group": 2}), "group")
    null_gap([500] * 2, 0.8, 10)

    speeds, same, bounds, said = measure_bootstrap(rows, groups, samples, repeats, few, args.full)
    more_speeds, more_same = measure_crossed(crossed_rows, repeats, few)
    null_speed, null_distance = measure_null(draws, repeats)
    print_table(
        f"The audit against its peers, medians of {repeats} (fairlearn {few}), {os.cpu_count()} cores",
        ["", "peer, clock s", "ours", "ratio", "peer, CPU s", "ours", "ratio", "at least"],
        [*speeds, *more_speeds, null_speed],
    )
    print(f"\n{said}\nfairlearn and ours draw rows of the whole table; scipy draws within each group and denominator,")
    print("which holds their sizes fixed: another question.")

    print_table("The same values?", ["", "largest difference", "at most"], [[*s, "1e-12"] for s in [same, *more_same]])
    small = made_up(small_rows, {"group": 4}, seed=1)
    ends = fairlearn_bounds(fairlearn(small, "group", small_samples))
    name = f"bounds of fairlearn, 4 groups, {small_rows:,} rows, {small_samples:,} samples"
    bounds.append([name, *away(ours(small, "group", draws=MANY_DRAWS), ends, small_samples)])
    print_table(
        f"The same draws? Bounds against ours from {MANY_DRAWS:,} draws: distance in standard errors of drawing",
        ["", "largest", "root mean square", "numbers"],
        [*bounds, null_distance],
    )

    print_table(
        f"Growth: 3 metrics by {groups} groups, seconds of the audit",
        ["", "clock: no interval", "1,000 draws", "difference", "CPU: no interval", "1,000 draws", "difference"],
        measure_growth(sizes, groups, repeats),
    )

    times = 1 if args.quick else 2 * repeats + 1
    base, engine = imports(times).values()
    rows = [[PEER_IMPORTS, seconds(base["wall"]), "", seconds(base["cpu"]), "", ""]]
    rows.append([OUR_IMPORTS.replace("utils.evaluation.", "")])
    for key in ("wall", "cpu"):
        rows[1] += [seconds(engine[key]), f"{engine[key] / base[key]:.2f}"]
    rows[1].append("1.5")
    head = ["", "clock s", "ratio", "CPU s", "ratio", "at most"]
    print_table(f"Imports in fresh processes, medians of {times}", head, rows)
    if args.quick:
        print("\nA try on few rows: these ratios mean nothing.")


if __name__ == "__main__":
    main()
