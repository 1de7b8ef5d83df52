"""Last-layer retraining: keep the features of a trained network, and fit a new last layer on balanced held-out data."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._plain import plain
from utils.mitigation._settings import check_settings
from utils.mitigation._tables import as_tensors


@keeps
def last_layer_retraining(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    base: Fitted | None = None,
    draws: int = 10,
    strengths: Sequence[float] = (1.0, 0.3, 0.1, 0.03, 0.01),
    **training: Any,
) -> Fitted:
    """Fit a logistic regression on the features of the validation rows, all cells (attribute × label) cut to one size.

    The mean of `draws` fits to different balanced subsets becomes the new last layer. The strength of the penalty is
    chosen on one half of the validation data, by the worst cell of the other half; then all are used.

    Parameters
    ----------
    base : a Fitted of a network with two outputs; default: `plain` is trained first
    draws : balanced subsets that are averaged
    strengths : scikit-learn's C that are tried; the paper tries 1, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01 with an L1 penalty,
        here it is L2

    Other parameters as in `plain`.

    Source: Kirichenko, Izmailov and Wilson (2023), Last layer re-training is sufficient for robustness to spurious
    correlations, ICLR (there DFR on validation data).

    Examples
    --------
    The pictures are all alike, two in ten have label 1: on balanced rows it is one in two. The features stay.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import last_layer_retraining, plain
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> base, more = plain(table, table, groups="sex", epochs=1), pd.concat([table] * 4)
    >>> fitted = last_layer_retraining(table, more, groups="sex", base=base, draws=1, strengths=[1.0])
    >>> fitted.score(table)[0].round(1).item(), np.array_equal(fitted.features(table), base.features(table))
    (0.5, True)
    """
    check_settings(draws=draws)
    if not strengths or min(strengths) <= 0:
        raise ValueError(f"strengths is {strengths}; give one or more, each above 0.")
    base = base or plain(train, validation, groups=groups, seed=seed, **training)
    held_out = as_tensors(validation, groups, base.names)
    cell, label, rng = held_out.cell.numpy(), held_out.label.numpy(), np.random.default_rng(seed)

    def retrained(network, features):
        half = rng.permutation(len(cell)) % 2 == 0
        worst = {}
        for strength in strengths:
            weight, bias = _mean_fit(features[half], label[half], cell[half], strength, draws, rng)
            right = ((features[~half] @ weight + bias > 0) == label[~half]).astype(float)
            worst[strength] = min(right[cell[~half] == c].mean() for c in np.unique(cell[~half]))
        weight, bias = _mean_fit(features, label, cell, max(worst, key=worst.get), draws, rng)
        network = copy.deepcopy(network)
        with torch.no_grad():  # the difference of the two logits is weight · features + bias
            network[-1].weight.copy_(torch.tensor(np.stack([-weight / 2, weight / 2])))
            network[-1].bias.copy_(torch.tensor([-bias / 2, bias / 2]))
        return network.eval()

    chosen = retrained(base.network, base.features(validation))
    last = retrained(base.last, base.after_last_epoch().features(validation))
    return replace(base, network=chosen, last=last)


def _mean_fit(features, label, cell, strength, draws, rng) -> tuple[np.ndarray, float]:
    """Mean weights and bias of logistic regressions on balanced subsets, for features as they are."""
    from sklearn.linear_model import LogisticRegression

    centre, scale = features.mean(0), features.std(0) + 1e-6
    present, rows = np.unique(cell, return_counts=True)
    weights, biases = [], []
    for _ in range(draws):
        balanced = np.concatenate([rng.permutation(np.flatnonzero(cell == c))[: rows.min()] for c in present])
        fit = LogisticRegression(C=strength, max_iter=300).fit((features[balanced] - centre) / scale, label[balanced])
        weights.append(fit.coef_[0] / scale)
        biases.append(fit.intercept_[0] - weights[-1] @ centre)
    return np.mean(weights, 0), float(np.mean(biases))
