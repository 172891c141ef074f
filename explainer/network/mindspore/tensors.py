"""MindSpore's tensors and NumPy's arrays, one into the other; and the device that they are on."""

from __future__ import annotations

from typing import Any

import mindspore
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


def device_in_use() -> str:
    """Where MindSpore runs: "CPU", "GPU" or "Ascend"."""
    device: str = mindspore.get_context("device_target")
    return device


def require_device(device: str) -> None:
    """Raises RuntimeError unless MindSpore runs on this device: "CPU", "GPU" or "Ascend" in any case, or "auto".

    The device is the user's to choose, before anything runs, so it is never changed here.
    """
    current = device_in_use()
    if device.lower() not in ("auto", current.lower()):
        raise RuntimeError(
            f"`device` {device} is not in use: MindSpore runs on {current} here; where there is one, choose it with "
            f'mindspore.set_device("{device}") before anything else, or give device="auto"'
        )
