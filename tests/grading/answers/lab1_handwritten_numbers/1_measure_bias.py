ANSWERS = {
    "q1_representation": [
        (
            "missing names dropped",
            """
def representation(table, group):
    counts = table[group].value_counts().sort_index()
    return pd.DataFrame({"n": counts, "share": counts / len(table)})
""",
            5,
        ),
        (
            "share out of the known rows",
            """
def representation(table, group):
    counts = table.groupby(group).size()
    return pd.DataFrame({"n": counts, "share": counts / counts.sum()})
""",
            5,
        ),
        (
            "missing kept as NaN",
            """
def representation(table, group):
    counts = table[group].value_counts(dropna=False).sort_index()
    return pd.DataFrame({"n": counts, "share": counts / len(table)})
""",
            5,
        ),
        (
            "sorted by size",
            """
def representation(table, group):
    counts = table[group].fillna("(missing)").value_counts()
    return pd.DataFrame({"n": counts, "share": counts / len(table)})
""",
            5,
        ),
        (
            "the expected output typed in",
            """
def representation(table, group):
    return pd.DataFrame({"n": [2, 5, 3], "share": [0.2, 0.5, 0.3]}, index=["(missing)", "round", "straight"])
""",
            0,
        ),
        (
            "counts where shares are asked for",
            """
def representation(table, group):
    counts = table[group].fillna("(missing)").value_counts().sort_index()
    return pd.DataFrame({"n": counts, "share": counts})
""",
            0,
        ),
        (
            "a percentage",
            """
def representation(table, group):
    counts = table[group].fillna("(missing)").value_counts().sort_index()
    return pd.DataFrame({"n": counts, "share": 100 * counts / len(table)})
""",
            0,
        ),
        (
            "relative to the largest group",
            """
def representation(table, group):
    counts = table[group].fillna("(missing)").value_counts().sort_index()
    return pd.DataFrame({"n": counts, "share": counts / counts.max()})
""",
            0,
        ),
        (
            "rounded",
            """
def representation(table, group):
    counts = table[group].fillna("(missing)").value_counts().sort_index()
    return pd.DataFrame({"n": counts, "share": (counts / len(table)).round(2)})
""",
            0,
        ),
        (
            "written another way: a loop",
            """
def representation(table, group):
    counted = {}
    for name in table[group]:
        name = "(missing)" if pd.isna(name) else name
        counted[name] = counted.get(name, 0) + 1
    names = sorted(counted)
    n = [counted[name] for name in names]
    return pd.DataFrame({"share": [k / len(table) for k in n], "n": n}, index=names)
""",
            8,
        ),
        (
            "written another way: missing last, floats as counts",
            """
def representation(table, group):
    counts = table.groupby(group).size().astype(float)
    unknown = table[group].isna().sum()
    if unknown:
        counts.loc["(missing)"] = unknown
    return pd.DataFrame({"n": counts, "share": counts / counts.sum()})
""",
            8,
        ),
        (
            "written another way: normalize",
            """
def representation(table, group):
    names = table[group].astype(object).where(table[group].notna(), "(missing)")
    out = pd.concat([names.value_counts(), names.value_counts(normalize=True)], axis=1)
    out.columns = ["n", "share"]
    return out.sort_index()
""",
            8,
        ),
    ],
    "q2_group_accuracy": [
        (
            "the Wald interval",
            """
def group_accuracy(table, group, label, prediction):
    correct = (table[label] == table[prediction]).groupby(table[group].fillna("(missing)"))
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, n)
    return pd.DataFrame({"n": n, "accuracy": right / n, "low": low, "high": high})
""",
            5,
        ),
        (
            "rows without a prediction left out",
            """
def group_accuracy(table, group, label, prediction):
    table = table.dropna(subset=[prediction])
    correct = (table[label] == table[prediction]).groupby(table[group].fillna("(missing)"))
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, n, method="wilson")
    return pd.DataFrame({"n": n, "accuracy": right / n, "low": low, "high": high})
""",
            4,
        ),
        (
            "groups without a name dropped",
            """
def group_accuracy(table, group, label, prediction):
    correct = (table[label] == table[prediction]).groupby(table[group])
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, n, method="wilson")
    return pd.DataFrame({"n": n, "accuracy": right / n, "low": low, "high": high})
""",
            4,
        ),
        (
            "out of all rows of the table",
            """
def group_accuracy(table, group, label, prediction):
    correct = (table[label] == table[prediction]).groupby(table[group].fillna("(missing)"))
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, len(table), method="wilson")
    return pd.DataFrame({"n": n, "accuracy": right / len(table), "low": low, "high": high})
""",
            0,
        ),
        (
            "correct rows as n",
            """
def group_accuracy(table, group, label, prediction):
    correct = (table[label] == table[prediction]).groupby(table[group].fillna("(missing)"))
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, n, method="wilson")
    return pd.DataFrame({"n": right, "accuracy": right / n, "low": low, "high": high})
""",
            4,
        ),
        (
            "rounded to two decimals",
            """
def group_accuracy(table, group, label, prediction):
    correct = (table[label] == table[prediction]).groupby(table[group].fillna("(missing)"))
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, n, method="wilson")
    return pd.DataFrame({"n": n, "accuracy": right / n, "low": low, "high": high}).round(2)
""",
            0,
        ),
        (
            "a 90 % interval",
            """
def group_accuracy(table, group, label, prediction):
    correct = (table[label] == table[prediction]).groupby(table[group].fillna("(missing)"))
    n, right = correct.size(), correct.sum()
    low, high = proportion_confint(right, n, alpha=0.1, method="wilson")
    return pd.DataFrame({"n": n, "accuracy": right / n, "low": low, "high": high})
""",
            5,
        ),
        (
            "the expected output typed in",
            """
def group_accuracy(table, group, label, prediction):
    return pd.DataFrame(
        {"n": [2, 5, 3], "accuracy": [0, 0.6, 1], "low": [0, 0.2307, 0.438503], "high": [0.6576, 0.8824, 1]},
        index=["(missing)", "round", "straight"],
    )
""",
            0,
        ),
        (
            "written another way: a loop",
            """
def group_accuracy(table, group, label, prediction):
    names = table[group].astype(object).where(table[group].notna(), "(missing)")
    rows = {}
    for name in sorted(names.unique()):
        part = table[names == name]
        right = int((part[label] == part[prediction]).sum())
        low, high = proportion_confint(right, len(part), method="wilson")
        rows[name] = {"n": len(part), "accuracy": right / len(part), "low": low, "high": high}
    return pd.DataFrame.from_dict(rows, orient="index")
""",
            9,
        ),
        (
            "written another way: the formula, 1.96",
            """
def group_accuracy(table, group, label, prediction):
    new = table.assign(hit=(table[label] == table[prediction]).astype(float), who=table[group].fillna("(missing)"))
    out = new.groupby("who")["hit"].agg(n="count", accuracy="mean")
    z, n, p = 1.96, out["n"], out["accuracy"]
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return out.assign(low=middle - half, high=middle + half)
""",
            9,
        ),
    ],
    "q3_disparities": [
        (
            "infinite where the reference is 0",
            """
def disparities(accuracies, reference):
    base = accuracies[reference]
    return pd.DataFrame({"difference": accuracies - base, "ratio": accuracies / base})
""",
            8,
        ),
        (
            "direction lost",
            """
def disparities(accuracies, reference):
    base = accuracies[reference]
    ratio = accuracies / base if base > 0 else np.nan
    return pd.DataFrame({"difference": (accuracies - base).abs(), "ratio": ratio})
""",
            6,
        ),
        (
            "reference minus group",
            """
def disparities(accuracies, reference):
    base = accuracies[reference]
    ratio = accuracies / base if base > 0 else np.nan
    return pd.DataFrame({"difference": base - accuracies, "ratio": ratio})
""",
            6,
        ),
        (
            "always against the best",
            """
def disparities(accuracies, reference):
    base = accuracies.max()
    ratio = accuracies / base if base > 0 else np.nan
    return pd.DataFrame({"difference": accuracies - base, "ratio": ratio})
""",
            0,
        ),
        (
            "always against the first",
            """
def disparities(accuracies, reference):
    base = accuracies.iloc[0]
    ratio = accuracies / base if base > 0 else np.nan
    return pd.DataFrame({"difference": accuracies - base, "ratio": ratio})
""",
            0,
        ),
        (
            "reference over group",
            """
def disparities(accuracies, reference):
    base = accuracies[reference]
    ratio = base / accuracies if base > 0 else np.nan
    return pd.DataFrame({"difference": accuracies - base, "ratio": ratio})
""",
            4,
        ),
        (
            "ratio of the error rates",
            """
def disparities(accuracies, reference):
    base = accuracies[reference]
    ratio = (1 - accuracies) / (1 - base) if base > 0 else np.nan
    return pd.DataFrame({"difference": accuracies - base, "ratio": ratio})
""",
            4,
        ),
        (
            "rounded first",
            """
def disparities(accuracies, reference):
    accuracies = accuracies.round(2)
    base = accuracies[reference]
    ratio = accuracies / base if base > 0 else np.nan
    return pd.DataFrame({"difference": accuracies - base, "ratio": ratio})
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def disparities(accuracies, reference):
    return pd.DataFrame(
        {"difference": [0, 0.3, -0.1], "ratio": [1, 1.6, 0.8]}, index=["round", "straight", "mixed"]
    )
""",
            0,
        ),
        (
            "written another way: a loop",
            """
def disparities(accuracies, reference):
    base = float(accuracies.loc[reference])
    rows = []
    for name, accuracy in accuracies.items():
        rows.append((name, accuracy - base, accuracy / base if base else float("nan")))
    return pd.DataFrame(rows, columns=["group", "difference", "ratio"]).set_index("group")
""",
            10,
        ),
        (
            "written another way: replace, with the accuracies kept",
            """
def disparities(accuracies, reference):
    out = accuracies.to_frame("accuracy")
    out["ratio"] = out["accuracy"].div(np.float64(accuracies[reference]) or np.nan)
    out["difference"] = out["accuracy"].sub(accuracies[reference])
    return out.sort_index()
""",
            10,
        ),
    ],
    "q4_worst_to_best_error": [
        (
            "accuracies rounded first",
            """
def worst_to_best_error(accuracies):
    errors = 1 - accuracies.round(2)
    ratio = errors.max() / errors.min() if errors.min() > 0 else np.nan
    return {"worst": accuracies.idxmin(), "best": accuracies.idxmax(), "ratio": ratio}
""",
            3,
        ),
        (
            "infinite where there is no error",
            """
def worst_to_best_error(accuracies):
    errors = 1 - accuracies
    return {"worst": errors.idxmax(), "best": errors.idxmin(), "ratio": errors.max() / errors.min()}
""",
            8,
        ),
        (
            "stops where there is no error",
            """
def worst_to_best_error(accuracies):
    errors = 1 - accuracies
    ratio = float(errors.max()) / float(errors.min())
    return {"worst": errors.idxmax(), "best": errors.idxmin(), "ratio": ratio}
""",
            8,
        ),
        (
            "ratio of the accuracies",
            """
def worst_to_best_error(accuracies):
    ratio = accuracies.max() / accuracies.min()
    return {"worst": accuracies.idxmin(), "best": accuracies.idxmax(), "ratio": ratio}
""",
            3,
        ),
        (
            "lowest over highest",
            """
def worst_to_best_error(accuracies):
    errors = 1 - accuracies
    ratio = errors.min() / errors.max() if errors.min() > 0 else np.nan
    return {"worst": errors.idxmax(), "best": errors.idxmin(), "ratio": ratio}
""",
            3,
        ),
        (
            "a difference",
            """
def worst_to_best_error(accuracies):
    errors = 1 - accuracies
    return {"worst": errors.idxmax(), "best": errors.idxmin(), "ratio": errors.max() - errors.min()}
""",
            3,
        ),
        (
            "worst and best swapped",
            """
def worst_to_best_error(accuracies):
    errors = 1 - accuracies
    ratio = errors.max() / errors.min() if errors.min() > 0 else np.nan
    return {"worst": accuracies.idxmax(), "best": accuracies.idxmin(), "ratio": ratio}
""",
            5,
        ),
        (
            "places and no names",
            """
def worst_to_best_error(accuracies):
    errors = (1 - accuracies).to_numpy()
    ratio = errors.max() / errors.min() if errors.min() > 0 else np.nan
    return {"worst": errors.argmax(), "best": errors.argmin(), "ratio": ratio}
""",
            5,
        ),
        (
            "the expected output typed in",
            """
def worst_to_best_error(accuracies):
    return {"worst": "round", "best": "straight", "ratio": 4.0}
""",
            0,
        ),
        (
            "written another way: sorted, the other name where tied",
            """
def worst_to_best_error(accuracies):
    ordered = accuracies.sort_values(kind="stable")
    most, least = 1 - ordered.iloc[0], 1 - ordered.iloc[-1]
    ratio = float("nan") if least == 0 else most / least
    return {"ratio": ratio, "best": ordered.index[-1], "worst": ordered.index[0]}
""",
            10,
        ),
        (
            "written another way: plain Python",
            """
def worst_to_best_error(accuracies):
    wrong = {name: 1 - value for name, value in accuracies.items()}
    worst, best = max(wrong, key=wrong.get), min(wrong, key=wrong.get)
    try:
        ratio = float(wrong[worst]) / float(wrong[best])
    except ZeroDivisionError:
        ratio = np.nan
    return {"worst": worst, "best": best, "ratio": ratio}
""",
            10,
        ),
    ],
}
