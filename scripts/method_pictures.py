"""The pictures of docs/methods: every method's maps of four test canvases of the demo, by the demo's trained network.

    python scripts/method_pictures.py

Each picture has the canvases above and, below, the true label's map over the canvas in grey. Maps without a sign go
from dark (the smallest value) to light. Signed ones, over the canvas with light and dark exchanged, are red where a
place speaks for the label, blue where it speaks against it, white at 0. Each map has a scale of its own, which ends at
its 99.5th percentile.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from digits_demo import (
    MEAN,
    ROOT,
    STD,
    TEST_CANVASES,
    TEST_SEED,
    DigitNet,
    draw_canvases,
    prepare_network,
    split_digits,
)
from mindspore import nn
from numpy.typing import NDArray
from PIL import Image

from explainer import overlay, spotlight
from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import (
    LIME,
    RISE,
    Attribution,
    Deconvolution,
    GradCAM,
    GradCAMPlusPlus,
    Gradient,
    GuidedBackprop,
    HiResCAM,
    InputXGradient,
    IntegratedGradients,
    KernelSHAP,
    LayerCAM,
    Occlusion,
    ScoreCAM,
    SmoothGrad,
)

Floats = NDArray[np.float32]
Colours = NDArray[np.float64]
"""(H, W, 3) in [0, 1]."""
Painter = Callable[[Floats, Floats], Colours]
"""A map (H, W) and the canvas in grey (H, W, 1) -> the map over the canvas."""

CANVASES = (11, 13, 33, 32)
"""Test canvases that the network reads rightly: three quiet ones and one with strokes across the digit."""

BLACK = tuple(-mean / std for mean, std in zip(MEAN, STD, strict=True))
"""Black paper, in the unit of the network's input."""

HIGHEST = 99.5  # percentile: one bright pixel should not darken the rest
REGIONS = "hierarchical-occlusion"
GREY_SHARE = 0.3
ENLARGED = 2
GAP = 4
TONES = 32  # steps of each colour: half the bytes, and no palette that would swallow rare colours


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, after every picture has been written."""
    options = parse_arguments(arguments)
    training_digits, test_digits = split_digits()
    test_canvases = draw_canvases(test_digits, range(TEST_CANVASES), TEST_SEED)
    network = prepare_network(training_digits, test_canvases, options.cache_dir / "digit_net.ckpt", retrain=False)
    shown = list(CANVASES)
    images, labels = test_canvases.images[shown], test_canvases.labels[shown]
    options.pictures_dir.mkdir(parents=True, exist_ok=True)
    for page, (explainer, painter) in methods(network).items():
        if page not in options.only:
            continue
        maps = explainer(images, labels)[:, 0]
        path = options.pictures_dir / f"{page}.png"
        picture(images, maps, painter).save(path, optimize=True)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB, maps from {maps.min():.3g} to {maps.max():.3g}")
    if REGIONS in options.only:
        regions_picture(network, images, labels).save(options.pictures_dir / f"{REGIONS}.png", optimize=True)
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line: pictures_dir, cache_dir, only."""
    pages = [*methods(DigitNet()), REGIONS]
    parser = argparse.ArgumentParser(description="Make the pictures of docs/methods from the demo's network.")
    parser.add_argument(
        "--pictures-dir",
        type=Path,
        default=ROOT / "docs" / "methods" / "pictures",
        help="where the pictures are written",
    )
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".cache", help="where the trained network is kept")
    parser.add_argument("--only", nargs="+", choices=pages, default=pages, help="the pages whose pictures are made")
    return parser.parse_args(arguments)


def methods(network: DigitNet) -> dict[str, tuple[Attribution, Painter]]:
    """For each page the method that it shows, and how its maps are painted."""
    softmax = nn.Softmax()
    return {
        "gradient": (Gradient(network), unsigned),
        "deconvolution": (Deconvolution(network), unsigned),
        "guided-backprop": (GuidedBackprop(network), unsigned),
        "gradcam": (GradCAM(network, layer="auto"), unsigned),
        "occlusion": (Occlusion(network, softmax, window=8, stride=4, fill=BLACK), unsigned),
        "occlusion-overlay": (
            Occlusion(network, softmax, window="auto", edges="clip", fill=BLACK, aggregate="bicubic", signed=True),
            laid_over,
        ),
        "rise": (RISE(network, softmax, masks=1000, grid=8, fill=BLACK), unsigned),
        "integrated-gradients": (IntegratedGradients(network, baseline=BLACK), around_zero),
        "smoothgrad": (SmoothGrad(network), unsigned),
        "input-x-gradient": (InputXGradient(network), around_zero),
        "hirescam": (HiResCAM(network), unsigned),
        "gradcam-plus-plus": (GradCAMPlusPlus(network), unsigned),
        "layercam": (LayerCAM(network), unsigned),
        "scorecam": (ScoreCAM(network, fill=BLACK), unsigned),
        "lime": (LIME(network, softmax, fill=BLACK), around_zero),
        "kernel-shap": (KernelSHAP(network, softmax, fill=BLACK), around_zero),
    }


def picture(images: Floats, maps: Floats, painter: Painter) -> Image.Image:
    """The canvases (N, 3, H, W) in a row, and below each its map (N, H, W) over the canvas in grey."""
    photos = (images.transpose(0, 2, 3, 1) * np.float32(STD) + np.float32(MEAN)).clip(0, 1)
    greys = photos.mean(axis=3, keepdims=True)
    painted = [painter(saliency, grey) for saliency, grey in zip(maps, greys, strict=True)]
    strip = np.concatenate([row_of(list(photos)), row_of(painted)])
    steps = np.rint(strip * TONES) / TONES
    return Image.fromarray(np.rint(steps * 255).astype(np.uint8))


def regions_picture(network: DigitNet, images: Floats, labels: NDArray[np.int32]) -> Image.Image:
    """The canvases in a row, and below, layer by layer, the regions that are enough for their labels."""
    search = HierarchicalOcclusion(network, nn.Softmax(), [32, 16, 8], [6, 3, 2])
    photos = [(image.transpose(1, 2, 0) * STD + MEAN).clip(0, 1) for image in images]
    trees = [search.search(image, int(label), "gaussian:6").root for image, label in zip(images, labels, strict=True)]
    layers = range(max(tree.max_layer for tree in trees) + 1)
    rows = [
        [
            spotlight(np.rint(photo * 255).astype(np.uint8), [step.box for step in tree.get_layer_or_leaf_steps(layer)])
            / 255
            for photo, tree in zip(photos, trees, strict=True)
        ]
        for layer in layers
    ]
    strip = np.concatenate([row_of(photos), *map(row_of, rows)])
    return Image.fromarray(np.rint(np.rint(strip * TONES) / TONES * 255).astype(np.uint8))


def row_of(tiles: Sequence[NDArray[np.floating]]) -> Colours:
    """The tiles (H, W, 3) side by side, enlarged, with white gaps."""
    enlarged = [tile.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1) for tile in tiles]
    edge = GAP // 2
    framed = [np.pad(tile, ((edge, edge), (edge, edge), (0, 0)), constant_values=1) for tile in enlarged]
    return np.concatenate(framed, axis=1).astype(np.float64)


def unsigned(saliency: Floats, grey: Floats) -> Colours:
    """Dark at the smallest value, light at the highest."""
    return overlay(pixels(grey), saliency, alpha=1 - GREY_SHARE, palette="magma", percentile=HIGHEST) / 255


def around_zero(saliency: Floats, grey: Floats) -> Colours:
    """White at 0, red above, blue below, both as far as the highest absolute value; light and dark exchanged below."""
    return overlay(pixels(1 - grey), saliency, alpha=1 - GREY_SHARE, palette="blue_red", percentile=HIGHEST) / 255


def pixels(grey: Floats) -> NDArray[np.uint8]:
    """The canvas in [0, 1] as it is; other than uint8, `overlay` would stretch it."""
    return np.rint(grey * 255).astype(np.uint8)


def laid_over(saliency: Floats, grey: Floats) -> Colours:
    """The picture that `overlay` makes: half the map in viridis, half the canvas."""
    return overlay(grey, saliency, palette="viridis") / 255


if __name__ == "__main__":
    raise SystemExit(main())
