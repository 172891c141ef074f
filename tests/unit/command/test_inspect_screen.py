"""A run like that of the demonstration is shown on one screen of 80 columns and 50 lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import tree

from explainer.command.main import main
from explainer.records import (
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    Score,
    Uncertainty,
)
from explainer.summary.writer import SummaryWriter

LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
METHODS = ("Gradient", "Deconvolution", "GuidedBackprop", "GradCAM", "Occlusion", "RISE")
CONTROLS = ("control: random", "control: centre")
METRICS = ("DeletionAUC", "PointingGame", "IoSR")
SETTINGS = {"aggregate": "mean", "fill": [-2.0] * 3, "score": "probability", "stride": [4, 4], "window": [8, 8]}
PARAMETERS = {
    "explainers": {name: {"class": name, **SETTINGS} for name in METHODS},
    "controls": {name: {} for name in CONTROLS},
    "control_samples": {"count": 17, "of": 100, "seed": 0},
    "uncertainty": {"method": "dropout", "draws": 50, "interval": "beta", "seed": 0},
    "engine": {"name": "onnxruntime", "version": "1.23.2", "difference": 3.5e-7},
    "dataset": {"class": "BatchDataset", "columns": ["image", "label", "bbox"]},
    "provenance": {
        "network": "__main__.DigitNet",
        "weights": "e9ba74ce3d37f4c1102e7766f0569ac9",
        "explainer": "0.1.0",
        "mindspore": "2.10.0",
        "numpy": "1.26.4",
        "platform": "Linux-6.18.44-x86_64-with-glibc2.36",
        "command": ["scripts/digits_demo.py", "--summary-dir", "summary_dir/digits", "--cache-dir", "cache/demo"],
    },
}
BLIND = ("RISE", "control: random")


def write(folder: Path) -> None:
    metadata = RunMetadata(LABELS, METHODS, METRICS, ("saliency", "uncertainty"), PARAMETERS)
    rng = np.random.default_rng(0)
    with SummaryWriter(folder, metadata) as writer:
        for number in range(20):
            label = number % 10
            row = np.full(10, 0.0625, np.float32)
            row[label if number else 3] = 0.4375
            writer.write(OriginalImage(number, np.zeros((5, 7, 3), np.uint8)))
            writer.write(Prediction(number, (label,), (label,), (label,), row))
            for name in METHODS:
                writer.write(Saliency(number, name, label, np.float32([[number, 1], [2, 3]])))
            for metric in METRICS:
                part = rng.uniform(0.05, 0.2)
                for name in (*METHODS, *CONTROLS):
                    chance = name in CONTROLS or (name, metric) == ("RISE", "IoSR")
                    value = rng.uniform(0.1, 0.5) if chance else rng.uniform(0.8, 1)
                    writer.write(Score(number, name, metric, label, part if name in BLIND and chance else value))
            writer.write(Uncertainty(number, row, row / 4, row / 2, row * 2, 0.5, 0.375, 0.125))
            found = tree(label, (0, 0, 4, 4), (2, 2, 4, 4))
            writer.write(replace(found, sample_id=number))
            writer.write(SampleDone(number))
        writer.write(RunEnd())


def test_the_run_of_the_demonstration_fits_one_screen(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    write(Path("summary_dir/digits"))
    assert main(["inspect", "summary_dir/digits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 48  # beside the command, and the prompt after it
    (rise,) = [line for line in lines if line.startswith("RISE ")]
    assert rise.endswith("=a ~b")
    for name in (
        "Samples",
        "Scores",
        *METHODS,
        *CONTROLS,
        "calibration",
        "uncertainty",
        "regions",
        "network",
        "command",
    ):
        assert any(name in line for line in lines), name
