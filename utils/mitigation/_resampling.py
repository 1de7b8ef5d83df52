"""Group-balanced resampling: batches in which every cell (attribute × label) is as frequent as any other."""

from utils.mitigation._tables import prepare_both
from utils.mitigation._training import BATCH_SIZE, Fitted, balanced, check_settings, keeps, train_network


@keeps
def resampling(train, validation, *, groups, seed=0, batch_size=BATCH_SIZE, **training) -> Fitted:
    """Draw rows with replacement, with probability 1 / rows of their cell. Other parameters as in `plain`.

    Rows of a rare cell are seen again and again, which a network can learn by heart.

    Source: Idrissi et al. (2022), see `loss_weights`.
    """
    check_settings(batch_size=batch_size)
    data, held_out = prepare_both(train, validation, groups)
    return train_network(
        data, held_out, groups, seed=seed, batches=balanced(data, batch_size), batch_size=batch_size, **training
    )
