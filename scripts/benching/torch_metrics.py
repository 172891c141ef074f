"""The metrics of Quantus, captum and pytorch-grad-cam, on the maps that all sides are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import captum.attr
import captum.metrics
import numpy as np
import torch
from torch import Tensor

from benching.networks import Exported
from benching.rows import Row
from benching.torch_peer import Asked, Call, grad_cam

QUIET = {"disable_warnings": True}


def deletion(steps: int, size: int) -> Any:
    """Quantus's curve of deletion with so many steps, and its area."""
    import quantus

    return quantus.PixelFlipping(features_in_step=size * size // steps, return_auc_per_sample=True, **QUIET)


def _deletion(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    size = exported.network.size
    return _scored(deletion(row.settings.get("steps", size), size), asked, exported)


def _quantus(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    import quantus

    metric = getattr(quantus, row.task)(**QUIET)
    masks = None
    if row.task == "PointingGame":
        masks = np.zeros((row.images, 1, 32, 32))
        masks[..., 8:16, 10:] = 1
    return _scored(metric, asked, exported, s_batch=masks)


def _random_logit(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    import quantus

    return _scored(quantus.RandomLogit(num_classes=10, **QUIET), asked, exported, explain_func=_explained)


def _explained(model: torch.nn.Module, inputs: Any, targets: Any, **_: Any) -> np.ndarray:
    images = torch.as_tensor(inputs, dtype=torch.float32)
    maps = captum.attr.Saliency(model).attribute(images.requires_grad_(), target=torch.as_tensor(targets))
    return maps.amax(1, keepdim=True).numpy()


def _scored(metric: Any, asked: Asked, exported: Exported, **given: Any) -> Call:
    network, images, labels = asked
    batches = {"x_batch": images.numpy(), "y_batch": labels.numpy(), "a_batch": exported.maps[: len(images)].copy()}
    return partial(metric, model=network, device="cpu", **batches, **given)


def _infidelity(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    maps = torch.from_numpy(exported.maps[: len(images)]).expand_as(images).contiguous()

    def perturbed(shown: Tensor) -> tuple[Tensor, Tensor]:
        hidden = (torch.rand_like(shown[:, :1]) < 0.5) * shown
        return hidden, shown - hidden

    given = {"target": labels, "n_perturb_samples": 100, "normalize": True}
    return partial(captum.metrics.infidelity, network, perturbed, images, maps, **given)


def _max_sensitivity(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    return partial(captum.metrics.sensitivity_max, captum.attr.Saliency(network).attribute, images, target=labels)


def _road(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    network, images, labels = asked
    grad_cam()
    from pytorch_grad_cam.metrics.road import ROADCombined
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

    targets = [ClassifierOutputSoftmaxTarget(int(label)) for label in labels]
    return partial(ROADCombined(), images, exported.maps[: len(images), 0], targets, network)


METRICS: Mapping[str, Callable[[Asked, Row, Exported, str], Call]] = {
    "DeletionAUC": _deletion,
    "Infidelity": _infidelity,
    "MaxSensitivity": _max_sensitivity,
    "ROAD": _road,
    "RandomLogit": _random_logit,
    "PointingGame": _quantus,
    "Sparseness": _quantus,
}
