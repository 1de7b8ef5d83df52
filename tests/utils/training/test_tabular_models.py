"""Models of tables: the split, the pipeline, and every mitigation method."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from utils.datasets._adult import FEATURES, SENSITIVE, load_adult
from utils.datasets._mitigation_runs import load_adult_runs
from utils.mitigation._correlation_remover import without_correlation
from utils.mitigation._tabular import TABULAR_METHODS, compare_tabular, fit_tabular
from utils.training._tabular import (
    Counted,
    column_transformer,
    crossed,
    run_tabular_model,
    small_tree,
    split_rows,
    tabular_pipeline,
)


@pytest.fixture(scope="module")
def parts():
    return split_rows(load_adult(), SENSITIVE, seed=0)


def small(n=600, seed=0):
    """A table in which group b is selected less often, with a word that tells the group, and missing values."""
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < 0.7, "a", "b")
    number = rng.normal(size=n) + (group == "a")
    label = (number + rng.normal(size=n) > 0.8).astype(int)
    word = pd.Series(np.where((rng.random(n) < 0.9) == (group == "a"), "x", "y")).where(rng.random(n) > 0.1)
    return pd.DataFrame({"number": number, "word": word, "group": group, "label": label})


def test_every_row_goes_into_one_part_and_strata_keep_their_shares(parts):
    assert sum(map(len, parts)) == 48_842 and not set(parts[0].index) & set(parts[1].index) | set(parts[1].index) & set(
        parts[2].index
    )
    cells = [(crossed(p, SENSITIVE) + p["label"].astype(str)).value_counts() for p in parts]
    whole = sum(cells)
    for share, cell in zip((0.5, 0.25, 0.25), cells, strict=True):
        assert ((cell - share * whole).abs() <= 1.01).all()
    again = split_rows(load_adult(), SENSITIVE, seed=0)[0]
    assert again.index.equals(parts[0].index)
    assert not split_rows(load_adult(), SENSITIVE, seed=1)[0].index.equals(parts[0].index)


def test_groups_of_a_few_rows_are_split_all_the_same():
    table = small(200)
    table.loc[:2, "group"] = "rare"
    train, rest = split_rows(table, "group", (0.5, 0.5))
    assert len(train) == len(rest) == 100


def test_a_wrong_split_is_refused():
    with pytest.raises(KeyError, match="'race'"):
        split_rows(small(), "race")
    with pytest.raises(ValueError, match="add up to 1"):
        split_rows(small(), "group", (0.5, 0.6))


def test_nothing_is_learnt_from_rows_to_be_judged():
    table = small()
    train, test = table.iloc[:400], table.iloc[400:].assign(number=1e6, word="new")
    before = column_transformer(train, ["number", "word"]).fit(train)
    mean = before.named_transformers_["scaled"][1].mean_[0]
    assert mean == pytest.approx(train["number"].mean())
    assert np.isfinite(before.transform(test)).all()  # a word that was never seen is no error
    model = tabular_pipeline(LogisticRegression(), train, ["number", "word"]).fit(train, train["label"])
    decided = run_tabular_model(model, train, threshold=0.3)
    assert (decided["pred1"] == (decided["score"] >= 0.3)).all() and "pred1" not in train
    with pytest.raises(KeyError, match="'height'"):
        column_transformer(table, ["height"])


def test_numbers_with_gaps_are_filled_and_marked():
    table = small().assign(number=lambda t: t["number"].where(t.index % 7 > 0))
    x = column_transformer(table, ["number"]).fit_transform(table)
    assert x.shape == (600, 2) and np.isfinite(x).all() and len(np.unique(x[:, 1])) == 2


def test_a_counted_model_moves_the_bar_and_its_copies_do():
    table = small()
    with tqdm(disable=False, file=open("/dev/null", "w")) as bar:  # noqa: SIM115
        counted = Counted(small_tree(), bar)
        for model in (counted, copy.deepcopy(counted)):
            model.fit(table[["number"]], table["label"])
            assert set(model.predict(table[["number"]])) <= {0, 1}
        assert bar.n == 2


@pytest.mark.parametrize("method", TABULAR_METHODS)
def test_every_method_decides_and_does_so_again(method):
    train, validation, test = split_rows(small(1500), "group", seed=2)
    settings = {"features": ["number", "word"], "groups": "group", "grid_size": 6}
    decide = fit_tabular(method, train, validation, **settings)
    decided = decide(test)
    assert decided.shape == (len(test),) and set(np.unique(decided)) == {0, 1}
    assert np.array_equal(decided, fit_tabular(method, train, validation, **settings)(test))
    assert (decided == test["label"]).mean() > 0.6


@pytest.mark.parametrize(
    "method, share",
    [
        ("grid search, demographic parity", 0.6),
        ("exponentiated gradient, demographic parity", 0.6),
        ("threshold optimizer, demographic parity", 0.6),
        ("reweighing", 0.85),  # it makes label and group independent, and promises nothing about rates
    ],
)
def test_methods_for_parity_bring_the_selection_rates_together(method, share):
    train, validation, test = split_rows(small(6000), "group", seed=2)
    settings = {"features": ["number", "word"], "groups": "group", "progress": False}
    compared = compare_tabular(train, validation, test, methods=["unmitigated", method], **settings)
    gap = compared["demographic_parity_difference"]
    assert gap[1] < share * gap[0]


def test_methods_that_do_not_need_the_group_do_not_look_at_it():
    train, validation, test = split_rows(small(1500), "group", seed=2)
    other = test.assign(group=np.where(test["group"] == "a", "b", "a"))
    for name, method in TABULAR_METHODS.items():
        decide = fit_tabular(name, train, validation, features=["number", "word"], groups="group", grid_size=6)
        needs = "groups in prediction" in method.needs
        assert np.array_equal(decide(test), decide(other)) != needs, name


def test_an_unknown_method_is_refused():
    table = small()
    with pytest.raises(ValueError, match="'magic'.*reweighing"):
        fit_tabular("magic", table, table, features=["number"], groups="group")


def test_what_the_remover_leaves_is_uncorrelated_and_not_independent():
    rng = np.random.default_rng(0)
    group = np.array(["a", "b", "c"])[rng.integers(0, 3, 900)]
    x = np.column_stack([(group == "a") * (rng.random(900) < 0.8), rng.normal(size=900) + (group == "b")]).astype(float)
    cleaned, same = without_correlation(x, group, (x, group))
    assert np.allclose(cleaned, same)
    for name in "abc":
        for column in cleaned.T:
            assert abs(np.corrcoef(column, group == name)[0, 1]) < 1e-8
    assert np.allclose(without_correlation(x, group, alpha=0.0)[0], x)
    tree = small_tree().fit(cleaned, group == "a")
    assert roc_auc_score(group == "a", tree.predict_proba(cleaned)[:, 1]) > 0.9


def test_stored_runs_are_whole_and_what_a_fit_gives_today(parts):
    runs = load_adult_runs()
    assert runs.groupby("data")["seed"].nunique().tolist() == [10, 10, 10]
    anew = "store the runs anew: python datasets/adult_runs/build.py"
    assert set(runs["method"]) == set(TABULAR_METHODS), anew
    assert len(runs) == 3 * 10 * len(TABULAR_METHODS)
    some = ["unmitigated", "reweighing", "exponentiated gradient, equalized odds"]
    compared = compare_tabular(*parts, features=FEATURES, groups="sex", methods=some, progress=False)
    stored = runs[(runs["data"] == "all races, by sex") & (runs["seed"] == 0)].set_index("method").loc[some]
    for column in ["accuracy", "demographic_parity_difference", "equalized_odds_difference"]:
        assert compared[column].tolist() == pytest.approx(stored[column].tolist(), abs=0.02)
