"""Pairs of submissions whose answers are alike beyond what the question suggests: pairs to look at, no verdict.

An answer is cut into tokens; names and numbers of the student's own become placeholders, so that renaming hides
nothing. Runs of tokens are hashed and the hashes thinned by winnowing (Schleimer, Wilkerson and Aiken, "Winnowing:
local algorithms for document fingerprinting", SIGMOD 2003). What the stub holds, and what many of the class have, tells
nothing and is left out; what is left and shared is the evidence.
"""

import builtins
import hashlib
import io
import keyword
import tokenize
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse

GRAM, WINDOW = 8, 4  # tokens in a run; runs of which one is kept
COMMON = 0.25  # of the class, and at least FEW: what so many have is the obvious way
FEW = 4
LEAST = 6  # shared rare fingerprints of a pair that is listed


def tokens(code: str) -> list[str]:
    """The tokens of an answer: no comments, texts or layout; own names and numbers as placeholders."""
    words = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.NAME:
                known = keyword.iskeyword(token.string) or hasattr(builtins, token.string)
                after_dot = words and words[-1] == "."  # a method or a column: somebody else's name
                words.append(token.string if known or after_dot else "NAME")
            elif token.type == tokenize.NUMBER:
                words.append("NUMBER")
            elif token.type == tokenize.STRING:
                words.append("TEXT")
            elif token.type == tokenize.OP:
                words.append(token.string)
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass  # the tokens up to the place where it is no Python any more
    return words


def fingerprints(code: str) -> set[int]:
    """Hashes of runs of tokens, thinned so that every stretch of GRAM + WINDOW - 1 tokens keeps one."""
    words = tokens(code)
    hashes = [
        int.from_bytes(hashlib.blake2b(" ".join(words[i : i + GRAM]).encode(), digest_size=8).digest(), "big")
        for i in range(len(words) - GRAM + 1)
    ]
    if len(hashes) < WINDOW:
        return set(hashes)
    return set(np.lib.stride_tricks.sliding_window_view(np.array(hashes, dtype=np.uint64), WINDOW).min(axis=1).tolist())


def similar_pairs(answers: dict[str, dict[str, str]], template: dict[str, str], least: int = LEAST) -> pd.DataFrame:
    """Pairs of students with rare runs of code in common, most first.

    Parameters
    ----------
    answers : student → answer cell → code
    template : answer cell → the stub that everyone starts from
    least : shared rare fingerprints from which on a pair is listed

    Returns
    -------
    DataFrame with the columns
        first, second : the students
        shared : int, rare fingerprints that both have
        overlap : float in (0, 1], shared out of those of the one who has fewer
    """
    columns = ["first", "second", "shared", "overlap"]
    students = sorted(answers)
    known = {cell: fingerprints(code) for cell, code in template.items()}
    prints = [
        set(chain.from_iterable(fingerprints(code) - known.get(cell, set()) for cell, code in answers[student].items()))
        for student in students
    ]
    vocabulary = {print_: number for number, print_ in enumerate(sorted(set().union(*prints)))} if prints else {}
    if not vocabulary:
        return pd.DataFrame(columns=columns)
    rows = np.repeat(np.arange(len(students)), [len(own) for own in prints])
    places = np.fromiter((vocabulary[print_] for own in prints for print_ in own), dtype=int, count=len(rows))
    has = sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, places)), shape=(len(students), len(vocabulary)))
    often = np.asarray(has.sum(axis=0)).ravel()
    rare = has[:, often <= max(FEW, COMMON * len(students))]
    size = np.asarray(rare.sum(axis=1)).ravel()
    both = sparse.triu(rare @ rare.T, k=1).tocoo()
    enough = both.data >= least
    first, second, shared = both.row[enough], both.col[enough], both.data[enough]
    pairs = pd.DataFrame(
        {
            "first": [students[i] for i in first],
            "second": [students[i] for i in second],
            "shared": shared,
            "overlap": shared / np.minimum(size[first], size[second]),
        },
        columns=columns,
    )
    return pairs.sort_values(["shared", "overlap"], ascending=False, ignore_index=True)
