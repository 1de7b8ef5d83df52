"""The fitted model of pictures, as every method returns it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from utils.datasets._images import stack_images
from utils.mitigation._tables import attribute_numbers, attribute_values
from utils.training._tensors import floats
from utils.training._threads import one_thread

CHUNK = 1000  # pictures at a time


@dataclass(frozen=True)
class Fitted:
    """A trained model, as every method returns it.

    Attributes
    ----------
    network : Sequential whose last layer is linear, in evaluation mode: the checkpoint that was chosen
    last : the same network after its last epoch; the two are the same where nothing was chosen
    history : DataFrame, one row an epoch: `epoch`, `loss` (mean over the epoch), and on validation data `accuracy`,
        `worst_group_accuracy`, and `chosen` (bool)
    names, groups : the attribute values, in order, and the columns that they come from
    decide, uses_attribute : how a method after training decides, and whether it needs the attribute for that

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import plain
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = plain(table, table, groups="sex", epochs=2, choose="last")
    >>> fitted.names, fitted.predict(table).shape, fitted.history["chosen"].tolist()
    (('f', 'm'), (10,), [False, True])
    """

    network: nn.Module
    last: nn.Module
    history: pd.DataFrame
    names: tuple[str, ...]
    groups: str | list[str]
    see: Callable | None = None  # what the method does to images before the network sees them: tensor → tensor
    head: Callable | None = None  # from logits to the score of class 1, where that is no softmax of two
    decide: Callable | None = None  # (scores, attribute numbers) → decisions, where that is no threshold of 0.5
    uses_attribute: bool = False  # whether `decide` looks at the attribute

    def after_last_epoch(self) -> "Fitted":
        """The same method without the choice of a checkpoint: its network after the last epoch."""
        return replace(self, network=self.last)

    def logits(self, table: pd.DataFrame) -> torch.Tensor:
        """float32 tensor (n, outputs)."""
        return self._run(self.network, table)

    def features(self, table: pd.DataFrame) -> np.ndarray:
        """What the last layer gets to see: float32 array (n, d). For `utils.evaluation.leakage`."""
        return self._run(self.network[:-1], table).numpy()

    def score(self, table: pd.DataFrame) -> np.ndarray:
        """From 0 to 1, the higher the more speaks for class 1: float64 array (n,).

        It is what the model takes for the probability of class 1 among rows as the training counted them: methods that
        weigh or draw rows, or take the prior out, shift it. That of `domain_independent` is no probability, for it
        comes from a sum of logits: it ranks. Whether one is right is a question of calibration
        (`utils.evaluation.reliability_table`).
        """
        logits = self.logits(table).double()
        return (self.head(logits) if self.head else torch.softmax(logits, 1)[:, 1]).numpy()

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        """Decisions 0 or 1: int array (n,). The table needs the attribute only where `uses_attribute` is True."""
        scores = self.score(table)
        if self.decide is None:
            return (scores >= 0.5).astype(int)
        attribute = None
        if self.uses_attribute:
            attribute = attribute_numbers(attribute_values(table, self.groups), self.names)
        return np.asarray(self.decide(scores, attribute)).astype(int)

    def _run(self, network, table):
        with torch.inference_mode(), one_thread():
            return run_network(network, torch.from_numpy(stack_images(table)), self.see)


def run_network(network: nn.Module, images: torch.Tensor, see: Callable | None = None) -> torch.Tensor:
    """What a network gives for uint8 images (n, side, side, 3), as a method lets it see them: float32 tensor (n, …)."""
    parts = images.split(CHUNK)
    return torch.cat([network(floats(see(part) if see else part)) for part in parts])
