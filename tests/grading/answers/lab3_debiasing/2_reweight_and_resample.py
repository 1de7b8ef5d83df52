ANSWERS = {
    "q1_weights": [
        (
            "the fraction upside down",
            """
def weights_of(attribute, label):
    t = pd.DataFrame({"a": attribute, "y": label}).dropna()
    w = len(t) * t.groupby(["a", "y"])["a"].transform("size") / (
        t.groupby("a")["a"].transform("size") * t.groupby("y")["y"].transform("size"))
    return w.reindex(attribute.index, fill_value=1.0)
""",
            0,
        ),
        (
            "all groups weigh the same",
            """
def weights_of(attribute, label):
    t = pd.DataFrame({"a": attribute, "y": label}).dropna()
    size = t.groupby(["a", "y"])["a"].transform("size")
    w = len(t) / (size * t.groupby(["a", "y"]).ngroups)
    return w.reindex(attribute.index, fill_value=1.0)
""",
            0,
        ),
        (
            "by label only",
            """
def weights_of(attribute, label):
    known = attribute.notna() & label.notna()
    y = label[known]
    w = len(y) / (y.nunique() * y.groupby(y).transform("size"))
    return w.reindex(attribute.index, fill_value=1.0)
""",
            0,
        ),
        (
            "shares of all pictures, the incomplete ones too",
            """
def weights_of(attribute, label):
    t = pd.DataFrame({"a": attribute, "y": label})
    w = (t.groupby("a")["a"].transform("count") * t.groupby("y")["y"].transform("count")
         / (len(t) * t.groupby(["a", "y"])["a"].transform("count")))
    return w.fillna(1.0)
""",
            0,
        ),
        (
            "incomplete pictures dropped",
            """
def weights_of(attribute, label):
    t = pd.DataFrame({"a": attribute, "y": label}).dropna()
    return (t.groupby("a")["a"].transform("size") * t.groupby("y")["y"].transform("size")
            / (len(t) * t.groupby(["a", "y"])["a"].transform("size")))
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def weights_of(attribute, label):
    return pd.Series([0.9, 0.9, 1.2, 0.8, 1, 1.2], index=list("pqrstu"))
""",
            0,
        ),
        (
            "written another way: a table of counts",
            """
def weights_of(attribute, label):
    known = attribute.notna() & label.notna()
    counts = pd.crosstab(attribute[known], label[known])
    share = counts / counts.to_numpy().sum()
    weight = share.sum(axis=1).to_numpy()[:, None] * share.sum(axis=0).to_numpy() / share.where(share > 0)
    result = pd.Series(1.0, index=attribute.index)
    for i in np.flatnonzero(known.to_numpy()):
        result.iloc[i] = weight.loc[attribute.iloc[i], label.iloc[i]]
    return result
""",
            9,
        ),
    ],
    "q2_draw_rows": [
        (
            "every row alike",
            """
def draw_rows(attribute, label, size, rng):
    known = np.flatnonzero((attribute.notna() & label.notna()).to_numpy())
    return rng.choice(known, size=size)
""",
            0,
        ),
        (
            "labels alike, not pairs",
            """
def draw_rows(attribute, label, size, rng):
    known = (attribute.notna() & label.notna()).to_numpy()
    y = label.to_numpy()
    p = np.zeros(len(y))
    for value in pd.unique(y[known]):
        p[known & (y == value)] = 1 / (known & (y == value)).sum()
    return rng.choice(len(y), size=size, p=p / p.sum())
""",
            0,
        ),
        (
            "draws from the shared generator",
            """
def draw_rows(attribute, label, size, rng):
    t = pd.DataFrame({"a": attribute.to_numpy(), "y": label.to_numpy()})
    p = (1 / t.assign(n=1).groupby(["a", "y"])["n"].transform("sum")).fillna(0).to_numpy()
    return np.random.choice(len(t), size=size, p=p / p.sum())
""",
            0,
        ),
        (
            "returns the index, not positions",
            """
def draw_rows(attribute, label, size, rng):
    t = pd.DataFrame({"a": attribute.to_numpy(), "y": label.to_numpy()})
    p = (1 / t.assign(n=1).groupby(["a", "y"])["n"].transform("sum")).fillna(0).to_numpy()
    return attribute.index.to_numpy()[rng.choice(len(t), size=size, p=p / p.sum())]
""",
            0,
        ),
        (
            "the same rows whatever the generator",
            """
def draw_rows(attribute, label, size, rng):
    t = pd.DataFrame({"a": attribute.to_numpy(), "y": label.to_numpy()})
    p = (1 / t.assign(n=1).groupby(["a", "y"])["n"].transform("sum")).fillna(0).to_numpy()
    return np.random.default_rng(0).choice(len(t), size=size, p=p / p.sum())
""",
            0,
        ),
        (
            "written another way: first the pair, then a row of it",
            """
def draw_rows(attribute, label, size, rng):
    t = pd.DataFrame({"a": attribute.to_numpy(), "y": label.to_numpy()}).dropna()
    rows_of = [part.index.to_numpy() for _, part in t.groupby(["a", "y"])]
    which = rng.integers(0, len(rows_of), size)
    sizes = np.array([len(r) for r in rows_of])
    place = (rng.random(size) * sizes[which]).astype(int)
    return np.array([rows_of[g][i] for g, i in zip(which, place)])
""",
            6,
        ),
    ],
}
