"""Dropout that is at work while a network predicts, its masks drawn for each sample."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, mint, nn

from explainer.errors import NoDropoutError
from explainer.network.mindspore.borrowing import cells_of

_CHANNEL_DROPOUTS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, mint.nn.Dropout2d)
_DROPOUTS = (nn.Dropout, mint.nn.Dropout, *_CHANNEL_DROPOUTS)


def require_dropout(network: nn.Cell) -> list[nn.Cell]:
    """The network's cells that drop something; NoDropoutError when there is none."""
    dropouts = [cell for cell in cells_of(network) if drop_rate(cell) > 0]
    if not dropouts:
        raise NoDropoutError(
            f"{type(network).__name__} has no dropout cell with a rate above 0, so every draw would be equal; give "
            "several trained networks, a deep ensemble (networks=[...]), or use test-time augmentation "
            '(augment="shift" or "noise")'
        )
    return dropouts


def drop_rate(cell: nn.Cell) -> float:
    """The probability with which a cell drops; MindSpore's classes keep it as `p`, `prob` or `keep_prob`."""
    if not isinstance(cell, _DROPOUTS):
        return 0.0
    given = [vars(cell)[name] for name in ("p", "prob") if vars(cell).get(name) is not None]
    return float(given[0] if given else 1 - cell.keep_prob)


def dropping(kind: type[nn.Cell], rate: float, streams: list[np.random.Generator]) -> type[nn.Cell]:
    """A class of a dropout's kind that drops with this rate, each image by the draws of its own stream."""

    class Dropping(kind):
        def construct(self, features: Tensor) -> Tensor:
            shape = features.shape[1:]
            if issubclass(kind, _CHANNEL_DROPOUTS):
                shape = shape[:1] + (1,) * (len(shape) - 1)
            kept = np.stack([stream.random(shape, np.float32) for stream in streams]) >= rate
            return features * Tensor((kept / (1 - rate)).astype(np.float32)).astype(features.dtype)

    return Dropping
