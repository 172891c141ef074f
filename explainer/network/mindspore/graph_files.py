"""Networks without code: graphs of MindIR files (nn.GraphCell), which MindSpore evaluates and does nothing else with.

Its gradient is zero without a word, a layer has no cell, and a compilation or export around it spoils the graph for
every pass after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mindspore
from mindspore import nn

from explainer.checks import require_file
from explainer.errors import LayerError, NoGradientError
from explainer.network.mindspore.borrowing import cells_of
from explainer.network.mindspore.stderr import quiet_stderr

ENDING = ".mindir"
_WHY = "is a graph of a MindIR file, of which MindSpore gives outputs alone"
_DO = "explain it by Occlusion, RISE, LIME or KernelSHAP, or give the network's code and a checkpoint"


class MindirNetwork(nn.GraphCell):
    """The network of a MindIR file; what MindSpore writes to stderr while it compiles the graph goes to the log."""

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """As nn.GraphCell."""
        with quiet_stderr():
            return super().__call__(*inputs, **named)


def load_graph(path: Path, *, name: str = "`path`") -> MindirNetwork:
    """The network of a MindIR file, with its weights, in evaluation mode.

    Raises:
        ValueError: there is no such file, or it is none of MindIR; calls it by `name`.
    """
    require_file(name, path)
    try:
        with quiet_stderr():
            graph = mindspore.load(str(path))
    except Exception as error:  # whatever MindSpore's parser came upon
        raise ValueError(f"{name} {path} could not be read: it is damaged, or no MindIR file of MindSpore") from error
    network = MindirNetwork(graph)
    network.set_train(False)
    return network


def writes_in_place(path: Path) -> bool:
    """Whether the graph of a MindIR file has operators that write into a value, as `y += x` has.

    Where the value is used elsewhere, MindSpore's graph gives other outputs than the code did: by 180 % in a network of
    `z = y; y += x`, by nothing in the residual networks of MindCV.
    """
    return b"Inplace" in path.read_bytes()


def holds_graph(network: nn.Cell) -> bool:
    """Whether a cell of a network is the graph of a MindIR file."""
    return any(isinstance(cell, nn.GraphCell) for cell in cells_of(network))


def require_gradients(network: nn.Cell) -> None:
    """Raises NoGradientError where a network is, or holds, a graph: its gradients would be zeros."""
    if holds_graph(network):
        raise NoGradientError(f"`network` ({type(network).__name__}) {_WHY}: no gradients, no ReLU rules; {_DO}")


def require_layers(network: nn.Cell) -> None:
    """Raises LayerError where a network is a graph, whose layers are no cells."""
    if isinstance(network, nn.GraphCell):
        raise LayerError(f"`network` ({type(network).__name__}) {_WHY}: no layers by name; {_DO}")
