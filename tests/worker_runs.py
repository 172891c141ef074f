"""What the tests of workers run: other processes import it, so it stands in a file of its own."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from networks import LinearNetwork

from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Faithfulness, Sparseness
from explainer.explanation import RISE, Gradient
from explainer.run import workers

LABELS = ["ant", "bee", "cat", "dog"]
COUNT = 24
IMAGES = np.random.default_rng(3).standard_normal((COUNT, 3, 5, 7)).astype(np.float32)


class Killed(Gradient):
    """Gradient, whose process is killed, once, at some samples, and which takes its time for each.

    Args:
        network: as for Gradient.
        at: the samples.
        notes: the folder in which it is noted that it has happened.
        pause: seconds.
    """

    def __init__(self, network: nn.Cell, at: tuple[int, ...], notes: Path, pause: float) -> None:
        super().__init__(network, name="Gradient")
        self._at = at
        self._notes = notes
        self._pause = pause

    def _explain(self, images: Any, targets: Any) -> Any:
        time.sleep(self._pause * len(images))
        for number in self._at:
            note = self._notes / str(number)
            if (images == IMAGES[number]).all(axis=(1, 2, 3)).any() and not note.exists():
                note.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super()._explain(images, targets)


def runner_of(
    folder: Path, notes: Path = Path(), killed_at: tuple[int, ...] = (), pause: float = 0.0, batch_size: int = 4
) -> ImageClassificationRunner:
    """A runner over all images; every method of it depends on the image alone."""
    weights = np.random.default_rng(0).standard_normal((4, 105)) / 5
    network, softmax = LinearNetwork(weights), nn.Softmax()
    rows = [(image, np.array(number % 4, np.int32)) for number, image in enumerate(IMAGES)]
    data = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1), LABELS
    options = RunOptions(batch_size=batch_size, progress=False, label_format="ids")
    runner = ImageClassificationRunner(folder, data, network, softmax, options=options)
    deletion = Faithfulness(4, softmax, "DeletionAUC", steps=5)
    # Of two methods that tie, rounding would make one the better of two: their maps are not alike.
    methods = [Killed(network, killed_at, notes, pause), RISE(network, softmax, masks=8, grid=3, seed=3)]
    runner.register_saliency(methods, [deletion, Sparseness(4)])
    runner.register_uncertainty(augment="noise", draws=4)
    return runner


def drive(folder: str) -> None:
    """Two workers, or what they have left; in a process that is a driver."""
    workers.run(partial(runner_of, pause=0.1), folder, workers=2, resume=True)


if __name__ == "__main__":
    drive(sys.argv[1])
