"""What a network takes: checked at the door, and explained in one sentence where MindSpore cannot evaluate it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
from mindspore import nn
from numpy.typing import NDArray

from explainer.checks import require_type
from explainer.errors import ExplainerError, NetworkInputError, NoGradientError
from explainer.network.mindspore.borrowing import forget_failed_pass

_MINDSPORE = str(Path(mindspore.__file__).parent)
_INSIDE_MINDSPORE = ("C++ Call Stack", "mindspore/ccsrc", "mindspore/core")
_CHANNELS = (1, 3, 4)
_LONGEST = 200


def require_network(name: str, value: Any) -> None:
    """Raises TypeError unless the value is a mindspore.nn.Cell of one input."""
    compiled = getattr(value, "__self__", None)
    do = (
        f"pass the {type(compiled).__name__} itself: what pays is compiled here"
        if isinstance(compiled, nn.Cell)
        else ""
    )
    require_type(name, value, nn.Cell, "a mindspore.nn.Cell", do)
    needed = _needed(value)
    if len(needed) > 1:
        raise TypeError(
            f"`{name}` must take one input, got {type(value).__name__}, whose construct takes {', '.join(needed)}; a "
            "network for training or evaluation computes the loss as well: pass the network inside it, or a Cell that "
            "takes the images alone and supplies the rest"
        )


@contextmanager
def evaluating(network: Any, images: NDArray[np.float32]) -> Iterator[None]:
    """What MindSpore raises for images (N, ...) becomes a NetworkInputError; errors of the user's own code stay."""
    try:
        yield
    except ExplainerError:
        raise
    except Exception as error:
        forget_failed_pass()
        if not _is_mindspores(error):
            raise
        name = getattr(network, "__name__", type(network).__name__)
        raise NetworkInputError(
            f"`network` ({name}) must be one that can be evaluated for {_inputs(images.shape)} "
            f"of shape {images.shape} float32, but MindSpore says: {_first_line(error)}; {_advice(error, images.shape)}"
        ) from error


@contextmanager
def differentiating(network: nn.Cell, *, eagerly: bool = False) -> Iterator[None]:
    """What MindSpore raises on the way back becomes a NoGradientError; errors of the user's own code stay."""
    try:
        yield
    except ExplainerError:
        raise
    except Exception as error:
        if not _is_mindspores(error):
            raise
        way = "run eagerly, as a rule for ReLUs that are no cells needs it" if eagerly else "eagerly or compiled"
        raise NoGradientError(
            f"`network` ({type(network).__name__}) must have a gradient, but MindSpore has none for an operator of it, "
            f"{way}; it says: {_first_line(error)}; use a method without gradients, such as Occlusion or RISE"
        ) from error


def _inputs(shape: tuple[int, ...]) -> str:
    return "one input" if shape[0] == 1 else "inputs"


def _needed(cell: nn.Cell) -> list[str]:
    """The names of what `construct` cannot do without."""
    try:
        parameters = inspect.signature(cell.construct).parameters.values()
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [entry.name for entry in parameters if entry.default is entry.empty and entry.kind in positional]


def _is_mindspores(error: Exception) -> bool:
    """Whether MindSpore raised this, not the user's own code; an attribute that a cell lacks is the user's."""
    if isinstance(error, AttributeError | NameError | NotImplementedError):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    raised_in = "" if trace is None else trace.tb_frame.f_code.co_filename
    return raised_in.startswith(_MINDSPORE) or any(sign in str(error) for sign in _INSIDE_MINDSPORE)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("-")]  # the others are rules and titles
    return (telling[0] if telling else type(error).__name__)[:_LONGEST].rstrip(".")


def _advice(error: Exception, shape: tuple[int, ...]) -> str:
    if re.search("kernel.*(unregistered|failed)", str(error)):
        return "it has no such operator on this device: use another operator, or another device"
    if shape[0] > 1:
        return "it can be for one input: it must take batches of any size, as x.reshape(x.shape[0], -1) does"
    if len(shape) == 4 and shape[1] not in _CHANNELS and shape[3] in _CHANNELS:
        return "the channels seem to come last: give (N, C, H, W), for arrays images.transpose(0, 3, 1, 2)"
    return "give inputs of the channels and size that the network was made for, its axes (N, C, H, W) for images"
