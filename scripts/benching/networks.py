"""The networks that are measured, and the folder in which each side finds their weights, graphs and images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BATCH = 32
AGREEMENT = 1e-5  # of the largest logit: what the sides may differ by


@dataclass(frozen=True)
class Network:
    """One of them.

    Attributes:
        size: height and width of its images.
        images: how many there are.
        layer: where the class activation maps are taken from, by its name in MindSpore and in torch.
        mindcv: MindCV's name for it, "" for another.
        classes: how many.
    """

    name: str
    size: int
    images: int
    layer: str = ""
    mindcv: str = ""
    classes: int = 10

    @property
    def pretrained(self) -> bool:
        """Whether its weights were trained; else they are drawn by seed, with statistics of real noise."""
        return self.name in ("ResNet-20", "SqueezeNet")


NETWORKS = {
    network.name: network
    for network in (
        Network("ResNet-20", 32, 200, "layer3"),
        Network("SqueezeNet", 224, 8, "fire9", classes=1000),
        Network("ResNet-18", 224, 8, "layer4", "resnet18"),
        Network("MobileNetV2", 224, 8, "features", "mobilenet_v2_100"),
        Network("ViT-B/32", 224, 8, "blocks.11.norm1", "vit_b_32_224"),
        Network("two convolutions, 24 px", 24, 1),
        Network("two convolutions, 48 px", 48, 1),
        Network("two convolutions, 64 px", 64, 1),
    )
}


class Exported:
    """A network's folder: what all sides share.

    Args:
        folder: of all networks.
        network: one of them.
    """

    def __init__(self, folder: Path, network: Network) -> None:
        self.network = network
        self.folder = folder / network.name.replace("/", "-").replace(" ", "_")

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """(N, 3, H, W)."""
        return self.array("images")

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,): the likeliest of each image."""
        return self.array("labels")

    @cached_property
    def maps(self) -> NDArray[np.float32]:
        """(N, 1, H, W): the gradients, the largest of the channels; what metrics score."""
        return self.array("maps")

    def array(self, name: str) -> NDArray:
        """One of the arrays."""
        return np.load(self.folder / f"{name}.npy")

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """By MindSpore's names of the parameters."""
        with np.load(self.folder / "weights.npz") as arrays:
            return {name: arrays[name] for name in arrays.files}

    def require_agreement(self, logits: NDArray[np.float32]) -> None:
        """Raises ValueError unless these are MindSpore's logits of the images."""
        expected = self.array("logits")
        difference = float(np.abs(logits - expected).max() / np.abs(expected).max())
        if not difference <= AGREEMENT:
            raise ValueError(f"the logits are {difference:.1e} of the largest off MindSpore's, not within {AGREEMENT}")
