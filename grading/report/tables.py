"""What a class did, as tables: marks, questions, messages of failed tests, flags, similar pairs, totals."""

import re

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from ..similarity import similar_pairs
from ..submission import FAILED, Result

EASY, HARD, WEAK = 0.95, 0.30, 0.20  # shares of the points; correlation below which an item tells little
DRAWS = 1000


def scores(results: list[Result]) -> pd.DataFrame:
    """A row for each mark: student, status, notebook, question, points (NaN: no mark), max, by_hand, message."""
    rows = [
        {"student": result.student, "status": result.status, "notebook": name, "question": question, **vars(mark)}
        for result in results
        for name, notebook in result.notebooks.items()
        for question, mark in notebook.marks.items()
    ]
    columns = ["student", "status", "notebook", "question", "points", "max", "by_hand", "message"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"points": float, "max": float})


def question_table(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """What each question tells about the class.

    Returns
    -------
    DataFrame with a row a question and the columns notebook, question, n (marks), mean (share of the points), low and
    high (95 % interval: Wilson where points are all or nothing, else Student's t), interval (which of the two),
    discrimination (correlation with the rest of the automatic points), d_low and d_high (95 % bootstrap interval over
    students), remark ("too easy", "too hard", "tells little": said only where the whole interval is beyond the line)
    """
    marked = table[table["points"].notna()].assign(key=lambda t: t["notebook"] + "/" + t["question"])
    wide = marked.pivot_table(index="student", columns="key", values="points", aggfunc="first")
    automatic = marked.loc[~marked["by_hand"].astype(bool), "key"].unique()
    rows = []
    for (notebook, question), group in marked.groupby(["notebook", "question"], sort=False):
        key = f"{notebook}/{question}"
        share = (group["points"] / group["max"]).to_numpy()
        n = len(share)
        all_or_nothing = np.isin(share, [0.0, 1.0]).all()
        if all_or_nothing:
            low, high = proportion_confint(int(share.sum()), n, method="wilson")
        elif n > 1:
            low, high = DescrStatsW(share).tconfint_mean()
        else:
            low = high = np.nan
        rest = wide[[name for name in automatic if name != key]].sum(axis=1, min_count=1)
        d, d_low, d_high = correlation(wide[key], rest, rng)
        remarks = []
        if low > EASY:
            remarks.append("too easy")
        if high < HARD:
            remarks.append("too hard")
        if d_high < WEAK:
            remarks.append("tells little")
        rows.append(
            {
                "notebook": notebook, "question": question, "max": group["max"].iloc[0], "n": n, "mean": share.mean(),
                "low": max(low, 0), "high": min(high, 1), "interval": "Wilson" if all_or_nothing else "t",
                "discrimination": d, "d_low": d_low, "d_high": d_high, "remark": ", ".join(remarks),
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["notebook", "question", "max", "n", "mean", "low", "high", "interval",
                                       "discrimination", "d_low", "d_high", "remark"])  # fmt: skip


def correlation(item: pd.Series, rest: pd.Series, rng: np.random.Generator) -> tuple[float, float, float]:
    """Pearson's correlation with a 95 % bootstrap interval; NaN where one of the two does not vary or n < 5."""
    both = pd.concat([item, rest], axis=1).dropna().to_numpy(float)
    if len(both) < 5 or (both.std(axis=0) == 0).any():
        return np.nan, np.nan, np.nan
    drawn = both[rng.integers(0, len(both), (DRAWS, len(both)))]
    centred = drawn - drawn.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        r = (centred[..., 0] * centred[..., 1]).sum(1) / np.sqrt((centred**2).sum(1).prod(1))
    low, high = np.nanquantile(r, [0.025, 0.975]) if np.isfinite(r).any() else (np.nan, np.nan)
    return float(np.corrcoef(both.T)[0, 1]), float(low), float(high)


def message_table(table: pd.DataFrame) -> pd.DataFrame:
    """The failed tests' messages, alike ones together (numbers and names in quotes taken out), most frequent first."""
    failed = table[table["message"].fillna("").astype(str) != ""]
    if failed.empty:
        return pd.DataFrame(columns=["notebook", "question", "pattern", "students", "example"])
    failed = failed.assign(pattern=failed["message"].map(pattern_of))
    counts = failed.groupby(["notebook", "question", "pattern"], sort=False).agg(
        students=("student", "nunique"), example=("message", "first")
    )
    return counts.reset_index().sort_values("students", ascending=False, ignore_index=True, kind="stable")


def pattern_of(message: str) -> str:
    """A message without what differs from student to student."""
    words = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", message)
    words = re.sub(r"\[[^\]]*\]|\{[^}]*\}", "[…]", words)
    return re.sub(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?", "#", words)[:300]


def flag_table(results: list[Result]) -> pd.DataFrame:
    """What was put right, and why someone should look: one row each."""
    rows = []
    for result in results:
        notes = [f"{name}: {flag}" for name, notebook in result.notebooks.items() for flag in notebook.flags]
        all_of_it = [*result.reasons, *(note for note in notes if note not in set(result.reasons))]
        rows += [{"student": result.student, "status": result.status, "what": what} for what in all_of_it]
    return pd.DataFrame(rows, columns=["student", "status", "what"])


def pair_table(results: list[Result], template: dict[str, dict[str, str]]) -> pd.DataFrame:
    """Similar pairs of the class, over all notebooks; see `grading.similarity`."""
    answers = {
        result.student: {
            f"{name}/{cell}": code
            for name, notebook in result.notebooks.items()
            for cell, code in notebook.answers.items()
        }
        for result in results
    }
    stubs = {f"{notebook}/{cell}": code for notebook, cells in template.items() for cell, code in cells.items()}
    return similar_pairs(answers, stubs)


def totals(results: list[Result]) -> pd.DataFrame:
    """A row for each student: status, points by test, by hand, still to be marked. No mark is NaN, never 0."""
    rows = []
    for result in results:
        marks = [mark for notebook in result.notebooks.values() for mark in notebook.marks.values()]
        row = {"student": result.student, "status": result.status, "late_seconds": result.late_seconds}
        row |= dict.fromkeys(["automatic", "by_hand", "waiting", "total"], np.nan)
        if result.status != FAILED:
            tested = [mark.points for mark in marks if not mark.by_hand and mark.points is not None]
            by_hand = [mark.points for mark in marks if mark.by_hand and mark.points is not None]
            row |= {"automatic": sum(tested), "by_hand": sum(by_hand)}
            row["waiting"] = sum(mark.max for mark in marks if mark.points is None)
            row["total"] = row["automatic"] + row["by_hand"]
        rows.append(row)
    return pd.DataFrame(rows, columns=["student", "status", "late_seconds", "automatic", "by_hand", "waiting", "total"])
