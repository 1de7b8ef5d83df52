"""Mitigation methods: their equations on small cases, one call for all, and what they say of wrong input."""

import numpy as np
import pandas as pd
import pytest
import torch
from fairret.loss import NormLoss
from fairret.statistic import TruePositiveRate

from utils.datasets._handwritten_numbers import create_parity_data
from utils.datasets._simulated_scenes import simulate
from utils.mitigation._adversarial import Reverse, adversarial
from utils.mitigation._batches import balanced, drawn
from utils.mitigation._compare import compare, summary
from utils.mitigation._domain_discriminative import without_prior
from utils.mitigation._domain_independent import domain_independent, own_logits, summed
from utils.mitigation._drop_column import drop_column
from utils.mitigation._fairness_penalty import fairness_penalty
from utils.mitigation._grey import grey
from utils.mitigation._group_dro import group_dro, new_weights
from utils.mitigation._group_thresholds import best_threshold, group_thresholds
from utils.mitigation._hide_person import hide_person
from utils.mitigation._just_train_twice import just_train_twice
from utils.mitigation._last_layer_retraining import last_layer_retraining
from utils.mitigation._learning_from_failure import generalised_cross_entropy, relative_difficulty
from utils.mitigation._methods import METHODS, method_table
from utils.mitigation._plain import plain
from utils.mitigation._random_hue import turn_hues
from utils.mitigation._reject_option import reject_option
from utils.mitigation._reweighing import reweighing_weights
from utils.mitigation._silhouette import silhouette
from utils.mitigation._tables import as_tensors, attribute_values
from utils.mitigation._threshold_optimizer import threshold_optimizer
from utils.mitigation._training import move
from utils.training._loop import shuffled

FAST = {"epochs": 1, "groups": "color"}


def parity_data(co_occurrence, n, held_out, digits, seed):
    """As `create_parity_data`, with the first digits of the test table only, in both colours: it is measured often."""
    train, validation, test, other = create_parity_data(co_occurrence, n, held_out, seed)
    rows = np.r_[:digits, 2000 : 2000 + digits]
    return train, validation, test.iloc[rows], other.iloc[rows]


@pytest.fixture(scope="module")
def data():
    return parity_data(0.9, n=1200, held_out=400, digits=400, seed=1)


@pytest.fixture(scope="module")
def few():
    """Enough where only shapes and repetition count, and not what was learnt."""
    return parity_data(0.9, n=300, held_out=100, digits=50, seed=1)


@pytest.fixture(scope="module")
def base(data):
    return plain(*data[:2], groups="color", epochs=4)


# The data


@pytest.mark.parametrize("share", [0.5, 0.95, 1.0])
def test_parity_data_have_the_co_occurrence_asked_for(share):
    train, validation, test, other = create_parity_data(share, n=2000, held_out=200, seed=3)
    usual = (train["color"] == "orange") == (train["label"] == 1)
    assert abs(usual.mean() - share) < 1e-3 and len(train) == 2000
    for label in (0, 1):
        assert abs(usual[train["label"] == label].mean() - share) < 1e-3
    assert (train["label"] == train["digit"].astype(int) % 2).all()
    for table in (validation, test):
        assert pd.crosstab(table["color"], table["label"]).nunique().eq(1).all()  # colour says nothing
    assert (test["color"] != other["color"]).all() and (test["digit"] == other["digit"]).all()
    ink, other_ink = ((np.stack(t["img"][:50]) > 0).any(-1) for t in (test, other))
    assert np.array_equal(ink, other_ink)


def test_cells_and_attribute_values(data):
    train = data[0].assign(other="x")
    prepared = as_tensors(train, ["color", "other"])
    assert prepared.names == ("blue × x", "orange × x")
    assert attribute_values(train, "color").equals(train["color"].astype(str))
    counts = pd.crosstab(train["color"], train["label"]).to_numpy().ravel()
    assert prepared.cell_rows.tolist() == counts.tolist()


# Equations on small cases


def test_reweighing_by_hand():
    """Ten rows: 5 of a (4 positive), 5 of b (1 positive). P(a) P(1) / P(a, 1) = .5 · .5 / .4."""
    attribute, label = list("aaaaabbbbb"), [1, 1, 1, 1, 0, 1, 0, 0, 0, 0]
    weights = reweighing_weights(label, attribute)
    assert np.allclose(weights, [0.625] * 4 + [2.5, 2.5] + [0.625] * 4)
    assert weights.mean() == pytest.approx(1)


def test_reweighing_makes_attribute_and_label_independent():
    rng = np.random.default_rng(0)
    attribute = rng.integers(0, 3, 900)
    label = (rng.random(900) < np.array([0.1, 0.5, 0.8])[attribute]).astype(int)
    weights = reweighing_weights(label, attribute)
    rates = [np.average(label[attribute == a], weights=weights[attribute == a]) for a in range(3)]
    assert np.allclose(rates, label.mean())
    for a in range(3):  # the attribute's shares stay
        assert weights[attribute == a].sum() == pytest.approx((attribute == a).sum())


def test_balanced_batches_see_all_cells_alike(data):
    prepared = as_tensors(data[0], "color")
    rows = torch.cat(list(balanced(prepared, 64)(torch.Generator().manual_seed(0))))
    seen = torch.bincount(prepared.cell[rows]) / len(rows)
    assert len(rows) == len(prepared) and (seen - 0.25).abs().max() < 0.05


def test_shuffled_batches_see_every_row_once_and_drawn_ones_follow_the_weights():
    generator = torch.Generator().manual_seed(0)
    assert torch.cat(list(shuffled(101, 8)(generator))).sort().values.tolist() == list(range(101))
    rows = torch.cat(list(drawn(torch.tensor([1.0, 3.0]), 50, rows=4000)(generator)))
    assert abs(rows.float().mean() - 0.75) < 0.03


def test_the_reversed_gradient():
    x = torch.tensor([2.0], requires_grad=True)
    (3 * Reverse.apply(x, 0.5)).sum().backward()
    assert x.grad.item() == -1.5


def test_hues_turn_around_the_grey_axis():
    red = torch.tensor([[[[255, 0, 0]]]], dtype=torch.uint8)
    third = turn_hues(red, torch.tensor([2 * torch.pi / 3]))
    assert third.flatten().tolist() in ([0, 255, 0], [0, 0, 255])
    grey_picture = torch.full((1, 2, 2, 3), 90, dtype=torch.uint8)
    assert torch.equal(turn_hues(grey_picture, torch.tensor([1.0])), grey_picture)


def test_pictures_move_by_at_most_so_many_pixels():
    images = torch.zeros(200, 9, 9, 3, dtype=torch.uint8)
    images[:, 4, 4] = 200
    moved = move(images, 2, torch.Generator().manual_seed(0))
    at = (moved[..., 0] == 200).nonzero()
    assert len(at) == 200 and at[:, 1:].min() == 2 and at[:, 1:].max() == 6


def test_the_best_threshold_by_hand():
    label, score = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.5, 0.9])
    threshold = best_threshold(label, score)  # between .2 and .5: TPR 1, TNR 2/3; above .6: TPR 1/2
    assert 0.2 < threshold < 0.5
    assert best_threshold(np.array([1, 1]), np.array([0.1, 0.9])) == 0.5


def test_group_thresholds_raise_the_worse_rate_on_validation(data, base):
    fitted = group_thresholds(*data[:2], groups="color", base=base)

    def worst(model):
        right = pd.Series(model.predict(data[1]) == data[1]["label"].to_numpy())
        return right.groupby([data[1]["color"], data[1]["label"]]).mean().min()

    assert fitted.uses_attribute and worst(fitted) >= worst(base)


def test_the_threshold_optimizer_narrows_the_gap_and_repeats_itself(data, base):
    fitted = threshold_optimizer(*data[:2], groups="color", base=base)
    table = data[1]
    decided = fitted.predict(table)
    assert np.array_equal(decided, fitted.predict(table))

    def gap(decision):
        rates = pd.Series(decision, index=table.index).groupby([table["label"], table["color"]]).mean().unstack()
        return (rates["blue"] - rates["orange"]).abs().max()

    assert gap(decided) < gap(base.predict(table)) / 2


def test_reject_option_changes_only_unsure_decisions_and_against_the_pattern(data, base):
    fitted = reject_option(*data[:2], groups="color", base=base)
    table = data[2]
    changed = fitted.predict(table) != base.predict(table)
    scores = base.score(table)
    assert changed.any() and np.abs(scores[changed] - 0.5).max() < np.abs(scores[~changed] - 0.5).max()
    # In training orange is mostly odd (1): in the band orange gets 0, blue gets 1.
    assert (fitted.predict(table)[changed] == (table["color"] == "blue")[changed]).all()


def test_last_layer_retraining_keeps_the_features(data, base):
    fitted = last_layer_retraining(*data[:2], groups="color", base=base, draws=3, strengths=(0.1,))
    assert np.array_equal(fitted.features(data[1]), base.features(data[1]))
    assert not torch.equal(fitted.network[-1].weight, base.network[-1].weight)
    right = fitted.predict(data[1]) == data[1]["label"].to_numpy()
    assert right.mean() > 0.8


def test_group_dro_weights_follow_the_loss():
    """Two cells with losses 1 and 2 and a step of log 2: weights (2, 4) / 6."""
    weights = new_weights(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 2.0]), float(np.log(2)))
    assert torch.allclose(weights, torch.tensor([1 / 3, 2 / 3]))


def test_generalised_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, np.log(3.0)], [np.log(3.0), 0.0]], dtype=torch.float32, requires_grad=True)
    label = torch.tensor([1, 1])  # with probabilities 3/4 and 1/4
    value = generalised_cross_entropy(logits, label, 0.5)
    assert value.detach().numpy() == pytest.approx([2 * (1 - 0.75**0.5), 2 * (1 - 0.25**0.5)], abs=1e-6)
    value.sum().backward()
    # p^q times the cross-entropy's gradient, which is p − 1 for the logit of the label
    assert logits.grad[:, 1].numpy() == pytest.approx([0.75**0.5 * -0.25, 0.25**0.5 * -0.75], abs=1e-6)


def test_relative_difficulty_by_hand():
    losses = torch.tensor([[2.0, 1.0, 0.5, 4.0], [1.0, 1.0, 0.5, 0.25]])
    label = torch.tensor([0, 0, 1, 1])
    # scaled by the label's largest: (1, .5 | .125, 1) and (1, 1 | 1, .5)
    want = [1 / 2, 0.5 / 1.5, 0.125 / 1.125, 1 / 1.5]
    rows = torch.tensor([2, 0, 3, 1])
    assert relative_difficulty(losses, label, rows).numpy() == pytest.approx(np.take(want, rows), abs=1e-6)


def test_each_row_learns_with_the_head_of_its_own_attribute_value():
    logits = torch.arange(18.0).view(3, 6)  # three heads
    assert own_logits(logits, torch.tensor([0, 2, 1])).tolist() == [[0, 1], [10, 11], [14, 15]]


def test_the_heads_decide_by_the_sum_of_their_logits():
    logits = torch.tensor([[2.0, 0.0, 0.0, 3.0], [np.log(2.0), 0.0, np.log(2.0), 0.0]])
    want = [np.exp(3) / (np.exp(2) + np.exp(3)), 1 / (4 + 1)]
    assert summed(logits).numpy() == pytest.approx(want, abs=1e-6)


def test_the_training_prior_is_taken_out_by_hand():
    # Cells (a, 0), (a, 1), (b, 0), (b, 1); what is common in training counts less.
    probabilities = torch.tensor([[0.6, 0.1, 0.1, 0.2]])
    weight = 1 / torch.tensor([0.6, 0.1, 0.1, 0.2])
    assert float(without_prior(probabilities, weight)) == pytest.approx(0.5)
    assert float(without_prior(probabilities, torch.tensor([1.0, 10.0, 1.0, 1.0]))) == pytest.approx(1.2 / 1.9)


def test_just_train_twice_draws_what_came_out_wrong_more_often(data, monkeypatch):
    from utils.mitigation import _just_train_twice as module

    seen = []
    monkeypatch.setattr(module, "drawn", lambda weight, size: seen.append(weight) or drawn(weight, size))
    just_train_twice(*data[:2], groups="color", seed=4, first_epochs=1, up_weight=7, epochs=1)
    first = plain(*data[:2], groups="color", seed=4, epochs=1, choose="last")
    wrong = first.predict(data[0]) != data[0]["label"].to_numpy()
    assert wrong.any() and seen[0].tolist() == np.where(wrong, 7.0, 1.0).tolist()


def test_dropping_the_column_changes_no_decision(data):
    with_column = plain(*data[:2], groups="color", seed=3, epochs=2, choose="last")
    without = drop_column(*data[:2], groups="color", seed=3, epochs=2, choose="last")
    assert np.array_equal(with_column.score(data[2]), without.score(data[2]))
    with pytest.raises(KeyError, match="hue"):
        drop_column(*data[:2], groups="hue", epochs=1)


def test_the_penalty_is_fairrets():
    """Two groups with true positive rates 1/4 and 3/4 of one size: each is off by half of the mean rate."""
    scores = torch.tensor([[0.25], [0.25], [0.75], [0.75]])
    member = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    loss = NormLoss(TruePositiveRate())(scores, member, torch.ones(4, 1), pred_as_logit=False)
    assert loss.item() == pytest.approx(1.0)


# What methods are for


def test_grey_leaves_two_shades_and_a_silhouette_none(data):
    orange, blue = (np.stack(data[2].loc[data[2]["color"] == c, "img"][:5]) for c in ("orange", "blue"))
    seen_grey = grey(*data[:2], **FAST).see
    assert seen_grey(torch.tensor(orange)).max() != seen_grey(torch.tensor(blue)).max()
    seen_silhouette = silhouette(*data[:2], **FAST).see
    assert seen_silhouette(torch.tensor(orange)).max() == seen_silhouette(torch.tensor(blue)).max() == 255


def test_a_silhouette_cannot_flip_with_the_colour(data):
    fitted = silhouette(*data[:2], **FAST)
    assert np.array_equal(fitted.predict(data[2]), fitted.predict(data[3]))


def test_a_hidden_person_changes_no_decision():
    train, validation = simulate(n=300, seed=0), simulate(n=100, seed=0, split="validation")
    fitted = hide_person(train, validation, groups="gender", epochs=1)
    recoloured = validation.copy()
    images = [image.copy() for image in validation["img"]]
    for image, row in zip(images, validation.itertuples(), strict=True):
        x, y = int(32 * (row.x_min + row.x_max) / 2), int(32 * (row.y_min + row.y_max) / 2)
        image[y, x] = 255 - image[y, x]
    recoloured["img"] = pd.Series(images, dtype=object, index=validation.index)
    assert np.array_equal(fitted.score(validation), fitted.score(recoloured))


def test_resampling_helps_the_worst_group_where_colour_misleads():
    train, validation, test, other = parity_data(0.98, n=4000, held_out=200, digits=300, seed=0)
    compared = compare(
        train,
        validation,
        test,
        groups="color",
        methods=["plain", "silhouette", "resampling", "group DRO"],
        seeds=[0],
        counterfactual=other,
        probe=False,
        progress=False,
        shift=2,
        epochs=3,
    ).set_index("method")
    worst = compared["worst_group_accuracy"]
    assert worst["plain"] < 0.6 < 0.75 < min(worst["resampling"], worst["group DRO"]) < worst["silhouette"]
    assert compared.loc["plain", "accuracy"] > 0.96 and compared.loc["silhouette", "flip_rate"] == 0
    assert compared.loc["plain", "flip_rate"] > 0.3


# One call for all


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_the_same_call_and_gives_scores_and_decisions(name, few):
    train, validation, test, _ = few
    if name == "hide person":
        train, validation = simulate(n=200, seed=0), simulate(n=100, seed=0, split="validation")
        test = simulate(n=50, seed=0, split="test")
    groups = "gender" if name == "hide person" else "color"
    fitted = METHODS[name](train, validation, groups=groups, seed=2, epochs=2)
    scores, decisions = fitted.score(test), fitted.predict(test)
    assert scores.shape == decisions.shape == (len(test),)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert set(np.unique(decisions)) <= {0, 1}
    assert fitted.features(test).shape[0] == len(test)
    assert list(fitted.history["epoch"]) == [1, 2] and fitted.history["chosen"].sum() == 1
    assert fitted.uses_attribute == ("groups in prediction" in METHODS[name].needs)
    if not fitted.uses_attribute:
        fitted.predict(test.drop(columns=groups))  # no attribute is needed to decide
    again = METHODS[name](train, validation, groups=groups, seed=2, epochs=2)
    assert np.array_equal(decisions, again.predict(test)) and np.array_equal(scores, again.score(test))


def test_the_table_of_methods_says_what_each_needs():
    table = method_table().set_index("method")
    assert set(table.index) == set(METHODS)
    for name, method in METHODS.items():
        assert table.loc[name, "family"] in ("after training", "control") or "base" not in method.needs
    assert table.loc["Just Train Twice", "training"] == False  # noqa: E712  a numpy bool
    assert table.loc["group thresholds", "prediction"] and not table.loc["last-layer retraining", "prediction"]


def test_a_table_of_several_methods_and_seeds(data):
    compared = compare(
        *data[:3],
        groups="color",
        methods=["plain", "group thresholds"],
        seeds=[0, 1],
        counterfactual=data[3],
        progress=False,
        epochs=1,
    )
    assert compared["method"].tolist() == ["plain"] * 2 + ["group thresholds"] * 2
    assert compared["leakage"].between(0.4, 1).all() and compared["flip_rate"].between(0, 1).all()
    assert np.allclose(compared["gap"], compared["accuracy"] - compared["worst_group_accuracy"])
    cells = compared[[f"accuracy of {color}, label {label}" for color in ("blue", "orange") for label in (0, 1)]]
    assert np.allclose(cells.min(axis=1), compared["worst_group_accuracy"])
    means = summary(compared).set_index("method")
    assert means.loc["plain", "accuracy"] == pytest.approx(compared["accuracy"][:2].mean())
    assert means.loc["plain", "accuracy_sd"] == pytest.approx(compared["accuracy"][:2].std(ddof=1))
    assert means.loc["plain", "seeds"] == 2


def test_models_are_trained_once_and_measured_on_several_tables(data):
    asked = {"groups": "color", "methods": ["plain"], "seeds": [3], "probe": False, "progress": False, "epochs": 1}
    tables = {"validation": data[1], "test": data[2]}
    compared = compare(*data[:2], tables, counterfactual={"test": data[3]}, **asked).set_index("measured_on")
    alone = compare(*data[:3], counterfactual=data[3], **asked).iloc[0]
    assert list(compared.index) == ["validation", "test"]
    assert compared["flip_rate"].isna().tolist() == [True, False]
    for column in ("accuracy", "worst_group_accuracy", "flip_rate", "worst_group"):
        assert compared.loc["test", column] == alone[column]
    assert compared.loc["validation", "seconds"] == compared.loc["test", "seconds"]
    with pytest.raises(ValueError, match="'fresh', which is not among the test tables"):
        compare(*data[:2], tables, counterfactual={"fresh": data[3]}, **asked)


def test_the_oracle_trains_on_the_balanced_table_and_is_weighed_as_the_training_data_are(data):
    balanced = create_parity_data(0.5, n=600, held_out=20)[0]
    asked = {"groups": "color", "methods": ["plain"], "seeds": [3], "progress": False, "epochs": 2}
    compared = compare(*data[:3], balanced=balanced, probe=False, **asked).set_index("method")
    assert list(compared.index) == ["oracle: balanced data", "plain"]
    fitted = plain(balanced, data[1], groups="color", seed=3, epochs=2)
    right = fitted.predict(data[2]) == data[2]["label"]
    of_cell = right.groupby([data[2]["color"], data[2]["label"]]).mean()
    shares = data[0].groupby(["color", "label"]).size() / len(data[0])
    assert compared.loc["oracle: balanced data", "worst_group_accuracy"] == pytest.approx(of_cell.min())
    assert compared.loc["oracle: balanced data", "accuracy"] == pytest.approx((of_cell * shares).sum())


def test_a_methods_own_settings_go_before_those_for_all(data):
    asked = {"groups": "color", "seeds": [0], "probe": False, "progress": False, "epochs": 1, "learning_rate": 0.005}
    own = {"learning_rate": 0.001}
    compared = compare(*data[:3], methods=["plain", "group thresholds"], settings={"plain": own}, **asked)
    fitted = plain(*data[:2], groups="color", epochs=1, **own)
    shared = group_thresholds(*data[:2], groups="color", epochs=1, learning_rate=0.005)
    for row, model in zip(compared.itertuples(), (fitted, shared), strict=True):
        right = model.predict(data[2]) == data[2]["label"]
        assert row.worst_group_accuracy == right.groupby([data[2]["color"], data[2]["label"]]).mean().min()
    with pytest.raises(ValueError, match="'plain', which is not among"):
        compare(*data[:3], methods=["group thresholds"], settings={"plain": own}, **asked)


def test_the_probe_sees_the_rows_named(data, monkeypatch):
    """One colour of each digit, by lot. With both, a probe is misled."""
    seen = []

    def leakage(features, attribute, rng):
        seen.append(attribute.index)
        return {"value": 0.5}

    monkeypatch.setattr("utils.mitigation._compare.leakage", leakage)
    rows = np.array([1, 5, 7, 403])
    compare(*data[:3], groups="color", methods=["plain"], seeds=[0], progress=False, epochs=1, probe=rows)
    assert sorted(seen[0]) == sorted(data[2].index[rows])


# Wrong input


@pytest.mark.parametrize(
    "method, settings, words",
    [
        (plain, {"epochs": 0}, "epochs is 0"),
        (plain, {"choose": "best"}, "choose is 'best'"),
        (plain, {"learning_rate": -1}, "learning_rate is -1"),
        (plain, {"shift": 1.5}, "shift is 1.5"),
        (grey, {"weights": (1, 1, 1)}, "add up to 1"),
        (group_dro, {"step": -0.1}, "step is -0.1"),
        (adversarial, {"strength": "much"}, "strength is 'much'"),
        (fairness_penalty, {"criterion": "fair"}, "criterion is 'fair'.*equalized odds"),
        (just_train_twice, {"first_epochs": 0}, "first_epochs is 0"),
        (last_layer_retraining, {"strengths": ()}, "strengths"),
        (domain_independent, {"groups": "place"}, "'place'"),
    ],
)
def test_wrong_settings_are_named(method, settings, words, data):
    with pytest.raises((ValueError, KeyError), match=words):
        method(*data[:2], **({"groups": "color"} | settings))


def test_wrong_tables_are_named(data):
    train, validation = data[:2]
    with pytest.raises(ValueError, match=r"labels must be 0 and 1.*\[1\]"):
        plain(train[train["label"] == 1], validation, groups="color")
    with pytest.raises(ValueError, match="missing values"):
        plain(train.assign(color=train["color"].where(train["label"] == 1)), validation, groups="color")
    with pytest.raises(ValueError, match="'green' does not occur"):
        plain(train, validation.assign(color="green"), groups="color")
    with pytest.raises(TypeError, match="epoch_count"):
        plain(train, validation, groups="color", epoch_count=3)
    with pytest.raises(ValueError, match="no method 'magic'"):
        compare(*data[:3], groups="color", methods=["magic"])
    fitted = group_thresholds(train, validation, **FAST)
    with pytest.raises(ValueError, match="'green' does not occur"):
        fitted.predict(validation.assign(color="green"))
