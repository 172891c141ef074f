"""Writes what a new user has: a network of their own, a folder of pictures, the names of the classes.

python scripts/strangers_files.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

NETWORK = '''\
"""A network that tells bright pictures from dark ones."""

from mindspore import nn


def small(width=4):
    layers = [nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()]
    return nn.SequentialCell(*layers, nn.Flatten(), nn.Dense(width * 28 * 28, 2))
'''
CLASSES = ("bright", "dark")


def main() -> None:
    """Writes them into the folder that the command line names."""
    folder = Path(sys.argv[1])
    (folder / "nets.py").write_text(NETWORK, encoding="utf-8")
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in CLASSES), encoding="utf-8")
    stream = np.random.default_rng(0)
    for name, brightest in zip(CLASSES, (256, 90), strict=True):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            pixels = stream.integers(0, brightest, (30, 40, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")


if __name__ == "__main__":
    main()
