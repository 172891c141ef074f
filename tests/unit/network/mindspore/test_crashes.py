"""What brought the process down, or hung it, tried in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RESIDUAL = '''
"""A residual network whose shortcut takes every second pixel: MindSpore 2.10 has no eager gradient for that."""
import sys

import explainer
import mindspore
import numpy as np
from explainer import explanation
from mindspore import nn, ops


class Block(nn.Cell):
    def __init__(self, relu):
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(4, 8, 3, 2, "pad", 1), relu
        self.conv2, self.relu2 = nn.Conv2d(8, 8, 3, 1, "pad", 1), relu

    def construct(self, features):
        shortcut = features[:, :, ::2, ::2]
        padding = ops.zeros((shortcut.shape[0], 2, shortcut.shape[2], shortcut.shape[3]), shortcut.dtype)
        shortcut = ops.cat((padding, shortcut, padding), 1)
        return self.relu2(self.conv2(self.relu1(self.conv1(features))) + shortcut)


class Residual(nn.Cell):
    def __init__(self, relu):
        super().__init__()
        self.stem, self.block, self.fc = nn.Conv2d(3, 4, 3), Block(relu), nn.Dense(8, 5)

    def construct(self, images):
        return self.fc(self.block(self.stem(images)).mean((2, 3)))


mindspore.set_seed(0)  # a map of GuidedBackprop may well be zero where all weights of a label are negative
images = np.random.default_rng(0).random((12, 3, 16, 24), np.float32)
for method in ("Deconvolution", "GuidedBackprop", "Gradient"):
    for relu in (nn.ReLU(), ops.relu):
        network = Residual(relu)
        maps = getattr(explanation, method)(network)(images, 2)
        assert maps.shape == (12, 1, 16, 24) and maps.any(), method
print("ended well")
'''

THREADS = '''
"""Four threads, each with a network and explainers of its own."""
import threading

import explainer
import numpy as np
from explainer.explanation import GradCAM, Gradient, GuidedBackprop
from mindspore import nn


def network():
    convolutions = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()
    return nn.SequentialCell(*convolutions, nn.Flatten(), nn.Dense(4 * 64, 5))


def maps(index):
    return [method(images[index], 1) for method in methods[index]]


networks = [network() for _ in range(4)]
images = [np.random.default_rng(index).standard_normal((2, 3, 8, 8)).astype(np.float32) for index in range(4)]
methods = [[Gradient(each), GuidedBackprop(each), GradCAM(each, layer="2")] for each in networks]
wanted = [maps(index) for index in range(4)]
gaps = [np.inf] * 4


def work(index):
    for _ in range(2):
        gaps[index] = max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(maps(index), wanted[index]))


threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert all(each.any() for maps_of_one in wanted for each in maps_of_one)
assert max(gaps) < 1e-6, gaps
print("ended well")
'''

LOOPS = '''
"""Networks that cannot be compiled, one after the other: their lists are empty where MindSpore infers types."""
import explainer
import numpy as np
from explainer.network.of import classifier_of
from mindspore import nn, ops


class Loop(nn.Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(70, 4)

    def construct(self, images):
        logits = []
        for place in range(images.shape[0]):
            logits.append(self.dense(images[place : place + 1].reshape(1, -1)))
        return ops.concat(logits, 0)


images = np.ones((5, 2, 5, 7), np.float32)
for _ in range(20):
    classifier_of(Loop(), batch_size=1, engine="mindspore").logits(images)
print("ended well")
'''


@pytest.mark.parametrize("source", [RESIDUAL, THREADS, LOOPS], ids=["strided shortcuts", "threads", "loops"])
def test_the_process_ends_well(source: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"  # a file: MindSpore compiles from source
    script.write_text(source, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, env=os.environ | {"GLOG_v": "3"}
    )
    assert (ended.returncode, ended.stdout) == (0, "ended well\n"), ended.stderr[-2000:]
