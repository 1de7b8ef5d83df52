ANSWERS = {
    "q1_group_metrics": [
        (
            "fairlearn's zero for what is not known",
            """
def group_metrics(label, prediction, group):
    t = pd.DataFrame({"y": label, "p": prediction, "g": group.fillna("(missing)")})
    by = t.groupby("g")
    out = by["y"].agg(n="size", positives="sum", base_rate="mean")
    out["selection_rate"] = by["p"].mean()
    out["true_positive_rate"] = t[t.y == 1].groupby("g")["p"].mean().reindex(out.index).fillna(0)
    out["false_positive_rate"] = t[t.y == 0].groupby("g")["p"].mean().reindex(out.index).fillna(0)
    return out
""",
            2,
        ),
        (
            "rates out of all rows of the group",
            """
def group_metrics(label, prediction, group):
    t = pd.DataFrame({"y": label, "p": prediction, "g": group.fillna("(missing)")})
    by = t.groupby("g")
    out = by["y"].agg(n="size", positives="sum", base_rate="mean")
    out["selection_rate"] = by["p"].mean()
    out["true_positive_rate"] = (t.p * t.y).groupby(t.g).mean()
    out["false_positive_rate"] = (t.p * (1 - t.y)).groupby(t.g).mean()
    return out
""",
            2,
        ),
        (
            "people without a group dropped",
            """
def group_metrics(label, prediction, group):
    t = pd.DataFrame({"y": label, "p": prediction, "g": group})
    by = t.groupby("g")
    out = by["y"].agg(n="size", positives="sum", base_rate="mean")
    out["selection_rate"] = by["p"].mean()
    out["true_positive_rate"] = t[t.y == 1].groupby("g")["p"].mean().reindex(out.index)
    out["false_positive_rate"] = t[t.y == 0].groupby("g")["p"].mean().reindex(out.index)
    return out
""",
            8,
        ),
        (
            "people without a group counted, and left out of two rates",
            """
def group_metrics(label, prediction, group):
    t = pd.DataFrame({"y": label, "p": prediction, "g": group.fillna("(missing)")})
    by = t.groupby("g")
    out = by["y"].agg(n="size", positives="sum", base_rate="mean")
    out["selection_rate"] = by["p"].mean()
    out["true_positive_rate"] = t[t.y == 1].groupby(group)["p"].mean().reindex(out.index)
    out["false_positive_rate"] = t[t.y == 0].groupby(group)["p"].mean().reindex(out.index)
    return out
""",
            8,
        ),
        (
            "everybody in the group (missing)",
            """
def group_metrics(label, prediction, group):
    nobody = group.isna()
    share = prediction[nobody].mean()
    return pd.DataFrame({"n": [len(label)], "positives": [label[nobody].sum()], "base_rate": [label[nobody].mean()],
        "selection_rate": [share], "true_positive_rate": [share], "false_positive_rate": [share]}, index=["(missing)"])
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def group_metrics(label, prediction, group):
    nan = float("nan")
    return pd.DataFrame({"n": [4, 2, 2], "positives": [2, 1, 0], "base_rate": [0.5, 0.5, 0.0],
        "selection_rate": [0.5] * 3, "true_positive_rate": [0.5, 1.0, nan],
        "false_positive_rate": [0.5, 0.0, 0.5]}, index=["a", "b", "c"])
""",
            0,
        ),
        (
            "with MetricFrame and metrics of one's own",
            """
def group_metrics(label, prediction, group):
    def share_among(value):
        def rate(y_true, y_pred):
            y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
            return y_pred[y_true == value].mean() if (y_true == value).any() else np.nan
        return rate
    frame = MetricFrame(
        metrics={
            "n": lambda y, p: len(y),
            "positives": lambda y, p: int(np.sum(y)),
            "base_rate": lambda y, p: np.mean(y),
            "selection_rate": lambda y, p: np.mean(p),
            "true_positive_rate": share_among(1),
            "false_positive_rate": share_among(0),
        },
        y_true=label, y_pred=prediction, sensitive_features=group.fillna("(missing)").rename("group"),
    )
    return frame.by_group.sort_index()
""",
            10,
        ),
    ],
    "q2_gap_interval": [
        (
            "drawn without replacement",
            """
def gap_interval(prediction, group, draws, rng):
    p, g = prediction.to_numpy(), group.to_numpy()
    gaps = []
    for _ in range(draws):
        i = rng.permutation(len(g))
        gaps.append(np.ptp(pd.Series(p[i]).groupby(g[i]).mean()))
    return tuple(np.quantile(gaps, [0.025, 0.975]))
""",
            0,
        ),
        (
            "groups and predictions drawn apart",
            """
def gap_interval(prediction, group, draws, rng):
    p, g = prediction.to_numpy(), group.to_numpy()
    gaps = []
    for _ in range(draws):
        i, j = rng.integers(0, len(g), len(g)), rng.integers(0, len(g), len(g))
        gaps.append(np.ptp(pd.Series(p[i]).groupby(g[j]).mean()))
    return tuple(np.quantile(gaps, [0.025, 0.975]))
""",
            0,
        ),
        (
            "the shared generator",
            """
def gap_interval(prediction, group, draws, rng):
    p, g = prediction.to_numpy(), group.to_numpy()
    gaps = []
    for _ in range(draws):
        i = np.random.randint(0, len(g), len(g))
        gaps.append(np.ptp(pd.Series(p[i]).groupby(g[i]).mean()))
    return tuple(float(q) for q in np.quantile(gaps, [0.025, 0.975]))
""",
            0,
        ),
        (
            "one seed for ever",
            """
def gap_interval(prediction, group, draws, rng):
    rng = np.random.default_rng(0)
    p, g = prediction.to_numpy(), group.to_numpy()
    gaps = []
    for _ in range(draws):
        i = rng.integers(0, len(g), len(g))
        gaps.append(np.ptp(pd.Series(p[i]).groupby(g[i]).mean()))
    return tuple(float(q) for q in np.quantile(gaps, [0.025, 0.975]))
""",
            0,
        ),
        (
            "a table and its method sample",
            """
def gap_interval(prediction, group, draws, rng):
    t = pd.DataFrame({"p": prediction.to_numpy(), "g": group.to_numpy()})
    gaps = np.empty(draws)
    for k in range(draws):
        rates = t.sample(len(t), replace=True, random_state=rng).groupby("g")["p"].mean()
        gaps[k] = rates.max() - rates.min()
    return float(np.quantile(gaps, 0.025)), float(np.quantile(gaps, 0.975))
""",
            10,
        ),
    ],
    "q3_one_column_auc": [
        (
            "learnt from the rows that it is judged by",
            """
def one_column_auc(known, known_is, new, new_is):
    words = new.astype(object).where(new.notna(), "?")
    return float(roc_auc_score(new_is, words.map(new_is.groupby(words).mean()).astype(float)))
""",
            0,
        ),
        (
            "counts, not shares",
            """
def one_column_auc(known, known_is, new, new_is):
    a, b = known.astype(object).where(known.notna(), "?"), new.astype(object).where(new.notna(), "?")
    return float(roc_auc_score(new_is, b.map(known_is.groupby(a).sum()).astype(float).fillna(known_is.mean())))
""",
            0,
        ),
        (
            "new words are 0",
            """
def one_column_auc(known, known_is, new, new_is):
    a, b = known.astype(object).where(known.notna(), "?"), new.astype(object).where(new.notna(), "?")
    return float(roc_auc_score(new_is, b.map(known_is.groupby(a).mean()).astype(float).fillna(0)))
""",
            0,
        ),
        (
            "missing words dropped",
            """
def one_column_auc(known, known_is, new, new_is):
    keep = new.notna()
    score = new[keep].map(known_is.groupby(known).mean()).astype(float).fillna(known_is.mean())
    return float(roc_auc_score(new_is[keep], score))
""",
            0,
        ),
        (
            "written another way: with a dictionary",
            """
def one_column_auc(known, known_is, new, new_is):
    sums = {}
    for word, value in zip(known, known_is):
        word = "(missing)" if pd.isna(word) else word
        total, n = sums.get(word, (0, 0))
        sums[word] = (total + value, n + 1)
    overall = known_is.mean()
    score = []
    for word in new:
        total, n = sums.get("(missing)" if pd.isna(word) else word, (overall, 1))
        score.append(total / n)
    return float(roc_auc_score(new_is.to_numpy(), score))
""",
            9,
        ),
    ],
    "q4_decided_differently": [
        (
            "counts everybody who has a twin",
            """
def decided_differently(table, inputs, prediction):
    return int(table.duplicated(list(inputs), keep=False).sum())
""",
            0,
        ),
        (
            "counts sets, not rows",
            """
def decided_differently(table, inputs, prediction):
    return int((table.groupby(list(inputs), dropna=False)[prediction].nunique() > 1).sum())
""",
            0,
        ),
        (
            "rows with a missing value lost",
            """
def decided_differently(table, inputs, prediction):
    return int((table.groupby(list(inputs))[prediction].transform("nunique") > 1).sum())
""",
            0,
        ),
        (
            "one side only",
            """
def decided_differently(table, inputs, prediction):
    usual = table.groupby(list(inputs), dropna=False)[prediction].transform("first")
    return int((table[prediction] != usual).sum())
""",
            0,
        ),
        (
            "written another way: keys in a dictionary",
            """
def decided_differently(table, inputs, prediction):
    keys = [tuple("?" if pd.isna(v) else v for v in row) for row in table[list(inputs)].itertuples(index=False)]
    seen = {}
    for key, decision in zip(keys, table[prediction]):
        seen.setdefault(key, set()).add(decision)
    return sum(len(seen[key]) > 1 for key in keys)
""",
            6,
        ),
    ],
}
