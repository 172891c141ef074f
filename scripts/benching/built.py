"""The networks as MindSpore's cells: made once with their seed, and again from the arrays that were exported."""

from __future__ import annotations

from unittest.mock import patch

import mindspore
import numpy as np
from mindcv_networks import network_of
from mindspore import Tensor, nn
from mindspore.common.initializer import TruncatedNormal
from trial import networks as trial

from benching.networks import Exported, Network


def first_made(network: Network) -> nn.Cell:
    """The network, trained or drawn by seed."""
    return network_of(network.mindcv, network.size) if network.mindcv else _cell(network)


def rebuilt(exported: Exported) -> nn.Cell:
    """The network with the arrays of the folder."""
    cell = _cell(exported.network)
    arrays = exported.weights()
    for name, parameter in cell.parameters_and_names():
        parameter.set_data(Tensor(arrays[name], mindspore.float32))
    return cell


def _cell(network: Network) -> nn.Cell:
    if network.name == "ResNet-20":
        return trial.CifarResNet20()
    if network.name == "SqueezeNet":
        return trial.SqueezeNet11()
    if network.mindcv:
        return _of_mindcv(network)
    return _two_convolutions(network.size)


def _of_mindcv(network: Network) -> nn.Cell:
    from mindcv import create_model

    def nothing_drawn(_: object, array: np.ndarray) -> None:  # SciPy takes 9 s for the weights of a ViT
        array[...] = 0

    with patch.object(TruncatedNormal, "_initialize", nothing_drawn):
        return create_model(network.mindcv, num_classes=network.classes, pretrained=False).set_train(False)


def _two_convolutions(size: int) -> nn.Cell:
    mindspore.set_seed(0)
    convolutions = (nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU())
    return nn.SequentialCell(*convolutions, nn.Flatten(), nn.Dense(32 * size * size, 10)).set_train(False)
