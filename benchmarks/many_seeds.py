"""Thirty seeds of the baseline trained together against thirty trainings one after another by the same code.

Both ways run in this process, in turn, on the starting data; the table shows medians of the seconds on the clock and of
the CPU seconds of all threads. What varies between seeds: the start values and the order of the rows ("both"), only the
start values, or only the order; the first is compared, of the other two the time together is shown.

    python benchmarks/many_seeds.py [--quick]
"""

import argparse
import os

import numpy as np
from common import cpu_and_wall, medians, print_table

from utils.dataset_utils import create_starting_data
from utils.training._baseline import train_baseline_model, train_baseline_models
from utils.training._predict import predict_many


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 seeds, a tenth of the digits: a try, no result")
    parser.add_argument("--repeats", type=int, default=3, help="times the seeds are trained together (3)")
    parser.add_argument("--one-by-one", type=int, default=2, help="times they are trained one after another (2)")
    parser.add_argument("--seeds", type=int, default=30, help="models (30)")
    args = parser.parse_args()
    repeats, one_by_one, n = (1, 1, 3) if args.quick else (args.repeats, args.one_by_one, args.seeds)

    table, evaluation = create_starting_data()
    if args.quick:
        table = table.sample(frac=0.1, random_state=0)
    train_baseline_models(table[:1000], range(2), progress=False)  # what only the first call pays is not measured

    runs = {"one by one": [], "both": [], "start": [], "order": []}
    for i in range(max(repeats, one_by_one)):
        if i < one_by_one:
            alone, cpu, wall = cpu_and_wall(
                lambda: [train_baseline_model(table, seed, progress=False) for seed in range(n)]
            )
            runs["one by one"].append({"cpu": cpu, "wall": wall})
        for vary in ("both", "start", "order") if i < repeats else ():
            models, cpu, wall = cpu_and_wall(train_baseline_models, table, range(n), vary, progress=False)
            runs[vary].append({"cpu": cpu, "wall": wall})
            if vary == "both":
                together = models
    one = medians(runs.pop("one by one"))

    rows = [["one after another", f"{one['wall']:.2f}", "", f"{one['cpu']:.2f}", "", ""]]
    for vary, measured in runs.items():
        m = medians(measured)
        ratios = [f"{one[key] / m[key]:.2f}" for key in ("wall", "cpu")]
        target = "at least 3 on the clock" if vary == "both" else ""
        rows.append([f"together, vary={vary}", f"{m['wall']:.2f}", ratios[0], f"{m['cpu']:.2f}", ratios[1], target])
    print_table(
        f"{n} seeds on {len(table):,} digits, median of {repeats} (one after another: {one_by_one}), "
        f"{os.cpu_count()} cores",
        ["", "clock s", "ratio", "CPU s", "ratio", "target"],
        rows,
    )

    labels = evaluation["label"].to_numpy()
    ways = [predict_many(models, evaluation) for models in (alone, together)]
    accuracy_alone, accuracy_together = ((p == labels).mean(1) for p in ways)
    print_table(
        f"The same models? Predictions for {len(labels):,} digits, vary=both",
        ["", "one after another", "together", "difference"],
        [
            [
                "mean accuracy",
                f"{accuracy_alone.mean():.4f}",
                f"{accuracy_together.mean():.4f}",
                f"{accuracy_together.mean() - accuracy_alone.mean():+.4f}",
            ],
            [
                "largest difference of accuracy of a seed",
                "",
                "",
                f"{abs(accuracy_together - accuracy_alone).max():.4f}",
            ],
            ["largest share of other predictions of a seed", "", "", f"{np.not_equal(*ways).mean(1).max():.4f}"],
            ["mean share of other predictions", "", "", f"{np.not_equal(*ways).mean():.4f}"],
        ],
    )
    if args.quick:
        print("\nA try on a tenth of the digits: these ratios mean nothing.")


if __name__ == "__main__":
    main()
