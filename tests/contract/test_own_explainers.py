"""Every explainer of the package face holds the contract that an explainer of one's own holds."""

from __future__ import annotations

from inspect import isabstract
from typing import Any

import pytest
from mindspore import nn

from explainer import explanation
from explainer.explanation import Attribution
from explainer.network.of import classifier_of
from explainer.testing import ExplainerContract
from explainer.testing.networks import SmallNetwork

SOFTMAX = {"activation_fn": nn.Softmax()}
# What an explainer needs beside the network, and few draws; one that is exported is tested by that alone.
OPTIONS: dict[str, dict[str, Any]] = {
    "GradCAM": {"layer": "auto"},
    "IntegratedGradients": {"steps": 3},
    "KernelSHAP": SOFTMAX | {"grid": (2, 3), "samples": 12},  # of 64 sets: they are drawn
    "LIME": SOFTMAX | {"grid": (2, 3), "samples": 12},
    "Occlusion": SOFTMAX,
    "RISE": SOFTMAX | {"masks": 10, "grid": (3, 2)},
    "SmoothGrad": {"samples": 2},
}
EXPLAINERS = [name for name in explanation.__all__ if not isabstract(getattr(explanation, name))]
NETWORK = SmallNetwork()
KEPT = classifier_of(NETWORK)  # one network for all; as long as this is there what was compiled for it is kept
SIGNED = {"InputXGradient", "IntegratedGradients", "KernelSHAP", "LIME"}


class TestEveryExplainer(ExplainerContract):
    @pytest.fixture(autouse=True, params=EXPLAINERS)
    def chosen(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if "when_it_raises" in request.node.name:  # MindSpore waits 3 s where what is compiled fails
            monkeypatch.setenv("EXPLAINER_COMPILE", "off")
        self.name: str = request.param
        self.signed = self.name in SIGNED  # type: ignore[misc]

    def make_network(self) -> nn.Cell:
        return NETWORK

    def make(self, network: Any) -> Attribution:
        return getattr(explanation, self.name)(network, **OPTIONS.get(self.name, {}))
