"""Ten mistakes of the first hour: one sentence tells what is wrong, what was given, why it matters and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn

from explainer import ImageClassificationRunner, RunOptions
from explainer.explanation import Gradient

STREAM = np.random.default_rng(0)
PIXELS = STREAM.integers(0, 256, (6, 3, 8, 9)).astype(np.uint8)

# Of each: the options that are wrong, and what the sentence holds of each of its four parts.
COMMANDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a wrong layer": (
        {"network": "folder_run_factories:small_cnn", "explainers": "GradCAM:layer=conv3"},
        {"what": "`layer` must name a cell", "got": "'conv3'", "do": "did you mean 'conv2' or 'conv1'?"},
    ),
    "a wrong number of labels": (
        {"labels": "labels_of_three.txt"},
        {
            "what": "--labels must name each of the network's 4 outputs",
            "got": "got 3 labels",
            "why": "filed under wrong names",
            "do": "in their order",
        },
    ),
    "a folder that is no label": (
        {"on_unknown_label": "raise"},
        {"what": "is not in --labels", "got": "'gnu'", "do": "rename what is wrong, or give --on-unknown-label ignore"},
    ),
    "a folder that is a label but for capitals": (
        {"on_unknown_label": "raise", "labels": "capitals.txt"},
        {"what": "are not in --labels", "got": "'ant' (the label is 'Ant')", "do": "rename what is wrong"},
    ),
    "a path where nothing is": (
        {"images": "fotos"},
        {"what": "--images must be a folder", "got": "fotos", "why": "not there", "do": "did you mean 'photos'?"},
    ),
    "a checkpoint of another network": (
        {"network": "folder_run_factories:small_cnn", "checkpoint": "another.ckpt"},
        {
            "what": "does not fit",
            "got": "the first 'conv1.weight'",
            "why": "of the network's 6 weights are not in it",
            "do": "give the checkpoint of this very network",
        },
    ),
    "another size": (
        {"size": ("--size", 5, 7)},
        {
            "what": "`network` (LinearNetwork) must be one that can be evaluated",
            "got": "(1, 3, 5, 7)",
            "why": "MindSpore says",
            "do": "--size H W",
        },
    ),
}


@pytest.fixture
def files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the wrong options name, in the folder where the command is called."""
    (tmp_path / "labels_of_three.txt").write_text("ant\nbee\ndog\n", encoding="utf-8")
    (tmp_path / "capitals.txt").write_text("Ant\nBee\nCat\nDog\n", encoding="utf-8")
    mindspore.save_checkpoint(nn.Dense(2, 3), str(tmp_path / "another.ckpt"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("mistake", COMMANDS)
def test_the_command_tells_a_mistake_in_one_sentence(
    mistake: str, refused: Callable[..., tuple[int, str]], request: pytest.FixtureRequest
) -> None:
    given, parts = COMMANDS[mistake]
    status, why = refused(**given)
    assert status == 2
    assert_one_sentence(why, parts)


@pytest.mark.usefixtures("files")
def test_labels_that_are_alike_are_numbered_and_told(command: Any, tmp_path: Any) -> None:
    (tmp_path / "labels.txt").write_text("ant\ncrane\ncrane\ndog\n", encoding="utf-8")
    status, _, error = command(labels=tmp_path / "labels.txt")
    assert status == 0
    assert_one_sentence(error, {"what": "--labels has names more than once", "got": "'crane' (1, 2)", "do": "numbered"})


def test_labels_that_are_alike_are_refused_by_the_runner(tmp_path: Any) -> None:
    with pytest.raises(ValueError) as refusal:
        run(tmp_path / "out", PIXELS / 255, labels=["ant", "crane", "crane", "dog"])
    parts = {"what": "must be distinct", "got": "'crane'", "why": "filed under", "do": "1 and 2"}
    assert_one_sentence(str(refusal.value), parts)


UNNORMALISED = {
    "what": "images should be normalised",
    "got": "values from 0 to 255",
    "why": "predictions and maps may mean nothing",
    "do": "divide by 255",
}
IMAGES: dict[str, tuple[Any, dict[str, Any], dict[str, str]]] = {
    "uint8": (PIXELS, {}, UNNORMALISED),
    "0..255": (PIXELS.astype(np.float32), {}, UNNORMALISED),
    "not normalised": (
        (PIXELS / 255).astype(np.float32),
        {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        {**UNNORMALISED, "got": "values from 0 to 1", "do": "subtract mean and divide by std"},
    ),
}


@pytest.mark.parametrize("mistake", IMAGES)
def test_images_that_look_wrong_are_warned_of_once(mistake: str, tmp_path: Any, caplog: Any) -> None:
    images, options, parts = IMAGES[mistake]
    run(tmp_path / "out", images, **options)
    warnings = [record.getMessage() for record in caplog.records if "normalised" in record.getMessage()]
    assert len(warnings) == 1
    assert_one_sentence(warnings[0], parts)


def test_channels_last_are_refused(tmp_path: Any) -> None:
    with pytest.raises(ValueError) as refusal:
        run(tmp_path / "out", (PIXELS / 255).astype(np.float32).transpose(0, 2, 3, 1))
    parts = {"what": "images must be (C, H, W) or (N, C, H, W)", "got": "(3, 8, 9, 3)", "do": "transpose(0, 3, 1, 2)"}
    assert_one_sentence(str(refusal.value), parts)


def run(folder: Any, images: Any, labels: Any = ("ant", "bee", "cat", "dog"), **options: Any) -> None:
    """A run of two batches."""
    network = SmallCnn(3)
    dataset = NumpySlicesDataset((images, np.array([0, 1, 2] * 2, np.int32)), ["image", "label"], shuffle=False)
    runner = ImageClassificationRunner(
        str(folder), (dataset.batch(3), list(labels)), network, nn.Softmax(), options=RunOptions(**options)
    )
    runner.register_saliency([Gradient(network)])
    runner.run()


def assert_one_sentence(told: str, parts: dict[str, str]) -> None:
    """Each part is in it, and it is one line, without a full stop but at its end."""
    told = told.strip()
    assert [part for part, words in parts.items() if words not in told] == [], told
    assert "\n" not in told
    assert ". " not in told.replace("... ", "")
