"""The pictures of docs/methods: every method's maps of two canvases of the demo and of two photographs.

    python scripts/method_pictures.py --weights squeezenet11.npz

The canvases are explained by the demo's trained network, the photographs by SqueezeNet 1.1. FILE of --weights has that
network's arrays as NumPy's `savez` writes them, under the names of `tests/trial/networks.py`; those of torchvision's
`squeezenet1_1` were taken. Neither network is kept in the repository. The photographs are the sample images of
scikit-learn (CC BY 2.0), cut to a square.

Each picture has the images above and, below, the map over the image in grey, of the true label for a canvas and of the
likeliest for a photograph. Maps without a sign go from dark (the smallest value) to light. Signed ones are red where a
place speaks for the label, blue where it speaks against it, white at 0, with light and dark of a canvas exchanged. Each
map has a scale of its own, which ends at its 99.5th percentile and stands below it.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from digits_demo import (
    LABELS,
    MEAN,
    ROOT,
    STD,
    TEST_CANVASES,
    TEST_SEED,
    draw_canvases,
    prepare_network,
    split_digits,
)
from mindspore import nn
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

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
from explainer.network.of import classifier_of
from explainer.report.drawing import drawn
from explainer.report.grid import MUTED, Bar, Cell, Line, Page, Row
from explainer.report.overlays import limits_of

sys.path.insert(0, str(ROOT / "tests"))
from trial.networks import SqueezeNet11

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

CANVASES = (11, 32)
"""Test canvases that the network reads rightly: a quiet one and one with strokes across the digit."""

PHOTOS = ("china.jpg", "flower.jpg")
PHOTO_SIDE = 224
PHOTO_MEAN, PHOTO_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PHOTO_LABELS = {663: "monastery", 599: "honeycomb"}
"""What the network takes the photographs for."""

BLACK = tuple(-mean / std for mean, std in zip(MEAN, STD, strict=True))
"""Black paper, in the unit of the network's input."""
GREY = 0.0
"""The mean colour, in that unit: what hides a part of a photograph."""

HIGHEST = 99.5  # percentile: one bright pixel should not darken the rest
MAP_SHARE = 0.7  # of a map over its image
REGIONS = "hierarchical-occlusion"
CELL, SMALL_CELL = 1.6, 1.1  # inches; the small one is the overview's, which shares a screen with text
DPI = 120  # a pixel of a canvas is 3 x 3 of a large cell
QUALITY = 75  # of the WebP file


@dataclass(frozen=True)
class Shown:
    """A network, and what it is explained on.

    Attributes:
        network: images -> logits.
        images: (N, 3, H, W), normalised.
        pictures: (N, H, W, 3), as they are shown.
        labels: (N,), the class that is explained.
        names: of these classes.
        layer: what the methods of one layer read.
        fill: what hides a part of an image.
        inverted: whether light and dark are exchanged below a map with a sign.
        win_sizes, strides: of the search for regions.
        mask: what hides an image in that search.
    """

    network: nn.Cell
    images: Floats
    pictures: Pixels
    labels: NDArray[np.int32]
    names: tuple[str, ...]
    layer: str
    fill: float | tuple[float, ...]
    inverted: bool
    win_sizes: list[int]
    strides: list[int]
    mask: str


@dataclass(frozen=True)
class Look:
    """How the maps of a method are painted.

    Attributes:
        name: of the method.
        method: makes it for what is shown.
        palette: of `overlay`.
        share: of the map over its image; None for half, over the image in colours.
    """

    name: str
    method: Callable[[Shown], Attribution]
    palette: str = "magma"
    share: float | None = MAP_SHARE


def signed(name: str, method: Callable[[Shown], Attribution]) -> Look:
    """White at 0, red above, blue below, both as far as the highest absolute value."""
    return Look(name, method, "blue_red")


METHODS: Mapping[str, Look] = {
    "gradient": Look("Gradient", lambda shown: Gradient(shown.network)),
    "deconvolution": Look("Deconvolution", lambda shown: Deconvolution(shown.network)),
    "guided-backprop": Look("GuidedBackprop", lambda shown: GuidedBackprop(shown.network)),
    "gradcam": Look("GradCAM", lambda shown: GradCAM(shown.network, layer=shown.layer)),
    "hirescam": Look("HiResCAM", lambda shown: HiResCAM(shown.network, layer=shown.layer)),
    "gradcam-plus-plus": Look("GradCAMPlusPlus", lambda shown: GradCAMPlusPlus(shown.network, layer=shown.layer)),
    "layercam": Look("LayerCAM", lambda shown: LayerCAM(shown.network, layer=shown.layer)),
    "scorecam": Look("ScoreCAM", lambda shown: ScoreCAM(shown.network, layer=shown.layer, fill=shown.fill)),
    "occlusion": Look("Occlusion", lambda shown: occlusion(shown)),
    "occlusion-overlay": Look("Occlusion", lambda shown: occlusion_of_a_fifth(shown), "viridis", None),
    "rise": Look("RISE", lambda shown: RISE(shown.network, nn.Softmax(), masks=2000, grid=8, fill=shown.fill)),
    "smoothgrad": Look("SmoothGrad", lambda shown: SmoothGrad(shown.network)),
    "input-x-gradient": signed("InputXGradient", lambda shown: InputXGradient(shown.network)),
    "integrated-gradients": signed(
        "IntegratedGradients", lambda shown: IntegratedGradients(shown.network, baseline=shown.fill)
    ),
    "lime": signed("LIME", lambda shown: LIME(shown.network, nn.Softmax(), fill=shown.fill)),
    "kernel-shap": signed("KernelSHAP", lambda shown: KernelSHAP(shown.network, nn.Softmax(), fill=shown.fill)),
}
"""For each page what it shows."""


OVERVIEW = "overview"
"""The picture of README and of the first page."""
PAGES = {**{page: (page,) for page in METHODS}, OVERVIEW: ("gradient", "gradcam", "occlusion")}
"""For each picture the methods in it."""


def occlusion(shown: Shown) -> Occlusion:
    """Windows of an eighth of the side at every sixteenth."""
    side = shown.images.shape[-1]
    return Occlusion(shown.network, nn.Softmax(), window=side // 8, stride=side // 16, fill=shown.fill)


def occlusion_of_a_fifth(shown: Shown) -> Occlusion:
    """Windows of a fifth of the side, as in MATLAB's example."""
    return Occlusion(
        shown.network, nn.Softmax(), window="auto", edges="clip", fill=shown.fill, aggregate="bicubic", signed=True
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, after every picture has been written."""
    options = parse_arguments(arguments)
    shown = [canvases(options.cache_dir), photographs(options.weights)]
    options.pictures_dir.mkdir(parents=True, exist_ok=True)
    for page in options.only:
        made = regions_page(shown) if page == REGIONS else maps_page(shown, [METHODS[name] for name in PAGES[page]])
        path = options.pictures_dir / f"{page}.webp"
        save(made, path, SMALL_CELL if page == OVERVIEW else CELL)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line: weights, pictures_dir, cache_dir, only."""
    pages = [*PAGES, REGIONS]
    pictures = ROOT / "docs" / "methods" / "pictures"
    parser = argparse.ArgumentParser(description="Make the pictures of docs/methods.")
    parser.add_argument("--weights", type=Path, required=True, metavar="FILE", help="SqueezeNet 1.1's arrays, .npz")
    parser.add_argument("--pictures-dir", type=Path, default=pictures, help="where the pictures are written")
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".cache", help="where the demo's network is kept")
    parser.add_argument("--only", nargs="+", choices=pages, default=pages, help="the pages whose pictures are made")
    return parser.parse_args(arguments)


# ------------------------------------------------- what is shown


def canvases(cache_dir: Path) -> Shown:
    """Two canvases of the demo, and its network."""
    training_digits, test_digits = split_digits()
    test = draw_canvases(test_digits, range(TEST_CANVASES), TEST_SEED)
    network = prepare_network(training_digits, test, cache_dir / "digit_net.ckpt", retrain=False)
    images, labels = test.images[list(CANVASES)], test.labels[list(CANVASES)]
    pictures = np.rint((images.transpose(0, 2, 3, 1) * STD + MEAN).clip(0, 1) * 255).astype(np.uint8)
    names = tuple(LABELS[label] for label in labels)
    return Shown(network, images, pictures, labels, names, "auto", BLACK, True, [32, 16, 8], [6, 3, 2], "gaussian:6")


def photographs(weights: Path) -> Shown:
    """Two photographs, cut to the square in their middle, and SqueezeNet 1.1."""
    with np.load(weights) as arrays:
        network = SqueezeNet11(dict(arrays))
    pictures = np.stack([photograph(name) for name in PHOTOS])
    normalised = (pictures / 255 - PHOTO_MEAN) / PHOTO_STD
    images = normalised.transpose(0, 3, 1, 2).astype(np.float32)
    labels = classifier_of(network).logits(images).argmax(axis=1).astype(np.int32)
    names = tuple(PHOTO_LABELS[int(label)] for label in labels)
    return Shown(
        network, images, pictures, labels, names, "fire9", GREY, False, [112, 56, 28], [22, 11, 5], "gaussian:9"
    )


def photograph(name: str) -> Pixels:
    """A sample image of scikit-learn, its shorter side 256 pixels, cut to the 224 x 224 in its middle."""
    image = Image.fromarray(load_sample_image(name))
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - PHOTO_SIDE) // 2, (image.height - PHOTO_SIDE) // 2
    return np.asarray(image.crop((left, top, left + PHOTO_SIDE, top + PHOTO_SIDE)))


# ------------------------------------------------- pages of pictures


def maps_page(shown: Sequence[Shown], looks: Sequence[Look]) -> Page:
    """The images, and below each its maps by one method or several."""
    rows = [images_row(shown), *[maps_row(shown, look) for look in looks]]
    end = f"{HIGHEST:g}th percentile"
    ticks = {"blue_red": (f"−{end}: against", "0", f"+{end}: for")}
    palettes = dict.fromkeys(look.palette for look in looks)
    bars = tuple(Bar(palette, ticks.get(palette, ("lowest value", "", end))) for palette in palettes)
    return Page(heads(shown), tuple(rows), bars, "Each map has a scale of its own, whose ends stand below it.")


def maps_row(shown: Sequence[Shown], look: Look) -> Row:
    """The maps of a method."""
    cells: list[Cell] = []
    for part in shown:
        maps = look.method(part)(part.images, part.labels)[:, 0]
        pairs = zip(part.pictures, maps, strict=True)
        cells += [painted(picture, saliency, look, part.inverted) for picture, saliency in pairs]
        print(look.name, *[f"{name}: {low:.3g} to {high:.3g}" for name, low, high in extremes(part.names, maps)])
    return Row((Line(look.name, bold=True),), tuple(cells))


def extremes(names: Sequence[str], maps: Floats) -> list[tuple[str, float, float]]:
    """For each image the smallest and the largest value of its map."""
    return [(name, float(saliency.min()), float(saliency.max())) for name, saliency in zip(names, maps, strict=True)]


def regions_page(shown: Sequence[Shown]) -> Page:
    """The images, and below, layer by layer, the regions that are enough for their labels."""
    columns = [column for part in shown for column in regions(part)]
    deepest = max(map(len, columns))
    rows = [
        Row(
            (Line("enough", bold=True), Line(f"layer {layer + 1}", colour=MUTED)),
            tuple(column[min(layer, len(column) - 1)] for column in columns),
        )
        for layer in range(deepest)
    ]
    return Page(heads(shown), (images_row(shown), *rows), (), "")


def regions(part: Shown) -> list[list[Cell]]:
    """For each image its pictures with all but the regions darkened."""
    search = HierarchicalOcclusion(part.network, nn.Softmax(), part.win_sizes, part.strides)
    columns = []
    for image, picture, label in zip(part.images, part.pictures, part.labels, strict=True):
        root, _ = search.search(image, int(label), part.mask)
        layers = [root.get_layer_or_leaf_steps(layer) for layer in range(root.max_layer + 1)]
        boxes = [[step.box for step in steps] for steps in layers]
        columns.append([Cell(spotlight(picture, found), counted(found)) for found in boxes])
    return columns


def counted(boxes: Sequence[object]) -> str:
    """How many boxes there are."""
    return f"{len(boxes)} box{'es' * (len(boxes) > 1)}"


def heads(shown: Sequence[Shown]) -> tuple[str, ...]:
    """What is explained in each column, and how probable the network finds it."""
    return tuple(head for part in shown for head in _heads(part))


def _heads(part: Shown) -> list[str]:
    probabilities = classifier_of(part.network, nn.Softmax()).probabilities(part.images)
    named = zip(part.names, probabilities, part.labels, strict=True)
    return [f"{name} {row[label]:.2f}" for name, row, label in named]


def images_row(shown: Sequence[Shown]) -> Row:
    """The images as they are."""
    return Row((Line("image", bold=True),), tuple(Cell(picture) for part in shown for picture in part.pictures))


def painted(picture: Pixels, saliency: Floats, look: Look, inverted: bool) -> Cell:
    """The map over the image, and the ends of its scale."""
    below = 255 - picture if inverted and look.palette == "blue_red" else picture
    limits = limits_of(saliency, look.palette, HIGHEST)
    share = 0.5 if look.share is None else look.share
    pixels = overlay(below, saliency, alpha=share, palette=look.palette, limits=limits, grey=look.share is not None)
    low, high = limits
    return Cell(
        pixels,
        f"±{shown_number(high)}" if look.palette == "blue_red" else f"{shown_number(low, high)} … {shown_number(high)}",
    )


def shown_number(value: float, beside: float = 0.0) -> str:
    """Two digits; 0 where nothing is left of it beside a larger one."""
    if abs(value) < 0.005 * abs(beside):
        return "0"
    return f"{value:.2g}".replace("-", "−") if abs(value) < 100 else f"{value:.0f}"


def save(page: Page, path: Path, cell: float) -> None:
    """Draws the page into a WebP file, with a third of the bytes of a PNG."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "page.png"
        drawn(page, cell=cell).save(whole, dpi=DPI)
        with Image.open(whole) as image:
            image.convert("RGB").save(path, quality=QUALITY, method=6)


if __name__ == "__main__":
    raise SystemExit(main())
