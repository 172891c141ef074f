"""The passes of a run with all explainers, both controls and all metrics, written as a sum."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isabstract
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import Counting, SmallCnn

from explainer import ImageClassificationRunner, RunOptions, benchmark, explanation
from explainer.benchmark import AvgSensitivity, MaxSensitivity
from explainer.explanation import Attribution
from explainer.run import one_run

SOFTMAX = nn.Softmax()


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pass that is compiled calls no Python, so that nothing could be counted."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    yield


STEPS, COPIES, WINDOWS, MASKS, CHANNELS, SETS, DRAWN = 3, 3, 4, 6, 6, 16, 6
NOISY, SQUARES, PARTS, BLOCKS, FILLS, LAYERS = 2, 5, 2, 5, 2, 3


class Cost(NamedTuple):
    """Passes of an explainer: for each label, for each image, and for an image whose own output is not known yet."""

    label: int = 0
    image: int = 0
    unknown: int = 0


COSTS = {
    "Gradient": Cost(label=1),
    "Deconvolution": Cost(label=1),
    "GuidedBackprop": Cost(label=1),
    "InputXGradient": Cost(label=1),
    "GradCAM": Cost(label=1),
    "GradCAMPlusPlus": Cost(label=1),
    "HiResCAM": Cost(label=1),
    "LayerCAM": Cost(label=1),
    "SmoothGrad": Cost(label=COPIES),
    "IntegratedGradients": Cost(label=STEPS, image=1, unknown=1),  # the baseline's output, and the image's
    "ScoreCAM": Cost(image=1 + CHANNELS),  # the layer's output, and the image seen through each channel
    "Occlusion": Cost(image=WINDOWS, unknown=1),
    "RISE": Cost(image=MASKS),
    "LIME": Cost(image=DRAWN - 1, unknown=1),  # the whole image is among the drawn ones
    "KernelSHAP": Cost(image=SETS - 1, unknown=1),
}


def all_explainers(network: nn.Cell) -> list[Attribution]:
    options: dict[str, dict[str, Any]] = {
        **{name: {"layer": "network.conv2"} for name in ("GradCAM", "GradCAMPlusPlus", "HiResCAM", "LayerCAM")},
        "SmoothGrad": {"samples": COPIES},
        "IntegratedGradients": {"steps": STEPS},
        "ScoreCAM": {"layer": "network.conv2"},
        "Occlusion": {"activation_fn": SOFTMAX, "window": (3, 4), "stride": (2, 3)},
        "RISE": {"activation_fn": SOFTMAX, "masks": np.random.default_rng(1).random((MASKS, 5, 7))},
        "LIME": {"activation_fn": SOFTMAX, "samples": DRAWN, "grid": 3},
        "KernelSHAP": {"activation_fn": SOFTMAX, "samples": SETS, "grid": 2},
    }
    return [getattr(explanation, name)(network, **options.get(name, {})) for name in COSTS]


def all_metrics() -> list[benchmark.Metric]:
    noisy = {"perturbations": NOISY, "threshold": 1}
    return [
        *(benchmark.Faithfulness(4, SOFTMAX, name) for name in ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")),
        benchmark.ROAD(4, SOFTMAX, percents=(0.2, 0.5)),
        benchmark.Infidelity(4, SOFTMAX, perturbations=SQUARES),
        benchmark.Completeness(4),
        benchmark.ClassSensitivity(),
        *(kind(4, SOFTMAX, **noisy) for kind in (benchmark.Robustness, MaxSensitivity, AvgSensitivity)),
        *(kind(4) for kind in (benchmark.RandomLogit, benchmark.MPRT, benchmark.EfficientMPRT)),
        *(benchmark.Localization(4, name) for name in ("PointingGame", "IoSR")),
        *(kind(4) for kind in (benchmark.RelevanceMass, benchmark.RelevanceRank, benchmark.EnergyPointingGame)),
        *(kind(4) for kind in (benchmark.AttributionAUC, benchmark.Sparseness, benchmark.Complexity)),
    ]


def test_all_explainers_and_metrics_are_in_the_run_below() -> None:
    methods = {name for name in explanation.__all__ if not isabstract(getattr(explanation, name))}
    assert COSTS.keys() == methods
    kinds = [getattr(benchmark, name) for name in benchmark.__all__]
    metrics = {kind for kind in kinds if issubclass(kind, benchmark.Metric) and not isabstract(kind)}
    assert {type(metric) for metric in all_metrics()} == metrics


@pytest.mark.parametrize("labels", [1, 3])
def test_every_explainer_tells_these_passes(labels: int) -> None:
    for explainer, cost in zip(all_explainers(Counting(SmallCnn(channels=3))), COSTS.values(), strict=True):
        told = explainer.passes((3, 5, 7), labels)
        assert (told.total, told.known) == (labels * cost.label + cost.image + cost.unknown, cost.unknown)


@pytest.mark.usefixtures("uncompiled")
def test_a_run_needs_these_passes_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four images in one batch, each explained for one label: all explainers, both controls, all metrics."""
    images = np.random.default_rng(0).standard_normal((4, 3, 5, 7)).astype(np.float32)
    columns = images, np.full((4, 1), 2, np.int32), np.full((4, 1, 4), 2, np.int32)
    network = Counting(SmallCnn(channels=3))
    data = NumpySlicesDataset(columns, ["image", "label", "bboxes"], shuffle=False).batch(4)
    options = RunOptions(threshold=1.0, label_format="ids")
    runner = ImageClassificationRunner(tmp_path, (data, ["a", "b", "c", "d"]), network, SOFTMAX, options=options)
    runner.register_saliency(all_explainers(network), all_metrics())
    monkeypatch.setattr(one_run, "_FEW", 10_000)  # so that no part is tried beforehand
    network.passes.clear()
    runner.run()

    of_a_label = sum(cost.label for cost in COSTS.values())
    of_an_image = sum(cost.image for cost in COSTS.values())
    if_unknown = sum(cost.unknown for cost in COSTS.values())
    methods = len(COSTS) + 2  # the controls are scored, too
    maps = of_a_label + of_an_image

    first_pass = 1
    rules, layers = 2 * 2, 2  # the way back without a rule and under each; conv2 watched, and what lies around it
    checks = maps + rules + layers  # of the first image, before a file is made
    by_hiding = methods * (BLOCKS + 2 * FILLS * BLOCKS + 2 * PARTS + SQUARES)  # the step of nothing hidden is known
    baselines = methods * 1  # of Completeness
    two_labels = 2 * of_a_label + of_an_image  # ClassSensitivity
    noise = 3 * NOISY * (methods + maps) + NOISY  # each of three: outputs and maps; a noisy image's own output once
    another_label = maps  # RandomLogit
    shuffled = (LAYERS + 1) * (maps + if_unknown)  # MPRT layer by layer, EfficientMPRT once; nothing is known then
    per_image = 1 + maps + by_hiding + baselines + two_labels + noise + another_label + shuffled
    assert sum(network.passes) == first_pass + checks + 4 * per_image
    # A forecast knows of no other metric with the same noise, so it has the noisy images' own outputs for each method.
    own_of_noisy = NOISY * (3 * if_unknown - 1)
    assert runner.estimate().passes == 4 * (per_image + own_of_noisy)
