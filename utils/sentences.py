"""Sentences that notebooks print with numbers in them, broken so that they can be read."""

import textwrap


def tell(sentence: str) -> None:
    """Print a sentence, broken between words.

    Examples
    --------
    >>> from utils.sentences import tell
    >>> tell("For those who were pictured it makes a difference which of the criteria is chosen, and who chooses it.")
    For those who were pictured it makes a difference which of the criteria is chosen, and who chooses
       it.
    """
    print(textwrap.fill(sentence, 100, subsequent_indent="   "))
