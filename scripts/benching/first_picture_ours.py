"""A script as a user of ours writes it: a network, one photograph, three methods, three pictures."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from mindspore import nn
from PIL import Image
from trial.networks import SqueezeNet11

from explainer.explanation import GradCAM, Gradient, Occlusion

given = Path(sys.argv[1])
image = np.load(given / "images.npy")[:1]
network, softmax = SqueezeNet11(), nn.Softmax()
methods = {
    "gradient": Gradient(network),
    "grad_cam": GradCAM(network, "fire9"),
    "occlusion": Occlusion(network, softmax, window=32, stride=16),
}
with tempfile.TemporaryDirectory() as folder:
    for name, method in methods.items():
        saliency = method(image, int(np.load(given / "labels.npy")[0]))[0, 0]
        grey = (255 * (saliency - saliency.min()) / (np.ptp(saliency) or 1)).astype(np.uint8)
        Image.fromarray(grey).save(Path(folder) / f"{name}.png")
