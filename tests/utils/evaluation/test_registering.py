"""Metrics and criteria are registered in one place, with all that the audit, the gaps and the figures ask of them."""

import pandas as pd
import pytest

from utils.evaluation import audit, disparities
from utils.evaluation._metrics import METRICS, better
from utils.evaluation._registry import (
    BETTER,
    NO_ROWS,
    criteria_of,
    criterion,
    divide,
    metrics_of,
    of_counts,
    of_rows,
    rate,
)
from utils.evaluation.criteria import CRITERIA
from utils.plotting import describe_before_after

PEOPLE = pd.DataFrame(
    {"group": list("aaaabbbb"), "label": [1, 1, 0, 0] * 2, "pred1": [1, 1, 0, 0, 1, 0, 1, 0], "score": [0.5] * 8}
)


@pytest.fixture
def forgotten():
    """What a test adds to the metrics is forgotten after it."""
    before = METRICS.copy()
    yield lambda *functions: METRICS.update(metrics_of({f.__name__: f for f in functions}))
    METRICS.clear()
    METRICS.update(before)


def miss_rate(label, prediction):
    """Miss rate: a toy.

    Formula: FN / n.
    """


def share_missed(label, prediction):
    """Share missed: the same toy, counted as no rate.

    Formula: FN / n.
    """


def test_every_metric_says_all_that_is_asked_of_it():
    for name, metric in METRICS.items():
        assert metric.name == name == metric.function.__name__
        assert metric.better in BETTER and metric.undefined
        assert (metric.of_counts is None) != (metric.of_rows is None)
        assert set(metric.needs) <= {"label", "prediction", "score"} and metric.needs


@pytest.mark.parametrize("register", [rate("fn", "tp fp fn tn", better=None), rate("fn", "tp fp fn tn", better="up")])
def test_a_metric_without_a_direction_cannot_be_registered(register, forgotten):
    with pytest.raises(ValueError, match="say which value serves a group better, 'higher', 'lower', 'neither'"):
        register(miss_rate)
    assert "miss_rate" not in METRICS
    for decorator in (rate, of_counts, of_rows):
        with pytest.raises(TypeError, match="better"):
            decorator("fn", "tp fn") if decorator is rate else decorator(lambda *cells: 0, undefined="")


def test_a_metric_without_a_definition_or_of_unknown_cells_cannot_be_registered(forgotten):
    with pytest.raises(ValueError, match="docstring that has a field Formula"):
        rate("fn", "tp fp fn tn", better="lower")(test_every_metric_says_all_that_is_asked_of_it)
    for above, below in (("missed", "tp fn"), ("", "tp fn"), ("fn", "fn fp"), ("tn", "tp fn"), ("tp tp", "tp fn")):
        with pytest.raises(ValueError, match="A rate counts some of the cells"):
            rate(above, below, better="lower")
    with pytest.raises(ValueError, match="A rate counts some of the cells"):
        rate(["tp"], "tp fn", better="lower")
    for needs in ("label", ("lable",), ()):
        with pytest.raises(ValueError, match="give a tuple of 'label', 'prediction', 'score'"):
            rate("fn", "tp fn", better="lower", needs=needs)(miss_rate)
    with pytest.raises(ValueError, match="with the formula 'FN': give a function"):
        of_counts("FN", better="lower", undefined="")(miss_rate)
    assert "miss_rate" not in METRICS


def test_a_criterion_has_a_definition_and_a_name_of_its_own():
    def mine(table, groups):
        """Mine: a toy.

        Formula: maximum minus minimum.
        """

    with pytest.raises(ValueError, match="docstring that has a field Formula"):
        criterion("mine", "accuracy")(test_every_metric_says_all_that_is_asked_of_it)
    functions = {name: entry.function for name, entry in CRITERIA.items()}
    with pytest.raises(ValueError, match="equalized_odds is the criterion of true_positive_rate, false_positive_rate"):
        criteria_of(functions | {"mine": criterion("equalized_odds", "accuracy")(mine)}, METRICS)
    for metrics, sentence in ((["harm"], "asks for harm; there are accuracy"), ([], "asks for no metric")):
        with pytest.raises(ValueError, match=sentence):
            criteria_of({"mine": criterion("mine", *metrics)(mine)}, METRICS)
    assert criteria_of({"mine": criterion("mine", "accuracy")(mine)}, METRICS)["mine"].function is mine


@pytest.mark.parametrize("direction", BETTER)
def test_one_decorator_is_all_that_a_new_rate_needs(direction, forgotten):
    rate("fn", "tp fp fn tn", better=direction)(miss_rate)
    of_counts(lambda tp, fp, fn, tn: divide(fn, tp + fp + fn + tn), better=direction, undefined="no rows")(share_missed)
    forgotten(miss_rate, share_missed)
    both = ["miss_rate", "share_missed"]
    table = audit(PEOPLE, groups=["group"], metrics=both, draws=100, problems="ignore")
    assert table["value"].tolist() == [1 / 8] * 2 + [0, 1 / 4] * 2  # overall, then by group; metric by metric
    assert table.loc[table["metric"] == "miss_rate", "of"].tolist() == [8, 4, 4]  # a rate
    found = disparities(table)
    assert found["group"].tolist() == ["b" if direction == "lower" else "a"] * 2  # the worst
    after = table.assign(value=table["value"] / 2)
    words = describe_before_after(table, after, "miss_rate")
    assert {"lower": "better", "higher": "worse", "neither": "lower"}[direction] in words


def test_a_metric_of_scores_is_counted_by_group(forgotten):
    def of_score(weights, label, score):
        return (weights * score).sum(axis=1) / weights.sum(axis=1)

    of_rows(of_score, better="neither", undefined="no rows", needs=("score",))(miss_rate)
    forgotten(miss_rate)
    table = audit(
        PEOPLE, None, None, "score", groups=["group"], metrics=["miss_rate"], interval=None, problems="ignore"
    )
    assert table["value"].tolist() == [0.5, 0.5, 0.5]


def test_the_gaps_of_a_metric_that_nobody_registered_are_refused():
    table = audit(PEOPLE, groups=["group"], problems="ignore").assign(metric="harm")
    with pytest.raises(ValueError, match="'harm' is no metric that this course knows, so nothing says which"):
        disparities(table)
    assert better("accuracy") == "higher"


def test_every_criterion_names_metrics_that_there_are():
    for name, entry in CRITERIA.items():
        assert entry.function.__name__ == name and set(entry.metrics) <= set(METRICS) and 1 <= len(entry.metrics) <= 2


def test_every_denominator_that_is_used_has_words_for_its_absence():
    assert {" ".join(metric.below) for metric in METRICS.values() if metric.is_rate} <= set(NO_ROWS)
