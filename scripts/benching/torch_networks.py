"""The networks in PyTorch, their modules named as in MindSpore, so that the arrays fit by name.

Every ReLU is a module that is used once, as captum's ReLU rules need.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benching.networks import Exported

_NORM_NAMES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def rebuilt(exported: Exported) -> nn.Module:
    """The network with the arrays of the folder, in evaluation mode, found to give MindSpore's logits."""
    network = _MADE[exported.network.name](exported.network.classes)
    network.load_state_dict(_state(exported.weights(), network.state_dict()))
    network.eval()
    with torch.no_grad():
        exported.require_agreement(network(torch.from_numpy(exported.images)).numpy())
    return network


def _state(arrays: dict[str, NDArray[np.float32]], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """The arrays under PyTorch's names, and the counters of its batch normalisations, which count nothing here."""
    state = {name: value for name, value in expected.items() if name.endswith("num_batches_tracked")}
    for name, values in arrays.items():
        module, _, parameter = name.rpartition(".")
        state[f"{module}.{_NORM_NAMES.get(parameter, parameter)}".lstrip(".")] = torch.from_numpy(values)
    return state


class CifarResNet20(nn.Module):
    """ResNet-20 on CIFAR-10."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = self._stage(16, 16)
        self.layer2 = self._stage(16, 32)
        self.layer3 = self._stage(32, 64)
        self.fc = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """The logits (N, K)."""
        features = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(images))))))
        return self.fc(features.mean((2, 3)))

    @staticmethod
    def _stage(before: int, channels: int) -> nn.Sequential:
        first = _Block(before, channels, _EverySecondPixel((channels - before) // 2) if before != channels else None)
        return nn.Sequential(first, _Block(channels, channels), _Block(channels, channels))


class _Block(nn.Module):
    """Two 3x3 convolutions and the shortcut; a widening block halves height and width."""

    def __init__(self, before: int, channels: int, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, 2 if channels != before else 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.down_sample = shortcut or nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        changed = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(features)))))
        return self.relu2(changed + self.down_sample(features))


class _EverySecondPixel(nn.Module):
    def __init__(self, margin: int) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.pad(features[:, :, ::2, ::2], (0, 0, 0, 0, self.margin, self.margin))


class SqueezeNet11(nn.Module):
    """SqueezeNet 1.1 on ImageNet."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 2)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        fires = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128))
        fires += ((256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256))
        for number, sizes in enumerate(fires, 2):
            setattr(self, f"fire{number}", _Fire(*sizes))
        self.dropout = nn.Dropout(0.5)
        self.conv10 = nn.Conv2d(512, classes, 1)
        self.relu10 = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """The logits (N, K)."""
        features = self.pool(self.relu1(self.conv1(images)))
        features = self.pool(self.fire3(self.fire2(features)))
        features = self.pool(self.fire5(self.fire4(features)))
        features = self.fire9(self.fire8(self.fire7(self.fire6(features))))
        return self.relu10(self.conv10(self.dropout(features))).mean((2, 3))


class _Fire(nn.Module):
    def __init__(self, before: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.squeeze_relu = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_relu = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_relu = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        squeezed = self.squeeze_relu(self.squeeze(features))
        one = self.expand1x1_relu(self.expand1x1(squeezed))
        return torch.cat((one, self.expand3x3_relu(self.expand3x3(squeezed))), 1)


class ResNet18(nn.Module):
    """ResNet-18 as MindCV has it: its pooling pads below and on the right alone."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.max_pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        for number, (before, channels) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), 1):
            setattr(self, f"layer{number}", self._stage(before, channels))
        self.classifier = nn.Linear(512, classes)

    def forward(self, images: Tensor) -> Tensor:
        """The logits (N, K)."""
        features = self.max_pool(self.relu(self.bn1(self.conv1(images))))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        return self.classifier(features.mean((2, 3)))

    @staticmethod
    def _stage(before: int, channels: int) -> nn.Sequential:
        shortcut = None
        if before != channels:
            shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, 2, bias=False), nn.BatchNorm2d(channels))
        return nn.Sequential(_Block(before, channels, shortcut), _Block(channels, channels))


class MobileNetV2(nn.Module):
    """MobileNetV2, its classifier a dense layer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_normed(3, 32, 3, 2), nn.ReLU6()]
        before = 32
        stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2))
        for times, channels, count, stride in (*stages, (6, 320, 1, 1)):
            for number in range(count):
                layers.append(_Inverted(before, channels, stride if number == 0 else 1, times))
                before = channels
        self.features = nn.Sequential(*layers, *_normed(320, 1280, 1), nn.ReLU6())
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, images: Tensor) -> Tensor:
        """The logits (N, K)."""
        return self.classifier(self.features(images).mean((2, 3)))


class _Inverted(nn.Module):
    def __init__(self, before: int, channels: int, stride: int, times: int) -> None:
        super().__init__()
        wide = before * times
        widened = [*_normed(before, wide, 1), nn.ReLU6()] if times != 1 else []
        depthwise = [*_normed(wide, wide, 3, stride, groups=wide), nn.ReLU6()]
        self.layers = nn.Sequential(*widened, *depthwise, *_normed(wide, channels, 1))
        self.added = stride == 1 and before == channels

    def forward(self, features: Tensor) -> Tensor:
        changed = self.layers(features)
        return features + changed if self.added else changed


def _normed(before: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(before, channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(channels)]


class VitB32(nn.Module):
    """ViT-B/32 at 224 px, with MindSpore's epsilon and its approximate GELU."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, 768, 32, 32)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 768))
        self.pos_embed = nn.Parameter(torch.zeros(1, 50, 768))
        self.blocks = nn.Sequential(*(_Transformer() for _ in range(12)))
        self.norm = nn.LayerNorm(768, _EPSILON)
        self.head = nn.Linear(768, classes)

    def forward(self, images: Tensor) -> Tensor:
        """The logits (N, K)."""
        patches = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.cls_token.expand(len(images), -1, -1), patches), 1) + self.pos_embed
        return self.head(self.norm(self.blocks(tokens))[:, 0])


_EPSILON = 1e-7


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(768, _EPSILON)
        self.attn = _Attention()
        self.norm2 = nn.LayerNorm(768, _EPSILON)
        layers = {"fc1": nn.Linear(768, 3072), "act": nn.GELU(approximate="tanh"), "fc2": nn.Linear(3072, 768)}
        self.mlp = nn.ModuleDict(layers)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp["fc2"](self.mlp["act"](self.mlp["fc1"](self.norm2(tokens))))


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(768, 3 * 768)
        self.proj = nn.Linear(768, 768)

    def forward(self, tokens: Tensor) -> Tensor:
        count, length, size = tokens.shape
        queries, keys, values = self.qkv(tokens).view(count, length, 3, 12, 64).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
        return self.proj(mixed.transpose(1, 2).reshape(count, length, size))


_MADE = {
    "ResNet-20": CifarResNet20,
    "SqueezeNet": SqueezeNet11,
    "ResNet-18": ResNet18,
    "MobileNetV2": MobileNetV2,
    "ViT-B/32": VitB32,
}
