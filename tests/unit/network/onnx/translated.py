"""Functions of images as MindSpore computes them, and as ONNX Runtime does on the graph made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from explainer.network.mindspore.capture import captured, parameters_of
from explainer.network.onnx.graph import Graph
from explainer.network.onnx.mindir import BATCH, graph_of
from explainer.network.onnx.session import Session

IMAGES = np.random.default_rng(0).standard_normal((3, 4, 5, 7)).astype(np.float32)


class Applied(nn.Cell):
    """Several functions, or cells, of the same images."""

    def __init__(self, functions: Sequence[Callable[[Tensor], Any]]) -> None:
        super().__init__()
        self.functions = nn.CellList([entry if isinstance(entry, nn.Cell) else Function(entry) for entry in functions])

    def construct(self, images: Tensor) -> tuple[Any, ...]:
        outputs = ()
        for function in self.functions:
            outputs += (function(images),)
        return outputs


class Function(nn.Cell):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def construct(self, images: Tensor) -> Any:
        return self.function(images)


def graph_for(network: nn.Cell, images: NDArray[np.float32] = IMAGES) -> Graph:
    return graph_of(captured(network, images.shape[1:], BATCH))


def session_of(network: nn.Cell, images: NDArray[np.float32] = IMAGES) -> Session:
    graph = graph_for(network, images)
    return Session(graph, parameters_of(network, list(graph.weights)), threads=1)


def eager(network: nn.Cell, images: NDArray[np.float32] = IMAGES) -> list[NDArray[Any]]:
    outputs = network.set_train(False)(Tensor(images))
    return [entry.asnumpy() for entry in (outputs if isinstance(outputs, tuple) else (outputs,))]
