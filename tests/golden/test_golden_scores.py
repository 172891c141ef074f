"""The scores of the reference where it is right, and what is done where it is wrong (see its list of faults).

The golden arrays come from `mindspore.explainer` 1.3; tests that need them skip where the shared material is absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from numpy.typing import NDArray
from replicas import RecordingNetwork, asked
from trial.data import require_shared
from trial.networks import golden, golden_images, golden_net

from explainer.benchmark import Case, Faithfulness, Localization
from explainer.explanation import Gradient

FloatArray = NDArray[Any]

# Falls of float32 probabilities, off by some 1e-8 of their spread here; measured: below 3e-7.
ROUNDING = {"rtol": 0, "atol": 1e-5}
TARGETS = {"t3": 3, "t7": 7, "1d": [3], "0d": np.array(3)}
KEYS = ["rand_t3", "rand_t7", "rand_1d", "rand_0d", "grad_t3", "grad_t7", "own_t3"]
BOXES = range(6)


@pytest.fixture(scope="module")
def network() -> nn.Cell:
    require_shared("golden")
    return golden_net("max", gain=3)


def golden_case(key: str) -> tuple[Any, FloatArray | None]:
    """The targets and the map of a golden score; the explainer itself makes the map of "own"."""
    map_, targets = key.split("_")
    return TARGETS[targets], None if map_ == "own" else golden("faithfulness")[f"saliency_{map_}"]


# Where the reference is right.


@pytest.mark.parametrize("key", KEYS)
def test_naive_faithfulness_is_the_golden_one(network: nn.Cell, key: str) -> None:
    targets, saliency = golden_case(key)
    naive = Faithfulness(10, nn.Softmax())
    scores = naive.evaluate(Gradient(network), golden_images(1, 1), targets, saliency)
    np.testing.assert_allclose(scores, golden("faithfulness")[f"NaiveFaithfulness_softmax_{key}"], **ROUNDING)


@pytest.mark.parametrize("tensor", [Tensor(3), Tensor([3])], ids=["0-D", "1-D"])
def test_tensors_have_the_golden_score(network: nn.Cell, tensor: Tensor) -> None:
    images, saliency = Tensor(golden_images(1, 1)), Tensor(golden("faithfulness")["saliency_rand"])
    scores = Faithfulness(10, nn.Softmax()).evaluate(Gradient(network), images, tensor, saliency)
    np.testing.assert_allclose(scores, golden("faithfulness")["NaiveFaithfulness_softmax_rand_t3"], **ROUNDING)


@pytest.mark.parametrize("size", [32, 33, 64, 224])
def test_there_are_as_many_blocks_as_in_the_golden_runs(network: nn.Cell, size: int) -> None:
    case = Case(np.zeros((3, size, size), np.float32), (1,), np.zeros((1, size, size), np.float32), None, None)
    blocks, whole = golden("faithfulness")[f"steps_{size}"][1], 1
    assert Faithfulness(10, nn.Softmax()).passes(case).forwards == blocks + whole


def test_the_blocks_that_are_hidden_are_the_golden_ones(network: nn.Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_by(Faithfulness(10, nn.Softmax()), network, monkeypatch)
    hidden = golden("faithfulness")["naive_masks_rand"][0]
    image = golden_images(1, 1)
    np.testing.assert_array_equal(shown, np.concatenate([image, np.where(hidden, 0, image)]))


def test_what_is_deleted_is_the_golden_half(network: nn.Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_by(Faithfulness(10, nn.Softmax(), "DeletionAUC", percent=0.5), network, monkeypatch)
    hidden = golden("faithfulness")["deletion_masks_rand"][0]
    image = golden_images(1, 1)
    np.testing.assert_array_equal(shown, np.concatenate([image, np.where(hidden, 0, image)]))


def shown_by(metric: Faithfulness, network: nn.Cell, monkeypatch: pytest.MonkeyPatch) -> FloatArray:
    """Every image that the network is shown for the golden map of random numbers."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # a compiled network does not remember
    recording = RecordingNetwork(network)
    gradient, (targets, saliency) = Gradient(recording), golden_case("rand_t3")
    return np.concatenate(asked(recording, lambda: metric.evaluate(gradient, golden_images(1, 1), targets, saliency)))


@pytest.mark.parametrize("key", KEYS)
def test_our_insertion_curve_has_the_golden_area_by_the_reference_s_formula(network: nn.Cell, key: str) -> None:
    targets, saliency = golden_case(key)
    insertion = Faithfulness(10, nn.Softmax(), "InsertionAUC", percent=0.5)
    ((filled, *inserted),) = insertion.curve(Gradient(network), golden_images(1, 1), targets, saliency).probabilities[0]
    rises = np.array(inserted, np.float64) - filled
    # The reference leaves out half of the first and of the last step, twice.
    area = (rises.sum() - rises[0] - rises[-1]) / len(rises)
    wanted = golden("faithfulness")[f"InsertionAUC_softmax_{key}"]
    np.testing.assert_allclose([(1 + area) / 2], wanted, **ROUNDING)


@pytest.mark.parametrize("place", BOXES[:-1])
@pytest.mark.parametrize("map_", ["rand", "grad", "peak5_25"])
def test_iosr_is_the_golden_one(network: nn.Cell, map_: str, place: int) -> None:
    assert iosr(network, map_, place) == golden("localization")[f"IoSR_{map_}"][place]


def test_the_pointing_game_finds_the_golden_peak_in_its_row_and_column(network: nn.Cell) -> None:
    arrays = golden("localization")
    game = Localization(10)
    masks = np.zeros((2, 1, 32, 32))
    masks[0, 0, 5, 25] = masks[1, 0, 25, 5] = 1  # the reference would hit the second, its transpose
    saliency = np.repeat(arrays["saliency_peak5_25"], 2, axis=0)
    scores = game.evaluate(Gradient(network), np.zeros((2, 3, 32, 32)), 3, saliency, masks)
    assert scores.tolist() == [1, 0]


# Faults of the reference, mended.


@pytest.mark.parametrize("place", BOXES)
@pytest.mark.parametrize("map_", ["zero", "neg"])
def test_a_map_without_a_salient_region_has_no_iosr_where_the_reference_gave_zero(
    network: nn.Cell, map_: str, place: int
) -> None:
    assert golden("localization")[f"IoSR_{map_}"][place] == 0
    assert np.isnan(iosr(network, map_, place))


def test_an_empty_box_has_no_iosr_where_the_reference_gave_zero(network: nn.Cell) -> None:
    assert golden("localization")["boxes_row_col_h_w"][5].tolist() == [0, 0, 0, 0]
    assert golden("localization")["IoSR_rand"][5] == 0
    assert np.isnan(iosr(network, "rand", 5))


def test_the_better_of_two_golden_maps_has_the_better_deletion_score(network: nn.Cell) -> None:
    """The reference ranked a map below its negative (0.658 and 0.976): its score was upside down."""
    images, saliency = golden_images(1, 1), np.abs(Gradient(network)(golden_images(1, 1), 3))
    deletion = Faithfulness(10, nn.Softmax(), "DeletionAUC")
    (best,) = deletion.evaluate(Gradient(network), images, 3, saliency)
    (worst,) = deletion.evaluate(Gradient(network), images, 3, -saliency)
    assert best > worst


def iosr(network: nn.Cell, map_: str, place: int) -> float:
    """Of a golden map and the golden box at this place."""
    arrays = golden("localization")
    row, column, height, width = arrays["boxes_row_col_h_w"][place]
    mask = np.zeros((1, 1, 32, 32), bool)
    mask[..., row : row + height, column : column + width] = True
    saliency = arrays[f"saliency_{map_}"]
    (score,) = Localization(10, "IoSR").evaluate(Gradient(network), np.zeros((1, 3, 32, 32)), 3, saliency, mask)
    return float(score)
