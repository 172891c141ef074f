"""The walk of somebody with a script for mindspore.explainer: change the imports, run it, read what it wrote.

The script is the reference's example of the runner on LeNet-5, with boxes, every benchmark, and uncertainty. It runs as
a process of its own, as scripts do.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import explainer
from explainer.analysis.view import RunView

OLD_SCRIPT = '''
import numpy as np
import mindspore as ms
from mindspore import context, nn
from mindspore.dataset import GeneratorDataset
from mindspore.explainer import ImageClassificationRunner
from mindspore.explainer.explanation import GradCAM, Gradient, GuidedBackprop
from mindspore.explainer.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness


class LeNet5(nn.Cell):
    def __init__(self, num_class=10, num_channel=1):
        super().__init__()
        self.conv1 = nn.Conv2d(num_channel, 6, 5, pad_mode="valid")
        self.conv2 = nn.Conv2d(6, 16, 5, pad_mode="valid")
        self.fc1 = nn.Dense(16 * 5 * 5, 120)
        self.fc2 = nn.Dense(120, 84)
        self.fc3 = nn.Dense(84, num_class)
        self.relu = nn.ReLU()
        self.max_pool2d = nn.MaxPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()

    def construct(self, x):
        x = self.max_pool2d(self.relu(self.conv1(x)))
        x = self.max_pool2d(self.relu(self.conv2(x)))
        x = self.flatten(x)
        return self.fc3(self.relu(self.fc2(self.relu(self.fc1(x)))))


class Objects:
    """A bright object in the upper right corner, on noise."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        image = np.random.RandomState(index).rand(3, 32, 32).astype(np.float32) / 4
        image[:, 4:12, 10 + index : 28 - index] += 0.7
        box = [10 + index, 4, 18 - 2 * index, 8]  # x, y, width, height
        return image, np.array(index % 3, np.int32), np.array([box], np.int32)


context.set_context(mode=context.PYNATIVE_MODE)
ms.set_seed(4)
net = LeNet5(3, num_channel=3)
labels = ["ship", "truck", "frog"]
dataset = GeneratorDataset(Objects(), ["image", "label", "bbox"], shuffle=False).batch(2)
activation_fn = nn.Softmax()

explainers = [Gradient(net), GuidedBackprop(net), GradCAM(net, layer="conv2")]
benchmarkers = [
    Localization(len(labels), "IoSR"),
    Faithfulness(len(labels), activation_fn, "NaiveFaithfulness"),
    ClassSensitivity(),
    Robustness(len(labels), activation_fn),
]
runner = ImageClassificationRunner("./summary_dir", (dataset, labels), net, activation_fn)
runner.register_saliency(explainers=explainers, benchmarkers=benchmarkers)
runner.register_uncertainty()
runner.run()
'''
NEW_SCRIPT = re.sub(r"^from mindspore\.explainer", "from explainer", OLD_SCRIPT, flags=re.MULTILINE)
METRICS = {"IoSR", "NaiveFaithfulness", "ClassSensitivity", "Robustness"}


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(explainer.__file__).parents[1]), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("walk")
    (folder / "script.py").write_text(NEW_SCRIPT, encoding="utf-8")
    return folder, run("script.py", folder=folder)


@pytest.fixture(scope="module")
def found(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> RunView:
    return explainer.read_run(walked[0] / "summary_dir")


def test_nothing_but_import_lines_is_other() -> None:
    pairs = zip(OLD_SCRIPT.splitlines(), NEW_SCRIPT.splitlines(), strict=True)
    assert [old for old, new in pairs if old != new] == [
        line for line in OLD_SCRIPT.splitlines() if line.startswith("from mindspore.explainer")
    ]


def test_the_script_ends_well_and_says_what_takes_the_place_of_dropout(walked) -> None:
    _, process = walked
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("UserWarning") == 1
    assert "LeNet5 has no dropout" in process.stderr and 'augment="shift"' in process.stderr
    assert "Traceback" not in process.stderr and "[ERROR]" not in process.stderr


def test_the_summary_has_every_map_score_and_interval(found: RunView) -> None:
    assert found.state == "ended" and len(found.samples) == 6
    assert found.metadata.explainers == ("Gradient", "GuidedBackprop", "GradCAM")
    assert set(found.metadata.metrics) == METRICS
    for number, sample in found.samples.items():
        assert sample.prediction.ground_truth == (number % 3,)
        explained = set(sample.prediction.explained)
        assert number % 3 in explained
        maps = {(entry.explainer, entry.label) for entry in sample.maps}
        assert maps == {(name, label) for name in found.metadata.explainers for label in explained}
        interval = sample.uncertainty
        assert interval is not None and (interval.low <= interval.high).all() and (interval.deviation > 0).any()


def test_a_box_is_x_y_width_height(found: RunView) -> None:
    """IoSR is the part of the pixels above half the maximum that lies in the box as it stands in the script."""
    compared = 0
    for number, sample in found.samples.items():
        (box,) = sample.objects.boxes
        assert (box.x, box.y, box.width, box.height) == (10 + number, 4, 18 - 2 * number, 8)
        scores = [score for score in sample.scores if (score.metric, score.label) == ("IoSR", number % 3)]
        for score in scores:
            if score.explainer in found.metadata.explainers and np.isfinite(score.value):
                saliency = found.map_of(number, score.explainer, score.label)
                salient = saliency > saliency.max() / 2
                inside = salient[4:12, 10 + number : 28 - number].sum() / salient.sum()
                assert score.value == pytest.approx(inside, abs=0.05)  # the map that was read has 256 greys
                compared += 1
    assert compared >= 12  # of 18; a map of GradCAM may be empty, and then has no score


def test_inspect_reads_it(walked) -> None:
    folder, _ = walked
    process = run("-m", "explainer.command.main", "inspect", "summary_dir", folder=folder)
    assert process.returncode == 0, process.stderr
    for word in ("ship, truck, frog", "GuidedBackprop", "IoSR", "Robustness", "augmentation"):
        assert word in process.stdout
