"""Every metric of the package face holds the contract that a metric of one's own holds."""

from __future__ import annotations

from dataclasses import replace
from inspect import isabstract
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork

from explainer import benchmark
from explainer.benchmark import Case, Metric
from explainer.errors import BadSampleError
from explainer.explanation import Attribution, InputXGradient
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


# What says nothing. The image is (2, 5, 7), six of the 35 pixels lie in the region; logits are linear in the image.

NAN = float("nan")
REGION = np.zeros((1, 5, 7), bool)
REGION[:, 1:3, 4:7] = True
IMAGE = np.random.default_rng(0).uniform(0.1, 1, (2, 5, 7)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).standard_normal((4, 70)) / 10
RASTER = -np.arange(35.0).reshape(1, 5, 7)  # of equal pixels the first goes first

OF_A_CONSTANT_MAP = {
    "AttributionAUC": 0.5,
    "AvgSensitivity": 0,
    "ClassSensitivity": NAN,
    "Completeness": abs(35 * 0.75 / (WEIGHTS[2] @ IMAGE.ravel()) - 1),
    "Complexity": np.log(35),
    "EfficientMPRT": NAN,
    "EnergyPointingGame": NAN,
    "Faithfulness NaiveFaithfulness": NAN,
    "Localization": NAN,
    "Localization IoSR": 6 / 35,
    "MPRT": NAN,
    "MaxSensitivity": 0,
    "ROAD": 0.5,
    "RandomLogit": NAN,
    "RelevanceMass": 6 / 35,
    "RelevanceRank": NAN,
    "Robustness": 1,
    "Sparseness": 0,
}
LIKE_ANOTHER_MAP = {
    "Faithfulness": RASTER,
    "Faithfulness InsertionAUC": RASTER,
    "Infidelity": np.full((1, 5, 7), 2.5),  # whose scale does not count
}
OF_NO_CHANGE = {"AttributionAUC": 0.5, "Faithfulness": 0.5, "Faithfulness InsertionAUC": 0.5, "ROAD": 0.5}


class Constant(Attribution):
    """The same map for whatever is shown."""

    def _explain(self, images: Any, targets: Any) -> Any:
        return np.full((*targets.shape, 5, 7), 0.75)


def score_of(name: str, explainer: Attribution, saliency: Any, image: Any = IMAGE) -> float:
    (score,) = made(name).score(Case(image, (2,), np.asarray(saliency, np.float32), REGION, explainer))
    return float(score)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", METRICS)
def test_a_constant_map_has_no_score_or_the_one_of_a_map_that_knows_nothing(name: str) -> None:
    explainer = Constant(LinearNetwork(WEIGHTS))
    found = score_of(name, explainer, np.full((1, 5, 7), 0.75))
    other = LIKE_ANOTHER_MAP.get(name)
    wanted = OF_A_CONSTANT_MAP[name] if other is None else score_of(name, explainer, other)
    assert found == pytest.approx(wanted, rel=1e-5, nan_ok=True)  # sums in float32


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("fault", ["constant prediction", "black image"])
@pytest.mark.parametrize("name", METRICS)
def test_where_nothing_changes_there_is_no_score_or_that_of_chance(name: str, fault: str) -> None:
    """All logits are 0, and so is the map."""
    black = fault == "black image"
    explainer = InputXGradient(LinearNetwork(WEIGHTS if black else 0 * WEIGHTS))
    found = score_of(name, explainer, np.zeros((1, 5, 7)), 0 * IMAGE if black else IMAGE)
    assert found == pytest.approx(OF_NO_CHANGE.get(name, NAN), rel=1e-6, nan_ok=True)


class NoNumbers(nn.Cell):
    """Gives NaN for whatever is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.network = LinearNetwork(WEIGHTS)

    def construct(self, images: Any) -> Any:
        return self.network(images) * np.nan


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", [name for name in METRICS if "explainer" in made(name).needs])
def test_outputs_of_nan_are_no_score(name: str) -> None:
    """An error where a new map is made of them, else undefined."""
    explainer = InputXGradient(NoNumbers())
    if name in ("ClassSensitivity", "EfficientMPRT", "MPRT", "RandomLogit"):
        with pytest.raises(BadSampleError, match="`saliency of InputXGradient` must be finite"):
            score_of(name, explainer, RASTER)
    else:
        assert np.isnan(score_of(name, explainer, RASTER))
