"""What the tests of `explainer run` share: pictures, networks of a module, and what a run must say of them."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from explainer import read_run

HEIGHT, WIDTH = 6, 9
LABELS = ["ant", "bee", "cat", "dog"]
FACTORIES = """
import numpy as np
from networks import LinearNetwork, SmallCnn

def small_cnn():
    return SmallCnn(3)

def blank():
    return LinearNetwork(np.zeros((4, 3 * 6 * 9)))

def blank_grey():
    return LinearNetwork(np.zeros((4, 6 * 9)))

def seeded(seed, *, width=1.0):
    weights = np.random.default_rng(seed).standard_normal((4, 3 * 6 * 9)) * width
    return LinearNetwork(weights / 20)

def first_of(classes):
    return LinearNetwork(np.eye(classes, 3 * 6 * 9) * 2)

def peaks():
    # label k looks at one pixel alone: ant at x = 1, y = 4; bee at 7, 0; cat at 3, 2; dog at 8, 5.
    weights = np.zeros((4, 3, 6, 9))
    weights[range(4), 0, [4, 0, 2, 5], [1, 7, 3, 8]] = 1
    return LinearNetwork(weights.reshape(4, -1))

def one():
    return first_of(1)

def two():
    return first_of(2)
"""


def pixels_of(seed, *shape, kind=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(kind).max + 1, shape or (HEIGHT, WIDTH, 3)).astype(kind)


def png_of(header, rows=b""):
    """A PNG file by hand; `header` is width, height, bits, kind of colour."""
    parts = [(b"IHDR", struct.pack(">IIBB3x", *header)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def weights_of(features):
    """Weights that make every pixel count, and no two alike."""
    return np.random.default_rng(0).standard_normal((4, features)) / features**0.5


def run_of(tmp_path, folder="out"):
    return read_run(tmp_path / folder)


def probabilities_of(run):
    return [sample.prediction.probabilities for sample in run.samples.values()]


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def logits_of(pictures, network, mean=0.0, std=1.0):
    """The logits of a LinearNetwork for uint8 pictures (N, H, W, C) in float64."""
    images = (np.asarray(pictures) / 255 - mean) / std
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return rows @ network.fc.weight.asnumpy().astype(np.float64).T
