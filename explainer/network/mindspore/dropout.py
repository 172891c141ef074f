"""Dropout that is at work while a network predicts, its masks drawn for each sample."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, mint, nn

from explainer.arrays import FloatArray
from explainer.errors import NoDropoutError
from explainer.network.mindspore.borrowing import cells_of, reclassed
from explainer.network.mindspore.computations import only_output

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


def drops_channels(cell: nn.Cell) -> bool:
    """Whether a dropout drops whole channels, else single numbers."""
    return isinstance(cell, _CHANNEL_DROPOUTS)


def dropped_logits(
    network: nn.Cell, images: FloatArray, streams: list[np.random.Generator]
) -> tuple[FloatArray, list[nn.Cell]]:
    """The logits (N, K) of a borrowed network under the masks of each image's own stream, and the cells that dropped.

    A cell is there once for each call, in their order, which is that of the draws from each stream.
    """
    calls: list[nn.Cell] = []
    classes = {cell: _dropping(type(cell), drop_rate(cell), streams, calls) for cell in require_dropout(network)}
    with reclassed(classes):
        logits: FloatArray = only_output(network(Tensor(images))).asnumpy().astype(np.float32)
    return logits, calls


def _dropping(
    kind: type[nn.Cell], rate: float, streams: list[np.random.Generator], calls: list[nn.Cell]
) -> type[nn.Cell]:
    """A class of a dropout's kind that drops with this rate, each image by the draws of its own stream."""

    class Dropping(kind):
        def construct(self, features: Tensor) -> Tensor:
            calls.append(self)
            shape = features.shape[1:]
            if issubclass(kind, _CHANNEL_DROPOUTS):
                shape = shape[:1] + (1,) * (len(shape) - 1)
            kept = np.stack([stream.random(shape, np.float32) for stream in streams]) >= rate
            return features * Tensor((kept / (1 - rate)).astype(np.float32)).astype(features.dtype)

    return Dropping
