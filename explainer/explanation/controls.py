"""Maps that know nothing of the network, scored beside real ones so that chance has a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import require_integer
from explainer.explanation.base import Attribution, Traits
from explainer.explanation.inputs import AnyLabels
from explainer.passes import Passes
from explainer.streams import sample_stream

_WIDTH = 1 / 4  # the deviation of the blob, as a part of each side


_TRAITS = Traits(passes=Passes(), inputs=AnyLabels)  # the network is not evaluated, not even for its number of labels


class RandomControl(Attribution):
    """A random map, uniform in [0, 1), for each image and label; what any score gives by chance.

    Args:
        network: that of the methods beside which the control stands; it is not evaluated.
        seed: of the maps; an image and label have their own, whatever the batch.
        name: what the control is called.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value.

    >>> from mindspore import nn
    >>> control = RandomControl(nn.SequentialCell(nn.Flatten(), nn.Dense(4, 2)))
    >>> control(np.zeros((1, 1, 2, 2), np.float32), 1).shape
    (1, 1, 2, 2)
    """

    def __init__(self, network: Any, *, seed: int = 0, name: str = "control: random") -> None:
        self._seed = require_integer("seed", seed, 0)
        super().__init__(network, name=name, parameters={"seed": self._seed}, traits=_TRAITS)

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        size = images.shape[2:]
        pairs = zip(images, targets, strict=True)
        drawn = (sample_stream(self._seed, image, label).random(size) for image, labels in pairs for label in labels)
        return np.stack([one.astype(np.float32) for one in drawn]).reshape(*targets.shape, *size)


class CentreControl(Attribution):
    """A blob in the middle of the image, a Gaussian of a quarter of each side: objects are mostly in the middle.

    Args:
        network: that of the methods beside which the control stands; it is not evaluated.
        name: what the control is called.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value.

    >>> from mindspore import nn
    >>> control = CentreControl(nn.SequentialCell(nn.Flatten(), nn.Dense(3, 2)))
    >>> control(np.zeros((1, 1, 1, 3), np.float32), 1).round(3)
    array([[[[0.411, 1.   , 0.411]]]], dtype=float32)
    """

    def __init__(self, network: Any, *, name: str = "control: centre") -> None:
        super().__init__(network, name=name, traits=_TRAITS)

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        rows, columns = (_bell(length) for length in images.shape[2:])
        return np.broadcast_to(np.outer(rows, columns), (*targets.shape, *images.shape[2:])).astype(np.float32)


def _bell(length: int) -> np.ndarray[Any, Any]:
    distance = np.arange(length) - (length - 1) / 2
    bell: np.ndarray[Any, Any] = np.exp(-((distance / (_WIDTH * length)) ** 2) / 2)
    return bell
