"""All mitigation methods on two tasks: who wins, who loses, and what it costs.

Parity: even or odd digit, colour as the attribute (real MNIST), co-occurrence 0.95 and 0.98. Scenes: which activity,
the cue of perceived gender as the attribute, co-occurrence and background proxy at 97 in 100. Test data are balanced;
`average` weighs the cells of the test data as the training data do. Validation data are balanced, choose the checkpoint
of every method, and are what methods after training are fitted on. All methods share their settings: Adam with a
one-cycle rate up to 0.005, batches of 64, 10 epochs, pictures moved by up to 2 pixels (parity).

    python benchmarks/mitigation.py [--quick] [--task parity98] [--seeds 5]
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from common import cpu_and_wall, print_table
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from utils.datasets.handwritten_numbers import create_parity_data
from utils.datasets.simulated_scenes import Specification, counterfactual_pairs, simulate
from utils.mitigation.compare import compare, summary
from utils.mitigation.methods import METHODS, method_table
from utils.mitigation.plain import plain
from utils.training.models import scene_convnet

TRAINING = {"epochs": 10, "learning_rate": 0.005, "batch_size": 64}
TASKS = ["parity95", "parity98", "scenes97"]


def task(name: str, quick: bool) -> dict:
    """The data of a task, its group column, its training settings, and the methods that make sense for it."""
    if name.startswith("parity"):
        n = 600 if quick else 6000
        train, validation, test, other = create_parity_data(int(name[-2:]) / 100, n, n // 3)
        methods = [m for m in METHODS if m != "hide person"]
        about = {"data": (train, validation, test), "other": other, "groups": "color", "methods": methods, "shift": 2}
        # Each test digit is there in both colours: a probe that learns from the one is misled about the other.
        return about | {"probe": False}
    share = 0.94  # Cramér's V of two equal groups of which each has 97 in 100 of one activity
    biased = Specification(feminine_share=0.5, co_occurrence=share, proxy=share, unknown=0.0, size_gap=0.0)
    balanced = biased.without("co_occurrence", "proxy")
    n = 600 if quick else 6000
    test, other = counterfactual_pairs(balanced, n // 2, 0, split="test")
    data = simulate(biased, n, 0), simulate(balanced, n // 3, 0, split="validation"), test
    methods = [m for m in METHODS if m != "silhouette"]
    return {"data": data, "other": other, "groups": "true_gender_cue", "methods": methods, "shift": 0, "probe": True}


class Pictures(Dataset):
    """A table of pictures the way tutorials show it: one row at a time."""

    def __init__(self, table: pd.DataFrame):
        self.table = table

    def __len__(self):
        return len(self.table)

    def __getitem__(self, i):
        row = self.table.iloc[i]
        return torch.tensor(row["img"]).permute(2, 0, 1).float() / 255, int(row["label"])


def by_data_loader(train, validation, epochs: int):
    """Plain training and choice of a checkpoint through a DataLoader, on torch's own number of threads."""
    network = scene_convnet(torch.Generator().manual_seed(0), 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    loader = DataLoader(Pictures(train), 64, shuffle=True, generator=torch.Generator().manual_seed(0))
    held_out = DataLoader(Pictures(validation), 64)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            np.mean([float((network(x).argmax(1) == y).float().mean()) for x, y in held_out])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the pictures, 2 seeds, 3 methods: no result")
    parser.add_argument("--task", choices=TASKS, action="append", help="all")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    seeds, training = (2, TRAINING | {"epochs": 2}) if args.quick else (args.seeds, TRAINING)
    needs = method_table().set_index("method")
    for name in args.task or TASKS:
        about = task(name, args.quick)
        methods = ["plain", "resampling", "group thresholds"] if args.quick else about["methods"]
        start = time.perf_counter()
        found = compare(
            *about["data"],
            groups=about["groups"],
            methods=methods,
            seeds=range(seeds),
            counterfactual=about["other"],
            probe=about["probe"],
            shift=about["shift"],
            **training,
        )
        wall = time.perf_counter() - start
        rows = []
        for row in summary(found).to_dict("records"):

            def cell(measure, row=row):
                mean, spread = 100 * row[measure], 100 * row[f"{measure}_sd"]
                return f"{mean:.1f} ± {spread:.1f}" if mean == mean else "–"

            where = "".join(
                k[0].upper() for k in ("training", "validation", "prediction") if needs.loc[row["method"], k]
            )
            measures = ["accuracy", "worst_group_accuracy", "gap", "worst_group_accuracy_last", "flip_rate", "leakage"]
            rows.append([row["method"], *map(cell, measures), where or "–", f"{row['seconds']:.1f}"])
        print_table(
            f"{name}: mean ± SD over {seeds} seeds, per cent; the whole table in {wall:.0f} s",
            ["", "average", "worst group", "gap", "worst, last epoch", "flips", "leakage", "attribute in", "CPU s"],
            rows,
        )
    train, validation, _ = about["data"]
    runs = []
    for _ in range(1 if args.quick else 3):
        _, _, obvious = cpu_and_wall(by_data_loader, train, validation, training["epochs"])
        _, _, ours = cpu_and_wall(plain, train, validation, groups=about["groups"], **training)
        runs.append([obvious, ours])
    obvious, ours = np.median(runs, axis=0)
    print_table(
        "Plain training and choosing, one model; T, V and P above: training, validation, prediction",
        ["", "DataLoader", "ours", "ratio", "target"],
        [["seconds on the clock", f"{obvious:.2f}", f"{ours:.2f}", f"{obvious / ours:.2f}", "3"]],
    )
    if args.quick:
        print("\nA try on a few pictures: these figures mean nothing.")


if __name__ == "__main__":
    main()
