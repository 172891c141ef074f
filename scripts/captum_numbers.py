"""Makes tests/golden/captum_resnet20.npz: what captum and grad-cam say of the CIFAR ResNet-20, rebuilt in PyTorch.

tests/golden/test_captum.py holds our explainers to these numbers. They are made by hand, once: PyTorch is no part of
the project, and does not go into its environment. In the root of the repository, with the trial material present:

    python3 -m venv captum_venv
    captum_venv/bin/pip install torch captum grad-cam 'numpy<2' pillow
    PYTHONPATH=tests captum_venv/bin/python scripts/captum_numbers.py

All is computed in float64 and stored in float32, so the numbers carry no error of their own. N = 3 test images with
one target each; (H, W) = (32, 32), K = 10. The file holds results only, neither weights nor pictures:

    indices (N,)               the images: their places in trial.data.cifar10()
    targets (N,)               the label explained for each of them
    versions                   "package version", of everything that computed
    logits (N, K)
    gradient                   (N, 3, H, W), of the target's logit, the channels apart: captum.Saliency(abs=False),
    guided_backprop            GuidedBackprop and Deconvolution
    deconvolution
    input_x_gradient           (N, H, W): captum.InputXGradient, summed over the channels
    integrated_gradients/{steps}  (N, H, W): captum.IntegratedGradients (Gauss-Legendre, baseline 0), summed likewise
    convergence_delta/{steps}  (N,): their sum less the logit's rise from the baseline to the image
    grad_cam_raw/{layer}       (N, h, w): captum.LayerGradCam(relu_attributions=True)
    grad_cam/{layer}           (N, H, W): the same, resized by captum.LayerAttribution.interpolate("bilinear")
    hires_cam/{layer}          (N, H, W): grad-cam's HiResCAM, LayerCAM, GradCAMPlusPlus and ScoreCAM before its scaling
    layer_cam/{layer}          to [0, 1]: negatives cut off, then resized bilinearly (align_corners=False)
    grad_cam_plus_plus/{layer}
    score_cam/{layer}
    occlusion/{score}/{window} (N, H, W): captum.Occlusion, baseline 0, all channels hidden at once; {score} is "logit"
                               or "probability" (softmax), {window} is "HxW+stride down+stride right"

Two numbers of grad-cam are not as it would give them. Its GradCAMPlusPlus adds 1e-6 to a denominator that is as small
(the squared gradients); it is given the same layer in other units (activations / UNIT, gradients * UNIT: the same
weighted sum), where that is nothing. Its ScoreCAM resizes the masks with align_corners=True; here False, as all else.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_grad_cam
import torch
from captum.attr import (
    Deconvolution,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    Occlusion,
    Saliency,
)
from numpy.typing import NDArray
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from trial import data

Arrays = dict[str, NDArray[Any]]

OUTPUT = Path(__file__).resolve().parents[1] / "tests" / "golden" / "captum_resnet20.npz"
# Images that any float32 can follow: for them, and the 8 steps from the baseline to them, no input of a ReLU
# is so near to 0 that rounding could change its sign; and no probability is so near to 1 that its falls are lost.
INDICES = [53, 110, 146]
TARGETS = [6, 5, 7]  # said wrongly (probability 0.90), said rightly (0.99), right but not said (0.17)
LAYERS = ("layer2", "layer3")
WINDOWS = (((3, 3), (1, 1)), ((8, 8), (4, 4)), ((8, 4), (4, 2)))
STEPS = (8, 50)
UNIT = 1024.0
PACKAGES = ("torch", "captum", "grad-cam", "numpy")


def main() -> int:
    """Writes the file and says what is in it; exit status 2 without the trial material."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write (default: beside the tests)")
    options = parser.parse_args()
    if not data.has_shared():
        print(f"no trial material; set {data.SHARED_VARIABLE} to its folder")
        return 2
    arrays = numbers()
    np.savez_compressed(options.output, **arrays)
    for name, values in arrays.items():
        scale = "" if values.dtype.kind == "U" else f"largest {np.abs(values).max():.6g}"
        print(f"{name:<34}{values.shape!s:<18}{scale}")
    print(f"{options.output.name}: {options.output.stat().st_size} bytes")
    return 0


def numbers() -> Arrays:
    """All arrays of the file."""
    network = CifarResNet20()
    network.load_state_dict(state_of(data.weights("cifar_resnet20")))
    network.double().eval()
    images = torch.from_numpy(data.cifar10().images[INDICES]).double()
    targets = torch.tensor(TARGETS)
    arrays: dict[str, Tensor] = {"logits": network(images)}
    arrays |= gradients(network, images, targets)
    arrays |= class_activations(network, images, targets)
    arrays |= occlusions(network, images, targets)
    found: Arrays = {name: values.detach().numpy().astype(np.float32) for name, values in arrays.items()}
    found["indices"], found["targets"] = np.array(INDICES), np.array(TARGETS)
    found["versions"] = np.array([f"{package} {version(package)}" for package in PACKAGES])
    return found


def gradients(network: nn.Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """What captum makes of the gradient of the target's logit with respect to the image."""

    def leaf() -> Tensor:
        return images.clone().requires_grad_()

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU activations")
        guided = GuidedBackprop(network).attribute(leaf(), targets)
        deconvolved = Deconvolution(network).attribute(leaf(), targets)
    return {
        "gradient": Saliency(network).attribute(leaf(), targets, abs=False),
        "guided_backprop": guided,
        "deconvolution": deconvolved,
        "input_x_gradient": InputXGradient(network).attribute(leaf(), targets).sum(1),
    } | integrals(network, images, targets)


def integrals(network: nn.Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """The integrated gradients and what they miss, for each number of steps."""
    arrays = {}
    for steps in STEPS:
        attributions, delta = IntegratedGradients(network).attribute(
            images, 0.0, targets, n_steps=steps, method="gausslegendre", return_convergence_delta=True
        )
        arrays |= {f"integrated_gradients/{steps}": attributions.sum(1), f"convergence_delta/{steps}": delta}
    return arrays


def class_activations(network: CifarResNet20, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """The class activation maps of each layer."""
    arrays = {}
    for name in LAYERS:
        layer = getattr(network, name)
        raw = LayerGradCam(network, layer).attribute(images, targets, relu_attributions=True)
        arrays[f"grad_cam_raw/{name}"] = raw[:, 0]
        arrays[f"grad_cam/{name}"] = resized(raw)
        arrays[f"hires_cam/{name}"] = unscaled(pytorch_grad_cam.HiResCAM, network, layer, images, targets)
        arrays[f"layer_cam/{name}"] = unscaled(pytorch_grad_cam.LayerCAM, network, layer, images, targets)
        arrays[f"grad_cam_plus_plus/{name}"] = unscaled(
            pytorch_grad_cam.GradCAMPlusPlus, network, layer, images, targets, unit=UNIT
        )
        with corners_not_aligned():
            arrays[f"score_cam/{name}"] = unscaled(pytorch_grad_cam.ScoreCAM, network, layer, images, targets)
    return arrays


def unscaled(
    method: Callable[..., Any], network: nn.Module, layer: nn.Module, images: Tensor, targets: Tensor, unit: float = 1.0
) -> Tensor:
    """Maps (N, H, W) of a method of grad-cam before it scales each to [0, 1]; the layer is told in `unit`s."""
    logits = [ClassifierOutputTarget(int(target)) for target in targets]
    explainer = method(network, [layer])
    store = explainer.activations_and_grads
    outputs = store(images)
    sum(logit(output) for logit, output in zip(logits, outputs, strict=True)).backward()
    activations, gradients = store.activations[0].numpy() / unit, store.gradients[0].numpy() * unit
    store.release()
    maps = explainer.get_cam_image(images, layer, logits, activations, gradients, eigen_smooth=False)
    return resized(torch.from_numpy(maps)[:, None].relu())


@contextmanager
def corners_not_aligned() -> Iterator[None]:
    """ScoreCAM's masks are resized with align_corners=False."""
    aligned = nn.UpsamplingBilinear2d
    nn.UpsamplingBilinear2d = partial(nn.Upsample, mode="bilinear", align_corners=False)
    try:
        yield
    finally:
        nn.UpsamplingBilinear2d = aligned


def resized(maps: Tensor) -> Tensor:
    """Maps (N, 32, 32) of maps (N, 1, h, w); captum hands on to torch, whose align_corners is False by default."""
    return LayerAttribution.interpolate(maps, (32, 32), "bilinear")[:, 0]


def occlusions(network: nn.Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """The mean fall of the score over the windows that hide a pixel."""
    arrays = {}
    for score, function in {"logit": network, "probability": nn.Sequential(network, nn.Softmax(1))}.items():
        for window, stride in WINDOWS:
            with torch.no_grad():
                maps = Occlusion(function).attribute(
                    images, (3, *window), (3, *stride), baselines=0.0, target=targets, perturbations_per_eval=32
                )
            if not bool((maps == maps[:, :1]).all()):
                raise ValueError("every window hides all channels of a pixel, so they must share its value")
            arrays[f"occlusion/{score}/{window[0]}x{window[1]}+{stride[0]}+{stride[1]}"] = maps[:, 0]
    return arrays


class CifarResNet20(nn.Module):
    """Logits (N, 10) of images (N, 3, 32, 32); every ReLU is a module used once, as captum's ReLU rules need."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16)
        self.layer2 = _stage(16, 32)
        self.layer3 = _stage(32, 64)
        self.fc = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        """The logits."""
        features = self.relu(self.bn1(self.conv1(images)))
        return self.fc(self.layer3(self.layer2(self.layer1(features))).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.widens = channels != in_channels
        self.margin = (channels - in_channels) // 2
        self.conv1 = nn.Conv2d(in_channels, channels, 3, 2 if self.widens else 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        changed = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(features)))))
        return self.relu2(changed + self.shortcut(features))

    def shortcut(self, features: Tensor) -> Tensor:
        """The features, or every second pixel of them with `margin` channels of zeros before and after."""
        if not self.widens:
            return features
        return nn.functional.pad(features[:, :, ::2, ::2], (0, 0, 0, 0, self.margin, self.margin))


def _stage(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(_Block(in_channels, channels), _Block(channels, channels), _Block(channels, channels))


NAMES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def state_of(arrays: Arrays) -> dict[str, Tensor]:
    """PyTorch's names for the arrays, and the counters of its batch normalisations, which count nothing here."""
    state = {}
    for name, values in arrays.items():
        module, _, parameter = name.rpartition(".")
        state[f"{module}.{NAMES.get(parameter, parameter)}"] = torch.from_numpy(values)
        if parameter == "gamma":
            state[f"{module}.num_batches_tracked"] = torch.tensor(0)
    return state


if __name__ == "__main__":
    sys.exit(main())
