"""A few pictures of many, drawn so that each label keeps its share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from explainer.data.pictures import Picture


def drawn(pictures: Sequence[Picture], count: int, seed: int) -> tuple[Picture, ...]:
    """So many of the pictures, in their order; of each label its share, to within one picture.

    Pictures of the same labels are one stratum. Shares are rounded down; what is left goes to the strata that lost most
    by it, in an order that the seed draws where they lost as much. The draw depends on the order of the pictures, their
    labels, the count and the seed alone.

    Args:
        pictures: of which to draw.
        count: how many; all where there are no more.
        seed: of the draw, at least 0.
    """
    if count >= len(pictures):
        return tuple(pictures)
    random = np.random.default_rng(seed)
    strata: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        strata[picture.labels].append(index)
    members = [strata[labels] for labels in sorted(strata)]
    shares = _shares([len(stratum) for stratum in members], count, random)
    chosen = [random.choice(stratum, share, replace=False) for stratum, share in zip(members, shares, strict=True)]
    return tuple(pictures[index] for index in sorted(np.concatenate(chosen).tolist()))


def _shares(sizes: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    """How many of each stratum: the largest remainders."""
    total = sum(sizes)
    shares = [size * count // total for size in sizes]
    lost = [size * count % total for size in sizes]
    order = sorted(random.permutation(len(sizes)).tolist(), key=lambda index: -lost[index])  # stable: the draw decides
    for index in order[: count - sum(shares)]:
        shares[index] += 1
    return shares
