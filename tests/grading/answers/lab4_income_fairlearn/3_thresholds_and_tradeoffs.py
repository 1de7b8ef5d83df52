ANSWERS = {
    "q1_thresholds_for_rate": [
        (
            "a quantile, ties or no ties",
            """
def thresholds_for_rate(score, group, rate):
    return {name: float(np.quantile(s, 1 - rate)) for name, s in score.groupby(group)}
""",
            0,
        ),
        (
            "one threshold for all",
            """
def thresholds_for_rate(score, group, rate):
    values = np.unique(score)
    allowed = [t for t in values if (score >= t).mean() <= rate + 1e-9]
    return {name: float(min(allowed)) if allowed else np.inf for name in set(group)}
""",
            0,
        ),
        (
            "the score of the last place, whoever shares it",
            """
def thresholds_for_rate(score, group, rate):
    out = {}
    for name, s in score.groupby(group):
        k = int(np.floor(rate * len(s) + 1e-9))
        out[name] = float(np.sort(s)[::-1][k - 1]) if k else np.inf
    return out
""",
            0,
        ),
        (
            "written another way: from the highest score down",
            """
def thresholds_for_rate(score, group, rate):
    out = {}
    for name in group.unique():
        s = np.sort(score[group == name].to_numpy())[::-1]
        best = np.inf
        for t in s:
            if (s >= t).sum() <= rate * len(s) + 1e-9:
                best = float(t)
        out[name] = best
    return out
""",
            4,
        ),
    ],
    "q2_reweigh": [
        (
            "class weights",
            """
def reweigh(label, group):
    return len(label) / (label.nunique() * label.groupby(label).transform("size"))
""",
            0,
        ),
        (
            "the fraction upside down",
            """
def reweigh(label, group):
    both = label.groupby([group, label]).transform("size")
    return both * len(label) / (group.groupby(group).transform("size") * label.groupby(label).transform("size"))
""",
            0,
        ),
        (
            "all pairs alike",
            """
def reweigh(label, group):
    both = label.groupby([group, label])
    return len(label) / (both.ngroups * both.transform("size"))
""",
            0,
        ),
        (
            "written another way: a table of shares",
            """
def reweigh(label, group):
    share = pd.crosstab(group.to_numpy(), label.to_numpy(), normalize="all")
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    return pd.Series([rows[g] * columns[y] / share.loc[g, y] for g, y in zip(group, label)], index=label.index)
""",
            3,
        ),
    ],
    "q3_who_changed": [
        (
            "the difference of the sums",
            """
def who_changed(before, after, group):
    d = (after - before).groupby(group).sum()
    return pd.DataFrame({"n": group.value_counts().sort_index(), "gained": d.clip(lower=0), "lost": (-d).clip(lower=0)})
""",
            0,
        ),
        (
            "gained and lost swapped",
            """
def who_changed(before, after, group):
    return pd.DataFrame({"n": 1, "gained": (before > after).astype(int), "lost": (before < after).astype(int)}).groupby(
        group).sum()
""",
            0,
        ),
        (
            "shares instead of people",
            """
def who_changed(before, after, group):
    t = pd.DataFrame({"gained": before < after, "lost": before > after}).groupby(group).mean()
    return t.assign(n=group.value_counts().sort_index())
""",
            0,
        ),
        (
            "written another way: crosstab",
            """
def who_changed(before, after, group):
    move = (after - before).map({-1: "lost", 0: "same", 1: "gained"})
    t = pd.crosstab(group, move).reindex(columns=["gained", "lost", "same"], fill_value=0)
    return pd.DataFrame({"n": t.sum(axis=1), "gained": t["gained"], "lost": t["lost"]})
""",
            3,
        ),
    ],
}
