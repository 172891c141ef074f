"""A script as a user of captum writes it: a network, one photograph, three methods, three pictures."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam, Occlusion, Saliency
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from benching.torch_networks import SqueezeNet11

given = Path(sys.argv[1])
image, label = torch.from_numpy(np.load(given / "images.npy")[:1]), int(np.load(given / "labels.npy")[0])
network = SqueezeNet11(1000)
with np.load(given / "weights.npz") as arrays:
    network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
network.eval()
activation = LayerGradCam(network, network.fire9).attribute(image, label).detach()
with torch.no_grad():
    occluded = Occlusion(network).attribute(image, (3, 32, 32), (3, 16, 16), target=label)
maps = {
    "gradient": Saliency(network).attribute(image.clone().requires_grad_(), label).amax(1),
    "grad_cam": LayerAttribution.interpolate(activation, (224, 224), "bilinear")[:, 0],
    "occlusion": occluded.mean(1),
}
with tempfile.TemporaryDirectory() as folder:
    for name, found in maps.items():
        saliency = found[0].numpy()
        grey = (255 * (saliency - saliency.min()) / (np.ptp(saliency) or 1)).astype(np.uint8)
        Image.fromarray(grey).save(Path(folder) / f"{name}.png")
