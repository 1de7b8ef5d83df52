ANSWERS = {
    "q1_thresholds": [
        (
            "maximises accuracy",
            """
def thresholds_by_group(score, label, group, least):
    found = {}
    for g in sorted({x for x in group if x is not None}):
        here = np.array([x == g for x in group])
        s, y = score[here], label[here]
        if min((y == 1).sum(), (y == 0).sum()) < max(least, 1):
            found[g] = 0.5
            continue
        c = np.append(np.unique(s), 1.01)
        found[g] = c[((s[:, None] >= c) == y[:, None]).mean(0).argmax()]
    return pd.Series(found, dtype=float)
""",
            0,
        ),
        (
            "one threshold for all",
            """
def thresholds_by_group(score, label, group, least):
    c = np.append(np.unique(score), 1.01)
    tpr = (score[label == 1][:, None] >= c).mean(0)
    tnr = (score[label == 0][:, None] < c).mean(0)
    best = c[np.minimum(tpr, tnr).argmax()]
    return pd.Series({g: best for g in sorted({x for x in group if x is not None})}, dtype=float)
""",
            0,
        ),
        (
            "the sum of both rates",
            """
def thresholds_by_group(score, label, group, least):
    found = {}
    for g in sorted({x for x in group if x is not None}):
        here = np.array([x == g for x in group])
        s, y = score[here], label[here]
        if min((y == 1).sum(), (y == 0).sum()) < max(least, 1):
            found[g] = 0.5
            continue
        c = np.append(np.unique(s), 1.01)
        found[g] = c[((s[y == 1][:, None] >= c).mean(0) + (s[y == 0][:, None] < c).mean(0)).argmax()]
    return pd.Series(found, dtype=float)
""",
            0,
        ),
        (
            "small groups get a threshold, too",
            """
def thresholds_by_group(score, label, group, least):
    found = {}
    for g in sorted({x for x in group if x is not None}):
        here = np.array([x == g for x in group])
        s, y = score[here], label[here]
        if (y == 1).sum() == 0 or (y == 0).sum() == 0:
            found[g] = 0.5
            continue
        c = np.append(np.unique(s), 1.01)
        tpr, tnr = (s[y == 1][:, None] >= c).mean(0), (s[y == 0][:, None] < c).mean(0)
        found[g] = c[np.minimum(tpr, tnr).argmax()]
    return pd.Series(found, dtype=float)
""",
            0,
        ),
        (
            "the tag for scores above the threshold only",
            """
def thresholds_by_group(score, label, group, least):
    found = {}
    for g in sorted({x for x in group if x is not None}):
        here = np.array([x == g for x in group])
        s, y = score[here], label[here]
        if min((y == 1).sum(), (y == 0).sum()) < max(least, 1):
            found[g] = 0.5
            continue
        c = np.append(-0.01, np.unique(s))
        tpr, tnr = (s[y == 1][:, None] > c).mean(0), (s[y == 0][:, None] <= c).mean(0)
        found[g] = c[np.minimum(tpr, tnr).argmax()]
    return pd.Series(found, dtype=float)
""",
            0,
        ),
        (
            "written another way: half-way between scores, in a loop",
            """
def thresholds_by_group(score, label, group, least):
    found = {}
    for g in sorted({x for x in group if x is not None}):
        rows = [i for i, x in enumerate(group) if x == g]
        ones = [score[i] for i in rows if label[i] == 1]
        zeros = [score[i] for i in rows if label[i] == 0]
        if len(ones) < least or len(zeros) < least or not ones or not zeros:
            found[g] = 0.5
            continue
        cuts = sorted(set(ones + zeros))
        middle = [-0.01] + [(a + b) / 2 for a, b in zip(cuts, cuts[1:])] + [1.01]
        found[g] = max(middle, key=lambda t: min(np.mean(np.array(ones) >= t), np.mean(np.array(zeros) < t)))
    return pd.Series(found, dtype=float)
""",
            10,
        ),
    ],
}
