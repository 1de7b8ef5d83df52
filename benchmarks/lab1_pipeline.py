"""Lab 1's pipeline, our way against the obvious way: CPU time, peak memory, accuracy, as ratios.

The pipeline: the three tables of digits and the customer's, two trainings (starting and augmented data), three
evaluations (the starting model on the evaluation and on the customer's data, the augmented model on the evaluation
data). Each side runs in a fresh process, in turn; the table shows medians. The first run of each side goes on to train
one model a seed, which gives the mean accuracies.

    python benchmarks/lab1_pipeline.py [--quick]
"""

import argparse
import json
import math
import platform
import statistics
from importlib import import_module

from common import cpu_and_wall, in_own_process, medians, peak_megabytes, print_table

QUICK = 5000  # digits instead of all


# --- one side, in a process of its own: `our_way` or `obvious_way` ---------------------------------------------------
def measure(side: str, limit: int | None, seeds: int) -> dict:
    """Run one side once: CPU seconds of each step, seconds on the clock, peak memory, and accuracies over seeds."""
    way, imports, _ = cpu_and_wall(import_module, f"{side}_way")
    (starting, augmented, evaluation, customer), data, wall_data = cpu_and_wall(way.prepare, limit)
    first, train_1, wall_1 = cpu_and_wall(way.train, starting)
    second, train_2, wall_2 = cpu_and_wall(way.train, augmented)
    questions = [(first, evaluation), (first, customer), (second, evaluation)]
    _, evaluate, wall_evaluate = cpu_and_wall(lambda: [way.evaluate(model, table) for model, table in questions])
    whole = data + train_1 + train_2 + evaluate
    measured = {
        "imports": imports,
        "data": data,
        "train 1": train_1,
        "train 2": train_2,
        "evaluate": evaluate,
        "whole": whole,
        "with imports": imports + whole,
        "wall": wall_data + wall_1 + wall_2 + wall_evaluate,
        "memory": peak_megabytes(),
    }
    if seeds:
        accuracies = our_accuracies if side == "our" else obvious_accuracies
        measured["accuracies"] = accuracies(way, starting, evaluation, limit, seeds)
    return measured


def our_accuracies(way, starting, evaluation, limit, seeds):
    many = way.accuracies(starting, evaluation, range(10 * seeds))
    return {"own data": many[:seeds], "same data": many[:seeds], "same training": many}


def obvious_accuracies(way, starting, evaluation, limit, seeds):
    """The obvious way on its own data and on ours, and our training on its data.

    One run strays by 0.023 by chance, now and then by 0.1, so two means of 20 runs are 0.007 apart if nothing differs.
    On our data, with our order of rows, chance is out: the arithmetic of training is all that differs. (The start
    values are always ours: both draw what PyTorch draws for the seed.) With our training many seeds are cheap: the data
    are all that differs.
    """
    our_way = import_module("our_way")
    many = our_way.accuracies(starting, evaluation, range(10 * seeds))
    own = [way.evaluate(way.train(starting, seed), evaluation)[0] for seed in range(seeds)]
    starting, _, evaluation, _ = our_way.prepare(limit)
    models = (way.train(starting, seed, our_way.Order(len(starting), seed)) for seed in range(seeds))
    same = [way.evaluate(model, evaluation)[0] for model in models]
    return {"own data": own, "same data": same, "same training": many}


def unpack():
    """Untimed: torchvision would have unpacked MNIST's files when it downloaded them."""
    from utils.datasets._handwritten_numbers import unpack

    return str(unpack())


# --- both sides in turn, and the table -------------------------------------------------------------------------------
ROWS = {
    "imports, CPU s": ("imports", ""),
    "data preparation, CPU s": ("data", "at least 20"),
    "training on the starting data, CPU s": ("train 1", ""),
    "training on the augmented data, CPU s": ("train 2", ""),
    "three evaluations, CPU s": ("evaluate", ""),
    "whole pipeline, CPU s": ("whole", "at least 5"),
    "whole pipeline and imports, CPU s": ("with imports", ""),
    "whole pipeline, s on the clock": ("wall", ""),
    "peak memory, MB": ("memory", "at least 1"),
}


def accuracy_row(name, obvious, ours):
    """Means over seeds, and their difference with its standard error (seeds are pairs: they start alike)."""
    difference = [a - b for a, b in zip(ours, obvious, strict=True)]
    error = statistics.stdev(difference) / math.sqrt(len(difference))
    means = [f"{statistics.mean(side):.4f}" for side in (obvious, ours)]
    return [name, *means, f"{statistics.mean(difference):+.4f} ± {error:.4f}", "within 0.0050"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one run, 2 seeds, few digits: a try, no result")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each side (5)")
    parser.add_argument("--seeds", type=int, default=20, help="models of each side whose accuracies are averaged (20)")
    parser.add_argument("--side", choices=["obvious", "our", "unpack"], help="do this in this process and print JSON")
    args = parser.parse_args()
    if args.side:
        limit = QUICK if args.quick else None
        print(json.dumps(unpack() if args.side == "unpack" else measure(args.side, limit, args.seeds)))
        return

    repeats, seeds = (1, 2) if args.quick else (args.repeats, args.seeds)
    options = ["--quick"] if args.quick else []
    in_own_process("lab1_pipeline.py", "--side", "unpack")
    runs = {"obvious": [], "our": []}
    for i in range(repeats):
        for side, done in runs.items():
            seeds_now = "0" if i else str(seeds)  # the first run goes on to the accuracies
            done.append(in_own_process("lab1_pipeline.py", "--side", side, "--seeds", seeds_now, *options))
    accuracies = {side: done[0].pop("accuracies") for side, done in runs.items()}
    obvious, ours = medians(runs["obvious"]), medians(runs["our"])

    rows = []
    for name, (key, target) in ROWS.items():
        decimals = 0 if key == "memory" else 2
        numbers = [f"{side[key]:.{decimals}f}" for side in (obvious, ours)]
        rows.append([name, *numbers, f"{obvious[key] / ours[key]:.2f}", target])
    names = {
        "own data": f"mean accuracy over {seeds} seeds",
        "same data": f"mean accuracy over {seeds} seeds, same data and order",
        "same training": f"mean accuracy over {10 * seeds} seeds, same training",
    }
    for key, name in names.items():
        rows.append(accuracy_row(name, accuracies["obvious"][key], accuracies["our"][key]))
    print_table(
        f"Lab 1's pipeline, median of {repeats} runs (Python {platform.python_version()}, one torch thread)",
        ["", "obvious way", "ours", "ratio or difference", "target"],
        rows,
    )
    if args.quick:
        print("\nA try with few digits: these ratios mean nothing.")


if __name__ == "__main__":
    main()
