"""Every explainer of the package face holds the contract that an explainer of one's own holds."""

from __future__ import annotations

from inspect import isabstract
from typing import Any

import pytest
from mindspore import nn

from explainer import explanation
from explainer.explanation import Attribution
from explainer.testing import ExplainerContract

SOFTMAX = {"activation_fn": nn.Softmax()}
# What an explainer needs beside the network, and few draws; one that is exported is tested by that alone.
OPTIONS: dict[str, dict[str, Any]] = {
    "GradCAM": {"layer": "auto"},
    "IntegratedGradients": {"steps": 4},
    "KernelSHAP": SOFTMAX | {"grid": (2, 3), "samples": 20},  # of 64 sets: they are drawn
    "LIME": SOFTMAX | {"grid": (2, 3), "samples": 20},
    "Occlusion": SOFTMAX,
    "RISE": SOFTMAX | {"masks": 20, "grid": (3, 2)},
    "SmoothGrad": {"samples": 3},
}
EXPLAINERS = [name for name in explanation.__all__ if not isabstract(getattr(explanation, name))]
SIGNED = {"InputXGradient", "IntegratedGradients", "KernelSHAP", "LIME"}


@pytest.mark.usefixtures("uncompiled")
class TestEveryExplainer(ExplainerContract):
    @pytest.fixture(autouse=True, params=EXPLAINERS)
    def chosen(self, request: pytest.FixtureRequest) -> None:
        self.name: str = request.param
        self.signed = self.name in SIGNED  # type: ignore[misc]

    def make(self, network: Any) -> Attribution:
        return getattr(explanation, self.name)(network, **OPTIONS.get(self.name, {}))
