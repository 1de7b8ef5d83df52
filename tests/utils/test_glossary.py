"""The glossary says what the docstrings say."""

import pytest

from utils.evaluation._metrics import METRICS
from utils.evaluation.criteria import CRITERIA
from utils.glossary import PAGE, entry, metric_functions, page


def test_the_page_is_what_the_docstrings_make_of_it():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run `make glossary`"


def test_every_metric_and_every_criterion_has_an_entry():
    without = {*METRICS, *CRITERIA} - set(metric_functions())
    assert not without, f"no field Formula in the docstring of {', '.join(sorted(without))}"
    text = PAGE.read_text(encoding="utf-8")
    for function in metric_functions().values():
        heading, definition = entry(function)
        assert f"\n### {heading}\n\n{definition}\n" in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == len(set(headings))


def test_a_docstring_without_a_field_is_named():
    def rate():
        """Rate: a share.

        Formula: one divided by two.
        Range: 0 to 1.
        """

    with pytest.raises(ValueError, match="rate has the fields Formula, Range; an entry needs Formula, Range, No dis"):
        entry(rate)
