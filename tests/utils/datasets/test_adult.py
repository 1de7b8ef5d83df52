"""UCI Adult: all of it, as released; the published tutorial's table; mitigations at about the published figures."""

import csv
import gzip

import numpy as np
import pandas as pd
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient, GridSearch
from sklearn.model_selection import train_test_split

from utils.datasets._adult import COLUMNS, FEATURES, RACES, SENSITIVE, load_adult, load_tutorial
from utils.datasets._people import load_people
from utils.datasets._registry import DataError, verified
from utils.evaluation._pareto import non_dominated
from utils.evaluation.criteria import demographic_parity_difference, equalized_odds_difference
from utils.training._tabular import crossed, small_tree


@pytest.fixture(scope="module")
def adult():
    return load_adult()


@pytest.fixture(scope="module")
def tutorial():
    """The tutorial's training and test rows, its features, and its tree."""
    table, features = load_tutorial()
    table["group"] = table["sex"] + "-" + table["race"]
    train, test = train_test_split(table, test_size=0.4, stratify=table["label"], random_state=0)
    return train, test, features, small_tree(0).fit(train[features], train["label"])


def test_every_row_is_there_in_its_order(adult):
    assert adult["split"].value_counts().to_dict() == {"train": 32_561, "test": 16_281}
    for split, skip in (("train", 0), ("test", 1)):
        name = "adult.data" if split == "train" else "adult.test"
        lines = gzip.decompress(verified(f"adult/{name}.gz").read_bytes()).decode().splitlines()[skip:]
        rows = [[v.strip() for v in row] for row in csv.reader(lines) if row]
        part = adult[adult["split"] == split].reset_index(drop=True)
        assert len(part) == len(rows)
        for i in np.random.default_rng(5).integers(0, len(rows), 300):
            row = dict(zip(COLUMNS, rows[i], strict=True))
            assert part.loc[i, "label"] == (row.pop("income").rstrip(".") == ">50K")
            for column, value in row.items():
                found = part.loc[i, column]
                assert (pd.isna(found) and value == "?") or str(found) == value, (i, column)


def test_types_and_missing_values(adult):
    numbers = ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week", "label"]
    assert all(adult[c].dtype == np.int64 for c in numbers)
    missing = adult.isna().sum()
    assert missing[missing > 0].to_dict() == {"workclass": 2799, "occupation": 2809, "native_country": 857}
    # adult.names: 24.78 % without unknowns; with them 23.93 %.
    assert adult["label"].mean() == pytest.approx(0.2393, abs=5e-5)
    assert adult.dropna()["label"].mean() == pytest.approx(0.2478, abs=5e-5)
    assert sorted(adult["race"].unique()) == RACES
    assert sorted(adult["sex"].unique()) == ["Female", "Male"]


def test_the_features_leave_out_what_is_nothing_about_the_person(adult):
    assert not {"fnlwgt", "sex", "race", "label", "income", "split"} & set(FEATURES)
    assert {"fnlwgt", "sex", "race"} <= set(adult.columns)
    assert adult.groupby("education")["education_num"].nunique().max() == 1  # so one of the two is enough
    assert adult.groupby("education_num")["education"].nunique().max() == 1


def test_some_races_only(adult):
    two = load_adult(["White", "Black"])
    assert len(two) == 46_447 and list(two.index) == list(range(len(two)))
    assert len(load_adult("Other")) == (adult["race"] == "Other").sum()
    with pytest.raises(ValueError, match="'Asian'.*Asian-Pac-Islander"):
        load_adult(["Asian"])


def test_people_is_adult_or_says_what_it_takes(adult):
    table, features, sensitive = load_people()
    assert table.equals(adult) and features == FEATURES and sensitive == SENSITIVE
    for wrong, word in [
        ("compas", "no table 'compas'"),
        ({"file": "x.csv"}, "'target' is missing"),
        ({"file": "x.csv", "target": "a", "positive": "b", "sensitive": "c", "seed": 1}, "'seed' is unknown"),
    ]:
        with pytest.raises(DataError, match=word):
            load_people(wrong)


def test_the_published_tutorials_table(tutorial):
    _, test, features, tree = tutorial
    decided = test.assign(pred1=tree.predict(test[features]))
    sizes = decided["group"].value_counts().to_dict()
    assert sizes == {"Female-Black": 974, "Female-White": 5246, "Male-Black": 946, "Male-White": 11413}
    assert (decided["pred1"] == decided["label"]).mean() == pytest.approx(0.854, abs=0.002)
    assert decided["pred1"].mean() == pytest.approx(0.197, abs=0.005)
    selected = decided.groupby("group")["pred1"].mean().to_dict()
    published = {"Female-Black": 0.05, "Female-White": 0.08, "Male-Black": 0.16, "Male-White": 0.26}
    assert selected == pytest.approx(published, abs=0.01)


def measured(test, decided):
    done = test.assign(pred1=np.asarray(decided).astype(int))
    return (
        (done["pred1"] == done["label"]).mean(),
        demographic_parity_difference(done, "group"),
        equalized_odds_difference(done, "group"),
    )


# accuracy, demographic parity gap, equalized odds gap of four groups, as measured for the course's design. The odds gap
# hangs on the true positive rate of 60 Black women with label 1, hence the wide margin.
FIGURES = {
    "unmitigated": (0.855, 0.218, 0.174),
    "gradient, parity": (0.831, 0.022, 0.262),
    "gradient, odds": (0.850, 0.151, 0.032),
    "thresholds, parity": (0.841, 0.007, 0.372),
    "thresholds, odds": (0.844, 0.131, 0.044),
}
NEAR = (0.006, 0.02, 0.06)


def test_mitigations_lie_about_where_they_should(tutorial):
    train, test, features, tree = tutorial
    x, y, groups = train[features], train["label"], train["group"]
    found = {"unmitigated": measured(test, tree.predict(test[features]))}
    for name, constraint in {"gradient, parity": DemographicParity, "gradient, odds": EqualizedOdds}.items():
        model = ExponentiatedGradient(small_tree(0), constraint()).fit(x, y, sensitive_features=groups)
        found[name] = measured(test, model.predict(test[features], random_state=0))
    for name, constraint in {"thresholds, parity": "demographic_parity", "thresholds, odds": "equalized_odds"}.items():
        model = ThresholdOptimizer(
            estimator=tree, constraints=constraint, prefit=True, predict_method="predict_proba"
        ).fit(x, y, sensitive_features=groups)
        found[name] = measured(test, model.predict(test[features], sensitive_features=test["group"], random_state=0))
    for name, figures in FIGURES.items():
        assert np.all(np.abs(np.subtract(found[name], figures)) <= NEAR), (
            f"{name}: {np.round(found[name], 3)}, {figures}"
        )
    # The lesson: parity of one kind is bought with disparity of the other.
    assert found["gradient, parity"][1] < found["unmitigated"][1] < found["gradient, parity"][2]
    assert found["gradient, odds"][2] < found["unmitigated"][2] and found["gradient, odds"][1] > 0.1


def test_a_grid_of_a_hundred_reaches_the_published_front(tutorial):
    train, test, features, _ = tutorial
    search = GridSearch(small_tree(0), DemographicParity(), grid_size=100)
    search.fit(train[features], train["label"], sensitive_features=train["group"])
    table = pd.DataFrame(
        [measured(test, m.predict(test[features])) for m in search.predictors_], columns=["accuracy", "parity", "odds"]
    )
    front = table[non_dominated(table, maximise="accuracy", minimise="parity")]
    fairest = front.loc[front["parity"].idxmin()]
    assert fairest["accuracy"] == pytest.approx(0.848, abs=0.006)
    assert fairest["parity"] == pytest.approx(0.093, abs=0.02)
    assert fairest["odds"] == pytest.approx(0.227, abs=0.06)


def test_groups_are_crossed_as_words(adult):
    assert crossed(adult.head(2), ["sex", "race"]).tolist() == ["Male White", "Male White"]
    assert crossed(adult.head(1), "sex").tolist() == ["Male"]
    with pytest.raises(KeyError):
        crossed(adult, "gender")
