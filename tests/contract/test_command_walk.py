"""The walk of somebody with photographs and boxes, and no Python: from the help to a figure, by commands alone.

The photographs are real ones; the network looks at one spot for each label, so that what it must say is known. Each
command is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from explainer import read_run

NETWORK = '''
import numpy as np
from mindspore import Parameter, Tensor, nn


class Looking(nn.Cell):
    """Each label's logit is the mean brightness of a spot of its own."""

    def __init__(self, spots):
        super().__init__()
        self.relu = nn.ReLU()
        self.fc = nn.Dense(3 * 48 * 48, len(spots), has_bias=False)
        weights = np.zeros((len(spots), 3, 48, 48), np.float32)
        for label, (top, left) in enumerate(spots):
            weights[label, :, top : top + 8, left : left + 8] = 1 / 64
        self.fc.weight = Parameter(Tensor(weights.reshape(len(spots), -1)))

    def construct(self, images):
        return self.fc(self.relu(images).flatten(start_dim=1))


def looking(top=12):
    return Looking([(top, 16), (32, 32)])
'''
LABELS = "tower\ndahlia\n"
# Photographs of 640 x 427 become 96 x 64, of which 48 x 48 are left, from (24, 8) on. A box is x, y, width, height.
AROUND = ((24 + 16) * 640 / 96 - 10, (8 + 16) * 427 / 64 - 10, 75.0, 75.0)
FAR = (0.0, 300.0, 170.0, 120.0)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the commands have run; what each said lies beside what it wrote."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "nets.py").write_text(NETWORK, encoding="utf-8")
    (folder / "labels.txt").write_text(LABELS, encoding="utf-8")
    (folder / "photos").mkdir()
    for name, pixels in zip(("tower", "dahlia"), load_sample_images().images, strict=True):
        Image.fromarray(pixels).save(folder / "photos" / f"{name}.jpg")
    boxes = {"tower": AROUND, "dahlia": FAR}
    instances = {
        "images": [
            {"id": at, "file_name": f"{name}.jpg", "width": 640, "height": 427} for at, name in enumerate(boxes)
        ],
        "categories": [{"id": 7 + at, "name": name} for at, name in enumerate(boxes)],
        "annotations": [
            {"id": at, "image_id": at, "category_id": 7 + at, "bbox": list(box), "iscrowd": 0}
            for at, box in enumerate(boxes.values())
        ],
    }
    (folder / "instances.json").write_text(json.dumps(instances), encoding="utf-8")
    run = [
        *("--network", "nets:looking", "--network-args", "top=16", "--images", "photos", "--labels", "labels.txt"),
        *("--annotations", "instances.json", "--preprocess", "none", "--resize", "64", "--center-crop", "48", "48"),
        *(
            "--explainers",
            "Gradient,Occlusion:window=8:stride=8:signed=true",
            "--metrics",
            "Localization:metric=PointingGame",
        ),
        *("--summary-dir", "out"),
    ]
    told = {
        "help": ["--help"],
        "layers": ["layers", "--network", "nets:looking", "--size", "48", "48"],
        "dry": ["run", *run, "--dry-run"],
        "run": ["run", *run],
        "inspect": ["inspect", "out"],
        "report": ["report", "out"],
        "figure": ["figure", "out", "--samples", "tower.jpg,dahlia.jpg", "--to", "figure.png"],
    }
    for name, arguments in told.items():
        (folder / f"{name}.txt").write_text(said(folder, arguments), encoding="utf-8")
    return folder


def said(folder: Path, arguments: list[str]) -> str:
    """What a command prints; it must end well."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run(
        [sys.executable, "-m", "explainer.command.main", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_each_command_says_what_comes_next(walked: Path) -> None:
    texts = {path.stem: path.read_text("utf-8") for path in walked.glob("*.txt")}
    assert "explainer run --help" in texts["help"]
    assert "relu" in texts["layers"] and "ReLU" in texts["layers"]
    assert "2 samples" in texts["dry"]
    assert texts["run"].splitlines()[-1] == "look at it: explainer report out"
    assert "PointingGame" in texts["inspect"] and "2 complete" in texts["inspect"]
    lines = [line for text in texts.values() for line in text.splitlines() if "file:" not in line]
    assert max(map(len, lines)) <= 80  # but for an address, which must not be cut


def test_maps_point_where_the_network_looks_and_boxes_follow_the_crop(walked: Path) -> None:
    run = read_run(walked / "out")
    scores = {}
    for number, sample in run.samples.items():
        (truth,) = sample.prediction.ground_truth
        for score in sample.scores:
            if score.label == truth and score.explainer in ("Gradient", "Occlusion"):
                scores[run.metadata.labels[truth], score.explainer] = score.value
        if truth == 0:
            spot = np.zeros((48, 48), bool)
            spot[16:24, 16:24] = True
            np.testing.assert_array_equal(run.map_of(number, "Gradient", "tower") > 0, spot)
    assert scores == {
        ("tower", "Gradient"): 1.0,
        ("tower", "Occlusion"): 1.0,
        ("dahlia", "Gradient"): 0.0,
        ("dahlia", "Occlusion"): 0.0,
    }


def test_the_figure_and_the_report_can_be_opened(walked: Path) -> None:
    with Image.open(walked / "figure.png") as figure:
        assert min(figure.size) > 100 and len(np.unique(np.asarray(figure.convert("L")))) > 50
    assert (walked / "out" / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
