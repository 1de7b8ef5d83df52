"""Lab 1's pipeline with this project's tools: `prepare`, `train` and `evaluate` as `obvious_way.py` has them."""

import torch

from utils.dataset_utils import create_augmented_data_2, create_starting_data, get_val2
from utils.eval_utils import compute_accuracy, get_group_accuracy_by_value
from utils.train_utils import run_baseline_model, train_baseline_model
from utils.training._baseline import train_baseline_models


def prepare(limit=None):
    """Starting, augmented, evaluation and customer's data; `limit` keeps about what the first images would give."""
    starting, evaluation = create_starting_data()
    augmented = create_augmented_data_2()
    if limit:
        starting, augmented = (t.sample(frac=limit / 60_000, random_state=0) for t in (starting, augmented))
        evaluation = evaluation.sample(min(limit, len(evaluation)), random_state=0)
    return starting, augmented, evaluation, get_val2(evaluation)


def train(table):
    return train_baseline_model(table, progress=False)


def evaluate(model, table):
    """Accuracy of the predictions, overall and of each digit."""
    table = run_baseline_model(model, table)
    return compute_accuracy(table, "label", "pred1"), get_group_accuracy_by_value(table, "digit", "pred1", "label")


def accuracies(starting, evaluation, seeds):
    """Accuracy of the model of each seed."""
    out = []
    for i in range(0, len(seeds), 50):  # more at once gain nothing: their weights would not stay in the cache
        models = train_baseline_models(starting, seeds[i : i + 50], progress=False)
        out += [evaluate(model, evaluation)[0] for model in models]
    return out


class Order:
    """A sampler for a DataLoader: the rows in the order in which our training sees them."""

    def __init__(self, rows, seed):
        self.rows, self.generator = rows, torch.Generator().manual_seed(seed)

    def __len__(self):
        return self.rows

    def __iter__(self):
        return iter(torch.randperm(self.rows, generator=self.generator).tolist())
