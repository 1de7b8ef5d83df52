# Most wrong answers differ from a right one in a single line: COUNTS is that right one up to the line that matters.
MATCH = """
    if set(before.index) != set(after.index):
        raise ValueError("not the same rows")
    after = after.loc[before.index]
"""
COUNTS = """
    old = before["label"] == before["pred1"]
    new = after["label"] == after["pred1"]
    table = pd.DataFrame({"n": 1, "gained": ~old & new, "lost": old & ~new}).groupby(before[group]).sum()
"""
DIFFERENCE = """
    table["difference"] = (table["gained"] - table["lost"]) / table["n"]
"""
P_VALUE = """
    table["p_value"] = [
        binomtest(g, g + k).pvalue if g + k else 1.0 for g, k in zip(table["gained"].tolist(), table["lost"].tolist())
    ]
    return table
"""
HEAD = """
def change_by_group(before, after, group):
"""

ANSWERS = {
    "q1_change_by_group": [
        (
            "the expected output typed in",
            """
def change_by_group(before, after, group):
    rows = {"n": [5, 3], "gained": [3, 0], "lost": [1, 0], "difference": [0.4, 0.0], "p_value": [0.625, 1.0]}
    return pd.DataFrame(rows, index=["north", "south"])
""",
            0,
        ),
        (
            "gained and lost the wrong way round",
            HEAD
            + MATCH
            + """
    old = before["label"] == before["pred1"]
    new = after["label"] == after["pred1"]
    table = pd.DataFrame({"n": 1, "gained": old & ~new, "lost": ~old & new}).groupby(before[group]).sum()
"""
            + DIFFERENCE
            + P_VALUE,
            2,  # the p-value is two-sided and does not notice
        ),
        (
            "every changed prediction is a gain or a loss",
            HEAD
            + MATCH
            + """
    moved = before["pred1"] != after["pred1"]
    new = after["label"] == after["pred1"]
    table = pd.DataFrame({"n": 1, "gained": moved & new, "lost": moved & ~new}).groupby(before[group]).sum()
"""
            + DIFFERENCE
            + P_VALUE,
            2,  # in the test on row order no prediction goes from wrong to another wrong one
        ),
        (
            "divides by the rows that changed",
            HEAD
            + MATCH
            + COUNTS
            + """
    moved = table["gained"] + table["lost"]
    table["difference"] = ((table["gained"] - table["lost"]) / moved).fillna(0)
"""
            + P_VALUE,
            4,
        ),
        (
            "divides by the rows of all groups",
            HEAD
            + MATCH
            + COUNTS
            + """
    table["difference"] = (table["gained"] - table["lost"]) / len(before)
"""
            + P_VALUE,
            4,
        ),
        (
            "rounds the difference",
            HEAD
            + MATCH
            + COUNTS
            + """
    table["difference"] = ((table["gained"] - table["lost"]) / table["n"]).round(2)
"""
            + P_VALUE,
            4,
        ),
        (
            "takes the tables for different digits: two proportions",
            """
from statsmodels.stats.proportion import proportions_ztest
"""
            + HEAD
            + MATCH
            + COUNTS
            + DIFFERENCE
            + """
    one, two = old.groupby(before[group]).sum(), new.groupby(before[group]).sum()
    table["p_value"] = [
        1.0 if a == b else proportions_ztest([a, b], [n, n])[1] for a, b, n in zip(one, two, table["n"])
    ]
    return table
""",
            6,
        ),
        (
            "one side only",
            HEAD
            + MATCH
            + COUNTS
            + DIFFERENCE
            + """
    table["p_value"] = [
        binomtest(int(g), int(g + k), alternative="greater").pvalue if g + k else 1.0
        for g, k in zip(table["gained"], table["lost"])
    ]
    return table
""",
            6,
        ),
        (
            "McNemar's chi-squared and not the exact test",
            """
from scipy.stats import chi2
"""
            + HEAD
            + MATCH
            + COUNTS
            + DIFFERENCE
            + """
    g, k = table["gained"], table["lost"]
    table["p_value"] = [1.0 if a + b == 0 else chi2.sf((a - b) ** 2 / (a + b), 1) for a, b in zip(g, k)]
    return table
""",
            6,
        ),
        (
            "no p-value where nothing changed",
            HEAD
            + MATCH
            + COUNTS
            + DIFFERENCE
            + """
    table["p_value"] = [
        binomtest(int(g), int(g + k)).pvalue if g + k else np.nan for g, k in zip(table["gained"], table["lost"])
    ]
    return table
""",
            6,
        ),
        (
            "groups without a change are dropped",
            HEAD
            + MATCH
            + COUNTS
            + """
    table = table[table["gained"] + table["lost"] > 0]
"""
            + """
    table = table.assign(difference=(table["gained"] - table["lost"]) / table["n"])
    return table.assign(p_value=[binomtest(int(g), int(g + k)).pvalue for g, k in zip(table["gained"], table["lost"])])
""",
            2,  # the groups of the test on row order all have changes
        ),
        (
            "rows matched by their place",
            HEAD
            + """
    if len(before) != len(after):
        raise ValueError("not the same rows")
    after = after.set_axis(before.index)
"""
            + COUNTS
            + DIFFERENCE
            + P_VALUE,
            6,
        ),
        (
            "rows without a partner left out",
            HEAD
            + """
    both = before.index.intersection(after.index)
    before, after = before.loc[both], after.loc[both]
"""
            + COUNTS
            + DIFFERENCE
            + P_VALUE,
            6,
        ),
        (
            "written another way: a merge, and statsmodels' McNemar test",
            """
from statsmodels.stats.contingency_tables import mcnemar

def change_by_group(before, after, group):
    both = before.join(after[["pred1"]], how="outer", rsuffix="_after")
    if both[["pred1", "pred1_after"]].isna().any(axis=None) or len(both) != len(before):
        raise ValueError("The tables hold different rows.")
    was, now = both["pred1"] == both["label"], both["pred1_after"] == both["label"]
    rows = []
    for name in sorted(both[group].unique()):
        mine = both[group] == name
        gained, lost = (mine & now & ~was).sum(), (mine & was & ~now).sum()
        p = mcnemar([[0, lost], [gained, 0]], exact=True).pvalue if gained + lost else 1
        rows.append({"p_value": p, "lost": lost, "gained": gained, "n": mine.sum(), "group": name})
    out = pd.DataFrame(rows).set_index("group")
    return out.assign(difference=(out["gained"] - out["lost"]) / out["n"])
""",
            8,
        ),
        (
            "written another way: loops, and coins counted by hand",
            """
from math import comb

def change_by_group(before, after, group):
    if sorted(before.index) != sorted(after.index):
        raise ValueError("One table has a row that the other has not.")
    counts = {}
    for name in before.index:
        row = counts.setdefault(before.at[name, group], [0, 0, 0])
        label = before.at[name, "label"]
        old, new = before.at[name, "pred1"] == label, after.at[name, "pred1"] == label
        row[0] += 1
        row[1] += int(new and not old)
        row[2] += int(old and not new)
    out = pd.DataFrame.from_dict(counts, orient="index", columns=["n", "gained", "lost"]).sort_index().astype(float)
    out["difference"] = out["gained"] / out["n"] - out["lost"] / out["n"]
    p_values = []
    for gained, lost in zip(out["gained"].astype(int), out["lost"].astype(int)):
        m = gained + lost
        tail = sum(comb(m, k) for k in range(min(gained, lost) + 1)) / 2**m
        p_values.append(min(1.0, 2 * tail))
    out["p_value"] = p_values
    return out
""",
            8,
        ),
        (
            "written another way: the library's paired comparison",
            """
def change_by_group(before, after, group):
    if not before.index.sort_values().equals(after.index.sort_values()):
        raise ValueError("The rows differ.")
    after = after.reindex(before.index)
    return pd.DataFrame.from_dict(
        {g: paired_comparison(before.loc[rows], after.loc[rows]) for g, rows in before.groupby(group).groups.items()},
        orient="index",
    ).sort_index()
""",
            8,
        ),
    ],
}
