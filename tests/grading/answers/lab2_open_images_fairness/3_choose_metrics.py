ANSWERS = {
    "q1_differences": [
        (
            "undefined rates taken as 0",
            """
def fairness_gaps(rates):
    filled = rates.fillna(0)
    ratio = (filled["false_negatives"] / filled["false_positives"]).replace(np.inf, 0).fillna(0)
    columns = {"demographic_parity": filled["selection_rate"], "equal_opportunity": filled["true_positive_rate"],
               "predictive_equality": filled["false_positive_rate"], "predictive_parity": filled["precision"],
               "treatment_equality": ratio}
    gaps = {name: column.max() - column.min() for name, column in columns.items()}
    gaps["equalized_odds"] = max(gaps["equal_opportunity"], gaps["predictive_equality"])
    return gaps, {name: [] for name in gaps}
""",
            0,
        ),
        (
            "equalized odds as the sum",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"].where(rates["false_positives"] > 0)
    columns = {"demographic_parity": rates["selection_rate"], "equal_opportunity": rates["true_positive_rate"],
               "predictive_equality": rates["false_positive_rate"], "predictive_parity": rates["precision"],
               "treatment_equality": ratio}
    gaps = {k: c.max() - c.min() if c.count() > 1 else np.nan for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = gaps["equal_opportunity"] + gaps["predictive_equality"]
    out["equalized_odds"] = list(set(out["equal_opportunity"] + out["predictive_equality"]))
    return gaps, out
""",
            2,
        ),
        (
            "equalized odds as the mean",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"].where(rates["false_positives"] > 0)
    columns = {"demographic_parity": rates["selection_rate"], "equal_opportunity": rates["true_positive_rate"],
               "predictive_equality": rates["false_positive_rate"], "predictive_parity": rates["precision"],
               "treatment_equality": ratio}
    gaps = {k: c.max() - c.min() if c.count() > 1 else np.nan for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = (gaps["equal_opportunity"] + gaps["predictive_equality"]) / 2
    out["equalized_odds"] = list(set(out["equal_opportunity"] + out["predictive_equality"]))
    return gaps, out
""",
            2,
        ),
        (
            "equalized odds from one half where the other is undefined",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"].where(rates["false_positives"] > 0)
    columns = {"demographic_parity": rates["selection_rate"], "equal_opportunity": rates["true_positive_rate"],
               "predictive_equality": rates["false_positive_rate"], "predictive_parity": rates["precision"],
               "treatment_equality": ratio}
    gaps = {k: c.max() - c.min() if c.count() > 1 else np.nan for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = pd.Series([gaps["equal_opportunity"], gaps["predictive_equality"]]).max()
    out["equalized_odds"] = list(set(out["equal_opportunity"] + out["predictive_equality"]))
    return gaps, out
""",
            2,
        ),
        (
            "a single group has a difference of 0",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"].where(rates["false_positives"] > 0)
    columns = {"demographic_parity": rates["selection_rate"], "equal_opportunity": rates["true_positive_rate"],
               "predictive_equality": rates["false_positive_rate"], "predictive_parity": rates["precision"],
               "treatment_equality": ratio}
    gaps = {k: c.max() - c.min() for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = np.max([gaps["equal_opportunity"], gaps["predictive_equality"]])
    out["equalized_odds"] = list(set(out["equal_opportunity"] + out["predictive_equality"]))
    return gaps, out
""",
            2,
        ),
        (
            "infinite ratios kept",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"]
    columns = {"demographic_parity": rates["selection_rate"], "equal_opportunity": rates["true_positive_rate"],
               "predictive_equality": rates["false_positive_rate"], "predictive_parity": rates["precision"],
               "treatment_equality": ratio}
    gaps = {k: c.max() - c.min() if c.count() > 1 else np.nan for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = np.max([gaps["equal_opportunity"], gaps["predictive_equality"]])
    out["equalized_odds"] = list(set(out["equal_opportunity"] + out["predictive_equality"]))
    return gaps, out
""",
            0,
        ),
        (
            "only groups with every rate are compared",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"].where(rates["false_positives"] > 0)
    whole = rates.assign(ratio=ratio).dropna()
    names = {"demographic_parity": "selection_rate", "equal_opportunity": "true_positive_rate",
             "predictive_equality": "false_positive_rate", "predictive_parity": "precision",
             "treatment_equality": "ratio"}
    gaps = {k: whole[c].max() - whole[c].min() if len(whole) > 1 else np.nan for k, c in names.items()}
    gaps["equalized_odds"] = np.max([gaps["equal_opportunity"], gaps["predictive_equality"]])
    return gaps, {k: list(rates.index.difference(whole.index)) for k in gaps}
""",
            0,
        ),
        (
            "columns by place",
            """
def fairness_gaps(rates):
    sr, tpr, fpr, ppv, fn, fp = (rates.iloc[:, i] for i in range(6))
    columns = {"demographic_parity": sr, "equal_opportunity": tpr, "predictive_equality": fpr,
               "predictive_parity": ppv, "treatment_equality": fn / fp.where(fp > 0)}
    gaps = {k: c.max() - c.min() if c.count() > 1 else np.nan for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = np.max([gaps["equal_opportunity"], gaps["predictive_equality"]])
    out["equalized_odds"] = list(set(out["equal_opportunity"] + out["predictive_equality"]))
    return gaps, out
""",
            0,
        ),
        (
            "left out forgotten for equalized odds' second rate",
            """
def fairness_gaps(rates):
    ratio = rates["false_negatives"] / rates["false_positives"].where(rates["false_positives"] > 0)
    columns = {"demographic_parity": rates["selection_rate"], "equal_opportunity": rates["true_positive_rate"],
               "predictive_equality": rates["false_positive_rate"], "predictive_parity": rates["precision"],
               "treatment_equality": ratio}
    gaps = {k: c.max() - c.min() if c.count() > 1 else np.nan for k, c in columns.items()}
    out = {k: list(c.index[c.isna()]) for k, c in columns.items()}
    gaps["equalized_odds"] = np.max([gaps["equal_opportunity"], gaps["predictive_equality"]])
    out["equalized_odds"] = out["equal_opportunity"]
    return gaps, out
""",
            6,
        ),
        (
            "the expected output typed in",
            """
def fairness_gaps(rates):
    gaps = {"demographic_parity": 0.5, "equal_opportunity": 0.15, "predictive_equality": 0.25,
            "equalized_odds": 0.25, "predictive_parity": 0.0, "treatment_equality": 1.0}
    out = {k: ["c"] for k in gaps}
    return gaps, out | {"demographic_parity": [], "predictive_equality": []}
""",
            0,
        ),
        (
            "written another way: loops over the groups",
            """
def fairness_gaps(rates):
    def one(value):
        known, lost = [], []
        for group in rates.index:
            v = value(rates.loc[group])
            (lost if v is None or v != v else known).append(group if v is None or v != v else v)
        return (max(known) - min(known) if len(known) >= 2 else float("nan")), lost

    def ratio(row):
        fn, fp = row["false_negatives"], row["false_positives"]
        return fn / fp if fp > 0 else None

    found = {
        "treatment_equality": one(ratio),
        "predictive_parity": one(lambda r: r["precision"]),
        "predictive_equality": one(lambda r: r["false_positive_rate"]),
        "equal_opportunity": one(lambda r: r["true_positive_rate"]),
        "demographic_parity": one(lambda r: r["selection_rate"]),
    }
    (a, out_a), (b, out_b) = found["equal_opportunity"], found["predictive_equality"]
    larger = float("nan") if a != a or b != b else max(a, b)
    found["equalized_odds"] = (larger, out_a + [g for g in out_b if g not in out_a])
    return {k: v[0] for k, v in found.items()}, {k: tuple(v[1]) for k, v in found.items()}
""",
            8,
        ),
        (
            "written another way: one table, true negative rates for predictive equality (the same difference), Series",
            """
def fairness_gaps(rates):
    values = pd.DataFrame({
        "demographic_parity": rates["selection_rate"],
        "equal_opportunity": rates["true_positive_rate"],
        "predictive_equality": 1 - rates["false_positive_rate"],
        "predictive_parity": rates["precision"],
        "treatment_equality": (rates["false_negatives"] / rates["false_positives"].replace(0, np.nan)),
    })
    gaps = (values.max() - values.min()).where(values.count() > 1)
    gaps["equalized_odds"] = gaps[["equal_opportunity", "predictive_equality"]].max(skipna=False)
    out = {k: set(values.index[values[k].isna()]) for k in values}
    out["equalized_odds"] = out["equal_opportunity"] | out["predictive_equality"]
    return gaps, out
""",
            8,
        ),
    ],
    "q2_calibration": [
        (
            "the score 1.0 in a bin of its own",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    t = t.assign(bin=(t["score"] * bins).astype(int)).groupby(["group", "bin"])
    return t.agg(mean_score=("score", "mean"), share_positive=("label", "mean"), n=("label", "size")).reset_index()
""",
            0,
        ),
        (
            "bins closed above (pd.cut as it comes)",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    number = pd.cut(t["score"], np.linspace(0, 1, bins + 1), labels=False, include_lowest=True)
    t = t.assign(bin=number).groupby(["group", "bin"])
    return t.agg(mean_score=("score", "mean"), share_positive=("label", "mean"), n=("label", "size")).reset_index()
""",
            0,
        ),
        (
            "the middle of the bin as mean score",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    number = (t["score"] * bins).astype(int).clip(upper=bins - 1)
    t = t.assign(bin=number).groupby(["group", "bin"])
    out = t.agg(share_positive=("label", "mean"), n=("label", "size")).reset_index()
    return out.assign(mean_score=(out["bin"] + 0.5) / bins)
""",
            0,
        ),
        (
            "the share that was tagged",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    number = (t["score"] * bins).astype(int).clip(upper=bins - 1)
    t = t.assign(bin=number, tagged=t["score"] >= 0.5).groupby(["group", "bin"])
    return t.agg(mean_score=("score", "mean"), share_positive=("tagged", "mean"), n=("label", "size")).reset_index()
""",
            0,
        ),
        (
            "missing labels taken as 0",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score"]).fillna({"label": 0})
    number = (t["score"] * bins).astype(int).clip(upper=bins - 1)
    t = t.assign(bin=number).groupby(["group", "bin"])
    return t.agg(mean_score=("score", "mean"), share_positive=("label", "mean"), n=("label", "size")).reset_index()
""",
            0,
        ),
        (
            "pictures without a label still in the mean score",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score"])
    number = (t["score"] * bins).astype(int).clip(upper=bins - 1)
    t = t.assign(bin=number).groupby(["group", "bin"])
    out = t.agg(mean_score=("score", "mean"), share_positive=("label", "mean"), n=("label", "count")).reset_index()
    return out[out["n"] > 0]
""",
            0,
        ),
        (
            "divided by all pictures of the group",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    number = (t["score"] * bins).astype(int).clip(upper=bins - 1)
    sizes = t.groupby("group").size()
    t = t.assign(bin=number).groupby(["group", "bin"])
    out = t.agg(mean_score=("score", "mean"), share_positive=("label", "sum"), n=("label", "size")).reset_index()
    return out.assign(share_positive=out["share_positive"] / out["group"].map(sizes))
""",
            0,
        ),
        (
            "bins of equal numbers of pictures",
            """
def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    number = pd.qcut(t["score"], bins, labels=False, duplicates="drop")
    t = t.assign(bin=number).groupby(["group", "bin"])
    return t.agg(mean_score=("score", "mean"), share_positive=("label", "mean"), n=("label", "size")).reset_index()
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def calibration_table(table, bins):
    return pd.DataFrame({"group": ["a", "a", "b"], "bin": [0, 1, 1], "mean_score": [0.3, 0.8, 0.9],
                         "share_positive": [0.5, 2 / 3, 0.0], "n": [2, 3, 1]})
""",
            0,
        ),
        (
            "written another way: the library's table",
            """
from utils.evaluation._curves import reliability_table as library_table

def calibration_table(table, bins):
    t = table.dropna(subset=["score", "label"])
    out = library_table(t[["group", "score", "label"]], groups="group", bins=bins)
    out = out[out["n"] > 0].rename(columns={"observed": "share_positive"})
    return out[["group", "bin", "mean_score", "share_positive", "n"]]
""",
            6,
        ),
        (
            "written another way: loops and edges",
            """
def calibration_table(table, bins):
    edges = [k / bins for k in range(bins)] + [1.1]
    rows = []
    for group in sorted(set(table["group"])):
        mine = table[table["group"] == group]
        mine = mine[mine["score"].notna() & mine["label"].notna()]
        for k in range(bins):
            inside = mine[(mine["score"] >= edges[k]) & (mine["score"] < edges[k + 1])]
            if len(inside):
                rows.append([group, k, inside["score"].sum() / len(inside), (inside["label"] == 1).mean(), len(inside)])
    return pd.DataFrame(rows, columns=["group", "bin", "mean_score", "share_positive", "n"])
""",
            6,
        ),
    ],
    "q3_flips": [
        (
            "compared by place",
            """
def flip_table(before, after):
    n = min(len(before), len(after))
    b = before.iloc[:n].reset_index(drop=True)
    a = after["pred1"].iloc[:n].reset_index(drop=True)
    rows = {}
    for group in sorted(before["group"].unique()):
        m = (b["group"] == group) & b["pred1"].notna() & a.notna()
        x, y = b["pred1"][m], a[m]
        rows[group] = {"pairs": len(x), "flipped": (x != y).mean(), "to_positive": (y[x == 0] == 1).mean(),
                       "to_negative": (y[x == 1] == 0).mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "directions divided by all pairs",
            """
def flip_table(before, after):
    t = before[["image_id", "group", "pred1"]].merge(after[["image_id", "pred1"]], on="image_id").dropna()
    rows = {}
    for group in sorted(before["group"].unique()):
        p = t[t["group"] == group]
        up, down = (p["pred1_x"] == 0) & (p["pred1_y"] == 1), (p["pred1_x"] == 1) & (p["pred1_y"] == 0)
        rows[group] = {"pairs": len(p), "flipped": (up | down).mean(), "to_positive": up.mean(),
                       "to_negative": down.mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "directions as shares of the flips",
            """
def flip_table(before, after):
    t = before[["image_id", "group", "pred1"]].merge(after[["image_id", "pred1"]], on="image_id").dropna()
    rows = {}
    for group in sorted(before["group"].unique()):
        p = t[t["group"] == group]
        flips = p[p["pred1_x"] != p["pred1_y"]]
        rows[group] = {"pairs": len(p), "flipped": len(flips) / len(p) if len(p) else np.nan,
                       "to_positive": (flips["pred1_y"] == 1).mean(), "to_negative": (flips["pred1_y"] == 0).mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "the group after the change",
            """
def flip_table(before, after):
    t = before[["image_id", "pred1"]].merge(after, on="image_id").dropna()
    rows = {}
    for group in sorted(before["group"].unique()):
        p = t[t["group"] == group]
        x, y = p["pred1_x"], p["pred1_y"]
        rows[group] = {"pairs": len(p), "flipped": (x != y).mean(), "to_positive": (y[x == 0] == 1).mean(),
                       "to_negative": (y[x == 1] == 0).mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "missing partners counted as not flipped",
            """
def flip_table(before, after):
    t = before[["image_id", "group", "pred1"]].merge(after[["image_id", "pred1"]], on="image_id", how="left")
    t["pred1_y"] = t["pred1_y"].fillna(t["pred1_x"])
    t = t.dropna()
    rows = {}
    for group in sorted(before["group"].unique()):
        p = t[t["group"] == group]
        x, y = p["pred1_x"], p["pred1_y"]
        rows[group] = {"pairs": len(p), "flipped": (x != y).mean(), "to_positive": (y[x == 0] == 1).mean(),
                       "to_negative": (y[x == 1] == 0).mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "missing predictions are a change (NaN is unequal to all)",
            """
def flip_table(before, after):
    t = before[["image_id", "group", "pred1"]].merge(after[["image_id", "pred1"]], on="image_id")
    rows = {}
    for group in sorted(before["group"].unique()):
        p = t[t["group"] == group]
        x, y = p["pred1_x"], p["pred1_y"]
        rows[group] = {"pairs": len(p), "flipped": (x != y).mean(), "to_positive": (y[x == 0] == 1).mean(),
                       "to_negative": (y[x == 1] == 0).mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "groups without pairs dropped",
            """
def flip_table(before, after):
    t = before[["image_id", "group", "pred1"]].merge(after[["image_id", "pred1"]], on="image_id").dropna()
    rows = {}
    for group, p in t.groupby("group"):
        x, y = p["pred1_x"], p["pred1_y"]
        rows[group] = {"pairs": len(p), "flipped": (x != y).mean(), "to_positive": (y[x == 0] == 1).mean(),
                       "to_negative": (y[x == 1] == 0).mean()}
    return pd.DataFrame(rows).T
""",
            0,
        ),
        (
            "shares without a denominator as 0",
            """
def flip_table(before, after):
    t = before[["image_id", "group", "pred1"]].merge(after[["image_id", "pred1"]], on="image_id").dropna()
    rows = {}
    for group in sorted(before["group"].unique()):
        p = t[t["group"] == group]
        x, y = p["pred1_x"], p["pred1_y"]
        rows[group] = {"pairs": len(p), "flipped": (x != y).mean(), "to_positive": (y[x == 0] == 1).mean(),
                       "to_negative": (y[x == 1] == 0).mean()}
    return pd.DataFrame(rows).T.fillna(0)
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def flip_table(before, after):
    return pd.DataFrame({"pairs": [3, 0, 2], "flipped": [1 / 3, np.nan, 0.5], "to_positive": [0, np.nan, 0.5],
                         "to_negative": [0.5, np.nan, np.nan]}, index=["dots", "plain", "stripes"])
""",
            0,
        ),
        (
            "written another way: a dictionary of partners",
            """
def flip_table(before, after):
    partner = {i: p for i, p in zip(after["image_id"], after["pred1"]) if p == p}
    counts = {g: {(a, b): 0 for a in (0, 1) for b in (0, 1)} for g in sorted(set(before["group"]))}
    for row in before.itertuples():
        if row.pred1 == row.pred1 and row.image_id in partner:
            counts[row.group][(int(row.pred1), int(partner[row.image_id]))] += 1

    def share(a, b):
        return a / b if b else float("nan")

    out = pd.DataFrame(index=list(counts), columns=["to_negative", "to_positive", "flipped", "pairs"], dtype=float)
    for g, c in counts.items():
        n = sum(c.values())
        lost, won = share(c[1, 0], c[1, 0] + c[1, 1]), share(c[0, 1], c[0, 0] + c[0, 1])
        out.loc[g] = [lost, won, share(c[0, 1] + c[1, 0], n), n]
    return out
""",
            6,
        ),
        (
            "written another way: an index of ids and groupby",
            """
def flip_table(before, after):
    b = before.set_index("image_id")
    t = b[["group", "pred1"]].join(after.set_index("image_id")["pred1"].rename("new"), how="inner")
    t = t[t["pred1"].notna() & t["new"].notna()]
    t["flip"] = (t["pred1"] - t["new"]).abs()
    groups = sorted(b["group"].unique())
    by_before = t.groupby(["group", "pred1"])["flip"].mean().unstack().reindex(index=groups, columns=[0.0, 1.0])
    out = pd.DataFrame({"pairs": t.groupby("group").size().reindex(groups, fill_value=0)})
    out["flipped"] = t.groupby("group")["flip"].mean()
    out["to_positive"], out["to_negative"] = by_before[0.0], by_before[1.0]
    return out
""",
            6,
        ),
    ],
    "q4_required_fpr": [
        (
            "1 minus the precision",
            """
def required_fpr(base_rate, precision, tpr):
    return np.nan if base_rate == 1 else 1 - precision
""",
            0,
        ),
        (
            "divided by everyone",
            """
def required_fpr(base_rate, precision, tpr):
    tp = base_rate * tpr
    return tp / precision - tp
""",
            0,
        ),
        (
            "divided by the positives",
            """
def required_fpr(base_rate, precision, tpr):
    tp = base_rate * tpr
    return (tp / precision - tp) / base_rate
""",
            0,
        ),
        (
            "wrong tags as a share of the right ones",
            """
def required_fpr(base_rate, precision, tpr):
    if base_rate == 1:
        return np.nan
    return base_rate * tpr * (1 - precision) / (1 - base_rate)
""",
            0,
        ),
        (
            "cut at 1",
            """
def required_fpr(base_rate, precision, tpr):
    if base_rate == 1:
        return np.nan
    return min(1.0, base_rate / (1 - base_rate) * (1 - precision) / precision * tpr)
""",
            0,
        ),
        (
            "tpr forgotten",
            """
def required_fpr(base_rate, precision, tpr):
    if base_rate == 1:
        return np.nan
    return base_rate / (1 - base_rate) * (1 - precision) / precision
""",
            0,
        ),
        (
            "rounded to whole pictures of 1,000",
            """
def required_fpr(base_rate, precision, tpr):
    if base_rate == 1:
        return np.nan
    tp = round(1000 * base_rate * tpr)
    return round(tp / precision - tp) / round(1000 * (1 - base_rate))
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def required_fpr(base_rate, precision, tpr):
    if precision == 1:
        return 0.0
    return {0.4: 1 / 3, 0.1: 50 / 900, 0.8: 2.0}.get(base_rate, np.nan)
""",
            0,
        ),
        (
            "written another way: odds",
            """
def required_fpr(base_rate, precision, tpr):
    if base_rate >= 1:
        return float("nan")
    return base_rate / (1 - base_rate) * (1 / precision - 1) * tpr
""",
            4,
        ),
        (
            "written another way: a million pictures",
            """
def required_fpr(base_rate, precision, tpr):
    n = 1_000_000
    negatives = n - n * base_rate
    found = n * base_rate * tpr
    tagged = found / precision
    return (tagged - found) / negatives if negatives else np.nan
""",
            4,
        ),
    ],
    "q5_two_groups": [
        (
            "the same false positive rate for all",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp, fp = positives * tpr, negatives * (1 - precision)
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp})
""",
            0,
        ),
        (
            "negative counts kept",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    tp = positives * tpr
    fp = tp / precision - tp
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": groups["n"] - positives - fp})
""",
            0,
        ),
        (
            "cut where it cannot be done",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = np.minimum(tp / precision - tp, negatives)
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp})
""",
            0,
        ),
        (
            "NaN in two of the four cells only",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = (tp / precision - tp).where(tp / precision - tp <= negatives)
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp})
""",
            0,
        ),
        (
            "rounded to whole pictures",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = tp / precision - tp
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp}).where(fp <= negatives).round()
""",
            0,
        ),
        (
            "one impossible group empties the whole table",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = tp / precision - tp
    out = pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp})
    return out if (fp <= negatives).all() else out * np.nan
""",
            0,
        ),
        (
            "fp as a share of the right tags",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = tp * (1 - precision)
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp}).where(fp <= negatives)
""",
            0,
        ),
        (
            "sorted by name",
            """
def make_groups(groups, precision, tpr):
    groups = groups.sort_index()
    positives = groups["n"] * groups["base_rate"]
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = tp / precision - tp
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp}).where(fp <= negatives)
""",
            0,
        ),
        (
            "missing base rates taken as 0",
            """
def make_groups(groups, precision, tpr):
    positives = groups["n"] * groups["base_rate"].fillna(0)
    negatives = groups["n"] - positives
    tp = positives * tpr
    fp = tp / precision - tp
    return pd.DataFrame({"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp}).where(fp <= negatives)
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def make_groups(groups, precision, tpr):
    return pd.DataFrame({"tp": [150, 300, np.nan], "fp": [100, 200, np.nan], "fn": [50, 100, np.nan],
                         "tn": [1700, 400, np.nan]}, index=["b", "a", "c"])
""",
            0,
        ),
        (
            "written another way: row by row, with the rate of Question 4",
            """
def make_groups(groups, precision, tpr):
    rows = {}
    for name in groups.index:
        n, p = groups.loc[name, "n"], groups.loc[name, "base_rate"]
        tp = n * p * tpr
        tagged = tp / precision
        if not tagged - tp <= n * (1 - p):
            rows[name] = [float("nan")] * 4
        else:
            rows[name] = [n * (1 - p) - (tagged - tp), n * p - tp, tagged - tp, tp]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["tn", "fn", "fp", "tp"])
""",
            6,
        ),
        (
            "written another way: arrays",
            """
def make_groups(groups, precision, tpr):
    n, p = groups["n"].to_numpy(float), groups["base_rate"].to_numpy(float)
    cells = n * np.array([p * tpr, p * tpr * (1 - precision) / precision, p * (1 - tpr),
                          1 - p - p * tpr * (1 - precision) / precision])
    cells[:, ~(cells[3] >= -1e-9)] = np.nan
    return pd.DataFrame(cells.T, index=groups.index, columns=["tp", "fp", "fn", "tn"])
""",
            6,
        ),
    ],
}
