"""Makes tests/golden/xplique_occlusion.npz: the maps of Xplique's Occlusion, of small networks rebuilt in TensorFlow.

tests/golden/test_xplique.py holds our Occlusion to these maps. They are made by hand, once: TensorFlow is no part of
the project, and does not go into its environment. In the root of the repository:

    python3 -m venv xplique_venv
    xplique_venv/bin/pip install xplique==2.0.2 tensorflow
    xplique_venv/bin/python scripts/xplique_numbers.py

The networks compute in float64 and hand on float32, as Xplique wants it. N = 3 inputs with one target each. The file
holds everything the test needs:

    versions                   "package version", of everything that computed
    {network}/inputs           "image" and "segmentation" (N, 9, 12, 3), "tabular" (N, 7), "series" (N, 11, 5) of time
                               steps and features, "detection" (N, 9, 12, 3)
    {network}/outputs          what the network says of them: (N, 4), (N, 9, 12, 2), (N, 3), (N, 2), and (N, 3, 5 + 2)
                               of boxes (left, top, right, bottom, objectness, two classes)
    {network}/weights/{name}   convolutions HWIO, matrices (inputs, outputs)
    {network}/targets/{name}   one-hot rows, weights of the outputs, zones, or boxes
    {network}/{operator}/{targets}/{window}/{fill}
                               the maps (N, H, W), (N, 7) or (N, 11, 5); Xplique gives images' maps an axis more, of
                               length 1. {operator} is Xplique's, "none" for None and "custom" for `minus_mean_error`;
                               {targets} names the targets; {window} is "size+stride", lengths with x between them or
                               one number as it was given, {fill} the occlusion_value

Every map is made with batch_size None and with 5, and the two must agree; the first is kept.

"detection" is there twice. Xplique adds 1e-4 to the area by which it divides the overlap of two boxes, and to the norms
by which it divides the likeness of their classes, which takes some 1e-4 off the score. As "detection scaled" the same
boxes are told in units of 1 / 1024 pixel and their classes as parts of 1024: the same score, where 1e-4 is nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from xplique.attributions import Occlusion

Arrays = dict[str, NDArray[Any]]
Window = tuple[int | tuple[int, ...], int | tuple[int, ...]]

OUTPUT = Path(__file__).resolve().parents[1] / "tests" / "golden" / "xplique_occlusion.npz"
SEED = 20
COUNT = 3
IMAGE = (9, 12, 3)
SERIES = (11, 5)
TABLE = (7,)
UNIT = 1024.0
GAIN = 3  # a small window lets the scores fall by more than float32 rounds off them
BATCH_SIZES = (None, 5)
RELATIVE = 1e-6  # of the largest value: how far the batch size may change a map
PACKAGES = ("xplique", "tensorflow", "numpy")

# Windows on images, in order: Xplique's default; one that divides no axis; overlapping ones that miss the last row;
# gaps between them; overlapping ones that reach every pixel, twice.
IMAGE_WINDOWS: list[Window] = [
    (3, 3),
    ((2, 5), (2, 5)),
    ((4, 3), (2, 1)),
    ((2, 3), (3, 5)),
    ((3, 4), (2, 4)),
    (4, (1, 2)),
]
SERIES_WINDOWS: list[Window] = [(3, 3), ((1, 5), (1, 5)), ((4, 2), (2, 1)), ((2, 1), (3, 2))]
TABLE_WINDOWS: list[Window] = [(3, 3), (1, 1), (2, 3), (4, 2), (3, 1)]
TWO_WINDOWS = IMAGE_WINDOWS[1:3]


class Network(NamedTuple):
    """A function of inputs and weights, and what is asked of it."""

    function: Callable[[tf.Tensor, dict[str, tf.Tensor]], tf.Tensor]
    inputs: NDArray[Any]
    weights: Arrays
    targets: Arrays


class Question(NamedTuple):
    """Maps to be made: an operator, the name of its targets, and the windows."""

    network: str
    operator: str
    targets: str
    windows: list[Window]


QUESTIONS = [
    Question("image", "none", "one-hot", IMAGE_WINDOWS),
    Question("image", "classification", "one-hot", TWO_WINDOWS),
    Question("image", "regression", "one-hot", TWO_WINDOWS),
    Question("image", "regression", "weights", TWO_WINDOWS),
    Question("image", "custom", "weights", TWO_WINDOWS),
    Question("tabular", "none", "one-hot", TABLE_WINDOWS),
    Question("tabular", "regression", "weights", TABLE_WINDOWS),
    Question("tabular", "custom", "weights", TABLE_WINDOWS[:2]),
    Question("series", "none", "one-hot", SERIES_WINDOWS),
    Question("series", "regression", "weights", SERIES_WINDOWS),
    Question("segmentation", "semantic segmentation", "zones", IMAGE_WINDOWS),
    Question("detection", "object detection", "box", TWO_WINDOWS),
    Question("detection scaled", "object detection", "box", IMAGE_WINDOWS),
    Question("detection scaled", "object detection", "boxes", TWO_WINDOWS),
]
FILLS = (0.0, 0.5)


def main() -> int:
    """Writes the file and says what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write (default: beside the tests)")
    options = parser.parse_args()
    arrays = numbers()
    np.savez_compressed(options.output, **arrays)
    for name, values in arrays.items():
        scale = "" if values.dtype.kind == "U" else f"largest {np.abs(values).max():.6g}"
        print(f"{name:<66}{values.shape!s:<18}{scale}")
    print(f"{options.output.name}: {options.output.stat().st_size} bytes")
    return 0


def numbers() -> Arrays:
    """All arrays of the file."""
    found: Arrays = {"versions": np.array([f"{package} {version(package)}" for package in PACKAGES])}
    networks = all_networks(np.random.default_rng(SEED))
    for name, network in networks.items():
        found |= {f"{name}/inputs": network.inputs, f"{name}/outputs": model_of(network)(network.inputs).numpy()}
        found |= {f"{name}/weights/{part}": values for part, values in network.weights.items()}
        found |= {f"{name}/targets/{kind}": values for kind, values in network.targets.items()}
    for question in QUESTIONS:
        found |= maps_of(question, networks[question.network])
    return found


def maps_of(question: Question, network: Network) -> Arrays:
    """Xplique's maps for every window and fill of a question."""
    model = model_of(network)
    operator: Any = {"none": None, "custom": minus_mean_error}.get(question.operator, question.operator)
    targets = network.targets[question.targets]
    maps = {}
    for size, stride in question.windows:
        for fill in FILLS:
            one, other = (
                Occlusion(
                    model,
                    batch_size=batch_size,
                    operator=operator,
                    patch_size=size,
                    patch_stride=stride,
                    occlusion_value=fill,
                )(network.inputs, targets).numpy()
                for batch_size in BATCH_SIZES
            )
            np.testing.assert_allclose(one, other, rtol=0, atol=RELATIVE * np.abs(one).max())
            window = f"{_written(size)}+{_written(stride)}"
            maps[f"{question.network}/{question.operator}/{question.targets}/{window}/{fill:g}"] = (
                one[..., 0] if network.inputs.ndim == 4 else one
            )
    return maps


def model_of(network: Network) -> Callable[[Any], tf.Tensor]:
    """The network as Xplique wants it, of float32 and with float32, and as it computes, in float64."""
    weights = {name: tf.constant(values, tf.float64) for name, values in network.weights.items()}

    def model(inputs: Any) -> tf.Tensor:
        return tf.cast(network.function(tf.cast(inputs, tf.float64), weights), tf.float32)

    return model


def minus_mean_error(model: Callable[[tf.Tensor], tf.Tensor], inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """An operator of our own: how near the outputs are to the targets."""
    return -tf.reduce_mean(tf.abs(model(inputs) - targets), axis=-1)


def convolutional(images: tf.Tensor, weights: dict[str, tf.Tensor]) -> tf.Tensor:
    """Logits (N, 4)."""
    features = tf.nn.relu(tf.nn.conv2d(images, weights["kernel"], 1, "SAME") + weights["bias"])
    return tf.reduce_mean(features, axis=(1, 2)) @ weights["matrix"] + weights["offset"]


def perceptron(rows: tf.Tensor, weights: dict[str, tf.Tensor]) -> tf.Tensor:
    """Logits (N, K) of rows, or of time series as one row."""
    flat = tf.reshape(rows, (-1, weights["first"].shape[0]))
    return tf.nn.relu(flat @ weights["first"] + weights["bias"]) @ weights["second"] + weights["offset"]


def segmenter(images: tf.Tensor, weights: dict[str, tf.Tensor]) -> tf.Tensor:
    """Probabilities (N, H, W, 2)."""
    features = tf.nn.relu(tf.nn.conv2d(images, weights["point"], 1, "SAME") + weights["bias"])
    return tf.nn.softmax(tf.nn.conv2d(features, weights["kernel"], 1, "SAME") + weights["offset"])


def detector(images: tf.Tensor, weights: dict[str, tf.Tensor], unit: float) -> tf.Tensor:
    """Boxes (N, 3, 5 + 2), which the means of the channels shift."""
    means = tf.reduce_mean(images, axis=(1, 2))
    corners = weights["boxes"] + tf.reshape(means @ weights["shift"], (-1, *weights["boxes"].shape))
    features = tf.nn.relu(tf.reshape(images, (-1, weights["first"].shape[0])) @ weights["first"])
    scores = tf.reshape(tf.nn.sigmoid(features @ weights["second"]), (-1, weights["boxes"].shape[0], 3))
    return tf.concat([corners * unit, scores[..., :1], scores[..., 1:] * unit], axis=-1)


def all_networks(draw: np.random.Generator) -> dict[str, Network]:
    """The networks by name, with weights, inputs and targets as they are drawn."""
    return {
        "image": image_network(draw),
        "tabular": flat_network(draw, TABLE, 3),
        "series": flat_network(draw, SERIES, 2),
        "segmentation": segmentation_network(draw),
    } | dict(detection_networks(draw))


def image_network(draw: np.random.Generator) -> Network:
    """A convolutional network with 4 classes."""
    weights = {
        "kernel": GAIN * _weights(draw, 3, 3, 3, 6),
        "bias": _normal(draw, 6),
        "matrix": GAIN * _weights(draw, 6, 4),
        "offset": _normal(draw, 4),
    }
    return Network(convolutional, _normal(draw, COUNT, *IMAGE), weights, targets_of(draw, 4))


def flat_network(draw: np.random.Generator, shape: tuple[int, ...], classes: int) -> Network:
    """A network with one hidden layer."""
    weights = {
        "first": _weights(draw, int(np.prod(shape)), 16),
        "bias": _normal(draw, 16),
        "second": GAIN * _weights(draw, 16, classes),
        "offset": _normal(draw, classes),
    }
    return Network(perceptron, _normal(draw, COUNT, *shape), weights, targets_of(draw, classes))


def targets_of(draw: np.random.Generator, classes: int) -> Arrays:
    """One-hot rows, and weights of all outputs."""
    return {
        "one-hot": np.eye(classes, dtype=np.float32)[draw.integers(0, classes, COUNT)],
        "weights": _normal(draw, COUNT, classes),
    }


def segmentation_network(draw: np.random.Generator) -> Network:
    """A segmentation network with the zones to explain: a rectangle, its border, and what the network says in it."""
    weights = {
        "point": GAIN * _weights(draw, 1, 1, 3, 5),
        "bias": _normal(draw, 5),
        "kernel": GAIN * _weights(draw, 3, 3, 5, 2),
        "offset": _normal(draw, 2),
    }
    images = _normal(draw, COUNT, *IMAGE)
    network = Network(segmenter, images, weights, {})
    zones = np.zeros((COUNT, *IMAGE[:2], 2), np.float32)
    zones[0, 2:6, 3:9, 1] = 1
    zones[1, 1:7, 2:8, 0] = -1
    zones[1, 2:6, 3:7, 0] = 1
    zones[2, 0:5, 6:12, 1] = model_of(network)(images).numpy()[2, 0:5, 6:12, 1]
    return network._replace(targets={"zones": zones})


def detection_networks(draw: np.random.Generator) -> Iterator[tuple[str, Network]]:
    """The detector in pixels, and in the units in which Xplique's 1e-4 are nothing."""
    weights = {
        "boxes": np.float32([[1, 1, 6, 5], [4, 2, 10, 8], [6, 3, 12, 9]]),
        "shift": 6 * _weights(draw, 3, 12),
        "first": _weights(draw, int(np.prod(IMAGE)), 8),
        "second": GAIN * _weights(draw, 8, 9),
    }
    images = _normal(draw, COUNT, *IMAGE)
    box = np.float32([[1, 1, 6, 6, 1, 1, 0], [4, 3, 9, 8, 0.5, 0, 1], [7, 3, 11, 9, 1, 0.25, 0.75]])
    boxes = np.stack([box, np.roll(box, 1, axis=0)], axis=1)
    boxes[2, 1] = 0  # no box: a second row that only makes the array a rectangle
    for name, unit in (("detection", 1.0), ("detection scaled", UNIT)):
        units = np.float32([unit] * 4 + [1] + [unit] * 2)
        targets = {"box": box * units, "boxes": boxes * units}
        yield name, Network(partial(detector, unit=unit), images, weights, targets)


def _normal(draw: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return draw.standard_normal(shape).astype(np.float32)


def _weights(draw: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Weights whose sums over all axes but the last are about 1."""
    return _normal(draw, *shape) / np.float32(np.sqrt(np.prod(shape[:-1])))


def _written(lengths: int | tuple[int, ...]) -> str:
    return str(lengths) if isinstance(lengths, int) else "x".join(map(str, lengths))


if __name__ == "__main__":
    sys.exit(main())
