"""What a class did: a page to read, and the tables that it is made of."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..files import write_whole
from ..submission import Result
from ..text import no_formula
from .page import html_page
from .tables import flag_table, message_table, pair_table, pattern_of, question_table, scores, totals

__all__ = ["class_report", "pattern_of", "question_table", "scores", "totals"]


def class_report(
    lab: str, results: list[Result], to: Path, template: dict[str, dict[str, str]], seed: int = 0
) -> dict[str, Path]:
    """Write the report of a class: `report.html`, and its tables as CSV.

    Parameters
    ----------
    results : one a submission, with its marks
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
        write_whole(written[name], _harmless(part).to_csv(index=False))
    written["report"] = to / "report.html"
    write_whole(written["report"], html_page(lab, results, parts))
    return written


def _harmless(table: pd.DataFrame) -> pd.DataFrame:
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    return table.assign(**{name: table[name].map(no_formula) for name in texts})
