"""OcclusionSensitivity against mindspore.train's, whose numbers it has to give; rows O1 to O10 of what it must do."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import mindspore.train.metrics.occlusion_sensitivity as reference
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn
from mindspore.train import Metric
from mindspore.train import OcclusionSensitivity as Reference
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import RecordingNetwork, normal_images, whole_numbers
from tqdm import tqdm

from explainer import OcclusionSensitivity
from explainer.explanation import occlusion_sensitivity

FloatArray = NDArray[Any]

DOCUMENTED = np.float32([[0.1, 0.2, 0.3, 0.4]])
WEIGHTS = whole_numbers(4, 70, seed=1)
IMAGE = whole_numbers(1, 2, 5, 7, seed=2)


class DenseNet(nn.Cell):
    """The network of the documented example."""

    def __init__(self) -> None:
        super().__init__()
        weight = np.float32([[0.1, 0.8, 0.1, 0.1], [1, 1, 1, 1]])
        self.dense = nn.Dense(4, 2, weight_init=Tensor(weight), bias_init=Tensor(np.float32([0.3, 0.6])))

    def construct(self, x: Tensor) -> Tensor:
        return self.dense(x)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "trange", range)
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


def ours(network: Any, image: Any, label: Any, **options: Any) -> FloatArray:
    metric = OcclusionSensitivity(**options)
    metric.clear()
    metric.update(network, image, label)
    return metric.eval()


def theirs(network: nn.Cell, image: FloatArray, label: int, **options: Any) -> FloatArray:
    metric = Reference(**options)
    metric.clear()
    metric.update(network, image, np.array(label))
    return np.asarray(metric.eval())


def slow_map(image: FloatArray, label: int, margins: Sequence[int], pad_val: float) -> FloatArray:
    """The fall of a linear network's output is what the hidden places contribute, less what the fill contributes."""
    contributions = WEIGHTS[label].reshape(image.shape[1:]) * (image[0] - pad_val)
    falls = np.zeros(image.shape[1:])
    for place in np.ndindex(*falls.shape):
        box = tuple(slice(max(0, at - margin), at + margin) for at, margin in zip(place, margins, strict=True))
        falls[place] = contributions[box].sum()
    return falls


# O1: the protocol.


def test_o1_the_documented_example_gives_the_documented_numbers() -> None:
    metric = OcclusionSensitivity()
    metric.clear()
    metric.update(DenseNet(), DOCUMENTED, np.array(1).astype(np.int32))
    score = metric.eval()
    assert isinstance(score, np.ndarray)
    np.testing.assert_allclose(score, [0.3, 0.6, 1, 0.9], rtol=1e-6)
    assert str(score) == "[0.29999995 0.6        1.         0.9       ]"


def test_o1_it_is_a_metric_of_mindspore_and_takes_its_inputs_in_another_order_when_told() -> None:
    metric = OcclusionSensitivity()
    assert isinstance(metric, Metric)
    metric.set_indexes([2, 1, 0])
    metric.update(1, DOCUMENTED, DenseNet())
    np.testing.assert_allclose(metric.eval(), [0.3, 0.6, 1, 0.9], rtol=1e-6)


def test_o1_its_parameters_are_those_of_the_reference_in_their_order() -> None:
    metric = OcclusionSensitivity(0.5, [1, 2, 3], 7, [0, 1, 2, 3, 0, 2])
    assert (metric.pad_val, metric.margin, metric.n_batch, metric.b_box) == (0.5, (1, 2, 3), 7, (0, 1, 2, 3, 0, 2))
    metric = OcclusionSensitivity()
    assert (metric.pad_val, metric.margin, metric.n_batch, metric.b_box) == (0.0, 2, 128, None)


@pytest.mark.parametrize("margin", [1, 2, 5])
@pytest.mark.parametrize("pad_val", [0.0, -0.5])
def test_o1_numbers_are_those_of_mindspore(margin: int, pad_val: float) -> None:
    network, image = SmallCnn(), normal_images(1)
    wanted = theirs(network, image, 3, margin=margin, pad_val=pad_val)
    found = ours(network, image, 3, margin=margin, pad_val=pad_val)
    assert found.shape == wanted.shape == (2, 5, 7)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    assert np.abs(wanted).max() > 0.05


def test_o1_the_last_update_counts() -> None:
    metric = OcclusionSensitivity()
    metric.update(DenseNet(), DOCUMENTED, 0)
    metric.update(DenseNet(), DOCUMENTED, 1)
    np.testing.assert_allclose(metric.eval(), [0.3, 0.6, 1, 0.9], rtol=1e-6)


# O2: margin.


@pytest.mark.parametrize("margin", [0, 1, 2, 3, 10, (0, 1, 2), (1, 1, 1), [2, 3, 1], np.array([1, 2, 9])])
def test_o2_the_window_around_a_place_is_half_open_along_each_axis(margin: Any) -> None:
    margins = (margin,) * 3 if isinstance(margin, int) else margin
    found = ours(LinearNetwork(WEIGHTS), IMAGE, 2, margin=margin)
    np.testing.assert_array_equal(found, slow_map(IMAGE, 2, margins, 0.0))


def test_o2_a_margin_per_axis_of_equal_numbers_is_one_margin() -> None:
    network, image = SmallCnn(), normal_images(1)
    np.testing.assert_array_equal(ours(network, image, 1, margin=(2, 2, 2)), ours(network, image, 1, margin=2))


@pytest.mark.parametrize("margin", [(1, 2), (1,), (1, 1, 1, 1), ()])
def test_o2_a_margin_for_other_axes_is_refused(margin: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"`margin` must be .* each of the 3 axes .* got {len(margin)}"):
        ours(LinearNetwork(WEIGHTS), IMAGE, 1, margin=margin)


# O3: pad_val.


@pytest.mark.parametrize("pad_val", [0, 3, -2.5, np.float32(0.5), np.int64(4)])
def test_o3_any_number_may_hide(pad_val: Any) -> None:
    found = ours(LinearNetwork(WEIGHTS), IMAGE, 0, pad_val=pad_val)
    np.testing.assert_array_equal(found, slow_map(IMAGE, 0, (2, 2, 2), float(pad_val)))


# O4: n_batch.


@pytest.mark.parametrize("n_batch", [1, 3, 8, 23, 70, 1000])
def test_o4_the_batch_size_changes_nothing_and_is_never_exceeded(n_batch: int) -> None:
    network = RecordingNetwork(SmallCnn())
    wanted = ours(SmallCnn(), normal_images(1), 3)
    np.testing.assert_allclose(ours(network, normal_images(1), 3, n_batch=n_batch), wanted, rtol=0, atol=1e-6)
    assert max(len(batch) for batch in network.shown) <= n_batch
    assert len(network.shown) <= 2 + -(-70 // n_batch)


# O5: b_box.


@pytest.mark.parametrize(
    ("b_box", "places"),
    [
        ([0, 1, 1, 3, 2, 6], np.s_[0:2, 1:4, 2:7]),
        ((1, 1, 4, 4, 0, 6), np.s_[1, 4, 0:7]),  # squeezed
        ([-1, -1, -3, -1, -9, -2], np.s_[:, :, :]),  # negative: the first, and the last place
        ([-1, 0, 2, -1, 3, 3], np.s_[0, 2:, 3]),
        (np.array([0, 0, 0, 0, 1, 2]), np.s_[0, 0, 1:3]),
    ],
)
def test_o5_a_box_is_cut_out_of_the_whole_map(b_box: Any, places: Any) -> None:
    network, image = SmallCnn(), normal_images(1)
    found = ours(network, image, 2, b_box=b_box)
    np.testing.assert_allclose(found, ours(network, image, 2)[places], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found, theirs(network, image, 2, b_box=[int(one) for one in b_box]), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("b_box", "message"),
    [
        ([0, 1, 1, 3], "`b_box` must have a minimum and a maximum for each of the 3 axes .*, got 4 numbers"),
        ([0, 1, 1, 3, 2, 7], "`b_box` must stay within the input: a maximum must be below 7, got 7"),
        ([0, 2, 1, 3, 2, 6], "a maximum must be below 2, got 2"),
        ([0, 1, 3, 2, 2, 6], r"`b_box` must have minima up to the maxima, got \[3, 2\]"),
        ([0, 1, 9, -1, 2, 6], r"`b_box` must have minima up to the maxima, got \[9, 4\]"),
    ],
)
def test_o5_a_box_that_does_not_fit_is_refused(b_box: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ours(SmallCnn(), normal_images(1), 2, b_box=b_box)


# O6: output.


def test_o6_where_hiding_lowers_the_output_the_map_is_above_zero() -> None:
    found = ours(LinearNetwork(np.float32([[0, 0, 0], [1, -2, 0]])), np.ones((1, 3), np.float32), 1, margin=1)
    assert found.tolist() == [1, -1, -2]  # windows [0, 1), [0, 2) and [1, 3)
    assert found.dtype == np.float32


def test_o6_axes_of_one_place_are_squeezed() -> None:
    network, image = LinearNetwork(whole_numbers(3, 7)), whole_numbers(1, 1, 1, 7, seed=3)
    assert ours(network, image, 1).shape == theirs(network, image, 1).shape == (7,)


# O7: label.


@pytest.mark.parametrize("label", [1, np.array(1), np.array([1]), np.int32(1), Tensor(1), Tensor([1]), [1], [[1]]])
@pytest.mark.parametrize("n_batch", [1, 128])
def test_o7_one_label_of_any_kind_and_shape(label: Any, n_batch: int) -> None:
    np.testing.assert_allclose(ours(DenseNet(), DOCUMENTED, label, n_batch=n_batch), [0.3, 0.6, 1, 0.9], rtol=1e-6)


@pytest.mark.parametrize("label", [[0, 1], np.zeros((2, 1), int), Tensor([1, 0, 1]), []])
def test_o7_more_or_fewer_labels_are_refused(label: Any) -> None:
    with pytest.raises(RuntimeError, match=rf"`label` must be one label, as there is one input, got {np.size(label)}"):
        ours(DenseNet(), DOCUMENTED, label)


@pytest.mark.parametrize("label", [2, -1, 99])
def test_o7_a_label_that_the_model_has_not_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match=rf"`label` must lie in \[0, 1\], .* got {label}"):
        ours(DenseNet(), DOCUMENTED, label)


@pytest.mark.parametrize("label", [1.0, "1", None, True])
def test_o7_a_label_that_is_no_whole_number_is_refused(label: Any) -> None:
    with pytest.raises(TypeError, match="`label` must be a whole number, got"):
        ours(DenseNet(), DOCUMENTED, label)


# O8: errors.


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_o8_other_than_three_inputs_are_refused(count: int) -> None:
    inputs = [DenseNet(), DOCUMENTED, 1, 1][:count]
    with pytest.raises(ValueError, match=rf"`update` needs 3 inputs, model, y_pred and label, got {count}"):
        OcclusionSensitivity().update(*inputs)


@pytest.mark.parametrize("image", [np.zeros((2, 4)), np.zeros((0, 4)), np.zeros(4), [[1, 2, 3, 4]] * 3])
def test_o8_other_than_one_input_is_refused(image: Any) -> None:
    shape = re.escape(str(np.shape(image)))
    with pytest.raises(RuntimeError, match=rf"`y_pred` must be a batch of one input, \(1, ...\), got shape {shape}"):
        ours(DenseNet(), image, 1)


def test_o8_there_is_nothing_to_evaluate_before_an_update_nor_after_clear() -> None:
    metric = OcclusionSensitivity()
    with pytest.raises(RuntimeError, match="call `update` with a model, an input and a label first"):
        metric.eval()
    metric.update(DenseNet(), DOCUMENTED, 1)
    metric.eval()
    metric.clear()
    with pytest.raises(RuntimeError, match="call `update`"):
        metric.eval()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"pad_val": "0"}, TypeError, "`pad_val` must be a number, got str"),
        ({"pad_val": np.nan}, ValueError, "`pad_val` must lie in"),
        ({"margin": 1.5}, TypeError, "`margin` must be a whole number, got float"),
        ({"margin": "12"}, TypeError, "`margin` must be a whole number, got str"),
        ({"margin": -1}, ValueError, "`margin` must be at least 0, got -1"),
        ({"margin": (1, 2.0)}, TypeError, r"`margin\[1\]` must be a whole number, got float"),
        ({"n_batch": 0}, ValueError, "`n_batch` must be at least 1, got 0"),
        ({"n_batch": 1.0}, TypeError, "`n_batch` must be a whole number, got float"),
        ({"b_box": 3}, TypeError, "`b_box` must be a sequence of whole numbers, got int"),
        ({"b_box": [0.5, 1]}, TypeError, r"`b_box\[0\]` must be a whole number, got float"),
    ],
)
def test_o8_arguments_that_make_no_sense_are_refused(options: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        OcclusionSensitivity(**options)


def test_o8_a_model_that_is_no_cell_and_inputs_that_are_not_finite_are_refused() -> None:
    with pytest.raises(TypeError, match=r"`model` must be a mindspore.nn.Cell, got function"):
        ours(lambda x: x, DOCUMENTED, 1)
    with pytest.raises(ValueError, match="`y_pred` must be finite"):
        ours(DenseNet(), DOCUMENTED * np.nan, 1)
    with pytest.raises(TypeError, match="`y_pred` must hold numbers"):
        ours(DenseNet(), [["a"]], 1)


# O9: inputs.


@pytest.mark.parametrize("given", [DOCUMENTED, DOCUMENTED.tolist(), Tensor(DOCUMENTED), DOCUMENTED.astype(np.float64)])
def test_o9_an_input_may_be_an_array_a_list_or_a_tensor(given: Any) -> None:
    np.testing.assert_allclose(ours(DenseNet(), given, 1), [0.3, 0.6, 1, 0.9], rtol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (3, 5), (2, 3, 5), (2, 3, 2, 3)])
def test_o9_inputs_of_any_number_of_axes_give_the_numbers_of_mindspore(shape: tuple[int, ...]) -> None:
    image = whole_numbers(1, *shape, seed=4)
    network = LinearNetwork(whole_numbers(3, image.size, seed=5))
    np.testing.assert_allclose(ours(network, image, 2), theirs(network, image, 2), rtol=0, atol=1e-6)


# O10: progress.


def test_o10_nothing_is_printed_but_on_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    ours(SmallCnn(), normal_images(1), 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("image", [normal_images(1), np.zeros((1, 2, 5, 7))])
def test_o10_a_bar_on_a_terminal_counts_all_places(monkeypatch: pytest.MonkeyPatch, image: FloatArray) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(occlusion_sensitivity, "tqdm", partial(tqdm, file=terminal))
    ours(SmallCnn(), image, 1, n_batch=8)
    assert "70/70" in terminal.getvalue()


# What need not be asked is not asked.


def test_places_with_equal_windows_are_asked_about_once() -> None:
    """Two channels: [0, 0 + 2) and [0, 1 + 2) are both channels, so that half of the windows are asked about."""
    network = RecordingNetwork(SmallCnn())
    ours(network, normal_images(1), 1)
    rows = {(max(0, at - 2), min(5, at + 2)) for at in range(5)}
    columns = {(max(0, at - 2), min(7, at + 2)) for at in range(7)}
    asked = sum(len(batch) for batch in network.shown)
    assert asked == 2 + len(rows) * len(columns)  # a first look, the whole input, the windows
    assert asked < 70 / 1.7


def test_windows_that_change_nothing_or_the_same_places_are_not_asked_about() -> None:
    image = np.zeros((1, 1, 9, 9), np.float32)
    image[0, 0, 4, 4] = 3
    network = RecordingNetwork(LinearNetwork(whole_numbers(2, 81, seed=6)))
    found = ours(network, image, 1)
    assert sum(len(batch) for batch in network.shown) == 2 + 1
    fall = found[4, 4]
    wanted = np.zeros((9, 9))
    wanted[3:7, 3:7] = fall  # the windows [i - 2, i + 2) with place 4
    np.testing.assert_array_equal(found, wanted)
    assert fall != 0


def test_an_input_of_the_fill_alone_is_asked_about_once() -> None:
    network = RecordingNetwork(SmallCnn())
    found = ours(network, np.full((1, 2, 5, 7), 0.5, np.float32), 1, pad_val=0.5)
    assert sum(len(batch) for batch in network.shown) == 2
    np.testing.assert_array_equal(found, np.zeros((2, 5, 7)))


# The network is the user's.


def test_today_s_weights_are_asked_and_the_network_is_given_back() -> None:
    network = SmallCnn().set_train(True)
    metric, image = OcclusionSensitivity(), normal_images(1)
    metric.update(network, image, 1)
    before = metric.eval()
    for parameter in network.get_parameters():
        assert isinstance(parameter, Parameter)
        parameter.set_data(Tensor(0.7 * parameter.asnumpy()))
    metric.update(network, image, 1)
    np.testing.assert_allclose(metric.eval(), ours(network, image, 1), rtol=0, atol=1e-7)
    assert np.abs(metric.eval() - before).max() > 0.1 * np.abs(before).max()
    assert network.training


def test_what_eval_gives_is_the_caller_s_own() -> None:
    metric = OcclusionSensitivity()
    metric.update(DenseNet(), DOCUMENTED, 1)
    metric.eval()[:] = 9
    np.testing.assert_allclose(metric.eval(), [0.3, 0.6, 1, 0.9], rtol=1e-6)
