"""MindSpore's tensors and NumPy's arrays, one into the other."""

from __future__ import annotations

from typing import Any

from mindspore import Tensor, nn
from numpy.typing import NDArray


def without_tensor(value: Any) -> Any:
    """A tensor as a NumPy array, anything else as it is."""
    return value.asnumpy() if isinstance(value, Tensor) else value


def to_tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor of the same dtype, sharing nothing with it."""
    return Tensor(array)


def is_cell(value: Any) -> bool:
    """Whether the value is a MindSpore cell."""
    return isinstance(value, nn.Cell)


def is_tensor(value: Any) -> bool:
    """Whether the value is a MindSpore tensor."""
    return isinstance(value, Tensor)
