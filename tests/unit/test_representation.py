"""What objects show at a prompt: one line, what differs from the default, no array in full."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn

from explainer import (
    ImageClassificationRunner,
    OcclusionSensitivity,
    Preprocess,
    RunOptions,
    RunResult,
    WrittenReport,
    benchmark,
    explanation,
    records,
)
from explainer.analysis.statistics import MethodStatistics, Summary
from explainer.benchmark import ROAD, Case, Faithfulness, Localization, ScoreBoard
from explainer.benchmark.base import FilledCurve
from explainer.benchmark.faithfulness import Curve
from explainer.benchmark.randomisation import Cascade
from explainer.counterfactual import EditStep, HierarchicalOcclusion, SearchResult, StopReason
from explainer.explanation import RISE, GradCAM, Gradient, GuidedBackprop, Occlusion, SmoothGrad
from explainer.explanation.base import Explained
from explainer.representation import changed, line, short
from explainer.uncertainty import AugmentationUncertainty, EnsembleUncertainty
from explainer.uncertainty.draws import Estimate
from explainer.uncertainty.posterior import Entropies

NETWORK, SOFTMAX = SmallCnn(), nn.Softmax()
NAMES = ["ant", "bee", "cat", "dog", "eel", "fox"]
BIG = np.zeros((3, 1, 50, 70), np.float32)


# ---- values ----


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (BIG, "float32 (3, 1, 50, 70)"),
        ([BIG, 1], "[float32 (3, 1, 50, 70), 1]"),
        (NAMES, "['ant', 'bee', 'cat', 'dog', ... 6 in all]"),
        (tuple(NAMES[:4]), "('ant', 'bee', 'cat', 'dog')"),
        ((3,), "(3,)"),
        ((), "()"),
        ("x" * 90, f"'{'x' * 57}...'"),
        (Path("runs/pets"), "'runs/pets'"),
        (b"0123", "4 bytes"),
        ({"a": {"b": 1, "c": 2}, "d": 0.5}, "{'a': {2 entries}, 'd': 0.5}"),
        ({str(number): number for number in range(9)}, "{'0': 0, '1': 1, '2': 2, '3': 3, ... 9 in all}"),
        (1 / 3, "0.3333"),
        (np.float32(2), "2"),
        (None, "None"),
        (len, "len"),
        (nn.Softmax, "Softmax"),
        (nn.SequentialCell(nn.Dense(200, 300), nn.ReLU()), None),
    ],
)
def test_a_value_is_shown_in_a_few_letters(value: Any, shown: str | None) -> None:
    assert "\n" not in short(value) and len(short(value)) <= 180
    assert shown is None or short(value) == shown


def test_settings_are_told_where_they_are_no_defaults() -> None:
    def make(network: Any, grid: Any = 7, fills: Any = ("mean",), window: Any = None, kind: Any = Gradient) -> None: ...

    usual = {"grid": [7, 7], "fills": ["mean"], "window": None, "kind": {"class": "Gradient", "reduction": "sum"}}
    assert changed(make, {"class": "Any", **usual, "found": 3}) == {}
    assert changed(make, usual | {"grid": [7, 8], "kind": {"class": "RISE"}}) == {"grid": [7, 8], "kind": "RISE"}
    assert changed(make, usual, window=5) == {"window": None}
    assert line("Kind", "Net", a=1, b="x") == "Kind(Net, a=1, b='x')"


# ---- explainers and metrics ----


def made(room: Any, name: str) -> Any:
    kind = getattr(room, name)
    wanted = inspect.signature(kind.__init__).parameters
    given = {"network": NETWORK, "activation_fn": SOFTMAX, "num_labels": 4}
    return kind(**{name: value for name, value in given.items() if name in wanted})


@pytest.mark.parametrize("name", [name for name in explanation.__all__ if name != "Attribution"])
def test_a_method_with_its_defaults_is_its_class_and_its_network(name: str) -> None:
    assert repr(made(explanation, name)) == f"{name}(SmallCnn)"


METRICS = [
    name
    for name in benchmark.__all__
    if isinstance(getattr(benchmark, name), type)
    and issubclass(getattr(benchmark, name), benchmark.Metric)
    and not inspect.isabstract(getattr(benchmark, name))
]


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_with_its_defaults_is_its_class_and_its_number_of_labels(name: str) -> None:
    assert repr(made(benchmark, name)) == (f"{name}()" if name == "ClassSensitivity" else f"{name}(4)")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (GradCAM(NETWORK, "conv2", name="mine"), "GradCAM(SmallCnn, layer='conv2', name='mine')"),
        (
            Gradient(NETWORK).with_labels(NAMES),
            "Gradient(SmallCnn, labels=['ant', 'bee', 'cat', 'dog', ... 6 in all])",
        ),
        (RISE(NETWORK, SOFTMAX, masks=50, grid=(5, 6)), "RISE(SmallCnn, masks=50, grid=[5, 6])"),
        (SmoothGrad(NETWORK, GuidedBackprop, samples=9), "SmoothGrad(SmallCnn, method='GuidedBackprop', samples=9)"),
        (Occlusion(np.mean, None, window=3, score="logit"), "Occlusion(mean, score='logit', window=[3, 3])"),
        (Faithfulness(4, SOFTMAX, "DeletionAUC", steps=16), "Faithfulness(4, metric='DeletionAUC', steps=16)"),
        (
            Faithfulness(4, SOFTMAX, "InsertionAUC", percent=0.5, curve_fills=()).named("half"),
            "Faithfulness(4, metric='InsertionAUC', percent=0.5, curve_fills=[], name='half')",
        ),
        (Localization(4, "IoSR"), "Localization(4, metric='IoSR')"),
        (ROAD(4, SOFTMAX, percents=(0.5,)), "ROAD(4, percents=[0.5])"),
        (HierarchicalOcclusion(NETWORK, SOFTMAX, threshold=0.4), "HierarchicalOcclusion(SmallCnn, threshold=0.4)"),
        (
            HierarchicalOcclusion(NETWORK, SOFTMAX, [32, 16], [6, 3]).with_labels(["a", "b"]),
            "HierarchicalOcclusion(SmallCnn, win_sizes=[32, 16], strides=[6, 3], labels=['a', 'b'])",
        ),
        (OcclusionSensitivity(margin=(0, 1, 1)), "OcclusionSensitivity(margin=(0, 1, 1))"),
        (AugmentationUncertainty(NETWORK, SOFTMAX, "noise"), "AugmentationUncertainty(augment='noise')"),
        (EnsembleUncertainty([SmallCnn(), SmallCnn()], SOFTMAX), "EnsembleUncertainty()"),
        (Preprocess.cifar(), "Preprocess(size=(32, 32), mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616))"),
        (RunOptions(), "RunOptions()"),
        (RunOptions(top_k=3, mean=[0.1, 0.2, 0.3], std=1), "RunOptions(top_k=3, mean=[0.1, 0.2, 0.3], std=1)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_chosen_is_told_and_nothing_else(given: Any, shown: str) -> None:
    assert repr(given) == shown


def test_a_runner_says_where_it_writes_and_what_is_registered(tmp_path: Path) -> None:
    dataset = NumpySlicesDataset({"image": np.zeros((2, 2, 5, 7), np.float32)})
    runner = ImageClassificationRunner("runs/pets", (dataset, NAMES[:4]), NETWORK, SOFTMAX)
    assert repr(runner) == "ImageClassificationRunner('runs/pets', 4 labels, SmallCnn, registered=[])"
    runner.register_saliency([Gradient(NETWORK)])
    assert repr(runner).endswith("SmallCnn, registered=['saliency'])")
    other = ImageClassificationRunner("a", (dataset, NAMES[:4]), NETWORK, SOFTMAX, options=RunOptions(top_k=2))
    assert (
        repr(other) == "ImageClassificationRunner('a', 4 labels, SmallCnn, registered=[], options=RunOptions(top_k=2))"
    )


# ---- what comes out ----

FLOATS = np.zeros(1000, np.float32)
STEP = EditStep(0, (1, 2, 4, 4), 0.75, -0.5, [EditStep(1, (1, 2, 2, 2))] * 3, StopReason.THRESHOLD_MET)
SUMMARY = Summary(0.5, 0.5, 0.125, 0.25, 0.75, 9, 1)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (Explained(BIG), "Explained(float32 (3, 1, 50, 70))"),
        (Explained(BIG, FLOATS[:3, None]), "Explained(float32 (3, 1, 50, 70), completeness_gaps=float32 (3, 1))"),
        (Curve(FLOATS, BIG), "Curve(fractions=float32 (1000,), probabilities=float32 (3, 1, 50, 70))"),
        (FilledCurve("blur", FLOATS, FLOATS[None]), None),
        (Cascade(("fc", "conv2"), BIG), "Cascade(layers=('fc', 'conv2'), similarities=float32 (3, 1, 50, 70))"),
        (Case(BIG[0], (1,), BIG[0], None, Gradient(NETWORK)), None),
        (ScoreBoard(3), "ScoreBoard(defined=0, undefined=0, mean=nan)"),
        (STEP, "EditStep(layer 0, box (1, 2, 4, 4), output 0.75, change -0.5, 3 children, THRESHOLD_MET)"),
        (SearchResult(STEP, [0.75]), None),
        (Estimate(BIG, BIG, BIG, BIG, Entropies(FLOATS, FLOATS, FLOATS)), None),
        (
            RunResult(Path("runs/a"), Path("runs/a/events"), Path("runs/a/data"), 6, 0, 12, 3.25),
            "RunResult('runs/a', samples=6, maps=12, seconds=3.25)",
        ),
        (
            RunResult(Path("a"), Path("e"), Path("d"), 6, 1, 12, 3.0, 2),
            "RunResult('a', samples=6, skipped=1, maps=12, resumed=2, seconds=3)",
        ),
        (WrittenReport(Path("a.html"), "single", 1, 900, 6, "ended", True, 0), None),
        (
            MethodStatistics("ROAD", "RISE", True, False, 1.0, SUMMARY, SUMMARY, SUMMARY, (1.0, 1.0)),
            "<MethodStatistics 'ROAD' of 'RISE': mean 0.5 [0.25, 0.75], n 9, 1 undefined>",
        ),
        (
            records.SaliencyFile(3, "GradCAM", 1, "_explain_1/heatmap/GradCAM/0/3_1.png", 0.0, 0.5, digest=bytes(16)),
            "SaliencyFile(sample_id=3, explainer='GradCAM', label=1, path='_explain_1/heatmap/GradCAM/0/3_1.png', "
            "low=0, high=0.5, digest=16 bytes)",
        ),
        (records.Prediction(3, (1,), (), (1, 2), FLOATS), None),
        (records.Saliency(3, "RISE", 1, BIG[0, 0]), None),
        (records.Uncertainty(3, FLOATS, FLOATS, FLOATS, FLOATS, 0.5, 0.25, 0.25, records.Draws((1,), BIG[0, 0])), None),
        (records.RunMetadata(tuple(NAMES * 100), ("RISE",), parameters={"a": {"b": list(range(99))}}), None),
        (records.Benchmark("RISE", "ROAD", 0.5, tuple([0.5] * 1000)), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_comes_out_is_one_line_without_its_numbers(given: Any, shown: str | None) -> None:
    assert shown is None or repr(given) == shown
    assert "\n" not in repr(given) and len(repr(given)) <= 400
    assert "array(" not in repr(given)
