"""Two small networks of MindCV: the gradient, the gradient under a ReLU rule, a layer, the probabilities.

scripts/mindcv_networks does the same for ten networks, every method and images of full size, and says what is checked.
"""

from __future__ import annotations

from typing import Any

import pytest
from script_modules import load_script

pytestmark = pytest.mark.usefixtures("queued_operators")

SIZE = 64  # compiling takes the time, and takes as long for larger images


@pytest.fixture(scope="module")
def script() -> Any:
    pytest.importorskip("mindcv", reason="MindCV is not installed; pip install mindcv")
    return load_script("mindcv_networks")


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("squeezenet1_1", ["GuidedBackprop", "GradCAM"]),
        ("mobilenet_v2_100", ["GradCAM"]),  # ReLU6, batch norm and depthwise convolutions
    ],
)
def test_maps_of_a_mindcv_network_are_equal_compiled_and_eager_and_agree_with_finite_differences(script, name, methods):
    report = script.report_on(name, SIZE, methods)
    assert not report.failures
    assert report.layers == script.NETWORKS[name].layer
    assert [outcome.method for outcome in report.outcomes if outcome.compiled] == methods
