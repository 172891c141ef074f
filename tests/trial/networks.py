"""The trial networks as MindSpore cells with their pretrained arrays, and the networks of the golden arrays.

Every activation is an nn.ReLU cell of its own, attribute names are the names of the arrays, outputs are
logits, and all networks come in evaluation mode. They run, and give input gradients, in PyNative and under
`mindspore.jit`, at any batch size.
"""

import importlib.util
import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import mindspore
import numpy as np
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from .data import shared_folder, weights


def load_strictly(network: nn.Cell, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """`network` holds `arrays`, name by name.

    Raises:
        ValueError: an array without parameter, a parameter without array, another shape; nothing is loaded.
    """
    parameters = dict(network.parameters_and_names())
    faults = [f"unused array {name}" for name in sorted(set(arrays) - set(parameters))]
    faults += [f"no array for {name}" for name in sorted(set(parameters) - set(arrays))]
    for name in sorted(set(arrays) & set(parameters)):
        if tuple(parameters[name].shape) != arrays[name].shape:
            faults.append(f"{name} must have shape {tuple(parameters[name].shape)}, got {arrays[name].shape}")
    if faults:
        raise ValueError(f"arrays do not fit {type(network).__name__}: " + "; ".join(faults))
    for name, parameter in parameters.items():
        parameter.set_data(Tensor(arrays[name], mindspore.float32))


class CifarResNet20(nn.Cell):
    """Logits (N, 10) of images (N, 3, 32, 32): ResNet-20 on CIFAR-10. Source: weights of akamaster."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv(3, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16, eps=1e-5)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16)
        self.layer2 = _stage(16, 32)
        self.layer3 = _stage(32, 64)
        self.fc = _dense(64, 10)
        load_strictly(self, weights("cifar_resnet20"))
        self.set_train(False)

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu(self.bn1(self.conv1(images)))
        features = self.layer3(self.layer2(self.layer1(features)))
        return self.fc(features.mean((2, 3)))


class SqueezeNet11(nn.Cell):
    """Logits (N, 1000) of images (N, 3, 224, 224): SqueezeNet 1.1, ImageNet; `fire9` is (N, 512, 13, 13).

    arrays: its weights by name; by default those of the shared material.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]] | None = None) -> None:
        super().__init__()
        self.conv1 = _conv(3, 64, 3, stride=2, has_bias=True)
        self.relu1 = nn.ReLU()
        self.pool1 = _RoundedUpMaxPool()
        self.fire2 = _Fire(64, 16, 64)
        self.fire3 = _Fire(128, 16, 64)
        self.pool3 = _RoundedUpMaxPool()
        self.fire4 = _Fire(128, 32, 128)
        self.fire5 = _Fire(256, 32, 128)
        self.pool5 = _RoundedUpMaxPool()
        self.fire6 = _Fire(256, 48, 192)
        self.fire7 = _Fire(384, 48, 192)
        self.fire8 = _Fire(384, 64, 256)
        self.fire9 = _Fire(512, 64, 256)
        self.dropout = nn.Dropout(p=0.5)
        self.conv10 = _conv(512, 1000, 1, has_bias=True)
        self.relu10 = nn.ReLU()
        load_strictly(self, weights("squeezenet11") if arrays is None else arrays)
        self.set_train(False)

    def construct(self, images: Tensor) -> Tensor:
        features = self.pool1(self.relu1(self.conv1(images)))
        features = self.pool3(self.fire3(self.fire2(features)))
        features = self.pool5(self.fire5(self.fire4(features)))
        features = self.fire9(self.fire8(self.fire7(self.fire6(features))))
        return self.relu10(self.conv10(self.dropout(features))).mean((2, 3))


class DigitCnn(nn.Cell):
    """Logits (N, 10) of images (N, 1, 28, 28): a small MNIST network with two dropout cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv(1, 16, 5, padding=2, has_bias=True)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2, 2)
        self.conv2 = _conv(16, 32, 5, has_bias=True)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2, 2)
        self.flatten = nn.Flatten()
        self.dropout1 = nn.Dropout(p=0.5)
        self.fc1 = _dense(800, 128)
        self.relu3 = nn.ReLU()
        self.dropout2 = nn.Dropout(p=0.5)
        self.fc2 = _dense(128, 10)
        load_strictly(self, weights("digit_cnn"))
        self.set_train(False)

    def construct(self, images: Tensor) -> Tensor:
        features = self.pool1(self.relu1(self.conv1(images)))
        features = self.flatten(self.pool2(self.relu2(self.conv2(features))))
        return self.fc2(self.dropout2(self.relu3(self.fc1(self.dropout1(features)))))


def golden_rebuild() -> ModuleType:
    """The module golden/rebuild.py: weights, images, saliency_map, np_forward, hoc_image and more."""
    path = shared_folder() / "golden" / "rebuild.py"
    spec = importlib.util.spec_from_file_location("golden_rebuild", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # mindspore.jit imports the module of every construct by its name
    spec.loader.exec_module(module)
    return module


def golden_net(
    pool: str = "max",
    seed: int = 42,
    in_ch: int = 3,
    hw: tuple[int, int] = (32, 32),
    n_cls: int = 10,
    gain: float = 1.0,
) -> nn.Cell:
    """The two-convolution network of the golden arrays: logits (N, n_cls) of images (N, in_ch, *hw)."""
    network: nn.Cell = golden_rebuild().make_net(pool, seed, in_ch, hw, n_cls, gain)
    return network.set_train(False)


def golden_hoc_net(side: int = 64) -> nn.Cell:
    """The network of hoc.json at `side` 64, 112 or 224: probabilities (N, 2), not logits."""
    rebuild = golden_rebuild()
    network: nn.Cell = rebuild.make_hoc_net(h=side, w=side, boxes=rebuild.HOC_BOXES[side])
    return network.set_train(False)


def golden_images(seed: int = 1, n: int = 1, c: int = 3, h: int = 32, w: int = 32) -> NDArray[np.float32]:
    """(n, c, h, w) float32 in [0, 1): the inputs of the golden arrays."""
    images: NDArray[np.float32] = golden_rebuild().images(seed, n, c, h, w)
    return images


def golden(name: str) -> dict[str, NDArray[Any]]:
    """Array by name of golden/{name}.npz."""
    with np.load(shared_folder() / "golden" / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def golden_hoc() -> Any:
    """golden/hoc.json: the edit trees and layer outputs of hierarchical occlusion."""
    return json.loads((shared_folder() / "golden" / "hoc.json").read_text(encoding="utf-8"))


class _Block(nn.Cell):
    """Two 3x3 convolutions and the shortcut; a widening block halves height and width."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        widens = channels != in_channels
        self.conv1 = _conv(in_channels, channels, 3, stride=2 if widens else 1, padding=1)
        self.bn1 = nn.BatchNorm2d(channels, eps=1e-5)
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels, eps=1e-5)
        self.shortcut = _EverySecondPixel((channels - in_channels) // 2) if widens else nn.Identity()
        self.relu2 = nn.ReLU()

    def construct(self, features: Tensor) -> Tensor:
        changed = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(features)))))
        return self.relu2(changed + self.shortcut(features))


class _EverySecondPixel(nn.Cell):
    """Every second pixel, with `margin` channels of zeros before and after; no parameters."""

    def __init__(self, margin: int) -> None:
        super().__init__()
        # A window of one pixel: the gradient of features[:, :, ::2, ::2] fails in PyNative ("out of bounds").
        self.every_second = nn.AvgPool2d(kernel_size=1, stride=2)
        self.pad = ops.Pad(((0, 0), (margin, margin), (0, 0), (0, 0)))

    def construct(self, features: Tensor) -> Tensor:
        return self.pad(self.every_second(features))


class _Fire(nn.Cell):
    """Squeeze to few channels, expand by 1x1 and 3x3 side by side: 2 * expanded channels."""

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = _conv(in_channels, squeezed, 1, has_bias=True)
        self.squeeze_relu = nn.ReLU()
        self.expand1x1 = _conv(squeezed, expanded, 1, has_bias=True)
        self.expand1x1_relu = nn.ReLU()
        self.expand3x3 = _conv(squeezed, expanded, 3, padding=1, has_bias=True)
        self.expand3x3_relu = nn.ReLU()

    def construct(self, features: Tensor) -> Tensor:
        squeezed = self.squeeze_relu(self.squeeze(features))
        one = self.expand1x1_relu(self.expand1x1(squeezed))
        three = self.expand3x3_relu(self.expand3x3(squeezed))
        return ops.concat((one, three), 1)


class _RoundedUpMaxPool(nn.Cell):
    """3x3 stride 2 max pool of features >= 0, output size rounded up."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, 2)
        # No condition on the size: where (size - 3) is even no window reaches the zero row and column.
        self.pad = ops.Pad(((0, 0), (0, 0), (0, 1), (0, 1)))

    def construct(self, features: Tensor) -> Tensor:
        return self.pool(self.pad(features))


def _stage(in_channels: int, channels: int) -> nn.SequentialCell:
    first = _Block(in_channels, channels)
    return nn.SequentialCell([first, _Block(channels, channels), _Block(channels, channels)])


def _conv(
    in_channels: int, channels: int, kernel: int, *, stride: int = 1, padding: int = 0, has_bias: bool = False
) -> nn.Conv2d:
    """Zeros until loaded: drawing weights to throw them away would move the random state of the caller."""
    return nn.Conv2d(
        in_channels, channels, kernel, stride, pad_mode="pad", padding=padding, has_bias=has_bias,
        weight_init="zeros", bias_init="zeros",
    )  # fmt: skip


def _dense(in_features: int, features: int) -> nn.Dense:
    return nn.Dense(in_features, features, weight_init="zeros", bias_init="zeros")
