"""MindSpore's tensors and NumPy's arrays, one into the other; and the device that they are on.

As long as nobody has loaded MindSpore nothing is a tensor or a cell of it, and it is not loaded to see that.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from mindspore import Tensor


def without_tensor(value: Any) -> Any:
    """A tensor as a NumPy array, anything else as it is."""
    return value.asnumpy() if is_tensor(value) else value


def to_tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor of the same dtype, sharing nothing with it."""
    from mindspore import Tensor

    return Tensor(array)


def is_cell(value: Any) -> bool:
    """Whether the value is a MindSpore cell."""
    loaded = sys.modules.get("mindspore.nn")
    return loaded is not None and isinstance(value, loaded.Cell)


def is_tensor(value: Any) -> bool:
    """Whether the value is a MindSpore tensor."""
    loaded = sys.modules.get("mindspore")
    return loaded is not None and isinstance(value, loaded.Tensor)


def device_in_use() -> str:
    """Where MindSpore runs: "CPU", "GPU" or "Ascend"."""
    import mindspore

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
