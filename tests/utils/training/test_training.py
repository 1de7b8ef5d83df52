"""The fast training is ordinary training, one seed or many, and it learns what the lab says it learns."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from utils.datasets._handwritten_numbers import create_augmented_data_2, create_starting_data, get_val2, image_array
from utils.training._baseline import factor_colors, train_baseline_model, train_baseline_models
from utils.training._fit import fit
from utils.training._loop import shuffled, train_epochs
from utils.training._models import baseline_mlp, small_convnet
from utils.training._predict import predict, predict_many, predict_probabilities, run_baseline_model
from utils.training._tensors import image_tensor

SEEDS = range(20)


@pytest.fixture(scope="module")
def data():
    return create_starting_data()


@pytest.fixture(scope="module")
def models(data):
    return train_baseline_models(data[0], SEEDS, progress=False)


@pytest.fixture(scope="module")
def right(data, models):
    """bool (seeds, rows): which evaluation digits each seed's model gets right."""
    return predict_many(models, data[1]) == data[1]["label"].to_numpy()


def plain_training(table, start_seed, order_seed):
    """The obvious way: PyTorch's own loop over an ordinary module, with autograd."""
    model = baseline_mlp(torch.Generator().manual_seed(start_seed))
    x, y = image_tensor(image_array(table)), torch.tensor(table["label"].to_numpy())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(order_seed)
    for _ in range(3):
        for rows in torch.randperm(len(y), generator=generator).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model


@pytest.mark.parametrize("vary, start, order", [("both", 3, 3), ("start", 3, 0), ("order", 0, 3)])
@pytest.mark.parametrize("noisy", [False, True])
def test_stacked_training_is_plain_training(data, vary, start, order, noisy):
    table = data[1].sample(330, random_state=1)  # not a multiple of the batch size
    table = get_val2(table) if noisy else table  # noise: more than one colour in an image
    fast = train_baseline_models(table, [8, 3], vary=vary, progress=False)[1]
    plain = plain_training(table, start, order)
    for mine, theirs in zip(fast.parameters(), plain.parameters(), strict=True):
        # On average, since Adam turns the last bit of a gradient that is nearly zero into a step of full size.
        assert (mine - theirs).abs().mean() < 1e-4


def test_fit_is_plain_training(data):
    table = data[1].sample(330, random_state=1)
    mine = fit(baseline_mlp(torch.Generator().manual_seed(3)), table, seed=3, progress=False)
    for p, q in zip(mine.parameters(), plain_training(table, 3, 3).parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-4)


def test_the_loop_gives_the_mean_loss_of_each_epoch_and_can_be_looked_at_in_between():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(50, 3, generator=generator), torch.randn(50, generator=generator) + 2
    weight, bias = (torch.nn.Parameter(torch.zeros(n)) for n in (3, 1))
    network = torch.nn.ParameterList([weight]).eval()
    counts, seen = [], []

    def loss(rows, generator):
        assert network.training
        return (x[rows] @ weight + bias - y[rows]).square().mean()

    settings = {"epochs": 3, "seed": 0, "more": [bias], "on_rows": counts.append}
    still = train_epochs(network, shuffled(50, 8), loss, learning_rate=0.0, one_cycle=False, **settings)
    assert list(still) == pytest.approx([y.square().mean().item()] * 3)  # of all rows, though the last batch has two
    assert counts == ([8] * 6 + [2]) * 3
    for mean_loss in train_epochs(network, shuffled(50, 8), loss, learning_rate=0.1, **settings):
        network.eval()
        seen.append((mean_loss, weight.detach().clone(), bias.item()))
    losses, weights, biases = zip(*seen, strict=True)
    assert losses[0] > losses[1] > losses[2] and 0 < biases[0] < biases[2]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])


def test_accuracy_over_seeds_is_as_expected(right):
    mean = right.mean(1)
    assert 0.855 < mean.mean() < 0.877  # expected 0.866; one run spreads by 0.016
    assert mean.std() > 0.005  # seeds differ: one run is one draw


def test_threes_are_the_worst_digit_and_curvy_lies_below_linear(data, right):
    evaluation = data[1]
    recall = np.array([right[:, evaluation["label"] == d].mean(1) for d in range(10)])
    assert (recall.argmin(0) == 3).sum() >= 15
    curvy, linear = (right[:, evaluation["curviness"] == c].mean() for c in ("curvy", "linear"))
    assert curvy < linear


def test_orange_lies_below_blue_on_average_and_not_by_the_same_in_each_seed(data, right):
    orange = (data[1]["color"] == "orange").to_numpy()
    gap = right[:, orange].mean(1) - right[:, ~orange].mean(1)
    assert -0.075 < gap.mean() < -0.025
    assert gap.std() > 0.01


def test_fours_fall_on_the_customer_data(data, models, right):
    fours = (data[1]["label"] == 4).to_numpy()
    customer = predict_many(models, get_val2(data[1])[fours]) == 4
    assert customer.mean() < 0.72 < right[:, fours].mean()


def test_more_threes_help_the_threes(data, right):
    threes = (data[1]["label"] == 3).to_numpy()
    after = predict_many(train_baseline_models(create_augmented_data_2(), SEEDS, progress=False), data[1][threes]) == 3
    change = after.mean(1) - right[:, threes].mean(1)
    assert change.mean() > 0.08
    assert (change > 0).mean() >= 0.85


def test_a_small_convnet_learns_more(data, right):
    train = data[0].sample(12_000, random_state=0)
    model = fit(small_convnet(), train, epochs=2, learning_rate=0.003, progress=False)
    assert (predict(model, data[1]) == data[1]["label"]).mean() > right.mean() + 0.03


def test_training_leaves_the_global_state_and_the_threads_alone(data):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    train_baseline_model(data[1][:500], progress=False)
    baseline_mlp(), small_convnet()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_factor_colors_gives_the_images_back(data):
    images = image_array(data[1])[:300]
    ink, color, palette = factor_colors(images)
    assert ink.shape == (300, 784) and palette.shape == (2, 3)
    back = ink[..., None].float() * palette[color][:, None, :] * 255
    assert np.array_equal(back.round().to(torch.uint8).numpy().reshape(images.shape), images)
    blank = np.zeros((2, 28, 28, 3), np.uint8)
    assert not factor_colors(blank)[0].any()


def test_the_results_of_two_models_on_one_table_stand_side_by_side(data, models):
    table = data[1][:500]
    columns = list(table)
    results, more_results = (run_baseline_model(model, table) for model in models[:2])
    assert list(table) == columns  # a model trained next is not to find an answer in it
    for of_model, model in ((results, models[0]), (more_results, models[1])):
        assert list(of_model) == [*columns, "pred1"] and of_model.index.equals(table.index)
        assert np.array_equal(of_model["pred1"], predict(model, table))
    assert (results["pred1"] != more_results["pred1"]).any()
    # A copy takes no room for pictures, and a second run over a table with results starts from the pictures as well.
    assert all(a is b for a, b in zip(results["img"], table["img"], strict=True))
    assert run_baseline_model(models[1], results).equals(more_results)
    assert np.array_equal(results["pred1"], predict(models[0], table))


def test_a_model_in_training_mode_predicts_as_in_evaluation_mode_and_stays_as_it_is(data):
    table = data[1][:200]
    layers = [torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Dropout(0.9), torch.nn.Linear(2352, 10)]
    model = torch.nn.Sequential(*layers).eval()
    expected = predict(model, table)
    layers[0].train()  # as where some layers go on learning and others do not
    layers[2].train()
    before, lots = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert np.array_equal(predict(model, table), expected)
    assert np.array_equal(predict_probabilities(model, table).argmax(1), expected)
    assert [part.training for part in layers] == [True, False, True, False] and not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), lots)


def test_wrong_input_is_named(data):
    table = data[1][:20].copy()
    with pytest.raises(KeyError, match="'label'.*img"):
        train_baseline_model(table.drop(columns="label"))
    with pytest.raises(ValueError, match="empty"):
        train_baseline_model(table[:0])
    with pytest.raises(ValueError, match="1 of 20 values in 'label' are missing"):
        train_baseline_model(table.assign(label=pd.Series([np.nan] + [1.0] * 19)))
    with pytest.raises(ValueError, match="from 0 to 9"):
        train_baseline_model(table.assign(label=10))
    with pytest.raises(ValueError, match="'all'"):
        train_baseline_models(table, [0], vary="all")
    with pytest.raises(ValueError, match="seeds is empty"):
        train_baseline_models(table, [])
    wrong_size = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    with pytest.raises(ValueError, match=r"does not take images of shape \(3, 28, 28\)"):
        run_baseline_model(wrong_size, table)
