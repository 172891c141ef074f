"""The trees of the reference's hierarchical occlusion, with its fault of more than 64 windows repaired, and its errors.

The trees come from MindSpore XAI; these tests skip where the shared material is absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import Tensor
from trial.data import require_shared
from trial.networks import golden_hoc, golden_hoc_net, golden_rebuild

from explainer.counterfactual import EditStep, HierarchicalOcclusion, SearchResult
from explainer.errors import OriginalOutputError

# The outputs stray by the float32 sums over 224 x 224 pixels; boxes are exact.
TOLERANCE = 2e-4
SETTINGS: dict[str, dict[str, Any]] = {
    "auto_64": {},
    "auto_masking_64": {"by_masking": True},
    "thr07_64": {"threshold": 0.7},
    "auto_112": {},
    "auto_224": {},
    "tuple_mask_64": {},
    "gauss9_64": {},
    "chw_64": {},
    "tensor_64": {},
    "custom_32_16_8_s8_4_2": {"win_sizes": [32, 16, 8], "strides": [8, 4, 2]},
    "custom_masking_over64": {"win_sizes": [16, 8], "strides": [3, 2], "by_masking": True},
}
# The tuple is not stored; these three, in any order, give the stored outputs, as all channels weigh the same.
MASKS = {"tuple_mask_64": (0.45, 0.5, 0.55), "gauss9_64": "gaussian:9"}
ERRORS = {
    "class0_low": ({}, 64, 0, None, OriginalOutputError),
    "thr1.0_original_too_low": ({"threshold": 0.96}, 64, 1, None, OriginalOutputError),
    "bad_mask": ({}, 64, 1, "gauss:3", ValueError),
    "gaussian0": ({}, 64, 1, "gaussian:0", ValueError),
    "int_mask": ({}, 64, 1, 1, TypeError),
    "too_small_40": ({}, 40, 1, None, ValueError),
    "small_24": ({}, 24, 1, None, ValueError),
    "class_out_of_range": ({}, 64, 5, None, ValueError),  # an IndexError there
}
REFUSED: dict[str, dict[str, Any]] = {
    "init_ws_only": {"win_sizes": [32]},
    "init_st_only": {"strides": [8]},
    "init_asc": {"win_sizes": [16, 32], "strides": [8, 4]},
    "init_equal_strides": {"win_sizes": [32, 16], "strides": [4, 4]},
    "init_len": {"win_sizes": [32, 16], "strides": [4]},
    "init_empty": {"win_sizes": [], "strides": []},
}


@pytest.fixture(scope="module", autouse=True)
def _shared() -> None:
    require_shared("golden")


def image_of(side: int) -> Any:
    return golden_rebuild().hoc_image(h=side, w=side)


def searched(name: str) -> SearchResult:
    side = 64 if name.startswith("custom") else int(name.rsplit("_", 1)[1])
    image = {"chw_64": lambda given: given[0], "tensor_64": Tensor}.get(name, lambda given: given)(image_of(side))
    return HierarchicalOcclusion(golden_hoc_net(side), **SETTINGS[name]).search(image, 1, MASKS.get(name))


def assert_same(found: EditStep, wanted: EditStep) -> None:
    assert (found.layer, found.box) == (wanted.layer, wanted.box)
    assert found.network_output == pytest.approx(wanted.network_output, abs=TOLERANCE)
    assert found.step_change == pytest.approx(wanted.step_change, abs=TOLERANCE)
    assert [child.box for child in found.children] == [child.box for child in wanted.children]
    for own, golden in zip(found.children, wanted.children, strict=True):
        assert_same(own, golden)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_tree_and_the_outputs_of_its_layers_are_the_golden_ones(name: str) -> None:
    golden = golden_hoc()[name]
    root, layer_outputs = searched(name)
    assert_same(root, EditStep.from_dict(golden["tree"]))
    np.testing.assert_allclose(layer_outputs, golden["layer_outputs"], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ERRORS)
def test_what_the_reference_cannot_search_is_an_error(name: str) -> None:
    settings, side, label, mask, error = ERRORS[name]
    search = HierarchicalOcclusion(golden_hoc_net(64), **settings).search
    with pytest.raises(error):
        search(image_of(side), label, mask)


@pytest.mark.parametrize("name", REFUSED)
def test_windows_that_the_reference_refuses_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"`(win_sizes|strides)`"):
        HierarchicalOcclusion(golden_hoc_net(64), **REFUSED[name])


def test_every_golden_entry_is_met_above() -> None:
    assert set(golden_hoc()) == {*SETTINGS, *ERRORS, *REFUSED}
