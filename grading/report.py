"""What a class did: a page to read, tables to work with, and files for the gradebooks of Moodle and Canvas."""

import csv
import os
import re
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from .course import GradingError
from .similarity import similar_pairs
from .text import no_formula, visible

EASY, HARD, WEAK = 0.95, 0.30, 0.20  # shares of the points; correlation below which an item tells little
DRAWS = 1000
MOST_PAIRS = 30


# --- tables -------------------------------------------------------------------------------------------------------


def scores(results: list[dict]) -> pd.DataFrame:
    """A row for each mark: student, status, notebook, question, points (NaN: no mark), max, by_hand, message."""
    rows = [
        {"student": one["student"], "status": one["status"], "notebook": notebook, "question": question, **mark}
        for one in results
        for notebook, about in one["notebooks"].items()
        for question, mark in about["marks"].items()
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
    found = failed.groupby(["notebook", "question", "pattern"], sort=False).agg(
        students=("student", "nunique"), example=("message", "first")
    )
    return found.reset_index().sort_values("students", ascending=False, ignore_index=True, kind="stable")


def pattern_of(message: str) -> str:
    """A message without what differs from student to student."""
    words = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", message)
    words = re.sub(r"\[[^\]]*\]|\{[^}]*\}", "[…]", words)
    return re.sub(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?", "#", words)[:300]


def flag_table(results: list[dict]) -> pd.DataFrame:
    """What was put right, and why someone should look: one row each."""
    rows = []
    for one in results:
        reasons = set(one["reasons"])
        rows += [{"student": one["student"], "status": one["status"], "what": reason} for reason in one["reasons"]]
        for notebook, about in one["notebooks"].items():
            notes = [f"{notebook}: {flag}" for flag in about.get("flags", [])]
            rows += [{"student": one["student"], "status": one["status"], "what": n} for n in notes if n not in reasons]
    return pd.DataFrame(rows, columns=["student", "status", "what"])


def pair_table(results: list[dict], template: dict[str, dict[str, str]]) -> pd.DataFrame:
    """Similar pairs of the class, over all notebooks; see `grading.similarity`."""
    answers = {
        one["student"]: {
            f"{notebook}/{cell}": code
            for notebook, about in one["notebooks"].items()
            for cell, code in about.get("answers", {}).items()
        }
        for one in results
    }
    stubs = {f"{notebook}/{cell}": code for notebook, cells in template.items() for cell, code in cells.items()}
    return similar_pairs(answers, stubs)


def totals(results: list[dict]) -> pd.DataFrame:
    """A row for each student: status, points by test, by hand, still to be marked. No mark is NaN, never 0."""
    rows = []
    for one in results:
        marks = [mark for about in one["notebooks"].values() for mark in about["marks"].values()]
        row = {"student": one["student"], "status": one["status"], "late_seconds": one["late_seconds"]}
        row |= dict.fromkeys(["automatic", "by_hand", "waiting", "total"], np.nan)
        if one["status"] != "failed":
            tested = [m["points"] for m in marks if not m["by_hand"] and m["points"] is not None]
            by_hand = [m["points"] for m in marks if m["by_hand"] and m["points"] is not None]
            row |= {"automatic": sum(tested), "by_hand": sum(by_hand)}
            row["waiting"] = sum(m["max"] for m in marks if m["points"] is None)
            row["total"] = row["automatic"] + row["by_hand"]
        rows.append(row)
    return pd.DataFrame(rows, columns=["student", "status", "late_seconds", "automatic", "by_hand", "waiting", "total"])


# --- the page -----------------------------------------------------------------------------------------------------


def class_report(
    lab: str, results: list[dict], to: Path, template: dict[str, dict[str, str]], seed: int = 0
) -> dict[str, Path]:
    """Write the report of a class: `report.html`, and its tables as CSV.

    Parameters
    ----------
    results : one dict a submission, as `grading.marks` makes them
    to : the folder to write to
    template : notebook → answer cell → the stub that the students started from
    seed : of the bootstrap

    Returns
    -------
    dict : name → path of each file written
    """
    table, rng = scores(results), np.random.default_rng(seed)
    parts = {
        "scores": table.drop(columns="message"),
        "questions": question_table(table, rng),
        "messages": message_table(table),
        "flags": flag_table(results),
        "similar_pairs": pair_table(results, template),
    }
    to.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, part in parts.items():
        written[name] = to / f"{name}.csv"
        _write(written[name], _harmless(part).to_csv(index=False))
    written["report"] = to / "report.html"
    _write(written["report"], _page(lab, results, parts))
    return written


def _page(lab: str, results: list[dict], parts: dict[str, pd.DataFrame]) -> str:
    everyone = totals(results)
    done = everyone[everyone["status"] != "failed"]
    counts = everyone["status"].value_counts()
    facts = [
        f"<b>{len(results)}</b> submissions: {counts.get('graded', 0)} graded, "
        f"{counts.get('needs a look', 0)} need a look, {counts.get('failed', 0)} failed (no marks, not zero)."
    ]
    if (everyone["late_seconds"] > 0).any():
        facts.append(f"{(everyone['late_seconds'] > 0).sum()} came late.")
    if done["waiting"].sum() > 0:
        facts.append(f"{(done['waiting'] > 0).sum()} wait for marks by hand, {done['waiting'].sum():g} points in all.")
    if len(done) > 1:
        low, high = DescrStatsW(done["automatic"]).tconfint_mean() if done["automatic"].std() else (np.nan, np.nan)
        between = f" (95 % interval {low:.1f} to {high:.1f}, Student's t)" if np.isfinite(low) else ""
        facts.append(
            f"Points by test: mean {done['automatic'].mean():.1f}{between}, median {done['automatic'].median():g}."
        )
    else:
        facts.append("Intervals and discrimination need more than one marked submission.")
    held = sorted({one["sandbox"] for one in results if one.get("sandbox")})
    if held:
        facts.append(f"Run in: {escape('; '.join(held))}.")
    if any("NO SANDBOX" in words for words in held):
        facts.append("<b>Some were run without a sandbox.</b>")
    problems = everyone[everyone["status"] != "graded"]["student"]
    flags = parts["flags"]
    questions = parts["questions"].copy()
    shown = pd.DataFrame(
        {
            "question": questions["notebook"] + "/" + questions["question"],
            "n": questions["n"],
            "share of the points": [
                _between(r.mean_, r.low, r.high) for r in questions.rename(columns={"mean": "mean_"}).itertuples()
            ],
            "": [_bar(mean) for mean in questions["mean"]],
            "interval": questions["interval"],
            "discrimination": [_between(r.discrimination, r.d_low, r.d_high) for r in questions.itertuples()],
            "remark": questions["remark"],
        }
    )
    pairs = parts["similar_pairs"].head(MOST_PAIRS)
    odd = flags["student"].isin(problems)
    about_questions = (
        f"Share of the points with a 95 % interval. Too easy: all of it above {EASY:.0%}; too hard: all below "
        f"{HARD:.0%}. Discrimination: correlation with the rest of the automatic points, 95 % bootstrap interval over "
        f"students; all below {WEAK}: the question tells little"
    )
    about_messages = "Messages of failed tests; numbers and quoted words are taken out to put alike ones together"
    sections = {
        "The class": "<p>" + "</p><p>".join(facts) + "</p>" + _histogram(done["automatic"].dropna()),
        "To look at": _html(flags[odd], "Submissions that failed or need a look, with every reason"),
        "Questions": _html(shown, about_questions, raw=[""]),
        "Common failures": _html(parts["messages"].head(40), about_messages),
        "Other notes": _html(flags[~odd], "What was put right and changes nothing"),
        "Similar answers": "<p>Pairs to look at together; likeness is no verdict. Short answers to one question are "
        "alike by themselves, and the stub and what many of the class wrote are left out.</p>"
        + _html(pairs.round(2), "Rare runs of code that two have in common")
        + _side_by_side(pairs.head(5), results),
    }
    body = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in sections.items())
    return PAGE.format(lab=escape(lab), body=body)


def _between(value, low, high) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if np.isfinite(low) else f"{value:.2f}"


def _bar(share: float) -> str:
    width = 100 * share if np.isfinite(share) else 0
    return (
        f'<svg width="102" height="12" role="img" aria-label="{width:.0f} %">'
        '<rect width="100" height="10" x="1" y="1" fill="none" stroke="#555"/>'
        f'<rect width="{width:.0f}" height="10" x="1" y="1" fill="#0072B2"/></svg>'
    )


def _histogram(points: pd.Series) -> str:
    """Points by test as bars, with the counts written on them."""
    if points.nunique() < 2:
        return ""
    if points.nunique() <= 12:
        found = points.value_counts().sort_index()
        counts, names = found.to_numpy(), [f"{value:g}" for value in found.index]
    else:
        counts, edges = np.histogram(points, bins=12)
        names = [f"{low:.0f}–{high:.0f}" for low, high in zip(edges, edges[1:], strict=False)]
    words = "; ".join(f"{name}: {n}" for name, n in zip(names, counts, strict=True))
    heights = 100 * counts / counts.max()
    bars = "".join(
        f'<rect x="{i * 50 + 5}" y="{120 - height:.0f}" width="40" height="{height:.0f}" fill="#0072B2"/>'
        f'<text x="{i * 50 + 25}" y="{115 - height:.0f}" text-anchor="middle">{counts[i]}</text>'
        f'<text x="{i * 50 + 25}" y="136" text-anchor="middle">{names[i]}</text>'
        for i, height in enumerate(heights)
    )
    width = len(counts) * 50 + 10
    return (
        f'<figure><svg viewBox="0 0 {width} 142" width="{width}" role="img" '
        f'aria-label="Number of students by points: {words}">{bars}</svg>'
        "<figcaption>Students by points by test</figcaption></figure>"
    )


def _html(table: pd.DataFrame, caption: str, raw=()) -> str:
    if table.empty:
        return "<p>None.</p>"
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{cell if name in raw else escape(_cell(cell))}</td>"
            for name, cell in zip(table.columns, row, strict=True)
        )
        + "</tr>"
        for row in table.itertuples(index=False)
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value) -> str:
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) else visible(str(value))


def _side_by_side(pairs: pd.DataFrame, results: list[dict]) -> str:
    code = {
        one["student"]: "\n\n".join(
            f"# {n}/{cell}\n{text}"
            for n, about in one["notebooks"].items()
            for cell, text in about.get("answers", {}).items()
        )
        for one in results
    }
    return "".join(
        f"<details><summary>{escape(visible(pair.first))} and {escape(visible(pair.second))}</summary><div class=two>"
        f"<pre>{escape(visible(code[pair.first][:20000]))}</pre>"
        f"<pre>{escape(visible(code[pair.second][:20000]))}</pre></div></details>"
        for pair in pairs.itertuples()
    )


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{lab}: class report</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #111; }}
table {{ border-collapse: collapse; margin: 1rem 0; font-size: .9rem; }}
caption {{ text-align: left; font-style: italic; padding-bottom: .3rem; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25rem .6rem; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
svg text {{ font-size: 11px; }} figcaption {{ font-style: italic; font-size: .9rem; }} figure {{ margin: 1rem 0; }}
.two {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }}
pre {{ overflow: auto; background: #f5f5f5; padding: .5rem; }}
</style></head><body><h1>{lab}: class report</h1>{body}</body></html>
"""


# --- exports ------------------------------------------------------------------------------------------------------


def export_moodle(lab: str, results: list[dict], roster: Path | None, path: Path, partial: bool = False) -> None:
    """A table for Moodle's *Import grades*: `Username` (or the roster's `email` as `Email address`), and the points."""
    known = _roster(roster)
    by_email = any(row.get("email") for row in known.values())
    rows = []
    for student, points in _points(results, partial):
        who = known.get(student, {}).get("email", "") if by_email else student
        rows.append({"Email address" if by_email else "Username": _safe(who), lab: points})
    _write(path, pd.DataFrame(rows).to_csv(index=False))


def export_canvas(lab: str, results: list[dict], roster: Path | None, path: Path, partial: bool = False) -> None:
    """A table for the *Import* of Canvas's gradebook, with its row of possible points."""
    known = _roster(roster)
    most = max(
        (sum(m["max"] for about in one["notebooks"].values() for m in about["marks"].values()) for one in results),
        default=0,
    )
    empty = {
        "Student": "    Points Possible",
        "ID": "",
        "SIS User ID": "",
        "SIS Login ID": "",
        "Section": "",
        lab: f"{most:g}",
    }
    rows = [empty]
    for student, points in _points(results, partial):
        row = known.get(student, {})
        rows.append(
            {
                "Student": _safe(row.get("name", student)),
                "ID": _safe(row.get("canvas_id", "")),
                "SIS User ID": _safe(row.get("sis_id", "")),
                "SIS Login ID": _safe(student),
                "Section": _safe(row.get("section", "")),
                lab: points,
            }
        )
    _write(path, pd.DataFrame(rows).to_csv(index=False))


def _points(results: list[dict], partial: bool) -> list[tuple[str, str]]:
    """Student and total; an empty text where there is no total (yet)."""
    table = totals(results)
    known = table["total"].notna() & ((table["waiting"] == 0) | partial)
    return [(row.student, f"{row.total:g}" if ok else "") for row, ok in zip(table.itertuples(), known, strict=True)]


def _roster(path: Path | None) -> dict[str, dict[str, str]]:
    if path is None:
        return {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise GradingError(f"The roster {path} cannot be read: {problem}") from None
    if not rows or "student" not in rows[0]:
        raise GradingError(f"The roster {path} has no column 'student': the names under which the class is graded.")
    return {row["student"]: row for row in rows}


def _safe(text) -> str:
    return no_formula(str(text or ""))


def _harmless(table: pd.DataFrame) -> pd.DataFrame:
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    return table.assign(**{name: table[name].map(no_formula) for name in texts})


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", errors="backslashreplace")  # a folder's name may have no encoding
    os.replace(part, path)
