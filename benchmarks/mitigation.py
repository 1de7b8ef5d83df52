"""All mitigation methods on two tasks: who wins, who loses, and what it costs.

Parity: even or odd digit, colour as the attribute (real MNIST), co-occurrence 0.95 and 0.98. Scenes: which activity,
the cue of perceived gender as the attribute, co-occurrence and background proxy at 97 in 100. Test data are balanced;
`average` weighs the cells of the test data as the training data do. Validation data are balanced, choose the checkpoint
of every method, and are what methods after training are fitted on. All methods share their settings: Adam with a
one-cycle rate up to 0.005, batches of 64, 10 epochs, pictures moved by up to 2 pixels (parity).

    python benchmarks/mitigation.py [--quick] [--task parity98] [--seeds 5]
"""

import argparse
import copy
import time

import numpy as np
import pandas as pd
import torch
from common import print_table
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from utils.datasets.handwritten_numbers import create_parity_data
from utils.datasets.simulated_scenes import Specification, counterfactual_pairs, simulate
from utils.mitigation.compare import compare, summary
from utils.mitigation.methods import METHODS, method_table
from utils.mitigation.plain import plain
from utils.training.models import scene_convnet

TRAINING = {"epochs": 10, "learning_rate": 0.005, "batch_size": 64}
ORACLE = "oracle: balanced data"  # plain training without the association: nobody has such data in practice
PUBLISHED = {"group DRO": "+18.8", "Just Train Twice": "+14.1", "last-layer retraining": "+20.3"}
TASKS = ["parity95", "parity98", "scenes97"]


def task(name: str, quick: bool) -> dict:
    """The data of a task, its group column, its training settings, and the methods that make sense for it."""
    if name.startswith("parity"):
        n = 600 if quick else 6000
        train, validation, test, other = create_parity_data(int(name[-2:]) / 100, n, n // 3)
        balanced, *_ = create_parity_data(0.5, n, n // 3)
        methods = [m for m in METHODS if m != "hide person"]
        about = {"data": (train, validation, test), "other": other, "groups": "color", "methods": methods, "shift": 2}
        # Each test digit is there in both colours, and the probe sees it in one of them.
        one_color = np.arange(len(test) // 2) + len(test) // 2 * np.random.default_rng(0).integers(0, 2, len(test) // 2)
        return about | {"probe": one_color, "balanced": balanced}
    share = 0.94  # Cramér's V of two equal groups of which each has 97 in 100 of one activity
    biased = Specification(feminine_share=0.5, co_occurrence=share, proxy=share, unknown=0.0, size_gap=0.0)
    balanced = biased.without("co_occurrence", "proxy")
    n = 600 if quick else 6000
    test, other = counterfactual_pairs(balanced, n // 2, 0, split="test")
    data = simulate(biased, n, 0), simulate(balanced, n // 3, 0, split="validation"), test
    methods = [m for m in METHODS if m != "silhouette"]
    about = {"data": data, "other": other, "groups": "true_gender_cue", "methods": methods, "shift": 0, "probe": True}
    return about | {"balanced": simulate(balanced, n, 0)}


class Pictures(Dataset):
    """A table of pictures the way tutorials show it: one row at a time."""

    def __init__(self, table: pd.DataFrame, cell: np.ndarray):
        self.table, self.cell = table, cell

    def __len__(self):
        return len(self.table)

    def __getitem__(self, i):
        row = self.table.iloc[i]
        return torch.tensor(row["img"]).permute(2, 0, 1).float() / 255, int(row["label"]), int(self.cell[i])


def obvious_loop(train, validation, epochs, seed, kind):
    """One method the way tutorials show it: a Dataset, a DataLoader, a step for each batch, the best epoch kept."""
    network = scene_convnet(torch.Generator().manual_seed(seed), 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    cell = pd.factorize(train["group"] + train["label"].astype(str), sort=True)[0]
    rows_of = np.bincount(cell)
    generator = torch.Generator().manual_seed(seed)
    if kind == "subsampling":
        kept = pd.Series(cell).groupby(cell).sample(rows_of.min(), random_state=seed).index
        train, cell = train.iloc[kept].reset_index(drop=True), cell[kept]
        train = pd.concat([train] * max(1, rows_of.sum() // len(train)), ignore_index=True)
        cell = np.tile(cell, len(train) // len(cell))
    sampler = WeightedRandomSampler((1 / rows_of[cell]).tolist(), len(cell), generator=generator)
    drawn = kind in ("resampling", "group DRO")
    loader = DataLoader(
        Pictures(train, cell), 64, sampler=sampler if drawn else None, shuffle=not drawn, generator=generator
    )
    held_out = DataLoader(Pictures(validation, np.zeros(len(validation), int)), 64)
    weight, q, best = torch.tensor(len(cell) / len(rows_of) / rows_of), torch.ones(len(rows_of)) / len(rows_of), -1.0
    for _ in range(epochs):
        for x, y, c in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y, reduction="none")
            if kind == "loss weights":
                loss = (weight[c] * loss).mean()
            elif kind == "group DRO":
                means = torch.stack([loss[c == i].mean() if (c == i).any() else loss.sum() * 0 for i in range(len(q))])
                q = q * torch.exp(0.01 * means.detach())
                q = q / q.sum()
                loss = (q * means).sum()
            else:
                loss = loss.mean()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = float(np.mean([float((network(x).argmax(1) == y).float().mean()) for x, y, _ in held_out]))
        if accuracy > best:
            best, _ = accuracy, copy.deepcopy(network)


def table_against_loops(about, epochs: int, seeds: int):
    """Five methods over some seeds: `compare` against the same, method by method through a DataLoader."""
    methods = ["plain", "loss weights", "resampling", "subsampling", "group DRO"]
    train, validation, test = about["data"]
    named = train.assign(group=train[about["groups"]]).reset_index(drop=True)
    start = time.perf_counter()
    for method in methods:
        for seed in range(seeds):
            obvious_loop(named, validation, epochs, seed, method)
    obvious = time.perf_counter() - start
    start = time.perf_counter()
    compare(*about["data"], groups=about["groups"], methods=methods, seeds=range(seeds), epochs=epochs, probe=False)
    return obvious, time.perf_counter() - start


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

        def oracle(train, validation, about=about, **settings):
            return plain(about["balanced"], validation, **settings)

        start = time.perf_counter()
        found = compare(
            *about["data"],
            groups=about["groups"],
            methods={ORACLE: oracle} | {m: METHODS[m] for m in methods},
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

            used = needs.loc[row["method"]] if row["method"] in needs.index else {}
            where = "".join(k[0].upper() for k in ("training", "validation", "prediction") if used.get(k))
            measures = ["accuracy", "worst_group_accuracy", "gap", "worst_group_accuracy_last", "flip_rate", "leakage"]
            rows.append([row["method"], *map(cell, measures), where or "–", f"{row['seconds']:.1f}"])
        print_table(
            f"{name}: mean ± SD over {seeds} seeds, per cent; the whole table in {wall:.0f} s",
            ["", "average", "worst group", "gap", "worst, last epoch", "flips", "leakage", "attribute in", "CPU s"],
            rows,
        )
        uplift = found.pivot(index="seed", columns="method", values="worst_group_accuracy")
        uplift = 100 * uplift.sub(uplift["plain"], axis=0)
        print_table(
            f"{name}: worst group, points gained over plain training",
            ["", "mean ± SD", "published for Waterbirds"],
            [
                [method, f"{uplift[method].mean():+.1f} ± {uplift[method].std():.1f}", published]
                for method, published in PUBLISHED.items()
                if method in uplift
            ],
        )
    runs = [table_against_loops(about, training["epochs"], 2) for _ in range(1 if args.quick else 2)]
    obvious, ours = np.median(runs, axis=0)
    print_table(
        "Five methods, two seeds; T, V and P above: training, validation, prediction",
        ["", "DataLoader, one by one", "compare", "ratio", "target"],
        [["seconds on the clock", f"{obvious:.1f}", f"{ours:.1f}", f"{obvious / ours:.2f}", "3"]],
    )
    if args.quick:
        print("\nA try on a few pictures: these figures mean nothing.")


if __name__ == "__main__":
    main()
