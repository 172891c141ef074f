"""Scripts written for mindspore.explainer 1.3 run when their import lines are changed, and nothing else.

The examples of its documentation, which are what its users began with; the network and the data, which they leave out,
are given here.
"""

from __future__ import annotations

import doctest
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, save_checkpoint
from seed_examples import ARTICLE, EXAMPLES
from trial.data import require_shared

import explainer

OF_THE_PACKAGE = [name for name in EXAMPLES if name != "OcclusionSensitivity"]
ARTICLE_WITHOUT_UNDERSCORES = re.sub("__", "", ARTICLE)


class LeNet5(nn.Cell):
    """The network of the reference's examples: 32x32 pixels, `num_channel` channels, `num_class` logits."""

    def __init__(self, num_class: int = 10, num_channel: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_channel, 6, 5, pad_mode="valid")
        self.conv2 = nn.Conv2d(6, 16, 5, pad_mode="valid")
        self.fc1 = nn.Dense(16 * 5 * 5, 120)
        self.fc2 = nn.Dense(120, 84)
        self.fc3 = nn.Dense(84, num_class)
        self.relu = nn.ReLU()
        self.max_pool2d = nn.MaxPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()

    def construct(self, x: Tensor) -> Tensor:
        x = self.max_pool2d(self.relu(self.conv1(x)))
        x = self.max_pool2d(self.relu(self.conv2(x)))
        x = self.flatten(x)
        return self.fc3(self.relu(self.fc2(self.relu(self.fc1(x)))))


class AlexNet(nn.Cell):
    """Five convolutions and three dense layers, as there; narrow, and for 32x32 pixels."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        widths = [3, 8, 12, 16, 16, 8]
        self.convolutions = nn.CellList([nn.Conv2d(*pair, 3) for pair in pairwise(widths)])
        self.relu = nn.ReLU()
        self.max_pool2d = nn.MaxPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(p=0.35)
        self.fc1 = nn.Dense(8 * 4 * 4, 32)
        self.fc2 = nn.Dense(32, 32)
        self.fc3 = nn.Dense(32, num_classes)

    def construct(self, x: Tensor) -> Tensor:
        for index in range(5):
            x = self.relu(self.convolutions[index](x))
            if index in (0, 1, 4):
                x = self.max_pool2d(x)
        x = self.dropout(self.relu(self.fc1(self.flatten(x))))
        return self.fc3(self.dropout(self.relu(self.fc2(x))))


def create_dataset_cifar10(path: str, batch_size: int):
    from mindspore.dataset import NumpySlicesDataset

    images = np.random.default_rng(5).random((4, 3, 32, 32), np.float32)
    return NumpySlicesDataset((images, np.array([3, 1, 4, 1], np.int32)), ["image", "label"]).batch(batch_size)


GIVEN = {"LeNet5": LeNet5, "AlexNet": AlexNet, "create_dataset_cifar10": create_dataset_cifar10}


class PrintedOnly(doctest.OutputChecker):
    """What the page says is printed, but for NumPy's blanks; it leaves out what only a prompt shows, as of `run()`."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return want == "" or without_blanks(want) == without_blanks(got)


def without_blanks(printed: str) -> list[str]:
    return printed.replace("[", " ").replace("]", " ").replace(". ", " ").split()


def with_imports_changed(example: str) -> str:
    """The example with other import lines; a metric of `nn` has become a name that is imported."""
    changed = example.replace(">>> from mindspore.explainer", ">>> from explainer")
    if "nn.OcclusionSensitivity" in changed:
        metric = ">>> from explainer import OcclusionSensitivity\n"
        changed = metric + changed.replace("nn.OcclusionSensitivity", "OcclusionSensitivity").lstrip()
    return changed


def run(example: str) -> dict[str, Any]:
    """The names that the example leaves behind; AssertionError unless it prints what the page says."""
    test = doctest.DocTestParser().get_doctest(example, dict(GIVEN), "example", None, None)
    runner = doctest.DocTestRunner(PrintedOnly(), verbose=False)
    told: list[str] = []
    results = runner.run(test, out=told.append, clear_globs=False)
    assert results.attempted == len(test.examples) > 0
    assert results.failed == 0, "".join(told)
    return test.globs


def parsed(text: str) -> list[tuple[str, str]]:
    """What is typed and what is printed, statement by statement; a page's next heading is not printed."""
    examples = doctest.DocTestParser().get_examples(text)
    printed = (example.want.partition("\n")[0].strip() for example in examples)
    return [
        (example.source, "" if first.endswith("[source]") else first)
        for example, first in zip(examples, printed, strict=True)
    ]


# ---- they are the users' own ----


@pytest.mark.parametrize(
    ("page", "names"), [("000_c2bd85b3f9afada7", ["OcclusionSensitivity"]), ("002_ace87001cb346e42", OF_THE_PACKAGE)]
)
def test_the_examples_are_those_of_the_users_files_and_all_of_them(page, names):
    theirs = parsed((require_shared("seeds") / f"{page}.txt").read_text(encoding="utf-8"))
    ours = [statement for name in names for statement in parsed(EXAMPLES[name])]
    assert Counter(ours) == Counter(theirs)
    sources = "".join(source for source, _ in theirs)
    for name in names:
        assert "".join(source for source, _ in parsed(EXAMPLES[name])) in sources, name


def test_the_article_is_that_of_the_users_file():
    theirs = (require_shared("seeds") / "001_readable.txt").read_text(encoding="utf-8")
    assert ARTICLE_WITHOUT_UNDERSCORES.strip() in theirs


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_but_imports_is_changed(name):
    before, after = parsed(EXAMPLES[name]), parsed(with_imports_changed(EXAMPLES[name]))
    changed = [pair for pair in after if pair not in before]
    assert changed
    for source, _ in changed:
        assert "import" in source or source == "metric = OcclusionSensitivity()\n"


# ---- they run ----


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "ImageClassificationRunner"])
def test_the_example_prints_what_its_page_says(name):
    run(with_imports_changed(EXAMPLES[name]))


def test_the_example_of_the_runner_writes_a_summary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint(AlexNet(10), "mine.ckpt")
    example = with_imports_changed(EXAMPLES["ImageClassificationRunner"]).replace("/path/to/checkpoint", "mine.ckpt")
    example = example.replace("\n[]\n", "\n([], [])\n")  # MindSpore 2 tells of parameters that were not loaded, too
    left = run(example)
    assert left["gbp"].network is left["net"]

    found = explainer.read_run("summary_dir")
    assert found.ended
    assert sorted(sample.prediction.ground_truth for sample in found.samples.values()) == [(1,), (1,), (3,), (4,)]
    assert {entry.explainer for entry in found.samples[0].maps} == {"GuidedBackprop", "Gradient"}
    scored = {(score.metric, score.explainer) for score in found.samples[0].scores}
    assert {(metric, name) for metric, name in scored if name in found.metadata.explainers} == {
        ("NaiveFaithfulness", "GuidedBackprop"),
        ("NaiveFaithfulness", "Gradient"),
    }


def test_the_example_of_the_article_prints_what_its_page_says(capsys):
    changed = ARTICLE.replace("mindspore.nn.metrics", "explainer").replace("import nn", "import Tensor, nn")
    exec(changed, {"__name__": "article"})
    assert capsys.readouterr().out == "[0.29999995 0.6        1.         0.9       ]\n"


# ---- and mean what they say ----


def test_two_images_with_a_label_each_have_the_map_of_their_own_label():
    from explainer.explanation import RISE

    rise = RISE(LeNet5(10, num_channel=3), nn.Softmax(), 256)
    inputs = Tensor(np.random.default_rng(1).random((2, 3, 32, 32), np.float32))
    saliency = rise(inputs, Tensor([[5], [1]]))
    assert saliency.shape == (2, 1, 32, 32)
    for place, label in enumerate([5, 1]):
        one = rise(inputs[place : place + 1], label).asnumpy()
        np.testing.assert_allclose(saliency[place : place + 1].asnumpy(), one, rtol=1e-5)  # batches cut elsewhere
