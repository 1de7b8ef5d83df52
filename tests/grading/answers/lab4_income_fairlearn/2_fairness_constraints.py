ANSWERS = {
    "q1_relabel": [
        (
            "the price with the wrong sign",
            """
def relabel(label, group, multipliers):
    share = group.map(group.value_counts(normalize=True)).astype(float)
    s = 2 * label - 1 + group.map(multipliers).astype(float).fillna(0) / share - sum(multipliers.values())
    return pd.DataFrame({"label": (s > 0).astype(int), "weight": s.abs()})
""",
            0,
        ),
        (
            "without the sum of all prices",
            """
def relabel(label, group, multipliers):
    share = group.map(group.value_counts(normalize=True)).astype(float)
    s = 2 * label - 1 - group.map(multipliers).astype(float).fillna(0) / share
    return pd.DataFrame({"label": (s > 0).astype(int), "weight": s.abs()})
""",
            0,
        ),
        (
            "not divided by the share",
            """
def relabel(label, group, multipliers):
    s = 2 * label - 1 - (group.map(multipliers).astype(float).fillna(0) - sum(multipliers.values()))
    return pd.DataFrame({"label": (s > 0).astype(int), "weight": s.abs()})
""",
            0,
        ),
        (
            "labels never turned round, weights cut at 0",
            """
def relabel(label, group, multipliers):
    share = group.map(group.value_counts(normalize=True)).astype(float)
    price = group.map(multipliers).astype(float).fillna(0) / share - sum(multipliers.values())
    return pd.DataFrame({"label": label, "weight": (1 - price * (2 * label - 1)).clip(lower=0)})
""",
            0,
        ),
        (
            "written another way: row by row",
            """
def relabel(label, group, multipliers):
    n = len(group)
    size = {name: int((group == name).sum()) for name in set(group)}
    total = sum(multipliers.values())
    s = [2 * y - 1 - (multipliers.get(g, 0) * n / size[g] - total) for y, g in zip(label, group)]
    return pd.DataFrame({"label": [int(v > 0) for v in s], "weight": np.abs(s)}, index=label.index)
""",
            8,
        ),
    ],
    "q2_not_dominated": [
        (
            "the tutorial's rule",
            """
def not_dominated(table):
    keep = []
    for row in table.itertuples():
        keep.append(row.error < table.loc[table["gap"] < row.gap, "error"].min())
    return pd.Series(keep, index=table.index)
""",
            0,
        ),
        (
            "better in both, not at least as good",
            """
def not_dominated(table):
    e, g = table["error"].to_numpy(), table["gap"].to_numpy()
    return pd.Series(~((e[:, None] < e) & (g[:, None] < g)).any(axis=0), index=table.index)
""",
            0,
        ),
        (
            "equals throw each other out",
            """
def not_dominated(table):
    e, g = table["error"].to_numpy(), table["gap"].to_numpy()
    beats = (e[:, None] <= e) & (g[:, None] <= g)
    np.fill_diagonal(beats, False)
    return pd.Series(~beats.any(axis=0) & table["error"].notna() & table["gap"].notna(), index=table.index)
""",
            0,
        ),
        (
            "a missing value stays in",
            """
def not_dominated(table):
    e, g = table["error"].to_numpy(), table["gap"].to_numpy()
    beats = (e[:, None] <= e) & (g[:, None] <= g) & ((e[:, None] < e) | (g[:, None] < g))
    return pd.Series(~beats.any(axis=0), index=table.index)
""",
            0,
        ),
        (
            "written another way: sorted, the least error so far",
            """
def not_dominated(table):
    known = table.dropna(subset=["error", "gap"])
    out = pd.Series(False, index=table.index)
    least = np.inf
    for gap, rows in known.groupby("gap"):
        best = rows["error"].min()
        if best < least:
            out[rows.index[rows["error"] == best]] = True
            least = best
    return out
""",
            7,
        ),
    ],
    "q3_choose": [
        (
            "the smallest gap, whatever the error",
            """
def choose(table, largest_gap):
    allowed = table.dropna()
    allowed = allowed[allowed["gap"] <= largest_gap]
    return None if allowed.empty else allowed["gap"].idxmin()
""",
            0,
        ),
        (
            "the nearest, where none keeps to the limit",
            """
def choose(table, largest_gap):
    known = table.dropna()
    allowed = known[known["gap"] <= largest_gap].sort_values(["error", "gap"], kind="stable")
    return known["gap"].idxmin() if allowed.empty else allowed.index[0]
""",
            0,
        ),
        (
            "strictly below the limit",
            """
def choose(table, largest_gap):
    known = table.dropna()
    allowed = known[known["gap"] < largest_gap].sort_values(["error", "gap"], kind="stable")
    return None if allowed.empty else allowed.index[0]
""",
            0,
        ),
        (
            "ties by place alone",
            """
def choose(table, largest_gap):
    known = table.dropna()
    allowed = known[known["gap"] <= largest_gap]
    return None if allowed.empty else allowed["error"].idxmin()
""",
            0,
        ),
        (
            "written another way: a loop",
            """
def choose(table, largest_gap):
    best = None
    for name, row in table.iterrows():
        if row["gap"] <= largest_gap and not np.isnan(row["error"]):
            if best is None or (row["error"], row["gap"]) < best[1]:
                best = (name, (row["error"], row["gap"]))
    return None if best is None else best[0]
""",
            5,
        ),
    ],
}
