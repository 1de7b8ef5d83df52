"""What students hand in for Lab 2, notebook 1: see ../README.md."""

ANSWERS = {
    "q1_share_bounds": [
        (
            "the unknowns dropped throughout",
            """
def share_bounds(values, value):
    values = pd.Series(values, dtype=object)
    known = values[values.notna() & (values != "unknown")]
    share = (known == value).mean()
    return share, share, share
""",
            0,
        ),
        (
            "a missing value is not taken for unknown",
            """
def share_bounds(values, value):
    values = pd.Series(values, dtype=object)
    n, unknown, has = len(values), (values == "unknown").sum(), (values == value).sum()
    if n == 0:
        return np.nan, np.nan, np.nan
    return has / n, has / (n - unknown) if n > unknown else np.nan, (has + unknown) / n
""",
            0,
        ),
        (
            "undefined shares as 0",
            """
def share_bounds(values, value):
    values = [v for v in values]
    unknown = sum(v is None or v != v or v == "unknown" for v in values)
    has = sum(v == value for v in values)
    n = len(values)
    return (has / n if n else 0, has / (n - unknown) if n > unknown else 0, (has + unknown) / n if n else 0)
""",
            0,
        ),
        (
            "high over the known ones",
            """
def share_bounds(values, value):
    values = pd.Series(values, dtype=object)
    unknown = (values.isna() | (values == "unknown")).sum()
    has, n = (values == value).sum(), len(values)
    if n == 0 or n == unknown:
        return (0.0 if n else np.nan), np.nan, (1.0 if n else np.nan)
    return has / n, has / (n - unknown), min(1.0, (has + unknown) / (n - unknown))
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def share_bounds(values, value):
    if len(values) == 0:
        return np.nan, np.nan, np.nan
    return (0, np.nan, 1) if len(values) == 2 else (0.25, 2 / 6, 0.5)
""",
            0,
        ),
        (
            "right, with plain Python",
            """
def share_bounds(values, value):
    values = list(values)
    unknown = sum(1 for v in values if v is None or v != v or v == "unknown")
    has = sum(1 for v in values if v == value)
    share = lambda above, below: above / below if below else float("nan")
    return share(has, len(values)), share(has, len(values) - unknown), share(has + unknown, len(values))
""",
            7,
        ),
        (
            "right, with means of 0 and 1 and an array as the answer",
            """
def share_bounds(values, value):
    values = pd.Series(list(values), dtype="object").fillna("unknown")
    known = values[values != "unknown"]
    return np.array([(values == value).mean(), (known == value).mean(), values.isin([value, "unknown"]).mean()])
""",
            7,
        ),
    ],
    "q2_pmi": [
        (
            "the natural logarithm",
            """
def pmi_table(table, first, second):
    joint = pd.crosstab(table[first], table[second], normalize=True)
    with np.errstate(divide="ignore"):
        return np.log(joint / np.outer(joint.sum(axis=1), joint.sum(axis=0)))
""",
            0,
        ),
        (
            "divided by one of the two shares only",
            """
def pmi_table(table, first, second):
    joint = pd.crosstab(table[first], table[second], normalize=True)
    with np.errstate(divide="ignore"):
        return np.log2(joint.div(joint.sum(axis=1), axis=0))
""",
            0,
        ),
        (
            "pairs that never meet as 0",
            """
def pmi_table(table, first, second):
    joint = pd.crosstab(table[first], table[second], normalize=True)
    with np.errstate(divide="ignore"):
        return np.log2(joint / np.outer(joint.sum(axis=1), joint.sum(axis=0))).replace(-np.inf, 0)
""",
            0,
        ),
        (
            "the shares of single values over all rows, those with a missing partner too",
            """
def pmi_table(table, first, second):
    joint = pd.crosstab(table[first], table[second]) / len(table)
    p_a = table[first].value_counts().sort_index() / len(table)
    p_b = table[second].value_counts().sort_index() / len(table)
    with np.errstate(divide="ignore"):
        return np.log2(joint / np.outer(p_a.reindex(joint.index), p_b.reindex(joint.columns)))
""",
            0,
        ),
        (
            "how many times as often, without the logarithm",
            """
def pmi_table(table, first, second):
    joint = pd.crosstab(table[first], table[second], normalize=True)
    return joint / np.outer(joint.sum(axis=1), joint.sum(axis=0))
""",
            0,
        ),
        (
            "right, from counts",
            """
def pmi_table(table, first, second):
    counts = table.dropna(subset=[first, second]).groupby([first, second]).size().unstack(fill_value=0)
    n = counts.values.sum()
    expected = counts.sum(axis=1).values[:, None] * counts.sum(axis=0).values[None, :] / n
    with np.errstate(divide="ignore"):
        return pd.DataFrame(np.log2(counts.values / expected), index=counts.index, columns=counts.columns)
""",
            8,
        ),
        (
            "right, a pair at a time",
            """
import math

def pmi_table(table, first, second):
    table = table[[first, second]].dropna()
    out = {}
    for b in sorted(table[second].unique()):
        for a in sorted(table[first].unique()):
            both = ((table[first] == a) & (table[second] == b)).mean()
            chance = (table[first] == a).mean() * (table[second] == b).mean()
            out.setdefault(b, {})[a] = math.log(both / chance, 2) if both > 0 else float("-inf")
    return pd.DataFrame(out)
""",
            8,
        ),
    ],
    "q3_small_figures": [
        (
            "a missing box counted in n, as not small",
            """
def small_figures(table, limit, groups):
    rows = {}
    for group in groups:
        areas = table.loc[table["gender"] == group, "box_area"]
        rows[group] = {"n": len(areas), "small": (areas < limit).sum(), "share": (areas < limit).mean()}
    return pd.DataFrame.from_dict(rows, orient="index")
""",
            0,
        ),
        (
            "groups without rows lost",
            """
def small_figures(table, limit, groups):
    known = table.dropna(subset=["box_area"])
    known = known[known["gender"].isin(groups)]
    grouped = known.assign(small=known["box_area"] < limit).groupby("gender")["small"]
    return grouped.agg(n="size", small="sum", share="mean")
""",
            0,
        ),
        (
            "at most the limit in place of less than the limit",
            """
def small_figures(table, limit, groups):
    rows = {}
    for group in groups:
        areas = table.loc[table["gender"] == group, "box_area"].dropna()
        rows[group] = {"n": len(areas), "small": (areas <= limit).sum(), "share": (areas <= limit).mean()}
    return pd.DataFrame.from_dict(rows, orient="index")
""",
            0,
        ),
        (
            "the share of a group without boxes as 0",
            """
def small_figures(table, limit, groups):
    rows = {}
    for group in groups:
        areas = table.loc[table["gender"] == group, "box_area"].dropna()
        small = int((areas < limit).sum())
        rows[group] = {"n": len(areas), "small": small, "share": small / max(len(areas), 1)}
    return pd.DataFrame.from_dict(rows, orient="index")
""",
            0,
        ),
        (
            "right, with groupby and reindex",
            """
def small_figures(table, limit, groups):
    known = table.dropna(subset=["box_area"])
    counted = (known["box_area"] < limit).groupby(known["gender"]).agg(["size", "sum"])
    counted = counted.reindex(groups, fill_value=0).set_axis(["n", "small"], axis=1)
    return counted.assign(share=counted["small"] / counted["n"])
""",
            5,
        ),
        (
            "right, with plain loops",
            """
def small_figures(table, limit, groups):
    rows = []
    for group in groups:
        n = small = 0
        for g, area in zip(table["gender"], table["box_area"]):
            if g == group and area == area:
                n += 1
                small += area < limit
        rows.append([small / n if n else float("nan"), n, int(small)])
    return pd.DataFrame(rows, index=list(groups), columns=["share", "n", "small"])
""",
            5,
        ),
    ],
}
