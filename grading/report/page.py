"""The class report as a page to read: nothing of a student is active on it."""

from html import escape

import numpy as np
import pandas as pd
from statsmodels.stats.weightstats import DescrStatsW

from ..submission import FAILED, Result
from ..text import visible
from .tables import EASY, HARD, WEAK, totals

MOST_PAIRS = 30


def html_page(lab: str, results: list[Result], parts: dict[str, pd.DataFrame]) -> str:
    """The report of a class as HTML, made of its results and tables."""
    everyone = totals(results)
    marked = everyone[everyone["status"] != FAILED]
    counts = everyone["status"].value_counts()
    facts = [
        f"<b>{len(results)}</b> submissions: {counts.get('graded', 0)} graded, "
        f"{counts.get('needs a look', 0)} need a look, {counts.get('failed', 0)} failed (no marks, not zero)."
    ]
    if (everyone["late_seconds"] > 0).any():
        facts.append(f"{(everyone['late_seconds'] > 0).sum()} came late.")
    if marked["waiting"].sum() > 0:
        facts.append(
            f"{(marked['waiting'] > 0).sum()} wait for marks by hand, {marked['waiting'].sum():g} points in all."
        )
    if len(marked) > 1:
        low, high = DescrStatsW(marked["automatic"]).tconfint_mean() if marked["automatic"].std() else (np.nan, np.nan)
        between = f" (95 % interval {low:.1f} to {high:.1f}, Student's t)" if np.isfinite(low) else ""
        facts.append(
            f"Points by test: mean {marked['automatic'].mean():.1f}{between}, median {marked['automatic'].median():g}."
        )
    else:
        facts.append("Intervals and discrimination need more than one marked submission.")
    held = sorted({result.sandbox for result in results if result.sandbox})
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
    of_questions = (
        f"Share of the points with a 95 % interval. Too easy: all of it above {EASY:.0%}; too hard: all below "
        f"{HARD:.0%}. Discrimination: correlation with the rest of the automatic points, 95 % bootstrap interval over "
        f"students; all below {WEAK}: the question tells little"
    )
    of_messages = "Messages of failed tests; numbers and quoted words are taken out to put alike ones together"
    sections = {
        "The class": "<p>" + "</p><p>".join(facts) + "</p>" + _histogram(marked["automatic"].dropna()),
        "To look at": _html(flags[odd], "Submissions that failed or need a look, with every reason"),
        "Questions": _html(shown, of_questions, raw=[""]),
        "Common failures": _html(parts["messages"].head(40), of_messages),
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
        often = points.value_counts().sort_index()
        counts, names = often.to_numpy(), [f"{value:g}" for value in often.index]
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


def _side_by_side(pairs: pd.DataFrame, results: list[Result]) -> str:
    code = {
        result.student: "\n\n".join(
            f"# {name}/{cell}\n{text}"
            for name, notebook in result.notebooks.items()
            for cell, text in notebook.answers.items()
        )
        for result in results
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
