"""The peers on PyTorch: captum and pytorch-grad-cam, called as they are by default, on the same network and images.

A row has up to three columns: as it is; with network and images in memory format channels_last; and with batches of
`BATCH` perturbations where captum takes one at a time unless it is told otherwise.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import captum.attr
import torch
from torch import Tensor, nn

from benching.networks import BATCH, Exported
from benching.rows import PEER, PEER_BATCHED, PEER_LAST, Row, Work
from benching.torch_networks import rebuilt

Call = Callable[[], object]
Asked = tuple[nn.Module, Tensor, Tensor]
"""The network, the images and their labels."""

warnings.filterwarnings("ignore")


def works(row: Row, exported: Exported) -> dict[str, Work]:
    """The call with each way to lay out memory and to batch."""
    from benching import torch_metrics, torch_wholes

    maker = {**_EXPLAINERS, **torch_metrics.METRICS, **torch_wholes.WHOLES}[row.task]
    columns = [PEER]
    if row.task not in torch_wholes.WHOLES and not row.name.startswith(("PointingGame", "Sparseness")):
        columns.append(PEER_LAST)
    if row.task in _ONE_AT_A_TIME:
        columns.append(PEER_BATCHED)
    return {column: Work(maker(_asked(row, exported, column), row, exported, column)) for column in columns}


def _asked(row: Row, exported: Exported, column: str) -> Asked:
    network = rebuilt(exported)
    images = torch.from_numpy(exported.images[: row.images].copy())
    if column == PEER_LAST:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    return network, images, torch.from_numpy(exported.labels[: row.images].copy())


def grad_cam() -> ModuleType:
    """pytorch-grad-cam. It imports a few functions of torchvision that no method here calls; torchvision stays out."""
    for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional"):
        sys.modules.setdefault(name, MagicMock(__path__=[]))
    import pytorch_grad_cam

    return pytorch_grad_cam


def layer_of(network: nn.Module, exported: Exported) -> nn.Module:
    """The layer of the class activation maps."""
    return network.get_submodule(exported.network.layer)


def _forward(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, _ = asked

    def forward() -> None:
        with torch.no_grad():
            network(images)

    return forward


def _by_gradient(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    method = getattr(captum.attr, {"Gradient": "Saliency"}.get(row.task, row.task))(network)
    return lambda: method.attribute(images.clone().requires_grad_(), target=labels)


def _integrated(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    return partial(
        captum.attr.IntegratedGradients(network).attribute, images, target=labels, n_steps=row.settings["steps"]
    )


def _smoothed(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    method = captum.attr.NoiseTunnel(captum.attr.Saliency(network))
    return partial(method.attribute, images, target=labels, nt_samples=row.settings["samples"], stdevs=0.15)


def _layer_grad_cam(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    if row.peer != "captum":
        return _activation_map(asked, row, exported, column)
    network, images, labels = asked
    method = captum.attr.LayerGradCam(network, layer_of(network, exported))
    size = tuple(images.shape[2:])
    return lambda: captum.attr.LayerAttribution.interpolate(method.attribute(images, labels), size, "bilinear")


def _activation_map(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    library = grad_cam()
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    tokens = _as_picture if exported.network.name.startswith("ViT") else None
    method = getattr(library, row.task)(network, [layer_of(network, exported)], tokens)
    return partial(method, images, [ClassifierOutputTarget(int(label)) for label in labels])


def _as_picture(tokens: Tensor) -> Tensor:
    """(N, C, 7, 7) of the tokens (N, 50, C), without that of the class."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, (7, 7))


def _occlusion(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    window, stride = row.settings["window"], row.settings["stride"]
    given = {"target": labels, "sliding_window_shapes": (3, window, window), "strides": (3, stride, stride)}
    return partial(_without_gradient, captum.attr.Occlusion(network).attribute, images, **given, **_batched(column))


def _surrogate(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    method = {"LIME": captum.attr.Lime, "KernelSHAP": captum.attr.KernelShap}[row.task](network)
    size = images.shape[2]
    cells = torch.arange(size) * 7 // size
    mask = (cells[:, None] * 7 + cells)[None, None]  # the grid of 7 x 7 that is ours by default
    given = {"target": labels, "feature_mask": mask, "n_samples": row.settings["samples"]}
    return partial(_without_gradient, method.attribute, images, **given, **_batched(column))


def _batched(column: str) -> dict[str, Any]:
    return {"perturbations_per_eval": BATCH} if column == PEER_BATCHED else {}


def _without_gradient(attribute: Callable[..., Tensor], *given: Any, **settings: Any) -> Tensor:
    with torch.no_grad():
        return attribute(*given, **settings)


_ONE_AT_A_TIME = ("Occlusion", "LIME", "KernelSHAP")
_EXPLAINERS: Mapping[str, Callable[[Asked, Row, Exported, str], Call]] = {
    "forward": _forward,
    "Gradient": _by_gradient,
    "GuidedBackprop": _by_gradient,
    "Deconvolution": _by_gradient,
    "InputXGradient": _by_gradient,
    "IntegratedGradients": _integrated,
    "SmoothGrad": _smoothed,
    "GradCAM": _layer_grad_cam,
    "GradCAMPlusPlus": _activation_map,
    "LayerCAM": _activation_map,
    "ScoreCAM": _activation_map,
    "Occlusion": _occlusion,
    "LIME": _surrogate,
    "KernelSHAP": _surrogate,
}
