"""Every metric of the package face holds the contract that a metric of one's own holds."""

from __future__ import annotations

from dataclasses import replace
from inspect import isabstract
from typing import Any

import numpy as np
import pytest
from mindspore import nn

from explainer import benchmark
from explainer.benchmark import Case, Metric
from explainer.testing import MetricContract
from explainer.testing.metrics import contributions

SIGMOID = {"activation_fn": nn.Sigmoid()}
NOISE = SIGMOID | {"perturbations": 4}
METRICS: dict[str, dict[str, Any]] = {  # what a metric needs beside the number of labels
    "AttributionAUC": {},
    "AvgSensitivity": NOISE,
    "ClassSensitivity": {},
    "Completeness": {},
    "Complexity": {},
    "EfficientMPRT": {},
    "EnergyPointingGame": {},
    "Faithfulness": SIGMOID | {"metric": "DeletionAUC"},
    "Faithfulness InsertionAUC": SIGMOID | {"metric": "InsertionAUC"},
    "Faithfulness NaiveFaithfulness": SIGMOID | {"metric": "NaiveFaithfulness"},
    "Infidelity": SIGMOID | {"perturbations": 40},
    "Localization": {},
    "Localization IoSR": {"metric": "IoSR"},
    "MPRT": {},
    "MaxSensitivity": NOISE,
    "ROAD": SIGMOID | {"percents": (0.3, 0.6)},
    "RandomLogit": {},
    "RelevanceMass": {},
    "RelevanceRank": {},
    "Robustness": NOISE,
    "Sparseness": {},
}
OF_THE_EXPLAINER = {  # they look at new maps of the explainer, or at its weights, not at the map that is given
    *("AvgSensitivity", "ClassSensitivity", "EfficientMPRT", "MPRT", "MaxSensitivity", "RandomLogit", "Robustness"),
}


def made(name: str) -> Metric:
    kind, options = getattr(benchmark, name.split()[0]), METRICS[name]
    return kind(**options) if kind is benchmark.ClassSensitivity else kind(4, **options)


def test_every_metric_is_here() -> None:
    kinds = {name: getattr(benchmark, name) for name in benchmark.__all__}
    metrics = {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Metric)}
    assert {name.split()[0] for name in METRICS} == {name for name in metrics if not isabstract(kinds[name])}


@pytest.mark.usefixtures("uncompiled")
class TestEveryMetric(MetricContract):
    @pytest.fixture(autouse=True, params=METRICS)
    def chosen(self, request: pytest.FixtureRequest) -> None:
        self.name: str = request.param

    def make(self) -> Metric:
        return made(self.name)

    def perfect(self, case: Case) -> Any:
        return None if self.name in OF_THE_EXPLAINER else contributions(case)

    def undefined(self, case: Case) -> Case | None:
        if "boxes" in self.make().needs:
            return replace(case, regions=np.zeros_like(case.regions))  # an object that is nowhere
        if self.name in UNDEFINED_FOR_ZEROS:
            return replace(case, saliency=np.zeros_like(case.saliency))
        if self.name in UNDEFINED_FOR_A_BLANK_IMAGE:
            return replace(case, image=np.zeros_like(case.image))
        return None


UNDEFINED_FOR_ZEROS = {
    *("AvgSensitivity", "Complexity", "EfficientMPRT", "Faithfulness NaiveFaithfulness", "MPRT", "MaxSensitivity"),
    *("RandomLogit", "Robustness", "Sparseness"),
}
UNDEFINED_FOR_A_BLANK_IMAGE = {"ClassSensitivity", "Completeness", "Infidelity"}  # whose logits are all 0
