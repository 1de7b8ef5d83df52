ANSWERS = {
    "q1_share": [
        (
            "missing taken as no",
            """
def share(table, column, value):
    return (table[column] == value).mean()
""",
            0,
        ),
        (
            "a count and no share",
            """
def share(table, column, value):
    return (table[column] == value).sum()
""",
            0,
        ),
        (
            "a percentage",
            """
def share(table, column, value):
    return 100 * (table[column].dropna() == value).mean()
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def share(table, column, value):
    return 0.25
""",
            0,
        ),
        (
            "zero where nothing is known",
            """
def share(table, column, value):
    known = table[column].dropna()
    return (known == value).sum() / max(len(known), 1)
""",
            0,
        ),
        (
            "written another way: a loop",
            """
def share(table, column, value):
    known = [entry for entry in table[column] if not pd.isna(entry)]
    return sum(entry == value for entry in known) / len(known) if known else float("nan")
""",
            1,
        ),
        (
            "written another way: with a warning on stderr",
            """
import warnings

def share(table, column, value):
    warnings.warn("this is only a warning")
    known = table[column].notna()
    return (table.loc[known, column] == value).sum() / known.sum() if known.any() else np.nan
""",
            1,
        ),
    ],
}
