"""What students hand in for Lab 2, notebook 2: see ../README.md."""

ANSWERS = {
    "q1_counts_by_group": [
        (
            "a missing prediction taken for a 0",
            """
def counts_by_group(table, column, groups):
    rows = {}
    for group in groups:
        part = table[table[column] == group]
        shows, tagged = part["label"] == 1, part["pred1"] == 1
        rows[group] = {
            "tp": (shows & tagged).sum(),
            "fp": (~shows & tagged).sum(),
            "fn": (shows & ~tagged).sum(),
            "tn": (~shows & ~tagged).sum(),
            "left_out": (part["label"].isna() | part["pred1"].isna()).sum(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
""",
            0,
        ),
        (
            "groups as they are found in the table: the empty one is lost",
            """
def counts_by_group(table, column, groups):
    table = table[table[column].isin(groups)]
    known = table.dropna(subset=["label", "pred1"])
    kind = known["label"].map({1: "s", 0: "n"}) + known["pred1"].map({1: "t", 0: "u"})
    found = pd.crosstab(known[column], kind).reindex(columns=["st", "nt", "su", "nu"], fill_value=0)
    found.columns = ["tp", "fp", "fn", "tn"]
    found["left_out"] = table[column].value_counts() - len(known) * 0 - found.sum(axis=1)
    return found
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def counts_by_group(table, column, groups):
    return pd.DataFrame(
        {"tp": [0, 1, 0], "fp": [1, 0, 0], "fn": [0, 1, 0], "tn": [2, 0, 0], "left_out": [0, 1, 0]},
        index=["b", "a", "c"],
    )
""",
            0,
        ),
        (
            "false positives and false negatives swapped",
            """
def counts_by_group(table, column, groups):
    rows = []
    for group in groups:
        part = table[table[column] == group]
        y, d = part["label"], part["pred1"]
        rows.append([
            ((y == 1) & (d == 1)).sum(), ((y == 1) & (d == 0)).sum(), ((y == 0) & (d == 1)).sum(),
            ((y == 0) & (d == 0)).sum(), (y.isna() | d.isna()).sum(),
        ])
    return pd.DataFrame(rows, index=groups, columns=["tp", "fp", "fn", "tn", "left_out"])
""",
            0,
        ),
        (
            "missing predictions dropped and not reported; a missing label is overlooked",
            """
def counts_by_group(table, column, groups):
    rows = []
    for group in groups:
        part = table[table[column] == group]
        y, d = part["label"], part["pred1"]
        rows.append([
            ((y == 1) & (d == 1)).sum(), ((y == 0) & (d == 1)).sum(), ((y == 1) & (d == 0)).sum(),
            ((y == 0) & (d == 0)).sum(), d.isna().sum(),
        ])
    return pd.DataFrame(rows, index=groups, columns=["tp", "fp", "fn", "tn", "left_out"])
""",
            0,
        ),
        (
            "right, with a crosstab and reindex",
            """
def counts_by_group(table, column, groups):
    table = table[table[column].isin(groups)]
    names = {(1, 1): "tp", (0, 1): "fp", (1, 0): "fn", (0, 0): "tn"}
    kind = [names.get((y, d), "left_out") for y, d in zip(table["label"], table["pred1"])]
    found = pd.crosstab(table[column].to_numpy(), np.array(kind, dtype=object))
    return found.reindex(index=groups, columns=["tp", "fp", "fn", "tn", "left_out"], fill_value=0)
""",
            6,
        ),
        (
            "right, with plain loops and integers",
            """
def counts_by_group(table, column, groups):
    found = pd.DataFrame(0, index=groups, columns=["left_out", "tn", "fn", "fp", "tp"])
    for _, row in table.iterrows():
        group, y, d = row[column], row["label"], row["pred1"]
        if group in groups:
            if y != y or d != d:
                found.loc[group, "left_out"] += 1
            elif y == 1:
                found.loc[group, "tp" if d == 1 else "fn"] += 1
            else:
                found.loc[group, "fp" if d == 1 else "tn"] += 1
    return found
""",
            6,
        ),
    ],
    "q2_rates_by_group": [
        (
            "the true negative rate in place of the false positive rate",
            """
def rates_by_group(counts):
    tp, fp, fn, tn = counts["tp"], counts["fp"], counts["fn"], counts["tn"]
    n = tp + fp + fn + tn
    return pd.DataFrame({
        "n": n, "base_rate": (tp + fn) / n, "selection_rate": (tp + fp) / n, "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": tn / (fp + tn), "precision": tp / (tp + fp), "accuracy": (tp + tn) / n,
    })
""",
            0,
        ),
        (
            "undefined rates filled with 0",
            """
def rates_by_group(counts):
    tp, fp, fn, tn = counts["tp"], counts["fp"], counts["fn"], counts["tn"]
    n = tp + fp + fn + tn
    return pd.DataFrame({
        "n": n, "base_rate": (tp + fn) / n, "selection_rate": (tp + fp) / n, "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": fp / (fp + tn), "precision": tp / (tp + fp), "accuracy": (tp + tn) / n,
    }).fillna(0)
""",
            0,
        ),
        (
            "false positives among all, not among those that do not show it",
            """
def rates_by_group(counts):
    tp, fp, fn, tn = counts["tp"], counts["fp"], counts["fn"], counts["tn"]
    n = tp + fp + fn + tn
    return pd.DataFrame({
        "n": n, "base_rate": (tp + fn) / n, "selection_rate": (tp + fp) / n, "true_positive_rate": tp / n,
        "false_positive_rate": fp / n, "precision": tp / (tp + fp), "accuracy": (tp + tn) / n,
    })
""",
            0,
        ),
        (
            "the tags counted, not divided",
            """
def rates_by_group(counts):
    tp, fp, fn, tn = counts["tp"], counts["fp"], counts["fn"], counts["tn"]
    n = tp + fp + fn + tn
    return pd.DataFrame({
        "n": n, "base_rate": (tp + fn) / n, "selection_rate": tp + fp, "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": fp / (fp + tn), "precision": tp / (tp + fp), "accuracy": (tp + tn) / n,
    })
""",
            0,
        ),
        (
            "n from the whole table, so that other columns are added in",
            """
def rates_by_group(counts):
    tp, fp, fn, tn = counts["tp"], counts["fp"], counts["fn"], counts["tn"]
    n = counts.sum(axis=1)
    return pd.DataFrame({
        "n": n, "base_rate": (tp + fn) / n, "selection_rate": (tp + fp) / n, "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": fp / (fp + tn), "precision": tp / (tp + fp), "accuracy": (tp + tn) / n,
    })
""",
            0,
        ),
        (
            "the groups sorted by name",
            """
def rates_by_group(counts):
    counts = counts.sort_index()
    tp, fp, fn, tn = counts["tp"], counts["fp"], counts["fn"], counts["tn"]
    n = tp + fp + fn + tn
    return pd.DataFrame({
        "n": n, "base_rate": (tp + fn) / n, "selection_rate": (tp + fp) / n, "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": fp / (fp + tn), "precision": tp / (tp + fp), "accuracy": (tp + tn) / n,
    })
""",
            0,
        ),
        (
            "right, a group at a time with a guarded division",
            """
def rates_by_group(counts):
    def share(above, below):
        return float(above) / float(below) if below > 0 else float("nan")

    rows = []
    for tp, fp, fn, tn in counts[["tp", "fp", "fn", "tn"]].to_numpy():
        n = tp + fp + fn + tn
        rows.append({
            "accuracy": share(tp + tn, n), "n": n, "base_rate": share(tp + fn, n), "precision": share(tp, tp + fp),
            "selection_rate": share(tp + fp, n), "false_positive_rate": share(fp, fp + tn),
            "true_positive_rate": share(tp, tp + fn),
        })
    return pd.DataFrame(rows, index=counts.index)
""",
            9,
        ),
        (
            "right, with numpy and an extra column",
            """
def rates_by_group(counts):
    tp, fp, fn, tn = counts[["tp", "fp", "fn", "tn"]].to_numpy(float).T
    with np.errstate(all="ignore"):
        table = {
            "n": tp + fp + fn + tn, "base_rate": (tp + fn) / (tp + fp + fn + tn),
            "selection_rate": (tp + fp) / (tp + fp + fn + tn), "true_positive_rate": tp / (tp + fn),
            "false_positive_rate": 1 - tn / (tn + fp), "precision": tp / (tp + fp),
            "accuracy": 1 - (fp + fn) / (tp + fp + fn + tn), "true_negative_rate": tn / (tn + fp),
        }
    return pd.DataFrame(table, index=counts.index)
""",
            9,
        ),
    ],
}
