"""Unawareness by grey: the colours are taken out of the pictures."""

import torch

from utils.mitigation._tables import prepare_both
from utils.mitigation._training import Fitted, keeps, train_network

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
EQUAL = (1 / 3, 1 / 3, 1 / 3)


@keeps
def grey(train, validation, *, groups, seed=0, weights=LUMA, **training) -> Fitted:
    """Train on, and predict from, pictures in grey. Other parameters as in `plain`.

    It takes away hue and not brightness: two colours of different brightness stay two shades of grey, and tell the
    attribute as before. Look at the leakage.

    Parameters
    ----------
    weights : how much red, green and blue each count; the default is how bright they look
    """
    share = torch.tensor(weights, dtype=torch.float32)
    if share.shape != (3,) or (share < 0).any() or abs(float(share.sum()) - 1) > 1e-3:
        raise ValueError(f"weights is {weights!r}; give three numbers, 0 or more, that add up to 1.")

    def see(images):
        shade = (images.float() @ share).round_().clamp_(0, 255).to(torch.uint8)
        return shade[..., None].expand(images.shape)

    return train_network(*prepare_both(train, validation, groups), groups, seed=seed, see=see, **training)
