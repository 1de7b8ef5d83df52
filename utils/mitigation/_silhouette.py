"""Unawareness by a silhouette: what is drawn, without its colour."""

import torch

from utils.mitigation._tables import prepare_both
from utils.mitigation._training import Fitted, check_settings, keeps, train_network


@keeps
def silhouette(train, validation, *, groups, seed=0, darkest=0, **training) -> Fitted:
    """Train on, and predict from, pictures in which every pixel is white that is not black. Others as in `plain`.

    Where things are drawn in one colour on black, nothing of the colour is left, not even its brightness (see `grey`).

    Parameters
    ----------
    darkest : a pixel counts as black if none of its channels is above this, 0 to 255
    """
    check_settings(darkest=darkest)

    def see(images):
        drawn = (images > darkest).any(-1, keepdim=True)
        return (255 * drawn.to(torch.uint8)).expand(images.shape)

    return train_network(*prepare_both(train, validation, groups), groups, seed=seed, see=see, **training)
