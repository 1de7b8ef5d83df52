ANSWERS = {
    "q1_losses_by_group": [
        (
            "sums instead of means",
            """
def losses_by_group(losses, group, groups):
    total = torch.zeros(groups).index_add(0, group, losses)
    return total, torch.bincount(group, minlength=groups) > 0
""",
            0,
        ),
        (
            "divides by the batch",
            """
def losses_by_group(losses, group, groups):
    total = torch.zeros(groups).index_add(0, group, losses)
    return total / len(losses), torch.bincount(group, minlength=groups) > 0
""",
            0,
        ),
        (
            "NaN where nobody is",
            """
def losses_by_group(losses, group, groups):
    count = torch.bincount(group, minlength=groups)
    return torch.zeros(groups).index_add(0, group, losses) / count, count > 0
""",
            0,
        ),
        (
            "loses the gradient",
            """
def losses_by_group(losses, group, groups):
    count = torch.bincount(group, minlength=groups)
    mean = torch.zeros(groups).index_add(0, group, losses.detach()) / count.clamp(min=1)
    return mean, count > 0
""",
            0,
        ),
        (
            "only the groups of this batch",
            """
def losses_by_group(losses, group, groups):
    there = torch.unique(group)
    return torch.stack([losses[group == g].mean() for g in there]), torch.ones(len(there), dtype=torch.bool)
""",
            0,
        ),
        (
            "written another way: a loop over the groups",
            """
def losses_by_group(losses, group, groups):
    means, present = [], []
    for g in range(groups):
        part = losses[group == g]
        present.append(len(part) > 0)
        means.append(part.mean() if len(part) else torch.tensor(0.0))
    return torch.stack(means), torch.tensor(present)
""",
            8,
        ),
    ],
    "q2_weights": [
        (
            "the easy groups gain",
            """
def updated(weights, mean, present, step):
    new = weights * torch.exp(-step * torch.where(present, mean.detach(), 0.0))
    return new / new.sum()
""",
            0,
        ),
        (
            "not scaled to a sum of 1",
            """
def updated(weights, mean, present, step):
    return weights * torch.exp(step * torch.where(present, mean.detach(), 0.0))
""",
            0,
        ),
        (
            "absent groups lose their weight",
            """
def updated(weights, mean, present, step):
    new = torch.where(present, weights * torch.exp(step * (mean.detach() - mean.detach().max())), 0.0)
    return new / new.sum()
""",
            0,
        ),
        (
            "infinite for large losses",
            """
def updated(weights, mean, present, step):
    new = weights * torch.exp(step * torch.where(present, mean.detach(), 0.0))
    return new / new.sum()
""",
            0,
        ),
        (
            "follows the loss of absent groups",
            """
def updated(weights, mean, present, step):
    exponent = step * mean.detach()
    new = weights * torch.exp(exponent - exponent.max())
    return new / new.sum()
""",
            0,
        ),
        (
            "carries a gradient",
            """
def updated(weights, mean, present, step):
    exponent = step * torch.where(present, mean, 0.0)
    new = weights * torch.exp(exponent - exponent.max())
    return new / new.sum()
""",
            0,
        ),
        (
            "written another way: a softmax of logarithms",
            """
def updated(weights, mean, present, step):
    with torch.no_grad():
        return torch.softmax(torch.log(weights) + step * mean * present, 0)
""",
            7,
        ),
    ],
    "q3_pick_epoch": [
        (
            "the best mean",
            """
def pick_epoch(accuracies, n, least):
    counted = accuracies.loc[:, [c for c in accuracies if n[c] >= least]]
    if counted.shape[1] == 0:
        raise ValueError("no group")
    return counted.mean(axis=1).idxmax()
""",
            0,
        ),
        (
            "small groups counted",
            """
def pick_epoch(accuracies, n, least):
    if not (n >= least).any():
        raise ValueError("no group")
    order = pd.DataFrame({"w": accuracies.min(axis=1), "m": accuracies.mean(axis=1)})
    return order.sort_values(["w", "m"], ascending=False, kind="stable").index[0]
""",
            0,
        ),
        (
            "ties by order alone",
            """
def pick_epoch(accuracies, n, least):
    counted = accuracies.loc[:, [c for c in accuracies if n[c] >= least]]
    if counted.shape[1] == 0:
        raise ValueError("no group")
    return counted.min(axis=1).idxmax()
""",
            0,
        ),
        (
            "the place of the row, not the epoch",
            """
def pick_epoch(accuracies, n, least):
    counted = accuracies.loc[:, [c for c in accuracies if n[c] >= least]].round(9)
    if counted.shape[1] == 0:
        raise ValueError("no group")
    order = pd.DataFrame({"w": counted.min(axis=1), "m": counted.mean(axis=1).round(9)}).reset_index(drop=True)
    return order.sort_values(["w", "m"], ascending=False, kind="stable").index[0] + 1
""",
            0,
        ),
        (
            "no error without groups",
            """
def pick_epoch(accuracies, n, least):
    counted = accuracies.loc[:, [c for c in accuracies if n[c] >= least]].round(9)
    order = pd.DataFrame({"w": counted.min(axis=1), "m": counted.mean(axis=1).round(9)})
    return order.sort_values(["w", "m"], ascending=False, kind="stable").index[0]
""",
            0,
        ),
        (
            "written another way: one key an epoch",
            """
def pick_epoch(accuracies, n, least):
    names = [c for c in accuracies if n[c] >= least]
    if len(names) == 0:
        raise ValueError(f"No group has {least} pictures.")
    best = None
    for epoch, row in accuracies[names].iterrows():
        key = (round(row.min(), 9), round(row.mean(), 9))
        if best is None or key > best[0]:
            best = (key, epoch)
    return best[1]
""",
            5,
        ),
    ],
}
