"""A layer of a network, found by name, watched, read (its output and the gradient there) and nudged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from mindspore import Parameter, Tensor, mint, nn

from explainer.arrays import FloatArray
from explainer.checks import did_you_mean, require_type
from explainer.errors import LayerError
from explainer.network.mindspore.borrowing import blocking, cells_by_name, cells_of, class_of, is_as_made, reclassed
from explainer.network.mindspore.inputs import require_network

_MOST_NAMED = 20
_CHANNELS_FIRST = (
    nn.Conv2d,
    nn.Conv2dTranspose,
    nn.BatchNorm2d,
    nn.GroupNorm,
    nn.InstanceNorm2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    mint.nn.Conv2d,
    mint.nn.BatchNorm2d,
    mint.nn.GroupNorm,
    mint.nn.AvgPool2d,
    mint.nn.MaxPool2d,
    mint.nn.AdaptiveAvgPool2d,
)
_CHANNELS_LAST = (nn.LayerNorm, mint.nn.LayerNorm)  # a Dense may mix tokens, or columns


class Seen(NamedTuple):
    """One run of a cell: what it gave, and whether it ran inside a cell with a backward rule of its own."""

    cell: nn.Cell
    output: Any
    inside_own_rule: bool


def layer_named(network: nn.Cell, name: str) -> nn.Cell:
    """The cell of this name.

    Raises:
        LayerError: there is none; the message lists the nearest names.
    """
    cells = {known: cell for known, cell in cells_by_name(network).items() if known}
    if name not in cells:
        raise LayerError(
            f"`layer` must name a cell of {type(network).__name__}, got {name!r}{did_you_mean(name, cells)}; its "
            f"cells: {', '.join(list(cells)[:_MOST_NAMED])}{', ...' if len(cells) > _MOST_NAMED else ''}"
        )
    return cells[name]


def resolve_layer(network: Any, layer: Any) -> str:
    """The name of a layer given by name or as a cell of the network; "" is the input.

    Raises:
        TypeError: `network` is not a cell, or `layer` neither a string nor a cell.
        LayerError: the network has no such layer; the message lists the nearest names.
    """
    require_network("network", network)
    require_type("layer", layer, (str, nn.Cell), "the name of a cell or the cell itself", "'' is the input")
    if isinstance(layer, str):
        if layer:
            layer_named(network, layer)
        return layer
    for name, candidate in cells_by_name(network).items():
        if candidate is layer and name:
            return name
    raise LayerError(
        f"`layer` must be a cell of {type(network).__name__}, got a {type(layer).__name__} that is not part of it"
    )


def watched_layer(network: nn.Cell, cell: nn.Cell, name: str, image: FloatArray) -> Tensor:
    """What a layer gives for one image (1, C, H, W).

    Raises:
        LayerError: it does not run exactly once, or gives no batch.
    """
    runs = watched(network, [cell], image)
    if not runs:
        raise LayerError(
            f"layer {name!r} must run once per pass, ran 0 times: the network does not call it; name one that it calls"
        )
    if len(runs) > 1:
        raise LayerError(f"layer {name!r} must run once per pass, ran {len(runs)} times; name a layer that runs once")
    if not is_batch_of_one(runs[0].output):
        raise LayerError(
            f"layer {name!r} must give one tensor with the batch on axis 0, got {describe(runs[0].output)}"
        )
    return runs[0].output


def require_gradient(network: nn.Cell, name: str, image: FloatArray) -> None:
    """Raises LayerError when a backward rule of the user's own is in force there, which tells no gradient."""
    cell = layer_named(network, name)
    if cell.has_bprop:
        raise LayerError(f"layer {name!r} has a backward rule of its own (bprop); name the layer before or after it")
    if watched(network, [cell], image)[0].inside_own_rule:
        raise LayerError(
            f"layer {name!r} lies inside a cell with a backward rule of its own (bprop), which tells no gradient "
            "there, so that its map would be zero; name that cell's neighbours, or a layer outside it"
        )


def watched(network: nn.Cell, cells: list[nn.Cell], image: FloatArray) -> list[Seen]:
    """Every run of these cells for one image (1, C, H, W), in the order in which they end."""
    runs: list[Seen] = []
    depth = [0]
    with_own_rule = [cell for cell in cells_of(network) if cell.has_bprop]
    classes = {cell: _deepening(class_of(cell), depth) for cell in with_own_rule}
    classes |= {cell: _noting(classes.get(cell, class_of(cell)), runs, depth) for cell in cells}
    with reclassed(classes), blocking():
        network(Tensor(image))
    return runs


def tapped(kind: type[nn.Cell], activation_slot: Parameter, gradient_slot: Parameter) -> type[nn.Cell]:
    """The class, its output noted in one slot's "gradient" and the gradient that comes back in the other's."""
    tap = _Tap()

    class Tapped(kind):
        def construct(self, *inputs: Any, **named: Any) -> Tensor:
            return tap(super().construct(*inputs, **named), activation_slot, gradient_slot)

    return Tapped


def nudged(kind: type[nn.Cell], change: FloatArray) -> type[nn.Cell]:
    """The class, `change` (N, ...) added to its output."""

    class Nudged(kind):
        def construct(self, *inputs: Any, **named: Any) -> Tensor:
            output = super().construct(*inputs, **named)
            return output + Tensor(change).astype(output.dtype)

    return Nudged


def slot(name: str, shape: tuple[int, ...]) -> Parameter:
    """Where a tap notes what it sees."""
    return Parameter(Tensor(np.zeros(shape, np.float32)), name=name)


def channel_axis(cell: nn.Cell) -> int | None:
    """The axis of the channels in a layer's output, 1 or -1, where its class says so; None for any other."""
    if is_as_made(cell, _CHANNELS_FIRST):
        layout = getattr(cell, "format", getattr(cell, "data_format", "NCHW"))
        return -1 if layout == "NHWC" else 1
    if is_as_made(cell, _CHANNELS_LAST) and len(np.atleast_1d(getattr(cell, "normalized_shape", 1))) == 1:
        return -1
    return None


def is_batch_of_one(output: Any) -> bool:
    """Whether this is a tensor with one entry on axis 0."""
    return isinstance(output, Tensor) and output.ndim > 0 and output.shape[0] == 1


def describe(output: Any) -> str:
    """The output in words."""
    return f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__


def _noting(kind: type[nn.Cell], runs: list[Seen], depth: list[int]) -> type[nn.Cell]:
    class Noting(kind):
        def construct(self, *inputs: Any, **named: Any) -> Any:
            output = super().construct(*inputs, **named)
            kept = output.copy() if isinstance(output, Tensor) else output  # the network may write into it later
            runs.append(Seen(self, kept, depth[0] > 0))
            return output

    return Noting


def _deepening(kind: type[nn.Cell], depth: list[int]) -> type[nn.Cell]:
    class Deepening(kind):
        def construct(self, *inputs: Any, **named: Any) -> Any:
            with _deeper(depth):
                return super().construct(*inputs, **named)

    return Deepening


@contextmanager
def _deeper(depth: list[int]) -> Iterator[None]:
    depth[0] += 1
    try:
        yield
    finally:
        depth[0] -= 1


class _Tap(nn.Cell):
    """Passes its input on; the "gradient" of its two slots is that input and the gradient that comes back."""

    def construct(self, output: Tensor, activation_slot: Tensor, gradient_slot: Tensor) -> Tensor:
        return output

    def bprop(
        self, output: Tensor, activation_slot: Tensor, gradient_slot: Tensor, out: Tensor, upstream: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return upstream, output, upstream
