"""Every cell of a network, and what it did in one pass: what a user chooses a layer from."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from mindspore import Tensor, nn

from explainer.arrays import FloatArray
from explainer.classifier import LayerOutput
from explainer.network.mindspore.borrowing import borrowed
from explainer.network.mindspore.inputs import evaluating, require_network
from explainer.network.mindspore.layers import Seen, channel_axis, describe, is_batch_of_one, watched


class LayerRun(NamedTuple):
    """A cell in one pass.

    Attributes:
        name: the cell's name in the network.
        kind: its class.
        output: what it gives for one image, where a method can read it; else None.
        why_not: in words, why no method can.
    """

    name: str
    kind: str
    output: LayerOutput | None
    why_not: str = ""


def layer_runs(network: nn.Cell, image: FloatArray) -> list[LayerRun]:
    """Each cell of a network by its name, in the order of `network.cells_and_names()`.

    Args:
        network: to be listed; it is borrowed for one pass.
        image: (1, C, H, W).

    Raises:
        TypeError: the network is no mindspore.nn.Cell.
        NetworkInputError: it cannot be evaluated for such an image.
    """
    require_network("network", network)
    with borrowed(network), evaluating(network, image):
        cells = {cell: name for name, cell in network.cells_and_names() if name}
        runs: dict[nn.Cell, list[Seen]] = defaultdict(list)
        for run in watched(network, list(cells), image):
            runs[run.cell].append(run)
    return [_layer_run(name, cell, runs[cell]) for cell, name in cells.items()]


def _layer_run(name: str, cell: nn.Cell, runs: list[Seen]) -> LayerRun:
    kind = type(cell).__name__
    why_not = _why_not(cell, runs)
    if why_not:
        return LayerRun(name, kind, None, why_not)
    shape: tuple[int, ...] = tuple(runs[0].output.shape[1:])
    return LayerRun(name, kind, LayerOutput(name, kind, shape, channel_axis(cell)))


def _why_not(cell: nn.Cell, runs: list[Seen]) -> str:
    if not runs:
        return "is not called"
    if len(runs) > 1:
        return f"runs {len(runs)} times"
    if cell.has_bprop or runs[0].inside_own_rule:
        return "has a backward rule of its own, or lies inside a cell with one"
    output = runs[0].output
    if not is_batch_of_one(output):
        return f"gives {describe(output)}" if isinstance(output, Tensor) else f"gives a {describe(output)}"
    return ""
