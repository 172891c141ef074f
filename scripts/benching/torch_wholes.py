"""What somebody writes by hand who has captum, Quantus and Pillow, where we have a runner and its writer."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import captum.attr
import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benching.networks import BATCH, Exported
from benching.rows import Row
from benching.torch_metrics import QUIET, deletion
from benching.torch_peer import Asked, Call, layer_of

_MEAN, _STD = (np.array(values, np.float32) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def _runner(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    """Predictions, maps of three methods for true and predicted labels, two scores of each, and pictures."""
    import quantus

    network, images, _ = asked
    truth = exported.array("truth")
    methods = _methods(network, exported)
    metrics = [deletion(32, 32), quantus.Sparseness(**QUIET)]

    def run() -> None:
        with torch.no_grad():
            probable = network(images).softmax(1).numpy() > 0.5
        probable[np.arange(len(images)), truth[: len(images)]] = True
        indices, labels = np.nonzero(probable)
        with tempfile.TemporaryDirectory() as folder:
            _save_originals(Path(folder), images.numpy())
            for name, method in methods.items():
                maps = np.concatenate(
                    [
                        method(images[indices[part]], torch.from_numpy(labels[part]))
                        for part in (slice(start, start + BATCH) for start in range(0, len(indices), BATCH))
                    ]
                )
                _save_maps(Path(folder), name, maps)
                given = {"x_batch": images.numpy()[indices], "y_batch": labels, "a_batch": maps[:, None]}
                for metric in metrics:
                    metric(model=network, device="cpu", **given)

    return run


def _methods(network: torch.nn.Module, exported: Exported) -> dict[str, Callable[..., NDArray[np.float32]]]:
    saliency, occlusion = captum.attr.Saliency(network), captum.attr.Occlusion(network)
    grad_cam = captum.attr.LayerGradCam(network, layer_of(network, exported))
    resized = captum.attr.LayerAttribution.interpolate

    def activation(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return resized(grad_cam.attribute(images, labels), tuple(images.shape[2:]), "bilinear")

    def occluded(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return occlusion.attribute(images, (3, 8, 8), (3, 4, 4), target=labels)

    def gradient(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return saliency.attribute(images.clone().requires_grad_(), target=labels)

    def as_maps(method: Callable[..., torch.Tensor]) -> Callable[..., NDArray[np.float32]]:
        return lambda images, labels: method(images, labels).detach().amax(1).numpy()

    return {"Gradient": as_maps(gradient), "GradCAM": as_maps(activation), "Occlusion": as_maps(occluded)}


def _writer(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    images, maps = exported.images[: row.images], exported.maps[: row.images, 0]

    def write() -> None:
        with tempfile.TemporaryDirectory() as folder:
            _save_originals(Path(folder), images)
            for name in ("one", "two", "three"):
                _save_maps(Path(folder), name, maps)

    return write


def _save_originals(folder: Path, images: NDArray[np.float32]) -> None:
    pixels = np.clip((images.transpose(0, 2, 3, 1) * _STD + _MEAN) * 255, 0, 255).astype(np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number}.png")


def _save_maps(folder: Path, name: str, maps: NDArray[np.float32]) -> None:
    colours = matplotlib.colormaps["jet"]
    for number, one in enumerate(maps):
        scaled = (one - one.min()) / (np.ptp(one) or 1)
        Image.fromarray((colours(scaled)[..., :3] * 255).astype(np.uint8)).save(folder / f"{name}_{number}.png")


def _first_picture(asked: Asked, row: Row, exported: Exported, column: str) -> Call:
    """A whole script, from the start of Python to its end."""
    script = Path(__file__).with_name("first_picture_captum.py")
    return partial(subprocess.run, [sys.executable, script, exported.folder], check=True, capture_output=True)


WHOLES: Mapping[str, Callable[[Asked, Row, Exported, str], Call]] = {
    "runner": _runner,
    "writer": _writer,
    "first picture": _first_picture,
}
